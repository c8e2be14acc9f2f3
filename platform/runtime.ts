/** What Node, Deno and Bun have in common: everything here uses `node:*` modules only. */
import { getRandomValues } from "node:crypto";
import process from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { LogLevel, LogSink, Platform, Timer } from "../lib/platform/platform.ts";
import { hostSockets } from "./sockets.ts";
import { workerThreads } from "./threads.ts";

/** Options of a runtime's platform. */
export interface PlatformOptions {
  /** Least level that is logged. @default "warn" */
  readonly logLevel?: LogLevel;
  /** Where log lines go. @default standard error */
  readonly log?: LogSink;
}

/** Limit of one call in the Web Crypto specification, in bytes. */
const RANDOM_BYTES_PER_CALL = 65536;
/** Longest delay that timers keep, in milliseconds. */
const LONGEST_DELAY = 2 ** 31 - 1;
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** The platform of a runtime with Node's modules. */
export function runtimePlatform(
  name: Platform["name"],
  options: PlatformOptions = {},
): Platform {
  const least = LEVELS.indexOf(options.logLevel ?? "warn");
  const sink = options.log ?? logToStandardError;
  return {
    name,
    monotonic: () => Math.floor(performance.now() * 1e6),
    wallSeconds: () => Math.floor(Date.now() / 1000),
    yield: () => new Promise((resolve) => setImmediate(resolve)),
    after,
    random,
    log: (level, component, message) => {
      if (LEVELS.indexOf(level) >= least) sink(level, component, message);
    },
    threads: workerThreads(),
    sockets: hostSockets(),
  };
}

function after(milliseconds: number, callback: () => void): Timer {
  const handle = setTimeout(callback, Math.min(Math.ceil(milliseconds), LONGEST_DELAY));
  return { cancel: () => clearTimeout(handle) };
}

function random(into: Uint8Array): void {
  for (let at = 0; at < into.length; at += RANDOM_BYTES_PER_CALL) {
    getRandomValues(into.subarray(at, at + RANDOM_BYTES_PER_CALL) as Uint8Array<ArrayBuffer>);
  }
}

function logToStandardError(level: LogLevel, component: string, message: string): void {
  process.stderr.write(`vml: ${level}: ${component}: ${message}\n`);
}

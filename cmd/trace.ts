import { closeSync, openSync } from "node:fs";
import { suggest } from "../lib/config/checks.ts";
import {
  DEBUG_LEVELS,
  type DebugLevel,
  formatTraceEvent,
  TRACE_COMPONENTS,
} from "../lib/config/trace.ts";
import type { VmmDebug } from "../lib/config/vmm_debug.ts";
import type { Platform } from "../lib/platform/platform.ts";
import { CollectedOutput, writeAll } from "./collected_output.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { fileReason, UsageError } from "./errors.ts";

const STDERR = 2;

/** Options of `vml run` that choose what is traced. */
export const TRACE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "trace",
    value: "COMPONENT[:LEVEL],...",
    multiple: true,
    help: "Prints what happens in parts of the machine on standard error; see below.",
  },
  { name: "trace-file", value: "FILE", help: "Writes the trace there, one JSON object per line." },
];

/** What can be traced, for help. */
export const TRACE_NOTES: string = [
  'Components of --trace, with LEVEL condensed (if not given), detailed or full; "*" is all:',
  ...Object.entries(TRACE_COMPONENTS).map(([name, what]) => `  ${name.padEnd(8)} ${what}`),
].join("\n");

/** Sorts the values of --trace. Throws a UsageError. */
export function readTrace(args: Arguments): ReadonlyMap<string, DebugLevel> {
  const levels = new Map<string, DebugLevel>();
  for (const part of args.all("trace").flatMap((value) => value.split(","))) {
    const [component, level = "condensed"] = part.split(":", 2);
    if (component !== "*" && !Object.hasOwn(TRACE_COMPONENTS, component)) {
      const known = ["*", ...Object.keys(TRACE_COMPONENTS)];
      throw new UsageError(
        `--trace: "${component}" is not known; ${suggest(component, known)}`,
      );
    }
    const known = DEBUG_LEVELS.find((name) => name === level);
    if (known === undefined) {
      throw new UsageError(
        `--trace: "${level}" is no level; ${suggest(level, DEBUG_LEVELS)}`,
      );
    }
    levels.set(component, known);
  }
  if (args.has("trace-file") && levels.size === 0) {
    throw new UsageError("--trace-file: nothing is traced; say what with --trace");
  }
  return levels;
}

/** Begins to trace; the result ends it and writes what is left. Throws a UsageError. */
export function startTrace(
  debug: VmmDebug,
  args: Arguments,
  platform: Pick<Platform, "yield">,
): () => void {
  const levels = readTrace(args);
  if (levels.size === 0) return () => {};
  const path = args.get("trace-file");
  const file = path === undefined ? STDERR : openTrace(path);
  const out = new CollectedOutput((bytes) => writeAll(file, bytes), platform);
  const encoder = new TextEncoder();
  const stop = debug.onTrace((event) => {
    const line = path === undefined ? formatTraceEvent(event) : JSON.stringify(event);
    out.push(encoder.encode(`${line}\n`));
  });
  for (const [component, level] of levels) debug.setLevel(component, level);
  return () => {
    for (const component of levels.keys()) debug.setLevel(component, "none");
    stop();
    out.flush();
    if (path !== undefined) closeSync(file);
  };
}

function openTrace(path: string): number {
  try {
    return openSync(path, "w");
  } catch (error) {
    throw new UsageError(`--trace-file: cannot write ${path}: ${fileReason(error)}`);
  }
}

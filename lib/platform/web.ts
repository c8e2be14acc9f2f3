/**
 * The platform that needs nothing but what every runtime has: `performance`, `setTimeout`,
 * `MessageChannel`, `crypto` and `console` are web standards that Deno, Bun, Node and browsers all
 * provide as globals, so that the library works without an adapter. The adapters yield faster and
 * have files and terminals.
 */
import type { LogLevel, Platform, Timer } from "./platform.ts";

/** Largest request of crypto.getRandomValues in bytes. */
const RANDOM_LIMIT = 65536;
/** Longest delay of setTimeout in milliseconds. */
const DELAY_LIMIT = 2 ** 31 - 1;

/** Makes the platform. Warnings and errors go to the console. */
export function webPlatform(): Platform {
  return {
    name: "web",
    monotonic: () => Math.round(performance.now() * 1e6),
    wallSeconds: () => Math.floor(Date.now() / 1000),
    yield: turn,
    after,
    random,
    log: (level: LogLevel, component: string, message: string) => {
      if (level === "warn" || level === "error") console[level](`vml: ${component}: ${message}`);
    },
  };
}

/**
 * One turn of the event loop: all that is promised already is done before it ends. A message is a task
 * of its own, and timers would add 1 to 4 ms. But Deno delivers the messages of several channels in one
 * task, so what runtimes outside of browsers have for the purpose comes first.
 */
function turn(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
  if (setImmediate !== undefined) return new Promise((resolve) => void setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      // An open port would keep the process alive.
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

function after(milliseconds: number, callback: () => void): Timer {
  const id = setTimeout(callback, Math.min(milliseconds, DELAY_LIMIT));
  return { cancel: () => clearTimeout(id) };
}

function random(into: Uint8Array): void {
  // getRandomValues refuses shared memory and more than 64 KiB.
  const part = new Uint8Array(Math.min(into.length, RANDOM_LIMIT));
  for (let at = 0; at < into.length; at += part.length) {
    crypto.getRandomValues(part);
    into.set(part.subarray(0, into.length - at), at);
  }
}

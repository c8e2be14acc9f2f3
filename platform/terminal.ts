import { writeSync } from "node:fs";
import process from "node:process";
import type { Terminal } from "../lib/platform/platform.ts";

/** Signals that end the process, with the number that the exit code is made of (128 + number). */
const ENDING_SIGNALS = [["SIGHUP", 1], ["SIGINT", 2], ["SIGTERM", 15]] as const;
/** Size of what is not a terminal. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };
/** File descriptor of standard output. */
const STDOUT = 1;
/** Milliseconds between attempts when the reader takes no more: at first, and at last. */
const RETRY_DELAYS = { first: 0.05, last: 2 } as const;

/**
 * Standard input and output. Raw mode ends on every way out: `process.exit`, an exception, and the
 * signals that end a process (a runtime that dies of an unhandled signal may leave the terminal raw).
 */
export class ProcessTerminal implements Terminal {
  readonly #onGone: () => void;
  /** To sleep on. */
  readonly #never = new Int32Array(new SharedArrayBuffer(4));

  /**
   * The standard streams of this process.
   *
   * @param onGone called when the reader of the output has gone (EPIPE), at each write.
   */
  constructor(onGone: () => void = () => {}) {
    this.#onGone = onGone;
  }

  /** Whether both input and output are a terminal. */
  get interactive(): boolean {
    return Boolean(process.stdin.isTTY && process.stdout.isTTY);
  }

  /** Columns and rows; 80 by 24 if unknown. */
  size(): { columns: number; rows: number } {
    const { columns, rows } = process.stdout;
    return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
  }

  /** Begins raw input, if input is a terminal; returns the function that ends it. */
  raw(): () => void {
    const { stdin } = process;
    if (!stdin.isTTY) return () => {};
    let raw = true;
    const restore = (): void => {
      if (!raw) return;
      raw = false;
      stdin.setRawMode(false);
      process.off("exit", restore);
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
    const handlers = ENDING_SIGNALS.map(([signal, number]) => {
      const handler = (): void => {
        restore();
        process.exit(128 + number);
      };
      return [signal, handler] as const;
    });
    process.on("exit", restore);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    stdin.setRawMode(true);
    return restore;
  }

  /** Hands over bytes as they come; returns the function that stops it. */
  onInput(callback: (bytes: Uint8Array) => void): () => void {
    const { stdin } = process;
    const listener = (data: Uint8Array | string): void =>
      callback(typeof data === "string" ? new TextEncoder().encode(data) : data);
    // Without a listener, a read error of a closed terminal would end the process.
    const ignore = (): void => {};
    stdin.on("data", listener);
    stdin.on("error", ignore);
    stdin.resume();
    return () => {
      stdin.off("data", listener);
      stdin.off("error", ignore);
      stdin.pause();
    };
  }

  /** Calls back when the size has changed; returns the function that stops it. */
  onResize(callback: () => void): () => void {
    process.stdout.on("resize", callback);
    return () => {
      process.stdout.off("resize", callback);
    };
  }

  /**
   * Writes to standard output and waits until it is taken, so that a slow reader slows the writer
   * instead of filling memory. Output to a reader that has gone is dropped.
   */
  write(bytes: Uint8Array): void {
    let delay: number = RETRY_DELAYS.first;
    for (let done = 0; done < bytes.length;) {
      try {
        done += writeSync(STDOUT, bytes, done);
        delay = RETRY_DELAYS.first;
      } catch (error) {
        if ((error as { code?: string }).code !== "EAGAIN") return this.#onGone();
        Atomics.wait(this.#never, 0, 0, delay);
        delay = Math.min(2 * delay, RETRY_DELAYS.last);
      }
    }
  }
}

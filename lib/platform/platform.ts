/**
 * What vml needs from the runtime that it runs on. Adapters for Deno, Bun and Node live in
 * `platform/`; {@linkcode VirtualClock} is the deterministic clock that needs none.
 */

import type { Sockets } from "./sockets.ts";
import type { Threads } from "./threads.ts";

/** Handle of a deadline; `cancel` may be called any number of times. */
export interface Timer {
  /** The callback will not be called any more. */
  cancel(): void;
}

/** Time as guests and devices see it. One clock per machine. */
export interface Clock {
  /** Nanoseconds since the machine was made; never goes back. An integer below 2^53 (104 days). */
  now(): number;
  /** Wall-clock time in seconds since 1970, for real-time clock devices. */
  wallSeconds(): number;
  /** Calls `callback` once when `now() >= deadline`. Callbacks run between slices, never inside guest code. */
  at(deadline: number, callback: () => void): Timer;
}

/** Severity of a log line, least to most. */
export type LogLevel = "debug" | "info" | "warn" | "error";
/** Receives log lines. */
export type LogSink = (level: LogLevel, component: string, message: string) => void;

/** Random access to a disk image. */
export interface BlockFile {
  /** Bytes. */
  readonly size: number;
  /** Whether writes are refused. */
  readonly readOnly: boolean;
  /** Fills `into` from byte `offset`; beyond the end reads zero. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Writes all of `from` at byte `offset`; both lie within `size`. */
  write(offset: number, from: Uint8Array): Promise<void>;
  /**
   * Like `read`, done on return. False: nothing was done, `read` is to be used, because it may take
   * long. Throws what `read` rejects with.
   */
  readNow?(offset: number, into: Uint8Array): boolean;
  /** Like `write`, with the result of `readNow`. */
  writeNow?(offset: number, from: Uint8Array): boolean;
  /** Resolves when all earlier writes are on stable storage. */
  flush(): Promise<void>;
  /** Lets go of the file. */
  close(): Promise<void>;
}

/** The terminal, or whatever stands at the other end of a console. */
export interface Terminal {
  /** Whether keys come one by one and the size is known. */
  readonly interactive: boolean;
  /** Size in characters. */
  size(): { columns: number; rows: number };
  /** Begins raw input; returns the function that restores the terminal. */
  raw(): () => void;
  /** Calls back with what is typed. The result ends that. */
  onInput(callback: (bytes: Uint8Array) => void): () => void;
  /** Calls back when the size has changed. The result ends that. */
  onResize(callback: () => void): () => void;
  /** Shows text. */
  write(bytes: Uint8Array): void;
}

/** One runtime. */
export interface Platform {
  /** Which runtime it is. */
  readonly name: "deno" | "bun" | "node" | "web" | "virtual";
  /** Monotonic nanoseconds. */
  monotonic(): number;
  /** Seconds since 1970. */
  wallSeconds(): number;
  /** Resolves when the event loop has turned once. */
  yield(): Promise<void>;
  /** Calls back after at least so many milliseconds. */
  after(milliseconds: number, callback: () => void): Timer;
  /** Fills with entropy; the array may be shared memory. */
  random(into: Uint8Array): void;
  /** Where log lines go. */
  readonly log: LogSink;
  /** Undefined where there are none. */
  readonly threads?: Threads;
  /** Undefined where there are none: browsers. */
  readonly sockets?: Sockets;
}

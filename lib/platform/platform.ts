/**
 * What vml needs from the runtime that it runs on. Adapters for Deno, Bun and Node live in
 * `platform/`; {@linkcode VirtualClock} is the deterministic clock that needs none.
 */

/** Handle of a deadline; `cancel` may be called any number of times. */
export interface Timer {
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
  readonly readOnly: boolean;
  /** Fills `into` from byte `offset`; beyond the end reads zero. */
  read(offset: number, into: Uint8Array): Promise<void>;
  write(offset: number, from: Uint8Array): Promise<void>;
  /** Resolves when all earlier writes are on stable storage. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** The terminal, or whatever stands at the other end of a console. */
export interface Terminal {
  /** Whether keys come one by one and the size is known. */
  readonly interactive: boolean;
  size(): { columns: number; rows: number };
  /** Begins raw input; returns the function that restores the terminal. */
  raw(): () => void;
  onInput(callback: (bytes: Uint8Array) => void): () => void;
  onResize(callback: () => void): () => void;
  write(bytes: Uint8Array): void;
}

/** One runtime. */
export interface Platform {
  readonly name: "deno" | "bun" | "node" | "web" | "virtual";
  /** Monotonic nanoseconds. */
  monotonic(): number;
  wallSeconds(): number;
  /** Resolves when the event loop has turned once. */
  yield(): Promise<void>;
  /** Calls back after at least so many milliseconds. */
  after(milliseconds: number, callback: () => void): Timer;
  /** Fills with entropy; the array may be shared memory. */
  random(into: Uint8Array): void;
  readonly log: LogSink;
}

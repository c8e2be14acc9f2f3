/**
 * Threads with messages and shared memory. A thread's program is a module of its own that lies in
 * the folder of the module that starts it, and has a file name that no other has: this is what all
 * runtimes, packages and single executables can find.
 */

/** One end of the channel between two threads. Messages arrive in order, none is lost. */
export interface ThreadPort {
  /**
   * Sends a copy (structured clone). SharedArrayBuffer, shared WebAssembly.Memory and
   * WebAssembly.Module are not copied but shared; what is in `transfer` moves.
   * @throws {DOMException} DataCloneError if something cannot be sent.
   */
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** Calls back with each message. There is one callback: another one replaces it. */
  onMessage(callback: (message: unknown) => void): void;
}

/** A thread as its starter sees it. */
export interface Thread extends ThreadPort {
  /**
   * Resolves when the thread has come to its end: undefined if it closed its port or was terminated,
   * the error if it died of one. Never rejects.
   */
  readonly ended: Promise<Error | undefined>;
  /** Ends the thread wherever it is, in an endless loop or a wait as well. May be called again. */
  terminate(): Promise<void>;
}

/** The starter as a thread sees it. */
export interface ThreadHost extends ThreadPort {
  /** Ends this thread after the messages that were posted. */
  close(): void;
}

/** How a wait ended: woken, the value was another one from the start, or too late. */
export type WaitResult = "ok" | "not-equal" | "timed-out";

/** What a runtime can do about threads. */
export interface Threads {
  /** Threads that the host runs at once, at least 1. */
  readonly parallelism: number;
  /**
   * Starts the module `name` ("vcpu_thread", no extension) beside the module whose `import.meta.url`
   * is `beside`; resolves when it listens.
   * @throws {Error} (rejects) if there is no such module, or it fails before it listens.
   */
  start(name: string, beside: string): Promise<Thread>;
  /**
   * Blocks this thread until `notify`, while `words[index]` is `value`. Spurious wake-ups are "ok".
   * @param words over a SharedArrayBuffer.
   * @param milliseconds longest wait, fractions count. @default Infinity
   * @throws {TypeError} if the memory is not shared or this thread may not block.
   */
  wait(words: Int32Array, index: number, value: number, milliseconds?: number): WaitResult;
  /** The same without blocking; the process does not end meanwhile. */
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
    milliseconds?: number,
  ): Promise<WaitResult>;
  /** Wakes up to `count` waiting threads, all by default; gives how many there were. */
  notify(words: Int32Array, index: number, count?: number): number;
}

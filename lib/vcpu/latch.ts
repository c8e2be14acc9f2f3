/**
 * Waiting, as the model of the vCPUs needs it. These work within one thread, among asynchronous
 * functions; threads would put something over shared memory in their place.
 */

/** An event that is used up by who waits for it. At most one is remembered. */
export interface Latch {
  /** Resolves at once if there was a signal since the last wait, else with the next one. */
  wait(): Promise<void>;
  /** Lets one waiter go on, or the next that comes. */
  signal(): void;
}

/** Lets one in at a time, in the order of arrival. Anybody may open it again, not just who came in. */
export interface Gate {
  /** Whether nobody is in. */
  readonly free: boolean;
  /** Comes in at once if the gate is free: then the result is undefined. Else waits. */
  enter(): Promise<void> | undefined;
  /** Lets the next one in. Throws an Error if nobody is in. */
  leave(): void;
}

/** A latch for asynchronous functions. */
export class AsyncLatch implements Latch {
  #signalled = false;
  readonly #waiters: (() => void)[] = [];

  wait(): Promise<void> {
    if (this.#signalled) {
      this.#signalled = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  signal(): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#signalled = true;
    else waiter();
  }
}

/** A gate for asynchronous functions. */
export class AsyncGate implements Gate {
  #closed = false;
  readonly #waiters: (() => void)[] = [];

  get free(): boolean {
    return !this.#closed;
  }

  enter(): Promise<void> | undefined {
    if (this.#closed) return new Promise((resolve) => this.#waiters.push(resolve));
    this.#closed = true;
    return undefined;
  }

  leave(): void {
    if (!this.#closed) throw new Error("nobody is inside the gate");
    // The next one is in before anybody else can come.
    const next = this.#waiters.shift();
    if (next === undefined) this.#closed = false;
    else next();
  }
}

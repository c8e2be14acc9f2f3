import { DeadlineQueue } from "./deadline_queue.ts";
import type { Clock, Platform, Timer } from "./platform.ts";

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** A clock that the run loop serves between slices. */
export interface ServedClock extends Clock {
  /** The earliest deadline in nanoseconds of this clock; Infinity if there is none. */
  nextDeadline(): number;
  /** Runs what is due, earliest first; equal deadlines in order of registration. */
  runDue(): void;
}

/**
 * Deterministic time: it stands still but for `advance`. A callback sees `now()` as its own
 * deadline, or the time of its registration if that was later.
 */
export class VirtualClock implements ServedClock {
  readonly #queue = new DeadlineQueue();
  readonly #startSeconds: number;
  #now = 0;

  /** Starts at 0. @param startSeconds wall-clock time at which the machine is made, in seconds since 1970. */
  constructor(startSeconds = 0) {
    this.#startSeconds = startSeconds;
  }

  /** Nanoseconds since the start. */
  now(): number {
    return this.#now;
  }

  /** Seconds since 1970 that go with `now()`. */
  wallSeconds(): number {
    return this.#startSeconds + Math.floor(this.#now / NANOSECONDS_PER_SECOND);
  }

  /** Calls back when the clock has advanced to the deadline in nanoseconds. */
  at(deadline: number, callback: () => void): Timer {
    return this.#queue.add(deadline, this.#now, callback);
  }

  /** The earliest deadline; Infinity if there is none. */
  nextDeadline(): number {
    return this.#queue.next();
  }

  /** Runs what is due now. */
  runDue(): void {
    this.#queue.run((deadline) => deadline <= this.#now);
  }

  /**
   * Goes on by `nanoseconds` and runs what comes due on the way, each callback at its own time.
   * @throws {RangeError} if the number is negative or no integer, or the clock would pass 2^53.
   */
  advance(nanoseconds: number): void {
    const end = this.#now + nanoseconds;
    if (!Number.isSafeInteger(nanoseconds) || nanoseconds < 0 || !Number.isSafeInteger(end)) {
      throw new RangeError(`cannot advance by ${nanoseconds} ns`);
    }
    if (this.#queue.next() > end) {
      this.#now = end;
      return;
    }
    this.#queue.run((deadline) => {
      if (deadline > end) return false;
      if (deadline > this.#now) this.#now = Math.ceil(deadline);
      return true;
    });
    if (end > this.#now) this.#now = end;
  }
}

/**
 * The host's time, without the pauses. It starts no timers of the host: the run loop calls `runDue`
 * between slices and sleeps until `nextDeadline` when all vCPUs wait.
 */
export class RealClock implements ServedClock {
  readonly #queue = new DeadlineQueue();
  readonly #platform: Pick<Platform, "monotonic" | "wallSeconds">;
  /** Host time that is 0 here. */
  #origin: number;
  /** `now()` while paused. */
  #paused: number | undefined;

  /** Starts at 0. */
  constructor(platform: Pick<Platform, "monotonic" | "wallSeconds">) {
    this.#platform = platform;
    this.#origin = platform.monotonic();
  }

  /** Nanoseconds since the start, without pauses. */
  now(): number {
    return this.#paused ?? this.#platform.monotonic() - this.#origin;
  }

  /** The host's wall clock in seconds since 1970; it goes on in pauses. */
  wallSeconds(): number {
    return this.#platform.wallSeconds();
  }

  /** Calls back in the first `runDue` at or after the deadline in nanoseconds. */
  at(deadline: number, callback: () => void): Timer {
    return this.#queue.add(deadline, this.now(), callback);
  }

  /** The earliest deadline; Infinity if there is none. */
  nextDeadline(): number {
    return this.#queue.next();
  }

  /** Runs what is due; nothing while paused. */
  runDue(): void {
    if (!this.#running()) return;
    const now = this.now();
    this.#queue.run((deadline) => deadline <= now);
  }

  /** Stops time; nothing if it stands. */
  pause(): void {
    if (this.#running()) this.#paused = this.now();
  }

  /** Lets time go on where it stopped; nothing if it runs. */
  resume(): void {
    if (this.#paused === undefined) return;
    this.#origin = this.#platform.monotonic() - this.#paused;
    this.#paused = undefined;
  }

  #running(): boolean {
    return this.#paused === undefined;
  }
}

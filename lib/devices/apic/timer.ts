/** The timer of a local APIC (Intel SDM vol. 3, 11.5.4): one-shot, periodic and TSC deadline. */
import type { Clock } from "../../platform/platform.ts";
import { Deadline } from "../deadline.ts";
import type { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";

/** Mode, bits 18:17 of the LVT entry; 3 is reserved and counts as one-shot does. */
export const TimerMode = { oneShot: 0, periodic: 1, deadline: 2 } as const;

/** What the timer works with. */
export interface ApicTimerOptions {
  /** Counts. */
  readonly clock: Clock;
  /** Nanoseconds of a count before it is divided, an integer. */
  readonly tick: number;
  /** When the time stamp counter reaches a value, in nanoseconds of the clock. */
  readonly timeOfTsc: (value: bigint) => number;
  /** Time has come for the owner to call {@linkcode ApicTimer.takeExpired}. */
  readonly wake: () => void;
}

/**
 * Counts by the clock. Expirations are not told but fetched, so that those which the guest cannot tell
 * apart (the interrupt is still requested, or masked) cost nothing.
 */
export class ApicTimer {
  readonly #clock: Clock;
  readonly #tick: number;
  readonly #timeOfTsc: (value: bigint) => number;
  readonly #wake: Deadline;
  #mode: number = TimerMode.oneShot;
  /** Divide configuration as written: bits 3, 1, 0. */
  #divide = 0;
  #initial = 0;
  #counts = false;
  /** When it counted from the initial count. */
  #start = 0;
  /** Periods that have been fetched. */
  #fetched = 0;
  #deadline = 0n;
  /** When the time stamp counter reaches the deadline; Infinity without one. */
  #due = Infinity;

  /** Stopped. */
  constructor(options: ApicTimerOptions) {
    this.#clock = options.clock;
    this.#tick = options.tick;
    this.#timeOfTsc = options.timeOfTsc;
    this.#wake = new Deadline(options.clock, options.wake);
  }

  /** Stopped, one-shot, divided by two. */
  reset(): void {
    this.#mode = this.#divide = this.#initial = 0;
    this.#stop();
  }

  /** No more wakes. */
  shutdown(): void {
    this.#wake.cancel();
  }

  /** Whether it has expired since the last call. Call it before anything is changed. */
  takeExpired(): boolean {
    if (this.#mode === TimerMode.deadline) {
      if (this.#due > this.#clock.now()) return false;
      this.#deadline = 0n;
      this.#due = Infinity;
      return true;
    }
    if (!this.#counts) return false;
    const elapsed = this.#elapsed();
    if (elapsed < this.#initial) return false;
    if (this.#mode !== TimerMode.periodic) {
      this.#counts = false;
      return true;
    }
    const periods = Math.floor(elapsed / this.#initial);
    const expired = periods > this.#fetched;
    this.#fetched = periods;
    return expired;
  }

  /** Sets when to wake: at the next expiration if that is `wanted`. */
  arm(wanted: boolean): void {
    this.#wake.set(wanted ? this.#next() : Infinity);
  }

  /** Mode as in bits 18:17. A change from or to TSC deadline stops it. */
  setMode(mode: number): void {
    if (mode === this.#mode) return;
    if (mode === TimerMode.deadline || this.#mode === TimerMode.deadline) this.#stop();
    // A period that begins in another mode counts anew.
    if (this.#counts) this.#restart(this.current);
    this.#mode = mode;
  }

  /** Initial count: begins to count down from it; 0 stops. */
  get initial(): number {
    return this.#initial;
  }

  set initial(count: number) {
    if (this.#mode === TimerMode.deadline) return;
    this.#initial = count;
    this.#counts = count > 0;
    this.#start = this.#clock.now();
    this.#fetched = 0;
  }

  /** Divide configuration: bits 3, 1, 0 as written. The count goes on from where it is. */
  get divide(): number {
    return this.#divide;
  }

  set divide(bits: number) {
    const { current } = this;
    this.#divide = bits & 0xb;
    if (this.#counts) this.#restart(current);
  }

  /** Current count. */
  get current(): number {
    if (!this.#counts || this.#mode === TimerMode.deadline) return 0;
    const elapsed = this.#elapsed();
    if (this.#mode === TimerMode.periodic) return this.#initial - (elapsed % this.#initial);
    return Math.max(0, this.#initial - elapsed);
  }

  /** IA32_TSC_DEADLINE: 0 while it is not armed. */
  get deadline(): bigint {
    return this.#deadline;
  }

  set deadline(value: bigint) {
    if (this.#mode !== TimerMode.deadline) return;
    this.#deadline = value;
    this.tscChanged();
  }

  /** The time stamp counter has been changed. */
  tscChanged(): void {
    this.#due = this.#deadline === 0n ? Infinity : this.#timeOfTsc(this.#deadline);
  }

  /** Plain data; times relative to now. Expirations must have been fetched. */
  state(): DeviceState {
    return {
      mode: this.#mode,
      divide: this.#divide,
      initial: this.#initial,
      counts: this.#counts,
      // In a period, which is all that counts of earlier ones.
      age: this.#counts ? this.#age() : 0,
      deadline: this.#deadline.toString(16),
    };
  }

  /** Reads what `state` gave; what is returned puts it in place. Throws a TypeError. */
  restorer(from: StateReader): () => void {
    const mode = from.integer("mode", 3);
    const divide = from.integer("divide", 0xb) & 0xb;
    const initial = from.integer("initial");
    const counts = from.boolean("counts") && initial > 0;
    const age = from.integer("age", Number.MAX_SAFE_INTEGER);
    const deadline = from.string("deadline");
    if (!/^[0-9a-f]{1,16}$/.test(deadline)) {
      throw new TypeError("state of APIC timer: deadline is not hexadecimal");
    }
    return () => {
      this.#mode = mode;
      this.#divide = divide;
      this.#initial = initial;
      this.#counts = counts;
      this.#start = this.#clock.now() - age;
      this.#fetched = 0;
      this.#deadline = BigInt(`0x${deadline}`);
      this.tscChanged();
    };
  }

  #stop(): void {
    this.#counts = false;
    this.#deadline = 0n;
    this.#due = Infinity;
  }

  /** Nanoseconds of a count: 000 divides by 2, 110 by 128, 111 by 1. */
  get #countTime(): number {
    const code = (this.#divide & 3) | ((this.#divide >>> 1) & 4);
    return this.#tick * (1 << ((code + 1) & 7));
  }

  #elapsed(): number {
    return Math.floor((this.#clock.now() - this.#start) / this.#countTime);
  }

  /** Nanoseconds since the period began. */
  #age(): number {
    const age = this.#clock.now() - this.#start;
    return this.#mode === TimerMode.periodic ? age % (this.#initial * this.#countTime) : age;
  }

  /** Counts as if it had come from the initial count down to `current`. */
  #restart(current: number): void {
    this.#start = this.#clock.now() - (this.#initial - current) * this.#countTime;
    this.#fetched = 0;
  }

  /** When it expires next; Infinity if it does not. */
  #next(): number {
    if (this.#mode === TimerMode.deadline) return this.#due;
    if (!this.#counts) return Infinity;
    const periods = this.#mode === TimerMode.periodic ? this.#fetched + 1 : 1;
    return this.#start + periods * this.#initial * this.#countTime;
  }
}

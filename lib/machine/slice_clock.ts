/**
 * The clock that a machine's devices see: it also moves inside a slice in virtual time, and ends the
 * slice when the guest sets a deadline that lies in it.
 */
import { RealClock, VirtualClock } from "../platform/clock.ts";
import type { ServedClock } from "../platform/clock.ts";
import type { Platform, Timer } from "../platform/platform.ts";

/** Nanoseconds (52 days) beyond which idle time is not skipped: guests may set any deadline. */
const LAST_SKIP = 2 ** 52;

/** What the clock asks of the engine. */
export interface SliceEngine {
  /** Instructions executed by all vCPUs so far. */
  readonly instructions: number;
  /** Ends the slice soon. */
  requestExit(): void;
}

/** A clock with slices. The run loop calls `begin` and `end` around each. */
export abstract class SliceClock implements ServedClock {
  /** Whether time is instructions counted. */
  abstract readonly virtual: boolean;
  protected abstract readonly clock: ServedClock;
  protected readonly engine: SliceEngine;
  /** Until when the slice may go on; -Infinity outside of slices. */
  #end = -Infinity;

  /** Asks `engine` to end a slice. */
  constructor(engine: SliceEngine) {
    this.engine = engine;
  }

  now(): number {
    return this.clock.now();
  }

  wallSeconds(): number {
    return this.clock.wallSeconds();
  }

  at(deadline: number, callback: () => void): Timer {
    if (deadline < this.#end) this.engine.requestExit();
    return this.clock.at(deadline, callback);
  }

  nextDeadline(): number {
    return this.clock.nextDeadline();
  }

  runDue(): void {
    this.clock.runDue();
  }

  /** A slice begins that should take up to `nanoseconds`. */
  begin(nanoseconds: number): void {
    this.#end = this.clock.now() + nanoseconds;
  }

  /** The slice is over after so many instructions. */
  end(_instructions: number): void {
    this.#end = -Infinity;
  }

  /** All vCPUs wait: goes to the next deadline if time is virtual; false if there is none within reach or time is real. */
  abstract skip(): boolean;
  /** The clock stands until {@linkcode resume}. */
  abstract pause(): void;
  /** The clock goes on. */
  abstract resume(): void;
}

/** Time of the host. */
export class RealSliceClock extends SliceClock {
  override readonly virtual = false;
  protected override readonly clock: RealClock;

  constructor(platform: Pick<Platform, "monotonic" | "wallSeconds">, engine: SliceEngine) {
    super(engine);
    this.clock = new RealClock(platform);
  }

  override skip(): boolean {
    return false;
  }

  override pause(): void {
    this.clock.pause();
  }

  override resume(): void {
    this.clock.resume();
  }
}

/** Time that is instructions counted; it stands still when nothing runs, and skips what is idle. */
export class VirtualSliceClock extends SliceClock {
  override readonly virtual = true;
  protected override readonly clock: VirtualClock;
  readonly #nanosecondsPerInstruction: number;
  #running = false;
  #startInstructions = 0;

  /**
   * @param nanosecondsPerInstruction a whole number, at least 1.
   * @param startSeconds wall-clock time of the guest's start, in seconds since 1970.
   */
  constructor(engine: SliceEngine, nanosecondsPerInstruction: number, startSeconds: number) {
    super(engine);
    this.#nanosecondsPerInstruction = nanosecondsPerInstruction;
    this.clock = new VirtualClock(startSeconds);
  }

  override now(): number {
    if (!this.#running) return this.clock.now();
    const done = this.engine.instructions - this.#startInstructions;
    return this.clock.now() + done * this.#nanosecondsPerInstruction;
  }

  override begin(nanoseconds: number): void {
    super.begin(nanoseconds);
    this.#running = true;
    this.#startInstructions = this.engine.instructions;
  }

  override end(instructions: number): void {
    super.end(instructions);
    this.#running = false;
    const taken = instructions * this.#nanosecondsPerInstruction;
    // A guest that got there cannot be told more time: the clock stands.
    this.clock.advance(Math.min(taken, Number.MAX_SAFE_INTEGER - this.clock.now()));
  }

  override skip(): boolean {
    const next = this.clock.nextDeadline();
    if (next > LAST_SKIP) return false;
    this.clock.advance(Math.max(0, Math.ceil(next) - this.clock.now()));
    return true;
  }

  override pause(): void {}

  override resume(): void {}
}

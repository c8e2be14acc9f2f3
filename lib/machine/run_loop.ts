/**
 * Runs the vCPUs of a machine in turn in one thread. Between slices timers run, input arrives and the
 * event loop of the host gets its share; when all vCPUs wait, nothing runs until the next deadline or
 * input.
 */
import type { Platform } from "../platform/platform.ts";
import type { SliceClock } from "./slice_clock.ts";

const MILLISECOND = 1e6;
/** Longest slice in nanoseconds: how late a timer may be that was set before it. */
const SLICE = 1 * MILLISECOND;
/** Longest time between two turns of the host's event loop. */
const YIELD = 8 * MILLISECOND;
/** The same while a request of a device is with the host. */
const EAGER_YIELD = 0.5 * MILLISECOND;
/** A wait shorter than this is spent polling, because timers of the host are late by about 1 ms. */
const POLL = 0.5 * MILLISECOND;
/** Longest sleep in milliseconds; also keeps the process alive while a guest waits for input. */
const LONGEST_SLEEP = 60_000;
/** Instructions per slice: fewest, and in virtual time. */
const MIN_INSTRUCTIONS = 500;
const MAX_INSTRUCTIONS = 50_000_000;
const VIRTUAL_INSTRUCTIONS = 100_000;

/** What executes guest code. */
export interface SliceRunner {
  run(
    vcpu: number,
    instructions: number,
  ): { readonly executed: number; readonly reason: "budget" | "wait" | "yield" };
  requestExit(): void;
}

/** Who is to run. */
export interface TurnTaker {
  /** The vCPU whose turn it is; -1 if all are off or wait. */
  next(): number;
  /** The vCPU waits for an interrupt. */
  wait(vcpu: number): void;
  /** The turn that `next` gave is over. */
  endTurn(vcpu: number): void;
}

/** What a run loop is made of. */
export interface RunLoopOptions {
  readonly runner: SliceRunner;
  readonly vcpus: TurnTaker;
  readonly clock: SliceClock;
  readonly platform: Pick<Platform, "monotonic" | "yield" | "after">;
  /** Nanoseconds of one instruction in virtual time. @default 1 */
  readonly nanosecondsPerInstruction?: number;
  /** Called before each slice and before each wait: moves input into devices. */
  readonly poll?: () => void;
}

/** Counters of a run loop. */
export interface RunLoopStatistics {
  /** Times that a vCPU was run. */
  slices: number;
  /** Times that all vCPUs waited. */
  waits: number;
  /** Turns given to the host's event loop. */
  yields: number;
  /** Host nanoseconds in guest code. */
  guestNanoseconds: number;
}

export class RunLoop {
  readonly statistics: RunLoopStatistics = { slices: 0, waits: 0, yields: 0, guestNanoseconds: 0 };
  readonly #options: RunLoopOptions;
  readonly #holds = new Set<Promise<unknown>>();
  /** Promises of the host that a device waits for. */
  #expected = 0;
  #stopping = false;
  #running = false;
  /** The vCPU whose slice runs; -1 between slices. */
  #current = -1;
  #paused = false;
  #kicked = false;
  #wake: (() => void) | undefined;
  /** Instructions per host nanosecond, measured. */
  #speed = 0.05;
  /** Not begun anew by `run`: a guest that resets without end must not starve the host. */
  #lastYield: number;

  constructor(options: RunLoopOptions) {
    this.#options = options;
    this.#lastYield = options.platform.monotonic();
  }

  /** Whether a vCPU executes instructions now: then the caller was called by them. */
  get inSlice(): boolean {
    return this.#current >= 0;
  }

  get running(): boolean {
    return this.#running;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Runs until {@linkcode RunLoop.stop}. Throws if it runs already, or when the engine throws. */
  async run(): Promise<void> {
    if (this.#running) throw new Error("the machine is already running");
    const { clock, platform, vcpus } = this.#options;
    this.#running = true;
    this.#stopping = false;
    try {
      while (!this.#stopping) {
        if (this.#paused || this.#holds.size > 0) {
          await this.#sleep(Infinity);
          continue;
        }
        clock.runDue();
        this.#options.poll?.();
        const vcpu = vcpus.next();
        if (vcpu >= 0) this.#slice(vcpu);
        else await this.#idle();
        const patience = this.#expected > 0 ? EAGER_YIELD : YIELD;
        if (platform.monotonic() - this.#lastYield > patience) await this.#yield();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Ends the slice that runs soon; nothing if none does. */
  requestExit(): void {
    if (this.#current >= 0) this.#options.runner.requestExit();
  }

  /** Ends `run` after the slice that runs now. */
  stop(): void {
    this.#stopping = true;
    this.requestExit();
    this.kick();
  }

  /** An interrupt or event has come for a vCPU. The one that runs sees it by itself. */
  wake(vcpu: number): void {
    if (this.#current < 0) this.kick();
    else if (vcpu !== this.#current) this.requestExit();
  }

  /** Something has happened from outside that may end a wait: input, an interrupt. */
  kick(): void {
    this.#kicked = true;
    this.#wake?.();
  }

  /** No guest code runs, and no time passes for the guest, until {@linkcode RunLoop.resume}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#options.clock.pause();
    this.requestExit();
    this.kick();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.clock.resume();
    this.kick();
  }

  /**
   * No guest code runs until the promise has settled: output that nobody has taken yet, and requests
   * whose end must not depend on the host's time.
   */
  hold(promise: Promise<unknown>): void {
    this.#holds.add(promise);
    const done = (): void => {
      this.#holds.delete(promise);
      this.kick();
    };
    promise.then(done, done);
    this.requestExit();
  }

  /** The host's event loop gets more turns until the promise has settled, and a wait ends with it. */
  expect(promise: Promise<unknown>): void {
    this.#expected++;
    const done = (): void => {
      this.#expected--;
      this.kick();
    };
    promise.then(done, done);
  }

  #slice(vcpu: number): void {
    const { clock, platform, runner, vcpus, nanosecondsPerInstruction = 1 } = this.#options;
    const room = clock.nextDeadline() - clock.now();
    const nanoseconds = clock.virtual
      ? Math.min(VIRTUAL_INSTRUCTIONS * nanosecondsPerInstruction, room)
      : Math.min(SLICE, room);
    const wanted = clock.virtual
      ? Math.ceil(nanoseconds / nanosecondsPerInstruction)
      : Math.ceil(nanoseconds * this.#speed);
    const least = clock.virtual ? 1 : MIN_INSTRUCTIONS;
    const start = platform.monotonic();
    clock.begin(nanoseconds);
    let executed = 0;
    this.#current = vcpu;
    try {
      const result = runner.run(vcpu, Math.min(Math.max(wanted, least), MAX_INSTRUCTIONS));
      executed = result.executed;
      if (result.reason === "wait") vcpus.wait(vcpu);
    } finally {
      this.#current = -1;
      // A guest that comes back at once, without an instruction done, must not stop virtual time.
      clock.end(clock.virtual ? Math.max(executed, 1) : executed);
      vcpus.endTurn(vcpu);
    }
    const taken = platform.monotonic() - start;
    this.statistics.slices++;
    this.statistics.guestNanoseconds += taken;
    if (executed > 1000 && taken > 10_000) {
      this.#speed += (executed / taken - this.#speed) / 4;
    }
  }

  /**
   * One instruction of a vCPU that needs stepping, while none has its turn. Virtual time goes on by
   * it. The result is 0 if an exit was requested that came first.
   */
  runOne(vcpu: number): number {
    if (this.#current >= 0) throw new Error("a vCPU is running");
    const { clock, runner, vcpus } = this.#options;
    clock.begin(0);
    let executed = 0;
    this.#current = vcpu;
    try {
      const result = runner.run(vcpu, 1);
      executed = result.executed;
      if (result.reason === "wait") vcpus.wait(vcpu);
    } finally {
      this.#current = -1;
      clock.end(executed);
    }
    return executed;
  }

  async #idle(): Promise<void> {
    const { clock } = this.#options;
    this.statistics.waits++;
    if (this.#kicked) {
      // What came may have been for somebody else: look once more before sleeping.
      this.#kicked = false;
      return;
    }
    if (clock.skip()) return;
    const remaining = clock.nextDeadline() - clock.now();
    if (remaining <= 0) return;
    if (remaining < POLL) await this.#yield();
    else await this.#sleep(Math.max(1, Math.round(remaining / MILLISECOND)));
  }

  /** Until a kick, or so many milliseconds have passed. */
  async #sleep(milliseconds: number): Promise<void> {
    const { platform } = this.#options;
    if (this.#kicked) {
      // The host's event loop has had no turn: this must not count as one.
      this.#kicked = false;
      await Promise.resolve();
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = platform.after(Math.min(milliseconds, LONGEST_SLEEP), () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        resolve();
      };
    });
    this.#kicked = false;
    this.#lastYield = platform.monotonic();
  }

  async #yield(): Promise<void> {
    const { platform } = this.#options;
    this.statistics.yields++;
    await platform.yield();
    this.#lastYield = platform.monotonic();
  }
}

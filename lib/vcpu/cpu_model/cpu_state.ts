/**
 * The state of one vCPU with regard to who may make guest-visible progress on it.
 *
 * | state   | meaning                                                                        |
 * |---------|--------------------------------------------------------------------------------|
 * | OFF     | does not run: never started, switched off by the guest, or paused              |
 * | ON      | ready; between two turns                                                       |
 * | EMULATE | has its turn: guest code, and what the host does for it, make progress         |
 *
 * Each has a variant `_ROUNDEDUP`, in which the world is stopped and no turn may begin. The value
 * lies in one 32-bit cell, changed by compare and exchange only: it may be shared between threads.
 * A change that the table does not have is a mistake of the caller and throws an Error; no guest can
 * cause one.
 */

/** One of the states. */
export type CpuStateName =
  | "OFF"
  | "ON"
  | "EMULATE"
  | "OFF_ROUNDEDUP"
  | "ON_ROUNDEDUP"
  | "EMULATE_ROUNDEDUP";
/** The states in the order of their numbers. */
export const CPU_STATES: readonly CpuStateName[] = [
  "OFF",
  "ON",
  "EMULATE",
  "OFF_ROUNDEDUP",
  "ON_ROUNDEDUP",
  "EMULATE_ROUNDEDUP",
];

const OFF = 0;
const ON = 1;
const EMULATE = 2;
/** From a state to its variant in the stopped world. */
const ROUNDEDUP = 3;

/** State of a vCPU. */
export class CpuState {
  readonly #cell: Int32Array;

  /** `cell`: one element, 0 at first. @default one of its own */
  constructor(cell: Int32Array = new Int32Array(1)) {
    this.#cell = cell;
  }

  /** The state now. */
  get name(): CpuStateName {
    return CPU_STATES[Atomics.load(this.#cell, 0)];
  }

  /** Whether the world is stopped. */
  get roundedUp(): boolean {
    return Atomics.load(this.#cell, 0) >= ROUNDEDUP;
  }

  /** Whether it has its turn, in a stopped world or not. */
  get emulating(): boolean {
    return Atomics.load(this.#cell, 0) % ROUNDEDUP === EMULATE;
  }

  /**
   * OFF or EMULATE to ON, in the stopped world too. True if that ends the progress that a roundup
   * waits for (EMULATE_ROUNDEDUP). By the vCPU.
   */
  toOn(): boolean {
    for (;;) {
      const from = Atomics.load(this.#cell, 0);
      if (from % ROUNDEDUP === ON) throw this.#wrong("switched on");
      const to = from >= ROUNDEDUP ? ON + ROUNDEDUP : ON;
      if (this.#exchange(from, to)) return from === EMULATE + ROUNDEDUP;
    }
  }

  /** ON to EMULATE; false in the stopped world. By the vCPU. */
  toEmulating(): boolean {
    if (this.#exchange(ON, EMULATE)) return true;
    if (Atomics.load(this.#cell, 0) === ON + ROUNDEDUP) return false;
    throw this.#wrong("emulating");
  }

  /** ON to OFF, in the stopped world too. By the vCPU. */
  toOff(): void {
    for (;;) {
      const from = Atomics.load(this.#cell, 0);
      if (from % ROUNDEDUP !== ON) throw this.#wrong("switched off");
      if (this.#exchange(from, from - ON + OFF)) return;
    }
  }

  /** Into the stopped world; true if it was EMULATE. By who stops the world. */
  roundUp(): boolean {
    for (;;) {
      const from = Atomics.load(this.#cell, 0);
      if (from >= ROUNDEDUP) throw this.#wrong("rounded up");
      if (this.#exchange(from, from + ROUNDEDUP)) return from === EMULATE;
    }
  }

  /** Out of the stopped world. By who stopped it. */
  resume(): void {
    for (;;) {
      const from = Atomics.load(this.#cell, 0);
      if (from < ROUNDEDUP) throw this.#wrong("resumed");
      if (this.#exchange(from, from - ROUNDEDUP)) return;
    }
  }

  #exchange(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cell, 0, from, to) === from;
  }

  #wrong(what: string): Error {
    return new Error(`a vCPU that is ${this.name} cannot be ${what}`);
  }
}

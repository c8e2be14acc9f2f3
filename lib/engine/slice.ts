/** The slice of instructions at hand: what is left of it, and who wants it to end. */
import type { Layout, StateView } from "./layout.ts";

/**
 * Times that generated code may come back in one slice. What the host does for it takes 0.2 to 20 us
 * however few instructions that are: a guest must not keep the host's event loop for long.
 */
const VISITS = 8192;
/** Visits that take as long as one handler's way to a function: half a millisecond. */
export const HANDLER_VISITS = 64;

export class Slice {
  readonly #u32: Uint32Array;
  /** Where generated code counts down what is left. */
  readonly #budget: number;
  #size = 0;
  /** What is held back, so that generated code comes back sooner. */
  #reserve = 0;
  /** Instructions of the slices before. */
  #total = 0;
  #visits = 0;
  /** The slice shall end. */
  exitRequested = false;
  /** Generated code must come back: records that it is about to execute are gone, or somebody asks. */
  attention = false;

  constructor(state: StateView, layout: Layout) {
    this.#u32 = state.u32;
    this.#budget = layout.get("budget").address >> 2;
  }

  begin(instructions: number): void {
    this.#u32[this.#budget] = instructions;
    this.#size = instructions;
    this.#visits = 0;
  }

  /** Gives the instructions executed. */
  end(): number {
    this.release();
    const executed = this.#size - this.left;
    this.#total += executed;
    this.#size = 0;
    this.#u32[this.#budget] = 0;
    return executed;
  }

  /** Instructions that generated code may still execute; one too many may have been. */
  get left(): number {
    return this.#u32[this.#budget] | 0;
  }

  /** Whether nothing is left, what is held back included. */
  get isOver(): boolean {
    return this.left + this.#reserve <= 0;
  }

  /** Instructions executed in all slices so far. */
  get instructions(): number {
    return this.#total + this.#size - this.left - this.#reserve;
  }

  /** Counts an instruction, or an exception: a guest that does nothing else must not run for ever. */
  spend(): void {
    this.#u32[this.#budget]--;
  }

  /** Lets generated code come back after `instructions` at most. */
  hold(instructions: number): void {
    const { left } = this;
    if (left <= instructions) return;
    this.#reserve += left - instructions;
    this.#u32[this.#budget] = instructions;
  }

  /** Gives back what was held. */
  release(): void {
    this.#u32[this.#budget] = this.left + this.#reserve;
    this.#reserve = 0;
  }

  /** The host has done something for generated code, which takes as long as so many visits. */
  visit(count = 1): void {
    this.#visits += count;
  }

  /** Something has taken so long that the slice must end. */
  exhaust(): void {
    this.#visits = VISITS;
  }

  /** Whether the host has done enough for one slice. */
  get isExhausted(): boolean {
    return this.#visits >= VISITS;
  }
}

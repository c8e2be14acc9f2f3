/** Small pieces of interrupt wiring: shared lines, and lines that lead nowhere. */
import type { IrqLine } from "./irq_line.ts";

/** A line that leads nowhere. */
export const unconnected: IrqLine = { set(): void {} };

/** Drives one line from several sources: high while at least one input is high (wired OR). */
export class OrLine {
  readonly #output: IrqLine;
  #high = 0;

  /** Drives `output`, which is taken to be low. */
  constructor(output: IrqLine) {
    this.#output = output;
  }

  /** Whether the output is high. */
  get level(): boolean {
    return this.#high > 0;
  }

  /** A new input, low until it is set. */
  input(): IrqLine {
    let level = false;
    return {
      set: (to: boolean): void => {
        if (to === level) return;
        level = to;
        this.#high += to ? 1 : -1;
        if (this.#high === (to ? 1 : 0)) this.#output.set(to);
      },
    };
  }
}

/** A line that remembers its level and how often it rose: a probe between device and controller. */
export class LevelProbe implements IrqLine {
  readonly #next: IrqLine;
  #level = false;
  #rises = 0;

  /** Passes levels on to `next`. */
  constructor(next: IrqLine = unconnected) {
    this.#next = next;
  }

  /** The level that was set last; low at first. */
  get level(): boolean {
    return this.#level;
  }

  /** Number of changes from low to high. */
  get rises(): number {
    return this.#rises;
  }

  set(level: boolean): void {
    if (level === this.#level) return;
    this.#level = level;
    if (level) this.#rises++;
    this.#next.set(level);
  }
}

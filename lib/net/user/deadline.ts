/** One timer of the clock for many deadlines that move all the time. */
import type { Clock, Timer } from "../../platform/platform.ts";

/**
 * The earliest of many deadlines. It is only ever moved forward in time: when it comes, the callback
 * looks at what is due and arms it again. So a deadline that is put off with each packet costs nothing.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #due: (now: number) => void;
  #timer: Timer | undefined;
  #at = Infinity;

  /** @param due called at the deadline, in nanoseconds of the clock; it arms the next one. */
  constructor(clock: Clock, due: (now: number) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Something is to be looked at no later than `deadline`; Infinity: nothing. */
  arm(deadline: number): void {
    if (deadline >= this.#at) return;
    this.#timer?.cancel();
    this.#at = deadline;
    this.#timer = this.#clock.at(deadline, () => {
      this.#at = Infinity;
      this.#timer = undefined;
      this.#due(this.#clock.now());
    });
  }

  /** Nothing comes any more. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = -Infinity;
  }
}

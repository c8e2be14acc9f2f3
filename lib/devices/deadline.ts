/** One deadline of a device that is moved, as guests program their timers again and again. */
import type { Clock, Timer } from "../platform/platform.ts";

/** At most one callback is under way, however often the time is set. */
export class Deadline {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #timer: Timer | undefined;
  #time = Infinity;

  /** Calls nobody until it is set. */
  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = (): void => {
      this.#timer = undefined;
      this.#time = Infinity;
      callback();
    };
  }

  /** When the callback comes, in nanoseconds of the clock; Infinity if it does not. */
  get time(): number {
    return this.#time;
  }

  /** Moves it; what is beyond the range of the clock never comes. */
  set(time: number): void {
    if (time === this.#time) return;
    this.#timer?.cancel();
    const comes = time <= Number.MAX_SAFE_INTEGER;
    this.#time = comes ? time : Infinity;
    this.#timer = comes ? this.#clock.at(time, this.#callback) : undefined;
  }

  /** No callback. */
  cancel(): void {
    this.set(Infinity);
  }
}

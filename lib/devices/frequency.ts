/** Ticks of an oscillator whose period is no whole number of nanoseconds, without rounding errors. */

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** An oscillator that has run since time 0. */
export class Frequency {
  /** Ticks per second. */
  readonly hertz: number;

  /** `hertz`: 1 to 9,000,000, so that all that is computed is exact. */
  constructor(hertz: number) {
    this.hertz = hertz;
  }

  /** Ticks that have passed at a time in nanoseconds from 0, below 2^53. */
  ticks(time: number): number {
    const rest = time % NANOSECONDS_PER_SECOND;
    const seconds = (time - rest) / NANOSECONDS_PER_SECOND;
    return seconds * this.hertz + Math.floor((rest * this.hertz) / NANOSECONDS_PER_SECOND);
  }

  /** The first nanosecond at which `ticks` have passed. */
  time(ticks: number): number {
    const rest = ticks % this.hertz;
    const seconds = (ticks - rest) / this.hertz;
    return seconds * NANOSECONDS_PER_SECOND +
      Math.ceil((rest * NANOSECONDS_PER_SECOND) / this.hertz);
  }
}

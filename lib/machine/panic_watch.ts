/**
 * Finds out that a Linux guest has panicked. No register says so: the kernel prints it, and then
 * either spins for ever or resets the machine (`panic=N`). Text alone proves nothing, as a user may
 * print an old log; so what a real panic does afterwards has to follow: silence, or a reset without
 * the line that an orderly restart prints.
 */
import type { Timer } from "../platform/platform.ts";

/** Guest nanoseconds of silence after the last line of a panic. */
export const PANIC_SILENCE = 250_000_000;
/** Longest line that is looked at, in characters; of longer ones the beginning is. */
const MAX_LINE = 512;

/** What the kernel puts before its lines: time (CONFIG_PRINTK_TIME) and caller (PRINTK_CALLER). */
const STAMP = String.raw`^(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )?`;
/** kernel/panic.c, panic(): first and last line, and kernel/reboot.c, kernel_restart(). */
const FIRST = new RegExp(`${STAMP}Kernel panic - not syncing: (.*)$`);
const LAST = new RegExp(`${STAMP}---\\[ end Kernel panic - not syncing: (.*) \\]---$`);
const RESTART = new RegExp(`${STAMP}reboot: `);

/** Reads one console of the guest. */
export class PanicWatch {
  readonly #clock: PanicClock;
  readonly #onPanic: () => void;
  #line = "";
  #reason: string | undefined;
  /** Runs in the silence after the last line. */
  #silence: Timer | undefined;

  /** @param onPanic called once the kernel stands still. */
  constructor(clock: PanicClock, onPanic: () => void) {
    this.#clock = clock;
    this.#onPanic = onPanic;
  }

  /** What the panic that was printed is about; a reset that comes now is its work. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The guest has printed something. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === 0x0a) this.#endLine();
      else if (byte !== 0x0d) {
        this.#silence?.cancel();
        this.#silence = undefined;
        // Guests choose the text, and terminals obey control characters.
        if (this.#line.length < MAX_LINE) {
          this.#line += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
        }
      }
    }
  }

  /** The machine starts again. */
  reset(): void {
    this.#silence?.cancel();
    this.#silence = this.#reason = undefined;
    this.#line = "";
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    const first = FIRST.exec(line);
    if (first !== null) this.#reason = first[1];
    else if (RESTART.test(line)) this.#reason = undefined;
    else if (this.#reason !== undefined && LAST.exec(line)?.[1] === this.#reason) {
      this.#silence?.cancel();
      this.#silence = this.#clock.at(this.#clock.now() + PANIC_SILENCE, this.#onPanic);
    }
  }
}

/** Guest time in nanoseconds. */
export interface PanicClock {
  now(): number;
  at(deadline: number, callback: () => void): Timer;
}

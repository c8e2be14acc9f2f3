/**
 * Finds out that a Linux guest has panicked. No register says so: the kernel prints it, and then
 * either spins for ever or resets the machine (`panic=N`). Text alone proves nothing, as a user may
 * print an old log; so what a real panic does afterwards has to follow: silence, or a reset without
 * the line that an orderly restart prints. The end of the output is looked at when one of the two
 * comes: while a guest prints, this costs a copy.
 */
import type { Timer } from "../platform/platform.ts";

/** Guest nanoseconds of silence after the last line of a panic. */
export const PANIC_SILENCE = 250_000_000;
/** Bytes of output in which a panic must lie, from its first line on. */
export const PANIC_TAIL = 65536;
/** Longest line that is looked at, in characters; of longer ones the beginning is. */
const MAX_LINE = 512;

/** What the kernel puts before its lines: time (CONFIG_PRINTK_TIME) and caller (PRINTK_CALLER). */
const STAMP = String.raw`^(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )?`;
/** kernel/panic.c, panic(): first and last line, and kernel/reboot.c, kernel_restart(). */
const FIRST = new RegExp(`${STAMP}Kernel panic - not syncing: (.*)$`);
const LAST = new RegExp(`${STAMP}---\\[ end Kernel panic - not syncing: (.*) \\]---$`);
const RESTART = new RegExp(`${STAMP}reboot: `);

/** Guest time in nanoseconds. */
export interface PanicClock {
  now(): number;
  at(deadline: number, callback: () => void): Timer;
}

/** Reads one console of the guest. */
export class PanicWatch {
  readonly #clock: PanicClock;
  readonly #onPanic: () => void;
  /** The end of the output, at most the last {@linkcode PANIC_TAIL} bytes of it. */
  readonly #tail = new Uint8Array(2 * PANIC_TAIL);
  #length = 0;
  /** The first line may lack its beginning. */
  #cut = false;
  /** When the guest printed last. */
  #last = 0;
  /** Runs while the silence may be one that follows a panic. */
  #silence: Timer | undefined;

  /** @param onPanic called once the kernel stands still. */
  constructor(clock: PanicClock, onPanic: () => void) {
    this.#clock = clock;
    this.#onPanic = onPanic;
  }

  /** What the panic that was printed is about; a reset that comes now is its work. */
  get reason(): string | undefined {
    return this.#read().reason;
  }

  /** The guest has printed something. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#append(bytes);
    this.#last = this.#clock.now();
    this.#silence ??= this.#clock.at(this.#last + PANIC_SILENCE, () => this.#listen());
  }

  #append(bytes: Uint8Array): void {
    const part = bytes.subarray(-PANIC_TAIL);
    this.#cut ||= part.length < bytes.length;
    if (this.#length + part.length > this.#tail.length) {
      const kept = PANIC_TAIL - part.length;
      this.#tail.copyWithin(0, this.#length - kept, this.#length);
      this.#length = kept;
      this.#cut = true;
    }
    this.#tail.set(part, this.#length);
    this.#length += part.length;
  }

  #listen(): void {
    const due = this.#last + PANIC_SILENCE;
    this.#silence = this.#clock.now() < due ? this.#clock.at(due, () => this.#listen()) : undefined;
    if (this.#silence === undefined && this.#read().over) this.#onPanic();
  }

  /** The reason of a panic that was printed, and whether nothing came after it. */
  #read(): { reason: string | undefined; over: boolean } {
    const text = printable(this.#tail.subarray(0, this.#length));
    let reason: string | undefined;
    let over = false;
    // Without it, lines need not be cut.
    if (!text.includes("Kernel panic")) return { reason, over };
    const lines = text.split("\n");
    const rest = lines.pop() as string;
    if (this.#cut) lines.shift();
    for (const whole of lines) {
      const line = whole.slice(0, MAX_LINE);
      const first = FIRST.exec(line);
      if (line !== "") over = false;
      if (first !== null) reason = first[1];
      else if (RESTART.test(line)) reason = undefined;
      else if (reason !== undefined && LAST.exec(line)?.[1] === reason) over = true;
    }
    return { reason, over: over && rest === "" };
  }

  /** The machine starts again. */
  reset(): void {
    this.#silence?.cancel();
    this.#silence = undefined;
    this.#length = 0;
    this.#cut = false;
  }
}

/** Text without carriage returns; guests choose it, and terminals obey control characters. */
function printable(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes).replaceAll("\r", "").replaceAll(/[^\n -~]/g, "?");
}

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

/** First characters of the lines that are looked for: most output is passed over fast. */
const BEGINNINGS = Uint8Array.from("[Kr-", (character) => character.charCodeAt(0));
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUESTION_MARK = 0x3f;

const WORDS = Uint8Array.from("Kernel panic", (character) => character.charCodeAt(0));

/** Whether the words are in it, as a whole. */
function mentionsPanic(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(WORDS[0]); at >= 0; at = bytes.indexOf(WORDS[0], at + 1)) {
    if (WORDS.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

/** Reads one console of the guest. */
export class PanicWatch {
  readonly #clock: PanicClock;
  readonly #onPanic: () => void;
  readonly #line = new Uint8Array(MAX_LINE);
  #length = 0;
  /** The line has begun as no line of interest does. */
  #dull = false;
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
    const begun = this.#length > 0 && !this.#dull;
    if (begun || this.#reason !== undefined || mentionsPanic(bytes)) {
      this.#read(bytes);
      return;
    }
    // Nothing in it matters but a line that may go on in the next piece.
    const end = bytes.lastIndexOf(LINE_FEED);
    if (end >= 0) this.#dull = false;
    this.#append(bytes.subarray(end + 1));
  }

  #read(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const newline = bytes.indexOf(LINE_FEED, at);
      const end = newline < 0 ? bytes.length : newline;
      if (end > at) this.#append(bytes.subarray(at, end));
      if (newline >= 0) this.#endLine();
      at = end + 1;
    }
  }

  #append(part: Uint8Array): void {
    if (this.#silence !== undefined && part.some((byte) => byte !== CARRIAGE_RETURN)) {
      this.#silence.cancel();
      this.#silence = undefined;
    }
    if (this.#dull) return;
    for (const byte of part) {
      if (byte === CARRIAGE_RETURN) continue;
      if (this.#length === 0 && !BEGINNINGS.includes(byte)) {
        this.#dull = true;
        return;
      }
      if (this.#length === MAX_LINE) return;
      // Guests choose the text, and terminals obey control characters.
      this.#line[this.#length++] = byte >= 0x20 && byte < 0x7f ? byte : QUESTION_MARK;
    }
  }

  /** The machine starts again. */
  reset(): void {
    this.#silence?.cancel();
    this.#silence = this.#reason = undefined;
    this.#length = 0;
    this.#dull = false;
  }

  #endLine(): void {
    this.#dull = false;
    if (this.#length === 0) return;
    const line = String.fromCharCode(...this.#line.subarray(0, this.#length));
    this.#length = 0;
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

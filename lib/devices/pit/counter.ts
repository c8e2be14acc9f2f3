/**
 * One counter of the 8254 (Intel 231164, "Mode Definitions"). Nothing counts: what the counter shows
 * and drives follows from how many pulses of CLK have passed since it was loaded.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";

/** Which bytes of the count are read and written: bits 5:4 of a control word. */
const RW = { low: 1, high: 2, both: 3 } as const;

/** Modes 6 and 7 are 2 and 3. */
const MODES: readonly number[] = [0, 1, 2, 3, 4, 5, 2, 3];

/** Bits of the status byte. */
const STATUS_OUT = 0x80;
const STATUS_NULL = 0x40;

/** Largest number of pulses that can be told. */
const MAX = Number.MAX_SAFE_INTEGER;

/**
 * A counter. Methods take `now`, the number of the last pulse of CLK; it never goes back. A count is
 * loaded with the pulse after it is written or triggered.
 */
export class Counter {
  /** Control word 5:0: which bytes, mode, BCD. */
  #control = RW.both << 4;
  #gate: boolean;
  /** The count in use: 1 to 65536 pulses. */
  #count = 0x10000;
  /** A count that takes the place of the other at the end of a cycle or with a trigger; 0: none. */
  #next = 0;
  /** In modes 2 and 3: the pulse with which `#next` takes the place of `#count`. */
  #switch = 0;
  /** Whether `#start` says anything. */
  #loaded = false;
  /** Number of the pulse that loaded the count, or will. */
  #start = 0;
  /** Pulses counted when the gate went low; -1 while counting goes on. */
  #stopped = -1;
  /** The low byte of a count whose high byte is still to come; -1 if none was written. */
  #lowByte = -1;
  /** The high byte is read next. */
  #readHigh = false;
  /** A latched count; -1 if there is none. */
  #latched = -1;
  /** A latched status; -1 if there is none. */
  #status = -1;

  /** A counter that is not programmed. `gate` is the level of GATE. */
  constructor(gate: boolean) {
    this.#gate = gate;
  }

  /** Level of GATE. */
  get gate(): boolean {
    return this.#gate;
  }

  /** A control word, bits 5:0, of a mode. Counting stops until a count is written. */
  program(control: number): void {
    this.#control = control & 0x3f;
    this.#loaded = false;
    this.#next = 0;
    this.#stopped = -1;
    this.#lowByte = this.#latched = this.#status = -1;
    this.#readHigh = false;
  }

  /** Keeps the count for the next read, unless one is kept already. */
  latchCount(now: number): void {
    if (this.#latched < 0) this.#latched = this.#value(now);
  }

  /** Keeps the status for the next read, unless one is kept already. */
  latchStatus(now: number): void {
    if (this.#status >= 0) return;
    const waits = !this.#loaded || this.#next > 0 || now < this.#start;
    this.#status = (this.out(now) ? STATUS_OUT : 0) | (waits ? STATUS_NULL : 0) | this.#control;
  }

  /** Reads a byte: a latched status, then a latched count, then the count as it is. */
  read(now: number): number {
    if (this.#status >= 0) {
      const status = this.#status;
      this.#status = -1;
      return status;
    }
    const value = this.#latched >= 0 ? this.#latched : this.#value(now);
    const high = this.#bytes === RW.high || (this.#bytes === RW.both && this.#readHigh);
    if (this.#bytes === RW.both) this.#readHigh = !this.#readHigh;
    if (!this.#readHigh) this.#latched = -1;
    return high ? value >>> 8 : value & 0xff;
  }

  /** Writes a byte of the count. */
  write(now: number, byte: number): void {
    if (this.#bytes === RW.low) return this.#load(now, byte);
    if (this.#bytes === RW.high) return this.#load(now, byte << 8);
    if (this.#lowByte >= 0) {
      const low = this.#lowByte;
      this.#lowByte = -1;
      return this.#load(now, (byte << 8) | low);
    }
    this.#lowByte = byte;
    // The first byte stops mode 0, and OUT goes low.
    if (this.#mode === 0) this.#loaded = false;
  }

  /** Drives GATE. A rising edge triggers in modes 1, 2, 3 and 5; low stops the others. */
  setGate(now: number, level: boolean): void {
    if (level === this.#gate) return;
    this.#settle(now);
    this.#gate = level;
    if (!this.#loaded && this.#next === 0) return;
    const mode = this.#mode;
    if (mode === 0 || mode === 4) {
      if (!level) this.#stopped = Math.max(0, now - this.#start);
      else {
        this.#start = now - this.#stopped;
        this.#stopped = -1;
      }
    } else if (level) this.#trigger(now);
  }

  /** Level of OUT. */
  out(now: number): boolean {
    this.#settle(now);
    return this.#outAt(this.#elapsed(now));
  }

  /** The first pulse after `now` with which OUT changes; Infinity if it will not. */
  nextChange(now: number): number {
    this.#settle(now);
    if (!this.#loaded || this.#stopped >= 0) return Infinity;
    const elapsed = this.#elapsed(now);
    const mode = this.#mode;
    if (mode === 2 || mode === 3) {
      if (!this.#gate) return Infinity;
      const first = mode === 2 ? this.#count - 1 : this.#highPart;
      const cycle = elapsed < 0 ? 0 : elapsed - (elapsed % this.#count);
      return this.#start + cycle + (elapsed - cycle < first ? first : this.#count);
    }
    // One-shots fall when they are loaded.
    if (mode === 1 && elapsed < 0) return this.#start;
    if (elapsed < this.#count) return this.#start + this.#count;
    const strobe = mode >= 4 && elapsed === this.#count;
    return strobe ? this.#start + this.#count + 1 : Infinity;
  }

  /** Plain data; pulses as differences to `now`. */
  state(now: number): DeviceState {
    this.#settle(now);
    return {
      control: this.#control,
      gate: this.#gate,
      count: this.#count,
      next: this.#next,
      toSwitch: this.#next > 0 ? Math.max(0, this.#switch - now) : 0,
      loaded: this.#loaded,
      // The next pulse at the latest.
      age: this.#loaded ? now + 1 - this.#start : 0,
      stopped: this.#stopped + 1,
      lowByte: this.#lowByte + 1,
      readHigh: this.#readHigh,
      latched: this.#latched + 1,
      status: this.#status + 1,
    };
  }

  /** A counter from what `state` gave. Throws a TypeError. */
  static restored(state: DeviceState, now: number): Counter {
    const from = new StateReader(state, "8254 counter");
    const counter = new Counter(from.boolean("gate"));
    counter.#control = from.integer("control", 0x3f);
    counter.#count = from.integer("count", 0x10000);
    counter.#next = from.integer("next", 0x10000);
    counter.#switch = now + from.integer("toSwitch", 0x10000);
    counter.#loaded = from.boolean("loaded");
    counter.#start = now + 1 - from.integer("age", MAX);
    counter.#stopped = from.integer("stopped", MAX) - 1;
    counter.#lowByte = from.integer("lowByte", 0x100) - 1;
    counter.#readHigh = from.boolean("readHigh");
    counter.#latched = from.integer("latched", 0x10000) - 1;
    counter.#status = from.integer("status", 0x100) - 1;
    if (counter.#bytes === 0 || counter.#count === 0) {
      throw new TypeError("state of 8254 counter: no counter can be so");
    }
    return counter;
  }

  get #mode(): number {
    return MODES[(this.#control >>> 1) & 7];
  }

  get #bytes(): number {
    return this.#control >>> 4;
  }

  get #bcd(): boolean {
    return (this.#control & 1) !== 0;
  }

  /** Pulses of mode 3 with OUT high: half, and one more of an odd count. */
  get #highPart(): number {
    return (this.#count + 1) >>> 1;
  }

  /** Pulses since the count was loaded; negative before the first. */
  #elapsed(now: number): number {
    return this.#stopped >= 0 ? this.#stopped : now - this.#start;
  }

  /** A count has been written. */
  #load(now: number, written: number): void {
    this.#settle(now);
    const largest = this.#bcd ? 10000 : 0x10000;
    const pulses = (this.#bcd ? fromBcd(written) : written) || largest;
    // A count of 1 is illegal in modes 2 and 3.
    const count = Math.max(pulses, this.#mode === 2 || this.#mode === 3 ? 2 : 1);
    switch (this.#mode) {
      case 1:
      case 5:
        this.#next = count;
        return;
      case 2:
      case 3:
        this.#next = count;
        if (!this.#loaded) this.#trigger(now);
        else this.#switch = this.#cycleEnd(now);
        return;
      default:
        this.#count = count;
        this.#loaded = true;
        this.#start = now + 1;
        this.#stopped = this.#gate ? -1 : 0;
    }
  }

  /** The pulse that ends the cycle of mode 2, or the half cycle of mode 3. */
  #cycleEnd(now: number): number {
    const elapsed = Math.max(0, now - this.#start);
    const inCycle = elapsed % this.#count;
    const half = this.#mode === 3 && inCycle < this.#highPart ? this.#highPart : this.#count;
    return this.#start + elapsed - inCycle + half;
  }

  /** The count is loaded with the next pulse. */
  #trigger(now: number): void {
    if (this.#next > 0) this.#count = this.#next;
    this.#next = 0;
    this.#loaded = true;
    this.#start = now + 1;
  }

  /** Takes the next count of modes 2 and 3 if the cycle, or half of one, has ended. */
  #settle(now: number): void {
    const mode = this.#mode;
    if (this.#next === 0 || !this.#loaded || !this.#gate || (mode !== 2 && mode !== 3)) return;
    if (now < this.#switch) return;
    const afterHigh = mode === 3 && (this.#switch - this.#start) % this.#count !== 0;
    this.#count = this.#next;
    this.#next = 0;
    // After a high half comes a low one, of the new count.
    this.#start = afterHigh ? this.#switch - this.#highPart : this.#switch;
  }

  #outAt(elapsed: number): boolean {
    const mode = this.#mode;
    if (!this.#loaded) return mode !== 0;
    switch (mode) {
      case 0:
        return elapsed >= this.#count;
      case 1:
        return elapsed < 0 || elapsed >= this.#count;
      case 2:
        return !this.#gate || elapsed < 0 || elapsed % this.#count !== this.#count - 1;
      case 3:
        return !this.#gate || elapsed < 0 || elapsed % this.#count < this.#highPart;
      default:
        return elapsed !== this.#count;
    }
  }

  /** The counting element as it is read: 16 bits, or four decimal digits. */
  #value(now: number): number {
    this.#settle(now);
    const largest = this.#bcd ? 10000 : 0x10000;
    const elapsed = this.#loaded ? Math.max(0, this.#elapsed(now)) : 0;
    const value = this.#remaining(elapsed, largest) % largest;
    return this.#bcd ? toBcd(value) : value;
  }

  #remaining(elapsed: number, largest: number): number {
    const count = this.#count;
    const mode = this.#mode;
    if (mode === 2) return count - (this.#gate ? elapsed % count : 0);
    if (mode !== 3) return (count + largest - (elapsed % largest)) % largest;
    const inCycle = this.#gate ? elapsed % count : 0;
    const inHalf = inCycle < this.#highPart ? inCycle : inCycle - this.#highPart;
    return (count & ~1) - 2 * inHalf;
  }
}

/** The number that four decimal digits stand for; a digit above nine counts as what it is. */
function fromBcd(value: number): number {
  return (value >>> 12) * 1000 + ((value >>> 8) & 15) * 100 + ((value >>> 4) & 15) * 10 +
    (value & 15);
}

function toBcd(value: number): number {
  const digit = (scale: number): number => Math.floor(value / scale) % 10;
  return (digit(1000) << 12) | (digit(100) << 8) | (digit(10) << 4) | digit(1);
}

/**
 * Real-time clock MC146818 (Motorola ADI-1086) with the CMOS RAM of a PC, behind an index port (0x70) and
 * a data port (0x71).
 *
 * It shows the wall-clock time of the machine's clock until the guest sets another. Deliberate
 * deviations: the update itself takes no time, so UIP is set in the 244 us before it only; a change of
 * format in B converts the time (alarms stay as written); daylight saving is not known; the square
 * wave leads nowhere.
 */
import type { Clock } from "../../platform/platform.ts";
import { accessBytes, type BytePorts } from "../byte_ports.ts";
import { Deadline } from "../deadline.ts";
import { StateReader } from "../device_state.ts";
import { Frequency } from "../frequency.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import type { AccessResult, BusAccess, Device, DeviceState } from "../vbus/device.ts";
import { nextAlarm, readTime, writeTime } from "./calendar.ts";
import {
  A,
  B,
  C,
  CMOS_BYTES,
  D_VALID,
  firmwareContents,
  Register,
  TIME_REGISTERS,
} from "./registers.ts";

const SECOND = 1_000_000_000;
/** The oscillator. */
const CRYSTAL = new Frequency(32768);
/** Nanoseconds before an update with UIP set: 8 periods of the crystal. */
const UPDATE_WARNING = 244_140;
/** Nanoseconds from the release of the divider to the first update. */
const FIRST_UPDATE = SECOND / 2;
/** Seconds between looks at the wall clock while an alarm may interrupt: the host may set it. */
const LOOK = 60;
/** Bit 7 of the index port: non-maskable interrupts are held back. */
const NMI_MASK = 0x80;
/** Largest time in seconds that is saved, either way. */
const LONG = 2 ** 40;

/** What the clock is connected to. */
export interface Mc146818Options {
  /** Gives the wall-clock time. */
  readonly clock: Clock;
  /** IRQ: IRQ 8 of the PC; high is asserted. */
  readonly irq: IrqLine;
  /** Bytes of RAM below 4 GiB, as firmware leaves them in the CMOS RAM. @default 0 */
  readonly memory?: number;
}

/** The clock: two ports. Reset keeps time and RAM, which have a battery. */
export class Mc146818 implements Device, BytePorts {
  /** For people. */
  readonly name = "mc146818";
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #deadline: Deadline;
  /** Registers and RAM; of the time, only while it stands still. C holds the flags without IRQF. */
  readonly #ram: Uint8Array = new Uint8Array(CMOS_BYTES);
  /** As written to the index port. */
  #index = 0;
  /** Nanoseconds to add to the clock's. */
  #offset = 0;
  /** The time of day was `#base` seconds at `#origin` nanoseconds, where an update ended. */
  #base = 0;
  #origin = 0;
  /** Seconds that the guest's time is ahead of the wall clock. */
  #ahead = 0;
  /** Added to the day of the week, 0 to 6. */
  #weekdayShift = 0;
  /** The second and the period of the crystal up to which flags have been raised. */
  #seenSecond = 0;
  #seenTick = 0;

  /** Shows the time of the clock, in BCD and 24 hours. */
  constructor(options: Mc146818Options) {
    this.#clock = options.clock;
    this.#irq = options.irq;
    this.#deadline = new Deadline(options.clock, () => this.#update());
    firmwareContents(this.#ram, options.memory ?? 0);
    this.#ram[Register.A] = 0x26;
    this.#ram[Register.B] = B.hours24;
    this.#origin = this.#now();
    this.#base = this.#seenSecond = this.#wall();
    this.#seenTick = CRYSTAL.ticks(this.#now());
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  /** What the RESET pin does: interrupts are off, flags cleared. */
  reset(): void {
    this.#settle();
    this.#ram[Register.B] &= ~(B.periodic | B.alarm | B.updateEnded | B.squareWave);
    this.#ram[Register.C] = 0;
    this.#index = 0;
    this.#arm();
  }

  shutdown(): void {
    this.#deadline.cancel();
  }

  state(): DeviceState {
    this.#settle();
    return {
      ram: this.#ram.slice(),
      index: this.#index,
      now: this.#now(),
      base: this.#base + LONG,
      // Where an update ended, as time that has passed since.
      age: this.#now() - this.#origin,
      ahead: this.#ahead + LONG,
      weekdayShift: this.#weekdayShift,
      seenSecond: this.#seenSecond + LONG,
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const ram = from.bytes("ram", CMOS_BYTES);
    const index = from.integer("index", 0xff);
    const now = from.integer("now", Number.MAX_SAFE_INTEGER);
    const age = from.integer("age", Number.MAX_SAFE_INTEGER);
    const weekdayShift = from.integer("weekdayShift", 6);
    const [base, ahead, seen] = ["base", "ahead", "seenSecond"].map((name) =>
      from.integer(name, 2 * LONG) - LONG
    );
    if (ram.length !== CMOS_BYTES) throw new TypeError(`state of ${this.name}: RAM is too short`);
    this.#ram.set(ram);
    this.#ram[Register.A] &= ~A.updating;
    this.#ram[Register.C] &= C.periodic | C.alarm | C.updateEnded;
    this.#index = index;
    this.#offset = now - this.#clock.now();
    this.#base = base;
    this.#origin = now - age;
    this.#ahead = ahead;
    this.#weekdayShift = weekdayShift;
    this.#seenSecond = seen;
    this.#seenTick = CRYSTAL.ticks(now);
    this.#update();
  }

  /** Whether the guest holds back non-maskable interrupts (bit 7 of the index port). */
  get nmiMasked(): boolean {
    return (this.#index & NMI_MASK) !== 0;
  }

  /** Reads the data port; the index port is write-only. */
  read(offset: number): number {
    if (offset !== 1) return 0xff;
    const index = this.#index & 0x7f;
    this.#settle();
    if (index === Register.C) return this.#readFlags();
    if (index === Register.D) return D_VALID;
    if (index === Register.A) return this.#ram[index] | (this.#updatesSoon() ? A.updating : 0);
    if (this.#runs && TIME_REGISTERS.includes(index)) this.#showTime();
    return this.#ram[index];
  }

  /** Writes a port. */
  write(offset: number, value: number): void {
    if (offset !== 1) {
      this.#index = value;
      return;
    }
    const index = this.#index & 0x7f;
    this.#settle();
    switch (index) {
      case Register.A:
        this.#writeControl(index, value & ~A.updating);
        break;
      case Register.B:
        // Who sets the time does not hear of updates.
        this.#writeControl(index, (value & B.set) !== 0 ? value & ~B.updateEnded : value);
        break;
      case Register.C:
      case Register.D:
        return;
      default:
        if (this.#runs && TIME_REGISTERS.includes(index)) {
          this.#showTime();
          this.#ram[index] = value;
          this.#takeTime(this.#lastUpdate());
        } else this.#ram[index] = value;
    }
    this.#arm();
  }

  /** A or B: either may stop the time, or let it go on. */
  #writeControl(index: number, value: number): void {
    const ran = this.#runs;
    const wasReset = this.#dividerReset;
    if (ran) this.#showTime();
    this.#ram[index] = value;
    if (ran || !this.#runs) return;
    // Released from reset, the divider has half a second to go; else it went on all the time.
    this.#takeTime(wasReset ? this.#now() - SECOND + FIRST_UPDATE : this.#lastUpdate());
  }

  /** Nanoseconds on the time line that survives a restore. */
  #now(): number {
    return this.#clock.now() + this.#offset;
  }

  #wall(): number {
    return Math.floor(this.#clock.wallSeconds());
  }

  get #dividerReset(): boolean {
    return (this.#ram[Register.A] & A.dividerReset) === A.dividerReset;
  }

  /** Whether the time goes on. */
  get #runs(): boolean {
    return (this.#ram[Register.B] & B.set) === 0 && !this.#dividerReset;
  }

  /** The time of day in seconds since 1970, while it runs. */
  #seconds(): number {
    return this.#base + Math.floor((this.#now() - this.#origin) / SECOND);
  }

  /** When the last update ended. */
  #lastUpdate(): number {
    const now = this.#now();
    return now - ((((now - this.#origin) % SECOND) + SECOND) % SECOND);
  }

  #updatesSoon(): boolean {
    return this.#runs && this.#lastUpdate() + SECOND - this.#now() <= UPDATE_WARNING;
  }

  /** The registers show the time that it is. */
  #showTime(): void {
    writeTime(this.#ram, this.#seconds(), this.#ram[Register.B], this.#weekdayShift);
  }

  /** The time that the registers show has been since `origin`. */
  #takeTime(origin: number): void {
    const { seconds, weekdayShift } = readTime(this.#ram, this.#ram[Register.B]);
    this.#base = seconds;
    this.#origin = origin;
    this.#weekdayShift = weekdayShift;
    this.#seenSecond = this.#seconds();
    this.#ahead = this.#seenSecond - this.#wall();
  }

  /** Raises the flags of all that has happened until now. */
  #settle(): void {
    if (this.#runs) this.#settleUpdates();
    const tick = CRYSTAL.ticks(this.#now());
    const period = this.#period();
    const passed = (ticks: number): number => Math.floor(ticks / period);
    if (passed(tick) !== passed(this.#seenTick)) this.#ram[Register.C] |= C.periodic;
    this.#seenTick = tick;
  }

  #settleUpdates(): void {
    // The wall clock goes on in pauses of the machine, and may be set by the host.
    const off = this.#wall() + this.#ahead - this.#seconds();
    if (Math.abs(off) > 1) this.#base += off;
    const second = this.#seconds();
    if (second > this.#seenSecond) {
      this.#ram[Register.C] |= C.updateEnded;
      const alarm = nextAlarm(this.#ram, this.#seenSecond, this.#ram[Register.B]);
      if (alarm <= second) this.#ram[Register.C] |= C.alarm;
    }
    this.#seenSecond = second;
  }

  /** Periods of the crystal between periodic interrupts; Infinity if there are none. */
  #period(): number {
    const rate = this.#ram[Register.A] & A.rate;
    if (rate === 0 || this.#dividerReset) return Infinity;
    return rate <= 2 ? 64 << rate : 1 << (rate - 1);
  }

  #readFlags(): number {
    const flags = this.#ram[Register.C];
    const requested = (flags & this.#ram[Register.B]) !== 0;
    this.#ram[Register.C] = 0;
    this.#arm();
    return requested ? flags | C.irq : flags;
  }

  #update(): void {
    this.#settle();
    this.#arm();
  }

  /** Drives IRQ, and sets the deadline of the next flag that would raise it. */
  #arm(): void {
    const b = this.#ram[Register.B];
    const c = this.#ram[Register.C];
    const requested = (b & c & (C.periodic | C.alarm | C.updateEnded)) !== 0;
    this.#irq.set(requested);
    // As long as it is high, nothing can happen that the guest would hear of.
    this.#deadline.set(requested ? Infinity : this.#nextFlag(b) - this.#offset);
  }

  /** When one of the flags that `enables` lets through comes next. */
  #nextFlag(enables: number): number {
    let time = Infinity;
    const period = this.#period();
    if ((enables & B.periodic) !== 0 && period !== Infinity) {
      time = CRYSTAL.time((Math.floor(this.#seenTick / period) + 1) * period);
    }
    if (!this.#runs) return time;
    const next = this.#lastUpdate() + SECOND;
    if ((enables & B.updateEnded) !== 0) time = Math.min(time, next);
    if ((enables & B.alarm) !== 0) {
      const alarm = nextAlarm(this.#ram, this.#seenSecond, enables);
      const seconds = Math.min(alarm - this.#seenSecond, LOOK);
      time = Math.min(time, next + (seconds - 1) * SECOND);
    }
    return time;
  }
}

/**
 * Programmable interval timer 8254 (Intel 231164) and port 0x61 of the PC, which holds the gate of its
 * third counter.
 *
 * Deliberate deviations: an edge of OUT that lies before the last one is lost if the clock jumped over
 * both; a one-shot (mode 1) that is triggered again while low is high for one pulse.
 */
import type { Clock } from "../../platform/platform.ts";
import { accessBytes, type BytePorts } from "../byte_ports.ts";
import { Deadline } from "../deadline.ts";
import { StateReader } from "../device_state.ts";
import { Frequency } from "../frequency.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { Counter } from "./counter.ts";

/** CLK of all counters in Hz. */
export const PIT_FREQUENCY = 1_193_182;
const CLK = new Frequency(PIT_FREQUENCY);

/** Port 3, write only; 0 to 2 are the counters. */
const CONTROL = 3;
/** Counter number of the read-back command. */
const READ_BACK = 3;
/** The gated counter: the speaker's. */
const SPEAKER = 2;

/** What the timer is connected to. */
export interface I8254Options {
  /** Counts. */
  readonly clock: Clock;
  /** OUT of counter 0: IRQ 0 of the PC. */
  readonly irq: IrqLine;
}

/** The timer: four ports (0x40). GATE of counters 0 and 1 is high, that of counter 2 is port 0x61's. */
export class I8254 implements Device, BytePorts {
  /** For people. */
  readonly name = "i8254";
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #edge: Deadline;
  #counters: readonly Counter[] = [];
  /** Nanoseconds to add to the clock's. */
  #offset = 0;
  /** Pulse at which counter 0 changes OUT next. */
  #next = Infinity;

  /** As after power-on. */
  constructor(options: I8254Options) {
    this.#clock = options.clock;
    this.#irq = options.irq;
    this.#edge = new Deadline(options.clock, () => this.#passEdge());
    this.reset();
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  /** Counters as after power-on: mode 0 without a count, OUT low. */
  reset(): void {
    this.#counters = [new Counter(true), new Counter(true), new Counter(false)];
    this.#arm();
  }

  shutdown(): void {
    this.#edge.cancel();
  }

  state(): DeviceState {
    const now = this.#pulses();
    return {
      now: this.#clock.now() + this.#offset,
      counters: this.#counters.map((counter) => counter.state(now)),
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const time = from.integer("now", Number.MAX_SAFE_INTEGER);
    const counters = from.array("counters", 3);
    if (counters.length !== 3) throw new TypeError(`state of ${this.name}: not three counters`);
    const now = CLK.ticks(time);
    this.#counters = counters.map((saved) => Counter.restored(saved, now));
    this.#offset = time - this.#clock.now();
    this.#arm();
  }

  /** Reads a counter; the control word is not readable. */
  read(offset: number): number {
    return offset === CONTROL ? 0xff : this.#counters[offset].read(this.#pulses());
  }

  /** Writes a count or a control word. */
  write(offset: number, value: number): void {
    const now = this.#pulses();
    if (this.#next <= now) this.#passEdge();
    if (offset !== CONTROL) this.#counters[offset].write(now, value);
    else if (value >>> 6 === READ_BACK) this.#readBack(now, value);
    else if ((value & 0x30) === 0) this.#counters[value >>> 6].latchCount(now);
    else this.#counters[value >>> 6].program(value);
    this.#arm();
  }

  /** GATE of counter 2. */
  get speakerGate(): boolean {
    return this.#counters[SPEAKER].gate;
  }

  set speakerGate(level: boolean) {
    this.#counters[SPEAKER].setGate(this.#pulses(), level);
  }

  /** OUT of counter 2. */
  get speakerOut(): boolean {
    return this.#counters[SPEAKER].out(this.#pulses());
  }

  #readBack(now: number, command: number): void {
    this.#counters.forEach((counter, n) => {
      if ((command & (2 << n)) === 0) return;
      // Both bits are active low.
      if ((command & 0x20) === 0) counter.latchCount(now);
      if ((command & 0x10) === 0) counter.latchStatus(now);
    });
  }

  #pulses(): number {
    return CLK.ticks(this.#clock.now() + this.#offset);
  }

  /** Drives IRQ 0 and sets the deadline of its next edge. */
  #arm(): void {
    const now = this.#pulses();
    const [timer] = this.#counters;
    this.#irq.set(timer.out(now));
    this.#next = timer.nextChange(now);
    this.#edge.set(this.#next === Infinity ? Infinity : CLK.time(this.#next) - this.#offset);
  }

  /** An edge of OUT has come, perhaps with others behind it: the last two are driven. */
  #passEdge(): void {
    const [timer] = this.#counters;
    const edge = this.#next;
    this.#irq.set(timer.out(edge));
    const following = timer.nextChange(edge);
    if (following <= this.#pulses()) this.#irq.set(timer.out(following));
    this.#arm();
  }
}

/** Period of the refresh toggle of port 0x61 in nanoseconds: 18 pulses of CLK. */
const REFRESH_PERIOD = 15085;

/** Bits of port 0x61. */
export const SystemControl = {
  /** GATE of counter 2. */
  gate: 0x01,
  /** Lets OUT of counter 2 through to the speaker, which there is not. */
  speaker: 0x02,
  /** Toggles with each refresh of dynamic RAM (RO). */
  refresh: 0x10,
  /** OUT of counter 2 (RO). */
  out: 0x20,
} as const;

/** System control port B (0x61): one byte. Its error bits, 7:6, are never set. */
export class SystemControlPort implements Device, BytePorts {
  /** For people. */
  readonly name = "port-61";
  readonly #timer: I8254;
  readonly #clock: Clock;
  /** Bits 3:1 as written: speaker, and masks of errors. */
  #written = 0;

  /** The gate is that of `timer`'s counter 2. */
  constructor(timer: I8254, clock: Clock) {
    this.#timer = timer;
    this.#clock = clock;
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  reset(): void {
    this.#written = 0;
    this.#timer.speakerGate = false;
  }

  shutdown(): void {}

  /** The gate is in the timer's state. */
  state(): DeviceState {
    return { written: this.#written };
  }

  restore(state: DeviceState): void {
    this.#written = new StateReader(state, this.name).integer("written", 0xe) & 0xe;
  }

  /** Reads the port. */
  read(): number {
    const refreshed = Math.floor(this.#clock.now() / REFRESH_PERIOD) % 2 === 1;
    return this.#written | (this.#timer.speakerGate ? SystemControl.gate : 0) |
      (refreshed ? SystemControl.refresh : 0) | (this.#timer.speakerOut ? SystemControl.out : 0);
  }

  /** Writes the port. */
  write(_offset: number, value: number): void {
    this.#written = value & 0xe;
    this.#timer.speakerGate = (value & SystemControl.gate) !== 0;
  }
}

/** Arm PrimeCell general purpose input/output PL061 (DDI 0190): eight pins with an interrupt. */
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { PRIMECELL_ID, primeCellIds } from "../primecell.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";

// Registers (DDI 0190, table 3-1), one bit per pin.
/** 0x000..0x3fc: the pins; bits 9:2 of the offset say which of them an access is for. */
const DATA_END = 0x400;
const RIS = 0x414; // raw interrupt status (RO)
const MIS = 0x418; // masked interrupt status (RO)
const IC = 0x41c; // clears what was detected of edges (WO)

/** Registers that remember, all zero after reset, by the names under which they are saved. */
const STORED = {
  /** 1: the pin is an output. */
  dir: 0x400,
  /** 1: level, 0: edge. */
  is: 0x404,
  /** 1: both edges. */
  ibe: 0x408,
  /** 1: rising edge or high level. */
  iev: 0x40c,
  /** 1: the interrupt is let through. */
  ie: 0x410,
  /** Hardware control of a pin: there is none, so it only remembers. */
  afsel: 0x420,
} as const;
type Stored = keyof typeof STORED;

const NAMES = new Map(Object.entries(STORED).map(([name, at]) => [at as number, name as Stored]));

/** Number of pins. */
export const PL061_PINS = 8;

/** A PL061 in a window of 4 KiB. Inputs are low until the host drives them. */
export class Pl061 implements Device {
  /** For people. */
  readonly name = "pl061";
  readonly #irq: IrqLine;
  readonly #ids: readonly number[] = primeCellIds({ part: 0x061, revision: 0 });
  #onOutput: (levels: number, outputs: number) => void = () => {};
  readonly #registers: Record<Stored, number> = { dir: 0, is: 0, ibe: 0, iev: 0, ie: 0, afsel: 0 };
  /** Levels that the guest gives to outputs. */
  #out = 0;
  /** Levels that the host drives. */
  #in = 0;
  /** Edges that were detected. */
  #edges = 0;
  #line = false;

  /** `irq` is GPIOINTR, the combined interrupt. */
  constructor(irq: IrqLine) {
    this.#irq = irq;
  }

  /** Accesses of any size to the low byte of a register; all else reads as zero. */
  access(access: BusAccess): AccessResult {
    const { offset } = access;
    if ((offset & 3) !== 0) return AccessResult.ok;
    if (access.write) this.#write(offset, access.value & 0xff);
    else access.value = this.#read(offset);
    return AccessResult.ok;
  }

  /** All pins inputs, nothing detected. What the host drives stays. */
  reset(): void {
    for (const name of NAMES.values()) this.#registers[name] = 0;
    this.#out = this.#edges = 0;
    this.#updateOutputs();
    this.#updateLine();
  }

  shutdown(): void {
    this.#onOutput = () => {};
  }

  /** Drives pin 0..7 from outside; what a pin of the guest's own shows is not changed by it. */
  setInput(pin: number, level: boolean): void {
    const bit = (1 << pin) & 0xff;
    const before = this.#pins;
    this.#in = level ? this.#in | bit : this.#in & ~bit;
    this.#detect(before);
  }

  /** Called when the guest changes what it drives: levels, and which pins are outputs. One callback. */
  onOutput(callback: (levels: number, outputs: number) => void): void {
    this.#onOutput = callback;
  }

  state(): DeviceState {
    return { ...this.#registers, out: this.#out, in: this.#in, edges: this.#edges };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const stored = [...NAMES.values()].map((name) => [name, from.integer(name, 0xff)] as const);
    const [out, inputs, edges] = ["out", "in", "edges"].map((name) => from.integer(name, 0xff));
    for (const [name, value] of stored) this.#registers[name] = value;
    this.#out = out;
    this.#in = inputs;
    this.#edges = edges;
    this.#updateOutputs();
    this.#updateLine();
  }

  #read(offset: number): number {
    if (offset < DATA_END) return this.#pins & (offset >>> 2);
    if (offset === RIS) return this.#raw;
    if (offset === MIS) return this.#raw & this.#registers.ie;
    if (offset >= PRIMECELL_ID) return this.#ids[(offset - PRIMECELL_ID) >>> 2] ?? 0;
    const name = NAMES.get(offset);
    return name === undefined ? 0 : this.#registers[name];
  }

  #write(offset: number, value: number): void {
    const before = this.#pins;
    const name = NAMES.get(offset);
    if (offset < DATA_END) {
      const mask = (offset >>> 2) & this.#registers.dir;
      this.#out = (this.#out & ~mask) | (value & mask);
      this.#updateOutputs();
    } else if (offset === IC) this.#edges &= ~value;
    else if (name !== undefined) {
      this.#registers[name] = value;
      if (name === "dir") this.#updateOutputs();
    }
    this.#detect(before);
  }

  /** Levels of all pins. */
  get #pins(): number {
    const { dir } = this.#registers;
    return (this.#out & dir) | (this.#in & ~dir);
  }

  /** Inputs with an edge that was detected, or at the level that is waited for now. */
  get #raw(): number {
    const { dir, is, iev } = this.#registers;
    const levels = ~(this.#pins ^ iev) & is & ~dir & 0xff;
    return (this.#edges & ~is) | levels;
  }

  /** Notes edges of inputs since the pins were at `before`. */
  #detect(before: number): void {
    const { dir, is, ibe, iev } = this.#registers;
    const now = this.#pins;
    const changed = (before ^ now) & ~dir & ~is;
    this.#edges |= changed & (ibe | ~(now ^ iev)) & 0xff;
    this.#updateLine();
  }

  #updateOutputs(): void {
    const { dir } = this.#registers;
    this.#onOutput(this.#out & dir, dir);
  }

  #updateLine(): void {
    const level = (this.#raw & this.#registers.ie) !== 0;
    if (level === this.#line) return;
    this.#line = level;
    this.#irq.set(level);
  }
}

/**
 * Interrupt controllers 8259A (Intel 231468) as the PC has them: two chips in cascade, and the registers
 * ELCR that tell which inputs are levels (82371AB, 4.2.4).
 *
 * Deliberate deviations: the 8085's mode (ICW4.uPM = 0), buffered mode and ICW3 have no effect, the
 * cascade is wired as on the PC; ICW1.LTIM is left to ELCR.
 */
import { accessBytes, type BytePorts } from "../byte_ports.ts";
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import type { AccessResult, BusAccess, Device, DeviceState } from "../vbus/device.ts";

/** Bits of the first port's words. */
const ICW1 = 0x10;
const ICW1_SINGLE = 0x02;
const ICW1_NEEDS_ICW4 = 0x01;
const OCW3 = 0x08;
const OCW3_POLL = 0x04;
const OCW3_READ = 0x02;
const OCW3_READ_ISR = 0x01;
const OCW3_SET_MASK_MODE = 0x40;
const OCW3_MASK_MODE = 0x20;
/** Bits of OCW2. */
const OCW2_ROTATE = 0x80;
const OCW2_SPECIFIC = 0x40;
const OCW2_EOI = 0x20;
/** Bits of ICW4. */
const ICW4_AUTO_EOI = 0x02;
const ICW4_FULLY_NESTED = 0x10;
/** A poll that found an interrupt. */
const POLL_FOUND = 0x80;
/** What a chip answers that has nothing to tell any more. */
const SPURIOUS = 7;

/** Registers of one chip, as they are saved, with the largest value of each. */
const REGISTERS = {
  irr: 0xff,
  isr: 0xff,
  imr: 0xff,
  /** Levels of the inputs. */
  lines: 0xff,
  /** ELCR: 1 for inputs that are levels. */
  elcr: 0xff,
  /** Bits 7:3 of the vector. */
  base: 0xf8,
  /** The input with the highest priority. */
  first: 7,
  /** The initialisation word that is awaited: 2 to 4; 0 if none is. */
  expected: 4,
  /** ICW1 1:0. */
  icw1: 3,
  /** ICW4. */
  icw4: 0x1f,
  /** OCW3: what the first port reads, 0 IRR, 1 ISR. */
  readIsr: 1,
  /** The next read of the first port polls. */
  poll: 1,
  /** Special mask mode. */
  maskMode: 1,
  /** Rotation in automatic end of interrupt. */
  rotate: 1,
} as const;
type Name = keyof typeof REGISTERS;
const NAMES = Object.keys(REGISTERS) as Name[];

/** One chip: two ports. */
export class I8259 implements Device, BytePorts {
  /** For people. */
  readonly name: string;
  readonly #output: IrqLine;
  readonly #levels: number;
  readonly #r: Record<Name, number> = {} as Record<Name, number>;

  /** `output` is INT. `levels`: the inputs that ELCR may make levels. */
  constructor(name: string, output: IrqLine, levels: number) {
    this.name = name;
    this.#output = output;
    this.#levels = levels;
    for (const register of NAMES) this.#r[register] = 0;
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  /** Not initialised: nothing requested or in service. The levels of inputs stay. */
  reset(): void {
    const { lines } = this.#r;
    for (const register of NAMES) this.#r[register] = 0;
    this.#r.lines = lines;
    this.#update();
  }

  shutdown(): void {}

  state(): DeviceState {
    return { ...this.#r };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const values = NAMES.map((name) => from.integer(name, REGISTERS[name]));
    NAMES.forEach((name, i) => this.#r[name] = values[i]);
    this.#r.base &= REGISTERS.base;
    this.#r.elcr &= this.#levels;
    this.#update();
  }

  /** Reads IRR or ISR, or polls, at port 0; the mask at port 1. */
  read(offset: number): number {
    const r = this.#r;
    if (r.poll !== 0) {
      r.poll = 0;
      const input = this.#highest();
      if (input < 0) return 0;
      this.#serve(input);
      return POLL_FOUND | input;
    }
    if (offset === 1) return r.imr;
    return r.readIsr !== 0 ? r.isr : this.#requests;
  }

  /** Writes an initialisation or operation word. */
  write(offset: number, value: number): void {
    if (offset === 1) this.#writeSecond(value);
    else if ((value & ICW1) !== 0) this.#initialise(value);
    else if ((value & OCW3) !== 0) this.#writeMode(value);
    else this.#writeEnd(value);
    this.#update();
  }

  /** Drives input 0..7. */
  set(input: number, level: boolean): void {
    const bit = 1 << input;
    const r = this.#r;
    if (level && (r.lines & bit) === 0) r.irr |= bit;
    // A request is withdrawn with its line: edges too must stay high until they are acknowledged.
    if (!level) r.irr &= ~bit;
    r.lines = level ? r.lines | bit : r.lines & ~bit;
    this.#update();
  }

  /** The first INTA pulse: takes the most urgent input (0..7) into service; 7 if there is none. */
  acknowledge(): number {
    const input = this.#highest();
    if (input < 0) return SPURIOUS;
    this.#serve(input);
    return input;
  }

  /** Vector of an input. */
  vector(input: number): number {
    return this.#r.base | input;
  }

  /** ELCR of this chip. */
  get levelInputs(): number {
    return this.#r.elcr;
  }

  set levelInputs(inputs: number) {
    this.#r.elcr = inputs & this.#levels;
    this.#update();
  }

  #initialise(value: number): void {
    const { lines, elcr } = this.#r;
    for (const register of NAMES) this.#r[register] = 0;
    this.#r.lines = lines;
    this.#r.elcr = elcr;
    this.#r.icw1 = value & 3;
    this.#r.expected = 2;
  }

  #writeSecond(value: number): void {
    const r = this.#r;
    switch (r.expected) {
      case 2:
        r.base = value & REGISTERS.base;
        r.expected = (r.icw1 & ICW1_SINGLE) === 0 ? 3 : r.icw1 & ICW1_NEEDS_ICW4 ? 4 : 0;
        return;
      case 3:
        r.expected = (r.icw1 & ICW1_NEEDS_ICW4) !== 0 ? 4 : 0;
        return;
      case 4:
        r.icw4 = value & REGISTERS.icw4;
        r.expected = 0;
        return;
      default:
        r.imr = value;
    }
  }

  #writeMode(value: number): void {
    const r = this.#r;
    if ((value & OCW3_SET_MASK_MODE) !== 0) r.maskMode = value & OCW3_MASK_MODE ? 1 : 0;
    if ((value & OCW3_READ) !== 0) r.readIsr = value & OCW3_READ_ISR;
    if ((value & OCW3_POLL) !== 0) r.poll = 1;
  }

  /** OCW2: ends of interrupts and rotations. */
  #writeEnd(value: number): void {
    const r = this.#r;
    const rotate = (value & OCW2_ROTATE) !== 0;
    const specific = (value & OCW2_SPECIFIC) !== 0;
    if ((value & OCW2_EOI) === 0) {
      if (!specific) r.rotate = rotate ? 1 : 0;
      else if (rotate) r.first = (value + 1) & 7;
      return;
    }
    const input = specific ? value & 7 : this.#inService();
    if (input < 0) return;
    r.isr &= ~(1 << input);
    if (rotate) r.first = (input + 1) & 7;
  }

  /** IRR: edges that came, and levels that are there. */
  get #requests(): number {
    const { irr, elcr, lines } = this.#r;
    return (irr & ~elcr) | (lines & elcr);
  }

  /**
   * The input in service with the highest priority; -1 if there is none. In special mask mode those
   * that are masked hold nobody back.
   */
  #inService(): number {
    const { isr, imr, maskMode } = this.#r;
    return this.#mostUrgent(maskMode !== 0 ? isr & ~imr : isr);
  }

  /** The input of a set that has the highest priority; -1 for the empty set. */
  #mostUrgent(inputs: number): number {
    for (let i = 0; i < 8; i++) {
      const input = (this.#r.first + i) & 7;
      if ((inputs >>> input) & 1) return input;
    }
    return -1;
  }

  /** The input that would be served now; -1 if there is none. */
  #highest(): number {
    const r = this.#r;
    if (r.expected !== 0) return -1;
    const input = this.#mostUrgent(this.#requests & ~r.imr);
    if (input < 0) return -1;
    const served = this.#inService();
    if (served < 0) return input;
    const rank = (n: number): number => (n - r.first) & 7;
    // The cascade of a fully nested master may interrupt itself.
    const nested = (r.icw4 & ICW4_FULLY_NESTED) !== 0 && input === served;
    return nested || rank(input) < rank(served) ? input : -1;
  }

  #serve(input: number): void {
    const r = this.#r;
    r.irr &= ~(1 << input);
    if ((r.icw4 & ICW4_AUTO_EOI) === 0) r.isr |= 1 << input;
    else if (r.rotate !== 0) r.first = (input + 1) & 7;
    // INT falls with INTA, so that the master sees an edge for each interrupt of the slave.
    this.#output.set(false);
    this.#update();
  }

  #update(): void {
    this.#output.set(this.#highest() >= 0);
  }
}

/** Input of the master that the slave drives. */
const CASCADE = 2;
/** Of each chip, the inputs whose ELCR bit can be set: not 0, 1, 2, 8 and 13. */
const MASTER_LEVELS = 0xf8;
const SLAVE_LEVELS = 0xde;

/**
 * The pair: inputs 0 to 15, of which 2 is the cascade. The board places `master` at 0x20, `slave` at
 * 0xa0 and `triggers` at 0x4d0, two ports each.
 */
export class I8259Pair {
  /** Inputs 0 to 7. */
  readonly master: I8259;
  /** Inputs 8 to 15. */
  readonly slave: I8259;
  /** ELCR1 and ELCR2. */
  readonly triggers: Device;

  /** `output` is INT of the master. */
  constructor(output: IrqLine) {
    const master = new I8259("i8259-master", output, MASTER_LEVELS);
    this.master = master;
    this.slave = new I8259(
      "i8259-slave",
      { set: (level) => master.set(CASCADE, level) },
      SLAVE_LEVELS,
    );
    this.triggers = new TriggerRegisters([this.master, this.slave]);
  }

  /** Input `n`, 0 to 15. */
  line(n: number): IrqLine {
    const chip = n < 8 ? this.master : this.slave;
    return { set: (level) => chip.set(n & 7, level) };
  }

  /** Both INTA pulses: gives the vector (0 to 255). */
  acknowledge(): number {
    const input = this.master.acknowledge();
    if (input !== CASCADE) return this.master.vector(input);
    return this.slave.vector(this.slave.acknowledge());
  }
}

/** ELCR1 and ELCR2: the bits are kept by the chips. */
class TriggerRegisters implements Device, BytePorts {
  readonly name = "i8259-triggers";
  readonly #chips: readonly [I8259, I8259];

  constructor(chips: readonly [I8259, I8259]) {
    this.#chips = chips;
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  read(offset: number): number {
    return this.#chips[offset & 1].levelInputs;
  }

  write(offset: number, value: number): void {
    this.#chips[offset & 1].levelInputs = value;
  }

  reset(): void {}

  shutdown(): void {}

  state(): DeviceState {
    return null;
  }

  restore(state: DeviceState): void {
    if (state !== null) throw new TypeError("i8259-triggers has no state of its own");
  }
}

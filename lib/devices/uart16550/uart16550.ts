/**
 * The UART of the PC: National Semiconductor PC16550D, eight ports (COM1: 0x3f8, IRQ 4).
 *
 * Deliberate deviations:
 * - characters take no time: what the guest sends is gone at once unless the host holds it. The
 *   receive timeout is there as soon as fewer characters than the trigger level wait;
 * - the interrupt output is not gated by MCR.OUT2, which is wiring of the PC, not of the chip, and is
 *   not done by QEMU either;
 * - the baud rate, the format of characters and FCR 3 (DMA mode) have no effect.
 */
import { accessBytes, type BytePorts } from "../byte_ports.ts";
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import type { AccessResult, BusAccess, Device, DeviceState } from "../vbus/device.ts";
import type { Uart } from "../vuart/uart.ts";
import {
  Enable,
  FifoControl,
  Identification,
  LineControl,
  LineStatus,
  ModemControl,
  ModemStatus,
  Register,
  STORED,
  type Stored,
  TRIGGER_LEVELS,
} from "./registers.ts";

/** Characters per FIFO. */
const FIFO_DEPTH = 16;
/** What LSR tells of the character that is read next. */
const CHARACTER_ERRORS = LineStatus.parity | LineStatus.framing | LineStatus.break;
const LATCHED_ERRORS = CHARACTER_ERRORS | LineStatus.overrun;

const NAMES = Object.keys(STORED) as Stored[];

/** Modem inputs: true is asserted. */
export interface Uart16550Inputs {
  /** Clear to send. */
  readonly cts: boolean;
  /** Data set ready. */
  readonly dsr: boolean;
  /** Ring indicator. */
  readonly ri: boolean;
  /** Data carrier detect. */
  readonly dcd: boolean;
}

/** Modem outputs: true is asserted. */
export interface Uart16550Outputs {
  /** Data terminal ready. */
  readonly dtr: boolean;
  /** Request to send. */
  readonly rts: boolean;
  /** For any use. */
  readonly out1: boolean;
  /** On the PC: lets the interrupt through to the controller. */
  readonly out2: boolean;
}

/** What can be wrong with a received character. A break is a character of zeros without a stop bit. */
export type Uart16550Error = "framing" | "parity" | "break";

/**
 * A 16550 at eight ports.
 *
 * @example
 * ```ts
 * import { Bus } from "../vbus/bus.ts";
 * import { LevelProbe } from "../irq_controller/lines.ts";
 * import { Uart16550 } from "./uart16550.ts";
 *
 * const ports = new Bus({ space: "ports" });
 * const uart = new Uart16550(new LevelProbe());
 * uart.onTransmit((character) => console.log(String.fromCharCode(character)));
 * ports.register(uart, 0x3f8, 8);
 * ports.write(0x3f8, 1, 0x41);
 * ```
 */
export class Uart16550 implements Device, Uart, BytePorts {
  /** For people. */
  readonly name: string;
  readonly #irq: IrqLine;
  #transmit: (character: number) => void = () => {};
  #break: (on: boolean) => void = () => {};
  #receiveReady: () => void = () => {};
  /** The host was refused and waits for room. */
  #hostWaits = false;
  /** The host takes no characters for now. */
  #held = false;
  /** What the host drives, as in MSR 7:4. Before the first call: a terminal that is ready. */
  #inputs: number = ModemStatus.cts | ModemStatus.dsr | ModemStatus.dcd;

  readonly #stored: Record<Stored, number> = {} as Record<Stored, number>;
  /** Characters with their errors in 15:8, oldest first. */
  #rx: number[] = [];
  #tx: number[] = [];
  /** Overrun, and the errors of the oldest character: LSR until it is read. */
  #errors = 0;
  /** The transmitter has become empty and IIR has not been read since. */
  #emptied = false;
  /** MSR: lines and changes. */
  #msr = 0;

  /** `irq` is INTR. */
  constructor(irq: IrqLine, name = "uart16550") {
    this.name = name;
    this.#irq = irq;
    this.reset();
  }

  access(access: BusAccess): AccessResult {
    return accessBytes(this, access);
  }

  /** Registers as after power-on; characters in the FIFOs are lost. The host's lines stay. */
  reset(): void {
    const wasBroken = this.#broken;
    for (const name of NAMES) this.#stored[name] = STORED[name].reset;
    this.#rx = [];
    this.#tx = [];
    this.#errors = 0;
    this.#emptied = false;
    this.#msr = this.#modemLines;
    this.#tellBreak(wasBroken);
    this.#updateLine();
    this.#offerRoom();
  }

  shutdown(): void {
    this.#transmit = () => {};
    this.#break = () => {};
    this.#receiveReady = () => {};
  }

  canReceive(): number {
    return this.#loopback ? 0 : Math.max(0, this.#capacity - this.#rx.length);
  }

  receive(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.canReceive());
    for (let i = 0; i < count; i++) this.#push(bytes[i]);
    if (count < bytes.length) this.#hostWaits = true;
    this.#updateLine();
    return count;
  }

  /** Sends the guest one character with an error; false if there is no room for it. */
  receiveError(error: Uart16550Error, character = 0): boolean {
    if (this.canReceive() === 0) return false;
    this.#push((error === "break" ? 0 : character & 0xff) | (LineStatus[error] << 8));
    this.#updateLine();
    return true;
  }

  onReceiveReady(callback: () => void): void {
    this.#receiveReady = callback;
  }

  onTransmit(callback: (character: number) => void): void {
    this.#transmit = callback;
  }

  /** Called when the guest begins or ends a break (LCR 6). One callback. */
  onBreak(callback: (on: boolean) => void): void {
    this.#break = callback;
  }

  holdTransmit(hold: boolean): void {
    this.#held = hold;
    this.#drain();
  }

  /** Drives the modem inputs. Before the first call CTS, DSR and DCD are on. */
  setModem(inputs: Uart16550Inputs): void {
    this.#inputs = (inputs.cts ? ModemStatus.cts : 0) | (inputs.dsr ? ModemStatus.dsr : 0) |
      (inputs.ri ? ModemStatus.ri : 0) | (inputs.dcd ? ModemStatus.dcd : 0);
    this.#updateModem();
  }

  /** What the guest drives (MCR). In loopback mode the outputs are off. */
  get modemOutputs(): Uart16550Outputs {
    const on = (bit: number): boolean => !this.#loopback && (this.#stored.mcr & bit) !== 0;
    return {
      dtr: on(ModemControl.dtr),
      rts: on(ModemControl.rts),
      out1: on(ModemControl.out1),
      out2: on(ModemControl.out2),
    };
  }

  state(): DeviceState {
    return {
      ...this.#stored,
      rx: [...this.#rx],
      tx: [...this.#tx],
      errors: this.#errors,
      emptied: this.#emptied,
      modem: this.#msr,
    };
  }

  /** Characters that waited to be sent go to the host, unless it holds them. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const stored = NAMES.map((name) => from.integer(name, STORED[name].bits));
    if (NAMES.some((name, i) => (stored[i] & ~STORED[name].bits) !== 0)) {
      throw new TypeError(`state of ${this.name}: registers are not those of a 16550`);
    }
    const capacity = stored[NAMES.indexOf("fcr")] & FifoControl.enable ? FIFO_DEPTH : 1;
    const rx = from.integers("rx", capacity, 0xff | (CHARACTER_ERRORS << 8));
    const tx = from.integers("tx", capacity, 0xff);
    const errors = from.integer("errors", LATCHED_ERRORS);
    const emptied = from.boolean("emptied");
    const msr = from.integer("modem", 0xff);
    const wasBroken = this.#broken;
    NAMES.forEach((name, i) => this.#stored[name] = stored[i]);
    this.#rx = rx;
    this.#tx = tx;
    this.#errors = errors;
    this.#emptied = emptied;
    this.#msr = msr;
    this.#tellBreak(wasBroken);
    this.#drain();
    // The lines of this host may differ from those of the one before.
    this.#updateModem();
    this.#offerRoom();
  }

  /** Reads a register. */
  read(offset: number): number {
    const { ier, lcr, mcr, scr, divisor } = this.#stored;
    const latch = (lcr & LineControl.divisor) !== 0;
    switch (offset) {
      case Register.RBR:
        return latch ? divisor & 0xff : this.#readData();
      case Register.IER:
        return latch ? divisor >>> 8 : ier;
      case Register.IIR:
        return this.#readIdentification();
      case Register.LCR:
        return lcr;
      case Register.MCR:
        return mcr;
      case Register.LSR:
        return this.#readLineStatus();
      case Register.MSR:
        return this.#readModemStatus();
      case Register.SCR:
        return scr;
      default:
        return 0xff;
    }
  }

  /** Writes a register. */
  write(offset: number, value: number): void {
    const stored = this.#stored;
    const latch = (stored.lcr & LineControl.divisor) !== 0;
    switch (offset) {
      case Register.THR:
        if (latch) stored.divisor = (stored.divisor & 0xff00) | value;
        else this.#writeData(value);
        return;
      case Register.IER:
        if (latch) stored.divisor = (stored.divisor & 0xff) | (value << 8);
        else this.#writeEnable(value & STORED.ier.bits);
        return;
      case Register.FCR:
        return this.#writeFifoControl(value);
      case Register.LCR:
        return this.#writeLineControl(value);
      case Register.MCR:
        return this.#writeModemControl(value);
      case Register.SCR:
        stored.scr = value;
    }
  }

  // ---- receiver

  #readData(): number {
    const character = this.#rx.shift() ?? 0;
    this.#showErrors();
    this.#updateLine();
    this.#offerRoom();
    return character & 0xff;
  }

  /** A character with its errors arrives on the line. */
  #push(character: number): void {
    if (this.#rx.length >= this.#capacity) {
      this.#errors |= LineStatus.overrun;
      // A full FIFO keeps what it has; the one buffer without FIFOs is written over.
      if (this.#fifos) return;
      this.#rx.length = 0;
    }
    this.#rx.push(character);
    this.#showErrors();
  }

  /** LSR tells the errors of the character that has become the oldest. */
  #showErrors(): void {
    if (this.#rx.length === 0) return;
    this.#errors |= this.#rx[0] >>> 8;
    this.#rx[0] &= 0xff;
  }

  #readLineStatus(): number {
    const status = this.#lineStatus;
    this.#errors = 0;
    this.#updateLine();
    return status;
  }

  get #lineStatus(): number {
    let status = this.#errors;
    if (this.#rx.length > 0) status |= LineStatus.ready;
    if (this.#tx.length === 0) status |= LineStatus.holdingEmpty | LineStatus.transmitterEmpty;
    const broken = (this.#errors & CHARACTER_ERRORS) !== 0 || this.#rx.some((c) => c > 0xff);
    if (this.#fifos && broken) status |= LineStatus.fifoError;
    return status;
  }

  /** Tells a host that was refused once half of the room is free. */
  #offerRoom(): void {
    if (!this.#hostWaits || this.canReceive() * 2 < this.#capacity) return;
    this.#hostWaits = false;
    this.#receiveReady();
  }

  // ---- transmitter

  #writeData(character: number): void {
    this.#emptied = false;
    if (this.#tx.length >= this.#capacity) {
      // The guest did not look at THRE: a FIFO drops the new one, the register holds the last.
      if (!this.#fifos) this.#tx[0] = character;
      return this.#updateLine();
    }
    this.#tx.push(character);
    this.#drain();
  }

  /** Sends what waits, to the host or back into the receiver, as far as that is possible. */
  #drain(): void {
    const waiting = this.#tx.length;
    // The callback may hold the transmitter.
    while (this.#tx.length > 0 && (this.#loopback || !this.#held)) {
      const character = this.#tx.shift() as number;
      if (this.#loopback) this.#push(character);
      else this.#transmit(character);
    }
    if (waiting > 0 && this.#tx.length === 0) this.#emptied = true;
    this.#updateLine();
  }

  // ---- control

  #writeEnable(value: number): void {
    const risen = value & ~this.#stored.ier;
    this.#stored.ier = value;
    // Enabled while the transmitter is empty, the interrupt comes at once.
    if ((risen & Enable.empty) !== 0 && this.#tx.length === 0) this.#emptied = true;
    this.#updateLine();
  }

  #writeFifoControl(value: number): void {
    const changed = (value ^ this.#stored.fcr) & FifoControl.enable;
    const enabled = (value & FifoControl.enable) !== 0;
    this.#stored.fcr = enabled ? value & STORED.fcr.bits : 0;
    if (changed !== 0 || (enabled && (value & FifoControl.clearReceiver) !== 0)) {
      this.#rx = [];
      // The errors of the characters go with them; that one was lost stays true.
      this.#errors &= LineStatus.overrun;
    }
    const clear = changed !== 0 || (enabled && (value & FifoControl.clearTransmitter) !== 0);
    if (clear && this.#tx.length > 0) {
      this.#tx = [];
      this.#emptied = true;
    }
    this.#updateLine();
    this.#offerRoom();
  }

  #writeLineControl(value: number): void {
    const wasBroken = this.#broken;
    const before = this.#stored.lcr;
    this.#stored.lcr = value;
    this.#tellBreak(wasBroken);
    if (this.#loopback && (value & ~before & LineControl.break) !== 0) {
      this.#push(LineStatus.break << 8);
      this.#updateLine();
    }
  }

  #writeModemControl(value: number): void {
    const wasBroken = this.#broken;
    this.#stored.mcr = value & STORED.mcr.bits;
    this.#tellBreak(wasBroken);
    this.#updateModem();
    this.#drain();
    this.#offerRoom();
  }

  /** Whether the line is at break; in loopback it never is. */
  get #broken(): boolean {
    return !this.#loopback && (this.#stored.lcr & LineControl.break) !== 0;
  }

  #tellBreak(before: boolean): void {
    if (this.#broken !== before) this.#break(this.#broken);
  }

  get #loopback(): boolean {
    return (this.#stored.mcr & ModemControl.loopback) !== 0;
  }

  get #fifos(): boolean {
    return (this.#stored.fcr & FifoControl.enable) !== 0;
  }

  /** Characters that each direction holds now. */
  get #capacity(): number {
    return this.#fifos ? FIFO_DEPTH : 1;
  }

  // ---- modem lines

  /** Inputs as MSR 7:4 shows them. In loopback the outputs come back as inputs. */
  get #modemLines(): number {
    if (!this.#loopback) return this.#inputs;
    const { mcr } = this.#stored;
    return (mcr & ModemControl.rts ? ModemStatus.cts : 0) |
      (mcr & ModemControl.dtr ? ModemStatus.dsr : 0) |
      (mcr & ModemControl.out1 ? ModemStatus.ri : 0) |
      (mcr & ModemControl.out2 ? ModemStatus.dcd : 0);
  }

  #updateModem(): void {
    const lines = this.#modemLines;
    const changed = lines ^ (this.#msr & 0xf0);
    // A change is told one nibble below its line; of the ring indicator, only its end.
    const told = changed & ~(lines & ModemStatus.ri);
    this.#msr = (this.#msr & 0x0f) | lines | (told >>> 4);
    this.#updateLine();
  }

  #readModemStatus(): number {
    const status = this.#msr;
    this.#msr &= 0xf0;
    this.#updateLine();
    return status;
  }

  // ---- interrupts

  /** IIR 3:0: the most urgent interrupt. */
  get #identification(): number {
    const { ier, fcr } = this.#stored;
    if ((ier & Enable.lineStatus) !== 0 && this.#errors !== 0) return Identification.lineStatus;
    if ((ier & Enable.received) !== 0 && this.#rx.length > 0) {
      const level = this.#fifos ? TRIGGER_LEVELS[fcr >>> 6] : 1;
      return this.#rx.length >= level ? Identification.received : Identification.timeout;
    }
    if ((ier & Enable.empty) !== 0 && this.#emptied) return Identification.empty;
    if ((ier & Enable.modem) !== 0 && (this.#msr & 0x0f) !== 0) return Identification.modem;
    return Identification.none;
  }

  #readIdentification(): number {
    const identification = this.#identification;
    // Told once: reading the reason takes back the interrupt of the empty transmitter.
    if (identification === Identification.empty) {
      this.#emptied = false;
      this.#updateLine();
    }
    return identification | (this.#fifos ? Identification.fifos : 0);
  }

  #updateLine(): void {
    this.#irq.set(this.#identification !== Identification.none);
  }
}

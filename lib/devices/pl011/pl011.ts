/**
 * Arm PrimeCell UART PL011 (DDI 0183, revision r1p4, or r1p5 with FIFOs of 32).
 *
 * Deliberate deviations:
 * - characters take no time: what the guest sends is gone at once unless the host holds it, and a
 *   pause of the sender (receive timeout) is the end of what the host delivered in one call;
 * - CR.UARTEN and CR.TXE do not stop the transmitter, UARTEN does not stop the receiver: programs
 *   written for QEMU's board print without enabling anything. CR.RXE does hold back input;
 * - with `firstByteInterrupt`, as in QEMU, the receive interrupt does not wait for the FIFO level;
 * - CR.CTSEn stops the transmitter only after the host has connected the modem lines;
 * - no DMA, no IrDA: their registers only remember.
 */
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { PRIMECELL_ID, primeCellIds } from "../primecell.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { Uart } from "../vuart/uart.ts";
import { Fifo } from "./fifo.ts";
import { modemFlags, type ModemInputs, type ModemOutputs, modemOutputs } from "./modem.ts";
import {
  Control,
  Flag,
  Interrupt,
  LineControl,
  Received,
  Register,
  REGISTER_WORDS,
  STORED,
} from "./registers.ts";

/** Bits that exist of the registers that remember, by word of the offset; 0 for all others. */
const STORED_BITS: Uint16Array = new Uint16Array(REGISTER_WORDS);
for (const { offset, bits } of STORED) STORED_BITS[offset >>> 2] = bits;

/** Options of a {@linkcode Pl011}. */
export interface Pl011Options {
  /** For people. @default "pl011" */
  readonly name?: string;
  /** Characters per FIFO: 16 (r1p4, as QEMU) or 32 (r1p5). @default 16 */
  readonly fifoDepth?: 16 | 32;
  /** Raise the receive interrupt from the first character on instead of at IFLS. @default true */
  readonly firstByteInterrupt?: boolean;
}

/** Counters since the port was made. */
export interface Pl011Statistics {
  /** Characters given to the host. */
  transmitted: number;
  /** Characters taken from the host. */
  received: number;
  /** Characters lost because the guest wrote to a full transmit FIFO. */
  transmitOverruns: number;
  /** Characters lost in loopback because the receive FIFO was full. */
  receiveOverruns: number;
  /** Changes of the interrupt line from low to high. */
  interrupts: number;
}

/** What can be wrong with a received character. A break is a character of zeros without a stop bit. */
export type ReceiveError = "framing" | "parity" | "break";

/**
 * A PL011 in a window of 4 KiB.
 *
 * @example
 * ```ts
 * import { Bus } from "../vbus/bus.ts";
 * import { LevelProbe } from "../irq_controller/lines.ts";
 * import { Pl011 } from "./pl011.ts";
 *
 * const bus = new Bus();
 * const uart = new Pl011(new LevelProbe());
 * uart.onTransmit((character) => console.log(String.fromCharCode(character)));
 * bus.register(uart, 0x0900_0000, 0x1000);
 * bus.write(0x0900_0000, 4, 0x41);
 * ```
 */
export class Pl011 implements Device, Uart {
  readonly name: string;
  /** What has happened so far. */
  readonly statistics: Pl011Statistics = {
    transmitted: 0,
    received: 0,
    transmitOverruns: 0,
    receiveOverruns: 0,
    interrupts: 0,
  };
  readonly #irq: IrqLine;
  readonly #depth: number;
  readonly #firstByte: boolean;
  readonly #ids: readonly number[];
  readonly #rx: Fifo;
  readonly #tx: Fifo;
  #transmit: (character: number) => void = () => {};
  #break: (on: boolean) => void = () => {};
  #receiveReady: () => void = () => {};
  /** The host was refused and waits for room. */
  #hostWaits = false;
  /** The host takes no characters for now. */
  #held = false;
  /** What the host drives, undefined while nothing is connected. */
  #modem: ModemInputs | undefined;
  #line = false;

  /** By word of the offset; of use are those of STORED. */
  readonly #registers: Uint16Array = new Uint16Array(REGISTER_WORDS);
  #rsr = 0;
  /** A character came when the FIFO was full; marks the next one that fits. */
  #overrun = false;
  #fr = 0;
  #ris = 0;

  /** `irq` is UARTINTR, the combined interrupt. */
  constructor(irq: IrqLine, options: Pl011Options = {}) {
    const { name = "pl011", fifoDepth = 16, firstByteInterrupt = true } = options;
    this.name = name;
    this.#irq = irq;
    this.#depth = fifoDepth;
    this.#firstByte = firstByteInterrupt;
    // Revision 1 (r1p4) has FIFOs of 16, 3 (r1p5) of 32.
    this.#ids = primeCellIds({ part: 0x011, revision: fifoDepth === 32 ? 3 : 1 });
    this.#rx = new Fifo(fifoDepth);
    this.#tx = new Fifo(fifoDepth);
    this.reset();
  }

  /** Accesses of any size; what is not a register reads as zero. */
  access(access: BusAccess): AccessResult {
    const { offset } = access;
    if (access.write) {
      // A write to the upper bytes of a register reaches none of the bits that exist.
      if ((offset & 3) === 0) this.#write(offset, access.value);
    } else if (offset === Register.FR) {
      access.value = this.#fr;
    } else {
      access.value = this.#read(offset & ~3) >>> ((offset & 3) * 8);
    }
    return AccessResult.ok;
  }

  /** Registers as after power-on; characters in the FIFOs are lost. The host's lines stay. */
  reset(): void {
    this.#rx.clear();
    this.#tx.clear();
    this.#rsr = 0;
    this.#overrun = false;
    this.#ris = 0;
    for (const { offset, reset } of STORED) this.#registers[offset >>> 2] = reset;
    this.#updateFlags();
    this.#updateLine();
    this.#offerRoom();
  }

  shutdown(): void {
    this.#transmit = () => {};
    this.#break = () => {};
    this.#receiveReady = () => {};
  }

  canReceive(): number {
    const cr = this.#cr;
    if ((cr & Control.rxEnable) === 0 || (cr & Control.loopback) !== 0) return 0;
    return this.#capacity - this.#rx.length;
  }

  receive(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.canReceive());
    for (let i = 0; i < count; i++) this.#push(bytes[i]);
    this.statistics.received += count;
    if (count < bytes.length) this.#hostWaits = true;
    if (count > 0) this.#endOfBurst();
    return count;
  }

  /** Sends the guest one character with an error; false if there is no room for it. */
  receiveError(error: ReceiveError, character = 0): boolean {
    if (this.canReceive() === 0) return false;
    this.#push(error === "break" ? Received.break : (character & 0xff) | Received[error]);
    this.statistics.received++;
    this.#endOfBurst();
    return true;
  }

  onReceiveReady(callback: () => void): void {
    this.#receiveReady = callback;
  }

  onTransmit(callback: (character: number) => void): void {
    this.#transmit = callback;
  }

  /** Called when the guest begins or ends a break (LCR_H.BRK). One callback. */
  onBreak(callback: (on: boolean) => void): void {
    this.#break = callback;
  }

  holdTransmit(hold: boolean): void {
    this.#held = hold;
    if (!hold) this.#resume();
  }

  /**
   * Drives the modem inputs; a change of one raises its interrupt. Before the first call nothing is
   * connected: all inputs are off, and the guest's CTS flow control (CR.CTSEn) has no effect.
   */
  setModem(inputs: ModemInputs): void {
    this.#modem = { ...inputs };
    this.#updateModem(this.#fr);
    this.#resume();
  }

  /** What the guest drives (CR). In loopback mode the outputs are off. */
  get modemOutputs(): ModemOutputs {
    return modemOutputs(this.#cr);
  }

  state(): DeviceState {
    return {
      registers: STORED.map(({ offset }) => this.#registers[offset >>> 2]),
      rx: this.#rx.toArray(),
      tx: this.#tx.toArray(),
      rsr: this.#rsr,
      overrun: this.#overrun,
      ris: this.#ris,
    };
  }

  /** Characters that waited in the transmit FIFO go to the host, unless it holds them. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const registers = from.integers("registers", STORED.length, 0xffff);
    if (registers.length < STORED.length || STORED.some(({ bits }, i) => registers[i] & ~bits)) {
      throw new TypeError(`state of ${this.name}: registers are not those of a PL011`);
    }
    const lcr = registers[STORED.findIndex(({ offset }) => offset === Register.LCR_H)];
    const capacity = lcr & LineControl.fifoEnable ? this.#depth : 1;
    const rx = from.integers("rx", capacity, 0xfff);
    const tx = from.integers("tx", capacity, 0xff);
    const rsr = from.integer("rsr", 0xf);
    const overrun = from.boolean("overrun");
    const ris = from.integer("ris", Interrupt.all);
    STORED.forEach(({ offset }, i) => this.#registers[offset >>> 2] = registers[i]);
    this.#rx.assign(rx);
    this.#tx.assign(tx);
    this.#rsr = rsr;
    this.#overrun = overrun;
    this.#ris = ris;
    this.#resume();
  }

  #read(register: number): number {
    if (register >= PRIMECELL_ID) return this.#ids[(register - PRIMECELL_ID) >>> 2] ?? 0;
    switch (register) {
      case Register.DR:
        return this.#readData();
      case Register.RSR:
        return this.#rsr;
      case Register.FR:
        return this.#fr;
      case Register.RIS:
        return this.#ris;
      case Register.MIS:
        return this.#ris & this.#imsc;
      default:
        return this.#registers[register >>> 2] ?? 0;
    }
  }

  #write(register: number, value: number): void {
    const before = this.#registers[register >>> 2];
    const bits = STORED_BITS[register >>> 2];
    if (bits > 0) this.#registers[register >>> 2] = value & bits;
    switch (register) {
      case Register.DR:
        return this.#writeData(value & 0xff);
      case Register.RSR:
        this.#rsr = 0;
        return;
      case Register.LCR_H:
        return this.#lineControlChanged(before);
      case Register.CR:
        return this.#controlChanged();
      case Register.IMSC:
        return this.#updateLine();
      case Register.ICR:
        this.#ris &= ~value;
        return this.#updateLine();
    }
  }

  // ---- receiver

  #readData(): number {
    if (this.#rx.length === 0) return 0;
    const character = this.#rx.shift();
    // RSR shows the errors of the character read last; overrun stays until it is cleared.
    this.#rsr = (this.#rsr & (Received.overrun >>> 8)) | (character >>> 8);
    if (this.#rx.length < this.#rxLevel) this.#ris &= ~Interrupt.rx;
    if (this.#rx.length === 0) this.#ris &= ~Interrupt.rxTimeout;
    this.#updateFlags();
    this.#updateLine();
    this.#offerRoom();
    return character;
  }

  /** A character with its error bits arrives on the line. */
  #push(character: number): void {
    if (this.#rx.length >= this.#capacity) {
      this.#overrun = true;
      this.#ris |= Interrupt.overrun;
      this.#rsr |= Received.overrun >>> 8;
      this.statistics.receiveOverruns++;
      return;
    }
    if (this.#overrun) character |= Received.overrun;
    this.#overrun = false;
    this.#rx.push(character);
    if ((character & Received.framing) !== 0) this.#ris |= Interrupt.framing;
    if ((character & Received.parity) !== 0) this.#ris |= Interrupt.parity;
    if ((character & Received.break) !== 0) this.#ris |= Interrupt.break;
    if (this.#rx.length >= this.#rxLevel) this.#ris |= Interrupt.rx;
  }

  /** No more characters follow for now: 32 bit times pass. */
  #endOfBurst(): void {
    if (this.#rx.length > 0 && this.#fifosEnabled) this.#ris |= Interrupt.rxTimeout;
    this.#updateFlags();
    this.#updateLine();
  }

  /** Tells a host that was refused once half of the FIFO is free. */
  #offerRoom(): void {
    if (!this.#hostWaits || this.canReceive() * 2 < this.#capacity) return;
    this.#hostWaits = false;
    this.#receiveReady();
  }

  // ---- transmitter

  #writeData(character: number): void {
    if ((this.#cr & Control.loopback) === 0 && !this.#stopped) {
      // The common case: an empty FIFO and a host that takes the character now.
      this.statistics.transmitted++;
      this.#ris |= Interrupt.tx;
      this.#updateLine();
      this.#transmit(character);
      return;
    }
    if (this.#tx.length >= this.#capacity) {
      this.statistics.transmitOverruns++;
      return;
    }
    this.#tx.push(character);
    if (this.#tx.length > this.#txLevel) this.#ris &= ~Interrupt.tx;
    this.#resume();
  }

  /** Whether characters must wait: for the host, or for the other side's clear to send. */
  get #stopped(): boolean {
    if (this.#held) return true;
    return (this.#cr & Control.ctsEnable) !== 0 && this.#modem !== undefined && !this.#modem.cts;
  }

  /** Sends what waits, to the host or back into the receiver, as far as that is possible. */
  #resume(): void {
    const loopback = (this.#cr & Control.loopback) !== 0;
    const waiting = this.#tx.length;
    // The callback may hold the transmitter.
    while (this.#tx.length > 0 && (loopback || !this.#stopped)) {
      const character = this.#tx.shift();
      this.statistics.transmitted++;
      if (!loopback) this.#transmit(character);
      else if ((this.#cr & Control.rxEnable) !== 0) this.#push(character);
    }
    if (this.#tx.length < waiting) {
      if (this.#tx.length <= this.#txLevel) this.#ris |= Interrupt.tx;
      if (loopback) this.#endOfBurst();
    }
    this.#updateFlags();
    this.#updateLine();
  }

  // ---- control

  #lineControlChanged(before: number): void {
    const changed = this.#lcr ^ before;
    if ((changed & LineControl.fifoEnable) !== 0) {
      this.#rx.clear();
      this.#tx.clear();
      this.#ris &= ~(Interrupt.rx | Interrupt.rxTimeout);
    }
    if ((changed & LineControl.break) !== 0) {
      const broken = (this.#lcr & LineControl.break) !== 0;
      if ((this.#cr & Control.loopback) === 0) this.#break(broken);
      else if (broken && (this.#cr & Control.rxEnable) !== 0) {
        this.#push(Received.break);
        this.#endOfBurst();
      }
    }
    this.#updateFlags();
    this.#updateLine();
    this.#offerRoom();
  }

  #controlChanged(): void {
    const before = this.#fr;
    this.#resume();
    this.#updateModem(before);
    this.#offerRoom();
  }

  /** Raises the interrupts of modem inputs that differ from those in an earlier FR. */
  #updateModem(before: number): void {
    this.#updateFlags();
    const changed = before ^ this.#fr;
    if ((changed & Flag.cts) !== 0) this.#ris |= Interrupt.cts;
    if ((changed & Flag.dsr) !== 0) this.#ris |= Interrupt.dsr;
    if ((changed & Flag.dcd) !== 0) this.#ris |= Interrupt.dcd;
    if ((changed & Flag.ri) !== 0) this.#ris |= Interrupt.ri;
    this.#updateLine();
  }

  get #cr(): number {
    return this.#registers[Register.CR >>> 2];
  }

  get #lcr(): number {
    return this.#registers[Register.LCR_H >>> 2];
  }

  get #imsc(): number {
    return this.#registers[Register.IMSC >>> 2];
  }

  get #fifosEnabled(): boolean {
    return (this.#lcr & LineControl.fifoEnable) !== 0;
  }

  /** Characters that each FIFO holds now. */
  get #capacity(): number {
    return this.#fifosEnabled ? this.#depth : 1;
  }

  /** Receive interrupt when the FIFO holds at least so many. */
  get #rxLevel(): number {
    if (this.#firstByte || !this.#fifosEnabled) return 1;
    return this.#level(this.#registers[Register.IFLS >>> 2] >>> 3);
  }

  /** Transmit interrupt when the FIFO holds at most so many. */
  get #txLevel(): number {
    return this.#fifosEnabled ? this.#level(this.#registers[Register.IFLS >>> 2] & 7) : 0;
  }

  /** FIFO level of an IFLS code: 1/8, 1/4, 1/2, 3/4, 7/8; the reserved codes count as 7/8. */
  #level(code: number): number {
    return (this.#depth * [1, 2, 4, 6, 7][Math.min(code, 4)]) >>> 3;
  }

  /** FR is read before every character: keep it ready. */
  #updateFlags(): void {
    let fr = modemFlags(this.#cr, this.#modem);
    if (this.#rx.length === 0) fr |= Flag.rxEmpty;
    if (this.#rx.length >= this.#capacity) fr |= Flag.rxFull;
    fr |= this.#tx.length === 0 ? Flag.txEmpty : Flag.busy;
    if (this.#tx.length >= this.#capacity) fr |= Flag.txFull;
    this.#fr = fr;
  }

  #updateLine(): void {
    const level = (this.#ris & this.#imsc) !== 0;
    if (level === this.#line) return;
    this.#line = level;
    if (level) this.statistics.interrupts++;
    this.#irq.set(level);
  }
}

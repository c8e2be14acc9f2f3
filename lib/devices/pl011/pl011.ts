/**
 * Arm PrimeCell UART PL011 (DDI 0183, revision r1p4, or r1p5 with FIFOs of 32).
 *
 * Deliberate deviations:
 * - characters take no time: what the guest sends is gone at once unless the host holds it, and a
 *   pause of the sender (receive timeout) is the end of what the host delivered in one call;
 * - CR.UARTEN and CR.TXE do not stop the transmitter, UARTEN does not stop the receiver: programs
 *   written for QEMU's board print without enabling anything. CR.RXE does hold back input;
 * - with `firstByteInterrupt`, as in QEMU, the receive interrupt does not wait for the FIFO level;
 * - no DMA, no IrDA: their registers only remember.
 */
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { Uart } from "../vuart/uart.ts";
import { Fifo } from "./fifo.ts";

// Register offsets (DDI 0183, table 3-1).
const DR = 0x00; // data, with error bits 11:8 on reads
const RSR = 0x04; // receive status; any write (ECR) clears it
const FR = 0x18; // flags (RO)
const ILPR = 0x20;
const IBRD = 0x24;
const FBRD = 0x28;
const LCR_H = 0x2c;
const CR = 0x30;
const IFLS = 0x34;
const IMSC = 0x38;
const RIS = 0x3c; // (RO)
const MIS = 0x40; // (RO)
const ICR = 0x44; // (WO)
const DMACR = 0x48;
const PERIPHID0 = 0xfe0; // 8 identification bytes, one per word

/** Received character: error bits above the data, as DR shows them. */
const Received = { framing: 1 << 8, parity: 1 << 9, break: 1 << 10, overrun: 1 << 11 } as const;

const Flag = {
  cts: 1 << 0,
  dsr: 1 << 1,
  dcd: 1 << 2,
  busy: 1 << 3,
  rxEmpty: 1 << 4,
  txFull: 1 << 5,
  rxFull: 1 << 6,
  txEmpty: 1 << 7,
  ri: 1 << 8,
} as const;

const LineControl = { break: 1 << 0, fifoEnable: 1 << 4 } as const;

const Control = {
  loopback: 1 << 7,
  txEnable: 1 << 8,
  rxEnable: 1 << 9,
  dtr: 1 << 10,
  rts: 1 << 11,
  out1: 1 << 12,
  out2: 1 << 13,
} as const;

const Interrupt = {
  ri: 1 << 0,
  cts: 1 << 1,
  dcd: 1 << 2,
  dsr: 1 << 3,
  rx: 1 << 4,
  tx: 1 << 5,
  rxTimeout: 1 << 6,
  framing: 1 << 7,
  parity: 1 << 8,
  break: 1 << 9,
  overrun: 1 << 10,
  all: 0x7ff,
} as const;

const CR_RESET = Control.txEnable | Control.rxEnable;
const IFLS_RESET = 0x12; // both at half

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

/** A PL011 in a window of 4 KiB. */
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
  #held = false;
  #line = false;

  #rsr = 0;
  /** A character came when the FIFO was full; marks the next one that fits. */
  #overrun = false;
  #fr = 0;
  #ilpr = 0;
  #ibrd = 0;
  #fbrd = 0;
  #lcr = 0;
  #cr = CR_RESET;
  #ifls = IFLS_RESET;
  #imsc = 0;
  #ris = 0;
  #dmacr = 0;

  /** `irq` is UARTINTR, the combined interrupt. */
  constructor(irq: IrqLine, options: Pl011Options = {}) {
    const { name = "pl011", fifoDepth = 16, firstByteInterrupt = true } = options;
    this.name = name;
    this.#irq = irq;
    this.#depth = fifoDepth;
    this.#firstByte = firstByteInterrupt;
    // PeriphID2 holds the revision: 1 (r1p4) has FIFOs of 16, 3 (r1p5) of 32.
    const revision = fifoDepth === 32 ? 0x34 : 0x14;
    this.#ids = [0x11, 0x10, revision, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
    this.#rx = new Fifo(fifoDepth);
    this.#tx = new Fifo(fifoDepth);
    this.#updateFlags();
  }

  /** Accesses of any size; what is not a register reads as zero. */
  access(access: BusAccess): AccessResult {
    const { offset } = access;
    if (access.write) {
      // A write to the upper bytes of a register reaches none of the bits that exist.
      if ((offset & 3) === 0) this.#write(offset, access.value);
    } else if (offset === FR) {
      access.value = this.#fr;
    } else {
      access.value = this.#read(offset & ~3) >>> ((offset & 3) * 8);
    }
    return AccessResult.ok;
  }

  reset(): void {
    this.#rx.clear();
    this.#tx.clear();
    this.#rsr = 0;
    this.#overrun = false;
    this.#ilpr =
      this.#ibrd =
      this.#fbrd =
      this.#dmacr =
        0;
    this.#lcr = 0;
    this.#cr = CR_RESET;
    this.#ifls = IFLS_RESET;
    this.#imsc = 0;
    this.#ris = 0;
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
    if ((this.#cr & Control.rxEnable) === 0 || (this.#cr & Control.loopback) !== 0) return 0;
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

  /** Puts the receive line into the break condition for a moment; false if the FIFO has no room. */
  receiveBreak(): boolean {
    if (this.canReceive() === 0) return false;
    this.#push(Received.break);
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
    if (hold) return;
    this.#drain();
    this.#updateFlags();
    this.#updateLine();
  }

  state(): DeviceState {
    return {
      rx: this.#rx.toArray(),
      tx: this.#tx.toArray(),
      rsr: this.#rsr,
      overrun: this.#overrun,
      ilpr: this.#ilpr,
      ibrd: this.#ibrd,
      fbrd: this.#fbrd,
      lcr: this.#lcr,
      cr: this.#cr,
      ifls: this.#ifls,
      imsc: this.#imsc,
      ris: this.#ris,
      dmacr: this.#dmacr,
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const lcr = from.integer("lcr", 0xff);
    const capacity = lcr & LineControl.fifoEnable ? this.#depth : 1;
    const rx = from.integers("rx", capacity, 0xfff);
    const tx = from.integers("tx", capacity, 0xff);
    const rsr = from.integer("rsr", 0xf);
    const overrun = from.boolean("overrun");
    const ilpr = from.integer("ilpr", 0xff);
    const ibrd = from.integer("ibrd", 0xffff);
    const fbrd = from.integer("fbrd", 0x3f);
    const cr = from.integer("cr", 0xffff);
    const ifls = from.integer("ifls", 0x3f);
    const imsc = from.integer("imsc", Interrupt.all);
    const ris = from.integer("ris", Interrupt.all);
    const dmacr = from.integer("dmacr", 0x7);
    this.#rx.assign(rx);
    this.#tx.assign(tx);
    this.#rsr = rsr;
    this.#overrun = overrun;
    this.#ilpr = ilpr;
    this.#ibrd = ibrd;
    this.#fbrd = fbrd;
    this.#lcr = lcr;
    this.#cr = cr;
    this.#ifls = ifls;
    this.#imsc = imsc;
    this.#ris = ris;
    this.#dmacr = dmacr;
    if (!this.#held) this.#drain();
    this.#updateFlags();
    this.#updateLine();
  }

  #read(register: number): number {
    switch (register) {
      case DR:
        return this.#readData();
      case RSR:
        return this.#rsr;
      case FR:
        return this.#fr;
      case ILPR:
        return this.#ilpr;
      case IBRD:
        return this.#ibrd;
      case FBRD:
        return this.#fbrd;
      case LCR_H:
        return this.#lcr;
      case CR:
        return this.#cr;
      case IFLS:
        return this.#ifls;
      case IMSC:
        return this.#imsc;
      case RIS:
        return this.#ris;
      case MIS:
        return this.#ris & this.#imsc;
      case DMACR:
        return this.#dmacr;
      default:
        return register >= PERIPHID0 && register < 0x1000
          ? this.#ids[(register - PERIPHID0) >>> 2]
          : 0;
    }
  }

  #write(register: number, value: number): void {
    switch (register) {
      case DR:
        this.#writeData(value & 0xff);
        return;
      case RSR:
        this.#rsr = 0;
        return;
      case ILPR:
        this.#ilpr = value & 0xff;
        return;
      case IBRD:
        this.#ibrd = value & 0xffff;
        return;
      case FBRD:
        this.#fbrd = value & 0x3f;
        return;
      case LCR_H:
        this.#writeLineControl(value & 0xff);
        return;
      case CR:
        this.#writeControl(value & 0xffff);
        return;
      case IFLS:
        this.#ifls = value & 0x3f;
        return;
      case IMSC:
        this.#imsc = value & Interrupt.all;
        this.#updateLine();
        return;
      case ICR:
        this.#ris &= ~value;
        this.#updateLine();
        return;
      case DMACR:
        this.#dmacr = value & 0x7;
        return;
    }
  }

  #readData(): number {
    if (this.#rx.length === 0) return 0;
    const character = this.#rx.shift();
    // RSR shows the errors of the character read last; overrun is as of now.
    this.#rsr = (character >>> 8) & 0xf;
    if (this.#rx.length < this.#rxLevel) this.#ris &= ~Interrupt.rx;
    if (this.#rx.length === 0) this.#ris &= ~Interrupt.rxTimeout;
    this.#updateFlags();
    this.#updateLine();
    this.#offerRoom();
    return character;
  }

  #writeData(character: number): void {
    if (!this.#held && (this.#cr & Control.loopback) === 0) {
      // The common case: an empty FIFO and a host that takes the character now.
      this.statistics.transmitted++;
      this.#raise(Interrupt.tx);
      this.#transmit(character);
      return;
    }
    if (this.#tx.length >= this.#capacity) {
      this.statistics.transmitOverruns++;
      return;
    }
    this.#tx.push(character);
    if (this.#tx.length > this.#txLevel) this.#ris &= ~Interrupt.tx;
    this.#drain();
    this.#updateFlags();
    this.#updateLine();
  }

  /** Sends what waits, to the host or back into the receiver. */
  #drain(): void {
    const loopback = (this.#cr & Control.loopback) !== 0;
    if (this.#tx.length === 0 || (this.#held && !loopback)) return;
    while (this.#tx.length > 0 && (loopback || !this.#held)) {
      const character = this.#tx.shift();
      this.statistics.transmitted++;
      if (!loopback) this.#transmit(character);
      else if ((this.#cr & Control.rxEnable) !== 0) this.#push(character);
    }
    if (this.#tx.length <= this.#txLevel) this.#ris |= Interrupt.tx;
    if (loopback) this.#endOfBurst();
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
    if (this.#rx.length > 0 && (this.#lcr & LineControl.fifoEnable) !== 0) {
      this.#ris |= Interrupt.rxTimeout;
    }
    this.#updateFlags();
    this.#updateLine();
  }

  #writeLineControl(value: number): void {
    const changed = this.#lcr ^ value;
    this.#lcr = value;
    if ((changed & LineControl.fifoEnable) !== 0) {
      this.#rx.clear();
      this.#tx.clear();
      this.#ris &= ~(Interrupt.rx | Interrupt.rxTimeout);
    }
    const broken = (value & LineControl.break) !== 0;
    if ((changed & LineControl.break) !== 0) {
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

  #writeControl(value: number): void {
    const before = this.#fr;
    this.#cr = value;
    this.#drain();
    this.#updateFlags();
    const changed = before ^ this.#fr;
    if ((changed & Flag.cts) !== 0) this.#ris |= Interrupt.cts;
    if ((changed & Flag.dsr) !== 0) this.#ris |= Interrupt.dsr;
    if ((changed & Flag.dcd) !== 0) this.#ris |= Interrupt.dcd;
    if ((changed & Flag.ri) !== 0) this.#ris |= Interrupt.ri;
    this.#updateLine();
    this.#offerRoom();
  }

  /** Characters that each FIFO holds now. */
  get #capacity(): number {
    return (this.#lcr & LineControl.fifoEnable) !== 0 ? this.#depth : 1;
  }

  /** Receive interrupt when the FIFO holds at least so many. */
  get #rxLevel(): number {
    if (this.#firstByte || (this.#lcr & LineControl.fifoEnable) === 0) return 1;
    return this.#level(this.#ifls >>> 3);
  }

  /** Transmit interrupt when the FIFO holds at most so many. */
  get #txLevel(): number {
    return (this.#lcr & LineControl.fifoEnable) === 0 ? 0 : this.#level(this.#ifls & 7);
  }

  /** FIFO level of an IFLS code: 1/8, 1/4, 1/2, 3/4, 7/8; the reserved codes count as 7/8. */
  #level(code: number): number {
    return (this.#depth * [1, 2, 4, 6, 7][Math.min(code, 4)]) >>> 3;
  }

  /** FR is read before every character: keep it ready. */
  #updateFlags(): void {
    let fr = 0;
    if (this.#rx.length === 0) fr |= Flag.rxEmpty;
    if (this.#rx.length >= this.#capacity) fr |= Flag.rxFull;
    if (this.#tx.length === 0) fr |= Flag.txEmpty;
    else fr |= Flag.busy;
    if (this.#tx.length >= this.#capacity) fr |= Flag.txFull;
    // Nothing is wired to the modem lines; in loopback the outputs come back as inputs.
    if ((this.#cr & Control.loopback) !== 0) {
      if ((this.#cr & Control.rts) !== 0) fr |= Flag.cts;
      if ((this.#cr & Control.dtr) !== 0) fr |= Flag.dsr;
      if ((this.#cr & Control.out1) !== 0) fr |= Flag.dcd;
      if ((this.#cr & Control.out2) !== 0) fr |= Flag.ri;
    }
    this.#fr = fr;
  }

  #raise(interrupt: number): void {
    this.#ris |= interrupt;
    this.#updateLine();
  }

  #updateLine(): void {
    const level = (this.#ris & this.#imsc) !== 0;
    if (level === this.#line) return;
    this.#line = level;
    if (level) this.statistics.interrupts++;
    this.#irq.set(level);
  }

  /** Tells a host that was refused once half of the FIFO is free. */
  #offerRoom(): void {
    if (!this.#hostWaits || this.canReceive() * 2 < this.#capacity) return;
    this.#hostWaits = false;
    this.#receiveReady();
  }
}

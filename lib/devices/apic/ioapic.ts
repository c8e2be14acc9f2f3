/**
 * I/O APIC 82093AA (Intel 290566): 24 inputs, each with a redirection entry that makes a message of it.
 *
 * Deliberate deviations: version 0x20 has the EOI register of later chips, as QEMU's; the polarity bit
 * only remembers, because lines here are asserted or not; messages arrive at once, so delivery status
 * is set only while no local APIC takes a level; such a level is sent again when its entry is written.
 */
import { StateReader } from "../device_state.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { unconnected } from "../irq_controller/lines.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { DeliveryMode, type MessageSink, shortDestination } from "./message.ts";

/** Inputs. */
export const IOAPIC_PINS = 24;
/** Where PCs have it. */
export const IOAPIC_ADDRESS = 0xfec00000;
/** Bytes of its window. */
export const IOAPIC_BYTES = 0x1000;

/** Offsets in the window. */
const IOREGSEL = 0x00;
const IOWIN = 0x10;
/** EOI register, version 0x20 (WO): the vector that has ended. */
const IOEOI = 0x40;

/** Indices of registers behind the window. */
const Index = { ID: 0x00, VERSION: 0x01, ARBITRATION: 0x02, REDIRECTION: 0x10 } as const;

/** The bits of IOAPICID that there are. */
const ID_BITS = 0x0f000000;

/** Bits 31:0 of a redirection entry. */
const Entry = {
  vector: 0xff,
  mode: 0x700,
  logical: 0x800,
  /** Delivery status (RO). */
  pending: 0x1000,
  /** Remote IRR (RO): a level has been taken and has not ended. */
  remoteIrr: 0x4000,
  level: 0x8000,
  masked: 0x10000,
  /** What can be written. */
  bits: 0x1afff,
} as const;
/** Destination in bits 63:56, here of the upper word. */
const DESTINATION_SHIFT = 24;
const DESTINATION_BITS = 0xff000000;

/** What an I/O APIC is connected to. */
export interface IoApicOptions {
  /** For people, where there are several. @default "ioapic" */
  readonly name?: string;
  /** The local APICs. */
  readonly sink: MessageSink;
  /** IOAPICID after reset, 0 to 15. @default 0 */
  readonly id?: number;
  /** 0x11 is the 82093AA; 0x20 has an EOI register. @default 0x20 */
  readonly version?: 0x11 | 0x20;
}

/** An I/O APIC in a window of 4 KiB. */
export class IoApic implements Device {
  /** For people. */
  readonly name: string;
  readonly #sink: MessageSink;
  readonly #version: number;
  readonly #resetId: number;
  #id = 0;
  #select = 0;
  readonly #low: Uint32Array = new Uint32Array(IOAPIC_PINS);
  readonly #high: Uint32Array = new Uint32Array(IOAPIC_PINS);
  /** Levels of the inputs, one bit each. */
  #lines = 0;

  /** All inputs masked. */
  constructor(options: IoApicOptions) {
    this.name = options.name ?? "ioapic";
    this.#sink = options.sink;
    this.#version = options.version ?? 0x20;
    this.#resetId = ((options.id ?? 0) << 24) & ID_BITS;
    this.reset();
  }

  /** Input `n`, 0 to 23; leads nowhere if there is no such input. */
  line(n: number): IrqLine {
    if (n < 0 || n >= IOAPIC_PINS) return unconnected;
    return { set: (level) => this.#drive(n, level) };
  }

  /** A local APIC has ended a level-triggered interrupt: every entry with its vector may send again. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      const waits = Entry.remoteIrr | vector;
      if ((this.#low[pin] & (Entry.remoteIrr | Entry.vector)) !== waits) continue;
      this.#low[pin] &= ~Entry.remoteIrr;
      this.#sendLevel(pin);
    }
  }

  /** Words at the offsets of registers; IOREGSEL takes a byte too. Anything else reads as zero. */
  access(access: BusAccess): AccessResult {
    const { offset, size, write, value } = access;
    if (offset === IOREGSEL) {
      if (write) this.#select = value & 0xff;
      else access.value = this.#select;
    } else if (size !== 4) return AccessResult.ok;
    else if (offset === IOWIN) {
      if (write) this.#write(value);
      else access.value = this.#read();
    } else if (offset === IOEOI && write && this.#version === 0x20) {
      this.endOfInterrupt(value & Entry.vector);
    }
    return AccessResult.ok;
  }

  /** All inputs masked. Their levels stay. */
  reset(): void {
    this.#id = this.#resetId;
    this.#select = 0;
    this.#low.fill(Entry.masked);
    this.#high.fill(0);
  }

  shutdown(): void {}

  state(): DeviceState {
    return {
      id: this.#id,
      select: this.#select,
      low: Array.from(this.#low),
      high: Array.from(this.#high),
      lines: this.#lines,
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const id = from.integer("id", ID_BITS);
    const select = from.integer("select", 0xff);
    const low = from.integers("low", IOAPIC_PINS, Entry.bits | Entry.pending | Entry.remoteIrr);
    const high = from.integers("high", IOAPIC_PINS);
    const lines = from.integer("lines", 2 ** IOAPIC_PINS - 1);
    if (low.length !== IOAPIC_PINS || high.length !== IOAPIC_PINS) {
      throw new TypeError(`state of ${this.name}: not ${IOAPIC_PINS} inputs`);
    }
    this.#id = id & ID_BITS;
    this.#select = select;
    this.#low.set(low);
    this.#high.set(high.map((word) => word & DESTINATION_BITS));
    this.#lines = lines;
  }

  #read(): number {
    const select = this.#select;
    if (select === Index.ID || select === Index.ARBITRATION) return this.#id;
    if (select === Index.VERSION) return ((IOAPIC_PINS - 1) << 16) | this.#version;
    const pin = (select - Index.REDIRECTION) >> 1;
    if (pin < 0 || pin >= IOAPIC_PINS) return 0;
    return (select & 1) === 0 ? this.#low[pin] : this.#high[pin];
  }

  #write(value: number): void {
    const select = this.#select;
    if (select === Index.ID) this.#id = value & ID_BITS;
    const pin = (select - Index.REDIRECTION) >> 1;
    if (pin < 0 || pin >= IOAPIC_PINS) return;
    if ((select & 1) !== 0) this.#high[pin] = value & DESTINATION_BITS;
    else {
      this.#low[pin] = (this.#low[pin] & Entry.remoteIrr) | (value & Entry.bits);
      // An edge has no end that could be awaited. Guests use that to forget one.
      if (!this.#isLevel(pin)) this.#low[pin] &= ~Entry.remoteIrr;
    }
    this.#sendLevel(pin);
  }

  #drive(pin: number, level: boolean): void {
    const bit = 1 << pin;
    if (level === ((this.#lines & bit) !== 0)) return;
    this.#lines ^= bit;
    if (this.#isLevel(pin)) {
      if (!level) this.#low[pin] &= ~Entry.pending;
      this.#sendLevel(pin);
    } else if (level && (this.#low[pin] & Entry.masked) === 0) this.#send(pin, false);
  }

  /** NMI, SMI, INIT and ExtINT are edges whatever the entry says. */
  #isLevel(pin: number): boolean {
    const low = this.#low[pin];
    const mode = (low & Entry.mode) >>> 8;
    const fixed = mode === DeliveryMode.fixed || mode === DeliveryMode.lowestPriority;
    return fixed && (low & Entry.level) !== 0;
  }

  /** Sends a level that is there, unmasked, and not under way. */
  #sendLevel(pin: number): void {
    if ((this.#lines & (1 << pin)) === 0 || !this.#isLevel(pin)) return;
    if ((this.#low[pin] & (Entry.masked | Entry.remoteIrr)) !== 0) return;
    this.#low[pin] |= this.#send(pin, true) ? Entry.remoteIrr : Entry.pending;
    if ((this.#low[pin] & Entry.remoteIrr) !== 0) this.#low[pin] &= ~Entry.pending;
  }

  #send(pin: number, level: boolean): boolean {
    const low = this.#low[pin];
    return this.#sink.deliver({
      vector: low & Entry.vector,
      mode: (low & Entry.mode) >>> 8,
      logical: (low & Entry.logical) !== 0,
      destination: shortDestination(this.#high[pin] >>> DESTINATION_SHIFT),
      level,
    });
  }
}

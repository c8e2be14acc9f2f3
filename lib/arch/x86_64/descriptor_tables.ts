/** Descriptors in GDT and LDT, and stack pointers in the TSS (SDM volume 3, 3.4.5, 3.5, 7.2, 7.7). */
import { GuestFault, Vector } from "./guest_fault.ts";
import { field } from "./layout.ts";
import type { LinearMemory } from "./linear_memory.ts";
import type { ProcessorState } from "./processor_state.ts";
import { Attribute, SystemType } from "./registers.ts";
import { Segment } from "./state.ts";

const GDTR_BASE = field("gdtrBase");
const GDTR_LIMIT = field("gdtrLimit");
const SELECTOR = field("selector");
const LIMIT = field("segmentLimit");

/** A descriptor, and where it stands. */
export interface Descriptor {
  readonly selector: number;
  /** Linear address of its first byte. */
  readonly address: number;
  /** The two words as they stand in memory: gates use them as they are. */
  readonly low: number;
  readonly high: number;
  /** {@linkcode Attribute} */
  readonly attributes: number;
}

/** Whether a selector is null, whatever its RPL. */
export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

/** Descriptor privilege level. */
export function dplOf({ attributes }: Descriptor): number {
  return (attributes >>> Attribute.dplShift) & 3;
}

/** Base address, 32 bits. */
export function baseOf({ low, high }: Descriptor): number {
  return ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000)) >>> 0;
}

/** Bytes less one, granularity applied. */
export function limitOf({ low, high }: Descriptor): number {
  const limit = (low & 0xffff) | (high & 0xf0000);
  return (high & 0x800000) !== 0 ? ((limit << 12) | 0xfff) >>> 0 : limit;
}

/** Type of a system segment or gate, -1 for code and data. */
export function systemType({ attributes }: Descriptor): number {
  return (attributes & Attribute.nonSystem) !== 0 ? -1 : attributes & Attribute.type;
}

/** Whether it is a code segment. */
export function isCode({ attributes }: Descriptor): boolean {
  const both = Attribute.nonSystem | Attribute.code;
  return (attributes & both) === both;
}

/** Whether it is a data segment that can be written, as stacks must be. */
export function isWritableData({ attributes }: Descriptor): boolean {
  return (attributes & (Attribute.nonSystem | Attribute.code | Attribute.writable)) ===
    (Attribute.nonSystem | Attribute.writable);
}

/** Whether it is there to be used. */
export function isPresent({ attributes }: Descriptor): boolean {
  return (attributes & Attribute.present) !== 0;
}

/** Reads and marks descriptors. */
export class DescriptorTables {
  readonly #state: ProcessorState;
  readonly #memory: LinearMemory;

  /** `memory` is set to the rights of system accesses by whoever executes an instruction. */
  constructor(state: ProcessorState, memory: LinearMemory) {
    this.#state = state;
    this.#memory = memory;
  }

  /** The descriptor of a selector. Faults with `vector` if its table has none. */
  read(selector: number, vector: Vector = Vector.generalProtection, ext = 0): Descriptor {
    const { view } = this.#state;
    const local = (selector & 4) !== 0;
    const limit = local ? view.get32(LIMIT, Segment.ldtr) : view.get32(GDTR_LIMIT);
    const usable = !local || this.#state.segmentAttributes(Segment.ldtr) !== 0;
    if (!usable || (selector | 7) > limit) throw new GuestFault(vector, (selector & 0xfffc) | ext);
    const base = local
      ? this.#state.segmentBase(Segment.ldtr)
      : (view.high(GDTR_BASE) | 0) * 2 ** 32 + view.low(GDTR_BASE);
    const address = base + (selector & 0xfff8);
    this.#memory.readPair(address);
    const { pairLow: low, pairHigh: high } = this.#memory;
    return { selector, address, low, high, attributes: (high >>> 8) & 0xf0ff };
  }

  /** The third word of a system descriptor or gate of 16 bytes: bits 63:32 of its address. */
  upperWord(descriptor: Descriptor): number {
    const { address, selector } = descriptor;
    const { view } = this.#state;
    const local = (selector & 4) !== 0;
    const limit = local ? view.get32(LIMIT, Segment.ldtr) : view.get32(GDTR_LIMIT);
    const fault = new GuestFault(Vector.generalProtection, selector & 0xfffc);
    if ((selector & 0xfff8) + 15 > limit) throw fault;
    if ((this.#memory.read32(address + 12) & 0x1f00) !== 0) throw fault;
    return this.#memory.read32(address + 8);
  }

  /** Notes that a segment was loaded. */
  setAccessed(descriptor: Descriptor): void {
    if ((descriptor.attributes & Attribute.accessed) !== 0) return;
    const type = this.#memory.read8(descriptor.address + 5);
    this.#memory.write8(descriptor.address + 5, type | Attribute.accessed);
  }

  /** Notes that a TSS is in use. */
  setBusy(descriptor: Descriptor): void {
    const busy = SystemType.tssBusy & ~SystemType.tss;
    this.#memory.write8(descriptor.address + 5, (descriptor.attributes & 0xff) | busy);
  }

  /** Linear address of `size` bytes at `offset` of the current TSS. Faults with #TS. */
  tssField(offset: number, size: number): number {
    const { view } = this.#state;
    if (offset + size - 1 > view.get32(LIMIT, Segment.tr)) {
      throw new GuestFault(Vector.invalidTss, view.get32(SELECTOR, Segment.tr) & 0xfffc);
    }
    return this.#state.segmentBase(Segment.tr) + offset;
  }

  /** Whether the current TSS is one of 32 or 64 bits. */
  get wideTss(): boolean {
    return (this.#state.segmentAttributes(Segment.tr) & 8) !== 0;
  }
}

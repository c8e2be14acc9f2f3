/**
 * Records of pre-decoded instructions in the machine's memory: where they lie (see RecordFormat), and
 * how a decoded instruction is written into one.
 */
import { isMemory, Slot, SLOTS } from "./instruction.ts";
import type { Decoded, Handler, Operand } from "./instruction.ts";
import { byteRegisterAt, byteRegisterOffset } from "./interpreter_builder.ts";
import { metaOf } from "./meta.ts";
import { ENTRY_HANDLERS, Record, type RecordFormat, RECORDS_BASE, Special } from "./memory_map.ts";

/** What is in use of one page's records. */
export interface RecordPage {
  /** Address of the page's records, or of their map. */
  readonly records: number;
  /** Linked records: number of the first that is free. */
  nextRecord: number;
}

export class Records {
  readonly format: RecordFormat;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #decoded = {
    handler: undefined as unknown as Handler,
    slots: new Uint8Array(SLOTS),
    immLow: 0,
    immHigh: 0,
    displacement: 0,
    length: 0,
  };

  constructor(format: RecordFormat, buffer: ArrayBufferLike) {
    this.format = format;
    const end = RECORDS_BASE + format.pages * format.stride;
    this.#bytes = new Uint8Array(buffer, 0, end);
    this.#halves = new Uint16Array(buffer, 0, end / 2);
    this.#words = new Uint32Array(buffer, 0, end / 4);
  }

  /** Number of the page of records that an address lies in. */
  pageNumber(address: number): number {
    return Math.floor((address - RECORDS_BASE) / this.format.stride);
  }

  /** Makes page `number` one without instructions. */
  begin(number: number): RecordPage {
    const { stride, linked, units, shift } = this.format;
    const records = RECORDS_BASE + number * stride;
    const map = (2 * units) >> shift;
    if (linked) this.#words.fill(0, records >> 2, (records + 2 * units) >> 2);
    else {
      this.#words.fill(0, records >> 2, (records + stride) >> 2);
      this.setHandler(records + (units << shift), Special.pageEnd);
    }
    return { records, nextRecord: linked ? map : 0 };
  }

  /** Whether a linked page has room for `count` more records. */
  hasRoom({ nextRecord }: RecordPage, count: number): boolean {
    return !this.format.linked || nextRecord + count <= this.format.records;
  }

  /** Address of the record of the instruction at `index`, 0 if it has none. */
  at({ records }: RecordPage, index: number): number {
    const { linked, shift } = this.format;
    if (!linked) return records + (index << shift);
    const number = this.#halves[(records >> 1) + index];
    return number === 0 ? 0 : records + (number << shift);
  }

  /** Index of a record. */
  indexOf({ records }: RecordPage, record: number): number {
    const { linked, shift } = this.format;
    return linked ? this.#halves[(record + Record.offset) >> 1] : (record - records) >> shift;
  }

  /** Linked records: the next one, for the instruction at `index`; not yet found by the index. */
  append(page: RecordPage, index: number, special: number): number {
    const record = page.records + (page.nextRecord++ << this.format.shift);
    const at = record >> 2;
    this.#words.fill(0, at, at + 8);
    this.#words[at] = special;
    this.#halves[(record + Record.offset) >> 1] = index;
    return record;
  }

  /** Linked records: makes a record the one of its index. */
  enter({ records }: RecordPage, record: number): void {
    const index = this.#halves[(record + Record.offset) >> 1];
    this.#halves[(records >> 1) + index] = (record - records) >> this.format.shift;
  }

  /** Linked records: whether a record is the last that was made. */
  isLast({ records, nextRecord }: RecordPage, record: number): boolean {
    return record === records + ((nextRecord - 1) << this.format.shift);
  }

  /** Number of the handler as it stands in the record. */
  handler(record: number): number {
    return this.#words[record >> 2] & 0xffff;
  }

  setHandler(record: number, number: number): void {
    this.#words[record >> 2] = (this.#words[record >> 2] & 0xffff0000) | number;
  }

  count(record: number): number {
    return this.#words[(record + 4) >> 2] >>> 16;
  }

  setCount(record: number, value: number): void {
    const at = (record + 4) >> 2;
    this.#words[at] = (this.#words[at] & 0xffff) | (value << 16);
  }

  more(record: number): number {
    return this.#words[(record + Record.more) >> 2];
  }

  setMore(record: number, value: number): void {
    this.#words[(record + Record.more) >> 2] = value;
  }

  length(record: number): number {
    return this.format.linked ? this.#bytes[record + Record.length] : this.format.unit;
  }

  setOffset(record: number, value: number): void {
    this.#halves[(record + Record.offset) >> 1] = value;
  }

  /** Number of the instruction's handler, also if a region begins there. */
  original(record: number): number {
    const number = this.handler(record);
    if (number !== Special.enter) return number;
    return this.#halves[(ENTRY_HANDLERS >> 1) + this.count(record)];
  }

  /** Makes a record enter the region in a table slot. */
  setRegion(record: number, slot: number): void {
    this.#halves[(ENTRY_HANDLERS >> 1) + slot] = this.original(record);
    this.setHandler(record, Special.enter);
    this.setCount(record, slot);
  }

  /** Writes everything of an instruction but the number of its handler. */
  write(record: number, { handler, slots, immLow, immHigh, displacement, length }: Decoded): void {
    const { operands } = handler;
    // First, because byte slots 6 and 7 lie in it.
    this.#words[(record + Record.imm) >> 2] = immLow;
    this.#words[(record + Record.imm + 4) >> 2] = immHigh;
    for (let i = 0; i < operands.length; i++) {
      const operand = operands[i];
      const { slot } = operand;
      if (isMemory(operand)) {
        for (let n = 0; n < 4; n++) {
          this.#bytes[record + Record.address + n] = slots[Slot.address + n];
        }
        this.#words[(record + Record.displacement) >> 2] = displacement;
      } else if (slot >= 0) {
        this.#bytes[record + Record.slots + slot] = slotValue(handler, operand, slots[slot]);
      }
    }
    if (this.format.linked) this.#bytes[record + Record.length] = length;
  }

  /** Linked records: what `write` has written for a handler. Valid until the next call. */
  read(record: number, handler: Handler): Decoded {
    const out = this.#decoded;
    const { operands } = handler;
    out.handler = handler;
    out.immLow = this.#words[(record + Record.imm) >> 2] | 0;
    out.immHigh = this.#words[(record + Record.imm + 4) >> 2] | 0;
    out.displacement = this.#words[(record + Record.displacement) >> 2] | 0;
    out.length = this.#bytes[record + Record.length];
    for (let n = 0; n < 4; n++) {
      out.slots[Slot.address + n] = this.#bytes[record + Record.address + n];
    }
    for (let i = 0; i < operands.length; i++) {
      const { kind, slot } = operands[i];
      if (slot < 0 || slot >= Slot.address) continue;
      const value = this.#bytes[record + Record.slots + slot];
      out.slots[slot] = kind === "reg8" ? byteRegisterAt(value) : value;
    }
    return out;
  }
}

/** Registers as the interpreter wants them: the zero register has slots of its own, bytes their place. */
function slotValue(handler: Handler, operand: Operand, value: number): number {
  if (operand.kind === "reg8") return byteRegisterOffset(value);
  if (operand.kind !== "reg" || value !== 31) return value;
  return metaOf(handler).reads.has(operand) ? 32 : 33;
}

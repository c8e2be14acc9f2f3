/**
 * The decoder that a table of rows gives: instruction word to handler and operands. Operands
 * (register numbers, immediates) are sorted into bytes and one 64-bit immediate.
 */
import type { Builder } from "./builder.ts";
import { type Decoded, type Decoder, type Handler, Slot, SLOTS } from "./instruction.ts";
import type { Fields, Operand, RawFields, Row } from "./row.ts";

/** Where a field lies in the instruction word. */
interface BitField {
  readonly name: string;
  readonly shift: number;
  readonly width: number;
  readonly mask: number;
}

/** A row with one choice of structural values. */
export interface RowHandler extends Handler {
  readonly row: CompiledRow;
  /** Structural values by name, and one operand object per operand. */
  readonly fields: Fields<string>;
}

/** A row made ready for decoding. */
export interface CompiledRow {
  readonly index: number;
  readonly row: Row;
  readonly mask: number;
  readonly value: number;
  readonly bits: readonly BitField[];
  readonly structural: readonly Source[];
  readonly operands: readonly Source[];
  readonly handlers: Map<number, RowHandler>;
  /** Values of `bits` for the word that is being decoded; kept, so that decoding makes no garbage. */
  readonly raw: Record<string, number>;
}

/** A field or derived value with its place in the record. */
interface Source {
  readonly name: string;
  readonly kind: Operand["kind"] | "structural";
  readonly slot: number;
  readonly field: BitField | undefined;
  readonly derive: ((f: RawFields) => number | bigint) | undefined;
}

/** A decoded instruction word. The object is reused: copy what must live longer. */
export interface DecodedWord extends Decoded {
  handler: RowHandler;
  immLow: number;
  immHigh: number;
  word: number;
}

const DERIVED_WIDTH = 8;
/** Decoded words that are remembered: programs repeat theirs about five times. */
const REMEMBERED = 1 << 15;
/** Mark for a word that no row matches. */
const NONE = 0xffffffff;
/** Byte operands lie in slots 0 to 3, and where the 64-bit immediate would be. */
const IMMEDIATE_SLOT = 6;
const BYTE_SLOTS = 8;
/** Bytes of an instruction. */
const LENGTH = 4;

function classOf(name: string): Operand["kind"] | "structural" | "raw" {
  if (name.startsWith("raw")) return "raw";
  if (name.startsWith("R")) return name.endsWith("_sp") ? "sp" : "reg";
  if (name.startsWith("V")) return "vec";
  return name.startsWith("imm") ? "imm" : "structural";
}

/** Parses a bit pattern. Throws if it is not 32 bits long. */
export function parsePattern(
  pattern: string,
): { mask: number; value: number; bits: BitField[] } {
  let position = 32;
  let mask = 0;
  let value = 0;
  const bits: BitField[] = [];
  for (const token of pattern.trim().split(/\s+/)) {
    if (/^[01]+$/.test(token)) {
      for (const digit of token) {
        position--;
        mask |= 1 << position;
        if (digit === "1") value |= 1 << position;
      }
      continue;
    }
    const [name, text] = token.split(":");
    const width = text === undefined ? 1 : Number(text);
    position -= width;
    bits.push({ name, shift: position, width, mask: width === 32 ? -1 : (1 << width) - 1 });
  }
  if (position !== 0) throw new Error(`pattern is ${32 - position} bits long: ${pattern}`);
  return { mask: mask >>> 0, value: value >>> 0, bits };
}

function compileRow(row: Row, index: number): CompiledRow {
  const { mask, value, bits } = parsePattern(row.pattern);
  const structural: Source[] = [];
  const operands: Source[] = [];
  let nextSlot = 0;
  let wide: string | undefined;
  const add = (
    name: string,
    field: BitField | undefined,
    derive: ((f: RawFields) => number | bigint) | undefined,
  ): void => {
    const kind = classOf(name);
    if (kind === "raw") return;
    if (kind === "structural") {
      structural.push({ name, kind, slot: -1, field, derive });
      return;
    }
    const narrow = kind !== "imm" || name.startsWith("imm8") ||
      (derive === undefined && field !== undefined && field.width <= 8);
    // The fifth and sixth byte operand lie where the 64-bit immediate would be.
    if (narrow && nextSlot === 4) nextSlot = IMMEDIATE_SLOT;
    if (!narrow && wide !== undefined) throw new Error(`${row.name}: ${wide} and ${name} are wide`);
    if (!narrow) wide = name;
    operands.push({ name, kind, slot: narrow ? nextSlot++ : Slot.imm, field, derive });
  };
  if (row.host === undefined) {
    const derived = row.derive ?? {};
    for (const field of bits) add(field.name, field, derived[field.name]);
    for (const name of Object.keys(derived)) {
      if (!bits.some((field) => field.name === name)) add(name, undefined, derived[name]);
    }
  }
  if (nextSlot > (wide === undefined ? BYTE_SLOTS : 4)) {
    throw new Error(`${row.name}: more byte operands than a record holds`);
  }
  const raw: Record<string, number> = {};
  for (const { name } of bits) raw[name] = 0;
  return { index, row, mask, value, bits, structural, operands, handlers: new Map(), raw };
}

/** Rows in the order of decoding: the first that matches wins, but no two should. */
export class InstructionTable implements Decoder {
  readonly rows: readonly CompiledRow[];
  /** All handlers met so far, by id. */
  readonly handlers: RowHandler[] = [];
  /** Candidates by bits 31:21. */
  readonly #buckets: CompiledRow[][] = [];
  readonly #knownWords: Uint32Array = new Uint32Array(REMEMBERED);
  readonly #knownIds: Uint32Array = new Uint32Array(REMEMBERED);
  readonly #knownSlots: Uint32Array = new Uint32Array(REMEMBERED);
  /** Slots 6 and 7. */
  readonly #knownMore: Uint16Array = new Uint16Array(REMEMBERED);
  readonly #knownLow: Int32Array = new Int32Array(REMEMBERED);
  readonly #knownHigh: Int32Array = new Int32Array(REMEMBERED);
  readonly #decoded: DecodedWord = {
    handler: undefined as unknown as RowHandler,
    slots: new Uint8Array(SLOTS),
    immLow: 0,
    immHigh: 0,
    displacement: 0,
    length: LENGTH,
    word: 0,
  };

  constructor(rows: readonly Row[]) {
    this.rows = rows.map(compileRow);
    for (let top = 0; top < 2048; top++) {
      const bucket: CompiledRow[] = [];
      for (const row of this.rows) {
        const mask = row.mask >>> 21;
        if ((top & mask) === ((row.value >>> 21) & mask)) bucket.push(row);
      }
      this.#buckets.push(bucket);
    }
  }

  /** Rows that match a word: one, or none if the word is not allocated. */
  matches(word: number): CompiledRow[] {
    return this.#buckets[word >>> 21].filter((row) => matchesRow(row, word));
  }

  decode(code: Uint8Array, at: number, limit: number): DecodedWord | undefined | "cut" {
    if (limit - at < LENGTH) return "cut";
    return this.decodeWord(
      code[at] | (code[at + 1] << 8) | (code[at + 2] << 16) | (code[at + 3] << 24),
    );
  }

  /** The decoded instruction (valid until the next call), undefined if no row matches. */
  decodeWord(word: number): DecodedWord | undefined {
    const at = Math.imul(word ^ (word >>> 15), 0x9e3779b1) >>> 17;
    const out = this.#decoded;
    out.word = word;
    if (this.#knownWords[at] === word >>> 0 && this.#knownIds[at] !== 0) {
      const id = this.#knownIds[at];
      if (id === NONE) return undefined;
      out.handler = this.handlers[id - 1];
      const slots = this.#knownSlots[at];
      out.slots[0] = slots;
      out.slots[1] = slots >>> 8;
      out.slots[2] = slots >>> 16;
      out.slots[3] = slots >>> 24;
      out.slots[6] = this.#knownMore[at];
      out.slots[7] = this.#knownMore[at] >>> 8;
      out.immLow = this.#knownLow[at];
      out.immHigh = this.#knownHigh[at];
      return out;
    }
    const decoded = this.#search(word);
    this.#knownWords[at] = word;
    if (decoded === undefined) this.#knownIds[at] = NONE;
    else {
      const { slots } = decoded;
      this.#knownIds[at] = decoded.handler.id + 1;
      this.#knownSlots[at] = slots[0] | (slots[1] << 8) | (slots[2] << 16) | (slots[3] << 24);
      this.#knownMore[at] = slots[6] | (slots[7] << 8);
      this.#knownLow[at] = decoded.immLow;
      this.#knownHigh[at] = decoded.immHigh;
    }
    return decoded;
  }

  #search(word: number): DecodedWord | undefined {
    const bucket = this.#buckets[word >>> 21];
    for (let i = 0; i < bucket.length; i++) {
      const row = bucket[i];
      if (((word & row.mask) >>> 0) === row.value) {
        const needsRaw = row.row.when !== undefined || row.row.derive !== undefined;
        const raw = needsRaw ? rawFields(row, word) : undefined;
        if (row.row.when !== undefined && !row.row.when(raw as RawFields)) continue;
        return this.#fill(row, word, raw);
      }
    }
    return undefined;
  }

  #fill(row: CompiledRow, word: number, raw: RawFields | undefined): DecodedWord {
    const out = this.#decoded;
    let key = 0;
    for (let i = 0; i < row.structural.length; i++) {
      const source = row.structural[i];
      const value = valueOf(source, word, raw) as number;
      key = key * 2 ** (source.derive === undefined ? source.field!.width : DERIVED_WIDTH) + value;
    }
    out.handler = row.handlers.get(key) ?? this.#newHandler(row, key, word, raw);
    out.immLow = 0;
    out.immHigh = 0;
    out.slots.fill(0);
    for (let i = 0; i < row.operands.length; i++) {
      const { slot, field, derive } = row.operands[i];
      const value = derive === undefined
        ? (word >>> field!.shift) & field!.mask
        : derive(raw as RawFields);
      if (slot >= 0) out.slots[slot] = Number(value);
      else if (typeof value === "bigint") {
        out.immLow = Number(BigInt.asIntN(32, value));
        out.immHigh = Number(BigInt.asIntN(32, value >> 32n));
      } else {
        out.immLow = value | 0;
        out.immHigh = Math.floor(value / 2 ** 32) | 0;
      }
    }
    return out;
  }

  #newHandler(row: CompiledRow, key: number, word: number, raw: RawFields | undefined): RowHandler {
    const fields: Record<string, number | Operand> = {};
    const operands: Operand[] = [];
    for (const source of row.structural) {
      fields[source.name] = Number(valueOf(source, word, raw));
    }
    for (const { name, kind, slot } of row.operands) {
      const operand: Operand = {
        name,
        kind: kind as Operand["kind"],
        slot,
        value: 0,
        high: 0,
      };
      fields[name] = operand;
      operands.push(operand);
    }
    const { semantics } = row.row;
    const known = fields as Fields<string>;
    const handler: RowHandler = {
      id: this.handlers.length,
      instruction: row.row,
      row,
      fields: known,
      operands,
      emit: (b: Builder): void => semantics?.(b, known),
    };
    this.handlers.push(handler);
    row.handlers.set(key, handler);
    return handler;
  }
}

/** An instruction word as it lies in memory. */
export function bytesOfWord(word: number): Uint8Array {
  return Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24);
}

/** Raw bits of all fields of a word; valid until the row's next word. */
export function rawFields(row: CompiledRow, word: number): RawFields {
  const { bits, raw } = row;
  for (let i = 0; i < bits.length; i++) {
    const { name, shift, mask } = bits[i];
    raw[name] = (word >>> shift) & mask;
  }
  return raw;
}

function matchesRow(row: CompiledRow, word: number): boolean {
  if (((word & row.mask) >>> 0) !== row.value) return false;
  return row.row.when === undefined || row.row.when(rawFields(row, word));
}

function valueOf(source: Source, word: number, raw: RawFields | undefined): number | bigint {
  if (source.derive !== undefined) return source.derive(raw as RawFields);
  return (word >>> source.field!.shift) & source.field!.mask;
}

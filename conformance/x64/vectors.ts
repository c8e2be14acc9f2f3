/**
 * The file of recorded cases, gzip: u32 size of a header, the header (JSON: sizes of the columns,
 * encodings), the columns. A column has one kind of byte of all cases, which compresses well.
 */
import { gunzip, gzip } from "../a64/vectors.ts";
import { FIELDS } from "./state.ts";

/** How far results of other CPUs may be from the recorded ones; see rows.ts. */
export type Tolerance = "near2" | "estimate";

/** An encoding that occurs in cases. */
export interface Encoding {
  /** "ADD Ev,Gv" */
  readonly text: string;
  /** "integer", "refused", "x87", "mmx", "sse". */
  readonly group: string;
  readonly tolerance?: Tolerance;
}

/** A field that is not what it was. */
export interface Change {
  /** Index in FIELDS. */
  readonly field: number;
  /** Little endian, as many bytes as the field has. */
  readonly value: Uint8Array;
}

/** Bytes of the window that are not what they were. */
export interface MemoryChange {
  /** From the start of the window. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Instructions and what they must lead to. */
export interface Case {
  /** Number of the case: its initial state and its slot. */
  readonly index: number;
  /** The instructions' encodings, in order. */
  readonly encodings: readonly Encoding[];
  readonly bytes: Uint8Array;
  /** Bits of RFLAGS and of the x87 status word that the manuals leave undefined. */
  readonly undefinedFlags: number;
  readonly undefinedConditions: number;
  readonly changes: readonly Change[];
  readonly memory: readonly MemoryChange[];
}

/** Bytes that are written or read one after the other. */
class Column {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64)) {
    this.#bytes = bytes;
  }

  push(...bytes: number[]): void {
    this.pushAll(bytes);
  }

  pushAll(bytes: ArrayLike<number>): void {
    if (this.#at + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#at + bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  next(): number {
    return this.take(1)[0];
  }

  take(count: number): Uint8Array<ArrayBuffer> {
    if (this.#at + count > this.#bytes.length) throw new Error("the file of cases is damaged");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

/** 16-bit numbers are kept as two columns. */
const SINGLE = [
  ...["step", "count", "rowLow", "rowHigh", "length", "code", "flagsLow", "flagsHigh"],
  ...["conditionsLow", "conditionsHigh", "changes", "fields", "runs", "offsetLow", "offsetHigh"],
  ...["runLow", "runHigh", "stored"],
] as const;
type Columns = Record<typeof SINGLE[number], Column>;

interface Header {
  readonly cases: number;
  readonly sizes: readonly number[];
  readonly encodings: readonly Encoding[];
}

function columnsOf(make: () => Column): { columns: Columns; values: Column[] } {
  const columns = Object.fromEntries(SINGLE.map((name) => [name, make()])) as Columns;
  return { columns, values: FIELDS.map(make) };
}

/** Packs cases, whose indexes must ascend, by less than 256 each. */
export function packCases(cases: readonly Case[]): Promise<Uint8Array<ArrayBuffer>> {
  const { columns, values } = columnsOf(() => new Column());
  const encodings: Encoding[] = [];
  const ids = new Map<string, number>();
  const idOf = (encoding: Encoding): number => {
    const key = `${encoding.group} ${encoding.text}`;
    let id = ids.get(key);
    if (id === undefined) {
      id = encodings.push(encoding) - 1;
      ids.set(key, id);
    }
    return id;
  };
  let last = -1;
  for (const one of cases) {
    const step = one.index - last;
    if (step < 1 || step > 255) throw new RangeError(`case ${one.index} after case ${last}`);
    last = one.index;
    columns.step.push(step);
    columns.count.push(one.encodings.length);
    for (const id of one.encodings.map(idOf)) {
      columns.rowLow.push(id & 255);
      columns.rowHigh.push(id >> 8);
    }
    columns.length.push(one.bytes.length);
    columns.code.pushAll(one.bytes);
    columns.flagsLow.push(one.undefinedFlags & 255);
    columns.flagsHigh.push(one.undefinedFlags >> 8);
    columns.conditionsLow.push(one.undefinedConditions & 255);
    columns.conditionsHigh.push(one.undefinedConditions >> 8);
    columns.changes.push(one.changes.length);
    for (const { field, value } of one.changes) {
      columns.fields.push(field);
      values[field].pushAll(value);
    }
    columns.runs.push(one.memory.length);
    for (const { offset, bytes } of one.memory) {
      columns.offsetLow.push(offset & 255);
      columns.offsetHigh.push(offset >> 8);
      columns.runLow.push(bytes.length & 255);
      columns.runHigh.push(bytes.length >> 8);
      columns.stored.pushAll(bytes);
    }
  }
  const parts = [...SINGLE.map((name) => columns[name]), ...values].map((one) => one.written());
  const header: Header = {
    cases: cases.length,
    sizes: parts.map(({ length }) => length),
    encodings,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const file = new Column();
  for (const shift of [0, 8, 16, 24]) file.push((text.length >> shift) & 255);
  for (const part of [text, ...parts]) file.pushAll(part);
  return gzip(file.written());
}

/** The cases of a file. Throws if it is damaged. */
export async function unpackCases(packed: Uint8Array<ArrayBuffer>): Promise<Case[]> {
  const bytes = await gunzip(packed);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const file = new Column(bytes.subarray(4));
  const header = JSON.parse(new TextDecoder().decode(file.take(size))) as Header;
  const sizes = header.sizes.values();
  const { columns, values } = columnsOf(() => new Column(file.take(sizes.next().value ?? 0)));
  const word = (low: Column, high: Column): number => low.next() | (high.next() << 8);
  const cases: Case[] = [];
  let index = -1;
  for (let i = 0; i < header.cases; i++) {
    index += columns.step.next();
    const encodings = Array.from(
      { length: columns.count.next() },
      () => header.encodings[word(columns.rowLow, columns.rowHigh)],
    );
    const code = columns.code.take(columns.length.next());
    const undefinedFlags = word(columns.flagsLow, columns.flagsHigh);
    const undefinedConditions = word(columns.conditionsLow, columns.conditionsHigh);
    const changes = Array.from({ length: columns.changes.next() }, (): Change => {
      const field = columns.fields.next();
      return { field, value: values[field].take(FIELDS[field].size) };
    });
    const memory = Array.from({ length: columns.runs.next() }, (): MemoryChange => {
      const offset = word(columns.offsetLow, columns.offsetHigh);
      return { offset, bytes: columns.stored.take(word(columns.runLow, columns.runHigh)) };
    });
    cases.push({
      index,
      encodings,
      bytes: code,
      undefinedFlags,
      undefinedConditions,
      changes,
      memory,
    });
  }
  return cases;
}

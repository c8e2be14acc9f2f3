/**
 * Pre-decoded records and regions of guest code, by physical page and translation mode.
 */
import type { Arch } from "./arch.ts";
import type { Decoded, Decoder, Handler } from "./instruction.ts";
import { BYTE_RECORDS, PAGE_SIZE, type RecordFormat, Special, WORD_RECORDS } from "./memory_map.ts";
import { mayAskHost } from "./meta.ts";
import { type RecordPage, Records } from "./records.ts";

/** Writes of data to a page with code after which it counts as data. */
const DATA_WRITES = 16;
/** Samples after which an instruction's accesses count as the host's. */
const OFTEN = 16;
/** Instructions that samples are counted for. */
const SAMPLE_LIMIT = 1024;
/** Decoded this far ahead at most. */
const DECODE_AHEAD = 64;
/** Bytes of an instruction, at most. */
const LONGEST = 16;

/** How an architecture's records lie. */
export function formatOf({ instructionAlignment }: Arch): RecordFormat {
  return instructionAlignment === 1 ? BYTE_RECORDS : WORD_RECORDS;
}

/** A compiled region, and the record that it replaced. */
export interface Region {
  readonly page: CodePage;
  /** Instruction of the page at which it is entered. */
  readonly index: number;
  readonly slot: number;
}

/** Records of one page of guest RAM for one mode. Instructions have an index: offset / unit. */
export interface CodePage extends RecordPage {
  /** Offset of the page in guest RAM. */
  readonly offset: number;
  readonly mode: number;
  /** Units that records or regions were made of, one bit each. */
  readonly decoded: Uint32Array;
  readonly regions: Map<number, Region>;
  /** Instructions that reach into the next page. */
  readonly crossings: Set<number>;
  /** Numbers of pages with instructions that reach, or reached, into this one. */
  readonly crossedFrom: Set<number>;
}

export interface CodeCacheOptions {
  readonly arch: Arch;
  readonly decoder: Decoder;
  readonly memory: WebAssembly.Memory;
  /** Guest RAM. */
  readonly ram: Uint8Array;
  /** Number of a handler in records; makes it executable first. */
  readonly numberOf: (handler: Handler) => number;
  /** A RAM page has become code: writes must be seen from now on. */
  readonly onCodePage: (offset: number) => void;
  /** Regions are gone: their slots, and every way to them, must be forgotten. */
  readonly onDrop: (regions: Iterable<Region>) => void;
  /** The records of a page are gone: nobody may find them by a virtual address any more. */
  readonly onRelease: (page: CodePage) => void;
  /** All records are gone. */
  readonly onFlush: () => void;
}

export class CodeCache {
  readonly #o: CodeCacheOptions;
  readonly #records: Records;
  /** Bytes of an instruction that reaches into another page. */
  readonly #across: Uint8Array = new Uint8Array(2 * LONGEST);
  readonly #pages = new Map<number, CodePage[]>();
  /** Handlers of the host's instructions, by id. */
  readonly #handlers: Handler[] = [];
  readonly #byIndex: (CodePage | undefined)[] = [];
  /** For each RAM page 1 if it holds code. */
  readonly #isCode: Uint8Array;
  /** For each RAM page the writes since it holds code that left the code alone. */
  readonly #dataWrites: Uint8Array;
  /**
   * By RAM page, one bit for each instruction whose accesses are often the host's. A hint: it outlives
   * the page's records.
   */
  readonly #askers: Map<number, Uint32Array> = new Map();
  /** Samples of such accesses, by address of the record. */
  readonly #samples: Map<number, number> = new Map();
  /** Offsets of pages to be dropped when no code of them runs. */
  readonly #due: Set<number> = new Set();
  readonly #free: number[] = [];
  #next = 0;
  decodes = 0;
  invalidations = 0;
  flushes = 0;

  constructor(options: CodeCacheOptions) {
    this.#o = options;
    const { arch, memory, ram } = options;
    this.#records = new Records(formatOf(arch), memory.buffer);
    this.#isCode = new Uint8Array(ram.length / PAGE_SIZE);
    this.#dataWrites = new Uint8Array(ram.length / PAGE_SIZE);
  }

  get format(): RecordFormat {
    return this.#records.format;
  }

  get pages(): number {
    return this.#next - this.#free.length;
  }

  isCode(offset: number): boolean {
    return this.#isCode[offset / PAGE_SIZE | 0] !== 0;
  }

  /** The records of the page at an offset of RAM, made if need be. */
  page(offset: number, mode: number): CodePage {
    const known = this.#pages.get(offset);
    const found = known?.find((page) => page.mode === mode);
    if (found !== undefined) return found;
    const { format } = this.#records;
    if (this.#next === format.pages && this.#free.length === 0) this.flush();
    const index = this.#free.pop() ?? this.#next++;
    const page: CodePage = {
      offset,
      mode,
      ...this.#records.begin(index),
      decoded: new Uint32Array(format.units / 32),
      regions: new Map(),
      crossings: new Set(),
      crossedFrom: new Set(),
    };
    this.#byIndex[index] = page;
    const pages = this.#pages.get(offset);
    if (pages === undefined) {
      this.#pages.set(offset, [page]);
      this.#isCode[offset / PAGE_SIZE] = 1;
      this.#dataWrites[offset / PAGE_SIZE] = 0;
      this.#o.onCodePage(offset);
    } else pages.push(page);
    return page;
  }

  /** The page and index of a record's address; undefined if the page was released. */
  find(record: number): { page: CodePage; index: number } | undefined {
    const page = this.#byIndex[this.#records.pageNumber(record)];
    return page === undefined ? undefined : { page, index: this.#records.indexOf(page, record) };
  }

  /** The page that a record, or a map, lies in while the interpreter executes it. */
  pageOf(record: number): CodePage {
    return this.#byIndex[this.#records.pageNumber(record)] as CodePage;
  }

  /** Index of the instruction at an address. */
  indexOf(pc: number): number {
    return (pc & (PAGE_SIZE - 1)) / this.#records.format.unit;
  }

  /** Address of the record of the instruction at `index`, 0 if there is none. */
  record(page: CodePage, index: number): number {
    return this.#records.at(page, index);
  }

  /** Bytes of the instruction of a record, as far as it is one that the interpreter executes. */
  lengthOf(record: number): number {
    return this.#records.length(record);
  }

  /** The instruction at `index`, undefined if there is none. Valid until the next call. */
  decodeAt({ offset, mode }: CodePage, index: number): Decoded | undefined | "cut" {
    const { decoder, ram } = this.#o;
    const at = offset + this.#records.format.unit * index;
    return decoder.decode(ram, at, offset + PAGE_SIZE, mode);
  }

  /** The same for one that reaches into the page `next`. */
  decodeAcross({ offset, mode }: CodePage, index: number, next: CodePage): Decoded | undefined {
    const { decoder, ram } = this.#o;
    const code = this.#across;
    const first = PAGE_SIZE - index;
    code.set(ram.subarray(offset + index, offset + PAGE_SIZE));
    code.set(ram.subarray(next.offset, next.offset + LONGEST), first);
    const decoded = decoder.decode(code, 0, first + LONGEST, mode);
    return decoded === "cut" ? undefined : decoded;
  }

  /**
   * Decodes the instruction at `index` and those that follow it.
   * @param from the record without an instruction that the interpreter stopped at, if there is one
   */
  decode(page: CodePage, index: number, from = 0): void {
    if (this.#records.format.linked) this.#decodeRun(page, index, from);
    else this.#decodeWords(page, index);
  }

  #decodeWords(page: CodePage, index: number): void {
    const records = this.#records;
    const end = Math.min(records.format.units, index + DECODE_AHEAD);
    for (let i = index; i < end; i++) {
      const record = records.at(page, i);
      if (records.handler(record) !== Special.undecoded) return;
      const decoded = this.#fill(page, i, record);
      if (decoded === undefined || decoded.handler.instruction.flow !== undefined) return;
    }
  }

  #decodeRun(page: CodePage, index: number, from: number): void {
    const records = this.#records;
    const known = records.at(page, index);
    if (known !== 0) {
      if (from !== 0) this.#link(from, known);
      return;
    }
    if (!records.hasRoom(page, DECODE_AHEAD + 2)) {
      this.#release(page.offset, this.#pages.get(page.offset) as CodePage[]);
      return;
    }
    if (from !== 0) {
      // The record without an instruction becomes the first one, or leads to it.
      if (records.isLast(page, from)) page.nextRecord--;
      else this.#link(from, page.records + (page.nextRecord << records.format.shift));
    }
    for (let n = 0, at = index; n < DECODE_AHEAD; n++) {
      if (at === PAGE_SIZE) {
        records.append(page, at, Special.pageEnd);
        return;
      }
      const there = records.at(page, at);
      if (there !== 0) {
        this.#link(records.append(page, at, Special.link), there);
        return;
      }
      const record = records.append(page, at, Special.undecoded);
      records.enter(page, record);
      const decoded = this.#fill(page, at, record);
      if (decoded === undefined) {
        // What follows an instruction that reaches into the next page: see `cross`.
        if (page.crossings.has(at)) records.append(page, PAGE_SIZE, Special.pageEnd);
        return;
      }
      at += decoded.length;
      const { flow } = decoded.handler.instruction;
      if (flow === undefined && n < DECODE_AHEAD - 1) continue;
      records.append(page, at, at === PAGE_SIZE ? Special.pageEnd : Special.undecoded);
      return;
    }
  }

  #link(record: number, to: number): void {
    this.#records.setHandler(record, Special.link);
    this.#records.setMore(record, to);
  }

  /** Decodes into a record; undefined if the interpreter does not execute it as it stands. */
  #fill(page: CodePage, index: number, record: number): Decoded | undefined {
    this.decodes++;
    const decoded = this.decodeAt(page, index);
    if (decoded === "cut") {
      this.markDecoded(page, index, PAGE_SIZE - index);
      page.crossings.add(index);
      this.#records.setHandler(record, Special.cross);
      return undefined;
    }
    if (decoded === undefined) {
      // Any of the bytes up to the longest instruction's end may be the reason.
      const { unit } = this.#records.format;
      this.markDecoded(page, index, unit === 1 ? Math.min(LONGEST, PAGE_SIZE - index) : unit);
      this.#records.setHandler(record, Special.host);
      return undefined;
    }
    this.markDecoded(page, index, decoded.length);
    if (this.isHost(decoded.handler, page.mode)) {
      this.#records.setHandler(record, Special.host);
      if (this.#records.format.linked) {
        this.#records.write(record, decoded);
        this.#records.setMore(record, decoded.handler.id + 1);
        this.#handlers[decoded.handler.id] = decoded.handler;
      }
      return undefined;
    }
    this.#records.setHandler(record, this.#o.numberOf(decoded.handler));
    this.#records.write(record, decoded);
    return decoded;
  }

  /** Completes the record of an instruction that reaches into the page `next`. */
  cross(page: CodePage, index: number, next: CodePage): void {
    const records = this.#records;
    const record = records.at(page, index);
    const decoded = this.decodeAcross(page, index, next);
    const first = PAGE_SIZE - index;
    const length = decoded?.length ?? LONGEST;
    this.markDecoded(next, 0, length - first);
    next.crossedFrom.add(records.pageNumber(page.records));
    const host = decoded === undefined || this.isHost(decoded.handler, page.mode);
    records.setCount(record, host ? Special.host : this.#o.numberOf(decoded.handler));
    if (decoded !== undefined) records.write(record, decoded);
    records.setMore(record, next.records);
    records.setOffset(record + (1 << records.format.shift), index + length);
  }

  /** Whether a page has not been dropped. */
  isLive(page: CodePage): boolean {
    return this.#byIndex[this.#records.pageNumber(page.records)] === page;
  }

  /**
   * The host's instruction at `index`, whose record there is; undefined if it is none that the decoder
   * knows. Valid until the next call.
   */
  hostInstruction(page: CodePage, index: number): Decoded | undefined {
    const records = this.#records;
    const next = this.crossed(page, index);
    if (next !== undefined) return this.decodeAcross(page, index, next);
    if (!records.format.linked) {
      const decoded = this.decodeAt(page, index);
      return decoded === "cut" ? undefined : decoded;
    }
    const record = records.at(page, index);
    const id = records.more(record);
    return id === 0 ? undefined : records.read(record, this.#handlers[id - 1]);
  }

  /** The page that an instruction reaches into, undefined if it does not, or that page is not known. */
  crossed(page: CodePage, index: number): CodePage | undefined {
    if (!this.isLive(page) || !page.crossings.has(index)) return undefined;
    const next = this.#records.more(this.#records.at(page, index));
    return next === 0 ? undefined : this.pageOf(next);
  }

  /** Whether the host executes a handler in a mode. */
  isHost(handler: Handler, mode: number): boolean {
    const { host, feature } = handler.instruction;
    return host !== undefined || !this.#o.arch.enabled(feature, mode);
  }

  /** Handler number in the record of an instruction, the original if a region begins there. */
  handlerNumber(page: CodePage, index: number): number {
    const record = this.#records.at(page, index);
    return record === 0 ? Special.undecoded : this.#records.original(record);
  }

  /** Whether the accesses of an instruction are often the host's. */
  asksHost(page: CodePage, index: number): boolean {
    const bits = this.#askers.get(page.offset);
    return bits !== undefined && (bits[index >> 5] & (1 << (index & 31))) !== 0;
  }

  /**
   * The instruction of a record had the host do its access, once more. When that is often so, its
   * page is due to be made again (`releaseDue`) in the knowledge of it.
   */
  sampleAsker(record: number): void {
    const count = (this.#samples.get(record) ?? 0) + 1;
    if (this.#samples.size > SAMPLE_LIMIT) this.#samples.clear();
    this.#samples.set(record, count);
    if (count !== OFTEN) return;
    const found = this.find(record);
    if (found === undefined || this.asksHost(found.page, found.index)) return;
    const decoded = this.decodeAt(found.page, found.index);
    if (decoded === undefined || decoded === "cut" || !mayAskHost(decoded.handler)) return;
    const { page: { offset }, index } = found;
    let bits = this.#askers.get(offset);
    if (bits === undefined) {
      this.#askers.set(offset, bits = new Uint32Array(found.page.decoded.length));
    }
    bits[index >> 5] |= 1 << (index & 31);
    this.#due.add(offset);
  }

  /** Drops pages whose regions do not know which accesses are the host's. */
  releaseDue(): void {
    if (this.#due.size === 0) return;
    for (const offset of this.#due) {
      const pages = this.#pages.get(offset);
      if (pages?.some(({ regions }) => regions.size > 0)) this.#release(offset, pages);
    }
    this.#due.clear();
  }

  /** Notes that a record or region was made of `bytes` bytes from `index` on. */
  markDecoded({ decoded }: CodePage, index: number, bytes: number): void {
    const end = index + bytes / this.#records.format.unit;
    for (let i = index; i < end;) {
      const count = Math.min(end - i, 32 - (i & 31));
      decoded[i >> 5] |= (count === 32 ? -1 : (1 << count) - 1) << (i & 31);
      i += count;
    }
  }

  /** Makes the instruction at `index` enter a region. */
  install(page: CodePage, index: number, slot: number): void {
    this.#records.setRegion(this.#records.at(page, index), slot);
    page.regions.set(index, { page, index, slot });
  }

  /**
   * Something wrote to [offset, offset + length) of RAM. Pages whose code that changes are no code
   * pages any more, and so are those that data is written to again and again. Cheap elsewhere.
   */
  invalidate(offset: number, length: number): void {
    if (length <= 0) return;
    const last = offset + length - 1;
    const { unit } = this.#records.format;
    for (let at = offset - offset % PAGE_SIZE; at <= last; at += PAGE_SIZE) {
      if (this.#isCode[at / PAGE_SIZE] === 0) continue;
      const from = Math.floor(Math.max(0, offset - at) / unit);
      const to = Math.floor(Math.min(PAGE_SIZE - 1, last - at) / unit);
      const pages = this.#pages.get(at) as CodePage[];
      const changed = pages.some(({ decoded }) => anyBit(decoded, from, to));
      if (changed || ++this.#dataWrites[at / PAGE_SIZE] >= DATA_WRITES) this.#release(at, pages);
    }
  }

  #release(offset: number, pages: readonly CodePage[]): void {
    this.invalidations++;
    for (const page of pages) {
      const index = this.#records.pageNumber(page.records);
      this.#byIndex[index] = undefined;
      this.#uncross(page);
      this.#free.push(index);
      if (page.regions.size > 0) this.#o.onDrop(page.regions.values());
      page.regions.clear();
      this.#o.onRelease(page);
    }
    this.#samples.clear();
    this.#pages.delete(offset);
    this.#isCode[offset / PAGE_SIZE] = 0;
  }

  /** Instructions that reach into a page are to be decoded anew. */
  #uncross({ records, crossedFrom }: CodePage): void {
    for (const number of crossedFrom) {
      const page = this.#byIndex[number];
      if (page === undefined) continue;
      for (const index of page.crossings) {
        const record = this.#records.at(page, index);
        if (this.#records.more(record) === records) this.#records.setMore(record, 0);
      }
    }
  }

  /** Drops everything. */
  flush(): void {
    this.flushes++;
    for (const pages of this.#pages.values()) {
      for (const page of pages) {
        this.#o.onDrop(page.regions.values());
        page.regions.clear();
      }
    }
    this.#pages.clear();
    this.#samples.clear();
    this.#askers.clear();
    this.#isCode.fill(0);
    this.#byIndex.length = 0;
    this.#free.length = 0;
    this.#next = 0;
    this.#o.onFlush();
  }
}

function anyBit(bits: Uint32Array, from: number, to: number): boolean {
  for (let i = from; i <= to; i++) {
    if ((i & 31) === 0 && i + 31 <= to) {
      if (bits[i >> 5] !== 0) return true;
      i += 31;
    } else if ((bits[i >> 5] & (1 << (i & 31))) !== 0) return true;
  }
  return false;
}

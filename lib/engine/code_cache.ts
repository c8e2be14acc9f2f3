/**
 * Pre-decoded records and regions of guest code, by physical page and translation mode.
 */
import type { Arch } from "./arch.ts";
import { byteRegisterOffset } from "./interpreter_builder.ts";
import { mayAskHost, metaOf } from "./meta.ts";
import {
  ENTRY_HANDLERS,
  PAGE_SIZE,
  RECORD,
  Record,
  RECORD_PAGES,
  RECORDS_BASE,
  RECORDS_PER_PAGE,
  RECORDS_STRIDE,
  Special,
} from "./memory_map.ts";
import type { Decoded, Decoder, Handler, Operand } from "./instruction.ts";

/** Writes of data to a page with code after which it counts as data. */
const DATA_WRITES = 16;
/** Samples after which an instruction's accesses count as the host's. */
const OFTEN = 16;
/** Instructions that samples are counted for. */
const SAMPLE_LIMIT = 1024;
/** Decoded this far ahead at most. */
const DECODE_AHEAD = 64;

/** A compiled region, and the record that it replaced. */
export interface Region {
  readonly page: CodePage;
  /** Instruction of the page at which it is entered. */
  readonly index: number;
  readonly slot: number;
}

/** Records of one page of guest RAM for one mode. */
export interface CodePage {
  /** Offset of the page in guest RAM. */
  readonly offset: number;
  readonly mode: number;
  /** Address of the first record. */
  readonly records: number;
  /** Instructions that records or regions were made of, one bit each. */
  readonly decoded: Uint32Array;
  readonly regions: Map<number, Region>;
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
  /** A page's records are gone: nobody may find them by a virtual address any more. */
  readonly onRelease: () => void;
  /** All records are gone. */
  readonly onFlush: () => void;
}

export class CodeCache {
  readonly #o: CodeCacheOptions;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #pages = new Map<number, CodePage[]>();
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
    const low = RECORDS_BASE + RECORD_PAGES * RECORDS_STRIDE;
    this.#bytes = new Uint8Array(options.memory.buffer, 0, low);
    this.#words = new Uint32Array(options.memory.buffer, 0, low / 4);
    const { ram } = options;
    this.#isCode = new Uint8Array(ram.length / PAGE_SIZE);
    this.#dataWrites = new Uint8Array(ram.length / PAGE_SIZE);
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
    if (this.#next === RECORD_PAGES && this.#free.length === 0) this.flush();
    const index = this.#free.pop() ?? this.#next++;
    const records = RECORDS_BASE + index * RECORDS_STRIDE;
    this.#words.fill(0, records >> 2, (records + RECORDS_STRIDE) >> 2);
    this.#bytes[records + RECORDS_PER_PAGE * RECORD] = Special.pageEnd;
    const page: CodePage = {
      offset,
      mode,
      records,
      decoded: new Uint32Array(RECORDS_PER_PAGE / 32),
      regions: new Map(),
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

  /** The page and instruction number of a record's address; undefined if the page was released. */
  find(record: number): { page: CodePage; index: number } | undefined {
    const number = Math.floor((record - RECORDS_BASE) / RECORDS_STRIDE);
    const page = this.#byIndex[number];
    return page === undefined ? undefined : { page, index: (record - page.records) / RECORD };
  }

  /** Like {@linkcode find}, for a record that is being executed. */
  locate(record: number): { page: CodePage; index: number } {
    return this.find(record) as { page: CodePage; index: number };
  }

  /** The instruction at `index`, undefined if there is none. Valid until the next call. */
  decodeAt({ offset, mode }: CodePage, index: number): Decoded | undefined {
    const decoded = this.#o.decoder.decode(
      this.#o.ram,
      offset + 4 * index,
      offset + PAGE_SIZE,
      mode,
    );
    return decoded === "cut" ? undefined : decoded;
  }

  /** Decodes the instruction at `index` and those that follow it. */
  decode(page: CodePage, index: number): void {
    const end = Math.min(RECORDS_PER_PAGE, index + DECODE_AHEAD);
    for (let i = index; i < end; i++) {
      const record = page.records + i * RECORD;
      if ((this.#words[record >> 2] & 0xffff) !== Special.undecoded) return;
      if (this.#decodeOne(page, i, record)) return;
    }
  }

  /** True if the instruction ends a block. */
  #decodeOne(page: CodePage, index: number, record: number): boolean {
    this.decodes++;
    page.decoded[index >> 5] |= 1 << (index & 31);
    const decoded = this.decodeAt(page, index);
    if (decoded === undefined || this.isHost(decoded.handler, page.mode)) {
      this.#writeHandler(record, Special.host);
      return true;
    }
    this.#writeHandler(record, this.#o.numberOf(decoded.handler));
    this.#writeOperands(record, decoded);
    return decoded.handler.instruction.flow !== undefined;
  }

  /** Whether the host executes a handler in a mode. */
  isHost(handler: Handler, mode: number): boolean {
    const { host, feature } = handler.instruction;
    return host !== undefined || !this.#o.arch.enabled(feature, mode);
  }

  #writeHandler(record: number, number: number): void {
    this.#words[record >> 2] = (this.#words[record >> 2] & 0xffff0000) | number;
  }

  #writeOperands(record: number, { handler, slots, immLow, immHigh }: Decoded): void {
    const { operands } = handler;
    // First, because byte slots 6 and 7 lie in it.
    this.#words[(record + Record.imm) >> 2] = immLow;
    this.#words[(record + Record.imm + 4) >> 2] = immHigh;
    for (let i = 0; i < operands.length; i++) {
      const { slot } = operands[i];
      if (slot >= 0) {
        this.#bytes[record + Record.slots + slot] = registerSlot(
          handler,
          operands[i],
          slots[slot],
        );
      }
    }
  }

  /** Handler number in the record of an instruction, the original if a region begins there. */
  handlerNumber(page: CodePage, index: number): number {
    const record = page.records + index * RECORD;
    const number = this.#words[record >> 2] & 0xffff;
    if (number !== Special.enter) return number;
    const slot = this.#words[(record + 4) >> 2] >>> 16;
    return this.#bytes[ENTRY_HANDLERS + 2 * slot] |
      (this.#bytes[ENTRY_HANDLERS + 2 * slot + 1] << 8);
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
    const handler = this.decodeAt(found.page, found.index)?.handler;
    if (handler === undefined || !mayAskHost(handler)) return;
    const { page: { offset }, index } = found;
    let bits = this.#askers.get(offset);
    if (bits === undefined) this.#askers.set(offset, bits = new Uint32Array(RECORDS_PER_PAGE / 32));
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

  /** Notes that a region was made of an instruction. */
  markDecoded(page: CodePage, index: number): void {
    page.decoded[index >> 5] |= 1 << (index & 31);
  }

  /** Makes the instruction at `index` enter a region. */
  install(page: CodePage, index: number, slot: number): void {
    const record = page.records + index * RECORD;
    const number = this.handlerNumber(page, index);
    this.#bytes[ENTRY_HANDLERS + 2 * slot] = number;
    this.#bytes[ENTRY_HANDLERS + 2 * slot + 1] = number >> 8;
    this.#writeHandler(record, Special.enter);
    const at = (record + 4) >> 2;
    this.#words[at] = (this.#words[at] & 0xffff) | (slot << 16);
    page.regions.set(index, { page, index, slot });
  }

  /**
   * Something wrote to [offset, offset + length) of RAM. Pages whose code that changes are no code
   * pages any more, and so are those that data is written to again and again. Cheap elsewhere.
   */
  invalidate(offset: number, length: number): void {
    if (length <= 0) return;
    const last = offset + length - 1;
    for (let at = offset - offset % PAGE_SIZE; at <= last; at += PAGE_SIZE) {
      if (this.#isCode[at / PAGE_SIZE] === 0) continue;
      const from = Math.max(0, offset - at) >> 2;
      const to = Math.min(PAGE_SIZE - 1, last - at) >> 2;
      const pages = this.#pages.get(at) as CodePage[];
      const changed = pages.some(({ decoded }) => anyBit(decoded, from, to));
      if (changed || ++this.#dataWrites[at / PAGE_SIZE] >= DATA_WRITES) this.#release(at, pages);
    }
  }

  #release(offset: number, pages: readonly CodePage[]): void {
    this.invalidations++;
    for (const page of pages) {
      const index = (page.records - RECORDS_BASE) / RECORDS_STRIDE;
      this.#byIndex[index] = undefined;
      this.#free.push(index);
      if (page.regions.size > 0) this.#o.onDrop(page.regions.values());
      page.regions.clear();
    }
    this.#samples.clear();
    this.#pages.delete(offset);
    this.#isCode[offset / PAGE_SIZE] = 0;
    this.#o.onRelease();
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

/** Registers as the interpreter wants them: the zero register has slots of its own, bytes their place. */
function registerSlot(handler: Handler, operand: Operand, value: number): number {
  if (operand.kind === "reg8") return byteRegisterOffset(value);
  if (operand.kind !== "reg" || value !== 31) return value;
  return metaOf(handler).reads.has(operand) ? 32 : 33;
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

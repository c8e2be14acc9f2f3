/**
 * The machine's one memory: constant addresses of what generated code touches, then guest RAM.
 *
 * | from       | what                                                        |
 * |------------|-------------------------------------------------------------|
 * | 0x1000     | state block of the running vCPU (layout.ts)                  |
 * | 0x4000     | scratch: one access that is not plain RAM                    |
 * | 0x10000    | TLBs: read entries, then write entries, for each TLB number  |
 * | 0x90000    | fetch TLB: virtual code page to records                      |
 * | 0xa0000    | jump cache: virtual pc and mode to region                    |
 * | 0xb0000    | state blocks of the vCPUs that do not run                    |
 * | 0xd0000    | handler that each region's first record had                  |
 * | 0x100000   | records of pre-decoded instructions                          |
 */
import { STATE_SIZE } from "./layout.ts";

const PAGE_SHIFT = 12;
/** Bytes of the unit of translation and code tracking; larger guest pages are made of these. */
export const PAGE_SIZE: number = 1 << PAGE_SHIFT;

export const SCRATCH = 0x4000;

export const TLB_BASE = 0x10000;
const TLB_ENTRIES = 4096;
/** Bytes of a TLB entry: i64 tag (page address, or -1), i32 addend (virtual address to host address). */
export const TLB_ENTRY = 16;
/** From a TLB's read entries to its write entries. */
export const TLB_WRITE: number = TLB_ENTRIES * TLB_ENTRY;
/** From one TLB to the next. */
export const TLB_STRIDE: number = 2 * TLB_WRITE;
export const TLB_MASK: number = TLB_ENTRIES - 1;
/** Largest number of TLBs that an architecture may use. */
export const TLB_LIMIT = 4;

export const FETCH_BASE = 0x90000;
export const FETCH_ENTRIES = 4096;

export const JUMP_BASE = 0xa0000;
export const JUMP_ENTRIES = 4096;
/**
 * Bits of an address in the jump cache's tag. The others choose the entry, and in their place the tag
 * has the mode: no address of one mode can pass for another of another mode.
 */
export const JUMP_TAG_MASK: number = ~((JUMP_ENTRIES - 1) << 2);

const SAVED_BASE = 0xb0000;
/** Where the state block of a vCPU waits while another runs. */
export function savedState(vcpu: number): number {
  return SAVED_BASE + vcpu * STATE_SIZE;
}
/** Largest number of vCPUs. */
export const VCPU_LIMIT = 8;

/** u16 per table slot: handler of the instruction whose record enters the region. */
export const ENTRY_HANDLERS = 0xd0000;

export const RECORDS_BASE = 0x100000;

/** How the records of a page of code lie. */
export interface RecordFormat {
  /** Bytes of code that have an index of their own: Arch.instructionAlignment. */
  readonly unit: 1 | 4;
  /** Indices of a page. */
  readonly units: number;
  /** Binary logarithm of a record's bytes. */
  readonly shift: number;
  /**
   * Whether a page begins with a map, a u16 for each index: the number of the index's record, counted
   * from the map's beginning in records; 0 if there is none. Else the records lie by index.
   */
  readonly linked: boolean;
  /** Records of a page, counted from its beginning. */
  readonly records: number;
  /** Bytes from one page's records to the next one's. */
  readonly stride: number;
  /** Pages that there is room for. */
  readonly pages: number;
}

/** One record for each word of a page, and one that follows the last. */
export const WORD_RECORDS: RecordFormat = {
  unit: 4,
  units: PAGE_SIZE / 4,
  shift: 4,
  linked: false,
  records: PAGE_SIZE / 4 + 1,
  stride: (PAGE_SIZE / 4 + 2) * 16,
  pages: 4096,
};

/**
 * Instructions of any length: records in the order in which they were decoded, a run of instructions
 * after the other.
 */
export const BYTE_RECORDS: RecordFormat = {
  unit: 1,
  units: PAGE_SIZE,
  shift: 5,
  linked: true,
  records: 1536,
  stride: 1536 * 32,
  pages: 2048,
};

/** Offsets in a record. Those from 16 on exist only in linked records. */
export const Record = {
  /** u16: number of the handler, or of a special one. */
  handler: 0,
  /** Four bytes: register numbers and small immediates. */
  slots: 2,
  /**
   * u16: times that the instruction was jumped to. When the handler is `enter`: table slot; when it is
   * `cross`: number of the instruction's own handler.
   */
  count: 6,
  /** i64 */
  imm: 8,
  /** Base, index, scale and segment of an address, a byte each. */
  address: 16,
  /** i32 */
  displacement: 20,
  /** u16: offset of the instruction in its page. */
  offset: 24,
  /** u8: bytes of the instruction. */
  length: 26,
  /**
   * u32. `link`: the record that follows; `cross`: the first record of the page that the instruction
   * reaches into, 0 if not yet known; `host`: number of the instruction's handler plus 1, 0 if there is
   * no such instruction.
   */
  more: 28,
} as const;

/** Host address of guest RAM's first byte. */
export const RAM_BASE: number = Math.ceil(
  (RECORDS_BASE +
    Math.max(...[WORD_RECORDS, BYTE_RECORDS].map(({ pages, stride }) => pages * stride))) / 65536,
) * 65536;
/** Largest guest RAM in bytes: what is left of 4 GiB. */
export const RAM_LIMIT: number = 2 ** 32 - RAM_BASE;

/** Handlers that no row has. */
export const Special = {
  /** Not yet decoded. */
  undecoded: 0,
  /** A region begins here. */
  enter: 1,
  /** The instruction reaches into the next page. */
  cross: 2,
  /** One past the last instruction of a page. */
  pageEnd: 3,
  /** The host executes it. */
  host: 4,
  /** The instruction has a record elsewhere. */
  link: 5,
  /** First number of the rows' handlers. */
  first: 6,
} as const;

/** Why generated code came back. Regions use the first two, the interpreter the others. */
export const Exit = {
  /** Go on at the pc in the state. */
  go: 0,
  /** The interpreter must execute the instruction at the pc. */
  step: 1,
  /** The budget is used up. */
  budget: 2,
  /** No records for the page of the pc. */
  fetch: 3,
  /** The instruction at the pc is not decoded; `record` is its record, or the first of its page. */
  decode: 4,
  /** A probe missed: see missAddress and missInfo. */
  miss: 5,
  /** The record at `record` is the host's. */
  host: 6,
  /** The instruction at the pc has become hot. */
  hot: 7,
  /** `faultIf` found a fault. */
  fault: 8,
  /** Only from single handlers: the pc in the state was set. */
  jumped: 9,
  /** The record at `record` reaches into a page that is not known. */
  cross: 10,
} as const;
export type Exit = typeof Exit[keyof typeof Exit];

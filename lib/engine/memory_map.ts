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
/** Bytes of one record, see {@linkcode Record}. */
export const RECORD = 16;
/** Instructions of a page, and the record that follows the last. */
export const RECORDS_PER_PAGE: number = PAGE_SIZE / 4;
export const RECORDS_STRIDE: number = (RECORDS_PER_PAGE + 1) * RECORD + 16;
export const RECORD_PAGES = 4096;

/** Offsets in a record. */
export const Record = {
  /** u16: number of the handler, or of a special one. */
  handler: 0,
  /** Four bytes: register numbers and small immediates. */
  slots: 2,
  /** u16: times that the instruction was jumped to; table slot when the handler is `enter`. */
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
} as const;

/** Host address of guest RAM's first byte. */
export const RAM_BASE: number = Math.ceil((RECORDS_BASE + RECORD_PAGES * RECORDS_STRIDE) / 65536) *
  65536;
/** Largest guest RAM in bytes: what is left of 4 GiB. */
export const RAM_LIMIT: number = 2 ** 32 - RAM_BASE;

/** Handlers that no row has. */
export const Special = {
  /** Not yet decoded. */
  undecoded: 0,
  /** A region begins here. */
  enter: 1,
  /** One past the last instruction of a page. */
  pageEnd: 2,
  /** The host executes it. */
  host: 3,
  /** First number of the rows' handlers. */
  first: 4,
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
  /** The record at `record` is not decoded. */
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
} as const;
export type Exit = typeof Exit[keyof typeof Exit];

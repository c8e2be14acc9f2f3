/**
 * The state in which a vCPU begins a kernel, as plain data for the CPU model to take: PVH, and Linux'
 * 32-bit and 64-bit entries.
 */
import { LowMemory } from "./low_memory.ts";

/** A segment register with its hidden part. */
export interface SegmentState {
  readonly selector: number;
  readonly base: number;
  /** Bytes less one, granularity applied. */
  readonly limit: number;
  /** Bits 40 to 55 of the descriptor: type, S, DPL, P, AVL, L, D/B, G; 0: not usable. */
  readonly attributes: number;
}

/** Registers that are not named are zero. */
export interface BootState {
  readonly rip: number;
  readonly rflags: number;
  readonly general: Readonly<Partial<Record<"rbx" | "rsi" | "rsp", number>>>;
  readonly cr0: number;
  /** Guest-physical address of the top page table. */
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  readonly cs: SegmentState;
  /** SS, DS and ES; FS and GS too. */
  readonly data: SegmentState;
  readonly tr: SegmentState;
  readonly ldtr: SegmentState;
  readonly gdtr: { readonly base: number; readonly limit: number };
  readonly idtr: { readonly base: number; readonly limit: number };
}

/** RFLAGS with interrupts off: only the bit that is always one (Intel SDM vol. 1, 3.4.3). */
const RFLAGS_RESERVED = 1 << 1;

/** CR0, CR4, IA32_EFER (Intel SDM vol. 3, 2.5 and 2.2.1). */
const CR0_PE = 1 << 0;
const CR0_ET = 1 << 4;
const CR0_PG = 2 ** 31;
const CR4_PAE = 1 << 5;
const EFER_LME = 1 << 8;
const EFER_LMA = 1 << 10;

/** Code and data segments by the selectors that Linux asks for (__BOOT_CS, __BOOT_DS). */
const CODE_32: SegmentState = {
  selector: 0x10,
  base: 0,
  limit: 0xffff_ffff,
  attributes: 0xc09b, // G, D, present, execute and read, accessed
};
const CODE_64: SegmentState = { ...CODE_32, attributes: 0xa09b }; // L instead of D
const DATA: SegmentState = {
  selector: 0x18,
  base: 0,
  limit: 0xffff_ffff,
  attributes: 0xc093, // G, B, present, read and write, accessed
};
/** A busy TSS of the smallest size, which nobody reads before the kernel loads its own. */
const TASK: SegmentState = { selector: 0x20, base: 0, limit: 0x67, attributes: 0x8b };
const NO_LDT: SegmentState = { selector: 0, base: 0, limit: 0, attributes: 0 };

function stateWith(code: SegmentState, rest: Pick<BootState, "rip" | "general">): BootState {
  const long = code === CODE_64;
  return {
    ...rest,
    rflags: RFLAGS_RESERVED,
    cr0: CR0_PE + CR0_ET + (long ? CR0_PG : 0),
    cr3: long ? LowMemory.pageTables : 0,
    cr4: long ? CR4_PAE : 0,
    efer: long ? EFER_LME | EFER_LMA : 0,
    cs: code,
    data: DATA,
    tr: TASK,
    ldtr: NO_LDT,
    gdtr: { base: LowMemory.gdt, limit: GDT_BYTES - 1 },
    // Without an IDT the first exception is a triple fault, which ends the machine.
    idtr: { base: 0, limit: 0 },
  };
}

/** 64-bit entry of Linux (Documentation/arch/x86/boot.rst, "64-bit boot protocol"). */
export function linux64State(entry: number, bootParams: number): BootState {
  return stateWith(CODE_64, { rip: entry, general: { rsi: bootParams, rsp: LowMemory.stackTop } });
}

/** 32-bit entry of Linux (boot.rst, "32-bit boot protocol"). */
export function linux32State(entry: number, bootParams: number): BootState {
  return stateWith(CODE_32, { rip: entry, general: { rsi: bootParams, rsp: LowMemory.stackTop } });
}

/** PVH entry (Xen, docs/misc/pvh.pandoc, "x86/HVM direct boot ABI"); no stack is promised. */
export function pvhState(entry: number, startInfo: number): BootState {
  return stateWith(CODE_32, { rip: entry, general: { rbx: startInfo } });
}

const GDT_BYTES = 5 * 8;

/** The descriptors that a state's segment registers were loaded from, for its GDTR's base. */
export function makeGdt({ cs, data, tr }: BootState): Uint8Array {
  const gdt = new Uint8Array(GDT_BYTES);
  const view = new DataView(gdt.buffer);
  for (const segment of [cs, data, tr]) {
    view.setBigUint64(segment.selector, descriptor(segment), true);
  }
  return gdt;
}

/** A descriptor (Intel SDM vol. 3, 3.4.5). */
function descriptor({ base, limit, attributes }: SegmentState): bigint {
  const field = BigInt(attributes & 0x8000 ? Math.floor(limit / 4096) : limit);
  const at = BigInt(base);
  return (field & 0xffffn) | (at & 0xff_ffffn) << 16n | BigInt(attributes) << 40n |
    (field >> 16n) << 48n | (at >> 24n) << 56n;
}

/** Page table entries (Intel SDM vol. 3, 4.5): present, writable; page size: a 2 MiB page. */
const PRESENT_WRITABLE = 3n;
const PAGE_SIZE = 1n << 7n;
const IDENTITY_GIBS = 4;

/** Page tables for `address` that map the first 4 GiB onto themselves by pages of 2 MiB. */
export function makePageTables(address: number): Uint8Array {
  const entries = new BigUint64Array((2 + IDENTITY_GIBS) * 512);
  entries[0] = BigInt(address + 4096) | PRESENT_WRITABLE;
  for (let gib = 0; gib < IDENTITY_GIBS; gib++) {
    entries[512 + gib] = BigInt(address + (2 + gib) * 4096) | PRESENT_WRITABLE;
  }
  for (let page = 0; page < IDENTITY_GIBS * 512; page++) {
    entries[1024 + page] = BigInt(page) << 21n | PAGE_SIZE | PRESENT_WRITABLE;
  }
  const bytes = new Uint8Array(entries.length * 8);
  const view = new DataView(bytes.buffer);
  entries.forEach((entry, i) => view.setBigUint64(i * 8, entry, true));
  return bytes;
}

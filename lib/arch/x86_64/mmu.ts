/**
 * Paging: 32-bit, PAE and 4-level (SDM volume 3, chapter 4). Linear addresses are pairs of unsigned
 * halves, physical ones integers below 2^40: this runs at every TLB miss.
 *
 * Deviations: PAE's four PDPTEs are read at each walk, as AMD's processors may, not kept since the
 * last write of CR3. Tables outside of RAM fault as reserved bits do.
 */
import { Access } from "../../engine/arch.ts";
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { StateField, StateView } from "../../engine/layout.ts";
import { Common } from "../../engine/shared_tlbs.ts";
import { field } from "./layout.ts";
import { Tlb } from "./mode.ts";
import { CR0, CR4, EFER } from "./registers.ts";

/** Bits of a physical address, as CPUID 0x80000008 tells. */
export const PHYSICAL_BITS = 40;

/** Bits of a page fault's error code (SDM volume 3, 4.7). */
export const PageFault = {
  /** The page is present: its rights, or reserved bits, refuse the access. */
  present: 0x1,
  write: 0x2,
  user: 0x4,
  reserved: 0x8,
  fetch: 0x10,
} as const;

/** Results of {@linkcode Mmu.translate} other than error codes of page faults. */
export const TRANSLATED = -1;
export const NOT_CANONICAL = -2;

/** Bits of an entry of a paging structure. */
const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;
/** A large page. */
const PS = 0x80;
const G = 0x100;
/** Reserved bits of the high word: physical address bits that there are not. */
const HIGH_RESERVED = 0xfffff & ~(2 ** (PHYSICAL_BITS - 32) - 1);
const NX = 0x80000000;
/** What 4-level paging ignores in the high word and PAE paging reserves. */
const PAE_RESERVED = 0x7ff00000;
/** Reserved bits of the low word of PAE's PDPTEs. */
const PDPTE_RESERVED = 0x1e6;

/** Where tables stand and how many levels there are. */
type Paging = "none" | "32-bit" | "pae" | "4-level";

const index = (f: StateField): number => f.address >>> 2;
const CR0_FIELD = index(field("cr0"));
const CR3_FIELD = index(field("cr3"));
const CR4_FIELD = index(field("cr4"));
const EFER_FIELD = index(field("efer"));

/** What else the processor model decides. */
export interface MmuOptions {
  /** Pages of 1 GiB exist. @default true */
  readonly gigabytePages?: boolean;
}

/** The walker. `configure` must follow every change of CR0, CR3, CR4 and IA32_EFER. */
export class Mmu {
  readonly #words: Uint32Array;
  readonly #memory: GuestMemory;
  readonly #ram: Uint32Array;
  readonly #gigabytePages: boolean;
  #paging: Paging = "none";
  /** Physical address of the top table. */
  #root = 0;
  #highReserved = 0;
  #pse = false;
  #globalPages = false;
  #noExecute = false;
  #writeProtect = false;
  #smep = false;
  #smap = false;

  /** Entries that the walk has passed, as indices of words, to note the access in. */
  readonly #passed: Int32Array = new Int32Array(4);
  #levels = 0;

  // The translation found last.
  /** Physical address of the 4 KiB page. */
  page = 0;
  /** Rights that all levels grant. */
  user = false;
  writable = false;
  #executable = false;
  /** Not dropped by a write of CR3. */
  global = false;
  /** Bits of the page: 12, 21, 22, 30; 12 if paging is off. */
  pageBits = 12;

  constructor(view: StateView, memory: GuestMemory, options: MmuOptions = {}) {
    this.#words = view.u32;
    this.#memory = memory;
    const { buffer, byteOffset, length } = memory.bytes;
    this.#ram = new Uint32Array(buffer, byteOffset, length >>> 2);
    this.#gigabytePages = options.gigabytePages ?? true;
    this.configure();
  }

  /** Whether paging is on. */
  get enabled(): boolean {
    return this.#paging !== "none";
  }

  /** Physical address of the top table. */
  get root(): number {
    return this.#root;
  }

  /** How far the walker of another vCPU, as it is configured, finds what this one does. */
  common(other: Mmu): Common {
    const alike = this.#paging === other.#paging && this.#highReserved === other.#highReserved &&
      // Other ways of paging do not look at CR4.PSE.
      (this.#pse === other.#pse || this.#paging !== "32-bit") &&
      this.#globalPages === other.#globalPages &&
      this.#writeProtect === other.#writeProtect && this.#smep === other.#smep &&
      this.#smap === other.#smap;
    if (!alike) return Common.nothing;
    if (this.#paging === "none" || this.#root === other.#root) return Common.all;
    return this.sameUpper(other.#root) ? Common.upper : Common.nothing;
  }

  /**
   * Whether another top table has the same upper half as the one in use: all kernels of a kind share
   * what is below it. False if there is none.
   */
  sameUpper(root: number): boolean {
    if (this.#paging !== "4-level") return false;
    const memory = this.#memory;
    if (!memory.contains(root, 4096) || !memory.contains(this.#root, 4096)) return false;
    const ram = this.#ram;
    const a = (this.#root - memory.base + 2048) >>> 2;
    const b = (root - memory.base + 2048) >>> 2;
    for (let n = 0; n < 512; n += 2) {
      if (((ram[a + n] ^ ram[b + n]) & ~A) !== 0 || ram[a + n + 1] !== ram[b + n + 1]) return false;
    }
    return true;
  }

  /** Reads the control registers anew. */
  configure(): void {
    const words = this.#words;
    const cr0 = words[CR0_FIELD];
    const cr4 = words[CR4_FIELD];
    const efer = words[EFER_FIELD];
    const high = words[CR3_FIELD + 1] & (2 ** (PHYSICAL_BITS - 32) - 1);
    const low = words[CR3_FIELD];
    this.#noExecute = (efer & EFER.NXE) !== 0;
    this.#highReserved = HIGH_RESERVED | (this.#noExecute ? 0 : NX);
    this.#pse = (cr4 & CR4.PSE) !== 0;
    this.#globalPages = (cr4 & CR4.PGE) !== 0;
    this.#writeProtect = (cr0 & CR0.WP) !== 0;
    this.#smep = (cr4 & CR4.SMEP) !== 0;
    this.#smap = (cr4 & CR4.SMAP) !== 0;
    if ((cr0 & CR0.PG) === 0) this.#paging = "none";
    else if ((efer & EFER.LMA) !== 0) {
      this.#paging = "4-level";
      this.#root = high * 2 ** 32 + ((low & 0xfffff000) >>> 0);
    } else if ((cr4 & CR4.PAE) !== 0) {
      this.#paging = "pae";
      this.#highReserved |= PAE_RESERVED;
      this.#root = (low & 0xffffffe0) >>> 0;
    } else {
      this.#paging = "32-bit";
      this.#root = (low & 0xfffff000) >>> 0;
    }
  }

  /**
   * Translates for an access with the rights of a {@linkcode Tlb}, and notes it in the tables.
   * {@linkcode TRANSLATED}: the translation is in the fields of this object. Else what refuses it: the
   * error code of the page fault, or {@linkcode NOT_CANONICAL}.
   */
  translate(high: number, low: number, access: Access, rights: number): number {
    const why = this.#walk(high, low);
    if (why === NOT_CANONICAL) return why;
    const asked = this.#asked(access, rights);
    if (why !== TRANSLATED) return why | asked;
    if (!this.#allows(access, rights)) return PageFault.present | asked;
    this.#note(access === Access.write);
    return TRANSLATED;
  }

  /** The four PDPTEs that CR3 points to: false if a write of CR3 must be refused (SDM, 4.4.1). */
  pdptesValid(cr3: number): boolean {
    const table = (cr3 & 0xffffffe0) >>> 0;
    if (!this.#memory.contains(table, 32)) return false;
    const at = (table - this.#memory.base) >>> 2;
    for (let n = 0; n < 4; n++) {
      const low = this.#ram[at + 2 * n];
      const reserved = (low & PDPTE_RESERVED) |
        (this.#ram[at + 2 * n + 1] & (HIGH_RESERVED | PAE_RESERVED | NX));
      if ((low & P) !== 0 && reserved !== 0) return false;
    }
    return true;
  }

  /** Bits of the error code that tell what was tried. */
  #asked(access: Access, rights: number): number {
    const fetch = access === Access.execute &&
      (this.#smep || (this.#noExecute && this.#paging !== "32-bit"));
    return (access === Access.write ? PageFault.write : 0) |
      (isUser(rights) ? PageFault.user : 0) | (fetch ? PageFault.fetch : 0);
  }

  /** Rights of the translation found last (SDM, 4.6.1). */
  #allows(access: Access, rights: number): boolean {
    if (this.#paging === "none") return true;
    const fetch = access === Access.execute;
    if (fetch && !this.#executable) return false;
    if (isUser(rights)) return this.user && (access !== Access.write || this.writable);
    if (this.user && (fetch ? this.#smep : rights === Tlb.supervisorSmap && this.#smap)) {
      return false;
    }
    return access !== Access.write || this.writable || !this.#writeProtect;
  }

  /** TRANSLATED, NOT_CANONICAL, or `present` and `reserved` of the error code. */
  #walk(high: number, low: number): number {
    this.#levels = 0;
    this.global = false;
    this.pageBits = 12;
    switch (this.#paging) {
      case "none":
        this.page = (low & 0xfffff000) >>> 0;
        return TRANSLATED;
      case "4-level":
        if ((high << 16) >> 16 !== (high | 0)) return NOT_CANONICAL;
        return this.#walkLong(high, low, this.#root, 39);
      case "pae":
        return this.#walkPae(low);
      default:
        return this.#walk32(low);
    }
  }

  #walkPae(low: number): number {
    const table = this.#root + (low >>> 30) * 8;
    if (!this.#memory.contains(table, 8)) return PageFault.present | PageFault.reserved;
    const at = (table - this.#memory.base) >>> 2;
    const entry = this.#ram[at];
    const entryHigh = this.#ram[at + 1];
    if ((entry & P) === 0) return 0;
    const next = (entryHigh & (2 ** (PHYSICAL_BITS - 32) - 1)) * 2 ** 32 +
      ((entry & 0xfffff000) >>> 0);
    return this.#walkLong(0, low, next, 21);
  }

  /** The levels with entries of eight bytes, from the one that takes address bits at `shift`. */
  #walkLong(high: number, low: number, root: number, first: number): number {
    const ram = this.#ram;
    const { base } = this.#memory;
    let granted = US | RW;
    let neverExecute = 0;
    let table = root;
    for (let shift = first;; shift -= 9) {
      const number = shift >= 32
        ? (high >>> (shift - 32)) & 511
        : ((low >>> shift) | (shift > 23 ? high << (32 - shift) : 0)) & 511;
      const address = table + number * 8;
      if (!this.#memory.contains(address, 8)) return PageFault.present | PageFault.reserved;
      const at = (address - base) >>> 2;
      const entry = ram[at];
      const entryHigh = ram[at + 1];
      if ((entry & P) === 0) return 0;
      if ((entryHigh & this.#highReserved) !== 0) return PageFault.present | PageFault.reserved;
      this.#passed[this.#levels++] = at;
      granted &= entry;
      neverExecute |= entryHigh & NX;
      const large = shift !== 12 && (entry & PS) !== 0;
      if (shift !== 12 && !large) {
        table = (entryHigh & 0xfffff) * 2 ** 32 + ((entry & 0xfffff000) >>> 0);
        continue;
      }
      if (large) {
        // PS is reserved in PML4Es; bit 12 is PAT, the others below the address are reserved.
        const exists = shift === 21 || (shift === 30 && this.#gigabytePages);
        if (!exists || (entry & ((1 << shift) - 1) & 0xffffe000) !== 0) {
          return PageFault.present | PageFault.reserved;
        }
      }
      const offset = (1 << shift) - 1;
      const pageLow = ((entry & ~offset) | (low & offset)) & 0xfffff000;
      this.page = (entryHigh & 0xfffff) * 2 ** 32 + (pageLow >>> 0);
      this.pageBits = shift;
      this.user = (granted & US) !== 0;
      this.writable = (granted & RW) !== 0;
      this.#executable = neverExecute === 0;
      this.#isGlobal(entry);
      return TRANSLATED;
    }
  }

  #walk32(low: number): number {
    const ram = this.#ram;
    const { base } = this.#memory;
    const directory = this.#root + (low >>> 22) * 4;
    if (!this.#memory.contains(directory, 4)) return PageFault.present | PageFault.reserved;
    let at = (directory - base) >>> 2;
    const entry = ram[at];
    if ((entry & P) === 0) return 0;
    this.#passed[this.#levels++] = at;
    this.#executable = true;
    if ((entry & PS) !== 0 && this.#pse) {
      // PSE-36: address bits 39:32 in 20:13, 21 is reserved.
      if ((entry & (1 << 21)) !== 0) return PageFault.present | PageFault.reserved;
      const pageLow = (entry & 0xffc00000) | (low & 0x3ff000);
      this.page = ((entry >>> 13) & 0xff) * 2 ** 32 + (pageLow >>> 0);
      this.pageBits = 22;
      this.user = (entry & US) !== 0;
      this.writable = (entry & RW) !== 0;
      this.#isGlobal(entry);
      return TRANSLATED;
    }
    const address = ((entry & 0xfffff000) >>> 0) + ((low >>> 12) & 1023) * 4;
    if (!this.#memory.contains(address, 4)) return PageFault.present | PageFault.reserved;
    at = (address - base) >>> 2;
    const last = ram[at];
    if ((last & P) === 0) return 0;
    this.#passed[this.#levels++] = at;
    this.page = (last & 0xfffff000) >>> 0;
    this.user = (entry & last & US) !== 0;
    this.writable = (entry & last & RW) !== 0;
    this.#isGlobal(last);
    return TRANSLATED;
  }

  #isGlobal(entry: number): void {
    this.global = (entry & G) !== 0 && this.#globalPages;
  }

  /** Sets A in the entries passed, D in the last one. */
  #note(write: boolean): void {
    const ram = this.#ram;
    for (let n = 0; n < this.#levels; n++) {
      const at = this.#passed[n];
      const bits = write && n === this.#levels - 1 ? A | D : A;
      if ((ram[at] & bits) === bits) continue;
      ram[at] |= bits;
      this.#memory.written(this.#memory.base + at * 4, 4);
    }
  }
}

/** Whether accesses through a TLB are those of CPL 3. */
function isUser(rights: number): boolean {
  return rights === Tlb.user || rights === Tlb.userAligned;
}

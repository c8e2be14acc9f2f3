/**
 * Stage 1 translation of the EL1&0 regime in AArch64 state (Arm ARM, D8.2 to D8.5): 4, 16 and 64 KiB
 * granules, 16 to 48 bits of virtual and 32 to 48 bits of physical address. Addresses are pairs of
 * unsigned halves or, when physical, integers below 2^48: this runs at every TLB miss.
 *
 * Choices the architecture leaves open: TxSZ outside 16..39 counts as the nearest bound; a reserved
 * TGx is 4 KiB; the contiguous hint is not used.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { StateField, StateView } from "../../engine/layout.ts";
import { Common } from "../../engine/shared_tlbs.ts";
import { field } from "./layout.ts";
import { SCTLR } from "./process_state.ts";
import { FSC } from "./syndrome.ts";

const index = (f: StateField): number => f.address >>> 2;
const TTBR0 = index(field("TTBR0_EL1"));
const TTBR1 = index(field("TTBR1_EL1"));
const TCR = index(field("TCR_EL1"));
const MAIR = index(field("MAIR_EL1"));
const SCTLR_FIELD = index(field("SCTLR_EL1"));

/** Bits of the high word of a physical address that must be zero, by TCR_EL1.IPS. */
const OUTSIDE_IPS = [0xffff, 0xfff0, 0xff00, 0xfc00, 0xf000, 0, 0, 0] as const;

/** Granule in bits by TG0 and by TG1. */
const TG0 = [12, 16, 14, 12] as const;
const TG1 = [12, 14, 12, 16] as const;

/** Result of {@linkcode Mmu.walk} when the translation exists. */
export const WALK_OK = -1;

/** What TCR_EL1 and one of TTBR0_EL1, TTBR1_EL1 say about half of the address space. */
interface Half {
  /** EPDx: no walks. */
  disabled: boolean;
  topByteIgnored: boolean;
  /** Bits of input address: 25..48. */
  inputBits: number;
  /** Bits of a page. */
  granule: number;
  startLevel: number;
  /** Address of the first table, in halves. */
  baseHigh: number;
  baseLow: number;
}

const newHalf = (): Half => ({
  disabled: false,
  topByteIgnored: false,
  inputBits: 48,
  granule: 12,
  startLevel: 0,
  baseHigh: 0,
  baseLow: 0,
});

/** The walker. `configure` must follow every change of the registers that it reads. */
export class Mmu {
  readonly #words: Uint32Array;
  readonly #memory: GuestMemory;
  readonly #ram: Uint32Array;
  readonly #lower: Half = newHalf();
  readonly #upper: Half = newHalf();
  /** What `configure` has read, but for the TTBRs: SCTLR_EL1, TCR_EL1, MAIR_EL1. */
  readonly #common: Uint32Array = new Uint32Array(5);
  #asid = 0;
  #enabled = false;
  #outside = 0;
  /** Bit n: MAIR_EL1.Attr<n> is Device memory. */
  #deviceMask = 0;
  #writeNever = false;

  // The translation found by the last successful walk.
  /** Physical address of the 4 KiB page. */
  page = 0;
  /** Accesses from EL0 and EL1 (without PAN). */
  readEl0 = false;
  writeEl0 = false;
  executeEl0 = false;
  writeEl1 = false;
  executeEl1 = false;
  /** Device memory: misaligned accesses fault. */
  device = false;
  /** Bound to the current ASID. */
  nonGlobal = false;
  /** Level of the descriptor, for permission faults. */
  level = 0;
  /** Bits of the block or page: 12..30, or 12 if translation is off. */
  blockBits = 12;
  /** Number of the MAIR_EL1 attribute (-1: translation is off) and SH, for PAR_EL1. */
  attributes = 0;
  shareability = 0;

  constructor(view: StateView, memory: GuestMemory) {
    this.#words = view.u32;
    this.#memory = memory;
    const { buffer, byteOffset, length } = memory.bytes;
    this.#ram = new Uint32Array(buffer, byteOffset, length >>> 2);
    this.configure();
  }

  /** Whether stage 1 is on (SCTLR_EL1.M). */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Bits of an ASID that count: 8 or 16 of them by TCR_EL1.AS. */
  get asidMask(): number {
    return (this.#words[TCR + 1] & (1 << 4)) !== 0 ? 0xffff : 0xff;
  }

  /** Current ASID: from the TTBR that TCR_EL1.A1 selects. */
  get asid(): number {
    const tcr = this.#words[TCR];
    const high = this.#words[(tcr & (1 << 22)) !== 0 ? TTBR1 + 1 : TTBR0 + 1];
    return (high >>> 16) & this.asidMask;
  }

  /** Address of the first table for each half of the address space. */
  get bases(): readonly [lower: number, upper: number] {
    return [baseOf(this.#lower), baseOf(this.#upper)];
  }

  /** How far the walker of another vCPU, as it is configured, finds what this one does. */
  common(other: Mmu): Common {
    for (let n = 0; n < this.#common.length; n++) {
      if (this.#common[n] !== other.#common[n]) return Common.nothing;
    }
    const [lower, upper] = this.bases;
    const [otherLower, otherUpper] = other.bases;
    if (upper !== otherUpper) return Common.nothing;
    return lower === otherLower && this.#asid === other.#asid ? Common.all : Common.upper;
  }

  /** Reads SCTLR_EL1, TCR_EL1, MAIR_EL1, TTBR0_EL1 and TTBR1_EL1 anew. */
  configure(): void {
    const words = this.#words;
    this.#asid = this.asid;
    this.#common[0] = words[SCTLR_FIELD];
    for (let n = 0; n < 2; n++) {
      this.#common[1 + n] = words[TCR + n];
      this.#common[3 + n] = words[MAIR + n];
    }
    const sctlr = words[SCTLR_FIELD];
    const tcr = words[TCR];
    const tcrHigh = words[TCR + 1];
    this.#enabled = (sctlr & SCTLR.M) !== 0;
    this.#writeNever = (sctlr & SCTLR.WXN) !== 0;
    this.#outside = OUTSIDE_IPS[tcrHigh & 7];
    const lower = this.#lower;
    lower.disabled = (tcr & (1 << 7)) !== 0;
    lower.topByteIgnored = (tcrHigh & (1 << 5)) !== 0;
    setHalf(lower, tcr & 63, TG0[(tcr >>> 14) & 3], words[TTBR0 + 1], words[TTBR0]);
    const upper = this.#upper;
    upper.disabled = (tcr & (1 << 23)) !== 0;
    upper.topByteIgnored = (tcrHigh & (1 << 6)) !== 0;
    setHalf(upper, (tcr >>> 16) & 63, TG1[tcr >>> 30], words[TTBR1 + 1], words[TTBR1]);
    this.#deviceMask = 0;
    for (let n = 0; n < 8; n++) {
      const attribute = (words[MAIR + (n >>> 2)] >>> ((n & 3) * 8)) & 0xff;
      if ((attribute & 0xf0) === 0) this.#deviceMask |= 1 << n;
    }
  }

  /** High half of an address without its tag, as TCR_EL1.TBI0 and TBI1 say (AArch64.BranchAddr). */
  untag(high: number): number {
    if ((high & 0x800000) !== 0) {
      return this.#upper.topByteIgnored ? (high | 0xff000000) >>> 0 : high;
    }
    return this.#lower.topByteIgnored ? high & 0xffffff : high;
  }

  /** Whether the halves of the address space have a tag at all. */
  get tags(): boolean {
    return this.#lower.topByteIgnored || this.#upper.topByteIgnored;
  }

  /**
   * Translates a virtual address. {@linkcode WALK_OK} if there is a translation, which is then in the
   * fields of this object, else the fault status code. Access rights are left to the caller.
   */
  walk(vaHigh: number, low: number): number {
    const isUpper = (vaHigh & 0x800000) !== 0;
    const half = isUpper ? this.#upper : this.#lower;
    let high = vaHigh;
    if (half.topByteIgnored) high = isUpper ? (high | 0xff000000) >>> 0 : high & 0xffffff;
    if (!this.#enabled) return this.#flat(high, low);

    const { inputBits, granule } = half;
    if (isUpper ? beyond(~high, ~low, inputBits) : beyond(high, low, inputBits)) {
      return FSC.translation;
    }
    if (half.disabled) return FSC.translation;
    const stride = granule - 3;
    const outside = this.#outside;
    let tableHigh = half.baseHigh;
    let tableLow = half.baseLow;
    if ((tableHigh & outside) !== 0) return FSC.addressSize;
    /** APTable, PXNTable and UXNTable of the tables passed, in their place in the high word. */
    let limits = 0;
    let shift = granule + stride * (3 - half.startLevel);
    let width = inputBits - shift;
    for (let level = half.startLevel;; level++) {
      const address = tableHigh * 0x100000000 + tableLow + entry(high, low, shift, width) * 8;
      if (!this.#memory.contains(address, 8)) return FSC.externalAbortOnWalk | level;
      const word = (address - this.#memory.base) / 4;
      const d = this.#ram[word];
      const dHigh = this.#ram[word + 1];
      if ((d & 1) === 0) return FSC.translation | level;
      if (level < 3 && (d & 2) !== 0) {
        if ((dHigh & outside) !== 0) return FSC.addressSize | level;
        tableHigh = dHigh & 0xffff;
        tableLow = ((d >>> granule) << granule) >>> 0;
        limits |= dHigh & 0x78000000;
        shift -= stride;
        width = stride;
        continue;
      }
      if (level === 3 ? (d & 2) === 0 : !isBlockLevel(level, granule)) {
        return FSC.translation | level;
      }
      if ((dHigh & outside) !== 0) return FSC.addressSize | level;
      if ((d & (1 << 10)) === 0) return FSC.accessFlag | level;
      const offsetMask = (1 << shift) - 1;
      const pageLow = ((d & ~offsetMask) | (low & offsetMask)) & 0xfffff000;
      this.page = (dHigh & 0xffff) * 0x100000000 + (pageLow >>> 0);
      this.blockBits = shift;
      this.level = level;
      this.nonGlobal = (d & (1 << 11)) !== 0;
      this.#rights(d, dHigh, limits);
      return WALK_OK;
    }
  }

  /** The descriptor's and the tables' rights: AP in bits 7:6, PXN and UXN in bits 22:21 of the high word. */
  #rights(d: number, dHigh: number, limits: number): void {
    const el0 = (d & (1 << 6)) !== 0 && (limits & (1 << 29)) === 0;
    const writable = (d & (1 << 7)) === 0 && (limits & (1 << 30)) === 0;
    const pxn = (dHigh & (1 << 21)) !== 0 || (limits & (1 << 27)) !== 0;
    const uxn = (dHigh & (1 << 22)) !== 0 || (limits & (1 << 28)) !== 0;
    const writeEl0 = el0 && writable;
    this.readEl0 = el0;
    this.writeEl0 = writeEl0;
    this.writeEl1 = writable;
    // What EL0 can write, EL1 does not execute (D8.4.1).
    this.executeEl0 = !uxn && !(this.#writeNever && writeEl0);
    this.executeEl1 = !pxn && !writeEl0 && !(this.#writeNever && writable);
    const attribute = (d >>> 2) & 7;
    this.device = (this.#deviceMask & (1 << attribute)) !== 0;
    this.attributes = attribute;
    this.shareability = (d >>> 8) & 3;
  }

  /** Translation is off: the address is physical, data is Device-nGnRnE (D8.2.10). */
  #flat(high: number, low: number): number {
    if (high > 0xffff) return FSC.addressSize;
    this.page = high * 0x100000000 + ((low & 0xfffff000) >>> 0);
    this.readEl0 = true;
    this.writeEl0 = true;
    this.executeEl0 = true;
    this.writeEl1 = true;
    this.executeEl1 = true;
    this.device = true;
    this.nonGlobal = false;
    this.blockBits = 12;
    this.level = 0;
    this.attributes = -1;
    this.shareability = 2;
    return WALK_OK;
  }

  /** MAIR_EL1 byte of the translation found last; Device-nGnRnE if translation is off. */
  get memoryAttributes(): number {
    const n = this.attributes;
    if (n < 0) return 0;
    return (this.#words[MAIR + (n >>> 2)] >>> ((n & 3) * 8)) & 0xff;
  }
}

function baseOf({ baseHigh, baseLow }: Half): number {
  return baseHigh * 0x100000000 + baseLow;
}

/** Fills what depends on TxSZ, TGx and TTBRx. */
function setHalf(half: Half, size: number, granule: number, ttbrHigh: number, ttbr: number): void {
  const inputBits = 64 - Math.min(Math.max(size, 16), 39);
  const stride = granule - 3;
  const startLevel = 4 - Math.ceil((inputBits - granule) / stride);
  half.inputBits = inputBits;
  half.granule = granule;
  half.startLevel = startLevel;
  // The first table is aligned to its size, at least 64 bytes. (At most 64 KiB: 13 bits of index.)
  const entries = inputBits - (granule + stride * (3 - startLevel));
  const alignment = Math.max(entries + 3, 6);
  half.baseHigh = ttbrHigh & 0xffff;
  half.baseLow = ((ttbr >>> alignment) << alignment) >>> 0;
}

/** Whether an address has a bit set at or above `bits` (25..48). */
function beyond(high: number, low: number, bits: number): boolean {
  return bits >= 32 ? (high >>> (bits - 32)) !== 0 : high !== 0 || (low >>> bits) !== 0;
}

/** `width` (at most 13) bits of an address from bit `shift` (12..42). */
function entry(high: number, low: number, shift: number, width: number): number {
  const mask = (1 << width) - 1;
  if (shift >= 32) return (high >>> (shift - 32)) & mask;
  return ((low >>> shift) | (high << (32 - shift))) & mask;
}

/** Levels whose descriptors may be blocks: 1 and 2 with 4 KiB granules, else 2. */
function isBlockLevel(level: number, granule: number): boolean {
  return level === 2 || (level === 1 && granule === 12);
}

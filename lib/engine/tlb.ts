/**
 * The software TLBs and the two caches of code addresses, as the host fills and empties them.
 * Generated code only reads them (memory_map.ts tells where, code_builder.ts how).
 */
import {
  FETCH_BASE,
  FETCH_ENTRIES,
  JUMP_BASE,
  JUMP_ENTRIES,
  PAGE_SIZE,
  TLB_BASE,
  TLB_ENTRY,
  TLB_LIMIT,
  TLB_MASK,
  TLB_STRIDE,
  TLB_WRITE,
} from "./memory_map.ts";

/** Entries cleared one by one before clearing all at once becomes cheaper. */
const FEW = 256;

/** One TLB's entries of one kind, with a note of which have been filled. */
class Entries {
  readonly base: number;
  readonly #words: Int32Array;
  readonly #filled: Int32Array = new Int32Array(FEW);
  /** Host page number that each entry leads, or led, to. */
  readonly #hosts: Int32Array = new Int32Array(TLB_MASK + 1);
  #count = 0;

  constructor(words: Int32Array, base: number) {
    this.#words = words;
    this.base = base;
    this.clear(true);
  }

  fill(index: number, tagLow: number, tagHigh: number, addend: number, page: number): void {
    this.#hosts[index] = page;
    const at = (this.base + index * TLB_ENTRY) >> 2;
    this.#words[at] = tagLow;
    this.#words[at + 1] = tagHigh;
    this.#words[at + 2] = addend;
    if (this.#count < FEW) this.#filled[this.#count] = at;
    this.#count++;
  }

  drop(index: number): void {
    const at = (this.base + index * TLB_ENTRY) >> 2;
    this.#words[at] = -1;
    this.#words[at + 1] = -1;
  }

  /** Drops entries that lead to host page number `page`. */
  dropHost(page: number): void {
    let index = this.#hosts.indexOf(page);
    while (index >= 0) {
      this.drop(index);
      index = this.#hosts.indexOf(page, index + 1);
    }
  }

  clear(all = false): void {
    if (all || this.#count > FEW) {
      this.#words.fill(-1, this.base >> 2, (this.base + TLB_WRITE) >> 2);
    } else {
      for (let i = 0; i < this.#count; i++) {
        const at = this.#filled[i];
        this.#words[at] = -1;
        this.#words[at + 1] = -1;
      }
    }
    this.#count = 0;
  }
}

/** Device pages that are remembered, half of them for each kind of access. */
const DEVICE_ENTRIES = 128;

/**
 * Translations of pages that belong to devices: generated code never finds them, the host does
 * (slow_access.ts).
 */
class DevicePages {
  /** Page address with TLB number and kind of access in the low bits, then its high half. */
  readonly #tags: Int32Array = new Int32Array(2 * DEVICE_ENTRIES).fill(-1);
  readonly #pages: Float64Array = new Float64Array(DEVICE_ENTRIES);

  fill(key: number, high: number, page: number): void {
    const at = deviceIndex(key);
    this.#tags[2 * at] = key;
    this.#tags[2 * at + 1] = high;
    this.#pages[at] = page;
  }

  /** -1 if it is not known. */
  find(key: number, high: number): number {
    const at = deviceIndex(key);
    const known = this.#tags[2 * at] === key && this.#tags[2 * at + 1] === (high | 0);
    return known ? this.#pages[at] : -1;
  }

  clear(): void {
    this.#tags.fill(-1);
  }
}

export class Tlb {
  readonly #words: Int32Array;
  readonly #reads: Entries[] = [];
  readonly #writes: Entries[] = [];
  readonly #devices = new DevicePages();
  /** Fetch entries (index of the first word) of code that is not global, as far as there is room. */
  readonly #local: Int32Array = new Int32Array(FEW);
  #localCount = 0;
  /** 1 for each host page that a write entry has led to since it was last protected. */
  readonly #written: Uint8Array;
  fills = 0;
  flushes = 0;

  constructor(buffer: ArrayBufferLike) {
    this.#written = new Uint8Array(buffer.byteLength / PAGE_SIZE);
    this.#words = new Int32Array(buffer, 0, (JUMP_BASE + JUMP_ENTRIES * 16) / 4);
    for (let tlb = 0; tlb < TLB_LIMIT; tlb++) {
      this.#reads.push(new Entries(this.#words, TLB_BASE + tlb * TLB_STRIDE));
      this.#writes.push(new Entries(this.#words, TLB_BASE + tlb * TLB_STRIDE + TLB_WRITE));
    }
    this.flushCode();
  }

  /**
   * Makes accesses through `tlb` to an address with these low bits lead to host address `host`. The
   * tag is the address of the page in which the access ends.
   */
  fill(
    tlb: number,
    write: boolean,
    low: number,
    tagHigh: number,
    tagLow: number,
    host: number,
  ): void {
    const entries = (write ? this.#writes : this.#reads)[tlb];
    entries.fill(indexOf(low), tagLow | 0, tagHigh | 0, (host - low) | 0, host >>> 12);
    if (write) this.#written[host >>> 12] = 1;
    this.fills++;
  }

  /** Host address of a guest address; 0 if its page is not in the TLB. */
  find(tlb: number, write: boolean, high: number, low: number): number {
    const { base } = (write ? this.#writes : this.#reads)[tlb];
    const at = (base + indexOf(low) * TLB_ENTRY) >> 2;
    const known = this.#words[at] === (low & -PAGE_SIZE) && this.#words[at + 1] === (high | 0);
    return known ? (this.#words[at + 2] + low) >>> 0 : 0;
  }

  drop(tlb: number, low: number): void {
    this.#reads[tlb].drop(indexOf(low));
    this.#writes[tlb].drop(indexOf(low));
  }

  /** Remembers that a page is a device's, at guest-physical address `page`. */
  fillDevice(tlb: number, write: boolean, high: number, low: number, page: number): void {
    this.#devices.fill(deviceKey(tlb, write, low), high, page);
  }

  /** Guest-physical address of a page of a device; -1 if it is not known to be one. */
  findDevice(tlb: number, write: boolean, high: number, low: number): number {
    return this.#devices.find(deviceKey(tlb, write, low), high);
  }

  /** No write may reach the page at host address `host` unseen any more. */
  protect(host: number): void {
    if (this.#written[host >>> 12] === 0) return;
    this.#written[host >>> 12] = 0;
    for (const entries of this.#writes) entries.dropHost(host >>> 12);
  }

  /** Forgets data translations through the TLBs in a bit mask. */
  flush(tlbs: number): void {
    this.flushes++;
    this.#devices.clear();
    for (let tlb = 0; tlb < TLB_LIMIT; tlb++) {
      if ((tlbs & (1 << tlb)) === 0) continue;
      this.#reads[tlb].clear();
      this.#writes[tlb].clear();
    }
  }

  /** Forgets where the code at virtual addresses is. */
  flushCode(): void {
    this.#words.fill(-1, FETCH_BASE >> 2, (FETCH_BASE + FETCH_ENTRIES * 16) >> 2);
    this.#localCount = 0;
    this.flushJumps();
  }

  /** Forgets where the code is that is not global. */
  flushLocalCode(): void {
    if (this.#localCount > FEW) this.flushCode();
    else if (this.#localCount > 0) {
      for (let i = 0; i < this.#localCount; i++) {
        const at = this.#local[i];
        this.#words[at] = -1;
        this.#words[at + 1] = -1;
      }
      this.#localCount = 0;
      this.flushJumps();
    }
  }

  /** Forgets at which virtual addresses the page of records at `records` is; not their regions. */
  flushRecords(records: number): void {
    const words = this.#words;
    const end = (FETCH_BASE >> 2) + FETCH_ENTRIES * 4;
    for (let at = FETCH_BASE >> 2; at < end; at += 4) {
      if (words[at + 2] === records) words[at] = words[at + 1] = -1;
    }
  }

  /** Forgets which regions begin at virtual addresses. */
  flushJumps(): void {
    this.#words.fill(-1, JUMP_BASE >> 2, (JUMP_BASE + JUMP_ENTRIES * 16) >> 2);
  }

  /** Forgets one page. */
  flushPage(high: number, low: number): void {
    this.#devices.clear();
    for (let tlb = 0; tlb < TLB_LIMIT; tlb++) this.drop(tlb, low);
    const at = (FETCH_BASE >> 2) + ((low >>> 12) & (FETCH_ENTRIES - 1)) * 4;
    const mapped = this.#words[at] !== -1 &&
      (this.#words[at] & -PAGE_SIZE) === (low & -PAGE_SIZE) && this.#words[at + 1] === (high | 0);
    if (!mapped) return;
    this.#words[at] = -1;
    this.#words[at + 1] = -1;
    this.#flushJumpsOf(low);
  }

  /** Forgets the regions of the page of an address (and of those that share its entries). */
  #flushJumpsOf(low: number): void {
    const first = ((low & -PAGE_SIZE) >>> 2) & (JUMP_ENTRIES - 1);
    const at = (JUMP_BASE >> 2) + first * 4;
    this.#words.fill(-1, at, at + PAGE_SIZE);
  }

  /**
   * Makes the records at `records` those of a virtual page in a mode, in all address spaces if it is
   * `global`. A page that loses its entry
   * loses its regions too: `flushPage` finds them by the entry.
   */
  fillFetch(high: number, low: number, mode: number, records: number, global: boolean): void {
    const at = (FETCH_BASE >> 2) + ((low >>> 12) & (FETCH_ENTRIES - 1)) * 4;
    const old = this.#words[at];
    const other = (old & -PAGE_SIZE) !== (low & -PAGE_SIZE) || this.#words[at + 1] !== (high | 0);
    if (old !== -1 && other) this.#flushJumpsOf(old);
    this.#words[at] = (low & -PAGE_SIZE) | (mode << 2);
    this.#words[at + 1] = high | 0;
    this.#words[at + 2] = records;
    if (global) return;
    if (this.#localCount < FEW) this.#local[this.#localCount] = at;
    this.#localCount++;
  }
}

/** Reads and writes of one page have places of their own. */
function deviceIndex(key: number): number {
  return (((key >>> 12) << 1) | (key & 1)) & (DEVICE_ENTRIES - 1);
}

function deviceKey(tlb: number, write: boolean, low: number): number {
  return (low & -PAGE_SIZE) | (tlb << 1) | (write ? 1 : 0);
}

function indexOf(low: number): number {
  return (low >>> 12) & TLB_MASK;
}

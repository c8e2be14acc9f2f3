/**
 * Which large pages the TLBs hold parts of. The engine keeps translations of 4 KiB, but an
 * invalidation by address drops all of the guest's page.
 */
import type { EngineServices } from "./arch.ts";

/** Pages that one invalidation drops one by one; more drop everything. */
const PAGES_ONE_BY_ONE = 512;
/** Large pages remembered before everything is dropped. */
const LIMIT = 4096;
const RECENT = 64;

/** The large pages in use by a vCPU. */
export class LargePages {
  readonly #engine: EngineServices;
  /** Numbers of the pages by their size in bits. */
  readonly #pages: Map<number, Set<number>> = new Map();
  #count = 0;
  /** Pages that were noted lately, by the low bits of their number. */
  readonly #recent: Float64Array = new Float64Array(RECENT).fill(-1);

  constructor(engine: EngineServices) {
    this.#engine = engine;
  }

  /**
   * Notes that a translation from a page of `bits` bits (12 to 30) enters a TLB. False if too many are
   * in use: the caller must drop everything first.
   */
  note(high: number, low: number, bits: number): boolean {
    if (bits === 12) return true;
    const number = numberOf(high, low, bits);
    const recent = number % RECENT;
    if (this.#recent[recent] === number * 64 + bits) return true;
    let pages = this.#pages.get(bits);
    if (pages === undefined) this.#pages.set(bits, pages = new Set());
    if (!pages.has(number)) {
      if (this.#count === LIMIT) return false;
      pages.add(number);
      this.#count++;
    }
    this.#recent[recent] = number * 64 + bits;
    return true;
  }

  /**
   * Drops the page at an address, and with it every large page in use that the address lies in. False
   * if that is so large that the caller must drop everything.
   */
  flush(high: number, low: number): boolean {
    this.#engine.flushPage(high, (low & 0xfffff000) >>> 0);
    if (this.#count === 0) return true;
    for (const [bits, pages] of this.#pages) {
      if (!pages.delete(numberOf(high, low, bits))) continue;
      this.#count--;
      this.#recent.fill(-1);
      const count = 2 ** (bits - 12);
      if (count > PAGES_ONE_BY_ONE) return false;
      const start = (low & -(2 ** bits)) >>> 0;
      for (let page = 0; page < count; page++) {
        this.#engine.flushPage(high, start + page * 4096);
      }
    }
    return true;
  }

  /** The TLBs are empty. */
  clear(): void {
    for (const pages of this.#pages.values()) pages.clear();
    this.#count = 0;
    this.#recent.fill(-1);
  }
}

/** Number of the page of `bits` bits (up to 30) that holds an address; bits 63:56 do not count. */
function numberOf(high: number, low: number, bits: number): number {
  return (high & 0xffffff) * 2 ** (32 - bits) + (low >>> bits);
}

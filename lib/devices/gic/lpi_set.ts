/**
 * The pending LPIs of one redistributor, and the most urgent of those that are enabled: every
 * operation takes the same time however many are pending.
 */
import { lowestBit } from "./interrupt_table.ts";

/** First LPI (IHI 0069, 2.2). */
export const LPI_BASE = 8192;
/** Bits of an interrupt id: GICD_TYPER.IDbits plus one. */
export const ID_BITS = 16;
/** Ids end here. */
export const LPI_LIMIT: number = 1 << ID_BITS;

/** LPI configuration (IHI 0069, 5.1.1): enable in bit 0, priority in bits 7:2. */
const ENABLE = 1;
const PRIORITY_SHIFT = 2;

const WORDS = LPI_LIMIT / 32;
/** A key stands for one of 64 priorities and one word of ids: 17 bits, three levels of 32-way nodes. */
const PRIORITIES = 64;
const KEYS = PRIORITIES * WORDS;
const WORD_BITS = 11;

/** Pending LPIs with their configuration. */
export class LpiSet {
  /** Bit n of word w: LPI 32 * w + n is pending. */
  readonly pending: Uint32Array = new Uint32Array(WORDS);
  /** Configuration byte by id, as it was read last; of use only for those that are pending. */
  readonly #config = new Uint8Array(LPI_LIMIT);
  /** Bit k: some enabled LPI of the priority and word of key k is pending. */
  readonly #keys = new Uint32Array(KEYS / 32);
  readonly #groups = new Uint32Array(KEYS / 32 ** 2);
  readonly #top = new Uint32Array(KEYS / 32 ** 3);
  #size = 0;

  /** Number of pending LPIs, enabled or not. */
  get size(): number {
    return this.#size;
  }

  /** Whether an LPI is pending. */
  has(intid: number): boolean {
    return ((this.pending[intid >>> 5] >>> (intid & 31)) & 1) !== 0;
  }

  /** Configuration that counts for a pending LPI. */
  config(intid: number): number {
    return this.#config[intid];
  }

  /** Makes an LPI pending that is not, with its configuration byte. */
  add(intid: number, config: number): void {
    this.pending[intid >>> 5] |= 1 << (intid & 31);
    this.#size++;
    this.#config[intid] = config;
    if ((config & ENABLE) !== 0) this.#addKey(keyOf(intid, config));
  }

  /** Takes the pending state of an LPI away that is pending. */
  delete(intid: number): void {
    this.pending[intid >>> 5] &= ~(1 << (intid & 31));
    this.#size--;
    const config = this.#config[intid];
    if ((config & ENABLE) !== 0 && !this.#needed(intid, config)) {
      this.#deleteKey(keyOf(intid, config));
    }
  }

  /** The enabled LPI of the lowest priority value, of several the lowest id; 0 if there is none. */
  best(): number {
    for (let top = 0; top < this.#top.length; top++) {
      if (this.#top[top] === 0) continue;
      const group = top * 32 + lowestBit(this.#top[top]);
      const node = group * 32 + lowestBit(this.#groups[group]);
      const key = node * 32 + lowestBit(this.#keys[node]);
      const first = (key & (WORDS - 1)) * 32;
      const config = ((key >>> WORD_BITS) << PRIORITY_SHIFT) | ENABLE;
      for (let bits = this.pending[first >>> 5]; bits !== 0; bits &= bits - 1) {
        const intid = first + lowestBit(bits);
        if (sameClass(this.#config[intid], config)) return intid;
      }
    }
    return 0;
  }

  /** Priority of a pending LPI. */
  priority(intid: number): number {
    return this.#config[intid] & 0xfc;
  }

  /** Empties the set. */
  clear(): void {
    for (const words of [this.pending, this.#keys, this.#groups, this.#top]) words.fill(0);
    this.#size = 0;
  }

  /** All pending LPIs, ascending. What is deleted meanwhile does not matter. */
  *[Symbol.iterator](): Generator<number> {
    for (let w = LPI_BASE / 32; w < WORDS; w++) {
      for (let bits = this.pending[w]; bits !== 0; bits &= bits - 1) {
        yield w * 32 + lowestBit(bits);
      }
    }
  }

  /** Whether a pending LPI other than `intid` holds its key. */
  #needed(intid: number, config: number): boolean {
    const first = intid & ~31;
    for (let bits = this.pending[intid >>> 5]; bits !== 0; bits &= bits - 1) {
      if (sameClass(this.#config[first + lowestBit(bits)], config)) return true;
    }
    return false;
  }

  #addKey(key: number): void {
    this.#keys[key >>> 5] |= 1 << (key & 31);
    this.#groups[key >>> 10] |= 1 << ((key >>> 5) & 31);
    this.#top[key >>> 15] |= 1 << ((key >>> 10) & 31);
  }

  #deleteKey(key: number): void {
    this.#keys[key >>> 5] &= ~(1 << (key & 31));
    if (this.#keys[key >>> 5] !== 0) return;
    this.#groups[key >>> 10] &= ~(1 << ((key >>> 5) & 31));
    if (this.#groups[key >>> 10] !== 0) return;
    this.#top[key >>> 15] &= ~(1 << ((key >>> 10) & 31));
  }
}

function keyOf(intid: number, config: number): number {
  return ((config >>> PRIORITY_SHIFT) << WORD_BITS) | (intid >>> 5);
}

/** Whether two configurations are alike in enable and priority; bit 1 is reserved. */
function sameClass(a: number, b: number): boolean {
  return ((a ^ b) & 0xfd) === 0;
}

/**
 * The state of all interrupts of a GIC as words of 32, and for each vCPU the set of interrupts that
 * are ready to be signalled to it. Row 0 of the words (SGIs and PPIs) is banked per vCPU.
 */
import type { StateArrays } from "../vbus/device_state.ts";

/** "No interrupt" (IHI 0048B, 3.2.5; IHI 0069, 2.2.1). */
export const SPURIOUS = 1023;
/** Ids from here on are not those of SGIs, PPIs or SPIs. */
export const INTID_LIMIT = 1020;
/** First shared peripheral interrupt. */
export const SPI_BASE = 32;

/** Number of trailing zeros of a word that is not zero. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Interrupt state, registers' words and ready sets. */
export class InterruptTable {
  /** Number of vCPUs. */
  readonly cpus: number;
  /** Words of interrupt ids: ids below `32 * words` (and 1020) exist. */
  readonly words: number;
  /** Set: group 1. */
  readonly group: Uint32Array;
  /** Set: enabled. */
  readonly enable: Uint32Array;
  /** The pending state that an edge or a write leaves; a level alone does not set it. */
  readonly latch: Uint32Array;
  /** Levels of the input lines. */
  readonly level: Uint32Array;
  /** Levels that messages set and clear (GICD_SETSPI_NSR). */
  readonly message: Uint32Array;
  /** Set: taken and not yet deactivated. */
  readonly active: Uint32Array;
  /** Set: edge-triggered. */
  readonly edge: Uint32Array;
  /** By slot: 0 is the most urgent. */
  readonly priority: Uint8Array;
  /** Pending, enabled and not active, by vCPU and word. */
  readonly ready: Uint32Array;
  /** By vCPU: bit w set if word w of its ready set is not empty. */
  readonly #summary: Uint32Array;
  /** Priority of what {@linkcode best} found. */
  bestPriority = 0x100;

  /** `spis` is rounded up to a multiple of 32, ids end at 1019. */
  constructor(cpus: number, spis: number) {
    if (!Number.isInteger(spis) || spis < 1 || spis > INTID_LIMIT - SPI_BASE) {
      throw new RangeError("a GIC has 1 to 988 shared peripheral interrupts");
    }
    this.cpus = cpus;
    this.words = 1 + Math.ceil(spis / 32);
    const rows = cpus + this.words - 1;
    this.group = new Uint32Array(rows);
    this.enable = new Uint32Array(rows);
    this.latch = new Uint32Array(rows);
    this.level = new Uint32Array(rows);
    this.message = new Uint32Array(rows);
    this.active = new Uint32Array(rows);
    this.edge = new Uint32Array(rows);
    this.priority = new Uint8Array(rows * 32);
    this.ready = new Uint32Array(cpus * this.words);
    this.#summary = new Uint32Array(cpus);
    this.reset();
  }

  /** Back to reset values. The input lines keep their levels: they belong to the devices. */
  reset(): void {
    const { group, enable, latch, message, active, edge } = this;
    for (const words of [group, enable, latch, message, active, edge]) words.fill(0);
    // SGIs are edge-triggered.
    this.edge.fill(0xffff, 0, this.cpus);
    this.priority.fill(0);
    this.clearReady();
  }

  /** Empties the ready sets. */
  clearReady(): void {
    this.ready.fill(0);
    this.#summary.fill(0);
  }

  /** What is saved; the ready sets follow from it. */
  get arrays(): StateArrays {
    const { group, enable, latch, level, message, active, edge, priority } = this;
    return { group, enable, latch, level, message, active, edge, priority };
  }

  /** Index of word `w` of the interrupt ids as a vCPU sees them. */
  row(cpu: number, w: number): number {
    return w === 0 ? cpu : this.cpus - 1 + w;
  }

  /** Index of an interrupt: word index times 32 plus bit. */
  slot(cpu: number, intid: number): number {
    return intid < SPI_BASE ? cpu * 32 + intid : (this.cpus - 1) * 32 + intid;
  }

  /** Number of slots, existing interrupts or not. */
  get slots(): number {
    return this.priority.length;
  }

  /** Interrupts of word `w` that exist. */
  implemented(w: number): number {
    if (w >= this.words) return 0;
    return w === 31 ? 0x0fffffff : 0xffffffff;
  }

  /** Whether `intid` is an SGI, PPI or SPI that exists. */
  exists(intid: number): boolean {
    return intid < INTID_LIMIT && intid < this.words * 32;
  }

  /** Pending as registers show it: latched, or level-sensitive with the line high. */
  pending(row: number): number {
    return (this.latch[row] | ((this.level[row] | this.message[row]) & ~this.edge[row])) >>> 0;
  }

  /** Pending, enabled and not active. */
  isReady(slot: number): boolean {
    const row = slot >>> 5;
    const levels = (this.level[row] | this.message[row]) & ~this.edge[row];
    const bits = (this.latch[row] | levels) & this.enable[row] & ~this.active[row];
    return ((bits >>> (slot & 31)) & 1) !== 0;
  }

  /** Whether an interrupt belongs to group 1. */
  isGroup1(slot: number): boolean {
    return ((this.group[slot >>> 5] >>> (slot & 31)) & 1) !== 0;
  }

  /** Puts an interrupt into a vCPU's ready set or takes it out; true if that changed the set. */
  setReady(cpu: number, intid: number, ready: boolean): boolean {
    const w = intid >>> 5;
    const index = cpu * this.words + w;
    const bit = 1 << (intid & 31);
    const before = this.ready[index];
    if (((before & bit) !== 0) === ready) return false;
    const after = before ^ bit;
    this.ready[index] = after;
    if (after === 0) this.#summary[cpu] &= ~(1 << w);
    else this.#summary[cpu] |= 1 << w;
    return true;
  }

  /**
   * The ready interrupt of a vCPU with the lowest priority value, of several the lowest id, among
   * group 0 masked by `mask0` and group 1 masked by `mask1` (all ones or 0). SPURIOUS if none;
   * its priority is then in `bestPriority`.
   */
  best(cpu: number, mask0: number, mask1: number): number {
    let intid = SPURIOUS;
    let priority = 0x100;
    for (let words = this.#summary[cpu]; words !== 0; words &= words - 1) {
      const w = lowestBit(words);
      const row = w === 0 ? cpu : this.cpus - 1 + w;
      const group = this.group[row];
      let bits = this.ready[cpu * this.words + w] & ((group & mask1) | (~group & mask0));
      for (; bits !== 0; bits &= bits - 1) {
        const bit = lowestBit(bits);
        const value = this.priority[row * 32 + bit];
        if (value < priority) {
          priority = value;
          intid = w * 32 + bit;
        }
      }
    }
    this.bestPriority = priority;
    return intid;
  }

  /** Drives an input line; true if that may have changed whether the interrupt is pending. */
  setLevel(slot: number, level: boolean): boolean {
    const row = slot >>> 5;
    const bit = 1 << (slot & 31);
    if (((this.level[row] & bit) !== 0) === level) return false;
    this.level[row] ^= bit;
    if ((this.edge[row] & bit) === 0) return true;
    if (level) this.latch[row] |= bit;
    return level;
  }

  /** A message adds the pending state or takes it away; a level-sensitive interrupt keeps it. */
  setMessage(slot: number, pending: boolean): void {
    const row = slot >>> 5;
    const bit = 1 << (slot & 31);
    const words = (this.edge[row] & bit) !== 0 ? this.latch : this.message;
    if (pending) words[row] |= bit;
    else words[row] &= ~bit;
  }

  /** Pending to active: an edge is used up, a level stays pending behind the active state. */
  activate(slot: number): void {
    const row = slot >>> 5;
    const bit = 1 << (slot & 31);
    this.active[row] |= bit;
    this.latch[row] &= ~bit;
  }

  /** Not active any more. */
  deactivate(slot: number): void {
    this.active[slot >>> 5] &= ~(1 << (slot & 31));
  }
}

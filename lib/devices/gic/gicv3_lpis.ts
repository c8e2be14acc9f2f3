/**
 * LPIs at the redistributors (IHI 0069, 5.1 and 12.11): which are pending where, with the tables of
 * configuration and pending bits in guest RAM.
 *
 * While a redistributor has LPIs enabled, its pending bits are kept here and written through to its
 * table; the table is read when LPIs become enabled. A configuration byte is read when its LPI
 * becomes pending and when the guest invalidates it. Bytes outside RAM read as zero: disabled.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { DeviceState } from "../vbus/device.ts";
import { clearArrays, restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";
import { StateReader } from "../device_state.ts";
import { lowestBit, SPURIOUS } from "./interrupt_table.ts";
import { ID_BITS, LPI_BASE, LpiSet } from "./lpi_set.ts";

/** Fields of GICR_PROPBASER by word: caching, address, shareability, IDbits. */
export const PROPBASER_MASK: readonly [low: number, high: number] = [0xffff_ff9f, 0x070f_ffff];
/** Fields of GICR_PENDBASER by word; PTZ reads as zero. */
export const PENDBASER_MASK: readonly [low: number, high: number] = [0xffff_0f80, 0x470f_ffff];
/** GICR_PENDBASER.Pending_Table_Zero, in the high word. */
const PTZ = 1 << 30;
/** {@linkcode GicV3Lpis.bestPriority} if there is no LPI. */
const NO_PRIORITY = 0x100;
/** LPIs in one operation from which on the host should have a turn. */
const LONG = 1024;

/** What the LPIs need from their surroundings. */
export interface LpiOptions {
  /** Number of redistributors. */
  readonly cpus: number;
  /** Where the guest's tables are. */
  readonly memory: () => GuestMemory;
  /** The most urgent LPI of a vCPU may be another one. */
  readonly changed: (cpu: number) => void;
  /** One access of the guest made much work: the host should have a turn soon. */
  readonly longWork: () => void;
}

/** LPIs of all redistributors. */
export class GicV3Lpis {
  /** Most urgent pending LPI that is enabled, by vCPU; SPURIOUS if there is none. */
  readonly best: Uint16Array;
  /** Its priority, 0 is the most urgent; 0x100 if there is none. */
  readonly bestPriority: Uint16Array;
  /** GICR_CTLR.EnableLPIs by vCPU. */
  readonly #enabled: Uint8Array;
  /** GICR_PROPBASER and GICR_PENDBASER: word 2 * vCPU is the low half. */
  readonly #property: Uint32Array;
  readonly #table: Uint32Array;
  /** Pending LPIs; undefined until LPIs are enabled. */
  readonly #sets: (LpiSet | undefined)[];
  readonly #options: LpiOptions;

  /** No LPIs enabled. */
  constructor(options: LpiOptions) {
    const { cpus } = options;
    this.#options = options;
    this.best = new Uint16Array(cpus).fill(SPURIOUS);
    this.bestPriority = new Uint16Array(cpus).fill(NO_PRIORITY);
    this.#enabled = new Uint8Array(cpus);
    this.#property = new Uint32Array(2 * cpus);
    this.#table = new Uint32Array(2 * cpus);
    this.#sets = Array<undefined>(cpus).fill(undefined);
  }

  // ---- registers

  /** GICR_CTLR.EnableLPIs. */
  enabled(cpu: number): boolean {
    return this.#enabled[cpu] !== 0;
  }

  /** Writes GICR_CTLR.EnableLPIs: the pending table is read, or left as it was written. */
  setEnabled(cpu: number, on: boolean): void {
    if (on === this.enabled(cpu)) return;
    this.#enabled[cpu] = on ? 1 : 0;
    if (on) this.#load(cpu, this.#sets[cpu] ??= new LpiSet());
    this.#update(cpu);
  }

  /** Half of GICR_PROPBASER. */
  propbaser(cpu: number, high: 0 | 1): number {
    return this.#property[2 * cpu + high];
  }

  /** Writes half of GICR_PROPBASER; without effect while LPIs are enabled. */
  setPropbaser(cpu: number, high: 0 | 1, value: number): void {
    if (!this.enabled(cpu)) this.#property[2 * cpu + high] = value & PROPBASER_MASK[high];
  }

  /** Half of GICR_PENDBASER. */
  pendbaser(cpu: number, high: 0 | 1): number {
    const value = this.#table[2 * cpu + high];
    return high === 1 ? (value & ~PTZ) >>> 0 : value;
  }

  /** Writes half of GICR_PENDBASER; without effect while LPIs are enabled. */
  setPendbaser(cpu: number, high: 0 | 1, value: number): void {
    if (!this.enabled(cpu)) this.#table[2 * cpu + high] = value & PENDBASER_MASK[high];
  }

  // ---- pending states

  /** Makes an LPI pending; nothing if the redistributor has no such LPI or none enabled. */
  set(cpu: number, intid: number): void {
    if (this.#add(cpu, intid)) this.#update(cpu);
  }

  /** Takes the pending state of an LPI away: it was taken, or the guest says so. */
  clear(cpu: number, intid: number): void {
    if (this.#delete(cpu, intid)) this.#update(cpu);
  }

  /** Moves the pending state of an LPI to another redistributor. */
  move(from: number, to: number, intid: number): void {
    if (from === to || !this.#delete(from, intid)) return;
    this.#add(to, intid);
    this.#update(from);
    this.#update(to);
  }

  /** Moves all of them. */
  moveAll(from: number, to: number): void {
    const set = this.#set(from);
    if (from === to || set === undefined) return;
    this.#report(set.size);
    for (const intid of set) {
      this.#delete(from, intid);
      this.#add(to, intid);
    }
    this.#update(from);
    this.#update(to);
  }

  /** Reads the configuration of an LPI again. */
  invalidate(cpu: number, intid: number): void {
    const set = this.#set(cpu);
    if (set === undefined || !this.exists(cpu, intid) || !set.has(intid)) return;
    this.#reread(cpu, set, intid);
    this.#update(cpu);
  }

  /** Reads the configuration of all LPIs again. */
  invalidateAll(cpu: number): void {
    const set = this.#set(cpu);
    if (set === undefined) return;
    this.#report(set.size);
    for (const intid of set) this.#reread(cpu, set, intid);
    this.#update(cpu);
  }

  /** Number of pending LPIs of a vCPU, enabled or not. */
  count(cpu: number): number {
    return this.#set(cpu)?.size ?? 0;
  }

  /** Whether an id is that of an LPI for a vCPU. */
  exists(cpu: number, intid: number): boolean {
    return intid >= LPI_BASE && intid < this.#limit(cpu);
  }

  // ---- reset and state

  /** Power-on state: no LPIs enabled. */
  reset(): void {
    clearArrays(this.#arrays);
    for (let cpu = 0; cpu < this.best.length; cpu++) this.#update(cpu);
  }

  /** Registers, and the pending LPIs of each vCPU with their configurations. */
  state(): DeviceState {
    return {
      registers: saveArrays(this.#arrays),
      pending: this.#sets.map((_, cpu) => savePending(this.#set(cpu))),
    };
  }

  /** Puts back what `state` gave. Throws a TypeError, and changes nothing, on anything else. */
  restore(state: DeviceState): void {
    const reader = new StateReader(state, "LPIs");
    const pending = reader.array("pending", this.#sets.length).map(readPending);
    if (pending.length !== this.#sets.length) throw new TypeError("state of LPIs: pending");
    restoreArrays(this.#arrays, reader.value("registers"));
    pending.forEach((entries, cpu) => {
      this.#sets[cpu]?.clear();
      if (this.enabled(cpu)) {
        const set = this.#sets[cpu] ??= new LpiSet();
        for (const entry of entries) {
          if (this.exists(cpu, entry >>> 8)) set.add(entry >>> 8, entry & 0xff);
        }
      }
      this.#update(cpu);
    });
  }

  get #arrays(): StateArrays {
    return { enabled: this.#enabled, propbaser: this.#property, pendbaser: this.#table };
  }

  // ---- sets and tables

  #set(cpu: number): LpiSet | undefined {
    return this.#enabled[cpu] !== 0 ? this.#sets[cpu] : undefined;
  }

  #add(cpu: number, intid: number): boolean {
    const set = this.#set(cpu);
    if (set === undefined || !this.exists(cpu, intid) || set.has(intid)) return false;
    set.add(intid, this.#readConfig(cpu, intid));
    this.#writeBack(cpu, set, intid);
    return true;
  }

  #delete(cpu: number, intid: number): boolean {
    const set = this.#set(cpu);
    if (set === undefined || !this.exists(cpu, intid) || !set.has(intid)) return false;
    set.delete(intid);
    this.#writeBack(cpu, set, intid);
    return true;
  }

  #reread(cpu: number, set: LpiSet, intid: number): void {
    const config = this.#readConfig(cpu, intid);
    if (config === set.config(intid)) return;
    set.delete(intid);
    set.add(intid, config);
  }

  /** One more than the largest id that GICR_PROPBASER.IDbits gives. */
  #limit(cpu: number): number {
    return 1 << Math.min((this.#property[2 * cpu] & 31) + 1, ID_BITS);
  }

  #readConfig(cpu: number, intid: number): number {
    const memory = this.#options.memory();
    const table = address(this.#property[2 * cpu] & ~0xfff, this.#property[2 * cpu + 1]);
    const at = table + intid - LPI_BASE;
    return memory.contains(at, 1) ? memory.bytes[at - memory.base] : 0;
  }

  #pendingTable(cpu: number): number {
    return address(this.#table[2 * cpu] & ~0xffff, this.#table[2 * cpu + 1]);
  }

  /** Writes the byte of the pending table that holds an LPI. */
  #writeBack(cpu: number, set: LpiSet, intid: number): void {
    const memory = this.#options.memory();
    const at = this.#pendingTable(cpu) + (intid >>> 3);
    if (!memory.contains(at, 1)) return;
    memory.bytes[at - memory.base] = set.pending[intid >>> 5] >>> (intid & 24);
    memory.written(at, 1);
  }

  /** What the guest's pending table says; empty if it says that the table is zero. */
  #load(cpu: number, set: LpiSet): void {
    set.clear();
    if ((this.#table[2 * cpu + 1] & PTZ) !== 0) return;
    const memory = this.#options.memory();
    const table = this.#pendingTable(cpu);
    const limit = this.#limit(cpu);
    for (let first = LPI_BASE; first < limit; first += 32) {
      const word = memory.read32(table + (first >>> 3)) ?? 0;
      for (let bits = word; bits !== 0; bits &= bits - 1) {
        const intid = first + lowestBit(bits);
        set.add(intid, this.#readConfig(cpu, intid));
      }
    }
    this.#report(LONG + set.size);
  }

  #report(lpis: number): void {
    if (lpis >= LONG) this.#options.longWork();
  }

  #update(cpu: number): void {
    const set = this.#set(cpu);
    const intid = set?.best() ?? 0;
    this.best[cpu] = intid === 0 ? SPURIOUS : intid;
    this.bestPriority[cpu] = intid === 0 ? NO_PRIORITY : set?.priority(intid) ?? NO_PRIORITY;
    this.#options.changed(cpu);
  }
}

/** Three bytes for each pending LPI: id, low byte first, and configuration. */
function savePending(set: LpiSet | undefined): Uint8Array {
  const bytes: number[] = [];
  if (set !== undefined) {
    for (const intid of set) bytes.push(intid & 0xff, intid >>> 8, set.config(intid));
  }
  return Uint8Array.from(bytes);
}

/** The reverse: id << 8 | configuration. */
function readPending(bytes: DeviceState): number[] {
  const wrong = new TypeError("state of LPIs: pending");
  if (!(bytes instanceof Uint8Array) || bytes.length % 3 !== 0) throw wrong;
  const entries: number[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const intid = bytes[i] | (bytes[i + 1] << 8);
    const before = entries.at(-1);
    if (intid < LPI_BASE || (before !== undefined && intid <= before >>> 8)) throw wrong;
    entries.push((intid << 8) | bytes[i + 2]);
  }
  return entries;
}

function address(low: number, high: number): number {
  return (high & 0xf_ffff) * 2 ** 32 + (low >>> 0);
}

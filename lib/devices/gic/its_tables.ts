/**
 * The tables of an ITS in guest RAM (IHI 0069, 5.2): devices and collections, flat or of two levels
 * (GITS_BASER<n>), and an interrupt translation table per device. Nothing is cached. The guest can
 * write to the tables behind the ITS's back, so each entry is read once and checked; an entry of
 * zero maps nothing.
 *
 * Entries are eight bytes, their format is this implementation's own:
 *
 * | entry      | low word                                                     | high word      |
 * | ---------- | ------------------------------------------------------------ | -------------- |
 * | device     | 31:8 address of the ITT, 7 valid, 4:0 bits of an event id - 1 | 19:0 address  |
 * | event      | 31 valid, 15:0 LPI                                           | 15:0 collection |
 * | collection | 31 valid, 15:0 number of the redistributor                   |                |
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";

/** Bytes of a table entry; GITS_TYPER.ITT_entry_size and GITS_BASER<n>.Entry_Size tell it. */
export const ENTRY_BYTES = 8;
/** Bits of device, event and collection ids. */
export const ITS_ID_BITS = 16;

const ENTRY_VALID = 0x8000_0000;
const DEVICE_VALID = 1 << 7;

/** Bits of the high word of GITS_BASER<n>. */
const BASER = { Valid: 0x8000_0000, Indirect: 0x4000_0000, writable: 0xf8e0_ffff } as const;
/** Type of the two tables, and their index in GITS_BASER<n>. */
const TYPES = [1, 4];
const DEVICES = 0;
const COLLECTIONS = 1;
/** By GITS_BASER<n>.Page_Size; the fourth is reserved. */
const PAGE_BYTES = [0x1000, 0x4000, 0x1_0000, 0x1_0000];

/** A mapped device. */
interface DeviceEntry {
  /** Guest-physical address of its interrupt translation table. */
  readonly itt: number;
  /** Number of its events. */
  readonly events: number;
}

/** A mapped event. */
export interface EventEntry {
  /** The LPI; not yet checked. */
  readonly intid: number;
  readonly collection: number;
}

/** The tables. */
export class ItsTables {
  /** GITS_BASER0 (devices) and GITS_BASER1 (collections), low halves first. */
  readonly #registers: Uint32Array = new Uint32Array(4);
  readonly #ram: () => GuestMemory;

  /** No tables. */
  constructor(ram: () => GuestMemory) {
    this.#ram = ram;
  }

  get #memory(): GuestMemory {
    return this.#ram();
  }

  /** The registers, to be saved and reset. */
  get registers(): Uint32Array {
    return this.#registers;
  }

  /** Half of GITS_BASER<n>; zero where there is no table. */
  baser(n: number, high: 0 | 1): number {
    if (n >= TYPES.length) return 0;
    const value = this.#registers[2 * n + high];
    return high === 0 ? value : (value | (TYPES[n] << 24) | ((ENTRY_BYTES - 1) << 16)) >>> 0;
  }

  /** Writes half of it. */
  setBaser(n: number, high: 0 | 1, value: number): void {
    if (n >= TYPES.length) return;
    this.#registers[2 * n + high] = high === 0 ? value : value & BASER.writable;
  }

  // ---- devices and events

  /** MAPD: `eventBits` of 1 to 16; false if the table has no such device. */
  mapDevice(device: number, itt: number, eventBits: number): boolean {
    const low = itt % 2 ** 32 | DEVICE_VALID | (eventBits - 1);
    return this.#write(this.#entry(DEVICES, device), low, Math.floor(itt / 2 ** 32));
  }

  /** MAPD with V = 0. */
  unmapDevice(device: number): boolean {
    return this.#write(this.#entry(DEVICES, device), 0, 0);
  }

  /** What an event is mapped to, undefined if to nothing. */
  event(device: number, event: number): EventEntry | undefined {
    const at = this.#eventAddress(device, event);
    const low = this.#memory.read32(at);
    const high = this.#memory.read32(at + 4);
    if (low === undefined || high === undefined || low < ENTRY_VALID) return undefined;
    return { intid: low & 0xffff, collection: high & 0xffff };
  }

  /** Maps an event of a mapped device; false if there is no such event. */
  mapEvent(device: number, event: number, entry: EventEntry): boolean {
    const at = this.#eventAddress(device, event);
    return this.#write(at, ENTRY_VALID | entry.intid, entry.collection);
  }

  /** DISCARD. */
  unmapEvent(device: number, event: number): boolean {
    return this.#write(this.#eventAddress(device, event), 0, 0);
  }

  // ---- collections

  /** Number of the redistributor to which a collection is mapped, undefined if to none; not yet checked. */
  collection(icid: number): number | undefined {
    const low = this.#memory.read32(this.#entry(COLLECTIONS, icid));
    return low === undefined || low < ENTRY_VALID ? undefined : low & 0xffff;
  }

  /** Whether the table has room for a collection. */
  hasCollection(icid: number): boolean {
    return this.#memory.contains(this.#entry(COLLECTIONS, icid), ENTRY_BYTES);
  }

  /** MAPC. */
  mapCollection(icid: number, redistributor: number): boolean {
    return this.#write(this.#entry(COLLECTIONS, icid), ENTRY_VALID | redistributor, 0);
  }

  /** MAPC with V = 0. */
  unmapCollection(icid: number): boolean {
    return this.#write(this.#entry(COLLECTIONS, icid), 0, 0);
  }

  // ---- addresses; NaN, which no RAM contains, where there is no entry

  #device(device: number): DeviceEntry | undefined {
    const at = this.#entry(DEVICES, device);
    const low = this.#memory.read32(at);
    const high = this.#memory.read32(at + 4);
    if (low === undefined || high === undefined || (low & DEVICE_VALID) === 0) return undefined;
    const itt = (high & 0xf_ffff) * 2 ** 32 + ((low & ~0xff) >>> 0);
    return { itt, events: 2 ** Math.min((low & 31) + 1, ITS_ID_BITS) };
  }

  #eventAddress(device: number, event: number): number {
    const entry = this.#device(device);
    return entry !== undefined && event < entry.events ? entry.itt + event * ENTRY_BYTES : NaN;
  }

  /** Guest-physical address of an entry of table `n`. */
  #entry(n: number, id: number): number {
    const low = this.#registers[2 * n];
    const high = this.#registers[2 * n + 1];
    if ((high & BASER.Valid) === 0 || id >= 2 ** ITS_ID_BITS) return NaN;
    const page = PAGE_BYTES[(low >>> 8) & 3];
    const bytes = ((low & 0xff) + 1) * page;
    let table = (high & 0xffff) * 2 ** 32 + ((low & -page) >>> 0);
    // With pages of 64 KiB, bits 15:12 are bits 51:48 of the address.
    if (page === 0x1_0000) table += ((low >>> 12) & 15) * 2 ** 48;
    if ((high & BASER.Indirect) === 0) {
      return (id + 1) * ENTRY_BYTES <= bytes ? table + id * ENTRY_BYTES : NaN;
    }
    // One page of the first level has room for more than all ids.
    const perPage = page / ENTRY_BYTES;
    const first = Math.floor(id / perPage) * 8;
    const lowAddress = this.#memory.read32(table + first);
    const highAddress = this.#memory.read32(table + first + 4);
    if (lowAddress === undefined || highAddress === undefined) return NaN;
    if (highAddress < ENTRY_VALID) return NaN;
    const leaf = (highAddress & 0xf_ffff) * 2 ** 32 + ((lowAddress & -page) >>> 0);
    return leaf + (id % perPage) * ENTRY_BYTES;
  }

  #write(address: number, low: number, high: number): boolean {
    if (!this.#memory.contains(address, ENTRY_BYTES)) return false;
    return this.#memory.write32(address, low >>> 0) && this.#memory.write32(address + 4, high);
  }
}

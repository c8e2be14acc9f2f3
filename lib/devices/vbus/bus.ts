/**
 * A bus: finds the device that answers an address of its space. An access is delivered only if it
 * lies wholly inside one region; anything else finds no device. Who splits accesses that are larger,
 * or cross an edge, is the processor (lib/engine/slow_access.ts).
 *
 * Devices may come and go at any time, also from within an access, a reset or a walk over `regions`:
 * those go on with the regions that there were when they began.
 */
import { AccessResult, type BusAccess, type Device } from "./device.ts";

/** Spaces made of regions, and the first address behind each. Registers have a bus of their own kind. */
const SPACES: Readonly<Record<BusSpace, number>> = { memory: 2 ** 52, ports: 2 ** 16 };
/** Guest-physical addresses, or the 64 KiB of x86 I/O ports. */
export type BusSpace = "memory" | "ports";

/** Options of {@linkcode Bus}. */
export interface BusOptions {
  /** @default "memory" */
  readonly space?: BusSpace;
  /** Devices get addresses in place of offsets in their region. @default false */
  readonly absolute?: boolean;
}

/** What a device is to the bus: interrupt controllers are reset after all others. */
export type DeviceRole = "device" | "interrupt-controller";

/** One range of addresses and the device behind it. */
export interface BusRegion {
  /** What answers there. */
  readonly device: Device;
  /** First address. */
  readonly address: number;
  /** Length in bytes. */
  readonly bytes: number;
  /** When it is reset. */
  readonly role: DeviceRole;
}

/** Result of {@linkcode Bus.read}: two unsigned halves, `high` zero below eight bytes. */
export interface BusValue {
  /** Bits 31:0. */
  low: number;
  /** Bits 63:32. */
  high: number;
}

/** Counters of one device, since statistics were switched on. */
export interface DeviceStatistics {
  /** Name of the device. */
  readonly device: string;
  /** Read accesses. */
  reads: number;
  /** Write accesses. */
  writes: number;
  /** Accesses that the device refused. */
  refused: number;
  /** Host time spent in the device; 0 without a clock. */
  nanoseconds: number;
}

/** One traced access, or the end of a run of folded ones. */
export interface BusTrace {
  /** Name of the device, undefined where there is none. */
  readonly device: string | undefined;
  /** A write, else a read. */
  readonly write: boolean;
  /** Of its first byte. */
  readonly address: number;
  /** Bytes. */
  readonly size: number;
  /** Value written or read. */
  readonly value: number;
  /** Who asked, -1 for the host. */
  readonly vcpu: number;
  /** How it ended. */
  readonly result: AccessResult;
  /** 0 for an access as it happens; else how many accesses to the same device followed untold. */
  readonly folded: number;
}

/** Receives traced accesses. */
export type BusTraceSink = (trace: BusTrace) => void;

interface Entry extends BusRegion {
  statistics: DeviceStatistics | undefined;
}

const nowhere: Entry = {
  device: undefined as unknown as Device,
  address: 0,
  bytes: 0,
  role: "device",
  statistics: undefined,
};

/** Places for entries that answered lately, chosen by bits 17:12 of the address. */
const RECENT = 64;

/**
 * An address space made of device regions.
 *
 * @example
 * ```ts ignore
 * const bus = new Bus();
 * bus.register(uart, 0x9000000, 0x1000);
 * bus.write(0x9000000, 4, 0x68); // "h"
 * ```
 */
export class Bus {
  /** Which space it is. */
  readonly space: BusSpace;
  readonly #absolute: boolean;
  /** Sorted by address, disjoint. Never changed: replaced. */
  #entries: readonly Entry[] = [];
  readonly #recent: Entry[] = new Array<Entry>(RECENT).fill(nowhere);
  #counting = false;
  #now: (() => number) | undefined;
  #trace: BusTraceSink | undefined;
  #fold = false;
  #previous: BusTrace | undefined;
  #folded = 0;
  /** Whether accesses are counted or traced. */
  #observed = false;
  /** For `read` and `write`; taken while one is under way, which may cause another. */
  #spare: BusAccess | undefined;

  /** A bus without devices. */
  constructor(options: BusOptions = {}) {
    this.space = options.space ?? "memory";
    this.#absolute = options.absolute ?? false;
  }

  /**
   * Puts a device at [address, address + bytes). The same device may stand at several places.
   * False, and nothing changes, if the range is empty, is not made of integers, does not lie within
   * the space, or overlaps another.
   */
  register(device: Device, address: number, bytes: number, role: DeviceRole = "device"): boolean {
    if (!Number.isSafeInteger(address) || !Number.isSafeInteger(bytes)) return false;
    if (address < 0 || bytes <= 0 || address + bytes > SPACES[this.space]) return false;
    const at = this.#firstEndingAfter(address);
    if (at < this.#entries.length && this.#entries[at].address < address + bytes) return false;
    const entry: Entry = { device, address, bytes, role, statistics: undefined };
    this.#entries = this.#entries.toSpliced(at, 0, entry);
    if (this.#counting) this.#count(entry);
    return true;
  }

  /** Takes out the region that begins at `address`; false if none does. An access in it goes on. */
  unregister(address: number): boolean {
    const at = this.#firstEndingAfter(address);
    if (at >= this.#entries.length || this.#entries[at].address !== address) return false;
    this.#entries = this.#entries.toSpliced(at, 1);
    this.#recent.fill(nowhere);
    return true;
  }

  /** The region that wholly contains [address, address + bytes), undefined if there is none. */
  find(address: number, bytes: number): BusRegion | undefined {
    if (!(bytes > 0)) return undefined;
    const entry = this.#entries[this.#firstEndingAfter(address)];
    if (entry === undefined || address < entry.address) return undefined;
    return address - entry.address <= entry.bytes - bytes ? entry : undefined;
  }

  /** All regions in the order of their addresses. */
  get regions(): readonly BusRegion[] {
    return this.#entries;
  }

  /** Every device once, in the order of its first address. */
  get devices(): readonly Device[] {
    return [...new Set(this.#entries.map((entry) => entry.device))];
  }

  /**
   * Performs an access of 1, 2 or 4 bytes. `offset` is set by the bus, and so is `value`: what is
   * written is cut to the size, what is read is zero unless the device says otherwise.
   */
  access(address: number, access: BusAccess): AccessResult {
    const entry = this.#at(address, access.size);
    return entry === nowhere
      ? this.#missing(address, access)
      : this.#perform(entry, address, access);
  }

  /**
   * Reads 1, 2, 4 or 8 bytes; eight as two of four, low half first, both from one region.
   * `vcpu` is the number of the vCPU that asks, -1 for the host.
   */
  read(address: number, size: 1 | 2 | 4 | 8, into: BusValue, vcpu = -1): AccessResult {
    into.low = into.high = 0;
    const half = this.#take(false, size, 0, vcpu);
    const entry = this.#at(address, size);
    let result = entry === nowhere
      ? this.#missing(address, half)
      : this.#perform(entry, address, half);
    if (result === AccessResult.ok) into.low = half.value;
    if (size === 8 && result === AccessResult.ok) {
      half.value = 0;
      result = this.#perform(entry, address + 4, half);
      if (result === AccessResult.ok) into.high = half.value;
    }
    this.#spare = half;
    return result;
  }

  /** Writes 1, 2, 4 or 8 bytes, the counterpart of {@linkcode Bus.read}. */
  write(
    address: number,
    size: 1 | 2 | 4 | 8,
    low: number,
    high = 0,
    vcpu = -1,
  ): AccessResult {
    const half = this.#take(true, size, low, vcpu);
    const entry = this.#at(address, size);
    let result = entry === nowhere
      ? this.#missing(address, half)
      : this.#perform(entry, address, half);
    if (size === 8 && result === AccessResult.ok) {
      half.value = high;
      result = this.#perform(entry, address + 4, half);
    }
    this.#spare = half;
    return result;
  }

  /**
   * Resets every device once, in the order of addresses, interrupt controllers last: lines fall
   * before the controller forgets.
   */
  reset(): void {
    const done = new Set<Device>();
    for (const role of ["device", "interrupt-controller"] as const) {
      for (const entry of this.#entries) {
        if (entry.role !== role || done.has(entry.device)) continue;
        done.add(entry.device);
        entry.device.reset();
      }
    }
  }

  /** Tells every device once that the machine stops. */
  shutdown(): void {
    for (const device of this.devices) device.shutdown();
  }

  /** Switches per-device counters on (from zero) or off. `now` is a clock for the time spent. */
  countAccesses(on: boolean, now?: () => number): void {
    this.#counting = on;
    this.#now = on ? now : undefined;
    for (const entry of this.#entries) entry.statistics = undefined;
    if (on) { for (const entry of this.#entries) this.#count(entry); }
    this.#observed = on || this.#trace !== undefined;
  }

  /** The counters, one per device; empty when switched off. */
  get statistics(): readonly DeviceStatistics[] {
    const all = new Set<DeviceStatistics>();
    for (const { statistics } of this.#entries) if (statistics) all.add(statistics);
    return [...all];
  }

  /**
   * Sends every access to `sink`, undefined ends it. With `fold` only the first of a run of
   * accesses to one device is sent, and at the end of the run the last with their number.
   */
  trace(sink: BusTraceSink | undefined, options: { readonly fold?: boolean } = {}): void {
    this.#endRun();
    this.#previous = undefined;
    this.#trace = sink;
    this.#fold = options.fold ?? false;
    this.#observed = this.#counting || sink !== undefined;
  }

  /** The entry that contains an access, {@linkcode nowhere} if none does. */
  #at(address: number, size: number): Entry {
    const slot = (address >>> 12) & (RECENT - 1);
    const recent = this.#recent[slot];
    const offset = address - recent.address;
    if (offset >= 0 && offset + size <= recent.bytes && size > 0) return recent;
    const found = this.find(address, size) as Entry | undefined;
    if (found === undefined) return nowhere;
    return this.#recent[slot] = found;
  }

  #perform(entry: Entry, address: number, access: BusAccess): AccessResult {
    const { size, write } = access;
    const mask = size === 4 ? 0xffffffff : size === 2 ? 0xffff : size === 1 ? 0xff : 0;
    if (mask === 0) return this.#missing(address, access);
    access.offset = this.#absolute ? address : address - entry.address;
    access.value = write ? (access.value & mask) >>> 0 : 0;
    if (this.#observed) return this.#performObserved(entry, address, access, mask);
    const result = entry.device.access(access);
    if (!write) access.value = (access.value & mask) >>> 0;
    return result;
  }

  #performObserved(
    entry: Entry,
    address: number,
    access: BusAccess,
    mask: number,
  ): AccessResult {
    const start = this.#now?.() ?? 0;
    const result = entry.device.access(access);
    if (!access.write) access.value = (access.value & mask) >>> 0;
    if (entry.statistics !== undefined && this.#now !== undefined) {
      entry.statistics.nanoseconds += this.#now() - start;
    }
    this.#observe(entry, address, access, result);
    return result;
  }

  #take(write: boolean, size: 1 | 2 | 4 | 8, value: number, vcpu: number): BusAccess {
    const half = this.#spare ?? { write, offset: 0, size: 4, value, vcpu };
    this.#spare = undefined;
    half.write = write;
    half.size = size === 8 ? 4 : size;
    half.value = value;
    half.vcpu = vcpu;
    return half;
  }

  /** Index of the first entry whose end lies beyond `address`. */
  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry.address + entry.bytes > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #missing(address: number, access: BusAccess): AccessResult {
    if (!access.write) access.value = 0;
    if (this.#observed) this.#observe(undefined, address, access, AccessResult.noDevice);
    return AccessResult.noDevice;
  }

  #count(entry: Entry): void {
    const twin = this.#entries.find((other) => other !== entry && other.device === entry.device);
    entry.statistics = twin?.statistics ??
      { device: entry.device.name, reads: 0, writes: 0, refused: 0, nanoseconds: 0 };
  }

  #observe(
    entry: Entry | undefined,
    address: number,
    access: BusAccess,
    result: AccessResult,
  ): void {
    const statistics = entry?.statistics;
    if (statistics !== undefined) {
      if (access.write) statistics.writes++;
      else statistics.reads++;
      if (result === AccessResult.refused) statistics.refused++;
    }
    if (this.#trace === undefined) return;
    const { write, size, value, vcpu } = access;
    const device = entry?.device.name;
    const line = { device, write, address, size, value, vcpu, result, folded: 0 };
    const same = this.#fold && this.#previous !== undefined && this.#previous.device === device;
    if (same) this.#folded++;
    else {
      this.#endRun();
      this.#trace(line);
    }
    this.#previous = line;
  }

  #endRun(): void {
    if (this.#folded > 0 && this.#previous !== undefined) {
      this.#trace?.({ ...this.#previous, folded: this.#folded });
    }
    this.#folded = 0;
  }
}

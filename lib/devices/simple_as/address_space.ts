/**
 * Guest-physical memory made of regions, RAM and ROM: copies over any number of them, with the rights
 * of the guest or of the host. Every range is checked as a whole before the first byte moves.
 */
import { PagePermission, type PagePermissions, permits } from "./page_permission.ts";

/** A piece of memory. */
export interface MemoryRegion {
  /** First guest-physical address, an integer below 2^52. */
  readonly base: number;
  /** Its bytes, all of them. */
  readonly bytes: Uint8Array;
  /** What the guest, and devices for it, may do. */
  readonly guest: PagePermissions;
  /** What the host may do: a ROM may be patched if it may write. */
  readonly host: PagePermissions;
  /** Hears of every write through the space, for code caches and dirty pages. */
  written?(address: number, length: number): void;
}

/** For whom an access is made. */
export type Accessor = "guest" | "host";

/** A part of a range that lies in one region. */
interface Piece {
  readonly region: MemoryRegion;
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Highest address plus 1. */
const LIMIT = 2 ** 52;

/**
 * An address space.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AddressSpace, PagePermission } from "@vml/vml";
 *
 * const { read, write } = PagePermission;
 * const space = new AddressSpace();
 * space.add({ base: 0, bytes: new Uint8Array(4096), guest: read, host: read | write });
 * assert.equal(space.write(0, Uint8Array.of(1)), false); // a ROM for the guest
 * assert.equal(space.write(0, Uint8Array.of(1), "host"), true);
 * ```
 */
export class AddressSpace {
  /** Sorted by address, disjoint. Never changed: replaced. */
  #regions: readonly MemoryRegion[] = [];

  /** All regions in the order of their addresses. */
  get regions(): readonly MemoryRegion[] {
    return this.#regions;
  }

  /** Adds a region; false, and nothing changes, if it is empty, overlaps another, or ends beyond 2^52. */
  add(region: MemoryRegion): boolean {
    const { base, bytes } = region;
    if (!Number.isInteger(base) || base < 0 || bytes.length === 0) return false;
    if (base + bytes.length > LIMIT) return false;
    const at = this.#firstEndingAfter(base);
    if (at < this.#regions.length && this.#regions[at].base < base + bytes.length) return false;
    this.#regions = this.#regions.toSpliced(at, 0, region);
    return true;
  }

  /** Takes out the region at `base`; false if none begins there. */
  remove(base: number): boolean {
    const at = this.#firstEndingAfter(base);
    if (this.#regions[at]?.base !== base) return false;
    this.#regions = this.#regions.toSpliced(at, 1);
    return true;
  }

  /** The region that holds all of [address, address + length); undefined if there is none. */
  find(address: number, length: number): MemoryRegion | undefined {
    const pieces = this.#pieces(address, length);
    return pieces?.length === 1 ? pieces[0].region : undefined;
  }

  /** The regions that share bytes with [address, address + length), in order. */
  overlapping(address: number, length: number): readonly MemoryRegion[] {
    const end = address + length;
    return this.#regions.filter(({ base, bytes }) => base < end && base + bytes.length > address);
  }

  /** Whether all of the range is there and `by` has the rights. An empty range is nowhere. */
  contains(
    address: number,
    length: number,
    rights: PagePermissions = PagePermission.none,
    by: Accessor = "guest",
  ): boolean {
    const pieces = this.#pieces(address, length);
    return pieces !== undefined && pieces.every(({ region }) => permits(region[by], rights));
  }

  /** Fills `into` from `address`; false, and `into` is as it was, if not all may be read. */
  read(address: number, into: Uint8Array, by: Accessor = "guest"): boolean {
    const pieces = this.#permitted(address, into.length, PagePermission.read, by);
    if (pieces === undefined) return false;
    for (const { address: from, bytes } of pieces) into.set(bytes, from - address);
    return true;
  }

  /** Writes all of `from` at `address`; false, and nothing is written, if not all may be. */
  write(address: number, from: Uint8Array, by: Accessor = "guest"): boolean {
    const pieces = this.#permitted(address, from.length, PagePermission.write, by);
    if (pieces === undefined) return false;
    for (const { region, address: to, bytes } of pieces) {
      bytes.set(from.subarray(to - address, to - address + bytes.length));
      region.written?.(to, bytes.length);
    }
    return true;
  }

  /** Sets all bytes of a range to `value`; false, and nothing is written, if not all may be. */
  fill(address: number, length: number, value: number, by: Accessor = "guest"): boolean {
    const pieces = this.#permitted(address, length, PagePermission.write, by);
    if (pieces === undefined) return false;
    for (const { region, address: to, bytes } of pieces) {
      bytes.fill(value);
      region.written?.(to, bytes.length);
    }
    return true;
  }

  /** Copies a range, which may overlap its target, as if through a buffer; false if it may not. */
  copy(from: number, to: number, length: number, by: Accessor = "guest"): boolean {
    const target = this.#permitted(to, length, PagePermission.write, by);
    if (target === undefined) return false;
    if (this.#permitted(from, length, PagePermission.read, by) === undefined) return false;
    const buffer = new Uint8Array(length);
    return this.read(from, buffer, by) && this.write(to, buffer, by);
  }

  #permitted(
    address: number,
    length: number,
    rights: PagePermissions,
    by: Accessor,
  ): readonly Piece[] | undefined {
    const pieces = this.#pieces(address, length);
    return pieces?.every(({ region }) => permits(region[by], rights)) === true ? pieces : undefined;
  }

  /** The range cut at the edges of regions; undefined if it is empty, has holes, or is not one. */
  #pieces(address: number, length: number): readonly Piece[] | undefined {
    if (!Number.isInteger(address) || !Number.isInteger(length)) return undefined;
    if (address < 0 || length <= 0 || address + length > LIMIT) return undefined;
    const pieces: Piece[] = [];
    let at = address;
    for (let i = this.#firstEndingAfter(address); at < address + length; i++) {
      const region = this.#regions[i];
      if (region === undefined || region.base > at) return undefined;
      const from = at - region.base;
      const bytes = region.bytes.subarray(from, from + address + length - at);
      pieces.push({ region, address: at, bytes });
      at += bytes.length;
    }
    return pieces;
  }

  /** Index of the first region whose end lies beyond `address`. */
  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { base, bytes } = this.#regions[middle];
      if (base + bytes.length > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

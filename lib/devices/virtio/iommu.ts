/**
 * Where devices' addresses lead if the platform translates them (VIRTIO_F_ACCESS_PLATFORM, virtio
 * 1.2, section 6): the hook for an IOMMU, and a table of mappings that serves as one.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";

/** A part of a translated range that is contiguous in guest-physical memory. */
export interface IoPiece {
  /** Guest-physical address. */
  readonly address: number;
  /** Bytes. */
  readonly length: number;
}

/** Translates the addresses that drivers give to a device. */
export interface IoTranslator {
  /**
   * Counts the changes that took mappings away or made them point elsewhere. Queues look at their
   * rings again when it has changed.
   */
  readonly generation: number;
  /**
   * The pieces behind [address, address + length), in order. Undefined unless every byte is mapped
   * with the right to read or, with `write`, to write.
   */
  translate(address: number, length: number, write: boolean): readonly IoPiece[] | undefined;
}

/** One mapping of an {@linkcode IoMappings}. */
export interface IoMapping {
  /** First I/O address: what the driver tells the device. */
  readonly address: number;
  /** Bytes, at least 1. */
  readonly length: number;
  /** Guest-physical address of the first byte. */
  readonly target: number;
  /** The device may read. */
  readonly read: boolean;
  /** The device may write. */
  readonly write: boolean;
}

/** Most mappings of one table, a bound on what a guest can make the host keep. */
export const MAX_IO_MAPPINGS = 65536;

/**
 * A table of mappings, in order of I/O address. Every translation checks the whole range and the
 * rights. A target is not checked here: whoever uses a piece asks guest memory.
 *
 * @example A page that a device may read
 * ```ts
 * import assert from "node:assert/strict";
 * import { IoMappings } from "@vml/vml";
 *
 * const mappings = new IoMappings();
 * mappings.map({ address: 0, length: 4096, target: 0x4000_0000, read: true, write: false });
 * assert.deepEqual(mappings.translate(0x10, 16, false), [{ address: 0x4000_0010, length: 16 }]);
 * assert.equal(mappings.translate(0x10, 16, true), undefined);
 * ```
 */
export class IoMappings implements IoTranslator {
  #mappings: IoMapping[] = [];
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  /** Number of mappings. */
  get size(): number {
    return this.#mappings.length;
  }

  /**
   * Adds a mapping. False, and nothing changes, if it overlaps another one, is empty, goes beyond
   * 2^53, or the table is full.
   */
  map(mapping: IoMapping): boolean {
    const { address, length, target, read, write } = mapping;
    if (!isRange(address, length) || !isRange(target, length)) return false;
    if (this.#mappings.length >= MAX_IO_MAPPINGS) return false;
    const at = this.#firstEndingAfter(address);
    if (at < this.#mappings.length && this.#mappings[at].address < address + length) return false;
    this.#mappings.splice(at, 0, { address, length, target, read, write });
    return true;
  }

  /**
   * Removes the mappings inside [address, address + length). False, and nothing changes, if that
   * would cut one in two.
   */
  unmap(address: number, length: number): boolean {
    if (!isRange(address, length)) return false;
    const end = address + length;
    const from = this.#firstEndingAfter(address);
    let to = from;
    while (to < this.#mappings.length && this.#mappings[to].address < end) {
      const mapping = this.#mappings[to++];
      if (mapping.address < address || mapping.address + mapping.length > end) return false;
    }
    if (to === from) return true;
    this.#mappings.splice(from, to - from);
    this.#generation++;
    return true;
  }

  /** Removes all mappings: the device reaches no memory any more. */
  detach(): void {
    this.#mappings = [];
    this.#generation++;
  }

  translate(address: number, length: number, write: boolean): readonly IoPiece[] | undefined {
    if (!isRange(address, length)) return undefined;
    const pieces: { address: number; length: number }[] = [];
    for (let i = this.#firstEndingAfter(address); length > 0; i++) {
      if (i >= this.#mappings.length) return undefined;
      const mapping = this.#mappings[i];
      if (mapping.address > address || !(write ? mapping.write : mapping.read)) return undefined;
      const offset = address - mapping.address;
      const size = Math.min(length, mapping.length - offset);
      const target = mapping.target + offset;
      const last = pieces.at(-1);
      if (last !== undefined && last.address + last.length === target) last.length += size;
      else pieces.push({ address: target, length: size });
      address += size;
      length -= size;
    }
    return pieces;
  }

  /** All mappings. */
  state(): DeviceState {
    return this.#mappings.map(({ address, length, target, read, write }) => ({
      address,
      length,
      target,
      read,
      write,
    }));
  }

  /** Puts back what `state` gave, before the devices that use it. Throws a TypeError. */
  restore(state: DeviceState): void {
    const before = this.#mappings;
    this.#mappings = [];
    this.#generation++;
    try {
      const list = new StateReader({ mappings: state }, "IOMMU").array("mappings", MAX_IO_MAPPINGS);
      for (const element of list) {
        const from = new StateReader(element, "IOMMU mapping");
        const taken = this.map({
          address: from.integer("address", Number.MAX_SAFE_INTEGER),
          length: from.integer("length", Number.MAX_SAFE_INTEGER),
          target: from.integer("target", Number.MAX_SAFE_INTEGER),
          read: from.boolean("read"),
          write: from.boolean("write"),
        });
        if (!taken) throw new TypeError("state of IOMMU: a mapping is empty or overlaps");
      }
    } catch (error) {
      this.#mappings = before;
      throw error;
    }
  }

  /** Index of the first mapping whose end lies above `address`. */
  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#mappings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { address: start, length } = this.#mappings[middle];
      if (start + length <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Where [address, address + length) is in guest RAM, as one contiguous address; -1 if it is not,
 * or the device has no right to it. `translator` is left out where addresses are guest-physical.
 */
export function resolve(
  memory: GuestMemory,
  translator: IoTranslator | undefined,
  address: number,
  length: number,
  write: boolean,
): number {
  let target = address;
  if (translator !== undefined) {
    const pieces = translator.translate(address, length, write);
    if (pieces === undefined || pieces.length !== 1) return -1;
    target = pieces[0].address;
  }
  return memory.contains(target, length) ? target : -1;
}

/** As {@linkcode resolve}, for ranges that may be scattered: whether all of it is guest RAM. */
export function reachable(
  memory: GuestMemory,
  translator: IoTranslator | undefined,
  address: number,
  length: number,
  write: boolean,
): boolean {
  if (translator === undefined) return memory.contains(address, length);
  const pieces = translator.translate(address, length, write);
  return pieces !== undefined &&
    pieces.every((piece) => memory.contains(piece.address, piece.length));
}

function isRange(address: number, length: number): boolean {
  return Number.isSafeInteger(address) && Number.isSafeInteger(length) && address >= 0 &&
    length > 0 && Number.isSafeInteger(address + length);
}

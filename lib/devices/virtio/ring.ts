/** What the two formats of virtqueues have in common (virtio 1.2, sections 2.7 and 2.8). */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { DeviceState } from "../vbus/device.ts";
import type { DescriptorChain } from "./chain.ts";
import { type IoTranslator, resolve } from "./iommu.ts";

/** Flags of a descriptor, in both formats. */
export const Desc = { next: 1, write: 2, indirect: 4 } as const;
/** Bytes of a descriptor, in both formats. */
export const DESC_BYTES = 16;

/** What the transport gives to its queues. */
export interface QueueHost {
  /** Where rings and buffers are. */
  readonly memory: GuestMemory;
  /** Translates addresses, if ACCESS_PLATFORM was negotiated. */
  readonly translator?: IoTranslator | undefined;
  /** Interrupts the driver for a used buffer. */
  interrupt(): void;
  /** The rings break the rules; see `VirtioTransport.fail`. */
  fail(reason: string): void;
}

/** Features that change what stands in a ring. */
export interface RingFeatures {
  /** VIRTIO_F_RING_PACKED */
  readonly packed: boolean;
  /** VIRTIO_F_EVENT_IDX */
  readonly eventIndex: boolean;
  /** VIRTIO_F_INDIRECT_DESC */
  readonly indirect: boolean;
  /** VIRTIO_F_IN_ORDER */
  readonly inOrder: boolean;
}

/** What a ring needs to know of its queue. */
export interface RingOptions {
  readonly host: QueueHost;
  /** Entries; checked by the ring. */
  readonly size: number;
  /** Addresses of descriptors, driver area and device area, as the driver gave them. */
  readonly areas: readonly [number, number, number];
  readonly features: RingFeatures;
}

/** The device's side of one ring. Made when the driver hands it over, dropped when it is gone. */
export interface Ring {
  /**
   * Finds the areas in guest RAM, also again after an IOMMU has changed. False if they are
   * misaligned, overlap the end of RAM, or the size is not one of this format.
   */
  map(): boolean;
  /**
   * Fills `chain` with the next one and goes on. `used` entries of the ring are with the device.
   * "empty" if nothing waits; any other text is the rule that the driver broke.
   */
  take(chain: DescriptorChain, used: number): Taken;
  /** Goes back to before `chain`, the one taken last. */
  untake(chain: DescriptorChain): void;
  /** Whether something waits. */
  hasNext(): boolean;
  /** Returns a chain to the driver. */
  put(chain: DescriptorChain, written: number): void;
  /**
   * Whether the driver wants to hear of what was put since the last call; undefined if that is
   * nothing.
   */
  wantsSignal(): boolean | undefined;
  /** Whether the driver should notify of the next chain that it adds. */
  setNotify(on: boolean): void;
  /**
   * The driver should notify of the next chain that it adds, even if others wait: what was said of it
   * is brought up to date.
   */
  refreshNotify(): void;
  /** Positions in the ring. */
  state(): DeviceState;
  /** Puts back what `state` gave. Throws a TypeError. */
  restore(state: DeviceState): void;
}

/** Answer of {@linkcode Ring.take}: undefined if a chain was taken. */
export type Taken = string | undefined;

/** Nothing waits. */
export const EMPTY = "empty";

/**
 * One area of a ring in guest RAM. Indices and flags are read and written atomically, so that what
 * they guard is seen in order: an index read is an acquire, an index written a release, and a write
 * followed by a read keeps that order too. Hosts are little-endian, as virtio is.
 */
export class RingArea {
  /** For fields that an index or a flag guards. */
  readonly view: DataView;
  readonly #words: Uint16Array;
  readonly #memory: GuestMemory;
  readonly #address: number;

  private constructor(memory: GuestMemory, address: number, bytes: Uint8Array) {
    this.view = viewOf(bytes);
    this.#words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
    this.#memory = memory;
    this.#address = address;
  }

  /**
   * The area of `bytes` bytes at the driver's `address`; undefined if it is not wholly in one piece
   * of RAM, beginning at a multiple of `align`, that the device may read and, with `write`, write.
   */
  static map(
    host: QueueHost,
    address: number,
    bytes: number,
    align: number,
    write: boolean,
  ): RingArea | undefined {
    const { memory, translator } = host;
    const target = resolve(memory, translator, address, bytes, false);
    if (target % align !== 0) return undefined;
    if (write && resolve(memory, translator, address, bytes, true) !== target) return undefined;
    const slice = target < 0 ? undefined : memory.slice(target, bytes);
    return slice && new RingArea(memory, target, slice);
  }

  /** Loads 16 bits; `offset` is even. */
  load(offset: number): number {
    return Atomics.load(this.#words, offset >>> 1);
  }

  /** Stores 16 bits; `offset` is even. */
  store(offset: number, value: number): void {
    Atomics.store(this.#words, offset >>> 1, value);
    this.#memory.written(this.#address + offset, 2);
  }

  /** Bytes were written through `view`. */
  written(offset: number, length: number): void {
    this.#memory.written(this.#address + offset, length);
  }
}

/** A view of bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An address in two halves, little-endian. Above 2^53 it is rounded, and never in RAM. */
export function readAddress(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/**
 * The table that an indirect descriptor points to, or the rule that it breaks. Its `flags` must
 * have been read once, by the caller.
 */
export function indirectTable(
  { host, features }: RingOptions,
  address: number,
  length: number,
  flags: number,
): DataView | string {
  if (!features.indirect) return "an indirect table without the feature";
  if ((flags & Desc.next) !== 0) return "an indirect table with a successor";
  if (length === 0) return "an indirect table without entries";
  if (length % DESC_BYTES !== 0) return "an indirect table with half an entry";
  const at = resolve(host.memory, host.translator, address, length, false);
  const slice = at < 0 ? undefined : host.memory.slice(at, length);
  return slice === undefined ? "an indirect table is not in RAM" : viewOf(slice);
}

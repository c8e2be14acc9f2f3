/**
 * Device side of the packed format (virtio 1.2, section 2.8): one ring of descriptors that both
 * sides write, and for each side a structure that says when it wants to hear of the other.
 *
 * | area       | bytes     | align | content                                         |
 * | ---------- | --------- | ----- | ----------------------------------------------- |
 * | descriptor | 16 * size | 16    | address u64, length u32, buffer id u16, flags u16 |
 * | driver     | 4         | 4     | offset and wrap counter u16, flags u16          |
 * | device     | 4         | 4     | the same                                        |
 *
 * A descriptor is available if its AVAIL flag is the driver's wrap counter and its USED flag is not.
 * It is used if both are the device's wrap counter.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import type { DescriptorChain } from "./chain.ts";
import {
  Desc,
  DESC_BYTES,
  EMPTY,
  indirectTable,
  readAddress,
  type Ring,
  RingArea,
  type RingOptions,
  type Taken,
} from "./ring.ts";

/** Flags of a descriptor besides those of {@linkcode Desc}. */
const AVAIL = 1 << 7;
const USED = 1 << 15;
/** Offsets in a descriptor. */
const LENGTH = 8;
const ID = 12;
const FLAGS = 14;
/** Offsets in an event suppression structure, and what its flags say. */
const EVENT_OFFSET = 0;
const EVENT_FLAGS = 2;
const Event = { enable: 0, disable: 1, descriptor: 2 } as const;
/** Bit of the wrap counter in an event offset. */
const WRAP_BIT = 15;

/** A packed ring. */
export class PackedRing implements Ring {
  readonly #options: RingOptions;
  readonly #size: number;
  #ring: RingArea | undefined;
  #driver: RingArea | undefined;
  #device: RingArea | undefined;
  /** Where the next available descriptor is, and the driver's wrap counter there. */
  #nextAvail = 0;
  #availWrap = 1;
  /** Where the next used descriptor goes, and the device's wrap counter there. */
  #nextUsed = 0;
  #usedWrap = 1;
  /** Entries that were used since the driver was told last, at most `2 * size`. */
  #unsignalled = 0;

  constructor(options: RingOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  map(): boolean {
    const { host, areas } = this.#options;
    if (this.#size === 0) return false;
    const ring = RingArea.map(host, areas[0], DESC_BYTES * this.#size, 16, true);
    const driver = RingArea.map(host, areas[1], 4, 4, false);
    const device = RingArea.map(host, areas[2], 4, 4, true);
    if (ring === undefined || driver === undefined || device === undefined) return false;
    this.#ring = ring;
    this.#driver = driver;
    this.#device = device;
    return true;
  }

  take(chain: DescriptorChain, used: number): Taken {
    const ring = this.#ring as RingArea;
    // The flags of the head guard all that follows, and are not read again.
    let flags = ring.load(DESC_BYTES * this.#nextAvail + FLAGS);
    if (!this.#available(flags)) return EMPTY;
    const room = this.#size - used;
    if (room <= 0) return "more buffers than the queue has";
    const { host } = this.#options;
    let position = this.#nextAvail;
    for (let slots = 1; slots <= room; slots++) {
      const at = DESC_BYTES * position;
      const address = readAddress(ring.view, at);
      const length = ring.view.getUint32(at + LENGTH, true);
      const id = ring.view.getUint16(at + ID, true);
      const broken = (flags & Desc.indirect) !== 0
        ? this.#indirect(chain, address, length, flags)
        : chain.add(host.memory, address, length, (flags & Desc.write) !== 0);
      if (broken !== undefined) return broken;
      if (++position === this.#size) position = 0;
      if ((flags & Desc.next) === 0) {
        // The id of a list is that of its last descriptor.
        chain.head = id;
        chain.slots = slots;
        this.#advance(slots);
        return undefined;
      }
      flags = ring.load(DESC_BYTES * position + FLAGS);
    }
    return "a chain that loops";
  }

  untake(chain: DescriptorChain): void {
    this.#nextAvail -= chain.slots;
    if (this.#nextAvail >= 0) return;
    this.#nextAvail += this.#size;
    this.#availWrap ^= 1;
  }

  hasNext(): boolean {
    return this.#available((this.#ring as RingArea).load(DESC_BYTES * this.#nextAvail + FLAGS));
  }

  put(chain: DescriptorChain, written: number): void {
    const ring = this.#ring as RingArea;
    const at = DESC_BYTES * this.#nextUsed;
    ring.view.setUint32(at + LENGTH, written, true);
    ring.view.setUint16(at + ID, chain.head, true);
    ring.written(at + LENGTH, 6);
    const wrap = this.#usedWrap === 1 ? AVAIL | USED : 0;
    ring.store(at + FLAGS, wrap | (written > 0 ? Desc.write : 0));
    this.#nextUsed += chain.slots;
    if (this.#nextUsed >= this.#size) {
      this.#nextUsed -= this.#size;
      this.#usedWrap ^= 1;
    }
    this.#unsignalled = Math.min(this.#unsignalled + chain.slots, 2 * this.#size);
  }

  wantsSignal(): boolean | undefined {
    const count = this.#unsignalled;
    if (count === 0) return undefined;
    this.#unsignalled = 0;
    const driver = this.#driver as RingArea;
    const flags = driver.load(EVENT_FLAGS) & 3;
    if (flags === Event.disable) return false;
    if (flags !== Event.descriptor || !this.#options.features.eventIndex) return true;
    // Section 2.8.10: does the descriptor that the driver named lie among the last `count` ones?
    const event = driver.load(EVENT_OFFSET);
    const lap = event >>> WRAP_BIT === this.#usedWrap ? 0 : this.#size;
    const ago = this.#nextUsed + lap - (event & 0x7fff);
    return ago >= 1 && ago <= count;
  }

  setNotify(on: boolean): void {
    if (on && this.#options.features.eventIndex) this.refreshNotify();
    else (this.#device as RingArea).store(EVENT_FLAGS, on ? Event.enable : Event.disable);
  }

  refreshNotify(): void {
    if (!this.#options.features.eventIndex) return;
    const device = this.#device as RingArea;
    if (this.hasNext()) {
      // Where the driver goes on is behind what waits, and only the driver knows how far.
      if (device.load(EVENT_FLAGS) !== Event.enable) device.store(EVENT_FLAGS, Event.enable);
      return;
    }
    const offset = this.#nextAvail | (this.#availWrap << WRAP_BIT);
    if (device.load(EVENT_OFFSET) !== offset) device.store(EVENT_OFFSET, offset);
    if (device.load(EVENT_FLAGS) !== Event.descriptor) device.store(EVENT_FLAGS, Event.descriptor);
  }

  state(): DeviceState {
    return {
      nextAvail: this.#nextAvail,
      availWrap: this.#availWrap,
      nextUsed: this.#nextUsed,
      usedWrap: this.#usedWrap,
      unsignalled: this.#unsignalled,
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, "packed ring");
    this.#nextAvail = from.integer("nextAvail", this.#size - 1);
    this.#availWrap = from.integer("availWrap", 1);
    this.#nextUsed = from.integer("nextUsed", this.#size - 1);
    this.#usedWrap = from.integer("usedWrap", 1);
    this.#unsignalled = from.integer("unsignalled", 2 * this.#size);
  }

  #available(flags: number): boolean {
    return ((flags & AVAIL) !== 0) === (this.#availWrap === 1) &&
      ((flags & USED) !== 0) !== (this.#availWrap === 1);
  }

  #advance(slots: number): void {
    this.#nextAvail += slots;
    if (this.#nextAvail < this.#size) return;
    this.#nextAvail -= this.#size;
    this.#availWrap ^= 1;
  }

  /** Adds the buffers of an indirect table: all of its entries in order, WRITE their only flag. */
  #indirect(
    chain: DescriptorChain,
    address: number,
    length: number,
    flags: number,
  ): string | undefined {
    const table = indirectTable(this.#options, address, length, flags);
    if (typeof table === "string") return table;
    const { memory } = this.#options.host;
    for (let at = 0; at < length; at += DESC_BYTES) {
      const entry = table.getUint16(at + FLAGS, true);
      if ((entry & Desc.indirect) !== 0) return "an indirect table inside an indirect table";
      const start = readAddress(table, at);
      const bytes = table.getUint32(at + LENGTH, true);
      const broken = chain.add(memory, start, bytes, (entry & Desc.write) !== 0);
      if (broken !== undefined) return broken;
    }
    return undefined;
  }
}

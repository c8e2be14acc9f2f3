/**
 * Device side of the split format (virtio 1.2, section 2.7): a table of descriptors, the available
 * ring that the driver writes, the used ring that the device writes.
 *
 * | area       | bytes      | align | content                                              |
 * | ---------- | ---------- | ----- | ---------------------------------------------------- |
 * | descriptor | 16 * size  | 16    | address u64, length u32, flags u16, next u16         |
 * | driver     | 6 + 2*size | 2     | flags u16, index u16, heads u16[size], used_event    |
 * | device     | 6 + 8*size | 4     | flags u16, index u16, {id, length}[size], avail_event |
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

/** avail.flags: the driver wants no interrupts. used.flags: the device wants no notifications. */
const NO_INTERRUPT = 1;
const NO_NOTIFY = 1;
/** Offsets in both rings. */
const FLAGS = 0;
const INDEX = 2;
const ENTRIES = 4;

/** A split ring. */
export class SplitRing implements Ring {
  readonly #options: RingOptions;
  readonly #size: number;
  #table: DataView | undefined;
  #avail: RingArea | undefined;
  #used: RingArea | undefined;
  /** Next entry of the available ring, and of the used ring. Both count to 65535 and wrap. */
  #nextAvail = 0;
  #nextUsed = 0;
  /** `#nextUsed` when the driver was told last. */
  #signalled = 0;

  constructor(options: RingOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  map(): boolean {
    const { host, areas } = this.#options;
    const size = this.#size;
    if (size === 0 || (size & (size - 1)) !== 0) return false;
    // Two bytes at the end of each ring are for the event index, negotiated or not.
    const table = RingArea.map(host, areas[0], DESC_BYTES * size, 16, false);
    const avail = RingArea.map(host, areas[1], ENTRIES + 2 * size + 2, 2, false);
    const used = RingArea.map(host, areas[2], ENTRIES + 8 * size + 2, 4, true);
    if (table === undefined || avail === undefined || used === undefined) return false;
    this.#table = table.view;
    this.#avail = avail;
    this.#used = used;
    return true;
  }

  take(chain: DescriptorChain, used: number): Taken {
    const avail = this.#avail as RingArea;
    const waiting = (avail.load(INDEX) - this.#nextAvail) & 0xffff;
    if (waiting === 0) return EMPTY;
    if (waiting > this.#size) return "the available index has jumped";
    if (used >= this.#size) return "more buffers than the queue has";
    const slot = this.#nextAvail & (this.#size - 1);
    const head = avail.load(ENTRIES + 2 * slot);
    if (head >= this.#size) return `head ${head} is outside the descriptor table`;
    chain.head = head;
    const broken = this.#walk(chain, head);
    if (broken === undefined) this.#nextAvail = (this.#nextAvail + 1) & 0xffff;
    return broken;
  }

  untake(_chain: DescriptorChain): void {
    this.#nextAvail = (this.#nextAvail - 1) & 0xffff;
  }

  hasNext(): boolean {
    return (this.#avail as RingArea).load(INDEX) !== this.#nextAvail;
  }

  put(chain: DescriptorChain, written: number): void {
    const used = this.#used as RingArea;
    const at = ENTRIES + 8 * (this.#nextUsed & (this.#size - 1));
    used.view.setUint32(at, chain.head, true);
    used.view.setUint32(at + 4, written, true);
    used.written(at, 8);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    used.store(INDEX, this.#nextUsed);
  }

  wantsSignal(): boolean | undefined {
    const before = this.#signalled;
    const now = this.#nextUsed;
    if (now === before) return undefined;
    this.#signalled = now;
    const avail = this.#avail as RingArea;
    if (!this.#options.features.eventIndex) return (avail.load(FLAGS) & NO_INTERRUPT) === 0;
    // Section 2.7.7.2: has the used index passed used_event since the last interrupt?
    const event = avail.load(ENTRIES + 2 * this.#size);
    return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
  }

  setNotify(on: boolean): void {
    if (!this.#options.features.eventIndex) {
      (this.#used as RingArea).store(FLAGS, on ? 0 : NO_NOTIFY);
    } else {
      // Off: an entry that the driver has filled already.
      this.#publishEvent(on ? 0 : -1);
    }
  }

  refreshNotify(): void {
    if (this.#options.features.eventIndex) this.#publishEvent(0);
  }

  /**
   * Names the entry of the available ring whose filling is to be notified of, counted from the one that
   * the driver fills next: that is not the one to be taken next if others wait before it.
   */
  #publishEvent(from: 0 | -1): void {
    const used = this.#used as RingArea;
    const offset = ENTRIES + 8 * this.#size;
    const event = ((this.#avail as RingArea).load(INDEX) + from) & 0xffff;
    if (used.load(offset) !== event) used.store(offset, event);
  }

  state(): DeviceState {
    return { nextAvail: this.#nextAvail, nextUsed: this.#nextUsed, signalled: this.#signalled };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, "split ring");
    this.#nextAvail = from.integer("nextAvail", 0xffff);
    this.#nextUsed = from.integer("nextUsed", 0xffff);
    this.#signalled = from.integer("signalled", 0xffff);
  }

  /** Fills the chain from the descriptor at `head`; gives the rule that it breaks. */
  #walk(chain: DescriptorChain, head: number): string | undefined {
    const { host } = this.#options;
    let table = this.#table as DataView;
    let limit = this.#size;
    let direct = true;
    let index = head;
    // Descriptors visited in this table: more than it has means a loop.
    for (let visited = 0; visited < limit; visited++) {
      const at = index * DESC_BYTES;
      const address = readAddress(table, at);
      const length = table.getUint32(at + 8, true);
      const flags = table.getUint16(at + 12, true);
      const next = table.getUint16(at + 14, true);
      if ((flags & Desc.indirect) !== 0) {
        if (!direct) return "an indirect table inside an indirect table";
        const found = indirectTable(this.#options, address, length, flags);
        if (typeof found === "string") return found;
        table = found;
        limit = length / DESC_BYTES;
        direct = false;
        index = 0;
        visited = -1;
        continue;
      }
      const broken = chain.add(host.memory, address, length, (flags & Desc.write) !== 0);
      if (broken !== undefined) return broken;
      if ((flags & Desc.next) === 0) return undefined;
      if (next >= limit) return `descriptor ${next} is outside its table`;
      index = next;
    }
    return "a chain that loops";
  }
}

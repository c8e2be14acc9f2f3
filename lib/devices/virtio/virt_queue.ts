/**
 * The device's side of a split virtqueue (virtio 1.2, section 2.7), with indirect descriptors and
 * event index. Everything in the rings is hostile: each field is read once, checked, and a broken
 * rule ends the life of the device until the driver resets it.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain, MAX_CHAIN_BUFFERS } from "./chain.ts";

/** Largest queue size that the format allows. */
export const MAX_QUEUE_SIZE = 32768;

/** Flags of a descriptor. */
const Desc = { next: 1, write: 2, indirect: 4 } as const;
const DESC_BYTES = 16;
/** avail.flags: the driver wants no interrupts. used.flags: the device wants no notifications. */
const NO_INTERRUPT = 1;
const NO_NOTIFY = 1;
/** Both rings begin with flags and index. */
const RING_HEADER = 4;

/** What the transport gives to its queues. */
export interface QueueHost {
  /** Where rings and buffers are. */
  readonly memory: GuestMemory;
  /** Interrupts the driver for a used buffer. */
  interrupt(): void;
  /** The rings break the rules; see `VirtioTransport.fail`. */
  fail(reason: string): void;
}

/** Counters of a queue. */
export interface QueueStatistics {
  /** Chains taken from the driver. */
  taken: number;
  /** Chains returned to the driver. */
  returned: number;
  /** Interrupts raised. */
  interrupts: number;
  /** Interrupts that the driver did not want. */
  suppressed: number;
}

/** A split virtqueue. */
export class VirtQueue {
  /** Number of the queue. */
  readonly index: number;
  /** Largest size, a power of two. */
  readonly maxSize: number;
  /** What has happened so far. */
  readonly statistics: QueueStatistics = { taken: 0, returned: 0, interrupts: 0, suppressed: 0 };

  /** Set by the driver through the transport while the queue is not ready. */
  size: number;
  /**
   * Guest-physical addresses of descriptor table, available ring and used ring, each as low and
   * high half. Checked when the queue becomes ready.
   */
  readonly areas: Uint32Array = new Uint32Array(6);

  readonly #host: QueueHost;
  #ready = false;
  #epoch = 0;
  #eventIndex = false;
  #indirect = false;
  /** Next entry of the available ring, and of the used ring. Both count to 65535 and wrap. */
  #nextAvail = 0;
  #nextUsed = 0;
  /** `#nextUsed` when the driver was told last. */
  #signalled = 0;
  /** Chains that the device holds. */
  #held = 0;
  #notify = true;
  #usedAddress = 0;
  #table: DataView = EMPTY;
  #avail: DataView = EMPTY;
  #used: DataView = EMPTY;

  /** A queue that is not ready. */
  constructor(index: number, maxSize: number, host: QueueHost) {
    this.index = index;
    this.maxSize = maxSize;
    this.size = maxSize;
    this.#host = host;
  }

  /** Whether the driver has handed over the rings. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Number of this life of the queue; a chain of another life is stale. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Chains that the device has taken and not returned. */
  get held(): number {
    return this.#held;
  }

  /**
   * Hands the rings over. False, and the queue stays unusable, if the size is not a power of two up
   * to `maxSize`, or an area is misaligned or not wholly in RAM.
   */
  enable(): boolean {
    if (this.#ready) return true;
    if (!this.#map()) return false;
    this.#ready = true;
    this.#epoch++;
    this.#nextAvail =
      this.#nextUsed =
      this.#signalled =
      this.#held =
        0;
    this.#notify = true;
    return true;
  }

  /** Which features were negotiated; before the device becomes active. */
  negotiate(eventIndex: boolean, indirect: boolean): void {
    this.#eventIndex = eventIndex;
    this.#indirect = indirect;
  }

  /** Takes the rings away: chains that the device holds go stale. Addresses and size stay. */
  disable(): void {
    this.#ready = false;
    this.#epoch++;
    this.#held = 0;
    this.#table = this.#avail = this.#used = EMPTY;
  }

  /** Power-on state. */
  reset(): void {
    this.disable();
    this.size = this.maxSize;
    this.areas.fill(0);
    this.#eventIndex = this.#indirect = false;
  }

  /**
   * Takes the next chain, undefined if there is none or the queue is not usable. If there is none,
   * the driver is asked to notify of the next one (unless {@linkcode VirtQueue.setNotify} says no).
   * With `into` no object is made.
   */
  pop(into?: DescriptorChain): DescriptorChain | undefined {
    if (!this.#ready) return undefined;
    let waiting = this.#waiting();
    if (waiting === 0 && this.#notify) {
      // Publish first, then look again: a buffer that came in between would else be forgotten.
      this.#publishAvailEvent();
      waiting = this.#waiting();
    }
    if (waiting === 0) return undefined;
    if (waiting > this.size) return this.#broken("the available index has jumped");
    if (this.#held >= this.size) return this.#broken("more buffers than the queue has");
    const slot = this.#nextAvail & (this.size - 1);
    const head = this.#avail.getUint16(RING_HEADER + 2 * slot, true);
    if (head >= this.size) return this.#broken(`head ${head} is outside the descriptor table`);
    const chain = into ?? new DescriptorChain();
    chain.clear();
    chain.head = head;
    chain.epoch = this.#epoch;
    if (!this.#walk(chain, head)) return undefined;
    this.#nextAvail = (this.#nextAvail + 1) & 0xffff;
    this.#held++;
    this.statistics.taken++;
    return chain;
  }

  /** Whether a chain waits. */
  hasNext(): boolean {
    return this.#ready && this.#waiting() !== 0;
  }

  /** Walks the chain at `head` again, for a device that was restored; undefined if it is broken. */
  retake(head: number): DescriptorChain | undefined {
    if (!this.#ready) return undefined;
    if (head >= this.size) return this.#broken(`head ${head} is outside the descriptor table`);
    const chain = new DescriptorChain();
    chain.head = head;
    chain.epoch = this.#epoch;
    return this.#walk(chain, head) ? chain : undefined;
  }

  /** Puts back the chain that was taken last, as if it had not been taken. */
  unpop(chain: DescriptorChain): void {
    if (chain.epoch !== this.#epoch || !this.#ready) return;
    this.#nextAvail = (this.#nextAvail - 1) & 0xffff;
    this.#held--;
    this.statistics.taken--;
  }

  /**
   * Returns a chain with the number of bytes written to it, from its start. False if it is stale:
   * the queue was reset meanwhile. The driver hears of it by {@linkcode VirtQueue.signal}.
   */
  push(chain: DescriptorChain, written: number): boolean {
    if (chain.epoch !== this.#epoch || !this.#ready) return false;
    const slot = RING_HEADER + 8 * (this.#nextUsed & (this.size - 1));
    this.#used.setUint32(slot, chain.head, true);
    this.#used.setUint32(slot + 4, Math.min(written, chain.writableBytes), true);
    this.#host.memory.written(this.#usedAddress + slot, 8);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    this.#used.setUint16(2, this.#nextUsed, true);
    this.#host.memory.written(this.#usedAddress + 2, 2);
    this.#held--;
    this.statistics.returned++;
    return true;
  }

  /** Interrupts the driver if it wants to hear of what was returned since the last call. */
  signal(): void {
    if (!this.#ready || this.#nextUsed === this.#signalled) return;
    const before = this.#signalled;
    this.#signalled = this.#nextUsed;
    if (this.#wantsInterrupt(before)) {
      this.statistics.interrupts++;
      this.#host.interrupt();
    } else {
      this.statistics.suppressed++;
    }
  }

  /**
   * Whether the driver should notify of new chains. A device that does not wait for chains saves
   * the guest the access. On: look at the queue again afterwards.
   */
  setNotify(on: boolean): void {
    if (!this.#ready) return;
    const changed = on !== this.#notify;
    this.#notify = on;
    if (this.#eventIndex) {
      // Off needs nothing: the index that was published last stays behind. On means from here on.
      if (on) this.#publishAvailEvent();
    } else if (changed) {
      this.#used.setUint16(0, on ? 0 : NO_NOTIFY, true);
      this.#host.memory.written(this.#usedAddress, 2);
    }
  }

  /** Addresses, size and the indices of both rings; the rings themselves are in RAM. */
  state(): DeviceState {
    return {
      size: this.size,
      areas: [...this.areas],
      ready: this.#ready,
      nextAvail: this.#nextAvail,
      nextUsed: this.#nextUsed,
      signalled: this.#signalled,
      held: this.#held,
      notify: this.#notify,
    };
  }

  /** Puts back what `state` gave; `negotiate` comes before. Throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, `queue ${this.index}`);
    const size = from.integer("size", this.maxSize);
    const areas = from.integers("areas", 6);
    const ready = from.boolean("ready");
    const nextAvail = from.integer("nextAvail", 0xffff);
    const nextUsed = from.integer("nextUsed", 0xffff);
    const signalled = from.integer("signalled", 0xffff);
    const held = from.integer("held", size);
    const notify = from.boolean("notify");
    this.disable();
    this.size = size;
    this.areas.set(areas);
    if (!ready) return;
    if (!this.enable()) throw new TypeError(`state of queue ${this.index}: rings outside RAM`);
    this.#nextAvail = nextAvail;
    this.#nextUsed = nextUsed;
    this.#signalled = signalled;
    this.#held = held;
    this.#notify = notify;
  }

  /** Chains that wait; a number above `size` is the driver's fault. */
  #waiting(): number {
    return (this.#avail.getUint16(2, true) - this.#nextAvail) & 0xffff;
  }

  #publishAvailEvent(): void {
    if (!this.#eventIndex) return;
    const offset = RING_HEADER + 8 * this.size;
    if (this.#used.getUint16(offset, true) === this.#nextAvail) return;
    this.#used.setUint16(offset, this.#nextAvail, true);
    this.#host.memory.written(this.#usedAddress + offset, 2);
  }

  #wantsInterrupt(before: number): boolean {
    if (!this.#eventIndex) return (this.#avail.getUint16(0, true) & NO_INTERRUPT) === 0;
    // Section 2.7.7.2: has the used index passed used_event since the last interrupt?
    const event = this.#avail.getUint16(RING_HEADER + 2 * this.size, true);
    const now = this.#nextUsed;
    return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
  }

  /** Fills the chain from the descriptor at `head`; false if it breaks a rule. */
  #walk(chain: DescriptorChain, head: number): boolean {
    let table = this.#table;
    let limit = this.size;
    let direct = true;
    let index = head;
    // Descriptors visited in this table: more than it has means a loop.
    for (let visited = 0; visited < limit; visited++) {
      const at = index * DESC_BYTES;
      const low = table.getUint32(at, true);
      const high = table.getUint32(at + 4, true);
      const length = table.getUint32(at + 8, true);
      const flags = table.getUint16(at + 12, true);
      const next = table.getUint16(at + 14, true);
      const address = high * 0x1_0000_0000 + low;
      if (!this.#host.memory.contains(address, length)) {
        return this.#refuse("a buffer is not in RAM");
      }
      if (length === 0) return this.#refuse("a buffer has no bytes");
      if ((flags & Desc.indirect) !== 0) {
        if (!direct) return this.#refuse("an indirect table inside an indirect table");
        if (!this.#indirect) return this.#refuse("an indirect table without the feature");
        if ((flags & Desc.next) !== 0) return this.#refuse("an indirect table with a successor");
        if (length % DESC_BYTES !== 0) return this.#refuse("an indirect table with half an entry");
        const slice = this.#host.memory.slice(address, length);
        if (slice === undefined) return this.#refuse("an indirect table outside RAM");
        table = view(slice);
        limit = length / DESC_BYTES;
        direct = false;
        index = 0;
        visited = -1;
        continue;
      }
      const writable = (flags & Desc.write) !== 0;
      if (!writable && chain.count > chain.readable) {
        return this.#refuse("a readable buffer after a writable one");
      }
      if (chain.count === MAX_CHAIN_BUFFERS) return this.#refuse("a chain of too many buffers");
      chain.add(address, length, writable);
      if (chain.readableBytes + chain.writableBytes > 0xffffffff) {
        return this.#refuse("a chain of more than 4 GiB");
      }
      if ((flags & Desc.next) === 0) return true;
      if (next >= limit) return this.#refuse(`descriptor ${next} is outside its table`);
      index = next;
    }
    return this.#refuse("a chain that loops");
  }

  #refuse(reason: string): false {
    this.#host.fail(`queue ${this.index}: ${reason}`);
    return false;
  }

  #broken(reason: string): undefined {
    this.#host.fail(`queue ${this.index}: ${reason}`);
    return undefined;
  }

  /** Looks at the three areas once; they stay where they are until the queue is disabled. */
  #map(): boolean {
    const { size } = this;
    if (size === 0 || size > this.maxSize || (size & (size - 1)) !== 0) return false;
    const [descriptors, driverArea, deviceArea] = [0, 2, 4].map((low) =>
      this.areas[low] + this.areas[low + 1] * 0x1_0000_0000
    );
    if (descriptors % 16 !== 0 || driverArea % 2 !== 0 || deviceArea % 4 !== 0) return false;
    const { memory } = this.#host;
    // Two bytes at the end of each ring are for the event index.
    const table = memory.slice(descriptors, DESC_BYTES * size);
    const avail = memory.slice(driverArea, RING_HEADER + 2 * size + 2);
    const used = memory.sliceForWriting(deviceArea, RING_HEADER + 8 * size + 2);
    if (table === undefined || avail === undefined || used === undefined) return false;
    this.#table = view(table);
    this.#avail = view(avail);
    this.#used = view(used);
    this.#usedAddress = deviceArea;
    return true;
  }
}

const EMPTY = new DataView(new ArrayBuffer(0));

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A virtqueue as devices see it (virtio 1.2, section 2.6), whatever the format of its ring.
 * Everything in the rings is hostile: each field is read once, checked, and a broken rule ends the
 * life of the device until the driver resets it.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "./chain.ts";
import { PackedRing } from "./packed_ring.ts";
import { EMPTY, type QueueHost, type Ring, type RingFeatures } from "./ring.ts";
import { SplitRing } from "./split_ring.ts";

/** Largest queue size that the formats allow. */
export const MAX_QUEUE_SIZE = 32768;

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

/** What no driver has negotiated. */
const NO_FEATURES: RingFeatures = {
  packed: false,
  eventIndex: false,
  indirect: false,
  inOrder: false,
};

/** One queue of a device. */
export class VirtQueue {
  /** Number of the queue. */
  readonly index: number;
  /** Largest size: a power of two up to {@linkcode MAX_QUEUE_SIZE}. */
  readonly maxSize: number;
  /** What has happened so far. */
  readonly statistics: QueueStatistics = { taken: 0, returned: 0, interrupts: 0, suppressed: 0 };

  /** Set by the driver through the transport while the queue is not ready. */
  size: number;
  /**
   * Addresses of descriptor area, driver area and device area, each as low and high half. Checked
   * when the queue becomes ready.
   */
  readonly areas: Uint32Array = new Uint32Array(6);

  readonly #host: QueueHost;
  #features: RingFeatures = NO_FEATURES;
  /** There while the queue is ready. */
  #ring: Ring | undefined;
  #epoch = 0;
  #notify = true;
  /** The translator's generation when the ring was mapped. */
  #generation = 0;
  /** Chains that the device holds, in the order of taking; with IN_ORDER also returned ones. */
  readonly #held = new Set<DescriptorChain>();
  /** With IN_ORDER: chains that were returned before older ones, and their written bytes. */
  readonly #early = new Map<DescriptorChain, number>();
  /** Entries of the ring that the chains in `#held` take. */
  #slots = 0;
  /** Restored chains that the device has not asked for. */
  #unclaimed: DescriptorChain[] = [];

  /** A queue that is not ready. Throws a RangeError if `maxSize` is no power of two up to 32768. */
  constructor(index: number, maxSize: number, host: QueueHost) {
    if (!(maxSize >= 1 && maxSize <= MAX_QUEUE_SIZE) || !Number.isInteger(Math.log2(maxSize))) {
      throw new RangeError(`queue ${index}: a size of ${maxSize}`);
    }
    this.index = index;
    this.maxSize = maxSize;
    this.size = maxSize;
    this.#host = host;
  }

  /** Whether the driver has handed over the ring. */
  get ready(): boolean {
    return this.#ring !== undefined;
  }

  /** Number of this life of the queue; a chain of another life is stale. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Chains that the device has taken and not returned. */
  get held(): number {
    return this.#held.size - this.#early.size;
  }

  /**
   * Hands the ring over. False, and the queue stays unusable, if the size is not one of the format
   * up to `maxSize`, or an area is misaligned or not wholly in RAM.
   */
  enable(): boolean {
    if (this.#ring !== undefined) return true;
    const { size, maxSize, areas } = this;
    if (size > maxSize) return false;
    const host = this.#host;
    const features = this.#features;
    const addresses = [0, 2, 4].map((low) => areas[low] + areas[low + 1] * 0x1_0000_0000);
    const options = { host, size, areas: addresses as [number, number, number], features };
    const ring = features.packed ? new PackedRing(options) : new SplitRing(options);
    this.#generation = host.translator?.generation ?? 0;
    if (!ring.map()) return false;
    this.#ring = ring;
    this.#epoch++;
    this.#notify = true;
    return true;
  }

  /** Which features were negotiated; before the queue becomes ready. */
  negotiate(features: RingFeatures): void {
    this.#features = features;
  }

  /** Takes the ring away: chains that the device holds go stale. Addresses and size stay. */
  disable(): void {
    this.#ring = undefined;
    this.#epoch++;
    this.#held.clear();
    this.#early.clear();
    this.#unclaimed = [];
    this.#slots = 0;
  }

  /** Power-on state, but for the features. */
  reset(): void {
    this.disable();
    this.size = this.maxSize;
    this.areas.fill(0);
  }

  /**
   * Takes the next chain, undefined if there is none or the queue is not usable. If there is none,
   * the driver is asked to notify of the next one (unless {@linkcode VirtQueue.setNotify} says no).
   * With `into` no object is made, except if `into` is still on its way.
   */
  pop(into?: DescriptorChain): DescriptorChain | undefined {
    const ring = this.#usable();
    if (ring === undefined) return undefined;
    const chain = into === undefined || this.#held.has(into) ? new DescriptorChain() : into;
    const { translator } = this.#host;
    chain.clear(translator);
    let taken = ring.take(chain, this.#slots);
    if (taken === EMPTY && this.#notify) {
      // Ask first, then look again: a buffer that came in between would else be forgotten.
      ring.refreshNotify();
      taken = ring.take(chain, this.#slots);
    }
    if (taken !== undefined) {
      if (taken !== EMPTY) this.#fail(taken);
      return undefined;
    }
    chain.epoch = this.#epoch;
    this.#held.add(chain);
    this.#slots += chain.slots;
    this.statistics.taken++;
    return chain;
  }

  /** Whether a chain waits. */
  hasNext(): boolean {
    return this.#usable()?.hasNext() ?? false;
  }

  /**
   * The chain of this name that was held when the state was saved, for a device that is restored.
   * Each one is given once; undefined if there is none.
   */
  retake(head: number): DescriptorChain | undefined {
    const at = this.#unclaimed.findIndex((chain) => chain.head === head);
    return at < 0 ? undefined : this.#unclaimed.splice(at, 1)[0];
  }

  /** Puts back the chain that was taken last, as if it had not been taken. */
  unpop(chain: DescriptorChain): void {
    if (this.#ring === undefined || !this.#held.delete(chain)) return;
    this.#slots -= chain.slots;
    this.#ring.untake(chain);
    this.statistics.taken--;
  }

  /**
   * Returns a chain with the number of bytes written to it, counted from its start without a gap;
   * left out, the chain knows. False if it is stale: the queue was reset meanwhile. The driver hears
   * of it by {@linkcode VirtQueue.signal}. With IN_ORDER the driver gets it after all older chains.
   */
  push(chain: DescriptorChain, written: number = chain.written): boolean {
    if (!this.#held.has(chain) || this.#early.has(chain)) return false;
    const ring = this.#usable();
    if (ring === undefined) return false;
    const bytes = Math.max(0, Math.min(written, chain.writableBytes));
    if (!this.#features.inOrder) {
      this.#put(ring, chain, bytes);
      return true;
    }
    this.#early.set(chain, bytes);
    for (const oldest of this.#held) {
      const length = this.#early.get(oldest);
      if (length === undefined) break;
      this.#early.delete(oldest);
      this.#put(ring, oldest, length);
    }
    return true;
  }

  /** Interrupts the driver if it wants to hear of what was returned since the last call. */
  signal(): void {
    const wanted = this.#usable()?.wantsSignal();
    if (wanted === undefined) return;
    if (wanted) {
      this.statistics.interrupts++;
      this.#host.interrupt();
    } else {
      this.statistics.suppressed++;
    }
  }

  /**
   * Whether the driver should notify of new chains. A device that does not wait for chains saves
   * the guest the access. On: look at the queue again afterwards. Chains that waited before are not
   * notified of again.
   */
  setNotify(on: boolean): void {
    const ring = this.#usable();
    if (ring === undefined) return;
    if (on !== this.#notify) ring.setNotify(on);
    else if (on) ring.refreshNotify();
    this.#notify = on;
  }

  /** Addresses, size, positions in the ring, and the chains that are held. The ring is in RAM. */
  state(): DeviceState {
    return {
      size: this.size,
      areas: [...this.areas],
      notify: this.#notify,
      ring: this.#ring?.state() ?? null,
      held: Array.from(this.#held, (chain) => ({
        chain: chain.state(),
        // -1: the device has not returned it.
        written: this.#early.get(chain) ?? -1,
      })),
    };
  }

  /** Puts back what `state` gave; `negotiate` comes before. Throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    const name = `queue ${this.index}`;
    const from = new StateReader(state, name);
    const size = from.integer("size", this.maxSize);
    const areas = from.integers("areas", 6);
    const notify = from.boolean("notify");
    const ring = from.value("ring");
    const held = from.array("held", size);
    this.disable();
    this.size = size;
    this.areas.set(areas);
    if (ring === null) return;
    if (!this.enable() || this.#ring === undefined) {
      throw new TypeError(`state of ${name}: rings outside RAM`);
    }
    this.#ring.restore(ring);
    this.#notify = notify;
    for (const element of held) this.#restoreChain(new StateReader(element, `${name}, chain`));
    if (this.#slots > size) throw new TypeError(`state of ${name}: more chains than the ring has`);
  }

  #restoreChain(from: StateReader): void {
    const chain = new DescriptorChain();
    chain.restore(from.value("chain"), this.#host.memory, this.#host.translator);
    chain.epoch = this.#epoch;
    this.#held.add(chain);
    this.#slots += chain.slots;
    if (from.value("written") === -1) this.#unclaimed.push(chain);
    else this.#early.set(chain, from.integer("written"));
  }

  /** The ring, found again if an IOMMU has moved it; undefined if there is none (any more). */
  #usable(): Ring | undefined {
    const { translator } = this.#host;
    if (translator === undefined || this.#ring === undefined) return this.#ring;
    if (translator.generation === this.#generation) return this.#ring;
    this.#generation = translator.generation;
    if (!this.#ring.map()) this.#fail("the ring is not mapped any more");
    return this.#ring;
  }

  #put(ring: Ring, chain: DescriptorChain, written: number): void {
    this.#held.delete(chain);
    this.#slots -= chain.slots;
    ring.put(chain, written);
    this.statistics.returned++;
  }

  /** Ends the life of the queue, as the transport's `fail` does for all queues of the device. */
  #fail(reason: string): void {
    this.disable();
    this.#host.fail(`queue ${this.index}: ${reason}`);
  }
}

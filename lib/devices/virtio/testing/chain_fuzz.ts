/**
 * Hostile chains at a device that holds, drops, returns and saves them in every way that a device
 * can, with fences around guest RAM. Shared by the test beside it and by `conformance/fuzz`.
 */
import { GuestMemory } from "../../../engine/guest_memory.ts";
import { LevelProbe } from "../../irq_controller/lines.ts";
import type { DeviceState } from "../../vbus/device.ts";
import type { DescriptorChain } from "../chain.ts";
import { featureMask, type VirtioDevice, VirtioFeature, type VirtioTransport } from "../device.ts";
import { HostileDriver } from "../hostile_driver.ts";
import { VirtioMmio } from "../mmio.ts";
import { MockDriver } from "../mock_driver.ts";
import { generator, RAM_BASE } from "./bench.ts";
import type { VirtQueue } from "../virt_queue.ts";

const RAM_BYTES = 1 << 16;
const FENCE_BYTES = 4096;
const FENCE = 0xa5;
const QUEUE_SIZES: readonly number[] = [32, 16];
/** Chains between two looks at the fences, and between two sets of features. */
const LOOK = 64;
const LIFE = 512;

/** Counts of a {@linkcode ChainFuzz}. */
export interface ChainFuzzTotals {
  /** Chains that the driver has offered. */
  offered: number;
  /** Chains that the device has taken. */
  taken: number;
  /** Chains that went back to the driver. */
  returned: number;
  /** Used entries that were compared with what the device had written. */
  compared: number;
  /** Times that the device had to be reset. */
  failures: number;
  /** Times that the slot was saved and restored. */
  restored: number;
}

/** A device between a hostile driver and fences. */
export class ChainFuzz {
  readonly totals: ChainFuzzTotals = {
    offered: 0,
    taken: 0,
    returned: 0,
    compared: 0,
    failures: 0,
    restored: 0,
  };
  readonly #random: (n: number) => number;
  readonly #bytes = new Uint8Array(RAM_BYTES + 2 * FENCE_BYTES).fill(FENCE);
  readonly #memory = new GuestMemory(
    this.#bytes.subarray(FENCE_BYTES, FENCE_BYTES + RAM_BYTES),
    RAM_BASE,
  );

  /** The same seed makes the same chains. */
  constructor(seed: number) {
    this.#random = generator(seed);
    this.#memory.bytes.fill(0);
  }

  /** Offers `count` chains. Throws an Error if anything is wrong. */
  run(count: number): void {
    for (let done = 0; done < count; done += LIFE) this.#life(Math.min(LIFE, count - done));
  }

  /** Chains at one device with features by chance. */
  #life(count: number): void {
    const random = this.#random;
    const { VERSION_1, RING_RESET, RING_PACKED, IN_ORDER, EVENT_IDX, INDIRECT_DESC } =
      VirtioFeature;
    const chosen: number[] = [RING_PACKED, IN_ORDER, EVENT_IDX].filter(() => random(2) === 0);
    if (random(5) > 0) chosen.push(INDIRECT_DESC);
    const device = new FuzzDevice(random, this.totals);
    const slot = new VirtioMmio(device, {
      memory: this.#memory,
      irq: new LevelProbe(),
      features: featureMask(VERSION_1, RING_RESET, ...chosen),
      later: (work) => work(),
      onFailure: () => this.totals.failures++,
    });
    const hostile = new HostileDriver(
      new MockDriver(slot, this.#memory),
      random,
      QUEUE_SIZES.length,
    );
    hostile.setUp();
    for (let i = 0; i < count; i++) {
      hostile.step();
      if (random(4) === 0) device.work();
      if (random(50) === 0) this.#save(slot, device);
      if (i % LOOK === 0) this.#checkFences();
    }
    this.#checkFences();
    this.totals.offered += count;
  }

  /** Out and in again: nothing may change, and the device gets the chains that it held. */
  #save(slot: VirtioMmio, device: FuzzDevice): void {
    const saved = slot.state();
    const before = JSON.stringify(saved);
    slot.restore(saved);
    if (JSON.stringify(slot.state()) !== before) throw new Error(`restored otherwise: ${before}`);
    device.retake();
    this.totals.restored++;
  }

  #checkFences(): void {
    for (let i = 0; i < FENCE_BYTES; i++) {
      if (this.#bytes[i] !== FENCE || this.#bytes[FENCE_BYTES + RAM_BYTES + i] !== FENCE) {
        throw new Error("a write outside guest RAM");
      }
    }
  }
}

/** Queue 0 is answered at once, chains of queue 1 are held for a while. */
class FuzzDevice implements VirtioDevice {
  readonly name = "fuzz";
  readonly id = 42;
  readonly features = 0n;
  readonly queueSizes = QUEUE_SIZES;
  readonly config: Uint8Array = new Uint8Array(8);
  readonly #random: (n: number) => number;
  readonly #totals: ChainFuzzTotals;
  #held: DescriptorChain[] = [];
  #transport!: VirtioTransport;

  constructor(random: (n: number) => number, totals: ChainFuzzTotals) {
    this.#random = random;
    this.#totals = totals;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  notify(index: number): void {
    const queue = this.#transport.queue(index);
    let taken = 0;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      this.#totals.taken++;
      if (++taken > queue.maxSize) throw new Error("more chains than the queue has entries");
      this.#check(chain, queue);
      if (index === 0) this.#answer(queue, chain);
      else if (this.#random(10) === 0) {
        queue.unpop(chain);
        break;
      } else this.#held.push(chain);
    }
    queue.signal();
  }

  /** Returns some of the chains that it holds, stale ones too. */
  work(): void {
    const queue = this.#transport.queue(1);
    while (this.#held.length > 0 && this.#random(3) > 0) {
      const [chain] = this.#held.splice(this.#random(this.#held.length), 1);
      this.#answer(queue, chain);
    }
    if (this.#random(4) === 0) queue.setNotify(this.#random(2) === 0);
    queue.signal();
  }

  /** After a restore. */
  retake(): void {
    const queue = this.#transport.queue(1);
    this.#held = this.#held.flatMap(({ head }) => queue.retake(head) ?? []);
  }

  #check(chain: DescriptorChain, queue: VirtQueue): void {
    const { addresses, lengths, count, readable } = chain;
    const sum = (from: number, to: number): number =>
      lengths.slice(from, to).reduce((total, length) => total + length, 0);
    const good = count > 0 && readable <= count && queue.held <= queue.size &&
      sum(0, readable) === chain.readableBytes && sum(readable, count) === chain.writableBytes &&
      addresses.slice(0, count).every((address, i) =>
        lengths[i] > 0 && address >= RAM_BASE && address + lengths[i] <= RAM_BASE + RAM_BYTES
      );
    if (!good) throw new Error(`a bad chain was let through: ${JSON.stringify(chain.state())}`);
  }

  /** Writes some bytes, returns the chain, and looks what the driver is told. */
  #answer(queue: VirtQueue, chain: DescriptorChain): void {
    const { memory } = this.#transport;
    const bytes = new Uint8Array(this.#random(1500));
    chain.read(memory, this.#random(40), bytes);
    const current = chain.epoch === queue.epoch && queue.ready;
    const written = current ? chain.write(memory, 0, bytes) : 0;
    if (current && written !== Math.min(bytes.length, chain.writableBytes)) {
      throw new Error(`${written} of ${bytes.length} bytes written to ${chain.writableBytes}`);
    }
    const inOrder = this.#transport.has(VirtioFeature.IN_ORDER);
    const state = current && !inOrder && this.#random(8) === 0 ? queue.state() : undefined;
    if (queue.push(chain) !== current) throw new Error("a chain is stale or it is not");
    if (current && !inOrder) this.#totals.returned++;
    if (state === undefined) return;
    const [head, length] = usedEntry(state, memory, queue.size);
    this.#totals.compared++;
    if (head !== chain.head || length !== written) {
      throw new Error(`used ${head}, ${length} bytes, not ${chain.head}, ${written} bytes`);
    }
  }

  activate(): void {}
  writeConfig(): void {}
  shutdown(): void {}
  restore(): void {}

  reset(): void {
    // Chains are kept, to be returned when they are stale.
    this.#held.splice(0, this.#held.length - 4);
  }

  state(): DeviceState {
    return null;
  }
}

/** What stands in the ring where `state` says that the next used entry goes: head and length. */
function usedEntry(
  state: DeviceState,
  memory: GuestMemory,
  size: number,
): [number | undefined, number | undefined] {
  const { areas, ring } = state as {
    readonly areas: readonly number[];
    readonly ring: { readonly nextUsed: number; readonly usedWrap?: number };
  };
  if (ring.usedWrap === undefined) {
    const at = areas[4] + 4 + 8 * (ring.nextUsed % size);
    return [memory.read32(at), memory.read32(at + 4)];
  }
  const at = areas[0] + 16 * ring.nextUsed;
  return [memory.read16(at + 12), memory.read32(at + 8)];
}

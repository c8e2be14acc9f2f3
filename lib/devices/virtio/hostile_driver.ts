/**
 * A driver that breaks the rules: for tests that a device neither throws, nor hangs, nor leaves
 * guest RAM, whatever stands in its queues. Works on split and packed queues, whichever the device
 * offers.
 */
import type { MockDriver } from "./mock_driver.ts";
import { MockPackedQueue } from "./mock_packed_queue.ts";
import type { MockBuffer } from "./mock_queue.ts";
import { MockSplitQueue } from "./mock_split_queue.ts";
import { Desc, DESC_BYTES } from "./ring.ts";

/** Most descriptors of a chain, where the queue has so many. */
const MAX_DESCRIPTORS = 8;
/** Most bytes of an orderly buffer. */
const MAX_BYTES = 600;

/**
 * Makes chains of which some are orderly and most are not.
 *
 * @example
 * ```ts ignore
 * const hostile = new HostileDriver(driver, random, 1); // a MockDriver, of a device with one queue
 * hostile.setUp();
 * for (let i = 0; i < 1000; i++) hostile.step();
 * ```
 */
export class HostileDriver {
  /** Chains that were offered to the device. */
  chains = 0;
  readonly #driver: MockDriver;
  readonly #random: (n: number) => number;
  readonly #count: number;
  readonly #mark: number;
  #queues: (MockSplitQueue | MockPackedQueue)[] = [];
  /** One field in so many is wrong; 0 for none. */
  #oddness = 0;

  /** `random` gives integers in [0, n); the device has `count` queues. */
  constructor(driver: MockDriver, random: (n: number) => number, count: number) {
    this.#driver = driver;
    this.#random = random;
    this.#count = count;
    this.#mark = driver.mark();
  }

  /** Resets the device and sets it up as a good driver does, with queues of random sizes. */
  setUp(): void {
    const driver = this.#driver;
    driver.release(this.#mark);
    driver.negotiate();
    this.#queues = Array.from({ length: this.#count }, (_, i) => {
      driver.write(0x30, i);
      const queue = driver.addQueue(i, Math.min(driver.read(0x34), 1 << this.#random(6)));
      if (queue instanceof MockSplitQueue || queue instanceof MockPackedQueue) return queue;
      throw new Error("a queue of an unknown format");
    });
    driver.start();
  }

  /** Offers a chain and notifies the device. Sets it up again if it needs a reset. */
  step(): void {
    const random = this.#random;
    if ((this.#driver.status & 0x40) !== 0) this.setUp();
    const queue = this.#queues[random(this.#queues.length)];
    this.#oddness = random(3) === 0 ? 0 : 4 + random(20);
    if (this.#odd()) this.#scribble(queue);
    const chain = this.#chain(Math.min(queue.size, 1 + random(MAX_DESCRIPTORS)));
    if (queue instanceof MockSplitQueue) this.#offerSplit(queue, chain);
    else this.#offerPacked(queue, chain);
    this.chains++;
    queue.notify();
  }

  #odd(): boolean {
    return this.#oddness > 0 && this.#random(this.#oddness) === 0;
  }

  /** Buffers to read, then buffers to write; perhaps some of them in a table. */
  #chain(count: number): MockBuffer[] {
    const random = this.#random;
    const readable = random(count + 1);
    const buffers = Array.from({ length: count }, (_, i) => this.#buffer(i >= readable));
    if (random(3) !== 0) return buffers;
    const inside = buffers.splice(random(count));
    return [...buffers, this.#table(inside)];
  }

  #buffer(writable: boolean): MockBuffer {
    const flags = this.#odd() ? this.#random(8) : writable ? Desc.write : 0;
    return { address: this.#address(), length: this.#length(), flags };
  }

  /** An indirect table in the upper quarter of RAM, in the format of split queues or of packed ones. */
  #table(buffers: readonly MockBuffer[]): MockBuffer {
    const { memory } = this.#driver;
    const at = memory.base + memory.size - DESC_BYTES * (MAX_DESCRIPTORS + this.#random(64));
    const packed = this.#queues[0] instanceof MockPackedQueue;
    buffers.forEach(({ address, length, flags }, i) => {
      const more = i === buffers.length - 1 ? 0 : Desc.next;
      const entry = this.#odd() ? this.#random(0x10000) : flags | more;
      const next = this.#odd() ? this.#random(0x10000) : i + 1;
      this.#write(
        at + DESC_BYTES * i,
        address,
        length,
        packed ? next : entry,
        packed ? flags : next,
      );
    });
    return {
      address: this.#odd() ? this.#address() : this.#driver.toDevice(at),
      length: this.#odd() ? this.#length() : DESC_BYTES * buffers.length,
      flags: Desc.indirect | (this.#odd() ? this.#random(4) : 0),
    };
  }

  #address(): number {
    const random = this.#random;
    const { memory } = this.#driver;
    const middle = memory.base + memory.size / 2 + random(memory.size / 4);
    if (!this.#odd()) return this.#driver.toDevice(middle);
    const queue = this.#queues[0];
    return [
      random(2 ** 32),
      random(2 ** 32) * (1 + random(2 ** 20)),
      (2 ** 32 - 1) * 2 ** 32 + random(2 ** 32),
      memory.base - random(32),
      memory.base + memory.size - random(32),
      queue.descriptors + random(64),
      queue.deviceArea,
    ][random(7)];
  }

  #length(): number {
    const random = this.#random;
    if (!this.#odd()) return 1 + random(MAX_BYTES);
    return [0, 2 ** 32 - 1, random(2 ** 32), this.#driver.memory.size, random(64)][random(5)];
  }

  #offerSplit(queue: MockSplitQueue, chain: readonly MockBuffer[]): void {
    const random = this.#random;
    const { size } = queue;
    const head = random(size);
    chain.forEach(({ address, length, flags }, i) => {
      const last = i === chain.length - 1;
      const more = last ? 0 : Desc.next;
      queue.writeDescriptor(
        (head + i) % size,
        address,
        length,
        this.#odd() ? random(0x10000) : flags | more,
        this.#odd() ? random(this.#odd() ? 0x10000 : size) : (head + i + 1) % size,
      );
    });
    queue.offer(this.#odd() ? random(this.#odd() ? 0x10000 : size) : head);
    if (this.#odd() && random(4) === 0) {
      this.#driver.memory.write16(queue.driverArea + 2, random(0x10000));
    }
  }

  #offerPacked(queue: MockPackedQueue, chain: readonly MockBuffer[]): void {
    const random = this.#random;
    for (const [i, { address, length, flags }] of chain.entries()) {
      const { index, flags: state } = queue.next;
      const more = i === chain.length - 1 ? 0 : Desc.next;
      queue.writeDescriptor(
        index,
        address,
        length,
        this.#odd() ? random(0x10000) : flags | more | state,
        this.#odd() ? random(0x10000) : index,
      );
      queue.advance(1);
    }
  }

  /** Random bytes over a piece of the rings. */
  #scribble(queue: MockSplitQueue | MockPackedQueue): void {
    const random = this.#random;
    const { memory } = this.#driver;
    const area = [queue.descriptors, queue.driverArea, queue.deviceArea][random(3)];
    for (let i = 1 + random(4); i > 0; i--) {
      memory.write16(area + 2 * random(8), random(3) === 0 ? random(0x10000) : random(4));
    }
  }

  #write(at: number, address: number, length: number, third: number, fourth: number): void {
    const { memory } = this.#driver;
    memory.write32(at, address % 2 ** 32);
    memory.write32(at + 4, Math.floor(address / 2 ** 32));
    memory.write32(at + 8, length);
    memory.write16(at + 12, third);
    memory.write16(at + 14, fourth);
  }
}

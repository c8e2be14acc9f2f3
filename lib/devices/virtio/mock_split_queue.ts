/** Driver's side of the split format; see `split_ring.ts` for what stands where. */
import { VirtioFeature } from "./device.ts";
import { type MockBuffer, MockQueue, type MockQueueParts } from "./mock_queue.ts";
import { Register } from "./registers.ts";
import { Desc, DESC_BYTES } from "./ring.ts";

/** A split queue of a `MockDriver`. */
export class MockSplitQueue extends MockQueue {
  readonly #free: number[];
  #nextAvail = 0;
  #nextUsed = 0;
  /** `#nextAvail` when the device was notified last. */
  #kicked = 0;

  /** Made by `MockDriver.addQueue`. */
  constructor(parts: MockQueueParts) {
    super(parts);
    this.#free = Array.from({ length: this.size }, (_, i) => i);
  }

  get room(): number {
    return this.#free.length;
  }

  /** Writes one descriptor of the table as it is; the device sees `address` unchanged. */
  writeDescriptor(
    index: number,
    address: number,
    length: number,
    flags: number,
    next: number,
  ): void {
    this.#write(this.descriptors + DESC_BYTES * index, address, length, flags, next);
  }

  /** Puts a head into the available ring. */
  offer(head: number): void {
    const { memory } = this.driver;
    memory.write16(this.driverArea + 4 + 2 * (this.#nextAvail % this.size), head);
    this.#nextAvail = (this.#nextAvail + 1) & 0xffff;
    memory.write16(this.driverArea + 2, this.#nextAvail);
  }

  kick(): boolean {
    const { memory } = this.driver;
    let wanted: boolean;
    if (this.driver.has(VirtioFeature.EVENT_IDX)) {
      const event = memory.read16(this.deviceArea + 4 + 8 * this.size) ?? 0;
      wanted =
        ((this.#nextAvail - event - 1) & 0xffff) < ((this.#nextAvail - this.#kicked) & 0xffff);
    } else {
      wanted = ((memory.read16(this.deviceArea) ?? 0) & 1) === 0;
    }
    this.#kicked = this.#nextAvail;
    if (wanted) this.notify();
    return wanted;
  }

  notify(): void {
    const data = this.driver.has(VirtioFeature.NOTIFICATION_DATA);
    this.driver.write(
      Register.QueueNotify,
      data ? ((this.#nextAvail << 16) | this.index) >>> 0 : this.index,
    );
  }

  setInterrupts(on: boolean): void {
    const { memory } = this.driver;
    if (!this.driver.has(VirtioFeature.EVENT_IDX)) {
      memory.write16(this.driverArea, on ? 0 : 1);
    } else {
      const event = on ? this.#nextUsed : this.#nextUsed - 1;
      memory.write16(this.driverArea + 4 + 2 * this.size, event & 0xffff);
    }
  }

  protected publish(
    buffers: readonly MockBuffer[],
  ): { readonly head: number; readonly slots: readonly number[] } {
    const slots = this.#free.splice(0, buffers.length);
    buffers.forEach(({ address, length, flags }, i) => {
      const last = i === buffers.length - 1;
      const more = last ? 0 : Desc.next;
      this.writeDescriptor(
        slots[i],
        this.driver.toDevice(address),
        length,
        flags | more,
        last ? 0 : slots[i + 1],
      );
    });
    this.offer(slots[0]);
    return { head: slots[0], slots };
  }

  protected used(): { readonly head: number; readonly written: number } | undefined {
    const { memory } = this.driver;
    if ((memory.read16(this.deviceArea + 2) ?? 0) === this.#nextUsed) return undefined;
    const entry = this.deviceArea + 4 + 8 * (this.#nextUsed % this.size);
    return { head: memory.read32(entry) ?? 0, written: memory.read32(entry + 4) ?? 0 };
  }

  protected skip(requests: number): void {
    this.#nextUsed = (this.#nextUsed + requests) & 0xffff;
  }

  protected free(_head: number, slots: readonly number[]): void {
    this.#free.push(...slots);
  }

  protected writeEntry(table: number, i: number, count: number, buffer: MockBuffer): void {
    const last = i === count - 1;
    this.#write(
      table + DESC_BYTES * i,
      this.driver.toDevice(buffer.address),
      buffer.length,
      buffer.flags | (last ? 0 : Desc.next),
      last ? 0 : i + 1,
    );
  }

  #write(at: number, address: number, length: number, flags: number, next: number): void {
    this.writeBuffer(at, address, length);
    this.driver.memory.write16(at + 12, flags);
    this.driver.memory.write16(at + 14, next);
  }
}

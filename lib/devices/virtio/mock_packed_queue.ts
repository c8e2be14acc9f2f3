/** Driver's side of the packed format; see `packed_ring.ts` for what stands where. */
import { VirtioFeature } from "./device.ts";
import { type MockBuffer, MockQueue, type MockQueueParts } from "./mock_queue.ts";
import { Register } from "./registers.ts";
import { Desc, DESC_BYTES } from "./ring.ts";

const AVAIL = 1 << 7;
const USED = 1 << 15;

/** A packed queue of a `MockDriver`. */
export class MockPackedQueue extends MockQueue {
  readonly #ids: number[];
  #room: number;
  #nextAvail = 0;
  #availWrap = true;
  #nextUsed = 0;
  #usedWrap = true;
  /** Entries that were made available since the device was notified last. */
  #unkicked = 0;

  /** Made by `MockDriver.addQueue`. */
  constructor(parts: MockQueueParts) {
    super(parts);
    this.#room = this.size;
    this.#ids = Array.from({ length: this.size }, (_, i) => i);
  }

  get room(): number {
    return this.#room;
  }

  /** Writes one descriptor of the ring as it is; the device sees `address` unchanged. */
  writeDescriptor(index: number, address: number, length: number, flags: number, id: number): void {
    const at = this.descriptors + DESC_BYTES * index;
    this.writeBuffer(at, address, length);
    this.driver.memory.write16(at + 12, id);
    this.driver.memory.write16(at + 14, flags);
  }

  /** Position and AVAIL and USED flags of the next descriptor that is made available. */
  get next(): { readonly index: number; readonly flags: number } {
    return { index: this.#nextAvail, flags: this.#availWrap ? AVAIL : USED };
  }

  /** Goes on behind `slots` descriptors that were made available by hand. */
  advance(slots: number): void {
    this.#unkicked += slots;
    this.#nextAvail += slots;
    if (this.#nextAvail < this.size) return;
    this.#nextAvail -= this.size;
    this.#availWrap = !this.#availWrap;
  }

  kick(): boolean {
    const { memory } = this.driver;
    const flags = memory.read16(this.deviceArea + 2) ?? 0;
    let wanted = flags !== 1;
    if (flags === 2) {
      const event = memory.read16(this.deviceArea) ?? 0;
      const lap = (event >>> 15 === 1) === this.#availWrap ? 0 : this.size;
      const ago = this.#nextAvail + lap - (event & 0x7fff);
      wanted = ago >= 1 && ago <= this.#unkicked;
    }
    this.#unkicked = 0;
    if (wanted) this.notify();
    return wanted;
  }

  notify(): void {
    const position = (this.#nextAvail | (this.#availWrap ? 0x8000 : 0)) << 16;
    const data = this.driver.has(VirtioFeature.NOTIFICATION_DATA) ? position : 0;
    this.driver.write(Register.QueueNotify, (data | this.index) >>> 0);
  }

  setInterrupts(on: boolean): void {
    const { memory } = this.driver;
    const named = on && this.driver.has(VirtioFeature.EVENT_IDX);
    if (named) {
      memory.write16(this.driverArea, this.#nextUsed | (this.#usedWrap ? 0x8000 : 0));
    }
    memory.write16(this.driverArea + 2, named ? 2 : on ? 0 : 1);
  }

  protected publish(
    buffers: readonly MockBuffer[],
  ): { readonly head: number; readonly slots: readonly number[] } {
    const id = this.#ids.shift() as number;
    const first = this.next;
    const slots: number[] = [];
    buffers.forEach(({ address, length, flags }, i) => {
      const { index, flags: state } = this.next;
      const more = i === buffers.length - 1 ? 0 : Desc.next;
      // The first descriptor's flags come last: they make all of them available.
      this.writeDescriptor(
        index,
        this.driver.toDevice(address),
        length,
        flags | more | (i === 0 ? state ^ (AVAIL | USED) : state),
        id,
      );
      slots.push(index);
      this.advance(1);
    });
    const more = buffers.length > 1 ? Desc.next : 0;
    this.driver.memory.write16(
      this.descriptors + DESC_BYTES * first.index + 14,
      buffers[0].flags | more | first.flags,
    );
    this.#room -= slots.length;
    return { head: id, slots };
  }

  protected used(): { readonly head: number; readonly written: number } | undefined {
    const { memory } = this.driver;
    const at = this.descriptors + DESC_BYTES * this.#nextUsed;
    const flags = memory.read16(at + 14) ?? 0;
    const both = this.#usedWrap ? AVAIL | USED : 0;
    if ((flags & (AVAIL | USED)) !== both) return undefined;
    const written = (flags & Desc.write) !== 0 ? memory.read32(at + 8) ?? 0 : 0;
    return { head: memory.read16(at + 12) ?? 0, written };
  }

  protected skip(requests: number, slots: number): void {
    this.#nextUsed += Math.max(slots, requests);
    if (this.#nextUsed < this.size) return;
    this.#nextUsed -= this.size;
    this.#usedWrap = !this.#usedWrap;
  }

  protected free(head: number, slots: readonly number[]): void {
    this.#ids.push(head);
    this.#room += slots.length;
  }

  protected writeEntry(table: number, i: number, _count: number, buffer: MockBuffer): void {
    const at = table + DESC_BYTES * i;
    this.writeBuffer(at, this.driver.toDevice(buffer.address), buffer.length);
    this.driver.memory.write16(at + 14, buffer.flags);
  }
}

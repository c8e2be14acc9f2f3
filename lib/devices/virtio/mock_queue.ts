/** What the mock driver's queues of both formats have in common. */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import { VirtioFeature } from "./device.ts";
import { Desc, DESC_BYTES } from "./ring.ts";

/** What the driver hands to the device in one request. */
export interface MockRequest {
  /** Buffers for the device to read, none of them empty. */
  readonly readable?: readonly Uint8Array[];
  /** Lengths of buffers for the device to write, none of them 0. */
  readonly writable?: readonly number[];
  /** Put the descriptors into a table of their own. @default false */
  readonly indirect?: boolean;
}

/** A request that the device has returned. */
export interface MockCompletion {
  /** The number that {@linkcode MockQueue.add} gave. */
  readonly head: number;
  /** Bytes written, as the device says. */
  readonly written: number;
  /** The writable buffers one after the other, whole. */
  readonly data: Uint8Array;
}

/** What a queue needs of its driver. */
export interface MockQueueHost {
  /** Guest RAM. */
  readonly memory: GuestMemory;
  /** What the device is told for a guest-physical address. */
  readonly toDevice: (address: number) => number;
  /** Whether a feature, by number, was negotiated. */
  has(feature: number): boolean;
  /** Writes a register. */
  write(offset: number, value: number): void;
  /** Takes zeroed guest memory. Throws an Error if there is none left. */
  allocate(bytes: number, align?: number): number;
  /** Where the next allocation begins. */
  mark(): number;
  /** Frees all that was allocated since the mark was taken. */
  release(mark: number): void;
}

/** Where a queue is. */
export interface MockQueueParts {
  /** Whose queue it is. */
  readonly driver: MockQueueHost;
  /** Number of the queue. */
  readonly index: number;
  /** Entries of the ring. */
  readonly size: number;
  /** Guest-physical address of the descriptors. */
  readonly descriptors: number;
  /** That of what the driver writes. */
  readonly driverArea: number;
  /** That of what the device writes. */
  readonly deviceArea: number;
}

/** One descriptor to be. */
export interface MockBuffer {
  /** Guest-physical address. */
  readonly address: number;
  /** Bytes. */
  readonly length: number;
  /** `Desc.write`, `Desc.indirect`, or 0. */
  readonly flags: number;
}

interface Outstanding {
  /** Numbers of the entries of the ring that it takes. */
  readonly slots: readonly number[];
  readonly writable: readonly MockBuffer[];
}

/**
 * The driver's side of one virtqueue. The memory of requests is not freed; see `MockDriver.mark`.
 * Addresses of the areas are for tests that damage them.
 */
export abstract class MockQueue {
  /** Number of the queue. */
  readonly index: number;
  /** Entries of the ring. */
  readonly size: number;
  /** Guest-physical address of the descriptors. */
  readonly descriptors: number;
  /** What the driver writes: available ring, or driver event suppression. */
  readonly driverArea: number;
  /** What the device writes: used ring, or device event suppression. */
  readonly deviceArea: number;
  /** Whose queue it is. */
  protected readonly driver: MockQueueHost;
  /** By number, in the order of adding. */
  readonly #outstanding = new Map<number, Outstanding>();
  /** With IN_ORDER: returned by one entry of the ring for several requests. */
  #batch: MockCompletion[] = [];

  /** Made by `MockDriver.addQueue`. */
  constructor(parts: MockQueueParts) {
    this.driver = parts.driver;
    this.index = parts.index;
    this.size = parts.size;
    this.descriptors = parts.descriptors;
    this.driverArea = parts.driverArea;
    this.deviceArea = parts.deviceArea;
  }

  /** Requests that the device has. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Entries of the ring that no request takes. */
  abstract get room(): number;

  /**
   * Makes a request available; gives its number. Throws an Error, and nothing has changed, if it
   * has no buffers or an empty one, or there is no room for it in ring or memory.
   */
  add(request: MockRequest): number {
    const { readable = [], writable = [], indirect = false } = request;
    const lengths = [...readable.map((bytes) => bytes.length), ...writable];
    if (lengths.length === 0) throw new Error("a request needs a buffer");
    if (lengths.some((length) => !(length > 0))) throw new Error("a buffer needs bytes");
    if (this.room < (indirect ? 1 : lengths.length)) throw new Error("the queue is full");
    const mark = this.driver.mark();
    try {
      const buffers = lengths.map((length, i): MockBuffer => {
        const flags = i < readable.length ? 0 : Desc.write;
        return { address: this.driver.allocate(length), length, flags };
      });
      readable.forEach((bytes, i) => this.driver.memory.write(buffers[i].address, bytes));
      const list = indirect ? [this.#table(buffers)] : buffers;
      const { head, slots } = this.publish(list);
      const written = buffers.filter(({ flags }) => flags === Desc.write);
      this.#outstanding.set(head, { slots, writable: written });
      return head;
    } catch (error) {
      this.driver.release(mark);
      throw error;
    }
  }

  /** Notifies the device if it wants that; tells whether it did. */
  abstract kick(): boolean;

  /** Notifies the device. */
  abstract notify(): void;

  /** Says whether used buffers are to interrupt: with an event index the next one, else all. */
  abstract setInterrupts(on: boolean): void;

  /** The next request that the device has returned. */
  poll(): MockCompletion | undefined {
    const done = this.#batch.shift();
    if (done !== undefined) return done;
    const used = this.used();
    if (used === undefined) return undefined;
    // Section 2.6.9: with IN_ORDER one entry can stand for all up to it; the others are full.
    const heads = this.driver.has(VirtioFeature.IN_ORDER) ? this.#upTo(used.head) : [used.head];
    const slots = heads.map((head) => this.#outstanding.get(head)?.slots ?? []);
    this.skip(heads.length, slots.flat().length);
    this.#batch = heads.map((head) => this.#complete(head, head === used.head ? used.written : -1));
    return this.#batch.shift();
  }

  /** Every request that the device has returned. */
  pollAll(): MockCompletion[] {
    const all: MockCompletion[] = [];
    for (let next = this.poll(); next !== undefined; next = this.poll()) all.push(next);
    return all;
  }

  /** Puts descriptors into the ring and makes them available. There is room. */
  protected abstract publish(
    buffers: readonly MockBuffer[],
  ): { readonly head: number; readonly slots: readonly number[] };

  /** The next used entry, undefined if there is none. */
  protected abstract used(): { readonly head: number; readonly written: number } | undefined;

  /** Goes on behind used requests and the entries that they took. */
  protected abstract skip(requests: number, slots: number): void;

  /** Gives a request's number and its entries of the ring back. */
  protected abstract free(head: number, slots: readonly number[]): void;

  /** Writes the 12 bytes of a descriptor that both formats share. */
  protected writeBuffer(at: number, address: number, length: number): void {
    const { memory } = this.driver;
    memory.write32(at, address % 0x1_0000_0000);
    memory.write32(at + 4, Math.floor(address / 0x1_0000_0000));
    memory.write32(at + 8, length);
  }

  /** Writes one descriptor of an indirect table of `count`. */
  protected abstract writeEntry(table: number, i: number, count: number, buffer: MockBuffer): void;

  #table(buffers: readonly MockBuffer[]): MockBuffer {
    const length = DESC_BYTES * buffers.length;
    const address = this.driver.allocate(length);
    buffers.forEach((buffer, i) => this.writeEntry(address, i, buffers.length, buffer));
    return { address, length, flags: Desc.indirect };
  }

  /** Numbers of the requests up to `head`, oldest first. */
  #upTo(head: number): number[] {
    const heads = [...this.#outstanding.keys()];
    const at = heads.indexOf(head);
    return at < 0 ? [head] : heads.slice(0, at + 1);
  }

  /** Forgets a request; `written` is -1 if the device has used all of it. */
  #complete(head: number, written: number): MockCompletion {
    const request = this.#outstanding.get(head);
    if (request === undefined) return { head, written, data: new Uint8Array(0) };
    this.#outstanding.delete(head);
    this.free(head, request.slots);
    const data = new Uint8Array(request.writable.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { address, length } of request.writable) {
      data.set(this.driver.memory.slice(address, length) ?? [], at);
      at += length;
    }
    return { head, written: written < 0 ? data.length : written, data };
  }
}

/**
 * One request of a driver: a chain of buffers in guest RAM, those to be read before those to be
 * written. A chain is filled by the queue from one read of each descriptor field and checked then;
 * later changes by the guest have no effect on it.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";

/** Most buffers in one chain; longer ones are refused. */
export const MAX_CHAIN_BUFFERS = 1024;

/** A chain of buffers. May be used again for another request once it was returned to the driver. */
export class DescriptorChain {
  /** Index of the first descriptor: the name of the request in the used ring. */
  head = 0;
  /** Life of the queue in which the chain was taken; see `VirtQueue.epoch`. */
  epoch = -1;
  /** Buffers for the device to read. */
  readable = 0;
  /** Buffers of both kinds. */
  count = 0;
  /** Bytes that the device may read; with those that it may write below 2^32. */
  readableBytes = 0;
  /** Bytes that the device may write. */
  writableBytes = 0;
  /** Guest-physical address of each buffer, readable ones first. All in RAM. */
  readonly addresses: number[] = [];
  /** Bytes of each buffer. */
  readonly lengths: number[] = [];

  /** Forgets all buffers. */
  clear(): void {
    this.count =
      this.readable =
      this.readableBytes =
      this.writableBytes =
        0;
  }

  /** Adds a buffer; the queue has checked it. */
  add(address: number, length: number, writable: boolean): void {
    this.addresses[this.count] = address;
    this.lengths[this.count++] = length;
    if (writable) {
      this.writableBytes += length;
    } else {
      this.readable++;
      this.readableBytes += length;
    }
  }

  /**
   * Copies from byte `offset` of the readable part; gives the number of bytes, less than asked
   * where it ends.
   */
  read(memory: GuestMemory, offset: number, into: Uint8Array): number {
    let done = 0;
    for (let i = 0; i < this.readable && done < into.length; i++) {
      const length = this.lengths[i];
      if (offset >= length) {
        offset -= length;
        continue;
      }
      const size = Math.min(length - offset, into.length - done);
      const from = memory.slice(this.addresses[i] + offset, size);
      if (from === undefined) return done;
      into.set(from, done);
      done += size;
      offset = 0;
    }
    return done;
  }

  /**
   * Copies to byte `offset` of the writable part; gives the number of bytes, less than given where
   * it ends. The code cache hears of it.
   */
  write(memory: GuestMemory, offset: number, from: Uint8Array): number {
    let done = 0;
    for (let i = this.readable; i < this.count && done < from.length; i++) {
      const length = this.lengths[i];
      if (offset >= length) {
        offset -= length;
        continue;
      }
      const size = Math.min(length - offset, from.length - done);
      if (!memory.write(this.addresses[i] + offset, from.subarray(done, done + size))) return done;
      done += size;
      offset = 0;
    }
    return done;
  }
}

/**
 * One request of a driver: a chain of buffers in guest RAM, those to be read before those to be
 * written. A chain is filled by the queue from one read of each descriptor field and checked then;
 * later changes of the descriptors by the guest have no effect on it.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { type IoTranslator, reachable } from "./iommu.ts";

/** Most buffers in one chain; longer ones are refused. */
export const MAX_CHAIN_BUFFERS = 1024;
/** Most bytes in one chain: a used length has 32 bits. */
const MAX_CHAIN_BYTES = 0xffff_ffff;

/** A chain of buffers. May be used again for another request once it was returned to the driver. */
export class DescriptorChain {
  /**
   * The driver's name of the request: index of the first descriptor in a split queue, buffer id in
   * a packed one. Below 65536.
   */
  head: number = 0;
  /** Life of the queue in which the chain was taken; see `VirtQueue.epoch`. */
  epoch: number = -1;
  /** Entries of the packed ring that the chain takes; 1 in a split queue. */
  slots: number = 1;
  /** Buffers for the device to read. */
  readable: number = 0;
  /** Buffers of both kinds. */
  count: number = 0;
  /** Bytes that the device may read; with those that it may write below 2^32. */
  readableBytes: number = 0;
  /** Bytes that the device may write. */
  writableBytes: number = 0;
  /**
   * Address of each buffer as the driver gave it, readable ones first: in RAM, or mapped if the
   * platform translates. Use {@linkcode read} and {@linkcode write}, which know.
   */
  readonly addresses: number[] = [];
  /** Bytes of each buffer, at least 1. */
  readonly lengths: number[] = [];
  #translator: IoTranslator | undefined;

  /** Forgets all buffers. Addresses of the next ones go through `translator`. */
  clear(translator?: IoTranslator): void {
    this.count =
      this.readable =
      this.readableBytes =
      this.writableBytes =
        0;
    this.slots = 1;
    this.#translator = translator;
  }

  /** Adds a buffer. Gives the rule that it breaks, and then nothing has changed. */
  add(
    memory: GuestMemory,
    address: number,
    length: number,
    writable: boolean,
  ): string | undefined {
    if (length === 0) return "a buffer has no bytes";
    if (!reachable(memory, this.#translator, address, length, writable)) {
      return "a buffer is not in RAM";
    }
    if (!writable && this.count > this.readable) return "a readable buffer after a writable one";
    if (this.count === MAX_CHAIN_BUFFERS) return "a chain of too many buffers";
    if (this.readableBytes + this.writableBytes + length > MAX_CHAIN_BYTES) {
      return "a chain of more than 4 GiB";
    }
    this.addresses[this.count] = address;
    this.lengths[this.count++] = length;
    if (writable) {
      this.writableBytes += length;
    } else {
      this.readable++;
      this.readableBytes += length;
    }
    return undefined;
  }

  /**
   * Copies from byte `offset` of the readable part; gives the number of bytes, less than asked
   * where it ends or where an IOMMU has taken the memory away.
   */
  read(memory: GuestMemory, offset: number, into: Uint8Array): number {
    return this.#copy(0, this.readable, offset, into.length, false, (address, length, done) => {
      const from = memory.slice(address, length);
      if (from === undefined) return false;
      into.set(from, done);
      return true;
    });
  }

  /**
   * Copies to byte `offset` of the writable part; gives the number of bytes, less than given where
   * it ends or where an IOMMU has taken the memory away. The code cache hears of it.
   */
  write(memory: GuestMemory, offset: number, from: Uint8Array): number {
    const whole = from.length;
    return this.#copy(
      this.readable,
      this.count,
      offset,
      whole,
      true,
      (address, length, done) =>
        memory.write(address, length === whole ? from : from.subarray(done, done + length)),
    );
  }

  /** Buffers and name, for a queue that is saved. */
  state(): DeviceState {
    const { head, slots, readable, count } = this;
    return {
      head,
      slots,
      readable,
      addresses: this.addresses.slice(0, count),
      lengths: this.lengths.slice(0, count),
    };
  }

  /** Puts back what `state` gave, checked as if it came from the driver. Throws a TypeError. */
  restore(state: DeviceState, memory: GuestMemory, translator?: IoTranslator): void {
    const from = new StateReader(state, "chain");
    const addresses = from.integers("addresses", MAX_CHAIN_BUFFERS, Number.MAX_SAFE_INTEGER);
    const lengths = from.integers("lengths", addresses.length);
    const readable = from.integer("readable", addresses.length);
    this.clear(translator);
    this.head = from.integer("head", 0xffff);
    this.slots = from.integer("slots", MAX_CHAIN_BUFFERS);
    addresses.forEach((address, i) => {
      const broken = this.add(memory, address, lengths[i] ?? 0, i >= readable);
      if (broken !== undefined) throw new TypeError(`state of chain: ${broken}`);
    });
    if (this.count === 0 || this.slots === 0) throw new TypeError("state of chain: it is empty");
  }

  /**
   * Walks over at most `bytes` bytes from byte `offset` of buffers [first, end); gives how many
   * `each` has taken. `each` gets guest-physical addresses.
   */
  #copy(
    first: number,
    end: number,
    offset: number,
    bytes: number,
    write: boolean,
    each: (address: number, length: number, done: number) => boolean,
  ): number {
    let done = 0;
    for (let i = first; i < end && done < bytes; i++) {
      const length = this.lengths[i];
      if (offset >= length) {
        offset -= length;
        continue;
      }
      const address = this.addresses[i] + offset;
      const size = Math.min(length - offset, bytes - done);
      offset = 0;
      if (this.#translator === undefined) {
        if (!each(address, size, done)) return done;
        done += size;
        continue;
      }
      const pieces = this.#translator.translate(address, size, write);
      if (pieces === undefined) return done;
      for (const piece of pieces) {
        if (!each(piece.address, piece.length, done)) return done;
        done += piece.length;
      }
    }
    return done;
  }
}

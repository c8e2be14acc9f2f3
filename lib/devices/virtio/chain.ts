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
   * Bytes of the writable part that were written, counted from its start up to the first gap: what
   * the driver may rely on, and is told as the used length if the device says nothing else.
   */
  written: number = 0;
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
      this.written =
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
    return this.#copy(memory, 0, this.readable, offset, into, false);
  }

  /**
   * Copies to byte `offset` of the writable part; gives the number of bytes, less than given where
   * it ends or where an IOMMU has taken the memory away. The code cache hears of it.
   */
  write(memory: GuestMemory, offset: number, from: Uint8Array): number {
    const done = this.#copy(memory, this.readable, this.count, offset, from, true);
    if (offset <= this.written) this.written = Math.max(this.written, offset + done);
    return done;
  }

  /** Buffers and name, for a queue that is saved. */
  state(): DeviceState {
    const { head, slots, readable, written, count } = this;
    return {
      head,
      slots,
      readable,
      written,
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
    this.written = from.integer("written", this.writableBytes);
    if (this.count === 0 || this.slots === 0) throw new TypeError("state of chain: it is empty");
  }

  /** Copies `bytes` from or to byte `offset` of buffers [first, end); gives how many. */
  #copy(
    memory: GuestMemory,
    first: number,
    end: number,
    offset: number,
    bytes: Uint8Array,
    write: boolean,
  ): number {
    let done = 0;
    for (let i = first; i < end && done < bytes.length; i++) {
      const length = this.lengths[i];
      if (offset >= length) {
        offset -= length;
        continue;
      }
      const size = Math.min(length - offset, bytes.length - done);
      const part = size === bytes.length ? bytes : bytes.subarray(done, done + size);
      const copied = this.#copyBuffer(memory, this.addresses[i] + offset, part, write);
      done += copied;
      if (copied < size) return done;
      offset = 0;
    }
    return done;
  }

  /** Copies within one buffer, whose `address` is the driver's. */
  #copyBuffer(memory: GuestMemory, address: number, bytes: Uint8Array, write: boolean): number {
    if (this.#translator === undefined) {
      return copyPiece(memory, address, bytes, write) ? bytes.length : 0;
    }
    let done = 0;
    for (const piece of this.#translator.translate(address, bytes.length, write) ?? []) {
      const part = bytes.subarray(done, done + piece.length);
      if (!copyPiece(memory, piece.address, part, write)) return done;
      done += piece.length;
    }
    return done;
  }
}

/** Copies from or to guest-physical memory; false if not all of it is RAM. */
function copyPiece(
  memory: GuestMemory,
  address: number,
  bytes: Uint8Array,
  write: boolean,
): boolean {
  if (write) return memory.write(address, bytes);
  const from = memory.slice(address, bytes.length);
  if (from === undefined) return false;
  bytes.set(from);
  return true;
}

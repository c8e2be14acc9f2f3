/**
 * QEMU's firmware configuration device (QEMU, docs/specs/fw_cfg) in memory: the guest selects an item
 * by number and reads it, byte by byte or by DMA.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { Clock, Timer } from "../../platform/platform.ts";
import { StateReader } from "../device_state.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import type { FwCfgItems } from "./items.ts";

/** Bytes of the window. */
export const FW_CFG_SIZE = 0x18;

// Registers. Selector and DMA address are big-endian.
// 0x00, 8 bytes: DATA, the next bytes of the item in the order of memory.
const SELECTOR = 0x08; // 2 bytes (WO)
const DMA_HIGH = 0x10; // address of an access structure; writing the low half starts it
const DMA_LOW = 0x14;
const END = 0x18;

/** What the DMA register reads as: "QEMU CFG". */
const DMA_SIGNATURE: readonly number[] = [0x51, 0x45, 0x4d, 0x55, 0x20, 0x43, 0x46, 0x47];

/** Bytes of a DMA access structure: control (4), length (4), address (8), big-endian. */
const ACCESS_BYTES = 16;
/** Bits of its control; the number of an item to select is in 31:16. */
const Dma = { error: 1 << 0, read: 1 << 1, skip: 1 << 2, select: 1 << 3, write: 1 << 4 } as const;

/** No item has this number. */
const NOTHING = 0xffff;

/** DMA up to so many bytes is done at once, more in pieces between slices of guest code. */
const AT_ONCE = 4096;
const PIECE = 1 << 20;
/** Guest time of a piece in nanoseconds: 10 GB/s. */
const PIECE_TIME = 100_000;

/** What the device is connected to. */
export interface FwCfgOptions {
  /** What it offers, for example of fwCfgItems. */
  readonly items: FwCfgItems;
  /** Where DMA goes. */
  readonly memory: GuestMemory;
  /** For long DMA. */
  readonly clock: Clock;
}

/** A long DMA that is not finished. */
interface Transfer {
  /** Guest-physical address of the access structure. */
  readonly control: number;
  /** Where the next byte goes. */
  address: number;
  /** Bytes to do. */
  left: number;
}

/**
 * The device, in a window of 24 bytes. Items are read-only: a DMA write is an error, writes to DATA
 * are ignored, as in QEMU.
 *
 * Deviations: DATA may be accessed at any of its 8 bytes, because accesses of 8 bytes come in halves.
 * DMA to what is not RAM as a whole is an error, and nothing is written. While a long DMA is under
 * way another one is an error, and selecting an item ends it with an error.
 */
export class FwCfg implements Device {
  /** For people. */
  readonly name = "fw-cfg";
  readonly #items: FwCfgItems;
  readonly #memory: GuestMemory;
  readonly #clock: Clock;
  #key = NOTHING;
  /** Bytes of the item that were read or skipped. */
  #offset = 0;
  #dmaHigh = 0;
  #transfer: Transfer | undefined;
  #timer: Timer | undefined;

  /** Nothing selected. */
  constructor(options: FwCfgOptions) {
    this.#items = options.items;
    this.#memory = options.memory;
    this.#clock = options.clock;
  }

  access(access: BusAccess): AccessResult {
    const { offset, size, value } = access;
    if (!access.write) {
      if (offset < SELECTOR) access.value = this.#read(size);
      else if (offset >= DMA_HIGH && offset < END) access.value = signature(offset, size);
      return AccessResult.ok;
    }
    if (offset === SELECTOR && size === 2) {
      this.#endTransfer(Dma.error);
      this.#select(((value & 0xff) << 8) | (value >>> 8));
    } else if (offset === DMA_HIGH && size === 4) this.#dmaHigh = swap32(value);
    else if (offset === DMA_LOW && size === 4) this.#start(swap32(value));
    return AccessResult.ok;
  }

  reset(): void {
    this.shutdown();
    this.#transfer = undefined;
    this.#key = NOTHING;
    this.#offset = this.#dmaHigh = 0;
  }

  shutdown(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  state(): DeviceState {
    const transfer = this.#transfer;
    return {
      key: this.#key,
      offset: this.#offset,
      dmaHigh: this.#dmaHigh,
      transfer: transfer === undefined ? [] : [transfer.control, transfer.address, transfer.left],
    };
  }

  /** A DMA that was under way goes on. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const key = from.integer("key", 0xffff);
    const offset = from.integer("offset");
    const dmaHigh = from.integer("dmaHigh");
    const transfer = from.integers("transfer", 3, Number.MAX_SAFE_INTEGER);
    const [control, address, left] = transfer;
    const fits = transfer.length === 0 || (transfer.length === 3 && left > 0 &&
      this.#memory.contains(control, ACCESS_BYTES) && this.#memory.contains(address, left));
    if (!fits || offset > (this.#items.get(key)?.length ?? 0)) {
      throw new TypeError(`state of ${this.name} does not fit this machine`);
    }
    this.shutdown();
    this.#key = key;
    this.#offset = offset;
    this.#dmaHigh = dmaHigh;
    this.#transfer = transfer.length === 0 ? undefined : { control, address, left };
    if (this.#transfer !== undefined) this.#schedule();
  }

  #select(key: number): void {
    this.#key = key;
    this.#offset = 0;
  }

  /** The rest of the selected item; empty if there is none. */
  #rest(): Uint8Array {
    return this.#items.get(this.#key)?.subarray(this.#offset) ?? new Uint8Array(0);
  }

  /** The next bytes, the first one lowest; zeros beyond the end. */
  #read(size: number): number {
    const item = this.#items.get(this.#key);
    if (item === undefined) return 0;
    let value = 0;
    for (let i = 0; i < size && this.#offset < item.length; i++) {
      value |= item[this.#offset++] << (8 * i);
    }
    return value >>> 0;
  }

  /** Reads an access structure and does what it says, or begins to. */
  #start(low: number): void {
    const control = this.#dmaHigh * 2 ** 32 + low;
    this.#dmaHigh = 0;
    const bytes = this.#memory.slice(control, ACCESS_BYTES)?.slice();
    // Without a structure there is no place to report the error to.
    if (bytes === undefined) return;
    const view = new DataView(bytes.buffer);
    const command = view.getUint32(0);
    const length = view.getUint32(4);
    const address = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
    if (this.#transfer !== undefined) return this.#finish(control, Dma.error);
    if ((command & Dma.select) !== 0) this.#select(command >>> 16);
    if ((command & Dma.read) !== 0) this.#beginRead(control, address, length);
    else if ((command & Dma.write) !== 0) this.#finish(control, Dma.error);
    else {
      if ((command & Dma.skip) !== 0) this.#offset += Math.min(length, this.#rest().length);
      this.#finish(control, 0);
    }
  }

  #beginRead(control: number, address: number, length: number): void {
    if (!this.#memory.contains(address, length)) return this.#finish(control, Dma.error);
    if (length <= AT_ONCE) {
      this.#copy(address, length);
      return this.#finish(control, 0);
    }
    this.#transfer = { control, address, left: length };
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.at(this.#clock.now() + PIECE_TIME, () => this.#continue());
  }

  #continue(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    const length = Math.min(transfer.left, PIECE);
    this.#copy(transfer.address, length);
    transfer.address += length;
    transfer.left -= length;
    if (transfer.left === 0) this.#endTransfer(0);
    else this.#schedule();
  }

  /** The next bytes of the item into RAM, zeros beyond its end. */
  #copy(address: number, length: number): void {
    const target = this.#memory.sliceForWriting(address, length);
    if (target === undefined) return;
    const from = this.#rest().subarray(0, length);
    target.set(from);
    target.fill(0, from.length);
    this.#memory.written(address, length);
    this.#offset += from.length;
  }

  #endTransfer(result: number): void {
    if (this.#transfer === undefined) return;
    this.shutdown();
    const { control } = this.#transfer;
    this.#transfer = undefined;
    this.#finish(control, result);
  }

  /** Tells the guest that its access structure has been dealt with. */
  #finish(control: number, result: number): void {
    this.#memory.write32(control, swap32(result));
  }
}

function signature(offset: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value |= (DMA_SIGNATURE[offset - DMA_HIGH + i] ?? 0) << (8 * i);
  return value >>> 0;
}

function swap32(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) |
    (value >>> 24)) >>> 0;
}

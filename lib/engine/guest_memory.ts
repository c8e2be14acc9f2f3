/**
 * Guest RAM as devices see it: every address and length is checked, every write by a device is told
 * to the code cache.
 *
 * Dirty pages: while the log is on, each page that guest code or a device writes is noted once. Guest
 * code cannot store to a page that is clean without a TLB miss (slow_access.ts notes it there), so
 * stores to dirty pages, and everything while the log is off, cost nothing.
 */
import { PAGE_SIZE } from "./memory_map.ts";

/** Told of writes that did not come from guest code. */
export type WriteObserver = (address: number, length: number) => void;

/** One contiguous piece of RAM at guest-physical `base`. */
export class GuestMemory {
  /** First guest-physical address. */
  readonly base: number;
  /** Bytes. */
  readonly size: number;
  /** The RAM itself, byte 0 at guest-physical `base`. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #observer: WriteObserver = () => {};
  #protect: () => void = () => {};
  /** For each page 1 if it was written; undefined while the log is off. */
  #dirty: Uint8Array<ArrayBuffer> | undefined;

  /** RAM over `bytes`, which are not copied. */
  constructor(bytes: Uint8Array, base: number) {
    this.bytes = bytes;
    this.base = base;
    this.size = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Who hears of device writes (the code cache). */
  observe(observer: WriteObserver): void {
    this.#observer = observer;
  }

  /** Whether [address, address + length) lies in RAM. Addresses are integers up to 2^53. */
  contains(address: number, length: number): boolean {
    return address >= this.base && length >= 0 && address - this.base <= this.size - length;
  }

  /** A view for reading, undefined if not all of it is RAM. Do not write through it. */
  slice(address: number, length: number): Uint8Array | undefined {
    if (!this.contains(address, length)) return undefined;
    return this.bytes.subarray(address - this.base, address - this.base + length);
  }

  /** A view for writing; call {@linkcode GuestMemory.written} when the bytes are there. */
  sliceForWriting(address: number, length: number): Uint8Array | undefined {
    return this.slice(address, length);
  }

  /** Tells the code cache and the log that a device wrote. */
  written(address: number, length: number): void {
    this.#observer(address, length);
    if (this.#dirty !== undefined) this.#note(address, length);
  }

  // ---- dirty pages

  /** Who makes guest code miss at its next store to any page (the engine). */
  onProtect(protect: () => void): void {
    this.#protect = protect;
  }

  /** Whether dirty pages are logged. */
  get dirtyLog(): boolean {
    return this.#dirty !== undefined;
  }

  /** Switches the log on, with all pages clean, or off. */
  logDirtyPages(on: boolean): void {
    this.#dirty = on ? new Uint8Array(Math.ceil(this.size / PAGE_SIZE)) : undefined;
    if (on) this.#protect();
  }

  /**
   * Numbers of the 4 KiB pages (0 is the one at `base`) that were written since the log was switched
   * on or this was last called, in rising order; they are clean now. Empty while the log is off.
   */
  takeDirtyPages(): Uint32Array<ArrayBuffer> {
    const dirty = this.#dirty;
    if (dirty === undefined) return new Uint32Array(0);
    const pages: number[] = [];
    for (let page = dirty.indexOf(1); page >= 0; page = dirty.indexOf(1, page + 1)) {
      pages.push(page);
    }
    if (pages.length > 0) {
      dirty.fill(0);
      this.#protect();
    }
    return Uint32Array.from(pages);
  }

  /** Guest code may write the page of `address` from now on, unseen. */
  opened(address: number): void {
    if (this.#dirty !== undefined) this.#note(address, 1);
  }

  #note(address: number, length: number): void {
    if (length <= 0 || !this.contains(address, length)) return;
    const first = Math.floor((address - this.base) / PAGE_SIZE);
    const last = Math.floor((address + length - 1 - this.base) / PAGE_SIZE);
    this.#dirty?.fill(1, first, last + 1);
  }

  /** Copies in; false (and nothing written) if not all of the target is RAM. */
  write(address: number, from: Uint8Array): boolean {
    const target = this.slice(address, from.length);
    if (target === undefined) return false;
    target.set(from);
    this.written(address, from.length);
    return true;
  }

  /** Two bytes, little-endian; undefined if not all of them are RAM. */
  read16(address: number): number | undefined {
    return this.contains(address, 2) ? this.#view.getUint16(address - this.base, true) : undefined;
  }

  /** Four bytes, little-endian; undefined if not all of them are RAM. */
  read32(address: number): number | undefined {
    return this.contains(address, 4) ? this.#view.getUint32(address - this.base, true) : undefined;
  }

  /** Eight bytes, little-endian; undefined if not all of them are RAM. */
  read64(address: number): bigint | undefined {
    return this.contains(address, 8)
      ? this.#view.getBigUint64(address - this.base, true)
      : undefined;
  }

  /** Two bytes, little-endian; false, and nothing written, if not all of them are RAM. */
  write16(address: number, value: number): boolean {
    if (!this.contains(address, 2)) return false;
    this.#view.setUint16(address - this.base, value, true);
    this.written(address, 2);
    return true;
  }

  /** Four bytes, little-endian; false, and nothing written, if not all of them are RAM. */
  write32(address: number, value: number): boolean {
    if (!this.contains(address, 4)) return false;
    this.#view.setUint32(address - this.base, value, true);
    this.written(address, 4);
    return true;
  }

  /** Eight bytes, little-endian; false, and nothing written, if not all of them are RAM. */
  write64(address: number, value: bigint): boolean {
    if (!this.contains(address, 8)) return false;
    this.#view.setBigUint64(address - this.base, value, true);
    this.written(address, 8);
    return true;
  }
}

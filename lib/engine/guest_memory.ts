/**
 * Guest RAM as devices see it: every address and length is checked, every write by a device is told
 * to the code cache.
 */

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

  /** A view for writing; call {@linkcode written} when the bytes are there. */
  sliceForWriting(address: number, length: number): Uint8Array | undefined {
    return this.slice(address, length);
  }

  /** Tells the code cache that a device wrote. */
  written(address: number, length: number): void {
    this.#observer(address, length);
  }

  /** Copies in; false (and nothing written) if not all of the target is RAM. */
  write(address: number, from: Uint8Array): boolean {
    const target = this.slice(address, from.length);
    if (target === undefined) return false;
    target.set(from);
    this.#observer(address, from.length);
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
    this.#observer(address, 2);
    return true;
  }

  /** Four bytes, little-endian; false, and nothing written, if not all of them are RAM. */
  write32(address: number, value: number): boolean {
    if (!this.contains(address, 4)) return false;
    this.#view.setUint32(address - this.base, value, true);
    this.#observer(address, 4);
    return true;
  }

  /** Eight bytes, little-endian; false, and nothing written, if not all of them are RAM. */
  write64(address: number, value: bigint): boolean {
    if (!this.contains(address, 8)) return false;
    this.#view.setBigUint64(address - this.base, value, true);
    this.#observer(address, 8);
    return true;
  }
}

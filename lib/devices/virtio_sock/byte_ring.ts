/** A queue of bytes with a bound: what a guest sends waits here for the host. */

/** Bytes that are allocated first. */
const FIRST = 4096;

/** Bytes in the order in which they came. Memory grows with the content, up to the capacity. */
export class ByteRing {
  /** Most bytes that it holds, a power of two from 4096. */
  readonly capacity: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Bytes in it. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends `count` bytes, which must fit; `fill` gets the one or two places for them, with the
   * position of each in what is appended.
   */
  push(count: number, fill: (into: Uint8Array, at: number) => void): void {
    if (count > this.#bytes.length - this.#length) this.#grow(this.#length + count);
    const end = (this.#start + this.#length) & (this.#bytes.length - 1);
    const first = Math.min(count, this.#bytes.length - end);
    if (first > 0) fill(this.#bytes.subarray(end, end + first), 0);
    if (count > first) fill(this.#bytes.subarray(0, count - first), first);
    this.#length += count;
  }

  /** Takes a copy of up to `most` bytes out. */
  take(most: number): Uint8Array {
    const count = Math.min(most, this.#length);
    const into = new Uint8Array(count);
    const first = Math.min(count, this.#bytes.length - this.#start);
    into.set(this.#bytes.subarray(this.#start, this.#start + first));
    into.set(this.#bytes.subarray(0, count - first), first);
    this.#length -= count;
    this.#start = this.#length === 0 ? 0 : (this.#start + count) & (this.#bytes.length - 1);
    return into;
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#bytes = new Uint8Array(0);
    this.#start = this.#length = 0;
  }

  #grow(needed: number): void {
    let size = Math.max(FIRST, this.#bytes.length);
    while (size < needed) size *= 2;
    const length = this.#length;
    const bytes = new Uint8Array(size);
    bytes.set(this.take(length));
    this.#bytes = bytes;
    this.#start = 0;
    this.#length = length;
  }
}

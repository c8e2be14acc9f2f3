/** Sets of 256 interrupt vectors: eight words among the registers of a local APIC. */

/** A set of vectors over words `first` to `first + 7` of an array. */
export class VectorSet {
  readonly #words: Uint32Array;
  readonly #first: number;

  /** Shares the words with the array. */
  constructor(words: Uint32Array, first: number) {
    this.#words = words;
    this.#first = first;
  }

  /** Whether a vector is in it. */
  has(vector: number): boolean {
    return ((this.#words[this.#first + (vector >>> 5)] >>> (vector & 31)) & 1) !== 0;
  }

  /** Adds a vector. */
  add(vector: number): void {
    this.#words[this.#first + (vector >>> 5)] |= 1 << (vector & 31);
  }

  /** Takes a vector out. */
  delete(vector: number): void {
    this.#words[this.#first + (vector >>> 5)] &= ~(1 << (vector & 31));
  }

  /** The highest vector; -1 if there is none. */
  highest(): number {
    for (let word = 7; word >= 0; word--) {
      const bits = this.#words[this.#first + word];
      if (bits !== 0) return 32 * word + 31 - Math.clz32(bits);
    }
    return -1;
  }
}

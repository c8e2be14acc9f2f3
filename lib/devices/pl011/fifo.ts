/** A ring of small integers with a fixed capacity. */
export class Fifo {
  readonly #slots: Uint16Array;
  #first = 0;
  #length = 0;

  /** `capacity` is a power of two. */
  constructor(capacity: number) {
    this.#slots = new Uint16Array(capacity);
  }

  /** Entries in it. */
  get length(): number {
    return this.#length;
  }

  /** Appends. The caller has looked at `length`; in a full ring nothing happens. */
  push(value: number): void {
    if (this.#length === this.#slots.length) return;
    this.#slots[(this.#first + this.#length++) & (this.#slots.length - 1)] = value;
  }

  /** Takes the oldest; 0 if there is none. */
  shift(): number {
    if (this.#length === 0) return 0;
    const value = this.#slots[this.#first];
    this.#first = (this.#first + 1) & (this.#slots.length - 1);
    this.#length--;
    return value;
  }

  /** Removes every entry. */
  clear(): void {
    this.#first = this.#length = 0;
  }

  /** Oldest first. */
  toArray(): number[] {
    return Array.from(
      { length: this.#length },
      (_, i) => this.#slots[(this.#first + i) & (this.#slots.length - 1)],
    );
  }

  /** Replaces the content. */
  assign(values: readonly number[]): void {
    this.clear();
    for (const value of values) this.push(value);
  }
}

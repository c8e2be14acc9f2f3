const utf8 = new TextEncoder();

/** Growable byte sink of the module writer: the encodings that sections are made of. */
export class Bytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** A copy of what has been written. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Unsigned LEB128 of a number in [0, 2^32). */
  u32(value: number): this {
    while (value > 0x7f) {
      this.u8((value & 0x7f) | 0x80);
      value >>>= 7;
    }
    return this.u8(value);
  }

  append(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** UTF-8 behind its length in bytes. */
  name(text: string): this {
    const bytes = utf8.encode(text);
    return this.u32(bytes.length).append(bytes);
  }

  /** A section of `count` entries; nothing at all if there are none. */
  section(id: number, count: number, entries: Bytes): this {
    if (count === 0) return this;
    const head = new Bytes(8).u32(count);
    this.u8(id).u32(head.length + entries.#length);
    return this.append(head.#view()).append(entries.#view());
  }

  /** A custom section (id 0) or a subsection: content behind its length. */
  sized(id: number, content: Bytes): this {
    return this.u8(id).u32(content.#length).append(content.#view());
  }

  #view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#view());
    this.#bytes = larger;
  }
}

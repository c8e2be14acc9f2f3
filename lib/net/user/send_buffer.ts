/** Bytes that were sent, or are to be, and not acknowledged yet: the host's pieces, as they came. */
export class SendBuffer {
  readonly #pieces: Uint8Array[] = [];
  /** Bytes of the first piece that are gone. */
  #gone = 0;
  /** Bytes in the buffer. */
  length = 0;

  /** Adds bytes, which are kept. */
  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }

  /** Copies `length` bytes from `offset` on to `into[at]`; all of them are in the buffer. */
  copy(offset: number, length: number, into: Uint8Array, at: number): void {
    let skip = offset + this.#gone;
    let done = 0;
    for (let i = 0; done < length; i++) {
      const piece = this.#pieces[i];
      if (skip >= piece.length) {
        skip -= piece.length;
        continue;
      }
      const part = piece.subarray(skip, Math.min(piece.length, skip + length - done));
      into.set(part, at + done);
      done += part.length;
      skip = 0;
    }
  }

  /** Lets go of the first `count` bytes. */
  drop(count: number): void {
    let rest = Math.min(count, this.length);
    this.length -= rest;
    rest += this.#gone;
    let whole = 0;
    while (whole < this.#pieces.length && rest >= this.#pieces[whole].length) {
      rest -= this.#pieces[whole++].length;
    }
    this.#pieces.splice(0, whole);
    this.#gone = rest;
  }
}

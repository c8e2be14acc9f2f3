/** Finds frames in a stream where each one comes after its length: four bytes, big-endian. */
import { MAX_FRAME } from "./backend.ts";

const LENGTH_BYTES = 4;

/** The stream is no stream of frames. */
export class FramingError extends Error {
  override readonly name: string = "FramingError";
}

/** One direction of one connection. */
export class FrameSplitter {
  /** A frame of which a part has come, with its length before it. */
  readonly #partial = new Uint8Array(LENGTH_BYTES + MAX_FRAME);
  #partialBytes = 0;
  #bytes: Uint8Array = this.#partial.subarray(0, 0);
  #at = 0;

  /** More bytes of the stream; those before must have been taken up by `next`. */
  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /**
   * The next whole frame, undefined if there is none yet. Valid until the next call.
   * @throws {FramingError} if a length is 0 or above MAX_FRAME: the two sides are out of step.
   */
  next(): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (this.#partialBytes > 0) return this.#nextFromPartial();
    const left = bytes.length - this.#at;
    if (left >= LENGTH_BYTES) {
      const length = lengthAt(bytes, this.#at);
      if (left >= LENGTH_BYTES + length) {
        const start = this.#at + LENGTH_BYTES;
        this.#at = start + length;
        return bytes.subarray(start, this.#at);
      }
    }
    this.#keep(left);
    return undefined;
  }

  #nextFromPartial(): Uint8Array | undefined {
    this.#keep(LENGTH_BYTES - this.#partialBytes);
    if (this.#partialBytes < LENGTH_BYTES) return undefined;
    const end = LENGTH_BYTES + lengthAt(this.#partial, 0);
    this.#keep(end - this.#partialBytes);
    if (this.#partialBytes < end) return undefined;
    this.#partialBytes = 0;
    return this.#partial.subarray(LENGTH_BYTES, end);
  }

  /** Moves up to `count` bytes to the partial frame. */
  #keep(count: number): void {
    if (count <= 0) return;
    const part = this.#bytes.subarray(this.#at, this.#at + count);
    this.#partial.set(part, this.#partialBytes);
    this.#partialBytes += part.length;
    this.#at += part.length;
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  const length = (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
  if (length === 0 || length > MAX_FRAME) {
    throw new FramingError(
      `a frame of ${length} bytes cannot be; is the other side a frame stream?`,
    );
  }
  return length;
}

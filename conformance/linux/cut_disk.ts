/** A disk that loses its power. */
import type { BlockFile } from "../../lib/platform/platform.ts";

/** Bytes that reach the medium whole or not at all. */
const SECTOR = 512;

/** A sector on its way to the medium. */
interface CachedSector {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A disk with a volatile cache: what is written reaches the medium at the next flush, or, when the power
 * is cut, perhaps. That is all that a disk promises (virtio 1.2, 5.2.6.2), and the worst that it may do.
 */
export class CutDisk implements BlockFile {
  readonly size: number;
  readonly readOnly: boolean = false;
  /** What would be there after a loss of power that takes everything that was not flushed. */
  readonly medium: Uint8Array;
  /** Writes and flushes since the disk was made. */
  requests = 0;
  /** Called before each of these. */
  onRequest: (() => void) | undefined;
  /** What the guest sees: the medium with the cache over it. */
  readonly #seen: Uint8Array;
  #cache: CachedSector[] = [];

  constructor(medium: Uint8Array) {
    this.medium = medium;
    this.#seen = medium.slice();
    this.size = medium.length;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    into.set(this.#seen.subarray(offset, offset + into.length));
    return Promise.resolve();
  }

  write(offset: number, from: Uint8Array): Promise<void> {
    this.#count();
    const bytes = from.slice();
    this.#seen.set(bytes, offset);
    for (let at = 0; at < bytes.length; at += SECTOR) {
      this.#cache.push({ offset: offset + at, bytes: bytes.subarray(at, at + SECTOR) });
    }
    return Promise.resolve();
  }

  flush(): Promise<void> {
    this.#count();
    for (const { offset, bytes } of this.#cache) this.medium.set(bytes, offset);
    this.#cache = [];
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Cuts the power: of the sectors in the cache some have reached the medium, in any order.
   * @param random numbers from 0 (inclusive) to 1.
   */
  cut(random: () => number): Uint8Array {
    const share = random();
    const written = this.#cache.filter(() => random() < share);
    for (let i = written.length - 1; i > 0; i--) {
      const other = Math.floor(random() * (i + 1));
      [written[i], written[other]] = [written[other], written[i]];
    }
    for (const { offset, bytes } of written) this.medium.set(bytes, offset);
    this.#cache = [];
    return this.medium;
  }

  #count(): void {
    this.requests++;
    this.onRequest?.();
  }
}

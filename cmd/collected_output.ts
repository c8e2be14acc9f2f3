/** Output that is gathered before it is written. */
import { writeSync } from "node:fs";
import type { Platform } from "../lib/platform/platform.ts";

/** Bytes gathered at most. */
const OUTPUT_BUFFER = 65536;

/** Guests send byte by byte: one system call per byte would cost more than the guest does. */
export class CollectedOutput {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #platform: Pick<Platform, "yield">;
  readonly #buffer = new Uint8Array(OUTPUT_BUFFER);
  #length = 0;
  #scheduled = false;

  /** `write` gets the pieces, the last ones when the event loop has turned. */
  constructor(write: (bytes: Uint8Array) => void, platform: Pick<Platform, "yield">) {
    this.#write = write;
    this.#platform = platform;
  }

  /** Takes output. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#buffer.length - this.#length);
      this.#buffer.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      if (this.#length === this.#buffer.length) this.flush();
    }
    if (this.#length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      void this.#platform.yield().then(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  /** Writes what is left, at once. */
  flush(): void {
    const length = this.#length;
    this.#length = 0;
    if (length > 0) this.#write(this.#buffer.subarray(0, length));
  }
}

/** Writes all bytes to a file that is open; gives up on what cannot be written. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(file, bytes, done);
    } catch (error) {
      // A reader that has gone, or a full disk, does not end the guest.
      if ((error as { code?: string }).code !== "EAGAIN") return;
    }
  }
}

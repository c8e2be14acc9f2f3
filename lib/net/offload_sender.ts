/** Gives frames to a network after doing the work that it does not take. */
import { type FrameOffload, MAX_FRAME, type NetBackend } from "./backend.ts";
import {
  checkOffload,
  cutIntoSegments,
  emptyOffloadFrame,
  finishChecksum,
  type OffloadFrame,
  takesOffload,
} from "./offload.ts";

/** One sender to one network. */
export class OffloadSender {
  readonly #backend: NetBackend;
  readonly #headers: OffloadFrame = emptyOffloadFrame();
  #room: Uint8Array | undefined;

  /** `backend` gets the frames. */
  constructor(backend: NetBackend) {
    this.#backend = backend;
  }

  /**
   * Looks whether a frame is what its offload says; gives its headers, valid until the next call, or
   * undefined.
   */
  check(frame: Uint8Array, offload: FrameOffload): OffloadFrame | undefined {
    return checkOffload(frame, offload, this.#headers) ? this.#headers : undefined;
  }

  /**
   * Sends a frame, which stays as it is, with the offload that `check` has found right. Gives the bytes
   * that went out.
   */
  send(frame: Uint8Array, offload: FrameOffload): number {
    if (takesOffload(this.#backend.offloads, offload, this.#headers)) {
      this.#backend.send(frame, offload);
      return frame.length;
    }
    const { checksumStart, checksumOffset, segmentSize } = offload;
    if (segmentSize === 0) return this.sendFinished(frame, checksumStart, checksumOffset);
    let bytes = 0;
    cutIntoSegments(frame, this.#headers, segmentSize, this.#roomForFrame(), (segment) => {
      bytes += segment.length;
      this.#backend.send(segment);
    });
    return bytes;
  }

  /** Sends a frame with a checksum made of the bytes from `checksumStart`. Gives its length. */
  sendFinished(frame: Uint8Array, checksumStart: number, checksumOffset: number): number {
    const copy = this.#roomForFrame().subarray(0, frame.length);
    copy.set(frame);
    finishChecksum(copy, checksumStart, checksumOffset);
    this.#backend.send(copy);
    return frame.length;
  }

  #roomForFrame(): Uint8Array {
    return this.#room ??= new Uint8Array(MAX_FRAME);
  }
}

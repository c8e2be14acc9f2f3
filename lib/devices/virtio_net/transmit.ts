/** From a frame of the guest with its virtio header to what the network takes. */
import { type FrameOffload, MAX_FRAME, MIN_FRAME, type NetBackend } from "../../net/backend.ts";
import {
  checkOffload,
  cutIntoSegments,
  emptyOffloadFrame,
  finishChecksum,
  takesOffload,
} from "../../net/offload.ts";
import { GsoType, NEEDS_CSUM, NetHeader } from "./layout.ts";

/** Transmit offloads that were negotiated; without one its part of the header is ignored. */
export interface TransmitFeatures {
  readonly checksum: boolean;
  readonly tcp4: boolean;
  readonly tcp6: boolean;
}

/** Gives frames to a network, after doing the work that the network leaves to the card. */
export class FrameSender {
  /** What was negotiated. Set by the card. */
  features: TransmitFeatures = { checksum: false, tcp4: false, tcp6: false };
  readonly #backend: NetBackend;
  readonly #offload = { checksumStart: 0, checksumOffset: 0, segmentSize: 0 };
  readonly #headers = emptyOffloadFrame();
  #segment: Uint8Array | undefined;

  /** `backend` gets the frames. */
  constructor(backend: NetBackend) {
    this.#backend = backend;
  }

  /**
   * Sends a frame. Gives the bytes that went out, 0 if the frame or its header is malformed. The frame
   * may be changed.
   */
  send(header: DataView, frame: Uint8Array): number {
    if (frame.length < MIN_FRAME) return 0;
    const offload = this.#offload;
    const gsoType = header.getUint8(NetHeader.gsoType) & ~GsoType.ecn;
    const cut = gsoType !== GsoType.none;
    if (!this.features.checksum || (header.getUint8(NetHeader.flags) & NEEDS_CSUM) === 0) {
      if (cut) return 0;
      this.#backend.send(frame);
      return frame.length;
    }
    offload.checksumStart = header.getUint16(NetHeader.checksumStart, true);
    offload.checksumOffset = header.getUint16(NetHeader.checksumOffset, true);
    offload.segmentSize = cut ? header.getUint16(NetHeader.gsoSize, true) : 0;
    const { checksumStart, checksumOffset } = offload;
    if (checksumStart < MIN_FRAME || checksumStart + checksumOffset + 2 > frame.length) return 0;
    const headers = this.#headers;
    const known = checkOffload(frame, offload, headers);
    if (cut) {
      const allowed = headers.version === 4
        ? gsoType === GsoType.tcp4 && this.features.tcp4
        : gsoType === GsoType.tcp6 && this.features.tcp6;
      if (!known || !allowed || offload.segmentSize === 0) return 0;
      // What fits into one segment is no large packet.
      if (frame.length - headers.headerBytes <= offload.segmentSize) offload.segmentSize = 0;
    }
    if (known && takesOffload(this.#backend.offloads, offload, headers)) {
      this.#backend.send(frame, offload);
      return frame.length;
    }
    if (offload.segmentSize > 0) return this.#sendSegments(frame, offload);
    finishChecksum(frame, checksumStart, checksumOffset);
    this.#backend.send(frame);
    return frame.length;
  }

  #sendSegments(frame: Uint8Array, { segmentSize }: FrameOffload): number {
    this.#segment ??= new Uint8Array(MAX_FRAME);
    let bytes = 0;
    cutIntoSegments(frame, this.#headers, segmentSize, this.#segment, (segment) => {
      bytes += segment.length;
      this.#backend.send(segment);
    });
    return bytes;
  }
}

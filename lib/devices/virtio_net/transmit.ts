/** From a frame of the guest with its virtio header (virtio 1.2, 5.1.6.2) to the network. */
import { MIN_FRAME, type NetBackend } from "../../net/backend.ts";
import { OffloadSender } from "../../net/offload_sender.ts";
import { GsoType, NEEDS_CSUM, NetHeader } from "./layout.ts";

/** Transmit offloads that were negotiated; without one its part of the header is ignored. */
export interface TransmitFeatures {
  readonly checksum: boolean;
  readonly tcp4: boolean;
  readonly tcp6: boolean;
}

/** Reads headers and sends frames. */
export class FrameSender {
  /** What was negotiated. Set by the card. */
  features: TransmitFeatures = { checksum: false, tcp4: false, tcp6: false };
  readonly #backend: NetBackend;
  readonly #sender: OffloadSender;
  readonly #offload = { checksumStart: 0, checksumOffset: 0, segmentSize: 0 };

  /** `backend` gets the frames. */
  constructor(backend: NetBackend) {
    this.#backend = backend;
    this.#sender = new OffloadSender(backend);
  }

  /** Sends a frame. Gives the bytes that went out, 0 if the frame or its header is malformed. */
  send(header: DataView, frame: Uint8Array): number {
    if (frame.length < MIN_FRAME) return 0;
    const gsoType = header.getUint8(NetHeader.gsoType) & ~GsoType.ecn;
    const cut = gsoType !== GsoType.none;
    if (!this.features.checksum || (header.getUint8(NetHeader.flags) & NEEDS_CSUM) === 0) {
      if (cut) return 0;
      this.#backend.send(frame);
      return frame.length;
    }
    const offload = this.#offload;
    offload.checksumStart = header.getUint16(NetHeader.checksumStart, true);
    offload.checksumOffset = header.getUint16(NetHeader.checksumOffset, true);
    offload.segmentSize = cut ? header.getUint16(NetHeader.gsoSize, true) : 0;
    const { checksumStart, checksumOffset } = offload;
    if (checksumStart < MIN_FRAME || checksumStart + checksumOffset + 2 > frame.length) return 0;
    const headers = this.#sender.check(frame, offload);
    if (headers === undefined) {
      return cut ? 0 : this.#sender.sendFinished(frame, checksumStart, checksumOffset);
    }
    if (cut) {
      const allowed = headers.version === 4
        ? gsoType === GsoType.tcp4 && this.features.tcp4
        : gsoType === GsoType.tcp6 && this.features.tcp6;
      if (!allowed || offload.segmentSize === 0) return 0;
      // What fits into one segment is no large packet.
      if (frame.length - headers.headerBytes <= offload.segmentSize) offload.segmentSize = 0;
    }
    return this.#sender.send(frame, offload);
  }
}

/** From a frame of the network, with work left to do, to what the guest's driver takes. */
import { type FrameOffload, MAX_FRAME } from "../../net/backend.ts";
import {
  checkOffload,
  cutIntoSegments,
  emptyOffloadFrame,
  finishChecksum,
} from "../../net/offload.ts";
import { featureMask } from "../virtio/device.ts";
import { GsoType, NEEDS_CSUM, NetFeature } from "./layout.ts";
import type { ReceiveHeader } from "./receive_queue.ts";

/** Features that CTRL_GUEST_OFFLOADS switches. */
export const GUEST_OFFLOADS: bigint = featureMask(
  NetFeature.GUEST_CSUM,
  NetFeature.GUEST_TSO4,
  NetFeature.GUEST_TSO6,
  NetFeature.GUEST_ECN,
);

const NO_OFFLOAD: FrameOffload = { checksumStart: 0, checksumOffset: 0, segmentSize: 0 };
const PLAIN: ReceiveHeader = { flags: 0, gsoType: 0, headerBytes: 0, offload: NO_OFFLOAD };

/** Fits frames to the offloads that the guest's driver has. */
export class GuestOffloads {
  readonly #headers = emptyOffloadFrame();
  #enabled = 0n;
  #checksum = false;
  #tcp4 = false;
  #tcp6 = false;
  #congestion = false;
  #copy: Uint8Array | undefined;

  /** Bits of {@linkcode GUEST_OFFLOADS} that are on. */
  get enabled(): bigint {
    return this.#enabled;
  }

  set enabled(features: bigint) {
    this.#enabled = features & GUEST_OFFLOADS;
    const has = (feature: number): boolean => (features >> BigInt(feature) & 1n) !== 0n;
    this.#checksum = has(NetFeature.GUEST_CSUM);
    this.#tcp4 = this.#checksum && has(NetFeature.GUEST_TSO4);
    this.#tcp6 = this.#checksum && has(NetFeature.GUEST_TSO6);
    this.#congestion = has(NetFeature.GUEST_ECN);
  }

  /**
   * Calls `give` with the frame, or its segments, and a header. False if any call gave false; then
   * the rest is not given.
   */
  fit(
    frame: Uint8Array,
    offload: FrameOffload | undefined,
    give: (frame: Uint8Array, header: ReceiveHeader) => boolean,
  ): boolean {
    if (offload === undefined || offload.checksumStart === 0) return give(frame, PLAIN);
    const headers = this.#headers;
    // Networks are not hostile, but their frames may come from another guest.
    if (!checkOffload(frame, offload, headers)) return give(frame, PLAIN);
    const { checksumStart, checksumOffset, segmentSize } = offload;
    const { headerBytes, version, congestion } = headers;
    if (segmentSize > 0 && frame.length - headerBytes > segmentSize) {
      const whole = (version === 4 ? this.#tcp4 : this.#tcp6) && (!congestion || this.#congestion);
      if (!whole) return this.#cut(frame, segmentSize, give);
      const gsoType = (version === 4 ? GsoType.tcp4 : GsoType.tcp6) |
        (congestion ? GsoType.ecn : 0);
      return give(frame, { flags: NEEDS_CSUM, gsoType, headerBytes, offload });
    }
    if (this.#checksum) {
      const rest = { checksumStart, checksumOffset, segmentSize: 0 };
      return give(frame, {
        flags: NEEDS_CSUM,
        gsoType: GsoType.none,
        headerBytes: 0,
        offload: rest,
      });
    }
    const copy = (this.#copy ??= new Uint8Array(MAX_FRAME)).subarray(0, frame.length);
    copy.set(frame);
    finishChecksum(copy, checksumStart, checksumOffset);
    return give(copy, PLAIN);
  }

  #cut(
    frame: Uint8Array,
    segmentSize: number,
    give: (frame: Uint8Array, header: ReceiveHeader) => boolean,
  ): boolean {
    this.#copy ??= new Uint8Array(MAX_FRAME);
    let room = true;
    cutIntoSegments(frame, this.#headers, segmentSize, this.#copy, (segment) => {
      room = room && give(segment, PLAIN);
    });
    return room;
  }
}

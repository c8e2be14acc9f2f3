/**
 * Writes what goes through a network into a capture file (pcap, draft-ietf-opsawg-pcap), for Wireshark
 * and tcpdump.
 *
 * Frames are written as the guest's card hands them over or gets them: with offloads, checksums may
 * not be made yet, and TCP packets may have up to 64 KiB.
 */
import type { Clock } from "../platform/platform.ts";
import type { FrameOffload, FrameReceiver, NetBackend } from "./backend.ts";
import { PassingBackend } from "./passing_backend.ts";

/** Magic numbers for time stamps in microseconds and nanoseconds. */
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const LINKTYPE_ETHERNET = 1;
const NANOSECONDS = 1e9;

/** Where the bytes of a capture file go. */
export type CaptureSink = (bytes: Uint8Array) => void;

/** Options of a {@linkcode CaptureBackend}. */
export interface CaptureOptions {
  /** The machine's clock: in virtual time captures are the same each time. */
  readonly clock: Pick<Clock, "now" | "wallSeconds">;
  /** Gets the file in pieces, the first one within the constructor; each piece is the sink's. */
  readonly sink: CaptureSink;
  /** Bytes of each frame that are kept, 14 to 262144. @default 262144 */
  readonly snapLength?: number;
  /** Unit of the time stamps. @default "nanoseconds" */
  readonly resolution?: "microseconds" | "nanoseconds";
}

/** A network with all its frames in both directions written down. */
export class CaptureBackend extends PassingBackend {
  readonly #sink: CaptureSink;
  readonly #clock: Pick<Clock, "now" | "wallSeconds">;
  readonly #snapLength: number;
  readonly #unit: number;
  readonly #startSeconds: number;
  readonly #start: number;
  #closed = false;

  /** Puts itself before `inner`. Throws a RangeError for a `snapLength` that is out of range. */
  constructor(inner: NetBackend, options: CaptureOptions) {
    super(inner);
    const { clock, sink, snapLength = 262144, resolution = "nanoseconds" } = options;
    if (!Number.isInteger(snapLength) || snapLength < 14 || snapLength > 262144) {
      throw new RangeError(`snapLength ${snapLength} is not from 14 to 262144`);
    }
    this.#sink = sink;
    this.#clock = clock;
    this.#snapLength = snapLength;
    this.#unit = resolution === "nanoseconds" ? 1 : 1000;
    this.#start = clock.now();
    this.#startSeconds = Math.floor(clock.wallSeconds());
    const header = new DataView(new ArrayBuffer(FILE_HEADER));
    const magic = resolution === "nanoseconds" ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS;
    header.setUint32(0, magic, true);
    header.setUint16(4, 2, true); // version 2.4
    header.setUint16(6, 4, true);
    header.setUint32(16, snapLength, true);
    header.setUint32(20, LINKTYPE_ETHERNET, true);
    sink(new Uint8Array(header.buffer));
  }

  /** Writes the frame and hands it on. */
  override send(frame: Uint8Array, offload?: FrameOffload): void {
    this.#record(frame);
    super.send(frame, offload);
  }

  /** A frame for which the guest has no room is written when it comes again. */
  override onReceive(receiver: FrameReceiver): void {
    super.onReceive((frame, offload) => {
      const taken = receiver(frame, offload);
      if (taken) this.#record(frame);
      return taken;
    });
  }

  /** Nothing is written from here on. */
  override close(): void {
    this.#closed = true;
    super.close();
  }

  #record(frame: Uint8Array): void {
    if (this.#closed) return;
    const kept = Math.min(frame.length, this.#snapLength);
    const record = new Uint8Array(RECORD_HEADER + kept);
    const view = new DataView(record.buffer);
    const elapsed = this.#clock.now() - this.#start;
    view.setUint32(0, this.#startSeconds + Math.floor(elapsed / NANOSECONDS), true);
    view.setUint32(4, Math.floor((elapsed % NANOSECONDS) / this.#unit), true);
    view.setUint32(8, kept, true);
    view.setUint32(12, frame.length, true);
    record.set(frame.subarray(0, kept), RECORD_HEADER);
    this.#sink(record);
  }
}

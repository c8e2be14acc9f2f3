/** What is at the other end of a network card. */

/** Bytes of the largest Ethernet frame, without checksum; longer ones are dropped. */
export const MAX_FRAME = 65536;
/** Bytes of an Ethernet header: the smallest frame. */
export const MIN_FRAME = 14;

/**
 * Takes a frame for the guest; false if it was dropped because the guest has no room. The frame is
 * copied before the call returns.
 */
export type FrameReceiver = (frame: Uint8Array) => boolean;

/** A network as a card sees it: Ethernet frames without preamble and checksum. */
export interface NetBackend {
  /** A frame from the guest, MIN_FRAME to MAX_FRAME bytes; valid during the call only. */
  send(frame: Uint8Array): void;
  /** Who takes frames for the guest. One receiver; it may be called at any time, also from `send`. */
  onReceive(receiver: FrameReceiver): void;
  /** Told when the guest has room again after a frame was dropped. */
  receiveReady?(): void;
  /** The machine stops. May be called many times. */
  close(): void;
}

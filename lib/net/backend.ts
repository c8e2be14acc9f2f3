/** What is at the other end of a network card. */
import type { DeviceState } from "../devices/vbus/device.ts";

/**
 * Bytes of the largest Ethernet frame, without checksum; longer ones are dropped: the largest IP
 * packet, which holds many TCP segments, with an Ethernet header and a VLAN tag.
 */
export const MAX_FRAME: number = 65535 + 14 + 4;
/** Bytes of an Ethernet header: the smallest frame. */
export const MIN_FRAME = 14;

/**
 * Work that the sender of a frame has left to others, as in the header of virtio's frames (virtio
 * 1.2, section 5.1.6). Valid during the call only, as the frame is.
 */
export interface FrameOffload {
  /**
   * Where the summed bytes begin: offset of the TCP or UDP header in the frame. They reach to the end
   * of the packet. 0: the frame's checksums are complete.
   */
  readonly checksumStart: number;
  /**
   * Offset of the checksum in that header: 16 for TCP, 6 for UDP. It holds the sum of the pseudo
   * header, not complemented, until somebody puts the whole checksum there.
   */
  readonly checksumOffset: number;
  /**
   * Most payload bytes of one TCP segment, where the frame is to be cut into segments; then there is
   * a checksum to make, too. 0: the frame goes out as it is.
   */
  readonly segmentSize: number;
}

/** Frames with work left to do that somebody takes. */
export interface NetOffloads {
  /** Frames with a `checksumStart`. */
  readonly checksum: boolean;
  /** TCP segments over IPv4 of up to 64 KiB, with a `segmentSize`. */
  readonly tcp4: boolean;
  /** The same over IPv6. */
  readonly tcp6: boolean;
}

/** All work is left to others. */
export const ALL_OFFLOADS: NetOffloads = { checksum: true, tcp4: true, tcp6: true };

/**
 * Takes a frame for the guest; false if it was dropped because the guest has no room. The frame is
 * copied before the call returns. Work may be left: the card does what its guest's driver does not.
 */
export type FrameReceiver = (frame: Uint8Array, offload?: FrameOffload) => boolean;

/** A network as a card sees it: Ethernet frames without preamble and checksum. */
export interface NetBackend {
  /**
   * Frames with work left to do that `send` takes; else the card does the work first. Left out: none.
   */
  readonly offloads?: NetOffloads;
  /**
   * A frame from the guest, MIN_FRAME to MAX_FRAME bytes; valid during the call only. Its content is
   * whatever the guest wrote; an `offload` has been checked: TCP or UDP over IP of a kind that
   * `offloads` names, `checksumStart + checksumOffset + 2` within the frame.
   */
  send(frame: Uint8Array, offload?: FrameOffload): void;
  /** Who takes frames for the guest. One receiver; it may be called at any time, also from `send`. */
  onReceive(receiver: FrameReceiver): void;
  /** Told when the guest has room again after a frame was dropped. */
  receiveReady?(): void;
  /**
   * Whether `send` has room. While it is false, the card leaves frames in the guest's ring (a frame
   * that is sent nevertheless may be lost). Left out: always.
   */
  readonly sendReady?: boolean;
  /** Who is told when `sendReady` has become true again. */
  onSendReady?(callback: () => void): void;
  /** Whether the cable is in at the other end. Left out: always. */
  readonly linkUp?: boolean;
  /** Who is told when `linkUp` has changed. */
  onLinkChange?(callback: () => void): void;
  /**
   * Called once before the machine runs: makes what takes time, such as sockets that listen. Rejects
   * with a SocketError or other Error whose message is for people. Left out: there is nothing to do.
   */
  open?(): Promise<void>;
  /** What the guest could tell apart if it were lost: leases, connections. Left out: nothing. */
  state?(): DeviceState;
  /** Puts back what `state` gave. @throws {TypeError} if it is not such a state; nothing changes then. */
  restore?(state: DeviceState): void;
  /** The machine stops. May be called many times. */
  close(): void;
}

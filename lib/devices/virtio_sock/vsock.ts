/** The host's view of a guest's sockets. */
import type { StreamSocket } from "../../platform/sockets.ts";

/** Where a socket of a guest or of the host is. */
export interface VsockAddress {
  /** Context id: 2 is the host. */
  readonly cid: number;
  /** 0..2^32-2. */
  readonly port: number;
}

/**
 * A connection with a guest, as any other stream socket. Errors are those of {@linkcode StreamSocket}.
 */
export interface VsockStream extends Omit<StreamSocket, "remote"> {
  /** The guest's end. */
  readonly remote: VsockAddress;
  /** The host's end. */
  readonly local: VsockAddress;
}

/** A guest asks for a connection. Accept or refuse it; until then the guest waits. */
export interface VsockRequest {
  /** The guest's end. */
  readonly remote: VsockAddress;
  /** The port that the guest wants. */
  readonly port: number;
  /** Makes the connection. If the guest has gone meanwhile, what is done with it fails. */
  accept(): VsockStream;
  /** The guest's attempt fails with "connection reset". Nothing after `accept`. */
  refuse(): void;
}

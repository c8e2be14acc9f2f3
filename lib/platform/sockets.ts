/** Sockets of the host, for back ends of network devices and consoles. */

/** Where a TCP or UDP socket is. */
export interface InternetAddress {
  /** IPv4 or IPv6 address, or a name where something is connected to. */
  readonly host: string;
  /** 1..65535; 0 in what is listened or bound to: any that is free. */
  readonly port: number;
}

/** Where a stream socket of the local machine is. */
export interface UnixAddress {
  /** Name of the socket's file. */
  readonly path: string;
}

/** Where a stream socket is. */
export type StreamAddress = InternetAddress | UnixAddress;

/** Why a socket failed. */
export type SocketErrorCode =
  | "refused"
  | "unreachable"
  | "not-found"
  | "timeout"
  | "reset"
  | "in-use"
  | "denied"
  | "closed"
  | "other";

/** A socket failed. */
export class SocketError extends Error {
  /** What kind of failure it was. */
  readonly code: SocketErrorCode;

  /** An error with its code. @param cause what the runtime said. */
  constructor(code: SocketErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SocketError";
    this.code = code;
  }
}

/** How bytes are written. */
export interface WriteOptions {
  /** The bytes are the socket's from now on: nobody changes them, nothing is copied. @default false */
  readonly keep?: boolean;
}

/** A connection. Each direction ends for itself. */
export interface StreamSocket {
  /** The other side; a client of a unix socket has no name: its path is "". */
  readonly remote: StreamAddress;
  /**
   * The next bytes, at least one; undefined when the other side has ended. One call at a time.
   * Nothing is taken from the host while nobody reads, but for a window of 64 KiB or so: then the
   * other side has to wait.
   * @throws {SocketError} (rejects) if the connection broke or was aborted.
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Sends bytes, which are copied unless the socket may keep them. Resolves when more should be written: at once while the window has
   * room, else when the other side has read.
   * @throws {SocketError} (rejects) if the connection broke or was ended or aborted here.
   */
  write(bytes: Uint8Array, options?: WriteOptions): Promise<void>;
  /** Sends the end after what was written; reading goes on. May be called again. */
  end(): void;
  /** Lets go at once, also of what was not yet sent; the other side of TCP sees a reset. */
  abort(): void;
  /** Resolves when both directions have ended, or the connection broke. Never rejects. */
  readonly closed: Promise<void>;
}

/** Waits for connections. */
export interface StreamServer {
  /** Where it listens, with the port that was chosen. */
  readonly address: StreamAddress;
  /** Takes no more connections; those that are there go on. A unix socket's file goes away. */
  close(): Promise<void>;
}

/** Longest datagram in bytes (IPv4). */
export const MAX_DATAGRAM = 65507;

/** Receives a datagram; the bytes are the callee's. */
export type DatagramReceiver = (bytes: Uint8Array, from: InternetAddress) => void;

/** Sends and receives datagrams. What nobody takes is lost, as UDP does. */
export interface DatagramSocket {
  /** Where it is bound, with the port that was chosen. */
  readonly address: InternetAddress;
  /** Sends a copy of up to {@linkcode MAX_DATAGRAM} bytes; failures are as silent as those of the network. */
  send(bytes: Uint8Array, to: InternetAddress): void;
  /** Calls back with each datagram. There is one callback: another one replaces it. */
  onDatagram(receiver: DatagramReceiver): void;
  /** Lets go. May be called again. */
  close(): Promise<void>;
}

/** What a runtime can do about sockets. All failures reject with a {@linkcode SocketError}. */
export interface Sockets {
  /** Connects; an abort of the signal rejects with "closed". */
  connect(address: StreamAddress, signal?: AbortSignal): Promise<StreamSocket>;
  /** Listens; each connection is the callback's. */
  listen(
    address: StreamAddress,
    onConnection: (socket: StreamSocket) => void,
  ): Promise<StreamServer>;
  /** Makes a datagram socket. Port 0: any that is free. */
  bind(address: InternetAddress): Promise<DatagramSocket>;
  /** Name servers that the host is configured with. Left out where the runtime does not tell. */
  resolvers?(): readonly InternetAddress[];
}

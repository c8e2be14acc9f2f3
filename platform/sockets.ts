/** Sockets of Deno, Bun and Node over node:net and node:dgram. */
import { Buffer } from "node:buffer";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { getServers } from "node:dns";
import { connect, createServer, type Server, Socket } from "node:net";
import { ReadQueue } from "../lib/platform/read_queue.ts";
import {
  type DatagramReceiver,
  type DatagramSocket,
  type InternetAddress,
  MAX_DATAGRAM,
  SocketError,
  type SocketErrorCode,
  type Sockets,
  type StreamAddress,
  type StreamServer,
  type StreamSocket,
  type WriteOptions,
} from "../lib/platform/sockets.ts";

const LAST_PORT = 65535;
const DNS_PORT = 53;

const CODES: Readonly<Record<string, SocketErrorCode>> = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  ENOTFOUND: "not-found",
  EAI_AGAIN: "not-found",
  ENOENT: "not-found",
  ETIMEDOUT: "timeout",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  EADDRINUSE: "in-use",
  EACCES: "denied",
  EPERM: "denied",
};

function toSocketError(error: unknown): SocketError {
  if (error instanceof SocketError) return error;
  const { code = "", message = String(error) } = (error ?? {}) as {
    code?: string;
    message?: string;
  };
  return new SocketError(CODES[code] ?? "other", message, error);
}

/**
 * A connected socket, whichever side made it. Deno 2.9 breaks a connection ("reset") whose other side
 * has ended without having sent anything when the first bytes are written to it.
 */
class HostStream implements StreamSocket {
  readonly remote: StreamAddress;
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #in: ReadQueue;
  #error: SocketError | undefined;
  #ending = false;
  #gone = false;
  #wakeWriters: (() => void)[] = [];

  constructor(socket: Socket, remote: StreamAddress) {
    this.#socket = socket;
    this.remote = remote;
    this.#in = new ReadQueue(() => {
      if (!this.#in.full) socket.resume();
    });
    socket.on("data", (data: Uint8Array) => {
      this.#in.push(data);
      if (this.#in.full) socket.pause();
    });
    socket.on("end", () => this.#in.end());
    socket.on("drain", () => this.#wakeAll());
    socket.on("error", (error) => this.#fail(toSocketError(error)));
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        this.#gone = true;
        // Without the end of the other side it was not a regular one.
        if (!this.#in.ended || !this.#ending) {
          this.#fail(new SocketError("reset", "the connection broke"));
        }
        this.#wakeAll();
        resolve();
      })
    );
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#in.read();
  }

  async write(bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#ending) throw new SocketError("closed", "the connection was ended here");
    if (bytes.length === 0) return;
    // The runtime keeps what it is given, and it may be guest memory.
    if (this.#socket.write(options.keep === true ? bytes : new Uint8Array(bytes))) return;
    await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    if (this.#error !== undefined) throw this.#error;
  }

  end(): void {
    if (this.#ending || this.#gone) return;
    this.#ending = true;
    this.#socket.end();
  }

  abort(): void {
    if (this.#gone) return;
    const error = new SocketError("closed", "the connection was aborted here");
    this.#in.abort(error);
    this.#fail(error);
    if ("path" in this.remote) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** The first error counts. */
  #fail(error: SocketError): void {
    this.#error ??= error;
    this.#in.fail(this.#error);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }
}

function connectTo(address: StreamAddress, signal: AbortSignal | undefined): Promise<StreamSocket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new SocketError("closed", "the attempt was aborted"));
    const socket = "path" in address
      ? connect({ path: address.path, allowHalfOpen: true })
      : connect({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true });
    const settle = (): void => {
      socket.off("error", failed);
      signal?.removeEventListener("abort", aborted);
    };
    const failed = (error: unknown): void => {
      settle();
      reject(toSocketError(error));
    };
    const aborted = (): void => {
      failed(new SocketError("closed", "the attempt was aborted"));
      socket.on("error", () => {});
      socket.destroy();
    };
    socket.once("error", failed);
    signal?.addEventListener("abort", aborted);
    socket.once("connect", () => {
      settle();
      resolve(new HostStream(socket, address));
    });
  });
}

function remoteOf(socket: Socket): StreamAddress {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return { path: "" };
  return { host: remoteAddress, port: remotePort };
}

function listenAt(
  address: StreamAddress,
  onConnection: (socket: StreamSocket) => void,
): Promise<StreamServer> {
  return new Promise((resolve, reject) => {
    const isUnix = "path" in address;
    const server = createServer({ allowHalfOpen: true, noDelay: !isUnix }, (socket) => {
      onConnection(new HostStream(socket, isUnix ? { path: "" } : remoteOf(socket)));
    });
    server.once("error", (error) => reject(toSocketError(error)));
    const listening = (): void => {
      server.removeAllListeners("error");
      // A connection that could not be taken is its own loss.
      server.on("error", () => {});
      resolve({ address: addressOf(server, address), close: () => closeServer(server) });
    };
    if (isUnix) server.listen({ path: address.path }, listening);
    else server.listen({ host: address.host, port: address.port }, listening);
  });
}

function addressOf(server: Server, asked: StreamAddress): StreamAddress {
  const bound = server.address();
  if ("path" in asked || bound === null || typeof bound === "string") return asked;
  return { host: bound.address, port: bound.port };
}

/** Connections go on, so this does not wait for them. */
function closeServer(server: Server): Promise<void> {
  server.close();
  return Promise.resolve();
}

class HostDatagrams implements DatagramSocket {
  readonly address: InternetAddress;
  readonly #socket: UdpSocket;
  #receiver: DatagramReceiver | undefined;
  #closing: Promise<void> | undefined;

  constructor(socket: UdpSocket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.address = { host: address, port };
    socket.on("message", (bytes, { address: host, port: from }) => {
      this.#receiver?.(new Uint8Array(bytes), { host, port: from });
    });
    // Refused datagrams of the past (ICMP) are errors of the socket: lost is lost.
    socket.on("error", () => {});
  }

  send(bytes: Uint8Array, { host, port }: InternetAddress): void {
    if (this.#closing !== undefined || bytes.length > MAX_DATAGRAM) return;
    if (!(port > 0 && port <= LAST_PORT)) return;
    this.#send(Buffer.from(new Uint8Array(bytes).buffer), { host, port }, true);
  }

  #send(bytes: Buffer, to: InternetAddress, again: boolean): void {
    try {
      this.#socket.send(bytes, to.port, to.host, (error) => {
        // The system tells of an earlier datagram that was refused, and Bun loses this one for it.
        const refused = (error as { code?: string } | null)?.code === "ECONNREFUSED";
        if (refused && again && this.#closing === undefined) this.#send(bytes, to, false);
      });
    } catch {
      // No address, for example.
    }
  }

  onDatagram(receiver: DatagramReceiver): void {
    this.#receiver = receiver;
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closing;
  }
}

function bindAt({ host, port }: InternetAddress): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    const failed = (error: unknown): void => {
      reject(toSocketError(error));
      socket.close();
    };
    socket.once("error", failed);
    socket.bind({ address: host, port }, () => {
      socket.off("error", failed);
      resolve(new HostDatagrams(socket));
    });
  });
}

/** The system's name servers, which may be "address", "address:port" or "[IPv6 address]:port". */
function resolvers(): readonly InternetAddress[] {
  // Deno names a server once for each protocol.
  return [...new Set(getServers())].map((text) => {
    const [, v6, v4, port] = /^(?:\[(.+)\]|([\d.]+)):(\d+)$/.exec(text) ?? [];
    return { host: v6 ?? v4 ?? text, port: Number(port ?? DNS_PORT) };
  });
}

/** Makes the sockets of this runtime. */
export function hostSockets(): Sockets {
  return { connect: connectTo, listen: listenAt, bind: bindAt, resolvers };
}

/**
 * Sockets inside one process: a network of names and ports that exists in memory only. Everything
 * arrives in the order in which it was sent, one microtask later, so that tests are the same each time.
 */
import { ReadQueue } from "./read_queue.ts";
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
} from "./sockets.ts";

/** Ports that are given out. */
const FIRST_PORT = 49152;
const LAST_PORT = 65535;

/** One direction of a connection. */
class Pipe {
  readonly #queue = new ReadQueue(() => this.#letWriters());
  #wakeWriters: (() => void)[] = [];

  read(): Promise<Uint8Array | undefined> {
    return this.#queue.read();
  }

  async write(bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    const queue = this.#queue;
    if (queue.error !== undefined) throw queue.error;
    if (queue.ended) throw new SocketError("closed", "the connection was ended here");
    if (bytes.length > 0) queue.push(options.keep === true ? bytes : new Uint8Array(bytes));
    while (queue.full && queue.error === undefined) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
    if (queue.error !== undefined) throw queue.error;
  }

  end(): void {
    this.#queue.end();
  }

  fail(code: SocketErrorCode, message: string): void {
    this.#queue.abort(new SocketError(code, message));
    this.#letWriters();
  }

  #letWriters(): void {
    for (const wake of this.#wakeWriters.splice(0)) wake();
  }
}

class VirtualStream implements StreamSocket {
  readonly remote: StreamAddress;
  readonly closed: Promise<void>;
  #close: () => void = () => {};
  readonly #in: Pipe;
  readonly #out: Pipe;
  #peer: VirtualStream | undefined;
  #read = false;
  #wrote = false;
  #aborted = false;

  constructor(remote: StreamAddress, incoming: Pipe, outgoing: Pipe) {
    this.remote = remote;
    this.#in = incoming;
    this.#out = outgoing;
    this.closed = new Promise((resolve) => this.#close = resolve);
  }

  join(peer: VirtualStream): void {
    this.#peer = peer;
  }

  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.#in.read();
    if (bytes === undefined) this.#finish("read");
    return bytes;
  }

  async write(bytes: Uint8Array, options?: WriteOptions): Promise<void> {
    if (this.#aborted) throw new SocketError("closed", "the connection was aborted here");
    await this.#out.write(bytes, options);
  }

  end(): void {
    this.#out.end();
    this.#finish("wrote");
  }

  abort(): void {
    this.#aborted = true;
    this.#in.fail("closed", "the connection was aborted here");
    this.#out.fail("reset", "the other side aborted the connection");
    this.#peer?.broken();
    this.#close();
  }

  /** The other side has aborted. */
  broken(): void {
    this.#in.fail("reset", "the other side aborted the connection");
    this.#close();
  }

  #finish(direction: "read" | "wrote"): void {
    if (direction === "read") this.#read = true;
    else this.#wrote = true;
    if (this.#read && this.#wrote) this.#close();
  }
}

interface Listener {
  readonly onConnection: (socket: StreamSocket) => void;
}

/** A network in memory. */
export class VirtualSockets implements Sockets {
  readonly #listeners = new Map<string, Listener>();
  readonly #datagrams = new Map<string, VirtualDatagrams>();
  #nextPort = FIRST_PORT;
  /** What {@linkcode VirtualSockets.resolvers} gives. */
  nameServers: readonly InternetAddress[] = [];

  /** The name servers of this network. */
  resolvers(): readonly InternetAddress[] {
    return this.nameServers;
  }

  /** Connects to what {@linkcode VirtualSockets.listen} has made; else the connection is refused. */
  async connect(address: StreamAddress, signal?: AbortSignal): Promise<StreamSocket> {
    await Promise.resolve();
    if (signal?.aborted) throw new SocketError("closed", "the attempt was aborted");
    const listener = this.#listeners.get(keyOf(address));
    if (listener === undefined) {
      const code = "path" in address ? "not-found" : "refused";
      throw new SocketError(code, `nobody listens at ${keyOf(address)}`);
    }
    const [there, back] = [new Pipe(), new Pipe()];
    const client = new VirtualStream(address, back, there);
    const from = "path" in address ? { path: "" } : { host: "127.0.0.1", port: this.#freePort() };
    const server = new VirtualStream(from, there, back);
    client.join(server);
    server.join(client);
    listener.onConnection(server);
    return client;
  }

  /** Listens at an address that nobody has. */
  async listen(
    address: StreamAddress,
    onConnection: (socket: StreamSocket) => void,
  ): Promise<StreamServer> {
    await Promise.resolve();
    const place = "path" in address ? address : this.#withPort(address);
    const key = keyOf(place);
    if (this.#listeners.has(key)) throw new SocketError("in-use", `${key} is in use`);
    const listener = { onConnection };
    this.#listeners.set(key, listener);
    return {
      address: place,
      close: () => {
        if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
        return Promise.resolve();
      },
    };
  }

  /** Makes a datagram socket at an address that nobody has. */
  async bind(address: InternetAddress): Promise<DatagramSocket> {
    await Promise.resolve();
    const place = this.#withPort(address);
    const key = keyOf(place);
    if (this.#datagrams.has(key)) throw new SocketError("in-use", `${key} is in use`);
    const socket = new VirtualDatagrams(place, this.#datagrams);
    this.#datagrams.set(key, socket);
    return socket;
  }

  #withPort({ host, port }: InternetAddress): InternetAddress {
    return { host, port: port === 0 ? this.#freePort() : port };
  }

  /** The next port in turn that nobody listens at or is bound to. */
  #freePort(): number {
    for (let tries = 0; tries <= LAST_PORT - FIRST_PORT; tries++) {
      const port = this.#nextPort;
      this.#nextPort = port === LAST_PORT ? FIRST_PORT : port + 1;
      const keys = [...this.#listeners.keys(), ...this.#datagrams.keys()];
      if (!keys.some((key) => key.endsWith(` ${port}`))) return port;
    }
    throw new SocketError("in-use", "no port is free");
  }
}

class VirtualDatagrams implements DatagramSocket {
  readonly address: InternetAddress;
  readonly #all: Map<string, VirtualDatagrams>;
  #receiver: DatagramReceiver | undefined;
  #closed = false;

  constructor(address: InternetAddress, all: Map<string, VirtualDatagrams>) {
    this.address = address;
    this.#all = all;
  }

  send(bytes: Uint8Array, to: InternetAddress): void {
    if (this.#closed || bytes.length > MAX_DATAGRAM) return;
    const copy = new Uint8Array(bytes);
    queueMicrotask(() => this.#all.get(keyOf(to))?.receive(copy, this.address));
  }

  receive(bytes: Uint8Array, from: InternetAddress): void {
    this.#receiver?.(bytes, from);
  }

  onDatagram(receiver: DatagramReceiver): void {
    this.#receiver = receiver;
  }

  close(): Promise<void> {
    if (!this.#closed) this.#all.delete(keyOf(this.address));
    this.#closed = true;
    return Promise.resolve();
  }
}

function keyOf(address: StreamAddress): string {
  if ("path" in address) return address.path;
  const host = address.host === "localhost" ? "127.0.0.1" : address.host;
  return `${host} ${address.port}`;
}

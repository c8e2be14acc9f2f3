/**
 * Virtio socket device (virtio 1.2, section 5.10): stream sockets between a guest and its host. What
 * the guest connects to is served by {@linkcode VirtioSock.serve}; the host connects by
 * {@linkcode VirtioSock.connect}.
 *
 * Streams only, no SEQPACKET. Packets for other context ids than the host's are answered by a reset.
 * After `restore` the guest is told of a transport reset: the host's ends do not survive.
 */
import { SocketError } from "../../platform/sockets.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "../virtio/chain.ts";
import {
  featureMask,
  type VirtioDevice,
  VirtioId,
  type VirtioTransport,
} from "../virtio/device.ts";
import { Connection, hostAddress } from "./connection.ts";
import { ConnectionTable } from "./connection_table.ts";
import {
  EVENT_BYTES,
  HEADER_BYTES,
  HOST_CID,
  MAX_GUEST_CID,
  MIN_GUEST_CID,
  Op,
  type PacketHeader,
  readHeader,
  resetFor,
  SockEvent,
  SockFeature,
  SockType,
  writeHeader,
} from "./packet.ts";
import type { VsockRequest, VsockStream } from "./vsock.ts";

const RECEIVE = 0;
const TRANSMIT = 1;
const EVENT = 2;

/** Bytes that a connection holds of what the guest has sent, and wants to hold of what the host has. */
export const SOCK_WINDOW: number = 256 * 1024;
/** Resets that wait for the guest; with more the guest's packets wait in the ring. */
const MAX_REPLIES = 64;
/** Bytes that are taken from the guest between two turns of the host. */
const TURN_BYTES = 1024 * 1024;

/** Options of a {@linkcode VirtioSock}. */
export interface VirtioSockOptions {
  /** The guest's context id, 3..2^32-2. */
  readonly cid: number;
  /** For people. @default "virtio-sock" */
  readonly name?: string;
  /** Buffers in each ring, a power of two. @default 128 */
  readonly queueSize?: number;
  /** Most connections at a time, also such as only the host still reads. @default 256 */
  readonly maxConnections?: number;
  /** Called, perhaps inside guest code, when host code that waits for a socket has something to do. */
  readonly onActivity?: () => void;
}

/** Counters since the device was made. */
export interface VirtioSockStatistics {
  /** Connections that were asked for, by either side. */
  connections: number;
  /** Packets from the guest. */
  received: number;
  /** Packets to the guest. */
  sent: number;
  /** Bytes of data from the guest. */
  bytesReceived: number;
  /** Bytes of data to the guest. */
  bytesSent: number;
  /** Packets from the guest that were answered by a reset or dropped. */
  refused: number;
}

/** Takes a request of the guest. */
export type RequestHandler = (request: VsockRequest) => void;

/** The socket device. */
export class VirtioSock implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.socket;
  readonly features: bigint = featureMask(SockFeature.STREAM);
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(8);
  /** The guest's context id. */
  readonly cid: number;
  /** What has happened so far. */
  readonly statistics: VirtioSockStatistics = {
    connections: 0,
    received: 0,
    sent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    refused: 0,
  };
  readonly #maxConnections: number;
  readonly #onActivity: () => void;
  readonly #handlers = new Map<number | undefined, RequestHandler>();
  readonly #connections = new ConnectionTable();
  /** Those that may have a packet for the guest; the first one is next. */
  readonly #ready = new Set<Connection>();
  /** Resets for packets that belong to no connection. */
  readonly #replies: PacketHeader[] = [];
  readonly #receiveChain: DescriptorChain = new DescriptorChain();
  readonly #transmitChain: DescriptorChain = new DescriptorChain();
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #headerView: DataView = new DataView(this.#header.buffer);
  #transport: VirtioTransport | undefined;
  #delivering = false;
  #deferred = false;
  /** The guest's driver is to be told that all connections are gone. */
  #tellReset = false;

  /** Throws a RangeError if the context id is not one of a guest. */
  constructor(options: VirtioSockOptions) {
    const { cid, name = "virtio-sock", queueSize = 128, maxConnections = 256 } = options;
    if (!Number.isInteger(cid) || cid < MIN_GUEST_CID || cid > MAX_GUEST_CID) {
      throw new RangeError(`context id ${cid} is not from ${MIN_GUEST_CID} to ${MAX_GUEST_CID}`);
    }
    this.cid = cid;
    this.name = name;
    this.queueSizes = [queueSize, queueSize, queueSize];
    this.#maxConnections = maxConnections;
    this.#onActivity = options.onActivity ?? (() => {});
    new DataView(this.config.buffer).setUint32(0, cid, true);
  }

  /** Connections at this time. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Hands the guest's requests for `port`, or for all ports that nobody else serves (undefined), to
   * the handler, outside of guest code. The result ends that; connections go on.
   * @throws {SocketError} if the port is served already.
   */
  serve(port: number | undefined, handler: RequestHandler): () => void {
    if (this.#handlers.has(port)) {
      throw new SocketError("in-use", `port ${port ?? "*"} of the host is served already`);
    }
    this.#handlers.set(port, handler);
    return () => {
      if (this.#handlers.get(port) === handler) this.#handlers.delete(port);
    };
  }

  /**
   * Connects to a port of the guest. There is no time limit but the signal.
   * @throws {SocketError} (rejects) "refused" if nobody listens there, "unreachable" if the guest's
   * driver does not run, "closed" if the signal aborts.
   */
  async connect(port: number, signal?: AbortSignal): Promise<VsockStream> {
    if (signal?.aborted) throw new SocketError("closed", "the attempt was aborted");
    if (!this.#transport?.active) {
      throw new SocketError("unreachable", "no driver of the guest serves its sockets");
    }
    if (!this.#room()) throw new SocketError("other", "too many connections with the guest");
    const connection = this.#add(port, this.#connections.freePort(port), "connecting");
    const abort = (): void => connection.abort();
    signal?.addEventListener("abort", abort);
    this.#connectionReady(connection);
    try {
      await connection.opened;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    return connection;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  writeConfig(): void {
    // Nothing is writable.
  }

  activate(): void {
    this.#run();
  }

  notify(): void {
    this.#run();
  }

  reset(): void {
    this.#tellReset = this.#deferred = false;
    this.#dropAll(new SocketError("reset", "the guest has reset its sockets"));
  }

  shutdown(): void {
    this.#handlers.clear();
    this.#dropAll(new SocketError("closed", "the machine is switched off"));
  }

  /** Connections are not saved. */
  state(): DeviceState {
    return { cid: this.cid, tellReset: this.#tellReset };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    from.boolean("tellReset");
    if (from.integer("cid") !== this.cid) {
      throw new TypeError(`state of ${this.name} is of another context id`);
    }
    this.#dropAll(new SocketError("reset", "the machine has gone back to an earlier state"));
    this.#tellReset = this.#transport?.active ?? false;
    this.#run();
  }

  /** A connection has something to send. */
  readonly #host = {
    ready: (connection: Connection): void => this.#connectionReady(connection),
    drained: (connection: Connection): void => this.#connections.drained(connection),
  };

  #connectionReady(connection: Connection): void {
    this.#ready.add(connection);
    this.#deliver();
  }

  #run(): void {
    this.#tellEvents();
    this.#takePackets();
    this.#deliver();
  }

  /** Gives the driver the news that all connections are gone, once it has a buffer for that. */
  #tellEvents(): void {
    const transport = this.#transport;
    if (!this.#tellReset || transport === undefined || !transport.active) return;
    const queue = transport.queue(EVENT);
    const chain = queue.pop(this.#receiveChain);
    if (chain === undefined) return;
    if (chain.writableBytes < EVENT_BYTES) {
      transport.fail("a buffer without room for an event");
      return;
    }
    this.#tellReset = false;
    const event = new Uint8Array(EVENT_BYTES);
    event[0] = SockEvent.transportReset;
    queue.push(chain, chain.write(transport.memory, 0, event));
    queue.signal();
  }

  /** Takes what the guest has sent, as long as there is room for the answers. */
  #takePackets(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active) return;
    const queue = transport.queue(TRANSMIT);
    let bytes = 0;
    for (let i = 0; i < queue.size && bytes < TURN_BYTES; i++) {
      // Further packets wait until the guest has taken its resets.
      if (this.#replies.length >= MAX_REPLIES) break;
      const chain = queue.pop(this.#transmitChain);
      if (chain === undefined) break;
      bytes += chain.readableBytes;
      this.#takePacket(chain, transport);
      queue.push(chain, 0);
    }
    queue.signal();
    if (this.#replies.length < MAX_REPLIES && queue.hasNext()) this.#goOn();
  }

  #goOn(): void {
    if (this.#deferred || !this.#transport?.active) return;
    this.#deferred = true;
    this.#transport.later(() => {
      this.#deferred = false;
      this.#run();
    });
  }

  #takePacket(chain: DescriptorChain, transport: VirtioTransport): void {
    this.statistics.received++;
    if (chain.read(transport.memory, 0, this.#header) < HEADER_BYTES) {
      this.statistics.refused++;
      return;
    }
    const header = readHeader(this.#headerView);
    const valid = header.srcCid === this.cid && header.length <= chain.readableBytes - HEADER_BYTES;
    if (!valid) {
      this.statistics.refused++;
      return;
    }
    if (header.dstCid !== HOST_CID || header.type !== SockType.stream) {
      this.#refuse(header);
      return;
    }
    const connection = this.#connections.get(header.srcPort, header.dstPort);
    if (connection === undefined) this.#takeRequest(header);
    else this.#dispatch(connection, header, chain, transport);
  }

  /** A packet of no connection: the guest asks for one, or is told that there is none. */
  #takeRequest(header: PacketHeader): void {
    if (header.op === Op.reset) return;
    const port = header.dstPort;
    const handler = this.#handlers.get(port) ?? this.#handlers.get(undefined);
    if (header.op !== Op.request || handler === undefined || !this.#room()) {
      this.#refuse(header);
      return;
    }
    const connection = this.#add(header.srcPort, port, "requested");
    connection.credit(header);
    const request: VsockRequest = {
      remote: connection.remote,
      port,
      accept: () => {
        connection.accept();
        return connection;
      },
      refuse: () => {
        if (connection.state === "requested") connection.abort();
      },
    };
    // Host code does not run inside of guest code.
    void Promise.resolve().then(() => {
      if (connection.state === "requested") handler(request);
    });
    this.#onActivity();
  }

  /** A packet of a connection. What does not fit its state ends it. */
  #dispatch(
    connection: Connection,
    header: PacketHeader,
    chain: DescriptorChain,
    { memory }: VirtioTransport,
  ): void {
    const { op, length } = header;
    if (op === Op.reset) {
      this.#onActivity();
      const error = connection.state === "connecting"
        ? new SocketError("refused", `nobody in the guest listens at port ${header.srcPort}`)
        : connection.finishing
        ? undefined
        : new SocketError("reset", "the guest has reset the connection");
      this.#left(connection, error);
      return;
    }
    // The guest will hear of the reset that is under way.
    if (connection.state === "resetting") return;
    connection.credit(header);
    this.#ready.add(connection);
    if (connection.state === "connecting") {
      if (op !== Op.response) return this.#breach(connection);
      this.#onActivity();
      connection.open();
      return;
    }
    if (connection.state !== "open") return this.#breach(connection);
    switch (op) {
      case Op.rw: {
        const taken = connection.receive(length, (into, at) => {
          chain.read(memory, HEADER_BYTES + at, into);
        });
        if (!taken) return this.#breach(connection);
        this.statistics.bytesReceived += length;
        this.#onActivity();
        return;
      }
      case Op.shutdown:
        this.#onActivity();
        if (!connection.shutdown(header.flags)) return;
        this.#left(connection, undefined);
        // The guest waits for it before it forgets the connection.
        this.#reply(header);
        return;
      case Op.creditUpdate:
        this.#onActivity();
        return;
      case Op.creditRequest:
        connection.creditRequested();
        return;
      default:
        this.#breach(connection);
    }
  }

  /** The guest does what it must not do. */
  #breach(connection: Connection): void {
    this.statistics.refused++;
    this.#onActivity();
    connection.reset("reset", "the guest has broken the rules of its socket");
  }

  /** The guest knows no more of the connection. */
  #left(connection: Connection, error: SocketError | undefined): void {
    this.#remove(connection);
    if (connection.leave(error)) this.#connections.linger(connection);
  }

  #refuse(header: PacketHeader): void {
    this.statistics.refused++;
    if (header.op !== Op.reset) this.#reply(header);
  }

  /** A reset for whoever has sent this. */
  #reply(header: PacketHeader): void {
    // A context id of more than 32 bits belongs to nobody.
    if (header.dstCid > MAX_GUEST_CID) return;
    this.#replies.push(resetFor(header, this.cid));
  }

  /** Fills the guest's buffers with what there is to send. */
  #deliver(): void {
    const transport = this.#transport;
    // A connection that is asked for its packet may say that it has one.
    if (this.#delivering || transport === undefined || !transport.active) return;
    this.#delivering = true;
    const stalled = this.#replies.length >= MAX_REPLIES;
    const queue = transport.queue(RECEIVE);
    for (let i = 0; i < queue.size && this.#replies.length + this.#ready.size > 0; i++) {
      const chain = queue.pop(this.#receiveChain);
      if (chain === undefined) break;
      if (chain.writableBytes <= HEADER_BYTES) {
        transport.fail("a buffer without room for a packet");
        break;
      }
      const written = this.#fill(chain, transport);
      if (written === 0) {
        queue.unpop(chain);
        break;
      }
      queue.push(chain, written);
      this.statistics.sent++;
    }
    queue.signal();
    this.#delivering = false;
    const more = queue.hasNext() && this.#replies.length + this.#ready.size > 0;
    if (more || (stalled && this.#replies.length < MAX_REPLIES)) this.#goOn();
  }

  /** Writes the next packet; gives its bytes, 0 if there is none after all. */
  #fill(chain: DescriptorChain, { memory }: VirtioTransport): number {
    const reply = this.#replies.shift();
    if (reply !== undefined) {
      writeHeader(this.#headerView, reply);
      return chain.write(memory, 0, this.#header);
    }
    for (const connection of this.#ready) {
      // Whoever has sent waits until all others had their turn.
      this.#ready.delete(connection);
      const packet = connection.next(chain.writableBytes - HEADER_BYTES);
      if (packet === undefined) continue;
      const { op, flags, length } = packet;
      writeHeader(this.#headerView, {
        srcCid: HOST_CID,
        dstCid: this.cid,
        srcPort: connection.local.port,
        dstPort: connection.remote.port,
        length,
        type: SockType.stream,
        op,
        flags,
        ...connection.tellCredit(),
      });
      chain.write(memory, 0, this.#header);
      if (length > 0) {
        connection.takeData(length, (bytes, at) => chain.write(memory, HEADER_BYTES + at, bytes));
        this.statistics.bytesSent += length;
      }
      if (op === Op.reset) this.#remove(connection);
      else this.#ready.add(connection);
      return HEADER_BYTES + length;
    }
    return 0;
  }

  /** Whether there is room for one connection more; one that only waits for the guest's word gives way. */
  #room(): boolean {
    if (this.connections < this.#maxConnections) return true;
    for (const connection of this.#connections.connected) {
      if (!connection.finishing) continue;
      this.#left(connection, undefined);
      return this.connections < this.#maxConnections;
    }
    return false;
  }

  #add(guestPort: number, hostPort: number, state: "requested" | "connecting"): Connection {
    this.statistics.connections++;
    const remote = { cid: this.cid, port: guestPort };
    const connection = new Connection(
      this.#host,
      hostAddress(hostPort),
      remote,
      state,
      SOCK_WINDOW,
    );
    this.#connections.add(connection);
    return connection;
  }

  #remove(connection: Connection): void {
    this.#connections.remove(connection);
    this.#ready.delete(connection);
  }

  #dropAll(error: SocketError): void {
    const all = this.#connections.removeAll();
    this.#ready.clear();
    this.#replies.length = 0;
    for (const connection of all) {
      if (connection.leave(error)) this.#connections.linger(connection);
    }
    if (all.length > 0) this.#onActivity();
  }
}

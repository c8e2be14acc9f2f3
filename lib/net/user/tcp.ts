/** All TCP connections of the guests. */
import type { Clock } from "../../platform/platform.ts";
import {
  type InternetAddress,
  SocketError,
  type SocketErrorCode,
  type Sockets,
  type StreamServer,
  type StreamSocket,
} from "../../platform/sockets.ts";
import { isRoutable, parseIpv4 } from "./addresses.ts";
import { Deadline } from "./deadline.ts";
import type { GuestLink } from "./guest_link.ts";
import type { HostTurns } from "./host_turns.ts";
import { quote, type QuotedPacket, sendError } from "./icmp.ts";
import { IcmpType, type Ipv4Packet, TRANSPORT, Unreachable } from "./packet.ts";
import { TcpConnection, type TcpEnds, type TcpParts } from "./tcp_connection.ts";
import { resetFor, TcpFlag, TcpSegment, writeSegment } from "./tcp_segment.ts";

/** Nanoseconds until the host must have connected. */
const CONNECT_PATIENCE = 60e9;
/** Nanoseconds of silence after which a connection may be given up for a new one. */
const IDLE = 300e9;
/** Source ports for peers that cannot be shown as they are. */
const FIRST_PORT = 49152;
const LAST_PORT = 65535;

/** Failures of the host's attempt that a guest sees as a closed port; all others: unreachable. */
const REFUSED: readonly SocketErrorCode[] = ["refused", "reset", "not-found", "closed"];

/** Where something of a guest goes: to the host's network, or nowhere. */
export type Route = InternetAddress | "refused" | "prohibited";

/** What the connections are made of. */
export interface TcpOptions {
  readonly link: GuestLink;
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly turns: HostTurns;
  /** Fills with what nobody can guess. */
  readonly random: (into: Uint8Array) => void;
  readonly mtu: number;
  /** Most connections. */
  readonly maxConnections: number;
  /** Decides on a connection that a guest asks for. */
  readonly route: (destination: number, port: number) => Route;
}

/** Counters since the network was made. */
export interface TcpStatistics {
  /** Connections that guests asked for. */
  opened: number;
  /** Connections to forwarded ports. */
  accepted: number;
  /** Connections that were given up or refused because there were too many. */
  refused: number;
}

/** The two numbers of a connection that a saved network keeps, to reset it. */
export interface SavedConnection extends TcpEnds {
  readonly sequence: number;
  readonly acknowledgement: number;
}

/** Finds the connection of each segment, makes new ones, and keeps their time. */
export class Tcp {
  readonly statistics: TcpStatistics = { opened: 0, accepted: 0, refused: 0 };
  readonly #options: TcpOptions;
  readonly #parts: TcpParts;
  readonly #connections = new Map<string, TcpConnection>();
  readonly #attempts = new Map<TcpConnection, AbortController>();
  readonly #servers: StreamServer[] = [];
  readonly #later = new Set<TcpConnection>();
  readonly #blocked = new Set<TcpConnection>();
  readonly #deadline: Deadline;
  readonly #segment = new TcpSegment();
  readonly #random = new Uint8Array(4);
  /** Resets that are to go out. */
  #resets: SavedConnection[] = [];
  #last: TcpConnection | undefined;
  #nextPort = FIRST_PORT;
  #closed = false;

  constructor(options: TcpOptions) {
    const { link, clock, turns, mtu } = options;
    this.#options = options;
    this.#deadline = new Deadline(clock, (now) => this.#look(now));
    this.#parts = {
      link,
      clock,
      turns,
      mtu,
      initialSequence: () => this.#initialSequence(),
      arm: (deadline) => this.#deadline.arm(deadline),
      later: (connection) => {
        this.#later.add(connection);
        turns.later();
      },
      blocked: (connection) => this.#blocked.add(connection),
      closed: (connection) => this.#remove(connection),
    };
  }

  /** Connections that are open now. */
  get size(): number {
    return this.#connections.size;
  }

  /** Bytes that all connections hold. */
  get buffered(): number {
    let bytes = 0;
    for (const connection of this.#connections.values()) bytes += connection.buffered;
    return bytes;
  }

  /** Handles a packet of a guest; false if it is broken. */
  receive(packet: Ipv4Packet): boolean {
    const segment = this.#segment;
    if (!segment.read(packet)) return false;
    const ends: TcpEnds = {
      guest: packet.source,
      guestPort: segment.sourcePort,
      remote: packet.destination,
      remotePort: segment.destinationPort,
    };
    const connection = this.#find(ends);
    const isNew = segment.has(TcpFlag.syn) && (segment.flags & (TcpFlag.ack | TcpFlag.rst)) === 0;
    if (connection !== undefined && !(isNew && connection.isReplacedBy(segment))) {
      connection.receive(segment);
    } else if (isNew) {
      connection?.drop();
      this.#open(ends, packet);
    } else if (!segment.has(TcpFlag.rst)) {
      this.#refuse(ends);
    }
    return true;
  }

  /** Connects each connection to a port of the host with a guest's; gives where the host listens. */
  async forward(host: InternetAddress, guest: number, port: number): Promise<InternetAddress> {
    const server = await this.#options.sockets.listen(host, (socket) => {
      this.#options.turns.arrived(() => this.#accept(socket, guest, port));
    });
    this.#servers.push(server);
    return server.address as InternetAddress;
  }

  /** The burst of the guest is over. */
  flush(): void {
    for (const connection of this.#later) {
      this.#later.delete(connection);
      connection.flush();
    }
  }

  /** The card has room again. */
  proceed(): void {
    this.#sendResets();
    for (const connection of [...this.#blocked]) {
      this.#blocked.delete(connection);
      connection.proceed();
    }
  }

  /** A guest's Ethernet address has become known. */
  reachable(guest: number): void {
    this.#sendResets();
    for (const connection of [...this.#connections.values()]) {
      if (connection.ends.guest === guest) connection.reachable();
    }
  }

  /** What is needed to reset the connections that a guest believes in. */
  state(): SavedConnection[] {
    const open = [...this.#connections.values()].filter(({ state }) =>
      state !== "connecting" && state !== "time-wait"
    );
    return [
      ...open.map(({ ends, numbers }) => ({ ...ends, ...numbers })),
      ...this.#resets,
    ].slice(0, this.#options.maxConnections);
  }

  /** Drops all connections and resets the saved ones in the guest. */
  restore(saved: readonly SavedConnection[]): void {
    for (const connection of [...this.#connections.values()]) connection.drop();
    this.#resets = saved.slice(0, this.#options.maxConnections);
    this.#deadline.arm(this.#options.clock.now());
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#deadline.close();
    for (const connection of [...this.#connections.values()]) connection.drop();
    this.#resets = [];
    await Promise.all(this.#servers.splice(0).map((server) => server.close()));
  }

  #find(ends: TcpEnds): TcpConnection | undefined {
    const last = this.#last;
    if (last !== undefined && sameEnds(last.ends, ends)) return last;
    const connection = this.#connections.get(keyOf(ends));
    if (connection !== undefined) this.#last = connection;
    return connection;
  }

  #add(connection: TcpConnection): void {
    this.#connections.set(keyOf(connection.ends), connection);
  }

  #remove(connection: TcpConnection): void {
    const key = keyOf(connection.ends);
    if (this.#connections.get(key) === connection) this.#connections.delete(key);
    this.#attempts.get(connection)?.abort();
    this.#attempts.delete(connection);
    this.#later.delete(connection);
    this.#blocked.delete(connection);
    if (this.#last === connection) this.#last = undefined;
  }

  #open(ends: TcpEnds, packet: Ipv4Packet): void {
    const target = this.#options.route(ends.remote, ends.remotePort);
    if (typeof target === "string") return this.#refuse(ends);
    if (!this.#makeRoom()) return this.#refuse(ends);
    this.statistics.opened++;
    const connection = TcpConnection.fromGuest(this.#parts, ends, this.#segment);
    this.#add(connection);
    this.#connect(connection, target, quote(packet));
  }

  #connect(connection: TcpConnection, target: InternetAddress, packet: QuotedPacket): void {
    const { clock, sockets, turns } = this.#options;
    const attempt = new AbortController();
    this.#attempts.set(connection, attempt);
    const patience = clock.at(clock.now() + CONNECT_PATIENCE, () => {
      this.#fail(connection, packet, "timeout");
    });
    const ended = (handle: () => void): void =>
      turns.arrived(() => {
        patience.cancel();
        this.#attempts.delete(connection);
        handle();
      });
    turns.asked();
    sockets.connect(target, attempt.signal).then(
      (socket) => ended(() => connection.connected(socket)),
      (error) =>
        ended(() => {
          this.#fail(connection, packet, error instanceof SocketError ? error.code : "other");
        }),
    );
  }

  /** A refused connection is reset; one that leads nowhere gets an ICMP error. */
  #fail(connection: TcpConnection, packet: QuotedPacket, code: SocketErrorCode): void {
    if (connection.state !== "connecting") return;
    if (REFUSED.includes(code)) return connection.refuse();
    const why = code === "denied" ? Unreachable.prohibited : Unreachable.host;
    sendError(this.#parts.link, IcmpType.unreachable, why, packet);
    connection.drop();
  }

  #accept(socket: StreamSocket, guest: number, port: number): void {
    if (this.#closed || !this.#makeRoom()) return socket.abort();
    this.statistics.accepted++;
    const ends = this.#endsFor(socket, guest, port);
    if (ends === undefined) return socket.abort();
    this.#add(TcpConnection.fromHost(this.#parts, ends, socket));
  }

  /** Who has connected, as the guest sees it: as it is if that is possible, else the gateway. */
  #endsFor({ remote }: StreamSocket, guest: number, guestPort: number): TcpEnds | undefined {
    const { plan } = this.#parts.link;
    const from = "host" in remote ? remote : { host: "", port: 0 };
    const own = parseIpv4(from.host.replace(/^::ffff:/i, ""));
    const visible = own !== undefined && isRoutable(own) && !plan.contains(own);
    let ends: TcpEnds = {
      guest,
      guestPort,
      remote: visible ? own : plan.gateway,
      remotePort: from.port,
    };
    for (let tries = 0; tries <= LAST_PORT - FIRST_PORT; tries++) {
      if (ends.remotePort > 0 && !this.#connections.has(keyOf(ends))) return ends;
      ends = { ...ends, remote: plan.gateway, remotePort: this.#nextPort };
      this.#nextPort = this.#nextPort === LAST_PORT ? FIRST_PORT : this.#nextPort + 1;
    }
    return undefined;
  }

  /** Gives up a connection that is over or silent if there are too many; false if there is none. */
  #makeRoom(): boolean {
    if (this.#connections.size < this.#options.maxConnections) return true;
    this.statistics.refused++;
    let victim: TcpConnection | undefined;
    for (const connection of this.#connections.values()) {
      if (connection.state === "time-wait") {
        victim = connection;
        break;
      }
      if (victim === undefined || connection.heard < victim.heard) victim = connection;
    }
    if (victim === undefined) return false;
    const idle = this.#options.clock.now() - victim.heard;
    if (victim.state === "time-wait") victim.drop();
    else if (idle >= IDLE) victim.reset();
    else return false;
    return true;
  }

  /** Answers a segment that belongs to no connection. */
  #refuse({ guest, remote }: TcpEnds): void {
    const { link } = this.#parts;
    const header = writeSegment(link.frame, TRANSPORT, resetFor(this.#segment));
    link.sendTcp(remote, guest, header, 0);
  }

  #sendResets(): void {
    const { link } = this.#parts;
    while (this.#resets.length > 0) {
      const { guest, guestPort, remote, remotePort, sequence, acknowledgement } = this.#resets[0];
      const header = writeSegment(link.frame, TRANSPORT, {
        sourcePort: remotePort,
        destinationPort: guestPort,
        sequence,
        acknowledgement,
        flags: TcpFlag.rst | TcpFlag.ack,
        window: 0,
      });
      const result = link.sendTcp(remote, guest, header, 0);
      if (result === "full") return;
      this.#resets.shift();
    }
  }

  #look(now: number): void {
    this.#sendResets();
    let next = Infinity;
    for (const connection of [...this.#connections.values()]) {
      if (connection.deadline <= now) connection.look(now);
      if (connection.state !== "closed") next = Math.min(next, connection.deadline);
    }
    this.#deadline.arm(next);
  }

  #initialSequence(): number {
    this.#options.random(this.#random);
    return new DataView(this.#random.buffer).getUint32(0);
  }
}

function keyOf({ guest, guestPort, remote, remotePort }: TcpEnds): string {
  return `${guest} ${guestPort} ${remote} ${remotePort}`;
}

function sameEnds(a: TcpEnds, b: TcpEnds): boolean {
  return a.guestPort === b.guestPort && a.remotePort === b.remotePort && a.remote === b.remote &&
    a.guest === b.guest;
}

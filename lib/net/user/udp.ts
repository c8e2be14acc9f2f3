/** UDP (RFC 768): flows from guests to the host's network and back, and ports of the host for guests. */
import type { Clock } from "../../platform/platform.ts";
import type { DatagramSocket, InternetAddress, Sockets } from "../../platform/sockets.ts";
import { addToSum, checksumOf } from "../checksum.ts";
import { IpProtocol, setWord, word } from "../headers.ts";
import { formatIpv4, isRoutable, parseIpv4 } from "./addresses.ts";
import { Deadline } from "./deadline.ts";
import type { GuestLink } from "./guest_link.ts";
import type { HostTurns } from "./host_turns.ts";
import {
  IPV4_HEADER,
  type Ipv4Packet,
  MAX_PACKET,
  pseudoSum,
  TRANSPORT,
  UDP_HEADER,
} from "./packet.ts";

/** Nanoseconds after the last datagram for which a flow is kept, as in RFC 4787's spirit. */
const FLOW_LIFE = 120e9;
/** The same where it went to a name server: a question, an answer. */
const QUESTION_LIFE = 15e9;
/** Peers of one flow; the one unused for longest gives way. */
const MAX_PEERS = 64;
/** Datagrams that wait until a flow's socket is there. */
const MAX_WAITING = 16;
/** Source ports for peers that cannot be shown as they are. */
const FIRST_PORT = 49152;
const LAST_PORT = 65535;

/** Somebody on the host's side of a flow. */
interface Peer {
  /** Where it is. */
  readonly host: InternetAddress;
  /** As what the guest knows it. */
  readonly address: number;
  readonly port: number;
}

/** A UDP port of a guest, and the host's socket that stands for it. */
class Flow {
  /** The guest's end. */
  readonly address: number;
  readonly port: number;
  /** Name servers of the host may have IPv6 addresses only. */
  readonly isV6: boolean;
  /** A forward stays. */
  readonly permanent: boolean;
  socket: DatagramSocket | undefined;
  waiting: { bytes: Uint8Array; to: InternetAddress }[] = [];
  deadline = 0;
  /** How long it is kept after a datagram, in nanoseconds. */
  life = 0;
  /** Whether something has come back. */
  answered = false;
  closed = false;
  /** The same peers by the host's address and by the guest's view. */
  readonly byHost = new Map<string, Peer>();
  readonly byGuest = new Map<string, Peer>();

  constructor(address: number, port: number, isV6: boolean, permanent: boolean) {
    this.address = address;
    this.port = port;
    this.isV6 = isV6;
    this.permanent = permanent;
  }

  /** Notes a peer as the one used last. */
  use(peer: Peer): void {
    const key = hostKey(peer.host);
    const before = this.byHost.get(key);
    if (before !== undefined) this.byGuest.delete(guestKey(before.address, before.port));
    this.byHost.delete(key);
    if (this.byHost.size >= MAX_PEERS) {
      for (const [oldest, { address, port }] of this.byHost) {
        this.byHost.delete(oldest);
        this.byGuest.delete(guestKey(address, port));
        break;
      }
    }
    this.byHost.set(key, peer);
    this.byGuest.set(guestKey(peer.address, peer.port), peer);
  }
}

/** What UDP is made of. */
export interface UdpParts {
  readonly link: GuestLink;
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly turns: HostTurns;
  /** Most flows; the one unused for longest gives way. */
  readonly maxFlows: number;
}

/** Where a datagram goes, and whether it is a question to a name server. */
export interface UdpTarget {
  readonly host: InternetAddress;
  readonly question: boolean;
}

/**
 * Flows out are made by the guest's first datagram, and only those whom the guest has written to can
 * answer. Datagrams that the host refuses are lost: no runtime tells of them.
 */
export class Udp {
  readonly #parts: UdpParts;
  /** By the guest's end; the first is unused for longest. */
  readonly #flows = new Map<string, Flow>();
  readonly #forwards: Flow[] = [];
  readonly #sweep: Deadline;
  #nextPort = FIRST_PORT;
  /** Told when a question got no answer. */
  onSilence: (question: InternetAddress) => void = () => {};

  constructor(parts: UdpParts) {
    this.#parts = parts;
    this.#sweep = new Deadline(parts.clock, (now) => this.#dropOld(now));
  }

  /** Flows that are open now, without forwards. */
  get size(): number {
    return this.#flows.size;
  }

  /** Sends a guest's datagram through the port of the host that its destination wrote to; false: none. */
  answer(packet: Ipv4Packet): boolean {
    const { frame, start, source, destination } = packet;
    const port = word(frame, start);
    for (const flow of this.#forwards) {
      if (flow.address !== source || flow.port !== port) continue;
      const peer = flow.byGuest.get(guestKey(destination, word(frame, start + 2)));
      if (peer === undefined) continue;
      flow.use(peer);
      flow.socket?.send(payloadOf(packet), peer.host);
      this.#parts.turns.asked();
      return true;
    }
    return false;
  }

  /** Sends a guest's datagram to the host's network. */
  send(packet: Ipv4Packet, { host, question }: UdpTarget): void {
    const { frame, start, source, destination } = packet;
    const { clock, turns } = this.#parts;
    const port = word(frame, start);
    const isV6 = host.host.includes(":");
    const key = flowKey(source, port, isV6);
    const flow = this.#flows.get(key) ?? this.#open(source, port, isV6);
    // The last in the map is the one used last.
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    flow.life = question ? QUESTION_LIFE : FLOW_LIFE;
    flow.deadline = clock.now() + flow.life;
    this.#sweep.arm(flow.deadline);
    flow.use({ host, address: destination, port: word(frame, start + 2) });
    turns.asked();
    if (flow.socket !== undefined) flow.socket.send(payloadOf(packet), host);
    else if (flow.waiting.length < MAX_WAITING) {
      flow.waiting.push({ bytes: payloadOf(packet).slice(), to: host });
    }
  }

  /** Binds a port of the host for a guest's; gives where. Rejects as `Sockets.bind` does. */
  async forward(host: InternetAddress, address: number, port: number): Promise<InternetAddress> {
    const socket = await this.#parts.sockets.bind(host);
    const flow = new Flow(address, port, false, true);
    this.#attach(flow, socket);
    this.#forwards.push(flow);
    return socket.address;
  }

  /** Sends a datagram to a guest. */
  deliver(
    source: number,
    sourcePort: number,
    destination: number,
    destinationPort: number,
    payload: Uint8Array,
    mac?: Uint8Array,
  ): void {
    const { link } = this.#parts;
    const length = UDP_HEADER + payload.length;
    if (length > MAX_PACKET - IPV4_HEADER) return;
    const { frame } = link;
    setWord(frame, TRANSPORT, sourcePort);
    setWord(frame, TRANSPORT + 2, destinationPort);
    setWord(frame, TRANSPORT + 4, length);
    setWord(frame, TRANSPORT + 6, 0);
    frame.set(payload, TRANSPORT + UDP_HEADER);
    const sum = pseudoSum(source, destination, IpProtocol.udp, length);
    const checksum = checksumOf(addToSum(frame, TRANSPORT, TRANSPORT + length, sum));
    setWord(frame, TRANSPORT + 6, checksum || 0xffff);
    if (mac === undefined) link.send(IpProtocol.udp, source, destination, length);
    else link.sendTo(mac, IpProtocol.udp, source, destination, length);
  }

  /** Forgets all flows; forwards stay. */
  reset(): void {
    for (const flow of [...this.#flows.values()]) this.#close(flow);
    for (const flow of this.#forwards) {
      flow.byHost.clear();
      flow.byGuest.clear();
    }
  }

  /** Lets go of all sockets. */
  async close(): Promise<void> {
    this.#sweep.close();
    this.reset();
    const sockets = this.#forwards.splice(0).map(({ socket }) => socket?.close());
    await Promise.all(sockets);
  }

  #open(address: number, port: number, isV6: boolean): Flow {
    const { maxFlows, sockets, turns } = this.#parts;
    if (this.#flows.size >= maxFlows) {
      for (const oldest of this.#flows.values()) {
        this.#close(oldest);
        break;
      }
    }
    const flow = new Flow(address, port, isV6, false);
    sockets.bind({ host: isV6 ? "::" : "0.0.0.0", port: 0 }).then((socket) => {
      if (flow.closed) void socket.close();
      else turns.arrived(() => this.#ready(flow, socket));
    }, () => turns.arrived(() => this.#close(flow)));
    return flow;
  }

  #ready(flow: Flow, socket: DatagramSocket): void {
    if (flow.closed) return void socket.close();
    this.#attach(flow, socket);
    for (const { bytes, to } of flow.waiting) socket.send(bytes, to);
    flow.waiting = [];
    this.#parts.turns.asked();
  }

  #attach(flow: Flow, socket: DatagramSocket): void {
    flow.socket = socket;
    socket.onDatagram((bytes, from) => {
      this.#parts.turns.arrived(() => this.#receive(flow, bytes, from));
    });
  }

  #receive(flow: Flow, bytes: Uint8Array, from: InternetAddress): void {
    if (flow.closed) return;
    let peer = flow.byHost.get(hostKey(from));
    if (peer === undefined) {
      if (!flow.permanent) return;
      peer = this.#newPeer(flow, from);
    }
    flow.use(peer);
    flow.answered = true;
    flow.deadline = this.#parts.clock.now() + flow.life;
    this.deliver(peer.address, peer.port, flow.address, flow.port, bytes);
  }

  /** A peer that has written first: seen as it is if that is possible, else at the gateway. */
  #newPeer(flow: Flow, host: InternetAddress): Peer {
    const { plan } = this.#parts.link;
    const own = parseIpv4(host.host);
    const address = own !== undefined && isRoutable(own) && !plan.contains(own)
      ? own
      : plan.gateway;
    let { port } = host;
    while (flow.byGuest.has(guestKey(address, port))) {
      port = this.#nextPort;
      this.#nextPort = port === LAST_PORT ? FIRST_PORT : port + 1;
    }
    return { host, address, port };
  }

  #dropOld(now: number): void {
    let next = Infinity;
    for (const flow of [...this.#flows.values()]) {
      if (flow.deadline > now) next = Math.min(next, flow.deadline);
      else this.#close(flow);
    }
    this.#sweep.arm(next);
  }

  #close(flow: Flow): void {
    if (flow.closed) return;
    flow.closed = true;
    flow.waiting = [];
    this.#flows.delete(flowKey(flow.address, flow.port, flow.isV6));
    void flow.socket?.close();
    if (flow.answered) return;
    for (const { host } of flow.byHost.values()) this.onSilence(host);
  }
}

function payloadOf({ frame, start, end }: Ipv4Packet): Uint8Array {
  return frame.subarray(start + UDP_HEADER, Math.min(end, start + word(frame, start + 4)));
}

/** Whether a datagram's lengths and checksum are right. */
export function isDatagram(packet: Ipv4Packet): boolean {
  const { frame, start } = packet;
  if (packet.length < UDP_HEADER) return false;
  const length = word(frame, start + 4);
  if (length < UDP_HEADER || length > packet.length) return false;
  if (word(frame, start) === 0 || word(frame, start + 2) === 0) return false;
  // Zero: the sender has made no checksum. It covers the datagram, not what is behind it.
  if (word(frame, start + 6) === 0 || packet.partial) return true;
  const sum = pseudoSum(packet.source, packet.destination, IpProtocol.udp, length);
  return addToSum(frame, start, start + length, sum) === 0xffff;
}

function hostKey({ host, port }: InternetAddress): string {
  return `${host} ${port}`;
}

function guestKey(address: number, port: number): string {
  return `${formatIpv4(address)} ${port}`;
}

function flowKey(address: number, port: number, isV6: boolean): string {
  return guestKey(address, port) + (isV6 ? " 6" : "");
}

/**
 * A network without privilege: guests reach the host's network through sockets of this process, as
 * with slirp and passt.
 */
import type { DeviceState } from "../../devices/vbus/device.ts";
import type { Clock } from "../../platform/platform.ts";
import { type InternetAddress, SocketError, type Sockets } from "../../platform/sockets.ts";
import type { FrameOffload, FrameReceiver, NetBackend, NetOffloads } from "../backend.ts";
import { EtherType, IpProtocol, word } from "../headers.ts";
import {
  type AddressOptions,
  formatIpv4,
  isRoutable,
  isUnicastMac,
  LIMITED_BROADCAST,
  MAC_BYTES,
  NetworkPlan,
  parseIpv4,
} from "./addresses.ts";
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, type DhcpOptions, DhcpServer } from "./dhcp.ts";
import { Fragments } from "./fragments.ts";
import { BROADCAST_MAC, GuestLink } from "./guest_link.ts";
import { HostTurns, type NetworkHost } from "./host_turns.ts";
import { quote, receiveIcmp, sendError } from "./icmp.ts";
import { readState, writeState } from "./network_state.ts";
import { IcmpType, Ipv4Packet, NETWORK, UDP_HEADER, Unreachable } from "./packet.ts";
import { type Route, Tcp, type TcpStatistics } from "./tcp.ts";
import { isDatagram, Udp } from "./udp.ts";

const DNS_PORT = 53;
const LOOPBACK = "127.0.0.1";
/** Ethernet MTU, and the bounds of ours: IPv4 asks for 68, but DHCP's messages must fit. */
const DEFAULT_MTU = 1500;
const MIN_MTU = 576;
const MAX_MTU = 65535;
const MAX_LIMIT = 65536;
const MAX_SECONDS = 0xffffffff;
const MAX_FORWARDS = 1024;

/** A port of the host that leads to one of a guest. */
export interface PortForward {
  /** What is forwarded. */
  readonly protocol: "tcp" | "udp";
  /** Where the host listens. Port 0: any that is free. */
  readonly host: InternetAddress;
  /** Where it leads to. @default host: the first address that DHCP gives */
  readonly guest: { readonly host?: string; readonly port: number };
}

/** Options of a {@linkcode UserNetwork}. */
export interface UserNetworkOptions extends AddressOptions, DhcpOptions {
  /** Ethernet address of gateway and name server. @default 52:55 and the gateway's IPv4 address */
  readonly mac?: Uint8Array;
  /** The host's name servers. @default what the host is configured with */
  readonly nameServers?: readonly InternetAddress[];
  /** Guests reach neither the host nor its network; forwards work. @default false */
  readonly restrict?: boolean;
  /** The gateway's address leads to the host's loopback interface. @default true */
  readonly hostLoopback?: boolean;
  /** Ports of the host that lead to guests. @default none */
  readonly forwards?: readonly PortForward[];
  /** Most TCP connections, 1 to 65536. @default 512 */
  readonly maxConnections?: number;
  /** Most UDP flows, 1 to 65536. @default 256 */
  readonly maxFlows?: number;
}

/** What a {@linkcode UserNetwork} is made of. */
export interface UserNetworkParts {
  /** The machine's clock. */
  readonly clock: Clock;
  /** The host's sockets. */
  readonly sockets: Sockets;
  /** Fills with entropy: initial sequence numbers. */
  readonly random: (into: Uint8Array) => void;
  /** The loop that runs the guest. Left out: nobody is asked for turns. */
  readonly host?: NetworkHost;
  /** Whether the clock's time is virtual: see {@linkcode HostTurns}. @default false */
  readonly virtual?: boolean;
  /** Addresses, limits, forwards. */
  readonly options?: UserNetworkOptions;
}

/** Counters since the network was made. */
export interface UserNetworkStatistics extends TcpStatistics {
  /** Frames from guests. */
  readonly received: number;
  /** Frames from guests that were broken, for others, or of protocols that there are not here. */
  readonly dropped: number;
  /** Frames to guests. */
  readonly sent: number;
  /** Frames to guests that found no room. */
  readonly sendRefused: number;
  /** TCP connections open now. */
  readonly connections: number;
  /** UDP flows open now. */
  readonly flows: number;
  /** Bytes that TCP connections hold now. */
  readonly buffered: number;
}

/**
 * Network of 10.0.2.0/24, with the addresses that users of QEMU know: gateway 10.0.2.2, name server
 * 10.0.2.3, first guest 10.0.2.15.
 *
 * - ARP and DHCP for guests; several guests on one hub may share the network.
 * - TCP and UDP of guests become sockets of the host. The gateway's address is the host's loopback.
 *   Destinations that are no host's (loopback, multicast, other networks' broadcasts) are dropped.
 * - The name server hands UDP and TCP on port 53 to the host's name servers.
 * - Echo requests to gateway and name server are answered; others get ICMP "prohibited", because no
 *   runtime has raw sockets. A TTL that ends here gets "time exceeded".
 * - IPv4 only: IPv6 frames are dropped, as are frames with VLAN tags. Fragments are put together.
 * - TCP: no selective acknowledgement, timestamps, urgent data or ECN; segments that come out of
 *   order are dropped, and the guest sends them again: the link does not lose or reorder.
 *
 * The host's connections do not survive `restore`: leases and Ethernet addresses stay, each TCP
 * connection that the guest has is reset, UDP flows begin anew.
 *
 * @example
 * ```ts ignore
 * const network = new UserNetwork({ clock, sockets, random, options: {
 *   forwards: [{ protocol: "tcp", host: { host: "127.0.0.1", port: 2222 }, guest: { port: 22 } }],
 * } });
 * await network.open();
 * ```
 */
export class UserNetwork implements NetBackend {
  /** Checksums, and TCP segments over IPv4 of up to 64 KiB. */
  readonly offloads: NetOffloads = { checksum: true, tcp4: true, tcp6: false };
  readonly #plan: NetworkPlan;
  readonly #options: UserNetworkOptions;
  readonly #sockets: Sockets;
  readonly #link: GuestLink;
  readonly #turns: HostTurns;
  readonly #dhcp: DhcpServer;
  readonly #fragments: Fragments;
  readonly #tcp: Tcp;
  readonly #udp: Udp;
  readonly #clock: Clock;
  readonly #packet = new Ipv4Packet();
  #nameServer = 0;
  #received = 0;
  #dropped = 0;
  #forwards: readonly PortForward[];
  #closed = false;

  /**
   * Makes a network; ports are published by `open`.
   *
   * @throws {RangeError} if an option is out of its range; the message begins with its name.
   */
  constructor(parts: UserNetworkParts) {
    const { clock, sockets, random, host, virtual = false, options = {} } = parts;
    const plan = new NetworkPlan(options);
    checkOptions(options, plan);
    const mtu = options.mtu ?? DEFAULT_MTU;
    this.#plan = plan;
    this.#options = options;
    this.#sockets = sockets;
    this.#clock = clock;
    this.#forwards = options.forwards ?? [];
    this.#turns = new HostTurns(clock, host, virtual, () => this.#tcp.flush());
    this.#link = new GuestLink(plan, options.mac ?? defaultMac(plan.gateway), mtu, (address) => {
      this.#tcp.reachable(address);
    });
    this.#dhcp = new DhcpServer(plan, clock, options);
    this.#fragments = new Fragments(clock);
    const common = { link: this.#link, clock, sockets, turns: this.#turns };
    this.#tcp = new Tcp({
      ...common,
      random,
      mtu,
      maxConnections: options.maxConnections ?? 512,
      route: (destination, port) => this.#route(destination, port),
    });
    this.#udp = new Udp({ ...common, maxFlows: options.maxFlows ?? 256 });
    this.#udp.onSilence = ({ host: silent }) => this.#nextNameServer(silent);
  }

  /** Forwards, with the ports that were chosen once {@linkcode UserNetwork.open} has resolved. */
  get forwards(): readonly PortForward[] {
    return this.#forwards;
  }

  /** What has happened so far. */
  get statistics(): UserNetworkStatistics {
    return {
      ...this.#tcp.statistics,
      received: this.#received,
      dropped: this.#dropped,
      sent: this.#link.sent,
      sendRefused: this.#link.refused,
      connections: this.#tcp.size,
      flows: this.#udp.size,
      buffered: this.#tcp.buffered,
    };
  }

  /**
   * Listens at the host's ports that are forwarded.
   * @throws {SocketError} (rejects) naming protocol, address and port of the first that failed; then
   * the network is closed.
   */
  async open(): Promise<void> {
    const bound: PortForward[] = [];
    for (const forward of this.#forwards) {
      const { protocol, host, guest } = forward;
      const address = guest.host === undefined
        ? this.#plan.dhcpStart
        : parseIpv4(guest.host) as number;
      const by = protocol === "tcp" ? this.#tcp : this.#udp;
      try {
        bound.push({ ...forward, host: await by.forward(host, address, guest.port) });
      } catch (error) {
        this.close();
        const { code, message } = error instanceof SocketError
          ? error
          : new SocketError("other", String(error));
        throw new SocketError(code, `${protocol} ${host.host}:${host.port}: ${message}`, error);
      }
    }
    this.#forwards = bound;
  }

  send(frame: Uint8Array, offload?: FrameOffload): void {
    if (this.#closed) return;
    this.#received++;
    // A receiver that sends from within would find the frame that is being made.
    if (this.#link.busy || !this.#receive(frame, offload)) this.#dropped++;
  }

  onReceive(receiver: FrameReceiver): void {
    this.#link.receiver = receiver;
  }

  receiveReady(): void {
    if (!this.#closed) this.#tcp.proceed();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.receiver = () => false;
    void this.#tcp.close();
    void this.#udp.close();
    this.#turns.close();
  }

  /** Leases, Ethernet addresses, and what is needed to reset the guest's connections. */
  state(): DeviceState {
    const parts = {
      leases: this.#dhcp.leases(),
      neighbours: [...this.#link.neighbours()],
      connections: this.#tcp.state(),
    };
    return writeState(parts, this.#clock.now());
  }

  /** Puts back what `state` gave. @throws {TypeError} if it is not such a state; nothing changes then. */
  restore(state: DeviceState): void {
    const { leases, neighbours, connections } = readState(state, this.#clock.now(), this.#plan);
    this.#dhcp.setLeases(leases);
    for (const [address, mac] of neighbours) this.#link.learn(address, mac);
    this.#udp.reset();
    this.#tcp.restore(connections);
  }

  /** Handles a frame; false if it is dropped. */
  #receive(frame: Uint8Array, offload: FrameOffload | undefined): boolean {
    if (frame.length < NETWORK || !this.#isOurs(frame)) return false;
    const type = word(frame, NETWORK - 2);
    if (type === EtherType.arp) return this.#link.receiveArp(frame);
    const packet = this.#packet;
    if (type !== EtherType.ipv4 || !packet.read(frame)) return false;
    if (!packet.moreFragments && packet.fragmentOffset === 0) {
      packet.partial = offload !== undefined && offload.checksumStart === packet.start;
    } else {
      const whole = this.#isFromGuest(packet) ? this.#fragments.add(packet) : undefined;
      if (whole === undefined) return true;
      if (!packet.read(whole)) return false;
      // The Ethernet header of the last piece counts.
    }
    if (packet.protocol === IpProtocol.udp) return this.#receiveUdp(packet);
    if (!this.#isFromGuest(packet)) return false;
    this.#link.learn(packet.source, packet.frame.subarray(MAC_BYTES, 2 * MAC_BYTES));
    if (!this.#isForSomebody(packet)) return false;
    switch (packet.protocol) {
      case IpProtocol.tcp:
        return this.#tcp.receive(packet);
      case IpProtocol.icmp:
        return receiveIcmp(this.#link, packet);
      default:
        sendError(this.#link, IcmpType.unreachable, Unreachable.protocol, quote(packet));
        return true;
    }
  }

  #receiveUdp(packet: Ipv4Packet): boolean {
    if (!isDatagram(packet)) return false;
    const { frame, start, source, destination } = packet;
    const port = word(frame, start + 2);
    const { gateway, dns, broadcast } = this.#plan;
    const forAll = destination === LIMITED_BROADCAST || destination === broadcast;
    if (port === DHCP_SERVER_PORT && (forAll || destination === gateway)) {
      return this.#receiveDhcp(packet);
    }
    if (!this.#isFromGuest(packet)) return false;
    this.#link.learn(source, frame.subarray(MAC_BYTES, 2 * MAC_BYTES));
    if (forAll || !this.#isForSomebody(packet)) return false;
    if (this.#udp.answer(packet)) return true;
    const host = this.#route(destination, port);
    if (typeof host === "string") {
      const code = host === "refused" ? Unreachable.port : Unreachable.prohibited;
      sendError(this.#link, IcmpType.unreachable, code, quote(packet));
    } else {
      this.#udp.send(packet, { host, question: destination === dns });
    }
    return true;
  }

  #receiveDhcp({ frame, start, end }: Ipv4Packet): boolean {
    const length = word(frame, start + 4);
    const message = frame.slice(start + UDP_HEADER, Math.min(end, start + length));
    const reply = this.#dhcp.receive(message);
    if (reply === undefined) return true;
    const { destination, mac = BROADCAST_MAC } = reply;
    if (mac !== BROADCAST_MAC) this.#link.learn(destination, mac);
    this.#udp.deliver(
      this.#plan.gateway,
      DHCP_SERVER_PORT,
      destination,
      DHCP_CLIENT_PORT,
      reply.message,
      mac,
    );
    return true;
  }

  /** Whether a frame is for gateway, name server or all. */
  #isOurs(frame: Uint8Array): boolean {
    const { mac } = this.#link;
    let own = true;
    let all = true;
    for (let i = 0; i < MAC_BYTES; i++) {
      own &&= frame[i] === mac[i];
      all &&= frame[i] === 0xff;
    }
    return own || all;
  }

  #isFromGuest({ source, frame }: Ipv4Packet): boolean {
    return this.#plan.isGuest(source) && isUnicastMac(frame.subarray(MAC_BYTES, 2 * MAC_BYTES));
  }

  /** Whether a packet goes to gateway, name server or outside, and may go further; errors are told. */
  #isForSomebody(packet: Ipv4Packet): boolean {
    const { destination, ttl } = packet;
    const { gateway, dns } = this.#plan;
    if (destination === gateway || destination === dns) return true;
    if (this.#plan.contains(destination) || !isRoutable(destination) || ttl === 0) return false;
    if (ttl > 1) return true;
    sendError(this.#link, IcmpType.timeExceeded, 0, quote(packet));
    return false;
  }

  /** Where something for an address and port goes. */
  #route(destination: number, port: number): Route {
    const { restrict = false, hostLoopback = true } = this.#options;
    if (restrict) return "prohibited";
    if (destination === this.#plan.dns) {
      if (port !== DNS_PORT) return "refused";
      const servers = this.#nameServers;
      return servers.length === 0 ? "refused" : servers[this.#nameServer % servers.length];
    }
    if (destination !== this.#plan.gateway) return { host: formatIpv4(destination), port };
    return hostLoopback ? { host: LOOPBACK, port } : "prohibited";
  }

  get #nameServers(): readonly InternetAddress[] {
    return this.#options.nameServers ?? this.#sockets.resolvers?.() ?? [];
  }

  /** A name server did not answer: the next question goes to the next one. */
  #nextNameServer(silent: string): void {
    const servers = this.#nameServers;
    if (servers.length === 0) return;
    const current = this.#nameServer % servers.length;
    if (servers[current].host === silent) this.#nameServer = (current + 1) % servers.length;
  }
}

function defaultMac(gateway: number): Uint8Array {
  return Uint8Array.of(
    0x52,
    0x55,
    gateway >>> 24,
    (gateway >>> 16) & 0xff,
    (gateway >>> 8) & 0xff,
    gateway & 0xff,
  );
}

function checkOptions(options: UserNetworkOptions, plan: NetworkPlan): void {
  checkInteger("mtu", options.mtu, MIN_MTU, MAX_MTU);
  checkInteger("leaseSeconds", options.leaseSeconds, 60, MAX_SECONDS);
  checkInteger("maxConnections", options.maxConnections, 1, MAX_LIMIT);
  checkInteger("maxFlows", options.maxFlows, 1, MAX_LIMIT);
  checkName("hostname", options.hostname);
  checkName("domain", options.domain);
  if (options.mac !== undefined && !isUnicastMac(options.mac)) {
    throw new RangeError("mac: not the address of one card");
  }
  const forwards = options.forwards ?? [];
  if (forwards.length > MAX_FORWARDS) throw new RangeError(`forwards: more than ${MAX_FORWARDS}`);
  for (const { host, guest } of forwards) {
    checkInteger("forwards: the host's port", host.port, 0, 65535);
    checkInteger("forwards: the guest's port", guest.port, 1, 65535);
    const address = guest.host === undefined ? plan.dhcpStart : parseIpv4(guest.host);
    if (address === undefined || !plan.isGuest(address)) {
      throw new RangeError(`forwards: "${guest.host}" is not a guest's address in the network`);
    }
  }
}

function checkInteger(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
  throw new RangeError(`${name}: ${value} is not a whole number from ${min} to ${max}`);
}

function checkName(name: string, value: string | undefined): void {
  if (value === undefined || /^[A-Za-z0-9._-]{1,255}$/.test(value)) return;
  throw new RangeError(`${name}: "${value}" is not a name`);
}

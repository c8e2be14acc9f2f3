/** DHCP server (RFC 2131, options RFC 2132): one address for each card, as long as there are any. */
import type { Clock } from "../../platform/platform.ts";
import { setWord, word } from "../headers.ts";
import { ANY_ADDRESS, isUnicastMac, LIMITED_BROADCAST, MAC_BYTES } from "./addresses.ts";
import type { NetworkPlan } from "./addresses.ts";
import { longWord, setLongWord } from "./packet.ts";

/** UDP ports. */
export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

/** Shortest message: clients of BOOTP's time want so many bytes (RFC 1542, section 2.1). */
export const DHCP_SHORTEST = 300;

// Offsets in a message.
const OP = 0;
const HARDWARE_TYPE = 1;
const HARDWARE_LENGTH = 2;
const XID = 4;
const FLAGS = 10;
const CIADDR = 12;
const YIADDR = 16;
const SIADDR = 20;
const GIADDR = 24;
const CHADDR = 28;
const COOKIE = 236;
const OPTIONS = 240;

const BOOTREQUEST = 1;
const BOOTREPLY = 2;
const ETHERNET = 1;
const BROADCAST_FLAG = 0x8000;
const MAGIC = 0x63825363;

/** Numbers of options. */
const Option = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  dns: 6,
  hostName: 12,
  domainName: 15,
  mtu: 26,
  broadcast: 28,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  server: 54,
  renewal: 58,
  rebinding: 59,
  end: 255,
} as const;

/** Values of the option "message type". */
export const DhcpType = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/** Leases at most, and addresses that somebody else was found to use. */
const MAX_LEASES = 1024;
/** Seconds for which an offer is kept. */
const OFFER_SECONDS = 60;
/** Nanoseconds for which an address that was declined is not given. */
const DECLINED = 3600e9;
const SECOND = 1e9;

/** What clients are told besides their address. */
export interface DhcpOptions {
  /** How long an address may be used, in seconds. @default 86400 */
  readonly leaseSeconds?: number;
  /** Name for guests. */
  readonly hostname?: string;
  /** Domain in which guests look up names. */
  readonly domain?: string;
  /** Largest IPv4 packet, in bytes. Left out: guests choose. */
  readonly mtu?: number;
}

/** An address that belongs to a card. */
export interface Lease {
  readonly address: number;
  /** Empty: nobody may have the address, because somebody was found to use it. */
  readonly mac: string;
  /** Nanoseconds of the clock. */
  readonly expires: number;
}

/** An answer, and where it goes. */
export interface DhcpReply {
  readonly message: Uint8Array;
  readonly destination: number;
  /** The client's Ethernet address, or undefined: all. */
  readonly mac: Uint8Array | undefined;
}

/** A message of a client, checked. */
interface Request {
  readonly message: Uint8Array;
  readonly mac: Uint8Array;
  readonly client: string;
  readonly type: number;
  readonly ciaddr: number;
  readonly server: number | undefined;
  readonly requested: number | undefined;
}

/** The server. Cards are told apart by their Ethernet address, client identifiers are not looked at. */
export class DhcpServer {
  readonly #plan: NetworkPlan;
  readonly #clock: Clock;
  readonly #options: DhcpOptions;
  readonly #leases = new Map<number, Lease>();
  readonly #byClient = new Map<string, number>();

  constructor(plan: NetworkPlan, clock: Clock, options: DhcpOptions) {
    this.#plan = plan;
    this.#clock = clock;
    this.#options = options;
  }

  /** Addresses that are given, or were. */
  leases(): Lease[] {
    return [...this.#leases.values()];
  }

  /** Replaces all leases. */
  setLeases(leases: readonly Lease[]): void {
    this.#leases.clear();
    this.#byClient.clear();
    for (const lease of leases.slice(0, MAX_LEASES)) this.#set(lease);
  }

  /** Handles a message; gives the answer, if there is one. */
  receive(message: Uint8Array): DhcpReply | undefined {
    const request = readRequest(message);
    if (request === undefined) return undefined;
    const { client, ciaddr } = request;
    switch (request.type) {
      case DhcpType.discover: {
        const address = this.#choose(request);
        if (address === undefined) return undefined;
        const known = this.#leases.get(address);
        const expires = Math.max(known?.expires ?? 0, this.#clock.now() + OFFER_SECONDS * SECOND);
        this.#set({ address, mac: client, expires });
        return this.#reply(request, DhcpType.offer, address);
      }
      case DhcpType.request:
        return this.#request(request);
      case DhcpType.decline:
        if (request.server === this.#plan.gateway && request.requested !== undefined) {
          this.#decline(client, request.requested);
        }
        return undefined;
      case DhcpType.release:
        if (this.#byClient.get(client) === ciaddr) this.#remove(ciaddr);
        return undefined;
      case DhcpType.inform:
        if (!this.#plan.isGuest(ciaddr)) return undefined;
        return this.#reply(request, DhcpType.ack, ANY_ADDRESS);
      default:
        return undefined;
    }
  }

  #request(request: Request): DhcpReply | undefined {
    const { client, server, requested, ciaddr } = request;
    if (server !== undefined && server !== this.#plan.gateway) {
      // The client has chosen another server: what we offered is free.
      return undefined;
    }
    const wanted = requested ?? ciaddr;
    if (wanted === ANY_ADDRESS || !this.#isFree(wanted, client)) {
      return this.#reply(request, DhcpType.nak, ANY_ADDRESS);
    }
    const expires = this.#clock.now() + this.#leaseSeconds * SECOND;
    this.#set({ address: wanted, mac: client, expires });
    return this.#reply(request, DhcpType.ack, wanted);
  }

  get #leaseSeconds(): number {
    return this.#options.leaseSeconds ?? 86400;
  }

  /** The client's own address, the one that it asks for, a free one, or one whose lease is over. */
  #choose({ client, requested }: Request): number | undefined {
    const own = this.#byClient.get(client);
    if (own !== undefined) return own;
    if (requested !== undefined && this.#isFree(requested, client)) return requested;
    let oldest: Lease | undefined;
    const last = Math.min(this.#plan.broadcast - 1, this.#plan.dhcpStart + MAX_LEASES - 1);
    for (let address = this.#plan.dhcpStart; address <= last; address++) {
      if (!this.#plan.isGuest(address)) continue;
      const lease = this.#leases.get(address);
      if (lease === undefined) return address;
      if (oldest === undefined || lease.expires < oldest.expires) oldest = lease;
    }
    return oldest !== undefined && oldest.expires <= this.#clock.now() ? oldest.address : undefined;
  }

  /** Whether a client may have an address of the pool. */
  #isFree(address: number, client: string): boolean {
    if (!this.#plan.isGuest(address) || address < this.#plan.dhcpStart) return false;
    if (address >= this.#plan.dhcpStart + MAX_LEASES) return false;
    const lease = this.#leases.get(address);
    return lease === undefined || lease.mac === client || lease.expires <= this.#clock.now();
  }

  #decline(client: string, address: number): void {
    if (this.#byClient.get(client) !== address) return;
    this.#remove(address);
    this.#set({ address, mac: "", expires: this.#clock.now() + DECLINED });
  }

  #set(lease: Lease): void {
    this.#remove(lease.address);
    if (lease.mac !== "") {
      const before = this.#byClient.get(lease.mac);
      if (before !== undefined) this.#remove(before);
      this.#byClient.set(lease.mac, lease.address);
    }
    this.#leases.set(lease.address, lease);
  }

  #remove(address: number): void {
    const lease = this.#leases.get(address);
    if (lease === undefined) return;
    this.#leases.delete(address);
    if (lease.mac !== "") this.#byClient.delete(lease.mac);
  }

  #reply(request: Request, type: number, address: number): DhcpReply {
    const { plan, options } = { plan: this.#plan, options: this.#options };
    const message = new Uint8Array(DHCP_SHORTEST + 2 * 256);
    message.set(request.message.subarray(0, XID + 4));
    message[OP] = BOOTREPLY;
    message[3] = 0; // hops
    setWord(message, FLAGS, word(request.message, FLAGS));
    if (type === DhcpType.ack) setLongWord(message, CIADDR, request.ciaddr);
    setLongWord(message, YIADDR, address);
    if (type !== DhcpType.nak) setLongWord(message, SIADDR, plan.gateway);
    message.set(request.mac, CHADDR);
    setLongWord(message, COOKIE, MAGIC);
    const writer = new OptionWriter(message, OPTIONS);
    writer.bytes(Option.messageType, [type]);
    writer.longs(Option.server, [plan.gateway]);
    if (type !== DhcpType.nak) {
      if (request.type !== DhcpType.inform) {
        const seconds = this.#leaseSeconds;
        writer.longs(Option.leaseTime, [seconds]);
        writer.longs(Option.renewal, [Math.floor(seconds / 2)]);
        writer.longs(Option.rebinding, [Math.floor(seconds * 7 / 8)]);
      }
      writer.longs(Option.subnetMask, [plan.mask]);
      writer.longs(Option.router, [plan.gateway]);
      writer.longs(Option.dns, [plan.dns]);
      writer.longs(Option.broadcast, [plan.broadcast]);
      writer.text(Option.hostName, options.hostname);
      writer.text(Option.domainName, options.domain);
      if (options.mtu !== undefined) {
        writer.bytes(Option.mtu, [options.mtu >>> 8, options.mtu & 0xff]);
      }
    }
    const bytes = message.subarray(0, Math.max(DHCP_SHORTEST, writer.end()));
    // Where the answer goes: RFC 2131, section 4.1.
    const toAll = type === DhcpType.nak || (word(request.message, FLAGS) & BROADCAST_FLAG) !== 0;
    if (request.ciaddr !== ANY_ADDRESS && type !== DhcpType.nak) {
      return { message: bytes, destination: request.ciaddr, mac: request.mac };
    }
    return toAll
      ? { message: bytes, destination: LIMITED_BROADCAST, mac: undefined }
      : { message: bytes, destination: address, mac: request.mac };
  }
}

/** A client's message; undefined if it is broken, or came by a relay. */
function readRequest(message: Uint8Array): Request | undefined {
  if (message.length < OPTIONS || message[OP] !== BOOTREQUEST) return undefined;
  if (message[HARDWARE_TYPE] !== ETHERNET || message[HARDWARE_LENGTH] !== MAC_BYTES) {
    return undefined;
  }
  if (longWord(message, COOKIE) !== MAGIC || longWord(message, GIADDR) !== 0) return undefined;
  const mac = message.slice(CHADDR, CHADDR + MAC_BYTES);
  const options = readOptions(message);
  const type = options?.get(Option.messageType);
  if (!isUnicastMac(mac) || options === undefined || type?.length !== 1) return undefined;
  const address = (option: number): number | undefined => {
    const bytes = options.get(option);
    return bytes?.length === 4 ? longWord(bytes, 0) : undefined;
  };
  return {
    message,
    mac,
    client: Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":"),
    type: type[0],
    ciaddr: longWord(message, CIADDR),
    server: address(Option.server),
    requested: address(Option.requestedAddress),
  };
}

/** Options by number, of each the first; undefined if one reaches beyond the end. */
function readOptions(message: Uint8Array): Map<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>();
  let at = OPTIONS;
  while (at < message.length && message[at] !== Option.end) {
    if (message[at] === Option.pad) {
      at++;
      continue;
    }
    const length = at + 1 < message.length ? message[at + 1] : 0;
    if (at + 2 + length > message.length) return undefined;
    if (!options.has(message[at])) {
      options.set(message[at], message.subarray(at + 2, at + 2 + length));
    }
    at += 2 + length;
  }
  return options;
}

class OptionWriter {
  readonly #message: Uint8Array;
  #at: number;

  constructor(message: Uint8Array, at: number) {
    this.#message = message;
    this.#at = at;
  }

  bytes(option: number, bytes: ArrayLike<number>): void {
    this.#message[this.#at] = option;
    this.#message[this.#at + 1] = bytes.length;
    this.#message.set(bytes, this.#at + 2);
    this.#at += 2 + bytes.length;
  }

  longs(option: number, values: readonly number[]): void {
    this.bytes(
      option,
      values.flatMap((v) => [v >>> 24, (v >>> 16) & 0xff, (v >>> 8) & 0xff, v & 0xff]),
    );
  }

  text(option: number, text: string | undefined): void {
    if (text === undefined) return;
    this.bytes(option, new TextEncoder().encode(text).subarray(0, 255));
  }

  /** Where the options end. */
  end(): number {
    this.#message[this.#at++] = Option.end;
    return this.#at;
  }
}

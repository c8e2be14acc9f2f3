/** The way to the guests: Ethernet, IPv4 headers, and who has which address (ARP, RFC 826). */
import { type FrameOffload, type FrameReceiver, MAX_FRAME } from "../backend.ts";
import { addToSum, checksumOf } from "../checksum.ts";
import { EtherType, IpProtocol, setWord, word } from "../headers.ts";
import { isUnicastMac, MAC_BYTES, type NetworkPlan } from "./addresses.ts";
import {
  IPV4_HEADER,
  longWord,
  MORE_FRAGMENTS,
  NETWORK,
  pseudoSum,
  setLongWord,
  TRANSPORT,
} from "./packet.ts";

/** All cards of the network. */
export const BROADCAST_MAC: Uint8Array = new Uint8Array(MAC_BYTES).fill(0xff);
/** Guests whose Ethernet address is kept. */
const MAX_NEIGHBOURS = 256;
/** Smallest Ethernet frame, without checksum: shorter ones are padded. */
const SHORTEST_FRAME = 60;
const TTL = 64;
const DO_NOT_FRAGMENT = 0x4000;

// ARP, offsets in the frame.
const ARP_BYTES = 28;
const ARP_OPERATION = NETWORK + 6;
const ARP_SENDER_MAC = NETWORK + 8;
const ARP_SENDER = NETWORK + 14;
const ARP_TARGET_MAC = NETWORK + 18;
const ARP_TARGET = NETWORK + 24;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
/** Ethernet, IPv4, six and four bytes of address. */
const ARP_KIND = [0, 1, 8, 0, 6, 4] as const;

/** What becomes of a frame: `unknown` also asks for the guest's Ethernet address. */
export type SendResult = "sent" | "full" | "unknown";

/**
 * Writes frames for guests. A payload is written into {@linkcode GuestLink.frame} from
 * {@linkcode TRANSPORT} on, then sent.
 */
export class GuestLink {
  /** The frame being made. */
  readonly frame: Uint8Array<ArrayBuffer> = new Uint8Array(MAX_FRAME);
  /** Ethernet address of gateway and name server. */
  readonly mac: Uint8Array;
  readonly plan: NetworkPlan;
  /** Bytes of the longest IPv4 packet that is not cut, but for TCP, which cuts by itself. */
  readonly mtu: number;
  /** Takes frames for the guests. */
  receiver: FrameReceiver = () => false;
  /** Frames given to the receiver. */
  sent = 0;
  /** Frames that the receiver had no room for. */
  refused = 0;
  /** Whether a frame is with the receiver. */
  busy = false;
  readonly #learned: (address: number) => void;
  readonly #neighbours = new Map<number, Uint8Array>();
  #lastAddress = -1;
  #lastMac: Uint8Array = BROADCAST_MAC;
  #identification = 0;
  /** Kept, so that a segment costs no object. */
  readonly #offload: { -readonly [K in keyof FrameOffload]: FrameOffload[K] } = {
    checksumStart: TRANSPORT,
    checksumOffset: 0,
    segmentSize: 0,
  };

  /** @param learned told when a guest's Ethernet address has become known. */
  constructor(
    plan: NetworkPlan,
    mac: Uint8Array,
    mtu: number,
    learned: (address: number) => void,
  ) {
    this.plan = plan;
    this.mac = mac;
    this.mtu = mtu;
    this.#learned = learned;
    this.frame.set(mac, MAC_BYTES);
  }

  /** Guests whose Ethernet address is known. */
  neighbours(): IterableIterator<[address: number, mac: Uint8Array]> {
    return this.#neighbours.entries();
  }

  /** Notes the Ethernet address of a guest; what cannot be one is ignored. */
  learn(address: number, mac: Uint8Array): void {
    if (address === this.#lastAddress && sameMac(mac, this.#lastMac)) return;
    if (!this.plan.isGuest(address) || !isUnicastMac(mac)) return;
    const known = this.#neighbours.get(address);
    if (known === undefined || !sameMac(known, mac)) {
      this.#neighbours.delete(address);
      if (this.#neighbours.size >= MAX_NEIGHBOURS) {
        for (const oldest of this.#neighbours.keys()) {
          this.#neighbours.delete(oldest);
          break;
        }
      }
      this.#neighbours.set(address, mac.slice());
    }
    this.#lastAddress = address;
    this.#lastMac = this.#neighbours.get(address) as Uint8Array;
    if (known === undefined) this.#learned(address);
  }

  /** Handles an ARP packet: answers for gateway and name server, and learns. */
  receiveArp(frame: Uint8Array): boolean {
    if (frame.length < NETWORK + ARP_BYTES) return false;
    if (ARP_KIND.some((byte, i) => frame[NETWORK + i] !== byte)) return false;
    const operation = word(frame, ARP_OPERATION);
    if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return false;
    const sender = longWord(frame, ARP_SENDER);
    const target = longWord(frame, ARP_TARGET);
    const senderMac = frame.slice(ARP_SENDER_MAC, ARP_SENDER_MAC + MAC_BYTES);
    this.learn(sender, senderMac);
    const { gateway, dns } = this.plan;
    if (operation !== ARP_REQUEST || (target !== gateway && target !== dns)) return true;
    // An address without an owner asks whether ours is taken (RFC 5227): it is answered, too.
    if (!isUnicastMac(senderMac)) return false;
    this.#sendArp(ARP_REPLY, target, sender, senderMac);
    return true;
  }

  /** Sends an IPv4 packet to a guest, in fragments if it is longer than the MTU. */
  send(protocol: number, source: number, destination: number, length: number): SendResult {
    const mac = this.#macOf(destination);
    if (mac === undefined) return "unknown";
    return this.sendTo(mac, protocol, source, destination, length);
  }

  /** Sends an IPv4 packet to an Ethernet address. */
  sendTo(
    mac: Uint8Array,
    protocol: number,
    source: number,
    destination: number,
    length: number,
  ): SendResult {
    this.#writeHeader(mac, protocol, source, destination);
    const room = this.mtu - IPV4_HEADER;
    if (length <= room) return this.#emit(length, DO_NOT_FRAGMENT);
    const payload = this.frame.slice(TRANSPORT, TRANSPORT + length);
    const step = room & ~7;
    for (let at = 0; at < length; at += step) {
      const bytes = Math.min(step, length - at);
      this.frame.set(payload.subarray(at, at + bytes), TRANSPORT);
      const more = at + bytes < length ? MORE_FRAGMENTS : 0;
      const result = this.#emit(bytes, more | at / 8);
      if (result !== "sent") return result;
    }
    return "sent";
  }

  /**
   * Sends a TCP packet of `length` bytes, header and all, of segments with up to `segmentSize` bytes
   * of payload. Its checksum is left to the card.
   */
  sendTcp(source: number, destination: number, length: number, segmentSize: number): SendResult {
    const mac = this.#macOf(destination);
    if (mac === undefined) return "unknown";
    this.#writeHeader(mac, IpProtocol.tcp, source, destination);
    const offload = this.#offload;
    offload.checksumOffset = 16;
    offload.segmentSize = segmentSize;
    const sum = pseudoSum(source, destination, IpProtocol.tcp, length);
    setWord(this.frame, TRANSPORT + offload.checksumOffset, sum);
    return this.#emit(length, DO_NOT_FRAGMENT, offload);
  }

  #macOf(address: number): Uint8Array | undefined {
    if (address === this.#lastAddress) return this.#lastMac;
    const mac = this.#neighbours.get(address);
    if (mac === undefined) {
      if (this.plan.isGuest(address)) {
        this.#sendArp(ARP_REQUEST, this.plan.gateway, address, undefined);
      }
      return undefined;
    }
    this.#lastAddress = address;
    this.#lastMac = mac;
    return mac;
  }

  #writeHeader(mac: Uint8Array, protocol: number, source: number, destination: number): void {
    const { frame } = this;
    frame.set(mac);
    setWord(frame, NETWORK - 2, EtherType.ipv4);
    frame[NETWORK] = 0x45;
    frame[NETWORK + 1] = 0;
    this.#identification = (this.#identification + 1) & 0xffff;
    setWord(frame, NETWORK + 4, this.#identification);
    frame[NETWORK + 8] = TTL;
    frame[NETWORK + 9] = protocol;
    setLongWord(frame, NETWORK + 12, source);
    setLongWord(frame, NETWORK + 16, destination);
  }

  #emit(length: number, fragment: number, offload?: FrameOffload): SendResult {
    const { frame } = this;
    setWord(frame, NETWORK + 2, IPV4_HEADER + length);
    setWord(frame, NETWORK + 6, fragment);
    setWord(frame, NETWORK + 10, 0);
    setWord(frame, NETWORK + 10, checksumOf(addToSum(frame, NETWORK, TRANSPORT)));
    return this.#deliver(TRANSPORT + length, offload);
  }

  #sendArp(operation: number, from: number, to: number, mac: Uint8Array | undefined): void {
    const { frame } = this;
    frame.set(mac ?? BROADCAST_MAC);
    setWord(frame, NETWORK - 2, EtherType.arp);
    frame.set(ARP_KIND, NETWORK);
    setWord(frame, ARP_OPERATION, operation);
    frame.set(this.mac, ARP_SENDER_MAC);
    setLongWord(frame, ARP_SENDER, from);
    frame.fill(0, ARP_TARGET_MAC, ARP_TARGET);
    if (mac !== undefined) frame.set(mac, ARP_TARGET_MAC);
    setLongWord(frame, ARP_TARGET, to);
    this.#deliver(NETWORK + ARP_BYTES, undefined);
  }

  #deliver(length: number, offload: FrameOffload | undefined): SendResult {
    const { frame } = this;
    if (length < SHORTEST_FRAME) frame.fill(0, length, SHORTEST_FRAME);
    this.busy = true;
    const taken = this.receiver(frame.subarray(0, Math.max(length, SHORTEST_FRAME)), offload);
    this.busy = false;
    if (taken) this.sent++;
    else this.refused++;
    return taken ? "sent" : "full";
  }
}

function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}

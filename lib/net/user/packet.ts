/** The parts of a frame that the network reads and writes: Ethernet, IPv4 (RFC 791), ICMP (RFC 792). */
import { addToSum, fold } from "../checksum.ts";
import { EtherType, setWord, word } from "../headers.ts";

/** Offset of the network header: frames have no VLAN tags here. */
export const NETWORK = 14;
/** Bytes of an IPv4 header without options. */
export const IPV4_HEADER = 20;
/** Offset of what follows an IPv4 header without options. */
export const TRANSPORT: number = NETWORK + IPV4_HEADER;
/** Bytes of a UDP header. */
export const UDP_HEADER = 8;
/** Most bytes of an IPv4 packet. */
export const MAX_PACKET = 65535;

/** Types of ICMP messages. */
export const IcmpType = { echoReply: 0, unreachable: 3, echo: 8, timeExceeded: 11 } as const;
/** Codes of ICMP's "destination unreachable" (RFC 792 and RFC 1812, section 5.2.7.1). */
export const Unreachable = { host: 1, protocol: 2, port: 3, prohibited: 13 } as const;

/** A big-endian 32-bit word, unsigned. */
export function longWord(bytes: Uint8Array, at: number): number {
  return (word(bytes, at) << 16 | word(bytes, at + 2)) >>> 0;
}

/** An IPv4 packet in a frame. Offsets are from the frame's first byte, and within it once read. */
export class Ipv4Packet {
  /** The frame; valid while `send` runs. */
  frame: Uint8Array = new Uint8Array(0);
  source = 0;
  destination = 0;
  protocol = 0;
  /** Hops left, the one to us counted. */
  ttl = 0;
  /** Where the payload begins. */
  start = 0;
  /** Where the payload ends. */
  end = 0;
  identification = 0;
  /** Offset of a fragment in the whole packet's payload, in bytes. */
  fragmentOffset = 0;
  moreFragments = false;
  /** Whether the checksum of the payload was left to others: it needs no look. */
  partial = false;

  /** Reads the header at {@linkcode NETWORK}; false if a length or its checksum is wrong. */
  read(frame: Uint8Array): boolean {
    if (frame.length < TRANSPORT || word(frame, NETWORK - 2) !== EtherType.ipv4) return false;
    const first = frame[NETWORK];
    this.frame = frame;
    this.start = NETWORK + (first & 0xf) * 4;
    this.end = NETWORK + word(frame, NETWORK + 2);
    if (first >> 4 !== 4 || this.start < TRANSPORT) return false;
    if (this.end < this.start || this.end > frame.length) return false;
    if (addToSum(frame, NETWORK, this.start) !== 0xffff) return false;
    this.identification = word(frame, NETWORK + 4);
    const fragment = word(frame, NETWORK + 6);
    this.moreFragments = (fragment & MORE_FRAGMENTS) !== 0;
    this.fragmentOffset = (fragment & 0x1fff) * 8;
    this.ttl = frame[NETWORK + 8];
    this.protocol = frame[NETWORK + 9];
    this.source = longWord(frame, NETWORK + 12);
    this.destination = longWord(frame, NETWORK + 16);
    this.partial = false;
    return true;
  }

  /** Bytes of the payload. */
  get length(): number {
    return this.end - this.start;
  }

  /** Whether the checksum of TCP or UDP is right, over a pseudo header of this packet. */
  isSound(): boolean {
    if (this.partial) return true;
    const pseudo = pseudoSum(this.source, this.destination, this.protocol, this.length);
    return addToSum(this.frame, this.start, this.end, pseudo) === 0xffff;
  }
}

/** An IPv4 header's bit: another fragment follows. */
export const MORE_FRAGMENTS = 0x2000;

/** The folded sum of the pseudo header of TCP and UDP (RFC 9293, section 3.1). */
export function pseudoSum(
  source: number,
  destination: number,
  protocol: number,
  length: number,
): number {
  const sum = (source >>> 16) + (source & 0xffff) + (destination >>> 16) +
    (destination & 0xffff) + protocol + length;
  return fold(sum);
}

/** Stores a big-endian 32-bit word. */
export function setLongWord(bytes: Uint8Array, at: number, value: number): void {
  setWord(bytes, at, value >>> 16);
  setWord(bytes, at + 2, value & 0xffff);
}

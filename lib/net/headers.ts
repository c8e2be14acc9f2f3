/** Where the headers of a frame are. */
import { MIN_FRAME } from "./backend.ts";

/** Ethernet types. */
export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  serviceVlan: 0x88a8,
} as const;
/** Numbers of protocols over IP. */
export const IpProtocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const VLAN_TAG = 4;
/** IPv6 extension headers that may come before TCP: hop-by-hop, routing, destination options. */
const EXTENSIONS: readonly number[] = [0, 43, 60];
const MAX_EXTENSIONS = 8;

/** What was found in a frame. All offsets are from its first byte, and within it. */
export interface FrameHeaders {
  /** VLAN of the outer tag, 0..4095; -1 if there is none. */
  vlan: number;
  /** Ethernet type behind the tags. */
  etherType: number;
  /** Where the network header begins. */
  network: number;
  /** Version of IP: 4 or 6; 0: not IP, or its header is broken. */
  version: number;
  /** Protocol over IP; -1 without IP, and for a fragment that is not the first. */
  protocol: number;
  /** Where the transport header begins, if `protocol` is not -1. */
  transport: number;
}

/** No headers. */
export function emptyHeaders(): FrameHeaders {
  return { vlan: -1, etherType: 0, network: 0, version: 0, protocol: -1, transport: 0 };
}

/** Finds the headers of any bytes; `into` is filled and given back. */
export function findHeaders(
  frame: Uint8Array,
  into: FrameHeaders = emptyHeaders(),
): FrameHeaders {
  into.vlan = into.protocol = -1;
  into.version = into.transport = into.etherType = 0;
  into.network = frame.length;
  if (frame.length < MIN_FRAME) return into;
  let at = MIN_FRAME - 2;
  let type = word(frame, at);
  for (let tags = 0; tags < 2 && isTag(type) && at + VLAN_TAG + 2 <= frame.length; tags++) {
    if (tags === 0) into.vlan = word(frame, at + 2) & 0xfff;
    at += VLAN_TAG;
    type = word(frame, at);
  }
  into.etherType = type;
  into.network = at + 2;
  if (type === EtherType.ipv4) findIpv4(frame, into);
  else if (type === EtherType.ipv6) findIpv6(frame, into);
  return into;
}

function isTag(type: number): boolean {
  return type === EtherType.vlan || type === EtherType.serviceVlan;
}

function findIpv4(frame: Uint8Array, into: FrameHeaders): void {
  const { network } = into;
  if (network + IPV4_HEADER > frame.length || frame[network] >> 4 !== 4) return;
  const bytes = (frame[network] & 0xf) * 4;
  if (bytes < IPV4_HEADER || network + bytes > frame.length) return;
  into.version = 4;
  if ((word(frame, network + 6) & 0x1fff) !== 0) return;
  into.protocol = frame[network + 9];
  into.transport = network + bytes;
}

function findIpv6(frame: Uint8Array, into: FrameHeaders): void {
  const { network } = into;
  if (network + IPV6_HEADER > frame.length || frame[network] >> 4 !== 6) return;
  into.version = 6;
  let next = frame[network + 6];
  let at = network + IPV6_HEADER;
  for (let i = 0; i < MAX_EXTENSIONS && EXTENSIONS.includes(next); i++) {
    if (at + 8 > frame.length) return;
    const bytes = 8 + 8 * frame[at + 1];
    if (at + bytes > frame.length) return;
    next = frame[at];
    at += bytes;
  }
  into.protocol = next;
  into.transport = at;
}

/** A big-endian 16-bit word. */
export function word(bytes: Uint8Array, at: number): number {
  return bytes[at] << 8 | bytes[at + 1];
}

/** Stores a big-endian 16-bit word. */
export function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

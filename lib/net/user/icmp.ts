/** ICMP (RFC 792): echo answers, and errors about packets that go nowhere. */
import { addToSum, checksumOf } from "../checksum.ts";
import { IpProtocol, setWord } from "../headers.ts";
import type { GuestLink } from "./guest_link.ts";
import { IcmpType, type Ipv4Packet, NETWORK, TRANSPORT, Unreachable } from "./packet.ts";

const ICMP_HEADER = 8;
/** Bytes of a packet's payload that come back in an error. */
const QUOTED = 8;

/**
 * Answers echo requests to gateway and name server. Runtimes have no raw sockets, so requests to any
 * other address are answered with "communication administratively prohibited" (RFC 1812, 5.2.7.1).
 */
export function receiveIcmp(link: GuestLink, packet: Ipv4Packet): boolean {
  const { frame, start, end, destination } = packet;
  if (packet.length < ICMP_HEADER || addToSum(frame, start, end) !== 0xffff) return false;
  // Errors of the guest about our packets, and answers to questions that nobody asked.
  if (frame[start] !== IcmpType.echo || frame[start + 1] !== 0) return true;
  const { gateway, dns } = link.plan;
  if (destination !== gateway && destination !== dns) {
    sendError(link, IcmpType.unreachable, Unreachable.prohibited, quote(packet));
    return true;
  }
  link.frame.set(frame.subarray(start, end), TRANSPORT);
  link.frame[TRANSPORT] = IcmpType.echoReply;
  finish(link, packet.length);
  link.send(IpProtocol.icmp, destination, packet.source, packet.length);
  return true;
}

/** What an error tells of a packet: its header and the first bytes of its payload. */
export interface QuotedPacket {
  readonly source: number;
  readonly bytes: Uint8Array;
}

/** Keeps what an error about a packet needs. */
export function quote({ frame, source, start, end }: Ipv4Packet): QuotedPacket {
  return { source, bytes: frame.slice(NETWORK, Math.min(end, start + QUOTED)) };
}

/** Tells a guest why its packet went nowhere. */
export function sendError(
  link: GuestLink,
  type: number,
  code: number,
  { source, bytes }: QuotedPacket,
): void {
  link.frame.fill(0, TRANSPORT, TRANSPORT + ICMP_HEADER);
  link.frame[TRANSPORT] = type;
  link.frame[TRANSPORT + 1] = code;
  link.frame.set(bytes, TRANSPORT + ICMP_HEADER);
  finish(link, ICMP_HEADER + bytes.length);
  link.send(IpProtocol.icmp, link.plan.gateway, source, ICMP_HEADER + bytes.length);
}

function finish(link: GuestLink, length: number): void {
  setWord(link.frame, TRANSPORT + 2, 0);
  setWord(
    link.frame,
    TRANSPORT + 2,
    checksumOf(addToSum(link.frame, TRANSPORT, TRANSPORT + length)),
  );
}

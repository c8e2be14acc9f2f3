/** Packets made and read by hand, independently of the network that they test. */
import { IpProtocol } from "../../headers.ts";

export const GATEWAY_MAC: readonly number[] = [0x52, 0x55, 10, 0, 2, 2];
export const GUEST_MAC: readonly number[] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
export const ALL: readonly number[] = [255, 255, 255, 255, 255, 255];
export const GATEWAY = "10.0.2.2";
export const DNS = "10.0.2.3";
export const GUEST = "10.0.2.15";

/** Plain sum of 16-bit words, the slow way. */
export function checksum(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i] << (i % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
export const address = (text: string): number[] => text.split(".").map(Number);
export const dotted = (bytes: ArrayLike<number>): string => Array.from(bytes).join(".");
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** An Ethernet frame. */
export function ethernet(
  type: number,
  payload: ArrayLike<number>,
  to: readonly number[] = GATEWAY_MAC,
  from: readonly number[] = GUEST_MAC,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(14 + payload.length);
  frame.set([...to, ...from, ...u16(type)]);
  frame.set(payload, 14);
  return frame;
}

/** Fields of an IPv4 packet; what is left out has a usual value. */
export interface IpFields {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly identification?: number;
  /** Flags and offset as they stand in the header. */
  readonly fragment?: number;
  readonly options?: readonly number[];
  readonly to?: readonly number[];
  readonly from?: readonly number[];
}

/** An IPv4 packet in a frame. */
export function ipv4(payload: ArrayLike<number>, fields: IpFields = {}): Uint8Array<ArrayBuffer> {
  const { source = GUEST, destination = GATEWAY, protocol = IpProtocol.udp, ttl = 64 } = fields;
  const { identification = 7, fragment = 0, options = [] } = fields;
  const header = [
    0x40 | (5 + options.length / 4),
    0,
    ...u16(20 + options.length + payload.length),
    ...u16(identification),
    ...u16(fragment),
    ttl,
    protocol,
    0,
    0,
    ...address(source),
    ...address(destination),
    ...options,
  ];
  header.splice(10, 2, ...u16(checksum(header)));
  const packet = new Uint8Array(header.length + payload.length);
  packet.set(header);
  packet.set(payload, header.length);
  return ethernet(0x0800, packet, fields.to, fields.from);
}

function pseudo(fields: IpFields, protocol: number, length: number): number[] {
  const { source = GUEST, destination = GATEWAY } = fields;
  return [...address(source), ...address(destination), 0, protocol, ...u16(length)];
}

/** A UDP datagram in a frame. */
export function udp(
  ports: readonly [from: number, to: number],
  payload: ArrayLike<number>,
  fields: IpFields = {},
): Uint8Array<ArrayBuffer> {
  return ipv4(datagram(ports, payload, fields), fields);
}

/** A UDP datagram without IP header. */
export function datagram(
  ports: readonly [from: number, to: number],
  payload: ArrayLike<number>,
  fields: IpFields = {},
): Uint8Array<ArrayBuffer> {
  const length = 8 + payload.length;
  const bytes = new Uint8Array(length);
  bytes.set([...u16(ports[0]), ...u16(ports[1]), ...u16(length)]);
  bytes.set(payload, 8);
  const sum = checksum([...pseudo(fields, IpProtocol.udp, length), ...bytes]) || 0xffff;
  bytes.set(u16(sum), 6);
  return bytes;
}

/** Fields of a TCP segment. */
export interface TcpFields {
  readonly ports: readonly [from: number, to: number];
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly flags: number;
  readonly window?: number;
  /** Bytes of options, a multiple of four. */
  readonly options?: readonly number[];
  readonly payload?: Uint8Array;
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/** A TCP segment in a frame. */
export function tcp(fields: TcpFields, ip: IpFields = {}): Uint8Array<ArrayBuffer> {
  const { ports, sequence = 0, acknowledgement = 0, flags, window = 65535, options = [] } = fields;
  const { payload = new Uint8Array(0) } = fields;
  const header = 20 + options.length;
  const bytes = new Uint8Array(header + payload.length);
  bytes.set([
    ...u16(ports[0]),
    ...u16(ports[1]),
    ...u32(sequence),
    ...u32(acknowledgement),
    header << 2,
    flags,
    ...u16(window),
    0,
    0,
    0,
    0,
    ...options,
  ]);
  bytes.set(payload, header);
  const summed = new Uint8Array(12 + bytes.length);
  summed.set(pseudo(ip, IpProtocol.tcp, bytes.length));
  summed.set(bytes, 12);
  bytes.set(u16(checksum(summed)), 16);
  return ipv4(bytes, { ...ip, protocol: IpProtocol.tcp });
}

/** An ICMP message in a frame. */
export function icmp(
  type: number,
  code: number,
  rest: readonly number[],
  fields: IpFields = {},
): Uint8Array<ArrayBuffer> {
  const bytes = [type, code, 0, 0, ...rest];
  bytes.splice(2, 2, ...u16(checksum(bytes)));
  return ipv4(bytes, { ...fields, protocol: IpProtocol.icmp });
}

/** An ARP packet in a frame. */
export function arp(
  operation: number,
  sender: string,
  target: string,
  from: readonly number[] = GUEST_MAC,
): Uint8Array<ArrayBuffer> {
  const body = [0, 1, 8, 0, 6, 4, 0, operation, ...from, ...address(sender)];
  return ethernet(0x0806, [...body, 0, 0, 0, 0, 0, 0, ...address(target)], ALL, from);
}

/** What a frame from the network holds, checked on the way. */
export interface Received {
  readonly frame: Uint8Array;
  readonly to: readonly number[];
  readonly type: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly ttl: number;
  readonly fragment: number;
  /** What is behind the IPv4 header; of ARP, all. */
  readonly payload: Uint8Array;
}

/** Reads a frame; throws if a length or checksum of IPv4 is wrong. */
export function read(frame: Uint8Array): Received {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const type = view.getUint16(12);
  const common = { frame, to: [...frame.subarray(0, 6)], type };
  const none = { source: "", destination: "", protocol: 0, ttl: 0, fragment: 0 };
  if (type !== 0x0800) return { ...common, ...none, payload: frame.subarray(14) };
  const header = (frame[14] & 15) * 4;
  if (frame[14] >> 4 !== 4 || checksum(frame.subarray(14, 14 + header)) !== 0) {
    throw new Error("a broken IPv4 header came");
  }
  const end = 14 + view.getUint16(16);
  if (end > frame.length || (end < frame.length && frame.length !== 60)) {
    throw new Error(`IPv4 length ${end - 14} in a frame of ${frame.length} bytes`);
  }
  return {
    ...common,
    source: dotted(frame.subarray(26, 30)),
    destination: dotted(frame.subarray(30, 34)),
    protocol: frame[23],
    ttl: frame[22],
    fragment: view.getUint16(20),
    payload: frame.subarray(14 + header, end),
  };
}

/** A UDP datagram of a packet; throws if its checksum is wrong. */
export function readUdp(packet: Received): { ports: [number, number]; payload: Uint8Array } {
  const { payload, source, destination } = packet;
  const pseudoHeader = pseudo({ source, destination }, IpProtocol.udp, payload.length);
  if (checksum([...pseudoHeader, ...payload]) !== 0) throw new Error("a broken datagram came");
  const view = new DataView(payload.buffer, payload.byteOffset);
  return { ports: [view.getUint16(0), view.getUint16(2)], payload: payload.subarray(8) };
}

/** A TCP segment as it was read. */
export interface Segment {
  readonly ports: readonly [from: number, to: number];
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly window: number;
  readonly options: readonly number[];
  readonly payload: Uint8Array;
}

/**
 * The TCP segment of a packet. Its checksum must be the pseudo header's sum alone, because it is left
 * to the card.
 */
export function readTcp(packet: Received): Segment {
  const { payload, source, destination } = packet;
  const view = new DataView(payload.buffer, payload.byteOffset);
  const sum = ~checksum(pseudo({ source, destination }, IpProtocol.tcp, payload.length)) & 0xffff;
  if (view.getUint16(16) !== sum) throw new Error("a checksum is not that of the pseudo header");
  const header = (payload[12] >> 4) * 4;
  return {
    ports: [view.getUint16(0), view.getUint16(2)],
    sequence: view.getUint32(4),
    acknowledgement: view.getUint32(8),
    flags: payload[13],
    window: view.getUint16(14),
    options: [...payload.subarray(20, header)],
    payload: payload.subarray(header),
  };
}

/** Frames made by hand, for the tests of cards and networks. */
import { addToSum, checksumOf } from "../checksum.ts";
import { emptyHeaders, EtherType, findHeaders, IpProtocol, setWord, word } from "../headers.ts";

/** What to put into a frame; all else has a fixed value. */
export interface TestFrame {
  readonly to?: readonly number[];
  readonly from?: readonly number[];
  readonly vlan?: number;
  readonly version?: 4 | 6;
  /** Last byte of the IP addresses. */
  readonly hosts?: readonly [from: number, to: number];
  readonly protocol?: number;
  readonly ports?: readonly [from: number, to: number];
  readonly sequence?: number;
  readonly flags?: number;
  /** Bytes of TCP options, a multiple of 4. */
  readonly options?: number;
  readonly payload?: Uint8Array | number;
  /** Leave the checksum as the sum of the pseudo header. */
  readonly partial?: boolean;
}

export const MAC_A: readonly number[] = [2, 0, 0, 0, 0, 0xa];
export const MAC_B: readonly number[] = [2, 0, 0, 0, 0, 0xb];
export const BROADCAST: readonly number[] = [255, 255, 255, 255, 255, 255];

/** A TCP or UDP packet in an Ethernet frame. */
export function testFrame(options: TestFrame = {}): Uint8Array<ArrayBuffer> {
  const { to = MAC_B, from = MAC_A, vlan, version = 4, hosts = [1, 2], ports = [1000, 2000] } =
    options;
  const { protocol = IpProtocol.tcp, sequence = 0, flags = 0x10, payload = 0 } = options;
  const data = typeof payload === "number"
    ? Uint8Array.from({ length: payload }, (_, i) => i * 7 + (i >> 8))
    : payload;
  const tcp = protocol === IpProtocol.tcp;
  const ethernet = vlan === undefined ? 14 : 18;
  const ip = version === 4 ? 20 : 40;
  const transport = ethernet + ip;
  const header = tcp ? 20 + (options.options ?? 0) : 8;
  const frame = new Uint8Array(transport + header + data.length);
  frame.set(to);
  frame.set(from, 6);
  if (vlan !== undefined) {
    setWord(frame, 12, EtherType.vlan);
    setWord(frame, 14, vlan);
  }
  setWord(frame, ethernet - 2, version === 4 ? EtherType.ipv4 : EtherType.ipv6);
  const length = frame.length - transport;
  if (version === 4) {
    frame.set([0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0], ethernet);
    setWord(frame, ethernet + 2, length + ip);
    frame.set([10, 0, 0, hosts[0], 10, 0, 0, hosts[1]], ethernet + 12);
    setWord(frame, ethernet + 10, checksumOf(addToSum(frame, ethernet, transport)));
  } else {
    frame.set([0x60, 0, 0, 0, 0, 0, protocol, 64], ethernet);
    setWord(frame, ethernet + 4, length);
    frame.set([0xfd, 1], ethernet + 8);
    frame[ethernet + 23] = hosts[0];
    frame.set([0xfd, 2], ethernet + 24);
    frame[ethernet + 39] = hosts[1];
  }
  setWord(frame, transport, ports[0]);
  setWord(frame, transport + 2, ports[1]);
  if (tcp) {
    setWord(frame, transport + 4, sequence >>> 16);
    setWord(frame, transport + 6, sequence & 0xffff);
    frame.set([header << 2, flags, 0x20, 0], transport + 12);
  } else {
    setWord(frame, transport + 4, length);
  }
  frame.set(data, transport + header);
  const field = transport + (tcp ? 16 : 6);
  const sum = pseudoHeaderSum(frame);
  setWord(frame, field, sum);
  if (options.partial !== true) {
    setWord(frame, field, checksumOf(addToSum(frame, transport, frame.length)) || 0xffff);
  }
  return frame;
}

/** The sum of the pseudo header of a TCP or UDP packet that ends with its frame. */
export function pseudoHeaderSum(frame: Uint8Array): number {
  const { network, transport, version, protocol } = findHeaders(frame, emptyHeaders());
  const [from, to] = version === 4 ? [network + 12, network + 20] : [network + 8, network + 40];
  return addToSum(frame, from, to, protocol + frame.length - transport);
}

/** Whether all checksums and lengths of a TCP or UDP packet are right. */
export function isSound(frame: Uint8Array): boolean {
  const { network, transport, version, protocol } = findHeaders(frame, emptyHeaders());
  if (protocol !== IpProtocol.tcp && protocol !== IpProtocol.udp) return false;
  if (version === 4 && addToSum(frame, network, transport) !== 0xffff) return false;
  const length = version === 4
    ? word(frame, network + 2) + network
    : word(frame, network + 4) + network + 40;
  if (length !== frame.length) return false;
  return addToSum(frame, transport, frame.length, pseudoHeaderSum(frame)) === 0xffff;
}

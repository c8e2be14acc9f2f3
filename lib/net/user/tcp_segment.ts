/** TCP segments (RFC 9293, section 3.1): reading and writing headers, arithmetic of sequence numbers. */
import { setWord, word } from "../headers.ts";
import { type Ipv4Packet, longWord, setLongWord } from "./packet.ts";

/** Bytes of a header without options. */
export const TCP_HEADER = 20;
/** Bits of the flags. */
export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;
/** Largest shift of a window (RFC 7323, section 2.3). */
export const MAX_SHIFT = 14;

/** Kinds of options. */
const Option = { end: 0, nothing: 1, maximumSegment: 2, windowScale: 3 } as const;
/** Payload of a segment if the other side names none (RFC 9293, section 3.7.1). */
const DEFAULT_SEGMENT = 536;
/** Smallest payload that we let the other side ask for: less is nothing but load. */
const SMALLEST_SEGMENT = 64;

/** A segment as it was read. */
export class TcpSegment {
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgement = 0;
  flags = 0;
  /** As it stands in the header. */
  window = 0;
  /** Where the payload is in the frame. */
  start = 0;
  length = 0;
  frame: Uint8Array = new Uint8Array(0);
  /** Of a segment with SYN: most payload that its sender takes. */
  maximumSegment: number = DEFAULT_SEGMENT;
  /** Of a segment with SYN: shift of its sender's windows; -1 if it did not say. */
  windowShift = -1;

  /** Reads the segment in a packet; false if lengths or checksum are wrong. */
  read(packet: Ipv4Packet): boolean {
    const { frame, start, end } = packet;
    if (packet.length < TCP_HEADER || !packet.isSound()) return false;
    const header = (frame[start + 12] >> 4) * 4;
    if (header < TCP_HEADER || start + header > end) return false;
    this.frame = frame;
    this.sourcePort = word(frame, start);
    this.destinationPort = word(frame, start + 2);
    this.sequence = longWord(frame, start + 4);
    this.acknowledgement = longWord(frame, start + 8);
    this.flags = frame[start + 13];
    this.window = word(frame, start + 14);
    this.start = start + header;
    this.length = end - this.start;
    if (this.sourcePort === 0 || this.destinationPort === 0) return false;
    if ((this.flags & TcpFlag.syn) !== 0) this.#readOptions(start + TCP_HEADER, this.start);
    return true;
  }

  /** Whether all bits are set. */
  has(flag: number): boolean {
    return (this.flags & flag) === flag;
  }

  /** Sequence numbers that it takes. */
  get span(): number {
    return this.length + (this.has(TcpFlag.syn) ? 1 : 0) + (this.has(TcpFlag.fin) ? 1 : 0);
  }

  #readOptions(from: number, end: number): void {
    const { frame } = this;
    this.maximumSegment = DEFAULT_SEGMENT;
    this.windowShift = -1;
    for (let at = from; at < end && frame[at] !== Option.end;) {
      if (frame[at] === Option.nothing) {
        at++;
        continue;
      }
      const length = at + 1 < end ? frame[at + 1] : 0;
      if (length < 2 || at + length > end) return;
      if (frame[at] === Option.maximumSegment && length === 4) {
        this.maximumSegment = Math.max(word(frame, at + 2), SMALLEST_SEGMENT);
      } else if (frame[at] === Option.windowScale && length === 3) {
        this.windowShift = Math.min(frame[at + 2], MAX_SHIFT);
      }
      at += length;
    }
  }
}

/** What goes into the header of a segment that is sent. */
export interface SegmentFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  /** As it stands in the header, 0..65535. */
  readonly window: number;
  /** With SYN: most payload that we take. */
  readonly maximumSegment?: number;
  /** With SYN: shift of our windows. */
  readonly windowShift?: number;
}

/** Writes a header at `at`; gives its bytes. The checksum is left to the sender. */
export function writeSegment(frame: Uint8Array, at: number, fields: SegmentFields): number {
  let header = TCP_HEADER;
  setWord(frame, at, fields.sourcePort);
  setWord(frame, at + 2, fields.destinationPort);
  setLongWord(frame, at + 4, fields.sequence);
  setLongWord(frame, at + 8, fields.acknowledgement);
  frame[at + 13] = fields.flags;
  setWord(frame, at + 14, fields.window);
  setWord(frame, at + 16, 0);
  setWord(frame, at + 18, 0); // urgent pointer
  if (fields.maximumSegment !== undefined) {
    frame[at + header] = Option.maximumSegment;
    frame[at + header + 1] = 4;
    setWord(frame, at + header + 2, fields.maximumSegment);
    header += 4;
  }
  if (fields.windowShift !== undefined) {
    frame[at + header] = Option.nothing;
    frame[at + header + 1] = Option.windowScale;
    frame[at + header + 2] = 3;
    frame[at + header + 3] = fields.windowShift;
    header += 4;
  }
  frame[at + 12] = header / 4 << 4;
  return header;
}

/** How far sequence number `a` is ahead of `b`: -2^31..2^31-1. */
export function ahead(a: number, b: number): number {
  return (a - b) | 0;
}

/** A sequence number `count` further on. */
export function advance(sequence: number, count: number): number {
  return (sequence + count) >>> 0;
}

/** The fields of a reset for a segment of no connection (RFC 9293, section 3.10.7.1). */
export function resetFor(segment: TcpSegment): SegmentFields {
  const acknowledged = segment.has(TcpFlag.ack);
  return {
    sourcePort: segment.destinationPort,
    destinationPort: segment.sourcePort,
    sequence: acknowledged ? segment.acknowledgement : 0,
    acknowledgement: acknowledged ? 0 : advance(segment.sequence, segment.span),
    flags: TcpFlag.rst | (acknowledged ? 0 : TcpFlag.ack),
    window: 0,
  };
}

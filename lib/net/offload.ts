/**
 * The work that a sender may leave to others, done in software: TCP and UDP checksums, and large TCP
 * packets cut into segments.
 */
import type { FrameOffload, NetOffloads } from "./backend.ts";
import { addToSum, checksumOf, fold } from "./checksum.ts";
import {
  emptyHeaders,
  findHeaders,
  type FrameHeaders,
  IpProtocol,
  setWord,
  word,
} from "./headers.ts";

// Offsets in headers.
const TCP_SEQUENCE = 4;
const TCP_DATA_OFFSET = 12;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;
const TCP_HEADER = 20;
const UDP_CHECKSUM = 6;
const UDP_HEADER = 8;
const IPV4_LENGTH = 2;
const IPV4_ID = 4;
const IPV4_CHECKSUM = 10;
const IPV6_LENGTH = 4;
const IPV6_HEADER = 40;

const FIN_PSH = 0x09;
const CWR = 0x80;

/** What a frame with work left looks like, once it was checked. */
export interface OffloadFrame extends FrameHeaders {
  /** Bytes of the headers up to the payload. */
  headerBytes: number;
  /** TCP with CWR set: the first segment only keeps it. */
  congestion: boolean;
}

/** An {@linkcode OffloadFrame} to be filled. */
export function emptyOffloadFrame(): OffloadFrame {
  return { ...emptyHeaders(), headerBytes: 0, congestion: false };
}

/**
 * Looks whether a frame is what its offload says: TCP or UDP in IP, its checksum in place, TCP where
 * it is to be cut, headers and addresses within the frame. False: it is not.
 */
export function checkOffload(
  frame: Uint8Array,
  offload: FrameOffload,
  into: OffloadFrame,
): boolean {
  const { checksumStart, checksumOffset, segmentSize } = offload;
  findHeaders(frame, into);
  into.congestion = false;
  if (checksumStart === 0 || into.transport !== checksumStart) return false;
  if (into.protocol === IpProtocol.udp) {
    into.headerBytes = checksumStart + UDP_HEADER;
    return checksumOffset === UDP_CHECKSUM && segmentSize === 0 &&
      into.headerBytes <= frame.length;
  }
  if (into.protocol !== IpProtocol.tcp || checksumOffset !== TCP_CHECKSUM) return false;
  if (checksumStart + TCP_HEADER > frame.length) return false;
  const tcpHeader = (frame[checksumStart + TCP_DATA_OFFSET] >> 4) * 4;
  into.headerBytes = checksumStart + tcpHeader;
  into.congestion = (frame[checksumStart + TCP_FLAGS] & CWR) !== 0;
  return tcpHeader >= TCP_HEADER && into.headerBytes <= frame.length;
}

/** Whether somebody with these abilities takes a checked frame as it is. */
export function takesOffload(
  abilities: NetOffloads | undefined,
  offload: FrameOffload,
  frame: OffloadFrame,
): boolean {
  if (abilities === undefined || !abilities.checksum) return false;
  if (offload.segmentSize === 0) return true;
  return frame.version === 4 ? abilities.tcp4 : abilities.tcp6;
}

/**
 * Puts the checksum of the bytes from `checksumStart` to the end into its field, which holds the sum
 * of the pseudo header. The field lies within the frame.
 */
export function finishChecksum(
  frame: Uint8Array,
  checksumStart: number,
  checksumOffset: number,
): void {
  const checksum = checksumOf(addToSum(frame, checksumStart, frame.length));
  // Zero would mean "none" to UDP; all ones is the same number.
  setWord(frame, checksumStart + checksumOffset, checksum || 0xffff);
}

/**
 * Cuts a frame that {@linkcode checkOffload} has found to be TCP into segments with all checksums.
 * @param room for one segment; the segments that `emit` gets are in it, valid during the call.
 */
export function cutIntoSegments(
  frame: Uint8Array,
  headers: OffloadFrame,
  segmentSize: number,
  room: Uint8Array,
  emit: (segment: Uint8Array) => void,
): void {
  const { headerBytes, network, transport, version } = headers;
  const flags = frame[transport + TCP_FLAGS];
  const sequence = (word(frame, transport + TCP_SEQUENCE) << 16 |
    word(frame, transport + TCP_SEQUENCE + 2)) >>> 0;
  const id = word(frame, network + IPV4_ID);
  const addresses = version === 4
    ? addToSum(frame, network + 12, network + 20)
    : addToSum(frame, network + 8, network + IPV6_HEADER);
  room.set(frame.subarray(0, headerBytes));
  let at = headerBytes;
  let count = 0;
  do {
    const end = Math.min(at + segmentSize, frame.length);
    const bytes = headerBytes + end - at;
    room.set(frame.subarray(at, end), headerBytes);
    if (version === 4) {
      setWord(room, network + IPV4_LENGTH, bytes - network);
      setWord(room, network + IPV4_ID, (id + count) & 0xffff);
      setWord(room, network + IPV4_CHECKSUM, 0);
      setWord(room, network + IPV4_CHECKSUM, checksumOf(addToSum(room, network, transport)));
    } else {
      setWord(room, network + IPV6_LENGTH, bytes - network - IPV6_HEADER);
    }
    const next = (sequence + at - headerBytes) >>> 0;
    setWord(room, transport + TCP_SEQUENCE, next >>> 16);
    setWord(room, transport + TCP_SEQUENCE + 2, next & 0xffff);
    room[transport + TCP_FLAGS] = flags & (end < frame.length ? ~FIN_PSH : 0xff) &
      (count > 0 ? ~CWR : 0xff);
    setWord(room, transport + TCP_CHECKSUM, fold(addresses + IpProtocol.tcp + bytes - transport));
    const segment = room.subarray(0, bytes);
    finishChecksum(segment, transport, TCP_CHECKSUM);
    emit(segment);
    at = end;
    count++;
  } while (at < frame.length);
}

/** Puts IPv4 fragments of guests together (RFC 791, section 3.2; overlaps dropped, RFC 5722's way). */
import type { Clock } from "../../platform/platform.ts";
import { addToSum, checksumOf } from "../checksum.ts";
import { setWord } from "../headers.ts";
import { IPV4_HEADER, type Ipv4Packet, MAX_PACKET, NETWORK, TRANSPORT } from "./packet.ts";

/** Packets that may be incomplete at a time; the oldest gives way. */
const MAX_INCOMPLETE = 16;
/** Pieces of one packet. */
const MAX_PIECES = 64;
/** Nanoseconds until the rest of a packet must have come (RFC 1122, section 3.3.2: 60 to 120 s). */
const PATIENCE = 60e9;

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Incomplete {
  readonly pieces: Piece[];
  readonly deadline: number;
  /** Bytes that have come. */
  bytes: number;
  /** Bytes of the whole payload; Infinity until the last piece has come. */
  total: number;
}

/**
 * Bounded: {@linkcode MAX_INCOMPLETE} packets of 64 KiB. A packet with a piece that overlaps another
 * one, or reaches beyond the longest packet, is dropped as a whole.
 */
export class Fragments {
  readonly #clock: Clock;
  readonly #incomplete = new Map<string, Incomplete>();

  /** @param clock tells how old pieces are. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Packets that are incomplete now. */
  get size(): number {
    return this.#incomplete.size;
  }

  /** Takes a fragment; gives the frame of the whole packet, with a header without options. */
  add(packet: Ipv4Packet): Uint8Array | undefined {
    const { source, destination, protocol, identification } = packet;
    const key = `${source} ${destination} ${protocol} ${identification}`;
    const now = this.#clock.now();
    let whole = this.#incomplete.get(key);
    if (whole === undefined || whole.deadline < now) {
      this.#incomplete.delete(key);
      this.#makeRoom();
      whole = { pieces: [], deadline: now + PATIENCE, bytes: 0, total: Infinity };
      this.#incomplete.set(key, whole);
    }
    if (!accept(whole, packet)) {
      this.#incomplete.delete(key);
      return undefined;
    }
    if (whole.bytes < whole.total) return undefined;
    this.#incomplete.delete(key);
    return join(whole, packet);
  }

  #makeRoom(): void {
    if (this.#incomplete.size < MAX_INCOMPLETE) return;
    for (const oldest of this.#incomplete.keys()) {
      this.#incomplete.delete(oldest);
      return;
    }
  }
}

/** Adds the packet's piece; false if it does not fit to the others. */
function accept(whole: Incomplete, packet: Ipv4Packet): boolean {
  const { fragmentOffset: offset, length, moreFragments } = packet;
  const end = offset + length;
  if (length === 0 || end > MAX_PACKET - IPV4_HEADER || end > whole.total) return false;
  if (moreFragments && length % 8 !== 0) return false;
  if (!moreFragments) {
    if (whole.total !== Infinity) return false;
    whole.total = end;
  }
  if (whole.pieces.length >= MAX_PIECES) return false;
  for (const piece of whole.pieces) {
    if (piece.offset < end && offset < piece.offset + piece.bytes.length) return false;
    if (piece.offset + piece.bytes.length > whole.total) return false;
  }
  whole.pieces.push({ offset, bytes: packet.frame.slice(packet.start, packet.end) });
  whole.bytes += length;
  return true;
}

function join(whole: Incomplete, last: Ipv4Packet): Uint8Array {
  const frame = new Uint8Array(TRANSPORT + whole.total);
  frame.set(last.frame.subarray(0, TRANSPORT));
  frame[NETWORK] = 0x45;
  setWord(frame, NETWORK + 2, IPV4_HEADER + whole.total);
  setWord(frame, NETWORK + 6, 0);
  setWord(frame, NETWORK + 10, 0);
  setWord(frame, NETWORK + 10, checksumOf(addToSum(frame, NETWORK, TRANSPORT)));
  for (const { offset, bytes } of whole.pieces) frame.set(bytes, TRANSPORT + offset);
  return frame;
}

/**
 * DEFLATE (RFC 1951), for the cases in which the runtime's DecompressionStream gives no clear answer:
 * they disagree on what follows the data, and name a file that is cut off in four ways.
 */

/** How unpacking ended. */
export type InflateEnd = "done" | "cut-off" | "damaged" | "too-large";

/** Result of {@linkcode inflate}. */
export interface Inflated {
  readonly end: InflateEnd;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of input that were read. */
  readonly consumed: number;
}

const LENGTH_BASE = [
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59],
  ...[67, 83, 99, 115, 131, 163, 195, 227, 258],
];
const LENGTH_EXTRA = [
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
  ...[4, 4, 4, 4, 5, 5, 5, 5, 0],
];
const DISTANCE_BASE = [
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769],
  ...[1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577],
];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const MAX_BITS = 15;

/** Thrown inside and caught at the top: input ran out, or makes no sense. */
class Stop extends Error {
  readonly end: InflateEnd;
  constructor(end: InflateEnd) {
    super(end);
    this.end = end;
  }
}

/** Unpacks raw DEFLATE data from byte `start` of `input` into at most `limit` bytes. Never throws. */
export function inflate(input: Uint8Array, start: number, limit: number): Inflated {
  const inflater = new Inflater(input, start, limit);
  try {
    inflater.run();
    return inflater.result("done");
  } catch (error) {
    if (error instanceof Stop) return inflater.result(error.end);
    throw error;
  }
}

class Inflater {
  readonly #input: Uint8Array;
  readonly #limit: number;
  #at: number;
  #bits = 0;
  #bitCount = 0;
  #out = new Uint8Array(1 << 16);
  #length = 0;

  constructor(input: Uint8Array, start: number, limit: number) {
    this.#input = input;
    this.#at = start;
    this.#limit = limit;
  }

  result(end: InflateEnd): Inflated {
    const unread = this.#bitCount >> 3;
    return { end, bytes: this.#out.slice(0, this.#length), consumed: this.#at - unread };
  }

  run(): void {
    for (let last = 0; last === 0;) {
      last = this.#take(1);
      const kind = this.#take(2);
      if (kind === 0) this.#stored();
      else if (kind === 1) this.#compressed(fixedLiterals(), fixedDistances());
      else if (kind === 2) this.#dynamic();
      else throw new Stop("damaged");
    }
  }

  /** Makes at least `count` bits available, as long as there is input. */
  #fill(count: number): void {
    while (this.#bitCount < count && this.#at < this.#input.length) {
      this.#bits |= this.#input[this.#at++] << this.#bitCount;
      this.#bitCount += 8;
    }
  }

  /** The next 0..16 bits. */
  #take(count: number): number {
    this.#fill(count);
    if (this.#bitCount < count) throw new Stop("cut-off");
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  #symbol(table: Uint16Array): number {
    this.#fill(MAX_BITS);
    const entry = table[this.#bits & 0x7fff];
    const used = entry & 15;
    if (used === 0) throw new Stop(this.#bitCount < MAX_BITS ? "cut-off" : "damaged");
    if (used > this.#bitCount) throw new Stop("cut-off");
    this.#bits >>>= used;
    this.#bitCount -= used;
    return entry >> 4;
  }

  #reserve(count: number): void {
    if (this.#length + count > this.#limit) throw new Stop("too-large");
    if (this.#length + count <= this.#out.length) return;
    const larger = new Uint8Array(Math.max(this.#out.length * 2, this.#length + count));
    larger.set(this.#out);
    this.#out = larger;
  }

  #stored(): void {
    this.#take(this.#bitCount & 7);
    const length = this.#take(16);
    if ((this.#take(16) ^ length) !== 0xffff) throw new Stop("damaged");
    this.#at -= this.#bitCount >> 3;
    this.#bits = this.#bitCount = 0;
    if (this.#at + length > this.#input.length) throw new Stop("cut-off");
    this.#reserve(length);
    this.#out.set(this.#input.subarray(this.#at, this.#at + length), this.#length);
    this.#at += length;
    this.#length += length;
  }

  #dynamic(): void {
    const literals = this.#take(5) + 257;
    const distances = this.#take(5) + 1;
    const codes = this.#take(4) + 4;
    const order = new Uint8Array(19);
    for (let i = 0; i < codes; i++) order[CODE_LENGTH_ORDER[i]] = this.#take(3);
    const table = huffman(order);
    const lengths = new Uint8Array(literals + distances);
    for (let i = 0; i < lengths.length;) {
      const symbol = this.#symbol(table);
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw new Stop("damaged");
      const value = symbol === 16 ? lengths[i - 1] : 0;
      const count = symbol === 16
        ? 3 + this.#take(2)
        : symbol === 17
        ? 3 + this.#take(3)
        : 11 + this.#take(7);
      if (i + count > lengths.length) throw new Stop("damaged");
      lengths.fill(value, i, i + count);
      i += count;
    }
    this.#compressed(huffman(lengths.subarray(0, literals)), huffman(lengths.subarray(literals)));
  }

  #compressed(literals: Uint16Array, distances: Uint16Array): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol < 256) {
        if (this.#length === this.#out.length || this.#length >= this.#limit) this.#reserve(1);
        this.#out[this.#length++] = symbol;
        continue;
      }
      if (symbol === 256) return;
      if (symbol > 285) throw new Stop("damaged");
      const length = LENGTH_BASE[symbol - 257] + this.#take(LENGTH_EXTRA[symbol - 257]);
      const code = this.#symbol(distances);
      if (code > 29) throw new Stop("damaged");
      const distance = DISTANCE_BASE[code] + this.#take(code < 4 ? 0 : (code >> 1) - 1);
      if (distance > this.#length) throw new Stop("damaged");
      this.#reserve(length);
      const out = this.#out;
      const end = this.#length + length;
      for (let to = this.#length; to < end; to++) out[to] = out[to - distance];
      this.#length = end;
    }
  }
}

let fixed: { literals: Uint16Array; distances: Uint16Array } | undefined;

function fixedTables(): { literals: Uint16Array; distances: Uint16Array } {
  if (fixed === undefined) {
    const lengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(
      8,
      280,
    );
    fixed = { literals: huffman(lengths), distances: huffman(new Uint8Array(30).fill(5)) };
  }
  return fixed;
}

function fixedLiterals(): Uint16Array {
  return fixedTables().literals;
}

function fixedDistances(): Uint16Array {
  return fixedTables().distances;
}

/** Table from the next 15 bits to symbol << 4 | length of its code; 0 where no code is. */
function huffman(lengths: Uint8Array): Uint16Array {
  const table = new Uint16Array(1 << MAX_BITS);
  let code = 0;
  for (let length = 1; length <= MAX_BITS; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      if (code >= 1 << length) throw new Stop("damaged");
      for (let index = reverse(code, length); index < table.length; index += 1 << length) {
        table[index] = (symbol << 4) | length;
      }
      code++;
    }
    code <<= 1;
  }
  return table;
}

function reverse(code: number, length: number): number {
  let out = 0;
  for (let i = 0; i < length; i++) out |= ((code >> i) & 1) << (length - 1 - i);
  return out;
}

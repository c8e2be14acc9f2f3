/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM volume 2, 4.1). */

/** Parts of what {@linkcode compareStrings} gives. */
export const StringResult = {
  /** IntRes2 */
  mask: 0xffff,
  /** The second string is shorter than a register: ZF. */
  secondEnds: 0x10000,
  /** The first string is shorter than a register: SF. */
  firstEnds: 0x20000,
} as const;

/** Length of a string that ends at its first zero. */
export const IMPLICIT_LENGTH = -1;

/** Bits of the immediate. */
const Control = { words: 1, signed: 2, aggregation: 0x0c } as const;
const Aggregation = { equalAny: 0x00, ranges: 0x04, equalEach: 0x08, equalOrdered: 0x0c } as const;
/** Negative polarity; of elements within the second string only. */
const Polarity = { negative: 0x10, masked: 0x20 } as const;

const elements = new DataView(new ArrayBuffer(16));

function read(low: bigint, high: bigint, control: number): number[] {
  elements.setBigInt64(0, low, true);
  elements.setBigInt64(8, high, true);
  const signed = (control & Control.signed) !== 0;
  const result: number[] = [];
  if ((control & Control.words) !== 0) {
    for (let at = 0; at < 16; at += 2) {
      result.push(signed ? elements.getInt16(at, true) : elements.getUint16(at, true));
    }
  } else {
    for (let at = 0; at < 16; at++) {
      result.push(signed ? elements.getInt8(at) : elements.getUint8(at));
    }
  }
  return result;
}

/** Number of valid elements. Explicit lengths count by their magnitude. */
function lengthOf(string: readonly number[], length: number): number {
  if (length === IMPLICIT_LENGTH) {
    const end = string.indexOf(0);
    return end < 0 ? string.length : end;
  }
  return Math.min(length, string.length);
}

/** IntRes1: one bit for each element of the second string. */
function aggregate(
  aggregation: number,
  a: readonly number[],
  aLength: number,
  b: readonly number[],
  bLength: number,
): number {
  let result = 0;
  for (let j = 0; j < b.length; j++) {
    let holds = false;
    if (aggregation === Aggregation.equalAny) {
      for (let i = 0; i < aLength && j < bLength; i++) holds ||= a[i] === b[j];
    } else if (aggregation === Aggregation.ranges) {
      for (let i = 0; i + 1 < aLength && j < bLength; i += 2) {
        holds ||= a[i] <= b[j] && b[j] <= a[i + 1];
      }
    } else if (aggregation === Aggregation.equalEach) {
      holds = j < aLength && j < bLength ? a[j] === b[j] : j >= aLength && j >= bLength;
    } else {
      holds = true;
      for (let i = 0; i < aLength && i + j < b.length; i++) {
        holds &&= i + j < bLength && a[i] === b[i + j];
      }
    }
    if (holds) result |= 1 << j;
  }
  return result;
}

/**
 * Compares two strings as the immediate wants. Lengths are 0..16, or {@linkcode IMPLICIT_LENGTH} for
 * both. Gives {@linkcode StringResult}.
 */
export function compareStrings(
  aLow: bigint,
  aHigh: bigint,
  bLow: bigint,
  bHigh: bigint,
  aLength: number,
  bLength: number,
  control: number,
): number {
  const a = read(aLow, aHigh, control);
  const b = read(bLow, bHigh, control);
  const count = a.length;
  const first = lengthOf(a, aLength);
  const second = lengthOf(b, bLength);
  let mask = aggregate(control & Control.aggregation, a, first, b, second);
  if ((control & Polarity.negative) !== 0) {
    mask ^= (control & Polarity.masked) !== 0 ? (1 << second) - 1 : (1 << count) - 1;
  }
  return mask | (second < count ? StringResult.secondEnds : 0) |
    (first < count ? StringResult.firstEnds : 0);
}

/**
 * Elementary functions in fixed point, to more than 120 significant bits: what the transcendental
 * instructions of the x87 round. A number is an integer that counts units of 2^-BITS. Arguments must
 * not be smaller than 2^{@linkcode LEAST} unless they are 0.
 */

/** Bits behind the binary point. */
export const BITS = 256;
/** Exponent of the smallest arguments: the callers know better what to do with smaller ones. */
export const LEAST = -128;

const SHIFT = BigInt(BITS);
/** 1 */
export const UNIT: bigint = 1n << SHIFT;

const multiply = (a: bigint, b: bigint): bigint => (a * b) >> SHIFT;
const divide = (a: bigint, b: bigint): bigint => (a << SHIFT) / b;

/** Sum of power * (±1)^k / (2k + 1) over k, where power is x^(2k + 1): atanh, or atan if `alternate`. */
function oddSeries(x: bigint, alternate: boolean): bigint {
  const square = multiply(x, x);
  let sum = x;
  let power = x;
  for (let k = 3n; power !== 0n && power !== -1n; k += 2n) {
    power = multiply(power, square);
    if (alternate) power = -power;
    sum += power / k;
  }
  return sum;
}

/** Sum of x^k / k! over k = first, first + step, ...; with alternating signs if `alternate`. */
function factorialSeries(x: bigint, first: 0 | 1, step: 1 | 2, alternate: boolean): bigint {
  const factor = step === 1 ? x : multiply(x, x);
  let term = first === 0 ? UNIT : x;
  let sum = term;
  for (let k = first + step; term !== 0n && term !== -1n; k += step) {
    term = multiply(term, factor) / BigInt(step === 1 ? k : k * (k - 1));
    if (alternate) term = -term;
    sum += term;
  }
  return sum;
}

/** sin(x), |x| <= pi / 4 */
export const sin = (x: bigint): bigint => factorialSeries(x, 1, 2, true);
/** cos(x), |x| <= pi / 4 */
export const cos = (x: bigint): bigint => factorialSeries(x, 0, 2, true);
/** 2^x - 1, |x| <= 1 */
export const exp2m1 = (x: bigint): bigint =>
  factorialSeries(multiply(x, constants().ln2), 1, 1, false);

/** atan(k / 16) */
const arctangents: bigint[] = [];

/** atan(x), 0 <= x <= 1: what is left after k / 16 has been taken away is at most 1 / 32. */
export function atan(x: bigint): bigint {
  const k = Number((x * 16n + UNIT / 2n) >> SHIFT);
  if (k === 0) return oddSeries(x, true);
  const known = (BigInt(k) << SHIFT) / 16n;
  arctangents[k] ??= arctangentOf(BigInt(k), 16n);
  return arctangents[k] + oddSeries(divide(x - known, UNIT + multiply(x, known)), true);
}

/** atan(a / b), 0 < a <= b: atan(1 / 4) is taken away until the series converges fast. */
function arctangentOf(a: bigint, b: bigint): bigint {
  let t = (a << SHIFT) / b;
  let sum = 0n;
  while (t > UNIT / 4n) {
    sum += oddSeries(UNIT / 4n, true);
    t = divide(4n * t - UNIT, 4n * UNIT + t);
  }
  return sum + oddSeries(t, true);
}

/** log2(mantissa * 2^exponent), mantissa > 0 of `bits` bits. */
export function log2(mantissa: bigint, exponent: number, bits: number): bigint {
  // m in [sqrt(1/2), sqrt(2)): m - 1 is small where the logarithm is.
  let whole = exponent + bits;
  let m = bits > BITS ? mantissa >> BigInt(bits - BITS) : mantissa << BigInt(BITS - bits);
  if (m * m < UNIT * UNIT / 2n) {
    m <<= 1n;
    whole--;
  }
  const ln = 2n * oddSeries(divide(m - UNIT, m + UNIT), false);
  return (BigInt(whole) << SHIFT) + divide(ln, constants().ln2);
}

/** What the instructions load and use. */
export interface Constants {
  readonly pi: bigint;
  readonly ln2: bigint;
  readonly log2Of10: bigint;
  readonly log2OfE: bigint;
  readonly log10Of2: bigint;
}

let computed: Constants | undefined;

/** Computed at the first use. */
export function constants(): Constants {
  if (computed !== undefined) return computed;
  const ln2 = 2n * oddSeries(UNIT / 3n, false);
  const ln10 = 3n * ln2 + 2n * oddSeries(UNIT / 9n, false);
  // Machin
  const pi = 16n * oddSeries(UNIT / 5n, true) - 4n * oddSeries(UNIT / 239n, true);
  computed = {
    ...{ pi, ln2 },
    log2Of10: divide(ln10, ln2),
    log2OfE: divide(UNIT, ln2),
    log10Of2: divide(ln2, ln10),
  };
  return computed;
}

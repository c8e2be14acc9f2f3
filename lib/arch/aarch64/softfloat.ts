/**
 * Exact software floating point: the shared functions of the Arm pseudocode (Arm ARM, J1.1.3,
 * shared/functions/float) for half, single and double precision. Numbers are bit patterns in
 * `bigint`; a finite value is an integer mantissa times a power of two, so nothing is lost before
 * the one rounding at the end. This is the slow path: clarity counts, speed does not.
 */
import { FPCR, FPSR } from "./fp_fast.ts";

/** Rounding modes; the first four as in FPCR.RMode. */
export const Rounding = {
  nearest: 0,
  plus: 1,
  minus: 2,
  zero: 3,
  /** To nearest, ties away from zero. Only for rounding to integers. */
  away: 4,
  /** To odd (von Neumann): FCVTXN. */
  odd: 5,
} as const;
/** One of {@linkcode Rounding}. */
export type Rounding = typeof Rounding[keyof typeof Rounding];

/** An IEEE 754 binary interchange format. */
export interface Format {
  /** Width of the whole number: 16, 32 or 64. */
  readonly bits: number;
  /** Width of the stored fraction. */
  readonly fraction: number;
  /** Biased exponent of infinities and NaNs. */
  readonly special: number;
  /** What the biased exponent exceeds the exponent by. */
  readonly bias: number;
  /** The quiet bit of a NaN. */
  readonly quiet: bigint;
  /** FPDefaultNaN: positive and quiet, no payload. */
  readonly defaultNan: bigint;
}

function format(bits: number, fraction: number): Format {
  const special = 2 ** (bits - 1 - fraction) - 1;
  const quiet = 1n << BigInt(fraction - 1);
  const defaultNan = (BigInt(special) << BigInt(fraction)) | quiet;
  return { bits, fraction, special, bias: special >> 1, quiet, defaultNan };
}

/** Half precision, binary16. */
export const half: Format = format(16, 10);
/** Single precision, binary32. */
export const single: Format = format(32, 23);
/** Double precision, binary64. */
export const double: Format = format(64, 52);

/** What FPCR asks for, and the FPSR bits raised so far. */
export interface Environment {
  /** FPCR.RMode */
  rounding: Rounding;
  /** FPCR.FZ */
  flushToZero: boolean;
  /** FPCR.DN */
  defaultNan: boolean;
  /** FPCR.AHP: half precision without infinities and NaNs. */
  alternativeHalf: boolean;
  /** FPSR bits raised. */
  flags: number;
}

/** Reads FPCR into an environment with no flags raised. */
export function environment(fpcr: number): Environment {
  return {
    rounding: ((fpcr & FPCR.RMODE) >>> FPCR.RMODE_SHIFT) as Rounding,
    flushToZero: (fpcr & FPCR.FZ) !== 0,
    defaultNan: (fpcr & FPCR.DN) !== 0,
    alternativeHalf: (fpcr & FPCR.AHP) !== 0,
    flags: 0,
  };
}

/** FPType */
export type Kind = "zero" | "finite" | "infinity" | "quiet" | "signaling";

/** An operand taken apart. The value of a finite one is (-1)^sign * mantissa * 2^exponent. */
export interface Unpacked {
  /** The operand itself. */
  readonly bits: bigint;
  /** What it is; a flushed operand is a zero. */
  readonly kind: Kind;
  /** 0 or 1. */
  readonly sign: number;
  /** 0 unless finite. */
  readonly mantissa: bigint;
  /** Of the mantissa's unit; 0 unless finite. */
  readonly exponent: number;
}

/** FPUnpack: subnormal single and double operands are flushed under FPCR.FZ. */
export function unpack(
  f: Format,
  operand: bigint,
  env: Environment,
  alternative = false,
): Unpacked {
  const bits = BigInt.asUintN(f.bits, operand);
  const sign = Number(bits >> BigInt(f.bits - 1));
  const biased = Number(bits >> BigInt(f.fraction)) & f.special;
  const fraction = BigInt.asUintN(f.fraction, bits);
  const part = (kind: Kind, mantissa = 0n, exponent = 0): Unpacked => {
    return { bits, kind, sign, mantissa, exponent };
  };
  if (biased === f.special && !alternative) {
    if (fraction === 0n) return part("infinity");
    return part((fraction & f.quiet) !== 0n ? "quiet" : "signaling");
  }
  const lowest = 1 - f.bias - f.fraction;
  if (biased !== 0) {
    return part("finite", fraction | (1n << BigInt(f.fraction)), lowest + biased - 1);
  }
  if (fraction === 0n) return part("zero");
  if (env.flushToZero && f !== half) {
    env.flags |= FPSR.IDC;
    return part("zero");
  }
  return part("finite", fraction, lowest);
}

/** Whether an operand is a NaN of either kind. */
export function isNan(u: Unpacked): boolean {
  return u.kind === "quiet" || u.kind === "signaling";
}

/** FPZero */
export function zero(f: Format, sign: number): bigint {
  return BigInt(sign) << BigInt(f.bits - 1);
}

/** FPInfinity */
export function infinity(f: Format, sign: number): bigint {
  return zero(f, sign) | (BigInt(f.special) << BigInt(f.fraction));
}

/** The finite number of largest magnitude. */
export function largest(f: Format, sign: number): bigint {
  return infinity(f, sign) - 1n;
}

/** FPNeg: NaN included. */
export function negate(f: Format, bits: bigint): bigint {
  return BigInt.asUintN(f.bits, bits) ^ (1n << BigInt(f.bits - 1));
}

/** FPAbs: NaN included. */
export function absolute(f: Format, bits: bigint): bigint {
  return BigInt.asUintN(f.bits - 1, bits);
}

/** Raises Invalid Operation; the result is the default NaN. */
export function invalid(f: Format, env: Environment): bigint {
  env.flags |= FPSR.IOC;
  return f.defaultNan;
}

/** FPProcessNaN */
export function processNan(f: Format, u: Unpacked, env: Environment): bigint {
  if (u.kind === "signaling") env.flags |= FPSR.IOC;
  return env.defaultNan ? f.defaultNan : u.bits | f.quiet;
}

/** FPProcessNaNs and FPProcessNaNs3: signaling before quiet, then in the order given. */
export function processNans(
  f: Format,
  operands: readonly Unpacked[],
  env: Environment,
): bigint | undefined {
  const nan = operands.find((u) => u.kind === "signaling") ??
    operands.find((u) => u.kind === "quiet");
  return nan === undefined ? undefined : processNan(f, nan, env);
}

function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return digits.length * 4 - Math.clz32(parseInt(digits[0], 16)) + 28;
}

/** Whether an overflow gives infinity instead of the largest finite number. */
export function overflowsToInfinity(rounding: Rounding, sign: number): boolean {
  switch (rounding) {
    case Rounding.plus:
      return sign === 0;
    case Rounding.minus:
      return sign === 1;
    case Rounding.zero:
    case Rounding.odd:
      return false;
    default:
      return true;
  }
}

/** FPRound of (-1)^sign * mantissa * 2^exponent, mantissa > 0. Tininess is found before rounding. */
export function round(
  f: Format,
  sign: number,
  mantissa: bigint,
  exponent: number,
  env: Environment,
  rounding: Rounding = env.rounding,
): bigint {
  const minimum = 1 - f.bias;
  let leading = exponent + bitLength(mantissa) - 1;
  const tiny = leading < minimum;
  if (tiny && env.flushToZero && f !== half) {
    env.flags |= FPSR.UFC;
    return zero(f, sign);
  }
  if (tiny) leading = minimum;
  let biased = tiny ? 0 : leading - minimum + 1;
  const { quotient, error } = split(mantissa, leading - f.fraction - exponent);
  let integer = quotient;
  if (tiny && error !== 0) env.flags |= FPSR.UFC;
  if (roundsUp(rounding, sign, integer, error)) {
    integer += 1n;
    if (integer === 1n << BigInt(f.fraction)) biased = 1;
    if (integer === 2n << BigInt(f.fraction)) {
      biased++;
      integer >>= 1n;
    }
  }
  if (rounding === Rounding.odd && error !== 0) integer |= 1n;
  const alternative = f === half && env.alternativeHalf;
  if (alternative && biased > f.special) {
    env.flags |= FPSR.IOC;
    return zero(f, sign) | 0x7fffn;
  }
  if (!alternative && biased >= f.special) {
    env.flags |= FPSR.OFC | FPSR.IXC;
    return overflowsToInfinity(rounding, sign) ? infinity(f, sign) : largest(f, sign);
  }
  if (error !== 0) env.flags |= FPSR.IXC;
  return zero(f, sign) | (BigInt(biased) << BigInt(f.fraction)) |
    BigInt.asUintN(f.fraction, integer);
}

/**
 * A mantissa divided by 2^shift. `error` is what was cut off: 0 nothing, 1 less than half a unit,
 * 2 half, 3 more than half.
 */
export function split(mantissa: bigint, shift: number): { quotient: bigint; error: number } {
  if (shift <= 0) return { quotient: mantissa << BigInt(-shift), error: 0 };
  const rest = BigInt.asUintN(shift, mantissa);
  const middle = 1n << BigInt(shift - 1);
  const error = rest === 0n ? 0 : rest < middle ? 1 : rest === middle ? 2 : 3;
  return { quotient: mantissa >> BigInt(shift), error };
}

/** Whether a magnitude must be increased by one unit. */
export function roundsUp(
  rounding: Rounding,
  sign: number,
  integer: bigint,
  error: number,
): boolean {
  switch (rounding) {
    case Rounding.nearest:
      return error === 3 || (error === 2 && (integer & 1n) !== 0n);
    case Rounding.plus:
      return error !== 0 && sign === 0;
    case Rounding.minus:
      return error !== 0 && sign === 1;
    case Rounding.away:
      return error >= 2;
    default:
      return false;
  }
}

/** Rounds a sum of signed mantissa * 2^exponent; an exact zero is negative when rounding down. */
function roundSum(f: Format, sum: bigint, exponent: number, env: Environment): bigint {
  if (sum === 0n) return zero(f, env.rounding === Rounding.minus ? 1 : 0);
  return sum < 0n ? round(f, 1, -sum, exponent, env) : round(f, 0, sum, exponent, env);
}

function signed(sign: number, mantissa: bigint): bigint {
  return sign === 0 ? mantissa : -mantissa;
}

/** The exact sum of two terms, as an integer times 2^exponent. */
function exactSum(
  a: bigint,
  aExponent: number,
  b: bigint,
  bExponent: number,
): { sum: bigint; exponent: number } {
  const exponent = Math.min(aExponent, bExponent);
  const sum = (a << BigInt(aExponent - exponent)) + (b << BigInt(bExponent - exponent));
  return { sum, exponent };
}

/** FPAdd, and FPSub if `subtract` */
export function add(f: Format, a: bigint, b: bigint, env: Environment, subtract = false): bigint {
  const x = unpack(f, a, env);
  const y = unpack(f, b, env);
  const nan = processNans(f, [x, y], env);
  if (nan !== undefined) return nan;
  const ySign = subtract ? 1 - y.sign : y.sign;
  if (x.kind === "infinity" || y.kind === "infinity") {
    if (x.kind === y.kind && x.sign !== ySign) return invalid(f, env);
    return infinity(f, x.kind === "infinity" ? x.sign : ySign);
  }
  if (x.kind === "zero" && y.kind === "zero" && x.sign === ySign) return zero(f, x.sign);
  // The exponent of a zero must not decide the common exponent.
  const xExponent = x.kind === "zero" ? y.exponent : x.exponent;
  const yExponent = y.kind === "zero" ? x.exponent : y.exponent;
  const { sum, exponent } = exactSum(
    signed(x.sign, x.mantissa),
    xExponent,
    signed(ySign, y.mantissa),
    yExponent,
  );
  return roundSum(f, sum, exponent, env);
}

/** FPMul, and FPMulX if `extended`: then infinity times zero is 2. */
export function mul(f: Format, a: bigint, b: bigint, env: Environment, extended = false): bigint {
  const x = unpack(f, a, env);
  const y = unpack(f, b, env);
  const nan = processNans(f, [x, y], env);
  if (nan !== undefined) return nan;
  const sign = x.sign ^ y.sign;
  const hasZero = x.kind === "zero" || y.kind === "zero";
  if (x.kind === "infinity" || y.kind === "infinity") {
    if (!hasZero) return infinity(f, sign);
    return extended ? zero(f, sign) | powerOfTwo(f, 1) : invalid(f, env);
  }
  if (hasZero) return zero(f, sign);
  return round(f, sign, x.mantissa * y.mantissa, x.exponent + y.exponent, env);
}

/** 2^exponent, normal. */
function powerOfTwo(f: Format, exponent: number): bigint {
  return BigInt(f.bias + exponent) << BigInt(f.fraction);
}

/** FPDiv */
export function div(f: Format, a: bigint, b: bigint, env: Environment): bigint {
  const x = unpack(f, a, env);
  const y = unpack(f, b, env);
  const nan = processNans(f, [x, y], env);
  if (nan !== undefined) return nan;
  if (x.kind === y.kind && x.kind !== "finite") return invalid(f, env);
  const sign = x.sign ^ y.sign;
  if (x.kind === "infinity") return infinity(f, sign);
  if (y.kind === "zero") {
    env.flags |= FPSR.DZC;
    return infinity(f, sign);
  }
  if (x.kind === "zero" || y.kind === "infinity") return zero(f, sign);
  // At least fraction + 3 significant bits, and one more for "there is a rest".
  const shift = f.fraction + 4 + Math.max(0, bitLength(y.mantissa) - bitLength(x.mantissa));
  const dividend = x.mantissa << BigInt(shift);
  const quotient = dividend / y.mantissa;
  const rest = quotient * y.mantissa === dividend ? 0n : 1n;
  return round(f, sign, (quotient << 1n) | rest, x.exponent - y.exponent - shift - 1, env);
}

/** FPSqrt */
export function sqrt(f: Format, a: bigint, env: Environment): bigint {
  const x = unpack(f, a, env);
  if (isNan(x)) return processNan(f, x, env);
  if (x.kind === "zero") return zero(f, x.sign);
  if (x.sign === 1) return invalid(f, env);
  if (x.kind === "infinity") return infinity(f, 0);
  let shift = 2 * f.fraction + 8 - bitLength(x.mantissa);
  if ((x.exponent - shift) % 2 !== 0) shift++;
  const radicand = x.mantissa << BigInt(shift);
  const root = squareRoot(radicand);
  const rest = root * root === radicand ? 0n : 1n;
  return round(f, 0, (root << 1n) | rest, (x.exponent - shift) / 2 - 1, env);
}

/** Integer part of the square root (Newton), value > 0. */
function squareRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** FPMulAdd: addend + a * b, rounded once. */
export function mulAdd(
  f: Format,
  addend: bigint,
  a: bigint,
  b: bigint,
  env: Environment,
): bigint {
  const z = unpack(f, addend, env);
  const x = unpack(f, a, env);
  const y = unpack(f, b, env);
  const undefinedProduct = (x.kind === "infinity" && y.kind === "zero") ||
    (x.kind === "zero" && y.kind === "infinity");
  const nan = processNans(f, [z, x, y], env);
  if (z.kind === "quiet" && undefinedProduct) return invalid(f, env);
  if (nan !== undefined) return nan;
  return fused(f, z, x, y, undefinedProduct, env, 0);
}

/** The fused sum of operands that are not NaN, scaled by 2^scale. */
function fused(
  f: Format,
  z: Unpacked,
  x: Unpacked,
  y: Unpacked,
  undefinedProduct: boolean,
  env: Environment,
  scale: number,
): bigint {
  const sign = x.sign ^ y.sign;
  const infinite = x.kind === "infinity" || y.kind === "infinity";
  if (undefinedProduct || (z.kind === "infinity" && infinite && z.sign !== sign)) {
    return invalid(f, env);
  }
  if (z.kind === "infinity") return infinity(f, z.sign);
  if (infinite) return infinity(f, sign);
  const noProduct = x.kind === "zero" || y.kind === "zero";
  if (z.kind === "zero" && noProduct) {
    return z.sign === sign ? zero(f, sign) : roundSum(f, 0n, 0, env);
  }
  const product = noProduct ? 0n : signed(sign, x.mantissa * y.mantissa);
  const productExponent = noProduct ? z.exponent : x.exponent + y.exponent;
  const zExponent = z.kind === "zero" ? productExponent : z.exponent;
  const { sum, exponent } = exactSum(
    signed(z.sign, z.mantissa),
    zExponent,
    product,
    productExponent,
  );
  return roundSum(f, sum, exponent + scale, env);
}

/** FPRecipStepFused (2 - a * b), or FPRSqrtStepFused ((3 - a * b) / 2) if `root`. */
export function step(f: Format, a: bigint, b: bigint, root: boolean, env: Environment): bigint {
  const x = unpack(f, negate(f, a), env);
  const y = unpack(f, b, env);
  const nan = processNans(f, [x, y], env);
  if (nan !== undefined) return nan;
  const onePointFive = powerOfTwo(f, 0) | f.quiet;
  if (
    (x.kind === "infinity" && y.kind === "zero") || (x.kind === "zero" && y.kind === "infinity")
  ) {
    return root ? onePointFive : powerOfTwo(f, 1);
  }
  const constant = unpack(f, root ? powerOfTwo(f, 1) | f.quiet : powerOfTwo(f, 1), env);
  return fused(f, constant, x, y, false, env, root ? -1 : 0);
}

/** Order of two operands: -1, 0, 1, or undefined if one is a NaN. */
function order(f: Format, x: Unpacked, y: Unpacked): number | undefined {
  if (isNan(x) || isNan(y)) return undefined;
  const value = (u: Unpacked): bigint =>
    u.kind === "zero" ? 0n : signed(u.sign, absolute(f, u.bits));
  const a = value(x);
  const b = value(y);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** FPCompare: -1, 0, 1, or undefined when unordered. `signalAll`: quiet NaNs are invalid, too. */
export function compare(
  f: Format,
  a: bigint,
  b: bigint,
  signalAll: boolean,
  env: Environment,
): number | undefined {
  const x = unpack(f, a, env);
  const y = unpack(f, b, env);
  const result = order(f, x, y);
  if (
    result === undefined &&
    (signalAll || x.kind === "signaling" || y.kind === "signaling")
  ) env.flags |= FPSR.IOC;
  return result;
}

/** FPMax (`sign` 1) or FPMin (`sign` -1); the ...Num variants ignore a quiet NaN. */
export function extremum(
  f: Format,
  a: bigint,
  b: bigint,
  direction: 1 | -1,
  number: boolean,
  env: Environment,
): bigint {
  let x = unpack(f, a, env);
  let y = unpack(f, b, env);
  if (number && (x.kind === "quiet") !== (y.kind === "quiet")) {
    const worst = unpack(f, infinity(f, direction === 1 ? 1 : 0), env);
    if (x.kind === "quiet") x = worst;
    else y = worst;
  }
  const nan = processNans(f, [x, y], env);
  if (nan !== undefined) return nan;
  const o = order(f, x, y) as number;
  if (o === 0 && x.kind === "zero") {
    return zero(f, direction === 1 ? x.sign & y.sign : x.sign | y.sign);
  }
  const winner = o * direction > 0 ? x : y;
  return winner.kind === "zero" ? zero(f, winner.sign) : winner.bits;
}

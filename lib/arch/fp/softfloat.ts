/**
 * Exact software floating point for half, single and double precision, after the shared functions
 * of the Arm pseudocode (Arm ARM, J1.1.3, shared/functions/float). Numbers are bit patterns in
 * `bigint`; a finite value is an integer mantissa times a power of two, so nothing is lost before
 * the one rounding at the end. What IEEE 754 leaves to architectures stands in {@linkcode Rules}.
 * This is the slow path: clarity counts, speed does not.
 */

/** Rounding modes; the first four as in Arm's FPCR.RMode. */
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
}

function format(bits: number, fraction: number): Format {
  const special = 2 ** (bits - 1 - fraction) - 1;
  const quiet = 1n << BigInt(fraction - 1);
  return { bits, fraction, special, bias: special >> 1, quiet };
}

/** Half precision, binary16. */
export const half: Format = format(16, 10);
/** Single precision, binary32. */
export const single: Format = format(32, 23);
/** Double precision, binary64. */
export const double: Format = format(64, 52);

/** Exceptions that an operation raises. The bits are those of x86's MXCSR and x87 status word. */
export const Exception = {
  invalid: 1,
  /** A subnormal operand: see {@linkcode Rules.subnormalRaises}. */
  subnormal: 2,
  divideByZero: 4,
  overflow: 8,
  underflow: 16,
  inexact: 32,
} as const;

/** What IEEE 754 leaves to an architecture. */
export interface Rules {
  /** Sign of the default NaN, which is quiet and has no payload. */
  readonly nanSign: 0 | 1;
  /** Which of two NaN operands the result is made of: the first, or a signaling one before a quiet one. */
  readonly nanOperand: "first" | "signaling";
  /** Whether a result is tiny is asked before it is rounded, or after. */
  readonly tiny: "before" | "after";
  /** Subnormal operands that raise an exception: those that are flushed, or those that are used. */
  readonly subnormalRaises: "flushed" | "used";
  /** Exceptions of a result that is flushed to zero. */
  readonly flushRaises: number;
}

/** What the guest's control register asks for, and the exceptions raised so far. */
export interface Environment {
  readonly rules: Rules;
  rounding: Rounding;
  /** Subnormal operands count as zeros, but for half precision. */
  flushOperands: boolean;
  /** Tiny results become zeros, but for half precision. */
  flushResults: boolean;
  /** Tiny results raise `underflow` even if they are exact; they are as if exponents had no bounds. */
  trapUnderflow: boolean;
  /** The same for results that are too large: these, too, may be exact then. */
  trapOverflow: boolean;
  /** Every NaN result is the default NaN. */
  defaultNan: boolean;
  /** Arm's alternative half precision: without infinities and NaNs. */
  alternativeHalf: boolean;
  /** Bits of {@linkcode Exception}. */
  flags: number;
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

/** FPUnpack; `alternative`: see {@linkcode Environment.alternativeHalf}. */
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
  const flushed = env.flushOperands && f !== half;
  if (flushed === (env.rules.subnormalRaises === "flushed")) env.flags |= Exception.subnormal;
  return flushed ? part("zero") : part("finite", fraction, lowest);
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

/** FPDefaultNaN */
export function defaultNan(f: Format, env: Environment): bigint {
  return infinity(f, env.rules.nanSign) | f.quiet;
}

/** Raises `invalid`; the result is the default NaN. */
export function invalid(f: Format, env: Environment): bigint {
  env.flags |= Exception.invalid;
  return defaultNan(f, env);
}

/** FPProcessNaN */
export function processNan(f: Format, u: Unpacked, env: Environment): bigint {
  if (u.kind === "signaling") env.flags |= Exception.invalid;
  return env.defaultNan ? defaultNan(f, env) : u.bits | f.quiet;
}

/** FPProcessNaNs and FPProcessNaNs3: of several NaNs the one that the rules prefer. */
export function processNans(
  f: Format,
  operands: readonly Unpacked[],
  env: Environment,
): bigint | undefined {
  const signaling = operands.find((u) => u.kind === "signaling");
  const nan = env.rules.nanOperand === "signaling" && signaling !== undefined
    ? signaling
    : operands.find(isNan);
  if (nan === undefined) return undefined;
  if (signaling !== undefined) env.flags |= Exception.invalid;
  return processNan(f, nan, env);
}

/** Bits of a value > 0 without leading zeros. */
export function bitLength(value: bigint): number {
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

/** FPRound of (-1)^sign * mantissa * 2^exponent, mantissa > 0. */
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
  const subnormal = leading < minimum;
  const tiny = subnormal &&
    (env.rules.tiny === "before" ||
      !reaches(f, sign, mantissa, exponent, minimum, rounding));
  if (tiny && env.flushResults && f !== half) {
    env.flags |= env.rules.flushRaises;
    return zero(f, sign);
  }
  let unbounded = -1;
  if (tiny && env.trapUnderflow) {
    env.flags |= Exception.underflow;
    unbounded = split(mantissa, leading - f.fraction - exponent).error;
  }
  if (subnormal) leading = minimum;
  let biased = subnormal ? 0 : leading - minimum + 1;
  const { quotient, error } = split(mantissa, leading - f.fraction - exponent);
  let integer = quotient;
  if (tiny && error !== 0) env.flags |= Exception.underflow;
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
    env.flags |= Exception.invalid;
    return zero(f, sign) | 0x7fffn;
  }
  if (!alternative && biased >= f.special) {
    env.flags |= Exception.overflow;
    if (error !== 0 || !env.trapOverflow) env.flags |= Exception.inexact;
    return overflowsToInfinity(rounding, sign) ? infinity(f, sign) : largest(f, sign);
  }
  if ((unbounded >= 0 ? unbounded : error) !== 0) env.flags |= Exception.inexact;
  return zero(f, sign) | (BigInt(biased) << BigInt(f.fraction)) |
    BigInt.asUintN(f.fraction, integer);
}

/** Whether a number below 2^minimum, rounded with an unbounded exponent, becomes 2^minimum. */
function reaches(
  f: Format,
  sign: number,
  mantissa: bigint,
  exponent: number,
  minimum: number,
  rounding: Rounding,
): boolean {
  const leading = exponent + bitLength(mantissa) - 1;
  if (leading !== minimum - 1) return false;
  const { quotient, error } = split(mantissa, leading - f.fraction - exponent);
  return quotient === (2n << BigInt(f.fraction)) - 1n &&
    roundsUp(rounding, sign, quotient, error);
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

export function signed(sign: number, mantissa: bigint): bigint {
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
export function powerOfTwo(f: Format, exponent: number): bigint {
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
    env.flags |= Exception.divideByZero;
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
export function squareRoot(value: bigint): bigint {
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
export function fused(
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

/** Order of two operands: -1, 0, 1, or undefined if one is a NaN. */
export function order(f: Format, x: Unpacked, y: Unpacked): number | undefined {
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
  ) env.flags |= Exception.invalid;
  return result;
}

/**
 * Numbers of software floating point: formats, what an operation is asked for and raises, operands
 * taken apart, NaN results (Arm ARM, J1.1.3, shared/functions/float). Numbers are bit patterns in
 * `bigint`. What IEEE 754 leaves to architectures stands in {@linkcode Rules}.
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

export function signed(sign: number, mantissa: bigint): bigint {
  return sign === 0 ? mantissa : -mantissa;
}

/** 2^exponent, normal. */
export function powerOfTwo(f: Format, exponent: number): bigint {
  return BigInt(f.bias + exponent) << BigInt(f.fraction);
}

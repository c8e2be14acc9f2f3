/**
 * The double extended-precision format of the x87 (SDM volume 1, 4.2.2, 8.2): numbers taken apart,
 * classes, NaNs, rounding with precision control, exceptions. Numbers are bit patterns of 80 bits in
 * `bigint`; a finite value is an integer mantissa times a power of two, so nothing is lost before the
 * one rounding at the end. Exact before fast: x87 code is rare.
 */
import {
  Exception,
  type Kind as FormatKind,
  Rounding,
  type Unpacked as FormatUnpacked,
} from "../fp/softfloat_format.ts";
import { bitLength, overflowsToInfinity, roundsUp, split } from "../fp/softfloat_round.ts";

/** C1 of the status word: the last rounding was away from zero. */
export const C1 = 0x200;

/** A binary format, or the extended one cut by precision control. */
export interface Target {
  /** Bits of the significand. */
  readonly precision: number;
  /** Of the smallest normal number. */
  readonly minimum: number;
  /** Of the largest number. */
  readonly maximum: number;
}

/** Double extended precision, and what precision control makes of it: the exponents stay. */
const extendedTarget = (precision: number): Target => {
  return { precision, minimum: -16382, maximum: 16383 };
};
export const extended: Target = extendedTarget(64);
export const single: Target = { precision: 24, minimum: -126, maximum: 127 };
export const double: Target = { precision: 53, minimum: -1022, maximum: 1023 };

/** Precision control, FCW bits 9:8. 1 is reserved; the CPU rounds to 64 bits then. */
const PRECISIONS: readonly Target[] = [
  extendedTarget(24),
  extended,
  extendedTarget(53),
  extended,
];
/** Rounding control, FCW bits 11:10. */
const ROUNDINGS: readonly Rounding[] = [
  Rounding.nearest,
  Rounding.minus,
  Rounding.plus,
  Rounding.zero,
];

/** What the control word asks for, and the status bits that an instruction raises. */
export interface Environment {
  readonly rounding: Rounding;
  /** Format of the results of FADD, FSUB, FMUL, FDIV and FSQRT. */
  readonly target: Target;
  /** Exceptions that are masked: bits of `Exception`. */
  readonly masks: number;
  /** Bits of `Exception`, and {@linkcode C1}. */
  flags: number;
}

/** Reads a control word into an environment with no flags raised. */
export function environment(fcw: number): Environment {
  return {
    rounding: ROUNDINGS[(fcw >> 10) & 3],
    target: PRECISIONS[(fcw >> 8) & 3],
    masks: fcw & 0x3f,
    flags: 0,
  };
}

/** Whether an exception is raised that keeps the instruction from having a result. */
export function stops(env: Environment): boolean {
  const before = Exception.invalid | Exception.subnormal | Exception.divideByZero;
  return (env.flags & ~env.masks & before) !== 0;
}

/** Unsupported: unnormals, pseudo-NaNs and pseudo-infinities. */
export type Kind = FormatKind | "unsupported";

/** An operand taken apart. */
export interface Unpacked extends Omit<FormatUnpacked, "kind"> {
  readonly kind: Kind;
  /** A denormal or pseudo-denormal. */
  readonly denormal: boolean;
}

const BIAS = 16383;
const SPECIAL = 0x7fff;
const INTEGER_BIT = 1n << 63n;
const QUIET_BIT = 1n << 62n;
const SIGN_BIT = 1n << 79n;

/** The real indefinite: the QNaN that invalid operations give. */
export const INDEFINITE = 0xffff_c000_0000_0000_0000n;
/** +1 */
export const ONE = 0x3fff_8000_0000_0000_0000n;

/** Takes 80 bits apart. */
export function unpack(bits: bigint): Unpacked {
  const head = Number(bits >> 64n);
  const sign = head >> 15;
  const biased = head & SPECIAL;
  const significand = BigInt.asUintN(64, bits);
  const part = (kind: Kind, mantissa = 0n, exponent = 0, denormal = false): Unpacked => {
    return { bits, kind, sign, mantissa, exponent, denormal };
  };
  if (biased === 0) {
    if (significand === 0n) return part("zero");
    return part("finite", significand, 1 - BIAS - 63, true);
  }
  if ((significand & INTEGER_BIT) === 0n) return part("unsupported");
  if (biased !== SPECIAL) return part("finite", significand, biased - BIAS - 63);
  if (significand === INTEGER_BIT) return part("infinity");
  return part((significand & QUIET_BIT) !== 0n ? "quiet" : "signaling");
}

export function isNan(x: Unpacked): boolean {
  return x.kind === "quiet" || x.kind === "signaling";
}

export function zero(sign: number): bigint {
  return sign === 0 ? 0n : SIGN_BIT;
}

export function infinity(sign: number): bigint {
  return zero(sign) | (BigInt(SPECIAL) << 64n) | INTEGER_BIT;
}

export function negate(bits: bigint): bigint {
  return bits ^ SIGN_BIT;
}

export function absolute(bits: bigint): bigint {
  return BigInt.asUintN(79, bits);
}

/** Raises the invalid-operation exception; the result is the indefinite. */
export function invalid(env: Environment): bigint {
  env.flags |= Exception.invalid;
  return INDEFINITE;
}

/** Raises the denormal-operand exception if one of the operands is denormal. */
export function checkDenormal(env: Environment, ...operands: readonly Unpacked[]): void {
  if (operands.some(({ denormal }) => denormal)) env.flags |= Exception.subnormal;
}

/**
 * The result if an operand is a NaN or unsupported, else undefined (SDM volume 1, table 4-7): a
 * quiet NaN before a signaling one, of two alike the one with the larger significand, then the
 * positive one.
 */
export function special(env: Environment, x: Unpacked, y: Unpacked = x): bigint | undefined {
  if (x.kind === "unsupported" || y.kind === "unsupported") return invalid(env);
  const signaling = x.kind === "signaling" || y.kind === "signaling";
  if (signaling) env.flags |= Exception.invalid;
  if (!isNan(x)) return isNan(y) ? quiet(y) : undefined;
  if (!isNan(y)) return quiet(x);
  if (x.kind !== y.kind) return x.kind === "quiet" ? x.bits : y.bits;
  const [a, b] = [BigInt.asUintN(64, x.bits), BigInt.asUintN(64, y.bits)];
  if (a === b) return quiet(x.sign === 0 ? x : y);
  return quiet(a > b ? x : y);
}

/** A NaN made quiet. */
export function quiet({ bits }: Unpacked): bigint {
  return bits | QUIET_BIT;
}

/** A magnitude rounded to a target: `integer` * 2^`unit`, unless it has overflowed. */
export interface Rounded {
  readonly integer: bigint;
  readonly unit: number;
  /** There is an overflow, which is masked. */
  readonly overflow: boolean;
  /** What the result's exponent is to be changed by: there is an unmasked overflow or underflow. */
  readonly adjustment: number;
}

/** What unmasked overflow and underflow divide and multiply the result in a register by: 2^24576. */
const ADJUSTMENT = 24576;

/** Cuts a magnitude to multiples of 2^unit; raises inexact, sets C1. */
function cut(sign: number, mantissa: bigint, shift: number, env: Environment): bigint {
  const { quotient, error } = split(mantissa, shift);
  if (error === 0) return quotient;
  env.flags |= Exception.inexact;
  if (!roundsUp(env.rounding, sign, quotient, error)) return quotient;
  env.flags |= C1;
  return quotient + 1n;
}

/**
 * Rounds mantissa * 2^exponent, mantissa > 0. Tininess is found after rounding. If overflow or
 * underflow is not masked, the exponent is taken as unbounded: the result is not in the format.
 */
export function roundTo(
  target: Target,
  sign: number,
  mantissa: bigint,
  exponent: number,
  env: Environment,
): Rounded {
  const { precision, minimum, maximum } = target;
  const leading = exponent + bitLength(mantissa) - 1;
  let unit = leading - precision + 1;
  const before = env.flags;
  let integer = cut(sign, mantissa, unit - exponent, env);
  const rounded = unit + bitLength(integer) - 1;
  const result = (overflow: boolean, adjustment = 0): Rounded => {
    return { integer, unit, overflow, adjustment };
  };
  if (rounded > maximum) {
    env.flags |= Exception.overflow;
    if ((env.masks & Exception.overflow) === 0) return result(false, -ADJUSTMENT);
    env.flags |= Exception.inexact;
    return result(true);
  }
  if (rounded >= minimum) return result(false);
  if ((env.masks & Exception.underflow) === 0) {
    env.flags |= Exception.underflow;
    return result(false, ADJUSTMENT);
  }
  // Once more, to the unit of the smallest numbers.
  env.flags = before & ~Exception.inexact;
  unit = minimum - precision + 1;
  integer = cut(sign, mantissa, unit - exponent, env);
  if ((env.flags & Exception.inexact) !== 0) env.flags |= Exception.underflow;
  env.flags |= before & Exception.inexact;
  return result(false);
}

/** What an overflow gives when it is masked; C1 says which. */
export function overflowed(sign: number, env: Environment): "infinity" | "largest" {
  env.flags &= ~C1;
  if (!overflowsToInfinity(env.rounding, sign)) return "largest";
  env.flags |= C1;
  return "infinity";
}

/** Rounds (-1)^sign * mantissa * 2^exponent, mantissa >= 0, to a register. */
export function round(
  sign: number,
  mantissa: bigint,
  exponent: number,
  env: Environment,
  target: Target = extended,
): bigint {
  if (mantissa === 0n) return zero(sign);
  const rounded = roundTo(target, sign, mantissa, exponent, env);
  const { integer, unit } = rounded;
  if (rounded.adjustment !== 0) return adjusted(sign, integer, unit + rounded.adjustment, env);
  if (!rounded.overflow) return exact(sign, integer, unit);
  if (overflowed(sign, env) === "infinity") return infinity(sign);
  return exact(sign, (1n << BigInt(target.precision)) - 1n, target.maximum - target.precision + 1);
}

/** What an unmasked overflow or underflow gives; FSCALE can be too far off even so. */
function adjusted(sign: number, integer: bigint, unit: number, env: Environment): bigint {
  const leading = unit + bitLength(integer) - 1;
  if (leading >= extended.minimum && leading <= extended.maximum) return exact(sign, integer, unit);
  env.flags |= Exception.inexact;
  if (leading < extended.minimum) return zero(sign);
  env.flags |= C1;
  return infinity(sign);
}

/** The number (-1)^sign * integer * 2^unit, which fits. */
export function exact(sign: number, integer: bigint, unit: number): bigint {
  if (integer === 0n) return zero(sign);
  const biased = Math.max(unit + bitLength(integer) - 1 + BIAS, 1);
  const shift = unit - (biased - BIAS - 63);
  const significand = shift >= 0 ? integer << BigInt(shift) : integer >> BigInt(-shift);
  const normal = (significand & INTEGER_BIT) !== 0n;
  return zero(sign) | (BigInt(normal ? biased : 0) << 64n) | significand;
}

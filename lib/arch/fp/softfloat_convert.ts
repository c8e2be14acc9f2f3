/**
 * Conversions between formats, integers and fixed point, and rounding to integral values (Arm ARM,
 * J1.1.3, shared/functions/float).
 */
import {
  defaultNan,
  type Environment,
  Exception,
  type Format,
  half,
  infinity,
  isNan,
  processNan,
  Rounding,
  unpack,
  zero,
} from "./softfloat_format.ts";
import { round, roundsUp, split } from "./softfloat_round.ts";

/** FPRoundInt; `exact` raises Inexact (FRINTX). */
export function roundToIntegral(
  f: Format,
  operand: bigint,
  rounding: Rounding,
  exact: boolean,
  env: Environment,
): bigint {
  const x = unpack(f, operand, env);
  if (isNan(x)) return processNan(f, x, env);
  if (x.kind === "infinity") return infinity(f, x.sign);
  if (x.kind === "zero") return zero(f, x.sign);
  const { quotient, error } = split(x.mantissa, -x.exponent);
  const integer = roundsUp(rounding, x.sign, quotient, error) ? quotient + 1n : quotient;
  if (exact && error !== 0) env.flags |= Exception.inexact;
  return integer === 0n ? zero(f, x.sign) : round(f, x.sign, integer, 0, env, Rounding.zero);
}

/** How an integer in a register is to be understood. */
export interface FixedPoint {
  /** Bits of the register. */
  readonly width: 32 | 64;
  /** Else two's complement. */
  readonly unsigned: boolean;
  /** Bits behind the binary point, 0..width. */
  readonly fraction: number;
}

/** FPToFixed: saturates; a NaN gives 0. The result is a pattern of `width` bits. */
export function toFixed(
  f: Format,
  operand: bigint,
  to: FixedPoint,
  rounding: Rounding,
  env: Environment,
): bigint {
  const x = unpack(f, operand, env);
  const highest = (1n << BigInt(to.unsigned ? to.width : to.width - 1)) - 1n;
  const lowest = to.unsigned ? 0n : -highest - 1n;
  if (isNan(x) || x.kind === "infinity") {
    env.flags |= Exception.invalid;
    return isNan(x) ? 0n : BigInt.asUintN(to.width, x.sign === 1 ? lowest : highest);
  }
  const { quotient, error } = split(x.mantissa, -(x.exponent + to.fraction));
  const magnitude = roundsUp(rounding, x.sign, quotient, error) ? quotient + 1n : quotient;
  const value = x.sign === 1 ? -magnitude : magnitude;
  if (value > highest || value < lowest) {
    env.flags |= Exception.invalid;
    return BigInt.asUintN(to.width, value < lowest ? lowest : highest);
  }
  if (error !== 0) env.flags |= Exception.inexact;
  return BigInt.asUintN(to.width, value);
}

/** FixedToFP. */
export function fromFixed(
  f: Format,
  operand: bigint,
  from: FixedPoint,
  env: Environment,
): bigint {
  const value = from.unsigned
    ? BigInt.asUintN(from.width, operand)
    : BigInt.asIntN(from.width, operand);
  if (value === 0n) return 0n;
  const sign = value < 0n ? 1 : 0;
  return round(f, sign, sign === 1 ? -value : value, -from.fraction, env);
}

/** FPConvert from one format to another. */
export function convert(
  from: Format,
  to: Format,
  operand: bigint,
  env: Environment,
  rounding: Rounding = env.rounding,
): bigint {
  const alternative = env.alternativeHalf && from === half;
  const toAlternative = env.alternativeHalf && to === half;
  const x = unpack(from, operand, env, alternative);
  if (isNan(x)) {
    if (x.kind === "signaling" || toAlternative) env.flags |= Exception.invalid;
    if (toAlternative) return zero(to, x.sign);
    if (env.defaultNan) return defaultNan(to, env);
    // FPConvertNaN: the payload is kept from its most significant bit down.
    const fraction = BigInt.asUintN(from.fraction, x.bits) << 64n;
    const moved = fraction >> BigInt(64 + from.fraction - to.fraction);
    return infinity(to, x.sign) | to.quiet | moved;
  }
  if (x.kind === "infinity") {
    if (!toAlternative) return infinity(to, x.sign);
    env.flags |= Exception.invalid;
    return zero(to, x.sign) | 0x7fffn;
  }
  if (x.kind === "zero") return zero(to, x.sign);
  return round(to, x.sign, x.mantissa, x.exponent, env, rounding);
}

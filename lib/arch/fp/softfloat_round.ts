/** The one rounding at the end of every operation of software floating point. */
import {
  type Environment,
  Exception,
  type Format,
  half,
  infinity,
  largest,
  Rounding,
  zero,
} from "./softfloat_format.ts";

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

/** Conversions between registers of the x87 and what memory holds (SDM volume 1, 4.2, 4.7, 8.3.2). */
import { Exception, Rounding } from "../fp/softfloat_format.ts";
import { bitLength } from "../fp/softfloat_round.ts";
import { integerOf } from "./x87_arithmetic.ts";
import {
  checkDenormal,
  double,
  type Environment,
  exact,
  infinity,
  invalid,
  isNan,
  overflowed,
  roundTo,
  single,
  special,
  type Target,
  unpack,
  type Unpacked,
  zero,
} from "./x87_float.ts";

/** Bytes of a number in memory to its format. */
const formatOf = (size: 4 | 8): Target => size === 4 ? single : double;

/** Takes a number in single or double precision apart; `bits` of the result is the same number. */
export function unpackFloat(size: 4 | 8, bits: bigint): Unpacked {
  const { precision, minimum, maximum } = formatOf(size);
  const fractionBits = precision - 1;
  const sign = Number(bits >> BigInt(8 * size - 1));
  const biased = Number(BigInt.asUintN(8 * size - 1, bits) >> BigInt(fractionBits));
  const fraction = BigInt.asUintN(fractionBits, bits);
  if (biased > maximum - minimum + 1) {
    return unpack(infinity(sign) | (fraction << BigInt(64 - precision)));
  }
  const denormal = biased === 0 && fraction !== 0n;
  const mantissa = biased === 0 ? fraction : fraction | (1n << BigInt(fractionBits));
  const exponent = Math.max(biased - 1, 0) + minimum - fractionBits;
  return { ...unpack(exact(sign, mantissa, exponent)), denormal };
}

/** FLD of single or double precision. */
export function load(x: Unpacked, env: Environment): bigint {
  const odd = special(env, x);
  if (odd !== undefined) return odd;
  checkDenormal(env, x);
  return x.bits;
}

/** FST to single or double precision. */
export function toFloat(size: 4 | 8, x: Unpacked, env: Environment): bigint {
  const target = formatOf(size);
  const { precision, minimum, maximum } = target;
  const fractionBits = BigInt(precision - 1);
  const pack = (biased: number, fraction: bigint, sign = x.sign): bigint =>
    (BigInt(sign) << BigInt(8 * size - 1)) | (BigInt(biased) << fractionBits) |
    BigInt.asUintN(precision - 1, fraction);
  const highest = maximum - minimum + 1;
  const nan = x.kind === "unsupported" ? invalid(env) : isNan(x) ? special(env, x)! : undefined;
  if (nan !== undefined) {
    return pack(highest + 1, nan >> BigInt(64 - precision), Number(nan >> 79n));
  }
  if (x.kind === "infinity") return pack(highest + 1, 0n);
  if (x.kind === "zero") return pack(0, 0n);
  const { integer, unit, overflow } = roundTo(target, x.sign, x.mantissa, x.exponent, env);
  if (overflow) {
    return overflowed(x.sign, env) === "infinity" ? pack(highest + 1, 0n) : pack(highest, -1n);
  }
  if (integer === 0n) return pack(0, 0n);
  const leading = unit + bitLength(integer) - 1;
  if (leading < minimum) return pack(0, integer << BigInt(unit - minimum + precision - 1));
  const shift = bitLength(integer) - precision;
  return pack(
    leading - minimum + 1,
    shift > 0 ? integer >> BigInt(shift) : integer << BigInt(-shift),
  );
}

/** Takes an integer in two's complement of `size` bytes apart. */
export function unpackInteger(size: 2 | 4 | 8, bits: bigint): Unpacked {
  const value = BigInt.asIntN(8 * size, bits);
  return unpack(value < 0n ? exact(1, -value, 0) : exact(0, value, 0));
}

/** FIST; FISTTP if `truncate`. What does not fit is invalid and gives the integer indefinite. */
export function toInteger(
  size: 2 | 4 | 8,
  x: Unpacked,
  truncate: boolean,
  env: Environment,
): bigint {
  const width = 8 * size;
  const before = env.flags;
  if (x.kind === "zero" || x.kind === "finite") {
    const magnitude = integerOf(x, truncate ? Rounding.zero : env.rounding, env);
    const value = x.sign === 1 ? -magnitude : magnitude;
    if (BigInt.asIntN(width, value) === value) return BigInt.asUintN(width, value);
  }
  env.flags = before | Exception.invalid;
  return integerIndefinite(size);
}

/** What FIST stores of what does not fit. */
export function integerIndefinite(size: 2 | 4 | 8): bigint {
  return 1n << BigInt(8 * size - 1);
}

/** What FBSTP stores of what does not fit. */
export const DECIMAL_INDEFINITE = 0xffff_c000_0000_0000_0000n;

/** FBLD: 18 packed decimal digits and a sign. Digits above 9 count as what they are. */
export function fromDecimal(bits: bigint): bigint {
  let value = 0n;
  for (let digit = 17; digit >= 0; digit--) {
    value = value * 10n + ((bits >> BigInt(4 * digit)) & 15n);
  }
  return exact(Number(bits >> 79n), value, 0);
}

/** FBSTP */
export function toDecimal(x: Unpacked, env: Environment): bigint {
  const before = env.flags;
  if (x.kind === "zero" || x.kind === "finite") {
    const digits = integerOf(x, env.rounding, env).toString();
    if (digits.length <= 18) return zero(x.sign) | BigInt(`0x${digits}`);
  }
  env.flags = before | Exception.invalid;
  return DECIMAL_INDEFINITE;
}

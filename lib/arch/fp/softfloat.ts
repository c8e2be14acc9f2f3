/**
 * Exact software floating point for half, single and double precision, after the shared functions
 * of the Arm pseudocode (Arm ARM, J1.1.3, shared/functions/float). A finite value is an integer
 * mantissa times a power of two, so nothing is lost before the one rounding at the end. This is the
 * slow path: clarity counts, speed does not.
 */
import {
  absolute,
  type Environment,
  Exception,
  type Format,
  infinity,
  invalid,
  isNan,
  powerOfTwo,
  processNan,
  processNans,
  Rounding,
  signed,
  unpack,
  type Unpacked,
  zero,
} from "./softfloat_format.ts";
import { bitLength, round } from "./softfloat_round.ts";

/** Rounds a sum of signed mantissa * 2^exponent; an exact zero is negative when rounding down. */
function roundSum(f: Format, sum: bigint, exponent: number, env: Environment): bigint {
  if (sum === 0n) return zero(f, env.rounding === Rounding.minus ? 1 : 0);
  return sum < 0n ? round(f, 1, -sum, exponent, env) : round(f, 0, sum, exponent, env);
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

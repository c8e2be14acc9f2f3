/**
 * Transcendental instructions and constants of the x87 (SDM volume 1, 8.3.7, 8.3.8, 8.3.10). Results
 * are rounded from more than 120 exact bits, so they are what the best CPUs give, or next to it.
 */
import { Exception, Rounding, signed } from "../fp/softfloat_format.ts";
import { bitLength } from "../fp/softfloat_round.ts";
import { compareMagnitudes, leading } from "./x87_arithmetic.ts";
import {
  checkDenormal,
  type Environment,
  infinity,
  invalid,
  negate,
  ONE,
  round,
  special,
  stops,
  type Unpacked,
  zero,
} from "./x87_float.ts";
import * as series from "./x87_series.ts";

/** Rounds a fixed-point number of x87_series.ts times mantissa * 2^exponent. It is never exact. */
function roundSeries(
  value: bigint,
  env: Environment,
  mantissa: bigint = 1n,
  exponent: number = 0,
  negative: boolean = false,
): bigint {
  const sign = (value < 0n) !== negative ? 1 : 0;
  const magnitude = (value < 0n ? -value : value) * mantissa;
  return round(sign, (magnitude << 1n) | 1n, exponent - series.BITS - 1, env);
}

/** Exponent of arguments so small that sin(x), tan(x) and atan(x) are x in all bits of the result. */
const NEGLIGIBLE = -64;

/** Rounds what is a little nearer to zero than mantissa * 2^exponent. */
function below(sign: number, mantissa: bigint, exponent: number, env: Environment): bigint {
  return round(sign, (mantissa << 70n) - 1n, exponent - 70, env);
}

/** The number in fixed point; it is not smaller than 2^LEAST, so little is lost, or nothing. */
function fixed({ sign, mantissa, exponent }: Unpacked): bigint {
  const shift = exponent + series.BITS;
  return signed(sign, shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift));
}

/** A constant by FLDPI and its like: rounded as the control word says, without an exception. */
export function constant(name: keyof series.Constants, env: Environment): bigint {
  return roundSeries(series.constants()[name], { ...env });
}

/** sin(x) and cos(x), or undefined if |x| >= 2^63: C2 says so. */
interface Angle {
  /** What the argument is reduced to by multiples of pi / 2, at most pi / 4 in magnitude. */
  readonly rest: bigint;
  /** How many of them, modulo 4. */
  readonly quadrant: number;
}

/** What the CPUs take for pi here: 66 bits of it. */
const PI_66 = 0x3243f6a8885a308d3n << BigInt(series.BITS - 64);

function reduce(x: Unpacked): Angle {
  // At most 2^63, and units of 2^-BITS are smaller than any of its bits that matter.
  const half = PI_66 >> 1n;
  const value = fixed(x);
  let count = value / half;
  let rest = value - count * half;
  if (2n * rest > half) count += 1n;
  if (2n * rest < -half) count -= 1n;
  rest = value - count * half;
  return { rest, quadrant: Number(count & 3n) };
}

/** sin, cos or tan of a finite number that is not 0. */
export type Trigonometric = "sin" | "cos" | "tan";

/**
 * FSIN, FCOS and FPTAN; undefined if the argument is out of range. FSINCOS is one after the other.
 */
export function trigonometric(
  name: Trigonometric,
  x: Unpacked,
  env: Environment,
): bigint | undefined {
  const odd = special(env, x);
  if (odd !== undefined) return odd;
  if (x.kind === "infinity") return invalid(env);
  if (x.kind === "zero") return name === "cos" ? ONE : x.bits;
  if (leading(x) >= 63) return undefined;
  checkDenormal(env, x);
  if (stops(env)) return 0n;
  if (leading(x) < NEGLIGIBLE) {
    if (name === "cos") return below(0, 1n, 0, env);
    if (name === "sin") return below(x.sign, x.mantissa, x.exponent, env);
    // The tangent is a little more than x, but rounding up shows that of denormals only.
    const near = { ...env, rounding: x.denormal ? env.rounding : Rounding.nearest };
    const result = round(x.sign, (x.mantissa << 70n) | 1n, x.exponent - 70, near);
    env.flags = near.flags;
    return result;
  }
  const { rest, quadrant } = reduce(x);
  const [sine, cosine] = [series.sin(rest), series.cos(rest)];
  const swap = (quadrant & 1) !== 0;
  if (name === "tan") {
    const [above, under] = swap ? [-cosine, sine] : [sine, cosine];
    return roundSeries((above << BigInt(series.BITS)) / under, env);
  }
  const turned = name === "cos" ? quadrant + 1 : quadrant;
  const value = swap === (name === "sin") ? cosine : sine;
  return roundSeries((turned & 2) !== 0 ? -value : value, env);
}

/** FPATAN: the angle of the point (x, y). */
export function arctangent(y: Unpacked, x: Unpacked, env: Environment): bigint {
  const odd = special(env, y, x);
  if (odd !== undefined) return odd;
  checkDenormal(env, y, x);
  if (stops(env)) return 0n;
  const { pi } = series.constants();
  const angle = (value: bigint): bigint => roundSeries(value, env, 1n, 0, y.sign === 1);
  if (y.kind === "infinity") {
    if (x.kind !== "infinity") return angle(pi / 2n);
    return angle(x.sign === 0 ? pi / 4n : pi * 3n / 4n);
  }
  if (y.kind === "zero" || x.kind === "infinity") return x.sign === 0 ? zero(y.sign) : angle(pi);
  if (x.kind === "zero") return angle(pi / 2n);
  // The quotient of the smaller by the larger, with 192 bits.
  const steep = compareMagnitudes(y, x) > 0;
  const [small, large] = steep ? [x, y] : [y, x];
  const bits = 192 + bitLength(large.mantissa) - bitLength(small.mantissa);
  const quotient = (small.mantissa << BigInt(bits)) / large.mantissa;
  const exponent = small.exponent - large.exponent - bits;
  const tiny = exponent + bitLength(quotient) <= NEGLIGIBLE;
  if (tiny && !steep && x.sign === 0) return below(y.sign, quotient, exponent, env);
  const shift = exponent + series.BITS;
  const ratio = shift >= 0 ? quotient << BigInt(shift) : quotient >> BigInt(-shift);
  const base = series.atan(ratio);
  if (steep) return angle(x.sign === 0 ? pi / 2n - base : pi / 2n + base);
  return angle(x.sign === 0 ? base : pi - base);
}

const MINUS_HALF = 0xbffe_8000_0000_0000_0000n;

/** F2XM1: 2^x - 1 for |x| <= 1. What is larger is left as it is, as AMD's CPUs do. */
export function exponential(x: Unpacked, env: Environment): bigint {
  const odd = special(env, x);
  if (odd !== undefined) return odd;
  checkDenormal(env, x);
  if (x.kind === "infinity") return x.sign === 0 ? x.bits : negate(ONE);
  if (x.kind === "zero" || stops(env)) return x.bits;
  if (leading(x) < series.LEAST) {
    return roundSeries(series.constants().ln2, env, x.mantissa, x.exponent, x.sign === 1);
  }
  if (x.bits === ONE) return below(0, 1n, 0, env);
  if (leading(x) >= 0) {
    env.flags |= Exception.inexact;
    return x.bits === negate(ONE) ? MINUS_HALF : x.bits;
  }
  return roundSeries(series.exp2m1(fixed(x)), env);
}

/** FYL2X: y * log2(x). */
export function logarithm(y: Unpacked, x: Unpacked, env: Environment): bigint {
  const odd = special(env, y, x);
  if (odd !== undefined) return odd;
  if (x.kind === "zero") {
    if (y.kind === "zero") return invalid(env);
    if (y.kind === "finite") env.flags |= Exception.divideByZero;
    return infinity(1 - y.sign);
  }
  if (x.sign === 1) return invalid(env);
  const one = x.bits === ONE;
  if (y.kind === "infinity" && one) return invalid(env);
  if (y.kind === "zero" && x.kind === "infinity") return invalid(env);
  checkDenormal(env, y, x);
  if (stops(env)) return 0n;
  const negative = x.kind === "finite" && leading(x) < 0;
  const sign = y.sign ^ (negative ? 1 : 0);
  if (x.kind === "infinity" || y.kind === "infinity") return infinity(sign);
  if (y.kind === "zero" || one) return zero(sign);
  const value = series.log2(x.mantissa, x.exponent, bitLength(x.mantissa));
  return roundSeries(value, env, y.mantissa, y.exponent, y.sign === 1);
}

/** FYL2XP1: y * log2(x + 1) for x > -1. What is less is left as it is, as AMD's CPUs do. */
export function logarithmPlus1(y: Unpacked, x: Unpacked, env: Environment): bigint {
  const odd = special(env, y, x);
  if (odd !== undefined) return odd;
  if (x.kind === "zero" && y.kind === "infinity") return invalid(env);
  if (x.kind === "infinity" && (x.sign === 1 || y.kind === "zero")) return invalid(env);
  checkDenormal(env, y, x);
  if (stops(env)) return 0n;
  const sign = y.sign ^ x.sign;
  if (x.kind === "infinity" || y.kind === "infinity") return infinity(sign);
  if (x.kind === "zero" || y.kind === "zero") return zero(sign);
  if (leading(x) < series.LEAST) {
    const { log2OfE } = series.constants();
    return roundSeries(log2OfE, env, x.mantissa * y.mantissa, x.exponent + y.exponent, sign === 1);
  }
  // x + 1, exactly.
  const exponent = Math.min(x.exponent, 0);
  const sum = (1n << BigInt(-exponent)) +
    (signed(x.sign, x.mantissa) << BigInt(x.exponent - exponent));
  if (sum <= 0n) {
    env.flags |= Exception.inexact;
    return x.bits;
  }
  const value = series.log2(sum, exponent, bitLength(sum));
  return roundSeries(value, env, y.mantissa, y.exponent, y.sign === 1);
}

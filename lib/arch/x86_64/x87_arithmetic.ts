/** Arithmetic of the x87 (SDM volume 1, 8.3.5 to 8.3.9, 8.5). */
import { squareRoot } from "../fp/softfloat.ts";
import { Exception, Rounding, signed } from "../fp/softfloat_format.ts";
import { bitLength, roundsUp, split } from "../fp/softfloat_round.ts";
import {
  C1,
  checkDenormal,
  type Environment,
  infinity,
  invalid,
  round,
  special,
  stops,
  type Unpacked,
  zero,
} from "./x87_float.ts";

/** Condition codes of the status word. */
export const Condition = { c0: 0x100, c1: 0x200, c2: 0x400, c3: 0x4000 } as const;
/** All condition codes. */
export const CONDITIONS = 0x4700;

/** FADD; FSUB if `subtract`. */
export function add(x: Unpacked, y: Unpacked, env: Environment, subtract = false): bigint {
  const odd = special(env, x, y);
  if (odd !== undefined) return odd;
  const ySign = subtract ? 1 - y.sign : y.sign;
  if (x.kind === "infinity" && y.kind === "infinity" && x.sign !== ySign) return invalid(env);
  checkDenormal(env, x, y);
  if (stops(env)) return 0n;
  if (x.kind === "infinity") return x.bits;
  if (y.kind === "infinity") return infinity(ySign);
  if (x.kind === "zero" && y.kind === "zero" && x.sign === ySign) return x.bits;
  // The exponent of a zero must not decide the common exponent.
  const xExponent = x.kind === "zero" ? y.exponent : x.exponent;
  const yExponent = y.kind === "zero" ? x.exponent : y.exponent;
  const exponent = Math.min(xExponent, yExponent);
  const sum = (signed(x.sign, x.mantissa) << BigInt(xExponent - exponent)) +
    (signed(ySign, y.mantissa) << BigInt(yExponent - exponent));
  if (sum === 0n) return zero(env.rounding === Rounding.minus ? 1 : 0);
  return sum < 0n
    ? round(1, -sum, exponent, env, env.target)
    : round(0, sum, exponent, env, env.target);
}

/** FMUL */
export function mul(x: Unpacked, y: Unpacked, env: Environment): bigint {
  const odd = special(env, x, y);
  if (odd !== undefined) return odd;
  const sign = x.sign ^ y.sign;
  const hasZero = x.kind === "zero" || y.kind === "zero";
  const hasInfinity = x.kind === "infinity" || y.kind === "infinity";
  if (hasZero && hasInfinity) return invalid(env);
  checkDenormal(env, x, y);
  if (stops(env)) return 0n;
  if (hasInfinity) return infinity(sign);
  return round(sign, x.mantissa * y.mantissa, x.exponent + y.exponent, env, env.target);
}

/** FDIV */
export function div(x: Unpacked, y: Unpacked, env: Environment): bigint {
  const odd = special(env, x, y);
  if (odd !== undefined) return odd;
  if (x.kind === y.kind && x.kind !== "finite") return invalid(env);
  const sign = x.sign ^ y.sign;
  if (y.kind === "zero" && x.kind === "finite") {
    env.flags |= Exception.divideByZero;
    return infinity(sign);
  }
  checkDenormal(env, x, y);
  if (stops(env)) return 0n;
  if (x.kind === "infinity" || y.kind === "zero") return infinity(sign);
  if (x.kind === "zero" || y.kind === "infinity") return zero(sign);
  // At least 66 significant bits, and one more for "there is a rest".
  const shift = 67 + bitLength(y.mantissa) - bitLength(x.mantissa);
  const dividend = x.mantissa << BigInt(shift);
  const quotient = dividend / y.mantissa;
  const rest = quotient * y.mantissa === dividend ? 0n : 1n;
  const exponent = x.exponent - y.exponent - shift - 1;
  return round(sign, (quotient << 1n) | rest, exponent, env, env.target);
}

/** FSQRT */
export function sqrt(x: Unpacked, env: Environment): bigint {
  const odd = special(env, x);
  if (odd !== undefined) return odd;
  if (x.kind === "zero") return x.bits;
  if (x.sign === 1) return invalid(env);
  checkDenormal(env, x);
  if (x.kind === "infinity" || stops(env)) return x.bits;
  let shift = 136 - bitLength(x.mantissa);
  if ((x.exponent - shift) % 2 !== 0) shift++;
  const radicand = x.mantissa << BigInt(shift);
  const root = squareRoot(radicand);
  const rest = root * root === radicand ? 0n : 1n;
  return round(0, (root << 1n) | rest, (x.exponent - shift) / 2 - 1, env, env.target);
}

/** FRNDINT */
export function roundToInteger(x: Unpacked, env: Environment): bigint {
  const odd = special(env, x);
  if (odd !== undefined) return odd;
  checkDenormal(env, x);
  if (x.kind !== "finite" || x.exponent >= 0 || stops(env)) return x.bits;
  return round(x.sign, integerOf(x, env.rounding, env), 0, env);
}

/** The magnitude of a finite number as an integer; raises inexact, sets C1. */
export function integerOf(x: Unpacked, rounding: Rounding, env: Environment): bigint {
  const { quotient, error } = split(x.mantissa, -x.exponent);
  if (error === 0) return quotient;
  env.flags |= Exception.inexact;
  if (!roundsUp(rounding, x.sign, quotient, error)) return quotient;
  env.flags |= C1;
  return quotient + 1n;
}

/** FSCALE: a * 2^trunc(b). */
export function scale(x: Unpacked, y: Unpacked, env: Environment): bigint {
  const odd = special(env, x, y);
  if (odd !== undefined) return odd;
  if (y.kind === "infinity") {
    if (x.kind === (y.sign === 0 ? "zero" : "infinity")) return invalid(env);
    checkDenormal(env, x);
    return y.sign === 0 ? infinity(x.sign) : zero(x.sign);
  }
  checkDenormal(env, x, y);
  if (x.kind !== "finite" || stops(env)) return x.bits;
  // Beyond this every number overflows or underflows, also after the adjustment of its exponent.
  const most = 0x20000n;
  const { quotient } = split(y.mantissa, Math.max(-y.exponent, -64));
  const distance = Number(quotient < most ? quotient : most);
  return round(x.sign, x.mantissa, x.exponent + (y.sign === 1 ? -distance : distance), env);
}

/** FXTRACT: exponent and significand. */
export function extract(x: Unpacked, env: Environment): readonly [bigint, bigint] {
  const odd = special(env, x);
  if (odd !== undefined) return [odd, odd];
  if (x.kind === "infinity") return [infinity(0), x.bits];
  if (x.kind === "zero") {
    env.flags |= Exception.divideByZero;
    return [infinity(1), x.bits];
  }
  checkDenormal(env, x);
  const exponent = leading(x);
  return [
    round(exponent < 0 ? 1 : 0, BigInt(Math.abs(exponent)), 0, env),
    round(x.sign, x.mantissa, x.exponent - exponent, env),
  ];
}

/** Result of FPREM and FPREM1, and the condition codes; without them C0 and C3 stay. */
export interface Remainder {
  readonly bits: bigint;
  readonly conditions?: number;
}

/**
 * FPREM (the quotient is truncated), FPREM1 (rounded to nearest) if `nearest`. Exponents that are 64
 * or more apart are brought nearer to each other only; C2 says so.
 */
export function remainder(x: Unpacked, y: Unpacked, nearest: boolean, env: Environment): Remainder {
  const done = (bits: bigint, conditions = 0): Remainder => ({ bits, conditions });
  const odd = special(env, x, y);
  if (odd !== undefined) return { bits: odd };
  if (x.kind === "infinity" || y.kind === "zero") return { bits: invalid(env) };
  checkDenormal(env, x, y);
  if (stops(env) || x.kind === "zero" || y.kind === "infinity") return done(x.bits);
  const distance = leading(x) - leading(y);
  if (distance >= 64) {
    // As many bits as leave a distance of less than 64, or more the next time.
    const bits = distance & 31 | 32;
    const divisor = y.mantissa;
    const unit = y.exponent + distance - bits;
    const exponent = Math.min(x.exponent, unit);
    const left = x.mantissa << BigInt(x.exponent - exponent);
    const rest = left % (divisor << BigInt(unit - exponent));
    return done(round(x.sign, rest, exponent, env), Condition.c2);
  }
  const exponent = Math.min(x.exponent, y.exponent);
  const left = x.mantissa << BigInt(x.exponent - exponent);
  const right = y.mantissa << BigInt(y.exponent - exponent);
  let quotient = left / right;
  let rest = left - quotient * right;
  let { sign } = x;
  const twice = 2n * rest;
  if (nearest && (twice > right || (twice === right && (quotient & 1n) !== 0n))) {
    quotient += 1n;
    rest = right - rest;
    sign ^= 1;
  }
  const low = Number(quotient & 7n);
  const conditions = ((low & 1) !== 0 ? Condition.c1 : 0) | ((low & 2) !== 0 ? Condition.c3 : 0) |
    ((low & 4) !== 0 ? Condition.c0 : 0);
  return done(rest === 0n ? zero(x.sign) : round(sign, rest, exponent, env), conditions);
}

/** Order of two operands: -1, 0, 1, or undefined: unordered. */
export type Order = -1 | 0 | 1 | undefined;

/** FCOM; FUCOM if `quietly`: quiet NaNs are not invalid. */
export function compare(x: Unpacked, y: Unpacked, quietly: boolean, env: Environment): Order {
  if (special(env, x, y) !== undefined) {
    if (!quietly) env.flags |= Exception.invalid;
    return undefined;
  }
  checkDenormal(env, x, y);
  return order(x, y);
}

/** Order of two operands that are no NaNs. */
function order(x: Unpacked, y: Unpacked): Order {
  const [a, b] = [rank(x), rank(y)];
  if (a !== b) return a < b ? -1 : 1;
  if (a !== 1 && a !== -1) return 0;
  return Math.sign(a * compareMagnitudes(x, y)) as Order;
}

/** Orders what has different ranks: 0 for zero, 1 finite, 2 infinite, with the sign. */
function rank({ kind, sign }: Unpacked): number {
  const magnitude = kind === "zero" ? 0 : kind === "finite" ? 1 : 2;
  return sign === 1 ? -magnitude : magnitude;
}

/** Exponent of the most significant bit of a finite number. */
export function leading({ mantissa, exponent }: Unpacked): number {
  return exponent + bitLength(mantissa) - 1;
}

/** Order of the magnitudes of two finite numbers. */
export function compareMagnitudes(x: Unpacked, y: Unpacked): number {
  const distance = leading(x) - leading(y);
  if (distance !== 0) return distance;
  const exponent = Math.min(x.exponent, y.exponent);
  const left = x.mantissa << BigInt(x.exponent - exponent);
  const right = y.mantissa << BigInt(y.exponent - exponent);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** FXAM: class and sign as condition codes. */
export function examine(x: Unpacked): number {
  const sign = x.sign === 1 ? Condition.c1 : 0;
  if (x.denormal) return sign | Condition.c3 | Condition.c2;
  switch (x.kind) {
    case "unsupported":
      return sign;
    case "quiet":
    case "signaling":
      return sign | Condition.c0;
    case "finite":
      return sign | Condition.c2;
    case "infinity":
      return sign | Condition.c2 | Condition.c0;
    case "zero":
      return sign | Condition.c3;
  }
}

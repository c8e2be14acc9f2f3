/**
 * Estimates of reciprocals and reciprocal square roots, and the steps that refine them (Arm ARM,
 * J1.1.3, shared/functions/float).
 */
import { fused } from "../fp/softfloat.ts";
import {
  type Environment,
  Exception,
  type Format,
  infinity,
  invalid,
  isNan,
  largest,
  negate,
  powerOfTwo,
  processNan,
  processNans,
  unpack,
  zero,
} from "../fp/softfloat_format.ts";
import { overflowsToInfinity } from "../fp/softfloat_round.ts";

/** RecipEstimate: 256..511 for 256..511. */
export function recipEstimate(input: number): number {
  const b = Math.floor(2 ** 19 / (2 * input + 1));
  return (b + 1) >> 1;
}

/** RecipSqrtEstimate: 256..511 for 128..511. */
export function recipSqrtEstimate(input: number): number {
  const a = input < 256 ? 2 * input + 1 : ((input & ~1) + 1) * 2;
  let b = 512;
  while (a * (b + 1) * (b + 1) < 2 ** 28) b++;
  return (b + 1) >> 1;
}

/** Biased exponent, and the fraction as 52 bits whatever the format. */
function fields(f: Format, bits: bigint): { exponent: number; fraction: bigint } {
  return {
    exponent: Number(bits >> BigInt(f.fraction)) & f.special,
    fraction: BigInt.asUintN(f.fraction, bits) << BigInt(52 - f.fraction),
  };
}

function assemble(f: Format, sign: number, exponent: number, fraction: bigint): bigint {
  return zero(f, sign) | (BigInt(exponent) << BigInt(f.fraction)) |
    (fraction >> BigInt(52 - f.fraction));
}

const TOP = 1n << 51n;

/** FPRecipEstimate */
export function estimateReciprocal(f: Format, operand: bigint, env: Environment): bigint {
  const x = unpack(f, operand, env);
  if (isNan(x)) return processNan(f, x, env);
  if (x.kind === "infinity") return zero(f, x.sign);
  if (x.kind === "zero") {
    env.flags |= Exception.divideByZero;
    return infinity(f, x.sign);
  }
  let { exponent, fraction } = fields(f, x.bits);
  // Below a quarter of the smallest normal number the reciprocal overflows.
  if (exponent === 0 && fraction < TOP >> 1n) {
    env.flags |= Exception.overflow | Exception.inexact;
    return overflowsToInfinity(env.rounding, x.sign) ? infinity(f, x.sign) : largest(f, x.sign);
  }
  if (env.flushResults && exponent >= 2 * f.bias - 1) {
    env.flags |= Exception.underflow;
    return zero(f, x.sign);
  }
  if (exponent === 0) {
    if ((fraction & TOP) === 0n) {
      exponent = -1;
      fraction <<= 1n;
    }
    fraction = BigInt.asUintN(52, fraction << 1n);
  }
  let result = 2 * f.bias - 1 - exponent;
  const estimate = recipEstimate(256 | Number(fraction >> 44n));
  fraction = BigInt(estimate & 0xff) << 44n;
  if (result <= 0) {
    fraction = ((1n << 52n) | fraction) >> BigInt(1 - result);
    result = 0;
  }
  return assemble(f, x.sign, result, fraction);
}

/** FPRSqrtEstimate */
export function estimateReciprocalRoot(f: Format, operand: bigint, env: Environment): bigint {
  const x = unpack(f, operand, env);
  if (isNan(x)) return processNan(f, x, env);
  if (x.kind === "zero") {
    env.flags |= Exception.divideByZero;
    return infinity(f, x.sign);
  }
  if (x.sign === 1) return invalid(f, env);
  if (x.kind === "infinity") return 0n;
  let { exponent, fraction } = fields(f, x.bits);
  if (exponent === 0) {
    while ((fraction & TOP) === 0n) {
      fraction <<= 1n;
      exponent--;
    }
    fraction = BigInt.asUintN(52, fraction << 1n);
  }
  const scaled = (exponent & 1) === 0
    ? 256 | Number(fraction >> 44n)
    : 128 | Number(fraction >> 45n);
  const estimate = recipSqrtEstimate(scaled);
  const result = Math.floor((3 * f.bias - 1 - exponent) / 2);
  return assemble(f, 0, result, BigInt(estimate & 0xff) << 44n);
}

/** FPRecpX: the exponent inverted, the fraction zero. */
export function reciprocalExponent(f: Format, operand: bigint, env: Environment): bigint {
  const x = unpack(f, operand, env);
  if (isNan(x)) return processNan(f, x, env);
  const { exponent } = fields(f, x.bits);
  const inverted = exponent === 0 ? f.special - 1 : f.special ^ exponent;
  return assemble(f, x.sign, inverted, 0n);
}

/** UnsignedRecipEstimate of a 32-bit fixed-point number. */
export function estimateUnsigned(operand: number): number {
  if (operand >>> 31 === 0) return 0xffffffff;
  return (recipEstimate(operand >>> 23) << 23) >>> 0;
}

/** UnsignedRSqrtEstimate of a 32-bit fixed-point number. */
export function estimateUnsignedRoot(operand: number): number {
  if (operand >>> 30 === 0) return 0xffffffff;
  return (recipSqrtEstimate(operand >>> 23) << 23) >>> 0;
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

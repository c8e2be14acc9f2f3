/**
 * The software floating point behind one entry for the helpers in WebAssembly: an operation code,
 * up to three operands and FPCR in; the result, and on request the FPSR bits of it, out.
 */
import * as soft from "../fp/softfloat.ts";
import {
  absolute,
  double,
  type Environment,
  Exception,
  type Format,
  half,
  infinity,
  processNans,
  Rounding,
  type Rules,
  single,
  unpack,
  zero,
} from "../fp/softfloat_format.ts";
import {
  convert,
  type FixedPoint,
  fromFixed,
  roundToIntegral,
  toFixed,
} from "../fp/softfloat_convert.ts";
import { FPCR, FPSR } from "./fp_fast.ts";
import {
  estimateReciprocal,
  estimateReciprocalRoot,
  reciprocalExponent,
  step,
} from "./softfloat_estimate.ts";

/** Operations. Those of the second group take what `c` says; see {@linkcode conversion} and {@linkcode rint}. */
export const SoftOp = {
  add: 0,
  sub: 1,
  mul: 2,
  div: 3,
  sqrt: 4,
  /** c + a * b */
  mulAdd: 5,
  mulX: 6,
  min: 7,
  max: 8,
  minNumber: 9,
  maxNumber: 10,
  absoluteDifference: 11,
  reciprocalStep: 12,
  rootStep: 13,
  reciprocal: 14,
  root: 15,
  reciprocalExponent: 16,
  /** -1, 0, 1, or 2 when unordered; c: signal all NaNs */
  compare: 17,
  /** 0, or -1 if true */
  equal: 18,
  greaterEqual: 19,
  greater: 20,
  absoluteGreaterEqual: 21,
  absoluteGreater: 22,

  /** to an integral value; c is made by `rint` */
  rint: 32,
  /** to fixed point and from it; c is made by `conversion` */
  toFixed: 33,
  fromFixed: 34,
  /** between formats: c is the target, 0 single, 1 double, 2 half, 3 single rounded to odd */
  convert: 35,
} as const;
/** One of {@linkcode SoftOp}. */
export type SoftOp = typeof SoftOp[keyof typeof SoftOp];

/** Operation code for an operand format: 0 single, 1 double, 2 half. */
export function softCode(op: SoftOp, format: 0 | 1 | 2): number {
  return op | (format << 8);
}

/** Operation code for a single or double operand. */
export function codeOf(op: SoftOp, width: 32 | 64): number {
  return softCode(op, width === 64 ? 1 : 0);
}

/** Argument of `toFixed` and `fromFixed`. The low byte is the number of fraction bits. */
export function conversion(
  width: 32 | 64,
  unsigned: boolean,
  rounding: Rounding = Rounding.nearest,
  fraction = 0,
): number {
  return fraction | (width === 64 ? 0x100 : 0) | (unsigned ? 0x200 : 0) | (rounding << 10);
}

/** Argument of `rint`; no rounding: FPCR's. */
export function rint(rounding: Rounding | undefined, exact: boolean): number {
  return (rounding ?? 8) | (exact ? 16 : 0);
}

const FORMATS = [single, double, half, single] as const;
const QUIET_COMPARE = 0n;

/** Arm's choices within IEEE 754. */
const RULES: Rules = {
  nanSign: 0,
  nanOperand: "signaling",
  tiny: "before",
  subnormalRaises: "flushed",
  flushRaises: Exception.underflow,
};

/** Reads FPCR into an environment with no flags raised. */
function environment(fpcr: number): Environment {
  const flush = (fpcr & FPCR.FZ) !== 0;
  return {
    rules: RULES,
    rounding: ((fpcr & FPCR.RMODE) >>> FPCR.RMODE_SHIFT) as Rounding,
    flushOperands: flush,
    flushResults: flush,
    trapUnderflow: false,
    trapOverflow: false,
    defaultNan: (fpcr & FPCR.DN) !== 0,
    alternativeHalf: (fpcr & FPCR.AHP) !== 0,
    flags: 0,
  };
}

const FPSR_OF: readonly (readonly [exception: number, fpsr: number])[] = [
  [Exception.invalid, FPSR.IOC],
  [Exception.subnormal, FPSR.IDC],
  [Exception.divideByZero, FPSR.DZC],
  [Exception.overflow, FPSR.OFC],
  [Exception.underflow, FPSR.UFC],
  [Exception.inexact, FPSR.IXC],
];

let flags = 0;

/** FPSR bits that the last call of {@linkcode softFloat} raised. */
export function softFlags(): number {
  return FPSR_OF.reduce((bits, [exception, fpsr]) => flags & exception ? bits | fpsr : bits, 0);
}

/** Executes one operation. Operands are taken modulo 2^64, `fpcr` is the register. */
export function softFloat(code: number, a: bigint, b: bigint, c: bigint, fpcr: number): bigint {
  const env = environment(fpcr);
  const result = execute(code & 0xff, FORMATS[code >>> 8], a, b, c, env);
  flags = env.flags;
  return result;
}

function execute(
  op: number,
  f: Format,
  a: bigint,
  b: bigint,
  c: bigint,
  env: Environment,
): bigint {
  const parameter = Number(BigInt.asUintN(32, c));
  switch (op) {
    case SoftOp.add:
      return soft.add(f, a, b, env);
    case SoftOp.sub:
      return soft.add(f, a, b, env, true);
    case SoftOp.mul:
      return soft.mul(f, a, b, env);
    case SoftOp.div:
      return soft.div(f, a, b, env);
    case SoftOp.sqrt:
      return soft.sqrt(f, a, env);
    case SoftOp.mulAdd:
      return soft.mulAdd(f, c, a, b, env);
    case SoftOp.mulX:
      return soft.mul(f, a, b, env, true);
    case SoftOp.min:
      return extremum(f, a, b, -1, false, env);
    case SoftOp.max:
      return extremum(f, a, b, 1, false, env);
    case SoftOp.minNumber:
      return extremum(f, a, b, -1, true, env);
    case SoftOp.maxNumber:
      return extremum(f, a, b, 1, true, env);
    case SoftOp.absoluteDifference:
      return absolute(f, soft.add(f, a, b, env, true));
    case SoftOp.reciprocalStep:
      return step(f, a, b, false, env);
    case SoftOp.rootStep:
      return step(f, a, b, true, env);
    case SoftOp.reciprocal:
      return estimateReciprocal(f, a, env);
    case SoftOp.root:
      return estimateReciprocalRoot(f, a, env);
    case SoftOp.reciprocalExponent:
      return reciprocalExponent(f, a, env);
    case SoftOp.compare:
      return BigInt(soft.compare(f, a, b, c !== QUIET_COMPARE, env) ?? 2);
    case SoftOp.equal:
      return soft.compare(f, a, b, false, env) === 0 ? -1n : 0n;
    case SoftOp.greaterEqual:
      return (soft.compare(f, a, b, true, env) ?? -1) >= 0 ? -1n : 0n;
    case SoftOp.greater:
      return (soft.compare(f, a, b, true, env) ?? -1) > 0 ? -1n : 0n;
    case SoftOp.absoluteGreaterEqual:
      return execute(SoftOp.greaterEqual, f, absolute(f, a), absolute(f, b), 0n, env);
    case SoftOp.absoluteGreater:
      return execute(SoftOp.greater, f, absolute(f, a), absolute(f, b), 0n, env);
    case SoftOp.rint: {
      const rounding = (parameter & 8) !== 0 ? env.rounding : (parameter & 7) as Rounding;
      return roundToIntegral(f, a, rounding, (parameter & 16) !== 0, env);
    }
    case SoftOp.toFixed:
      return toFixed(f, a, fixedPoint(parameter), ((parameter >> 10) & 7) as Rounding, env);
    case SoftOp.fromFixed:
      return fromFixed(f, a, fixedPoint(parameter), env);
    case SoftOp.convert: {
      const rounding = parameter === 3 ? Rounding.odd : env.rounding;
      return convert(f, FORMATS[parameter & 3], a, env, rounding);
    }
    default:
      return 0n;
  }
}

/** FPMax (`sign` 1) or FPMin (`sign` -1); the ...Num variants ignore a quiet NaN. */
function extremum(
  f: Format,
  a: bigint,
  b: bigint,
  direction: 1 | -1,
  number: boolean,
  env: Environment,
): bigint {
  let x = unpack(f, a, env);
  let y = unpack(f, b, env);
  if (number && (x.kind === "quiet") !== (y.kind === "quiet")) {
    const worst = unpack(f, infinity(f, direction === 1 ? 1 : 0), env);
    if (x.kind === "quiet") x = worst;
    else y = worst;
  }
  const nan = processNans(f, [x, y], env);
  if (nan !== undefined) return nan;
  const o = soft.order(f, x, y) as number;
  if (o === 0 && x.kind === "zero") {
    return zero(f, direction === 1 ? x.sign & y.sign : x.sign | y.sign);
  }
  const winner = o * direction > 0 ? x : y;
  return winner.kind === "zero" ? zero(f, winner.sign) : winner.bits;
}

function fixedPoint(parameter: number): FixedPoint {
  return {
    width: (parameter & 0x100) !== 0 ? 64 : 32,
    unsigned: (parameter & 0x200) !== 0,
    fraction: parameter & 0xff,
  };
}

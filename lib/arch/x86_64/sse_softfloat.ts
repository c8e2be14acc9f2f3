/**
 * SSE's floating-point instructions in software: every lane of an operation, with all of MXCSR (SDM
 * volume 1, 11.5). What the host's arithmetic does not answer comes here.
 */
import * as soft from "../fp/softfloat.ts";
import {
  double,
  type Environment,
  Exception,
  type Format,
  isNan,
  Rounding,
  type Rules,
  single,
  unpack,
  zero,
} from "../fp/softfloat_format.ts";
import { convert, fromFixed, roundToIntegral, toFixed } from "../fp/softfloat_convert.ts";
import { MXCSR } from "./mxcsr.ts";

/** Operations. Those of one operand take the second. */
export const SseOp = {
  add: 0,
  sub: 1,
  mul: 2,
  div: 3,
  min: 4,
  max: 5,
  sqrt: 6,
  /** The parameter is the predicate of CMPPS, 0..7. */
  compare: 7,
  /** -1, 0, 1, or 2 when unordered. Parameter: 1 if quiet NaNs are invalid, too. */
  order: 8,
  /** To the other format. */
  convert: 9,
  /** To signed integers; the parameter is a rounding control, or {@linkcode MXCSR_ROUNDING}. */
  toInteger: 10,
  /** From signed integers. */
  fromInteger: 11,
  /** To integral values. Parameter: that of ROUNDPS. */
  round: 12,
  /** Even lanes are subtracted. */
  addSub: 13,
} as const;
export type SseOp = typeof SseOp[keyof typeof SseOp];

/** The parameter that says: rounded as MXCSR wants, bit 2 of ROUNDPS's immediate. */
export const MXCSR_ROUNDING = 4;
/** Rounding control: to zero. */
export const TO_ZERO = 3;
/** Bit 3 of ROUNDPS's immediate: without PE. */
const QUIET = 8;

/** What the lanes of operands and results are. */
export interface SseForm {
  readonly lanes: number;
  /** Width in bits of the operands' lanes. */
  readonly from: 32 | 64;
  /** Width in bits of the results' lanes. */
  readonly to: 32 | 64;
}

/** Names of forms: "sd2ss" takes one double and gives one single. */
export type SseFormName = "ss" | "sd" | "ps" | "pd" | "ss2sd" | "sd2ss" | "ps2pd" | "pd2ps";

/** Forms of operations. */
export const sseForms: Readonly<Record<SseFormName, SseForm>> = {
  ss: { lanes: 1, from: 32, to: 32 },
  sd: { lanes: 1, from: 64, to: 64 },
  ps: { lanes: 4, from: 32, to: 32 },
  pd: { lanes: 2, from: 64, to: 64 },
  ss2sd: { lanes: 1, from: 32, to: 64 },
  sd2ss: { lanes: 1, from: 64, to: 32 },
  ps2pd: { lanes: 2, from: 32, to: 64 },
  pd2ps: { lanes: 2, from: 64, to: 32 },
};
const FORM_NAMES = Object.keys(sseForms) as SseFormName[];

/** An operation, its form and its parameter in one number. */
export function sseCode(op: SseOp, form: SseFormName, parameter = 0): number {
  return op | (FORM_NAMES.indexOf(form) << 4) | (parameter << 8);
}

const RULES: Rules = {
  nanSign: 1,
  nanOperand: "first",
  tiny: "after",
  subnormalRaises: "used",
  flushRaises: Exception.underflow | Exception.inexact,
};

/** Rounding modes by MXCSR.RC. */
const ROUNDING: readonly Rounding[] = [
  Rounding.nearest,
  Rounding.minus,
  Rounding.plus,
  Rounding.zero,
];

function environment(mxcsr: number): Environment {
  const underflowMasked = (mxcsr & MXCSR.UM) !== 0;
  return {
    rules: RULES,
    rounding: ROUNDING[(mxcsr & MXCSR.RC) >> MXCSR.RC_SHIFT],
    flushOperands: (mxcsr & MXCSR.DAZ) !== 0,
    flushResults: underflowMasked && (mxcsr & MXCSR.FTZ) !== 0,
    trapUnderflow: !underflowMasked,
    trapOverflow: (mxcsr & MXCSR.OM) === 0,
    defaultNan: false,
    alternativeHalf: false,
    flags: 0,
  };
}

const formatOf = (width: 32 | 64): Format => width === 64 ? double : single;

/** MINPS, MAXPS: the second operand unless the first is less (greater). */
function extremum(
  f: Format,
  op: SseOp,
  a: bigint,
  b: bigint,
  env: Environment,
): bigint {
  const order = soft.compare(f, a, b, true, env);
  const first = order === (op === SseOp.min ? -1 : 1);
  const chosen = unpack(f, first ? a : b, { ...env });
  return chosen.kind === "zero" ? zero(f, chosen.sign) : chosen.bits;
}

/** Predicates 0..3 of CMPPS: equal, less, less or equal, unordered; 4..7 are their opposites. */
function compare(
  f: Format,
  predicate: number,
  a: bigint,
  b: bigint,
  env: Environment,
): bigint {
  const kind = predicate & 3;
  const order = soft.compare(f, a, b, kind === 1 || kind === 2, env);
  const holds = order === undefined
    ? kind === 3
    : [order === 0, order < 0, order <= 0, false][kind];
  return holds === (predicate < 4) ? -1n : 0n;
}

/** Rounding that a parameter asks for. */
function roundingOf(parameter: number, env: Environment): Rounding {
  return (parameter & MXCSR_ROUNDING) !== 0 ? env.rounding : ROUNDING[parameter & 3];
}

/** One lane: the result; flags in the environment. */
function lane(
  op: SseOp,
  { from, to }: SseForm,
  parameter: number,
  index: number,
  a: bigint,
  b: bigint,
  env: Environment,
): bigint {
  const f = formatOf(from);
  switch (op) {
    case SseOp.add:
      return soft.add(f, a, b, env);
    case SseOp.sub:
      return soft.add(f, a, b, env, true);
    case SseOp.addSub:
      return soft.add(f, a, b, env, (index & 1) === 0);
    case SseOp.mul:
      return soft.mul(f, a, b, env);
    case SseOp.div:
      return soft.div(f, a, b, env);
    case SseOp.min:
    case SseOp.max:
      return extremum(f, op, a, b, env);
    case SseOp.sqrt:
      return soft.sqrt(f, b, env);
    case SseOp.compare:
      return compare(f, parameter, a, b, env);
    case SseOp.order:
      return BigInt(soft.compare(f, a, b, parameter !== 0, env) ?? 2);
    case SseOp.convert:
      return convert(f, formatOf(to), b, env);
    case SseOp.toInteger: {
      const target = { width: to, unsigned: false, fraction: 0 } as const;
      const result = toFixed(f, b, target, roundingOf(parameter, env), env);
      // The integer indefinite.
      return (env.flags & Exception.invalid) !== 0 ? 1n << BigInt(to - 1) : result;
    }
    case SseOp.fromInteger:
      return fromFixed(
        formatOf(to),
        b,
        { width: from, unsigned: false, fraction: 0 },
        env,
      );
    case SseOp.round:
      return roundToIntegral(f, b, roundingOf(parameter, env), (parameter & QUIET) === 0, env);
    default:
      return 0n;
  }
}

/** Operations that look at their first operand. */
const BINARY: ReadonlySet<SseOp> = new Set<SseOp>([
  ...[SseOp.add, SseOp.sub, SseOp.addSub, SseOp.mul, SseOp.div],
  ...[SseOp.min, SseOp.max, SseOp.compare, SseOp.order],
]);
/** Operations that do not raise DE. */
const NO_DENORMAL: ReadonlySet<SseOp> = new Set<SseOp>([SseOp.toInteger, SseOp.round]);

/** Exceptions that are found before the operation; if one of them traps, the others are not looked for. */
const BEFORE: number = MXCSR.IE | MXCSR.DE | MXCSR.ZE;

let resultHigh = 0n;
let flags = 0;

/** Upper half of the last result. */
export function sseSoftHigh(): bigint {
  return resultHigh;
}

/** Flags that the last call raised. */
export function sseSoftFlags(): number {
  return flags;
}

/**
 * Executes one operation: all lanes that its form has; the others of the result are zero. Operands
 * are halves of vectors. Gives the lower half of the result.
 */
export function sseSoft(
  code: number,
  aLow: bigint,
  aHigh: bigint,
  bLow: bigint,
  bHigh: bigint,
  mxcsr: number,
): bigint {
  const op = (code & 15) as SseOp;
  const form: SseForm = sseForms[FORM_NAMES[(code >> 4) & 15]];
  const env = environment(mxcsr);
  const f = formatOf(form.from);
  const bits = BigInt(form.from);
  const a = BigInt.asUintN(64, aLow) | (BigInt.asUintN(64, aHigh) << 64n);
  const b = BigInt.asUintN(64, bLow) | (BigInt.asUintN(64, bHigh) << 64n);
  let result = 0n;
  flags = 0;
  for (let i = 0; i < form.lanes; i++) {
    const x = BigInt.asUintN(form.from, a >> (BigInt(i) * bits));
    const y = BigInt.asUintN(form.from, b >> (BigInt(i) * bits));
    env.flags = 0;
    const value = lane(op, form, code >> 8, i, x, y, env);
    const quiet = { ...env };
    const nan = op !== SseOp.fromInteger &&
      (isNan(unpack(f, y, quiet)) ||
        (BINARY.has(op) && isNan(unpack(f, x, quiet))));
    // Anything else about an operand goes before its being subnormal (SDM volume 1, 11.5.2.2).
    if (nan || NO_DENORMAL.has(op) || (env.flags & (MXCSR.IE | MXCSR.ZE)) !== 0) {
      env.flags &= ~MXCSR.DE;
    }
    flags |= env.flags;
    result |= BigInt.asUintN(form.to, value) << BigInt(i * form.to);
  }
  const unmasked = ~(mxcsr >> MXCSR.MASK_SHIFT);
  if ((flags & BEFORE & unmasked) !== 0) flags &= BEFORE;
  resultHigh = result >> 64n;
  return BigInt.asUintN(64, result);
}

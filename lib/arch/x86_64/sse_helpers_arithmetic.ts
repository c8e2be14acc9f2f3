/**
 * Helpers of SSE's arithmetic. The rows take the host's result when nothing can differ; else they
 * come here. In round to nearest, with PE masked, results of normal numbers are still the host's, and
 * whether they are inexact is found exactly; so are zeros. All else goes to the software.
 */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import {
  productInexact,
  quotientInexact,
  rootInexact,
  sumInexact,
  testable,
} from "../fp/exactness.ts";
import { finite, isZero, type Width } from "../fp/number_code.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { MXCSR, mxcsrField } from "./mxcsr.ts";
import {
  allTrue,
  floatLanes,
  inexactKnown,
  notSubnormal,
  subnormalLanes,
} from "./sse_float_code.ts";
import { lanesInBound } from "../fp/fast_result.ts";
import { sseCode, SseOp } from "./sse_softfloat.ts";

/** Names of the operations of two operands, as helpers and WebAssembly have them. */
export const ARITHMETIC = ["add", "sub", "mul", "div"] as const;
export type Arithmetic = typeof ARITHMETIC[number];

/** [] -> [i32] not zero if MXCSR has, of `bits`, exactly `value`. */
export function mxcsrIs(c: HelperCode, bits: number, value: number): void {
  c.getState(mxcsrField);
  c.i32_const(bits).i32_and().i32_const(value).i32_eq();
}

/** [i32] -> [] raises PE if not zero. */
export function raiseInexactIf(c: HelperCode): void {
  c.if_().i32_const(MXCSR.PE);
  c.callHelper("sse.raise");
  c.end();
}

/** [] -> [v128] a local of a number as lane 0, zeros above. */
export function asVector(c: HelperCode, width: Width, local: number): void {
  c.v128_const(0n, 0n).local_get(local)[`${floatLanes[width]}_replace_lane`](0);
}

/** Ends a helper of scalars: what the native path did not take. */
function soft(c: HelperCode, op: SseOp, width: Width, a: number, b: number): void {
  c.i32_const(sseCode(op, width === 64 ? "sd" : "ss"));
  asVector(c, width, a);
  asVector(c, width, b);
  c.callHelper("sse.slow");
  c[`${floatLanes[width]}_extract_lane`](0);
}

/** [] -> [i32] the host rounds as MXCSR wants, and an inexact result does not trap. */
function nearest(c: HelperCode): void {
  mxcsrIs(c, MXCSR.RC | MXCSR.PM, MXCSR.PM);
}

/** [] -> [i32] whether the result in a local is zero, and so is one of the operands. */
function zeroOfZero(
  c: HelperCode,
  width: Width,
  result: number,
  operands: readonly number[],
): void {
  isZero(c, width, result);
  operands.forEach((operand, i) => {
    isZero(c, width, operand);
    if (i > 0) c.i32_or();
  });
  c.i32_and();
}

function scalarArithmetic(width: Width, op: Arithmetic): Helper {
  const f = `f${width}` as const;
  return wasmHelper(`sse.${op}.${width}`, [f, f], f, (c) => {
    const r = c.local(f);
    c.local_get(0).local_get(1)[`${f}_${op}`]().local_set(r);
    notSubnormal(c, width, 0);
    notSubnormal(c, width, 1);
    c.i32_and().if_();
    if (op === "mul" || op === "div") {
      // Zero times a number, or divided by one. NaN (infinity, 0 / 0) is no zero.
      zeroOfZero(c, width, r, op === "mul" ? [0, 1] : [0]);
      c.if_().local_get(r).return_().end();
    }
    nearest(c);
    c.if_();
    if (op === "add" || op === "sub") {
      const b = c.local(f);
      c.local_get(1);
      if (op === "sub") c[`${f}_neg`]();
      c.local_set(b);
      finite(c, width, r);
      notSubnormal(c, width, r);
      c.i32_and().if_();
      sumInexact(c, width, 0, b, r, (type) => c.local(type));
      raiseInexactIf(c);
      c.local_get(r).return_().end();
    } else {
      testable(c, width, r, [0, 1]);
      c.if_();
      if (op === "mul") productInexact(c, width, 0, 1, r);
      else quotientInexact(c, width, 0, 1, r);
      raiseInexactIf(c);
      c.local_get(r).return_().end();
    }
    c.end().end();
    soft(c, SseOp[op], width, 0, 1);
  });
}

function scalarRoot(width: Width): Helper {
  const f = `f${width}` as const;
  return wasmHelper(`sse.sqrt.${width}`, [f], f, (c) => {
    const r = c.local(f);
    c.local_get(0)[`${f}_sqrt`]().local_set(r);
    nearest(c);
    notSubnormal(c, width, 0);
    c.i32_and().if_();
    testable(c, width, r, [0]);
    c.if_();
    rootInexact(c, width, 0, r);
    raiseInexactIf(c);
    c.local_get(r).return_().end();
    isZero(c, width, r);
    c.if_().local_get(r).return_().end();
    c.end();
    soft(c, SseOp.sqrt, width, 0, 0);
  });
}

/** [] -> [v128] lanes of a local that are zero. */
function zeroLanes(c: HelperCode, width: Width, local: number): void {
  c.local_get(local).v128_const(0n, 0n)[`${floatLanes[width]}_eq`]();
}

/**
 * Ends a helper of vectors: lane by lane if no exception traps, because then lanes do not depend on
 * each other; else all lanes in software.
 */
function lanewise(
  c: HelperCode,
  width: Width,
  scalar: string,
  op: SseOp,
  operands: readonly number[],
): void {
  const lanes = floatLanes[width];
  mxcsrIs(c, MXCSR.masks, MXCSR.masks);
  c.if_().v128_const(0n, 0n);
  for (let lane = 0; lane < 128 / width; lane++) {
    for (const operand of operands) c.local_get(operand)[`${lanes}_extract_lane`](lane);
    c.callHelper(scalar);
    c[`${lanes}_replace_lane`](lane);
  }
  c.return_().end();
  c.i32_const(sseCode(op, width === 64 ? "pd" : "ps"));
  c.local_get(operands[0]).local_get(operands[operands.length - 1]);
  c.callHelper("sse.slow");
}

/** Lanes that are zero for a good reason do not send the others the slow way. */
function packedArithmetic(width: Width, op: Arithmetic): Helper {
  const name = width === 64 ? "pd" : "ps";
  return wasmHelper(`sse.${op}.${name}`, ["v128", "v128"], "v128", (c) => {
    const r = c.local("v128");
    c.local_get(0).local_get(1)[`${floatLanes[width]}_${op}`]().local_set(r);
    lanesInBound(c, width, r);
    zeroLanes(c, width, r);
    if (op === "mul" || op === "div") {
      zeroLanes(c, width, 0);
      if (op === "mul") {
        zeroLanes(c, width, 1);
        c.v128_or();
      }
      c.v128_and();
    }
    c.v128_or();
    for (const operand of [0, 1]) {
      subnormalLanes(c, width, operand);
      c.v128_andnot();
    }
    allTrue(c, width);
    inexactKnown(c);
    c.i32_and().if_().local_get(r).return_().end();
    lanewise(c, width, `sse.${op}.${width}`, SseOp[op], [0, 1]);
  });
}

function packedRoot(width: Width): Helper {
  return wasmHelper(`sse.sqrt.${width === 64 ? "pd" : "ps"}`, ["v128"], "v128", (c) => {
    lanewise(c, width, `sse.sqrt.${width}`, SseOp.sqrt, [0]);
  });
}

/** ADDSUBPS, ADDSUBPD: even lanes subtracted, odd ones added. */
function addSub(width: Width): Helper {
  const name = width === 64 ? "pd" : "ps";
  const lanes = floatLanes[width];
  return wasmHelper(`sse.addSub.${name}`, ["v128", "v128"], "v128", (c) => {
    mxcsrIs(c, MXCSR.masks, MXCSR.masks);
    c.if_().v128_const(0n, 0n);
    for (let lane = 0; lane < 128 / width; lane++) {
      for (const operand of [0, 1]) c.local_get(operand)[`${lanes}_extract_lane`](lane);
      c.callHelper(`sse.${lane % 2 === 0 ? "sub" : "add"}.${width}`);
      c[`${lanes}_replace_lane`](lane);
    }
    c.return_().end();
    c.i32_const(sseCode(SseOp.addSub, name)).local_get(0).local_get(1);
    c.callHelper("sse.slow");
  });
}

/** The helpers of this file: [a, b] -> [result]. */
export const sseArithmeticHelpers: readonly Helper[] = ([32, 64] as const).flatMap((width) => [
  ...ARITHMETIC.map((op) => scalarArithmetic(width, op)),
  ...ARITHMETIC.map((op) => packedArithmetic(width, op)),
  scalarRoot(width),
  packedRoot(width),
  addSub(width),
]);

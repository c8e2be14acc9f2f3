/** Emission of SSE's floating-point instructions: operands, the tests whether a result may stand. */
import type { Builder } from "../../engine/builder.ts";
import type { StateField } from "../../engine/layout.ts";
import type { Code } from "../../wasm/code.ts";
import { lanesInBound, resultInBound } from "../fp/fast_result.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { Fault } from "./fault_numbers.ts";
import { sseFast64Field, sseFastField, sseSum64Field, sseSumField, sseTrapField } from "./mxcsr.ts";
import type { Operand } from "./operands.ts";

/** The code of an instruction or of a helper. */
export type StateCode = Code & { getState(field: StateField, index?: number): void };

/** Lanes of a width as WebAssembly names them. */
export const floatLanes = { 32: "f32x4", 64: "f64x2" } as const;

/** A new local with an XMM register, or with memory and zeros above. */
export function vectorOf(b: Builder, p: Operand): number {
  const local = b.temp("v128");
  p.getV(b);
  b.local_set(local);
  return local;
}

/** A new local with lane 0 of an XMM register. */
export function lane0(b: Builder, width: Width, p: Operand): number {
  const local = b.temp(typeOf(width));
  if (width === 64) b.getD(p.raw);
  else b.getS(p.raw);
  b.local_set(local);
  return local;
}

/** A new local with a source of 4 or 8 bytes. */
export function scalarSource(b: Builder, p: Operand): number {
  const local = b.temp(p.size === 8 ? "f64" : "f32");
  p.getFloat(b);
  b.local_set(local);
  return local;
}

/** [] -> [] lane 0 of an XMM register from a local; the others stay. */
export function setScalar(b: Builder, width: Width, p: Operand, value: number): void {
  p.getV(b);
  b.local_get(value)[`${floatLanes[width]}_replace_lane`](0);
  p.setV(b);
}

// Bit patterns shifted left by one, less one: zero is the largest, subnormal numbers are the least.
const FIRST_NORMAL = 0x00ffffff;
const FIRST_NORMAL_64_HIGH = 0x001fffff;

/** [] -> [i32] whether a local is not subnormal. */
export function notSubnormal(c: Code, width: Width, local: number): void {
  c.local_get(local);
  if (width === 64) {
    c.i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const32(1).i64_sub();
    c.i64_const_parts(-1, FIRST_NORMAL_64_HIGH).i64_ge_u();
  } else {
    c.i32_reinterpret_f32().i32_const(1).i32_shl().i32_const(1).i32_sub();
    c.i32_const(FIRST_NORMAL).i32_ge_u();
  }
}

const LOWEST_64 = 0x80000000_00000000n;

/** [] -> [v128] lanes of a local that are subnormal. Compared as signed, which is cheaper. */
export function subnormalLanes(c: Code, width: Width, local: number): void {
  c.local_get(local).i32_const(1);
  if (width === 64) {
    const first = (BigInt(FIRST_NORMAL_64_HIGH) << 32n) | 0xffffffffn;
    c.i64x2_shl().v128_const(LOWEST_64 - 1n, LOWEST_64 - 1n).i64x2_add();
    c.v128_const(first | LOWEST_64, first | LOWEST_64).i64x2_lt_s();
  } else {
    c.i32x4_shl().i32_const(0x7fffffff).i32x4_splat().i32x4_add();
    c.i32_const(FIRST_NORMAL | 0x80000000).i32x4_splat().i32x4_lt_s();
  }
}

/** [v128 mask] -> [i32] whether all lanes are true. A bit mask is cheaper to branch on than `all_true`. */
export function allTrue(c: Code, width: Width): void {
  if (width === 64) c.i64x2_bitmask().i32_const(3).i32_eq();
  else c.i32x4_bitmask().i32_const(15).i32_eq();
}

/** [v128 mask] -> [i32] whether no lane is true. */
export function noneTrue(c: Code, width: Width): void {
  if (width === 64) c.i64x2_bitmask().i32_eqz();
  else c.i32x4_bitmask().i32_eqz();
}

/** A condition: [] -> [i32]. */
export type Test = () => void;

/** Emits `slow` for when one of the tests does not hold; those behind it are not made then. */
export function unlessAll(c: Code, tests: readonly Test[], slow: () => void): void {
  c.block().block();
  tests.forEach((test, i) => {
    test();
    if (i < tests.length - 1) c.i32_eqz().br_if(0);
    else c.br_if(1);
  });
  c.end();
  slow();
  c.end();
}

/** That a result in a local may stand for operands in locals. Of sums nearly all may. */
export function resultStands(
  c: StateCode,
  width: Width,
  result: number,
  operands: readonly number[],
  isSum = false,
): Test[] {
  const tests: Test[] = operands.map((operand) => () => notSubnormal(c, width, operand));
  tests.push(() => {
    if (!isSum) {
      const bound = width === 64 ? sseFast64Field : sseFastField;
      resultInBound(c, width, result, () => c.getState(bound));
    } else if (width === 64) {
      c.local_get(result).i64_reinterpret_f64().i64_const32(1).i64_shl();
      c.getState(sseSum64Field);
      c.i64_lt_u();
    } else {
      c.local_get(result).i32_reinterpret_f32().i32_const(1).i32_shl();
      c.getState(sseSumField);
      c.i32_lt_u();
    }
  });
  return tests;
}

/** That all lanes of a result may stand for operands in locals. */
export function lanesStand(
  c: StateCode,
  width: Width,
  result: number,
  operands: readonly number[],
  isSum = false,
): Test[] {
  return [() => c.getState(isSum ? sseSumField : sseFastField), () => {
    if (!isSum) lanesInBound(c, width, result);
    else if (width === 64) {
      c.local_get(result).f64x2_abs().f64_const(Infinity).f64x2_splat().f64x2_lt();
    } else c.local_get(result).f32x4_abs().f32_const(Infinity).f32x4_splat().f32x4_lt();
    for (const operand of operands) {
      subnormalLanes(c, width, operand);
      c.v128_andnot();
    }
    allTrue(c, width);
  }];
}

/** [] -> [i32] 1 if results may be inexact without further notice, in round to nearest. */
export function inexactKnown(c: StateCode): void {
  c.getState(sseFastField);
  c.i32_const(1).i32_and();
}

/** [] -> [] after a helper: #XM if the instruction has raised what is not masked. */
export function trap(b: Builder): void {
  const raised = b.temp("i32");
  b.getState(sseTrapField);
  b.local_set(raised).i32_const(0);
  b.setState(sseTrapField);
  b.local_get(raised);
  b.faultIf(Fault.simdException);
}

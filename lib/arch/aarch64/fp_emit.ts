/**
 * Emission of floating-point instructions: operands by width, the host's operation, the test
 * whether its result may stand, and the call of a helper otherwise.
 */
import type { Builder } from "../../engine/builder.ts";
import type { Operand } from "../../engine/row.ts";
import type { StateField } from "../../engine/layout.ts";
import type { Code } from "../../wasm/code.ts";
import { lanesInBound, resultInBound } from "../fp/fast_result.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { FPCR, fpcrField, fpFast64Field, fpFastField } from "./fp_fast.ts";

/** The code of an instruction or of a helper. */
export type StateCode = Code & { getState(field: StateField, index?: number): void };

/** Arrangement of a vector: four or two singles, two doubles. */
export type Shape = "4s" | "2s" | "2d";

/** Width of the lanes. */
export function widthOf(shape: Shape): Width {
  return shape === "2d" ? 64 : 32;
}

/** Number of lanes, 2 or 4. */
export function lanesOf(shape: Shape): number {
  return shape === "4s" ? 4 : 2;
}

/** Arrangement for fields Q and sz; 1D is reserved. */
export function shapeOf(q: number, sz: number): Shape {
  return sz === 1 ? "2d" : q === 1 ? "4s" : "2s";
}

/** [] -> [f32 or f64] lane 0. */
export function getF(b: Builder, width: Width, v: Operand): void {
  if (width === 64) b.getD(v);
  else b.getS(v);
}

/** [f32 or f64] -> [] lane 0; the rest becomes zero. */
export function setF(b: Builder, width: Width, v: Operand): void {
  if (width === 64) b.setD(v);
  else b.setS(v);
}

/** A local with lane 0 of a register. */
export function loadF(b: Builder, width: Width, v: Operand): number {
  const local = b.temp(typeOf(width));
  getF(b, width, v);
  b.local_set(local);
  return local;
}

/** A local with a whole register, all lanes of a width negated if one is given. */
export function loadV(b: Builder, v: Operand, negated?: Width): number {
  const local = b.temp("v128");
  b.getV(v);
  if (negated === 64) b.f64x2_neg();
  else if (negated === 32) b.f32x4_neg();
  b.local_set(local);
  return local;
}

/** [] -> [i32] whether the result in a local may stand. */
export function resultStands(b: StateCode, width: Width, result: number): void {
  resultInBound(b, width, result, () => b.getState(width === 64 ? fpFast64Field : fpFastField));
}

/** [] -> [i32] whether all lanes of the result may stand. */
export function lanesStand(b: StateCode, shape: Shape, result: number): void {
  lanesInBound(b, widthOf(shape), result);
  allTrue(b, shape);
  b.getState(fpFastField);
  b.i32_and();
}

/** [v128 mask] -> [i32] whether all lanes that count are true. */
export function allTrue(b: Code, shape: Shape): void {
  if (shape === "2d") b.i64x2_all_true();
  else if (shape === "4s") b.i32x4_all_true();
  else b.i64x2_extract_lane(0).i64_const32(-1).i64_eq();
}

/** [] -> [i32] not zero if subnormal operands are not flushed. */
export function noFlush(b: StateCode): void {
  b.getState(fpcrField);
  b.i32_const(FPCR.FZ).i32_and().i32_eqz();
}

/** [] -> [i32] 1 if results may be inexact without further notice, in round to nearest. */
export function inexactKnown(b: StateCode): void {
  b.getState(fpFastField);
  b.i32_const(1).i32_and();
}

/** [v128] -> [] a vector result; the high half of a short one becomes zero. */
export function setShape(b: Builder, shape: Shape, v: Operand): void {
  if (shape === "2s") {
    b.f64x2_extract_lane(0);
    b.setD(v);
  } else b.setV(v);
}

/** [] -> [v128] the WebAssembly name of a shape's lanes. */
export function lanesName(shape: Shape): "f32x4" | "f64x2" {
  return shape === "2d" ? "f64x2" : "f32x4";
}

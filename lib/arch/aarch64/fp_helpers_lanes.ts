/** Vector helpers made of a scalar one that is called for each lane. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import type { ValType } from "../../wasm/types.ts";
import { lanesInBound } from "../fp/fast_result.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { allTrue, inexactKnown, lanesName, lanesOf, type Shape, widthOf } from "./fp_emit.ts";

/**
 * [] -> [v128] calls a scalar helper for each lane of the first `count` locals. Lanes beyond the shape
 * are neither looked at (they must not raise flags) nor set.
 */
export function eachLane(c: HelperCode, scalar: string, shape: Shape, count: number): void {
  const lanes = lanesName(shape);
  c.v128_const(0n, 0n);
  for (let lane = 0; lane < lanesOf(shape); lane++) {
    for (let i = 0; i < count; i++) c.local_get(i)[`${lanes}_extract_lane`](lane);
    c.callHelper(scalar);
    c[`${lanes}_replace_lane`](lane);
  }
}

/** A helper of `count` vectors that gives a vector, by a scalar helper. */
export function lanewise(name: string, scalar: string, shape: Shape, count: number): Helper {
  const params: ValType[] = Array(count).fill("v128");
  return wasmHelper(name, params, "v128", (c) => eachLane(c, scalar, shape, count));
}

/**
 * [] -> [i32] like `lanesStand`, but lanes may also be zero: all of them, or those in which one of
 * two operands is zero.
 */
export function zerosStand(
  c: HelperCode,
  shape: Shape,
  result: number,
  ...operands: readonly number[]
): void {
  const lanes = lanesName(shape);
  const isZero = (local: number): void => {
    c.local_get(local).v128_const(0n, 0n)[`${lanes}_eq`]();
  };
  lanesInBound(c, widthOf(shape), result);
  isZero(result);
  operands.forEach((operand, i) => {
    isZero(operand);
    if (i > 0) c.v128_or();
  });
  if (operands.length > 0) c.v128_and();
  c.v128_or();
  allTrue(c, shape);
  inexactKnown(c);
  c.i32_and();
}

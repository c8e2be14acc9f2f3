/**
 * NZCV of a floating-point comparison: less 1000, equal 0110, greater 0010, unordered 0011 (Arm ARM,
 * FPCompare). Kept as two doubles, so that each condition is one comparison of the host.
 */
import type { Builder } from "../../engine/builder.ts";
import type { Code } from "../../wasm/code.ts";
import { Flags } from "./flags.ts";

/** [] -> [] flags as result of comparing two locals of doubles. */
export function setCompareFlags(b: Builder, x: number, y: number): void {
  b.local_get(x).i64_reinterpret_f64().local_get(y).i64_reinterpret_f64();
  b.setFlags(Flags.fcmp);
}

/** [] -> [] flags in bits 3:0 of an i64 local. */
export function setNzcv(b: Builder, nzcv: number): void {
  b.local_get(nzcv);
  b.setFlags(Flags.nzcv);
}

type Comparison = "eq" | "ne" | "lt" | "gt" | "le" | "ge";

/** [] -> [i32] compares the operands, which are doubles in i64 locals. */
function compare(c: Code, [x, y]: readonly number[], op: Comparison): void {
  c.local_get(x).f64_reinterpret_i64().local_get(y).f64_reinterpret_i64()[`f64_${op}`]();
}

/** [] -> [i32] whether an operand is a NaN. */
function unordered(c: Code, [x, y]: readonly number[]): void {
  compare(c, [x, x], "ne");
  compare(c, [y, y], "ne");
  c.i32_or();
}

/** [] -> [i64] one flag of kind `fcmp` at rest: 0 N, 1 Z, 2 C, 3 V. */
export function restingCompare(c: Code, operands: readonly number[], flag: number): void {
  if (flag === 1) compare(c, operands, "ne");
  else if (flag === 3) unordered(c, operands);
  else compare(c, operands, "lt");
  if (flag === 2) c.i32_eqz();
  c.i64_extend_i32_u();
  if (flag === 0 || flag === 3) c.i64_const32(63).i64_shl();
}

/** Condition pairs 0..6 as a comparison, and whether its opposite is meant. A NaN makes it false. */
const CONDITIONS: readonly (readonly [Comparison, boolean] | undefined)[] = [
  ["eq", false],
  ["lt", true],
  ["lt", false],
  undefined,
  ["le", true],
  ["ge", false],
  ["gt", false],
];

/** `FlagModel.condition` of kind `fcmp`, for codes 0..13. */
export function compareCondition(c: Code, operands: readonly number[], code: number): void {
  const comparison = CONDITIONS[code >> 1];
  let inverted = (code & 1) !== 0;
  if (comparison === undefined) unordered(c, operands);
  else {
    compare(c, operands, comparison[0]);
    inverted = inverted !== comparison[1];
  }
  if (inverted) c.i32_eqz();
}

/** Writing semantics once for both operand sizes: `sf` is 0 for W registers and i32, 1 for X registers and i64. */
import type { Builder } from "../../engine/builder.ts";
import type { IntegerOp } from "../integer_op.ts";
import type { Operand } from "../../engine/row.ts";

/** Emits the operation in the width of `sf`. */
export function op(b: Builder, sf: number, name: IntegerOp): void {
  if (sf) b[`i64_${name}`]();
  else b[`i32_${name}`]();
}

/** [] -> [i32 or i64] */
export function getReg(b: Builder, sf: number, r: Operand): void {
  if (sf) b.get(r);
  else b.get32(r);
}

/** [i32 or i64] -> [] a 32-bit result clears the high half. */
export function setReg(b: Builder, sf: number, r: Operand): void {
  if (sf) b.set(r);
  else b.set32(r);
}

/** [] -> [i32 or i64] */
export function getImm(b: Builder, sf: number, i: Operand): void {
  if (sf) b.imm(i);
  else b.imm32(i);
}

/** [] -> [i32 or i64] a constant, signed 32 bits. */
export function constant(b: Builder, sf: number, value: number): void {
  if (sf) b.i64_const32(value);
  else b.i32_const(value);
}

/** A local of the operand size. */
export function temp(b: Builder, sf: number): number {
  return b.temp(sf ? "i64" : "i32");
}

/** [i32 or i64] -> [i64] zero-extended: how setFlags and memory take values. */
export function widen(b: Builder, sf: number): void {
  if (!sf) b.i64_extend_i32_u();
}

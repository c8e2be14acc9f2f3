/**
 * What the rows of Advanced SIMD share: access to whole registers, halves and elements, FPSR.QC.
 * `size` is log2 of the bytes of an element; `Q` is 1 for 128-bit vectors, 0 for 64-bit ones,
 * {@linkcode SCALAR} for scalars. Results of 64-bit vectors and of scalars clear the rest of the
 * register (Arm ARM, C1.2.6).
 */
import type { Builder } from "../../engine/builder.ts";
import type { StateField } from "../../engine/layout.ts";
import type { Operand } from "../../engine/row.ts";
import type { Code } from "../../wasm/code.ts";
import { clearHigh, joinHalves, onlyLane0 } from "../simd/lanes.ts";
import { field } from "./layout.ts";

/** A code sink that reaches the vCPU's state: the builder, or the body of a helper. */
export interface StateCode extends Code {
  /** [] -> [value] */
  getState(field: StateField, index?: number): void;
  /** [value] -> [] */
  setState(field: StateField, index?: number): void;
}

/** [v128, v128] -> [v128] on elements of a size. */
export type StackOp = (b: Builder, size: number) => void;
/** [] -> [v128] on elements of a size; the operands are in locals. */
export type LocalOp = (b: Builder, size: number, x: number, y: number) => void;

/** Saturation is sticky in FPSR.QC. */
const QC_BIT = 27;
const fpsr = field("fpsr");

/** What scalar rows derive for `Q`: only element 0 of the registers takes part. */
export const SCALAR = 2;

/** [] -> [v128] the register; what takes no part is cleared. */
export function getQ(b: Builder, v: Operand, Q: number, size: number): void {
  b.getV(v);
  clearUnused(b, Q, size);
}

/** [v128] -> [] writes the register; what takes no part is cleared. `size` matters for scalars only. */
export function setQ(b: Builder, v: Operand, Q: number, size = 3): void {
  clearUnused(b, Q, size);
  b.setV(v);
}

function clearUnused(b: Builder, Q: number, size: number): void {
  if (Q === SCALAR) onlyLane0(b, size);
  else if (Q === 0) clearHigh(b);
}

/** [v128, result in the low half] -> [] writes the high half alone (Q 1), else the low half, the high cleared. */
export function setNarrow(b: Builder, v: Operand, Q: number): void {
  if (Q === 1) {
    const value = b.temp("v128");
    b.local_set(value);
    b.getV(v);
    b.local_get(value);
    joinHalves(b, 0);
  } else {
    clearHigh(b);
  }
  b.setV(v);
}

/** [v128] -> [] sets FPSR.QC if any bit is set. */
export function saturatedIfAny(b: StateCode): void {
  b.v128_any_true().i32_const(QC_BIT).i32_shl();
  b.getState(fpsr);
  b.i32_or();
  b.setState(fpsr);
}

/** A new local that holds the register. */
export function vector(b: Builder, v: Operand): number {
  const local = b.temp("v128");
  b.getV(v);
  b.local_set(local);
  return local;
}

/** A new local that holds the register; what takes no part is cleared. */
export function vectorQ(b: Builder, v: Operand, Q: number, size: number): number {
  const local = b.temp("v128");
  getQ(b, v, Q, size);
  b.local_set(local);
  return local;
}

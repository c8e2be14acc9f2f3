/** General registers that instructions use without naming them, as operands of the builder. */
import { fixedOperand, type Operand } from "../../engine/instruction.ts";
import type { Builder } from "../../engine/builder.ts";

export const RAX: Operand = fixedOperand("reg", 0);
export const RCX: Operand = fixedOperand("reg", 1);
export const RDX: Operand = fixedOperand("reg", 2);
export const RBX: Operand = fixedOperand("reg", 3);
export const RSP: Operand = fixedOperand("reg", 4);
export const RBP: Operand = fixedOperand("reg", 5);
export const RSI: Operand = fixedOperand("reg", 6);
export const RDI: Operand = fixedOperand("reg", 7);
export const AL: Operand = fixedOperand("reg8", 0);
export const CL: Operand = fixedOperand("reg8", 1);
export const AH: Operand = fixedOperand("reg8", 16);

/** [] -> [value] low bytes of a register: i64 for 8, else i32. */
export function getPart(b: Builder, r: Operand, size: number): void {
  if (size === 2) b.get16(r);
  else if (size === 4) b.get32(r);
  else b.get(r);
}

/** [value] -> [] the low bytes of a register; 4 bytes clear the high half. */
export function setPart(b: Builder, r: Operand, size: number): void {
  if (size === 2) b.set16(r);
  else if (size === 4) b.set32(r);
  else b.set(r);
}

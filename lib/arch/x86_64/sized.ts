/**
 * Writing integer semantics once for all operand sizes: values of 8 bytes are i64, smaller ones i32,
 * zero-extended.
 */
import type { Builder } from "../../engine/builder.ts";
import type { IntegerOp } from "../integer_op.ts";

/** Type of a value of `size` bytes. */
export function typeOf(size: number): "i32" | "i64" {
  return size === 8 ? "i64" : "i32";
}

/** Emits the operation in the width of the type. */
export function op(b: Builder, size: number, name: IntegerOp): void {
  if (size === 8) b[`i64_${name}`]();
  else b[`i32_${name}`]();
}

/** [] -> [value] a constant, signed 32 bits. */
export function constant(b: Builder, size: number, value: number): void {
  if (size === 8) b.i64_const32(value);
  else b.i32_const(value);
}

/** A local for values of the size. */
export function local(b: Builder, size: number): number {
  return b.temp(typeOf(size));
}

/** [i32] -> [value] */
export function fromI32(b: Builder, size: number): void {
  if (size === 8) b.i64_extend_i32_u();
}

/** [value] -> [i32] */
export function toI32(b: Builder, size: number): void {
  if (size === 8) b.i32_wrap_i64();
}

/** [value] -> [i64] zero-extended: how flags take most operands. */
export function widen(b: Builder, size: number): void {
  if (size < 8) b.i64_extend_i32_u();
}

/** [value] -> [i64] sign-extended. */
export function widenSigned(b: Builder, size: number): void {
  signExtend(b, size);
  if (size < 8) b.i64_extend_i32_s();
}

/** [value] -> [value] clears what is above 8 or 16 bits. */
export function cut(b: Builder, size: number): void {
  if (size === 1) b.i32_const(0xff).i32_and();
  else if (size === 2) b.i32_const(0xffff).i32_and();
}

/** [value] -> [value] the sign of 8 or 16 bits goes through all 32. */
export function signExtend(b: Builder, size: number): void {
  if (size === 1) b.i32_extend8_s();
  else if (size === 2) b.i32_extend16_s();
}

/** [value] -> [i32] 0 or 1: the sign. */
export function signBit(b: Builder, size: number): void {
  constant(b, size, 8 * size - 1);
  op(b, size, "shr_u");
  toI32(b, size);
}

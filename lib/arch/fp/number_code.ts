/** Emission of code on numbers in single and double precision. "A local" holds one of that width. */
import type { Code } from "../../wasm/code.ts";

/** Width of a floating-point number in bits. */
export type Width = 32 | 64;
/** WebAssembly instructions of one operand that exist for scalars and vectors. */
export type UnaryOp = "sqrt" | "nearest" | "ceil" | "floor" | "trunc" | "abs" | "neg";
/** The same, of two operands. */
export type BinaryOp = "add" | "sub" | "mul" | "div" | "min" | "max";

/** WebAssembly type of a number. */
export function typeOf(width: Width): "f32" | "f64" {
  return width === 64 ? "f64" : "f32";
}

/** [i64] -> [f64 or f32] of the bit pattern. */
export function fromBits(c: Code, width: Width): void {
  if (width === 64) c.f64_reinterpret_i64();
  else c.i32_wrap_i64().f32_reinterpret_i32();
}

/** [f64 or f32] -> [i64] the bit pattern. */
export function toBits(c: Code, width: Width): void {
  if (width === 64) c.i64_reinterpret_f64();
  else c.i32_reinterpret_f32().i64_extend_i32_u();
}

/** [] -> [f] 0 of the width. */
export function zeroF(c: Code, width: Width): void {
  if (width === 64) c.f64_const(0);
  else c.f32_const(0);
}

/** [] -> [i32] whether a local is zero. */
export function isZero(c: Code, width: Width, local: number): void {
  c.local_get(local);
  zeroF(c, width);
  c[`f${width}_eq`]();
}

/** [] -> [i32] whether a local is no NaN. */
export function isNumber(c: Code, width: Width, local: number): void {
  c.local_get(local).local_get(local)[`f${width}_eq`]();
}

/** [] -> [i32] whether a local is finite. */
export function finite(c: Code, width: Width, local: number): void {
  c.local_get(local)[`f${width}_abs`]();
  if (width === 64) c.f64_const(Infinity).f64_lt();
  else c.f32_const(Infinity).f32_lt();
}

/** [] -> [i32] whether a local's biased exponent lies in 2..top. */
export function ordinary(c: Code, width: Width, local: number): void {
  c.local_get(local);
  if (width === 64) {
    c.i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const_parts(0, 0x00400000).i64_sub();
    c.i64_const_parts(0, 0xffa00000).i64_lt_u();
  } else {
    c.i32_reinterpret_f32().i32_const(1).i32_shl().i32_const(0x02000000).i32_sub();
    c.i32_const(0xfd000000).i32_lt_u();
  }
}

/** [] -> [f64] a single-precision local as a double. */
export function widened(c: Code, local: number): void {
  c.local_get(local).f64_promote_f32();
}

/** [] -> [i64] biased exponent of a double without its sign. */
export function exponent(c: Code, local: number): void {
  c.local_get(local).i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const32(53).i64_shr_u();
}

/** [] -> [i64] trailing zeros of the significand of a normal double, 0..52. */
export function significantZeros(c: Code, local: number): void {
  c.local_get(local).i64_reinterpret_f64().i64_const_parts(0, 0x00100000).i64_or().i64_ctz();
}

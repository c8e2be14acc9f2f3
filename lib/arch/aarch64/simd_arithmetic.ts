/**
 * Lane-wise integer arithmetic that WebAssembly lacks, for vector and scalar rows alike: saturating,
 * halving, doubling multiplies. What saturates sets FPSR.QC; all zero elements never do, so operands
 * whose unused elements were cleared need no other care.
 */
import type { Builder } from "../../engine/builder.ts";
import type { Operand } from "../../engine/row.ts";
import {
  ADD,
  EQ,
  evenLanes,
  greatest,
  least,
  NE,
  oddLanes,
  SHL,
  SHR_S,
  SHR_U,
  signs,
  SUB,
  words,
  zero,
} from "../simd/lanes.ts";
import { saturatedIfAny } from "./simd_lanes.ts";

const ADD_SAT = [["i8x16_add_sat_u", "i16x8_add_sat_u"], [
  "i8x16_add_sat_s",
  "i16x8_add_sat_s",
]] as const;
const SUB_SAT = [["i8x16_sub_sat_u", "i16x8_sub_sat_u"], [
  "i8x16_sub_sat_s",
  "i16x8_sub_sat_s",
]] as const;

/** Pushes [v128] all ones in lanes where local x < local y, unsigned. */
export function lessUnsigned(b: Builder, size: number, x: number, y: number): void {
  if (size === 0) b.local_get(x).local_get(y).i8x16_lt_u();
  else if (size === 1) b.local_get(x).local_get(y).i16x8_lt_u();
  else if (size === 2) b.local_get(x).local_get(y).i32x4_lt_u();
  else {
    // Signed comparison of values whose sign bits are inverted.
    b.local_get(x);
    least(b, 3);
    b.v128_xor().local_get(y);
    least(b, 3);
    b.v128_xor().i64x2_lt_s();
  }
}

/** [v128 mask of saturated lanes] -> [v128] the same; sets QC. */
function noteMask(b: Builder): void {
  const mask = b.temp("v128");
  b.local_tee(mask);
  saturatedIfAny(b);
  b.local_get(mask);
}

/** [v128] -> [v128] lanes by their sign: the greatest value if not negative, else the least. */
function limits(b: Builder, size: number): void {
  signs(b, size);
  greatest(b, size);
  b.v128_xor();
}

/** Pushes [v128] SatQ(x + y). Sets QC. */
export function saturatingAdd(
  b: Builder,
  size: number,
  isSigned: boolean,
  x: number,
  y: number,
): void {
  const result = b.temp("v128");
  if (size < 2) {
    // A saturated element never equals the wrapped sum.
    b.local_get(x).local_get(y)[ADD_SAT[isSigned ? 1 : 0][size]]().local_tee(result);
    b.local_get(x).local_get(y)[ADD[size]]().v128_xor();
    saturatedIfAny(b);
    b.local_get(result);
    return;
  }
  b.local_get(x).local_get(y)[ADD[size]]().local_set(result);
  if (!isSigned) {
    b.local_get(result);
    lessUnsigned(b, size, result, x);
    noteMask(b);
    b.v128_or();
    return;
  }
  b.local_get(x);
  limits(b, size);
  b.local_get(result);
  b.local_get(x).local_get(result).v128_xor();
  b.local_get(y).local_get(result).v128_xor().v128_and();
  signs(b, size);
  noteMask(b);
  b.v128_bitselect();
}

/** Pushes [v128] SatQ(x - y). Sets QC. */
export function saturatingSub(
  b: Builder,
  size: number,
  isSigned: boolean,
  x: number,
  y: number,
): void {
  const result = b.temp("v128");
  if (size < 2) {
    b.local_get(x).local_get(y)[SUB_SAT[isSigned ? 1 : 0][size]]().local_tee(result);
    b.local_get(x).local_get(y)[SUB[size]]().v128_xor();
    saturatedIfAny(b);
    b.local_get(result);
    return;
  }
  b.local_get(x).local_get(y)[SUB[size]]().local_set(result);
  if (!isSigned) {
    b.local_get(result);
    lessUnsigned(b, size, x, y);
    noteMask(b);
    b.v128_andnot();
    return;
  }
  b.local_get(x);
  limits(b, size);
  b.local_get(result);
  b.local_get(x).local_get(result).v128_xor();
  b.local_get(x).local_get(y).v128_xor().v128_and();
  signs(b, size);
  noteMask(b);
  b.v128_bitselect();
}

/** Pushes [v128] SignedSatQ(x + y) with x signed, y unsigned (SUQADD). Sets QC. */
export function saturatingAddUnsigned(b: Builder, size: number, x: number, y: number): void {
  // With the sign bit inverted x counts from the least value: the unsigned sum saturates at the top.
  shifted(b, size, x, y, false);
}

/** Pushes [v128] UnsignedSatQ(x + y) with x unsigned, y signed (USQADD). Sets QC. */
export function saturatingAddSigned(b: Builder, size: number, x: number, y: number): void {
  shifted(b, size, x, y, true);
}

function shifted(b: Builder, size: number, x: number, y: number, isSigned: boolean): void {
  const offset = b.temp("v128");
  b.local_get(x);
  least(b, size);
  b.v128_xor().local_set(offset);
  saturatingAdd(b, size, isSigned, offset, y);
  least(b, size);
  b.v128_xor();
}

/** Pushes [v128] (x + y) >> 1, or (x + y + 1) >> 1, without overflow. */
export function halvingAdd(
  b: Builder,
  size: number,
  isSigned: boolean,
  rounding: boolean,
  x: number,
  y: number,
): void {
  if (rounding && !isSigned && size < 2) {
    b.local_get(x).local_get(y);
    if (size === 0) b.i8x16_avgr_u();
    else b.i16x8_avgr_u();
    return;
  }
  // (x & y) + ((x ^ y) >> 1), or (x | y) - ((x ^ y) >> 1).
  b.local_get(x).local_get(y);
  if (rounding) b.v128_or();
  else b.v128_and();
  b.local_get(x).local_get(y).v128_xor().i32_const(1)[isSigned ? SHR_S[size] : SHR_U[size]]();
  b[rounding ? SUB[size] : ADD[size]]();
}

/** Pushes [v128] (x - y) >> 1 without overflow. */
export function halvingSub(
  b: Builder,
  size: number,
  isSigned: boolean,
  x: number,
  y: number,
): void {
  // ((x ^ y) >> 1) - (~x & y)
  b.local_get(x).local_get(y).v128_xor().i32_const(1)[isSigned ? SHR_S[size] : SHR_U[size]]();
  b.local_get(y).local_get(x).v128_andnot()[SUB[size]]();
}

/** [v128] -> [v128] SignedSatQ(|x|) or SignedSatQ(-x) from the wrapped result. Sets QC. */
export function saturateLeast(b: Builder, size: number): void {
  // Only the least value overflows, and wraps to itself.
  const result = b.temp("v128");
  b.local_tee(result).local_get(result);
  least(b, size);
  b[EQ[size]]();
  noteMask(b);
  b.v128_xor();
}

/** [v128 x, v128 y] -> [v128] low `size` elements of the product. */
export function multiply(b: Builder, size: number): void {
  if (size === 1) {
    b.i16x8_mul();
    return;
  }
  if (size === 2) {
    b.i32x4_mul();
    return;
  }
  // Bytes: the odd ones as (x >> 8) * (y & 0xff00), the even ones under a mask.
  const x = b.temp("v128");
  const y = b.temp("v128");
  b.local_set(y).local_set(x);
  b.local_get(x).i32_const(8).i16x8_shr_u().local_get(y);
  words(b, 0xff00ff00);
  b.v128_and().i16x8_mul();
  b.local_get(x).local_get(y).i16x8_mul();
  words(b, 0x00ff00ff);
  b.v128_and().v128_or();
}

/** Pushes [v128] SQDMULH or SQRDMULH of elements of 16 or 32 bits. Sets QC. */
export function doublingMultiplyHigh(
  b: Builder,
  size: number,
  rounding: boolean,
  x: number,
  y: number,
): void {
  // Only least * least overflows.
  const overflow = b.temp("v128");
  b.local_get(x);
  least(b, size);
  b[EQ[size]]().local_get(y);
  least(b, size);
  b[EQ[size]]().v128_and().local_tee(overflow);
  saturatedIfAny(b);
  if (size === 1) {
    b.local_get(x).local_get(y);
    if (rounding) {
      b.i16x8_q15mulr_sat_s();
      return;
    }
    b.i32x4_extmul_low_i16x8_s().i32_const(15).i32x4_shr_s();
    b.local_get(x).local_get(y).i32x4_extmul_high_i16x8_s().i32_const(15).i32x4_shr_s();
    b.i16x8_narrow_i32x4_s();
    return;
  }
  for (const half of ["i64x2_extmul_low_i32x4_s", "i64x2_extmul_high_i32x4_s"] as const) {
    b.local_get(x).local_get(y)[half]();
    if (rounding) {
      b.v128_const32(1 << 30, 0, 1 << 30, 0).i64x2_add();
    }
    b.i32_const(31).i64x2_shr_u();
  }
  evenLanes(b, 2);
  b.local_get(overflow).v128_xor();
}

/** Pushes [v128] SQRDMLAH or SQRDMLSH: SatQ((d << esize) +- 2 * x * y + round) >> esize). Sets QC. */
export function doublingMultiplyAccumulateHigh(
  b: Builder,
  size: number,
  subtract: boolean,
  d: number,
  x: number,
  y: number,
): void {
  // Half of everything fits twice the element: (d << (esize - 1)) +- x * y + (round / 2), >> (esize - 1).
  const halves: number[] = [];
  for (let half = 0; half < 2; half++) {
    const sum = b.temp("v128");
    halves.push(sum);
    b.local_get(d);
    if (size === 1) {
      if (half === 0) b.i32x4_extend_low_i16x8_s();
      else b.i32x4_extend_high_i16x8_s();
      b.i32_const(15).i32x4_shl();
      b.local_get(x).local_get(y);
      if (half === 0) b.i32x4_extmul_low_i16x8_s();
      else b.i32x4_extmul_high_i16x8_s();
      if (subtract) b.i32x4_sub();
      else b.i32x4_add();
      words(b, 1 << 14);
      b.i32x4_add().i32_const(15).i32x4_shr_s();
    } else {
      if (half === 0) b.i64x2_extend_low_i32x4_s();
      else b.i64x2_extend_high_i32x4_s();
      b.i32_const(31).i64x2_shl();
      b.local_get(x).local_get(y);
      if (half === 0) b.i64x2_extmul_low_i32x4_s();
      else b.i64x2_extmul_high_i32x4_s();
      if (subtract) b.i64x2_sub();
      else b.i64x2_add();
      b.v128_const32(1 << 30, 0, 1 << 30, 0).i64x2_add().i32_const(31).i64x2_shr_s();
    }
    b.local_set(sum);
  }
  narrowSigned(b, size, halves[0], halves[1]);
}

/** Pushes [v128] SignedSatQ of the elements of twice the size in two locals. Sets QC. */
export function narrowSigned(b: Builder, size: number, low: number, high: number): void {
  const result = b.temp("v128");
  b.local_get(low).local_get(high);
  if (size === 0) b.i8x16_narrow_i16x8_s();
  else if (size === 1) b.i16x8_narrow_i32x4_s();
  else {
    const top = b.temp("v128");
    evenLanes(b, 2);
    b.local_set(result).local_get(low).local_get(high);
    oddLanes(b, 2);
    b.local_tee(top);
    limits(b, 2);
    b.local_get(result);
    // In range if the high word repeats the sign of the low one.
    b.local_get(top).local_get(result);
    signs(b, 2);
    b.i32x4_ne();
    noteMask(b);
    b.v128_bitselect();
    return;
  }
  b.local_set(result);
  // In range if the truncated value is the saturated one and its sign fills the top half.
  b.local_get(low).local_get(high);
  evenLanes(b, size);
  b.local_get(result).v128_xor();
  b.local_get(low).local_get(high);
  oddLanes(b, size);
  b.local_get(result);
  signs(b, size);
  b.v128_xor().v128_or();
  saturatedIfAny(b);
  b.local_get(result);
}

/** Pushes [v128] UnsignedSatQ of unsigned elements of twice the size in two locals. Sets QC. */
export function narrowUnsigned(b: Builder, size: number, low: number, high: number): void {
  b.local_get(low).local_get(high);
  evenLanes(b, size);
  // Anything in the top half means too large.
  b.local_get(low).local_get(high);
  oddLanes(b, size);
  zero(b);
  b[NE[size]]();
  noteMask(b);
  b.v128_or();
}

/** Pushes [v128] UnsignedSatQ of signed elements of twice the size in two locals. Sets QC. */
export function narrowSignedToUnsigned(b: Builder, size: number, low: number, high: number): void {
  const top = b.temp("v128");
  b.local_get(low).local_get(high);
  evenLanes(b, size);
  b.local_get(low).local_get(high);
  oddLanes(b, size);
  b.local_tee(top);
  zero(b);
  b[NE[size]]();
  noteMask(b);
  b.v128_or().local_get(top);
  signs(b, size);
  b.v128_andnot();
}

/** How {@linkcode shiftLeftSaturating} reads operand and result. */
export type ShiftKind = "signed" | "unsigned" | "signedToUnsigned";

/** Pushes [v128] SatQ(x << shift) with a shift of 0..esize-1. Sets QC. */
export function shiftLeftSaturating(
  b: Builder,
  size: number,
  kind: ShiftKind,
  x: number,
  shift: Operand,
): void {
  const result = b.temp("v128");
  const lost = b.temp("v128");
  b.local_get(x);
  b.imm32(shift);
  b[SHL[size]]().local_tee(result);
  b.imm32(shift);
  b[kind === "signed" ? SHR_S[size] : SHR_U[size]]().local_get(x)[NE[size]]().local_set(lost);
  if (kind === "signed") {
    b.local_get(x);
    limits(b, size);
    b.local_get(result).local_get(lost);
    noteMask(b);
    b.v128_bitselect();
  } else if (kind === "unsigned") {
    b.local_get(result).local_get(lost);
    noteMask(b);
    b.v128_or();
  } else {
    // Negative elements become zero.
    b.local_get(result).local_get(lost).v128_or().local_get(x);
    signs(b, size);
    b.v128_andnot();
    b.local_get(lost).local_get(x);
    signs(b, size);
    b.v128_or();
    saturatedIfAny(b);
  }
}

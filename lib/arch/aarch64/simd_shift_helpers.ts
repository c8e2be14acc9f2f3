/**
 * Shifts by register as helpers [v128 x, v128 n] -> [v128]: each element of x is shifted left by the
 * signed low byte of the element of n, right if that is negative (Arm ARM, C7.2: SSHL, USHL, SRSHL,
 * URSHL, SQSHL, UQSHL, SQRSHL, UQRSHL). The others are made of the plain ones:
 * - rounding: the last bit shifted out is bit 0 of the shift by n + 1
 * - saturating: an element is lost if shifting back does not restore it
 */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import {
  ADD,
  evenLanes,
  greatest,
  NE,
  NEG,
  oddLanes,
  ones,
  SHL,
  signs,
  zero,
} from "../simd/lanes.ts";
import { saturatedIfAny } from "./simd_lanes.ts";

const X = 0;
const N = 1;

/** Byte 0 of each 16-bit element twice. */
const LOW_BYTE_TWICE = Uint8Array.from({ length: 16 }, (_, i) => i & 14);

/** Pushes [v128 constant] of 16 bytes. */
function table(b: HelperCode, byte: (i: number) => number): void {
  const view = new DataView(new ArrayBuffer(16));
  for (let i = 0; i < 16; i++) view.setUint8(i, byte(i));
  const word = (i: number): number => view.getInt32(i * 4, true);
  b.v128_const32(word(0), word(1), word(2), word(3));
}

/** Pushes [v128] 2^i for the low byte i of each element, 0 if that is not less than the bits of an element. */
function powers(b: HelperCode, size: number, index: number, reversed: boolean): void {
  const bits = 8 << size;
  const bit = (i: number): number => reversed ? bits - 1 - i : i;
  const byteOf = (at: number) => (i: number): number => {
    const n = bit(i) - at * 8;
    return i < bits && n >= 0 && n < 8 ? 1 << n : 0;
  };
  if (size === 0) {
    table(b, byteOf(0));
    b.local_get(index).i8x16_swizzle();
    return;
  }
  const twice = b.local("v128");
  b.local_get(index).local_get(index).i8x16_shuffle(LOW_BYTE_TWICE).local_set(twice);
  table(b, byteOf(0));
  b.local_get(twice).i8x16_swizzle();
  table(b, byteOf(1));
  b.local_get(twice).i8x16_swizzle();
  b.v128_const32(0x00ff00ff, 0x00ff00ff, 0x00ff00ff, 0x00ff00ff).v128_bitselect();
}

/** Pushes [v128] low or high halves of the products of unsigned elements in two locals. */
function product(b: HelperCode, size: number, x: number, y: number, high: boolean): void {
  b.local_get(x).local_get(y);
  if (size === 0) b.i16x8_extmul_low_i8x16_u();
  else if (!high) {
    b.i16x8_mul();
    return;
  } else b.i32x4_extmul_low_i16x8_u();
  b.local_get(x).local_get(y);
  if (size === 0) b.i16x8_extmul_high_i8x16_u();
  else b.i32x4_extmul_high_i16x8_u();
  if (high) oddLanes(b, size);
  else evenLanes(b, size);
}

/** Bytes and halfwords: a left shift is a product with a power of two, a right shift its high half. */
function narrowShift(b: HelperCode, size: number, isSigned: boolean): void {
  const power = b.local("v128");
  const right = b.local("v128");
  const magnitude = b.local("v128");
  const sign = b.local("v128");
  powers(b, size, N, false);
  b.local_set(power);
  product(b, size, X, power, false);
  // A right shift by k = -n multiplies by 2^(bits - k); the index of that power is k - 1 = ~n.
  b.local_get(N).v128_not().local_set(right);
  powers(b, size, right, true);
  b.local_set(power);
  if (!isSigned) {
    product(b, size, X, power, true);
    b.v128_or();
    return;
  }
  b.local_get(X);
  signs(b, size);
  b.local_tee(sign).local_get(X).v128_xor().local_set(magnitude);
  product(b, size, magnitude, power, true);
  b.local_get(sign);
  isRight(b, size);
  b.v128_and().v128_xor().v128_or();
}

/** Pushes [v128] all ones in elements whose shift is to the right. */
function isRight(b: HelperCode, size: number): void {
  b.local_get(N);
  if (size > 0) b.i32_const((8 << size) - 8)[SHL[size]]();
  signs(b, size);
}

/** Words and doublewords one by one. */
function wideShift(b: HelperCode, size: number, isSigned: boolean): void {
  const n = b.local("i32");
  const bits = 8 << size;
  b.local_get(X);
  for (let lane = 0; lane < 16 >> size; lane++) {
    b.local_get(N);
    if (size === 2) b.i32x4_extract_lane(lane);
    else b.i64x2_extract_lane(lane).i32_wrap_i64();
    b.i32_extend8_s().local_set(n);
    const element = (): void => {
      b.local_get(X);
      if (size === 2) b.i32x4_extract_lane(lane);
      else b.i64x2_extract_lane(lane);
    };
    const nothing = (): void => {
      if (size === 2) b.i32_const(0);
      else b.i64_const32(0);
    };
    const amount = (): void => {
      if (size === 3) b.i64_extend_i32_u();
    };
    element();
    b.local_get(n);
    amount();
    if (size === 2) b.i32_shl();
    else b.i64_shl();
    nothing();
    b.local_get(n).i32_const(bits).i32_lt_u().select();
    // Right by -n, or by all bits.
    element();
    if (isSigned) {
      b.i32_const(0).local_get(n).i32_sub().i32_const(bits - 1);
      b.local_get(n).i32_const(-bits).i32_gt_s().select();
      amount();
      if (size === 2) b.i32_shr_s();
      else b.i64_shr_s();
    } else {
      b.i32_const(0).local_get(n).i32_sub();
      amount();
      if (size === 2) b.i32_shr_u();
      else b.i64_shr_u();
      nothing();
      b.local_get(n).i32_const(-bits).i32_gt_s().select();
    }
    b.local_get(n).i32_const(0).i32_ge_s().select();
    if (size === 2) b.i32x4_replace_lane(lane);
    else b.i64x2_replace_lane(lane);
  }
}

/** Adds the last bit shifted out to the plain shift. */
function roundingShift(b: HelperCode, size: number, plain: string): void {
  b.local_get(X).local_get(N);
  b.callHelper(plain);
  b.local_get(X).local_get(N);
  ones(b, size);
  b[ADD[size]]();
  b.callHelper(plain);
  ones(b, size);
  b.v128_and();
  isRight(b, size);
  b.v128_and()[ADD[size]]();
}

/** Replaces elements that a shift to the left has lost by the limit; sets QC. */
function saturatingShift(
  b: HelperCode,
  size: number,
  isSigned: boolean,
  shift: string,
  plain: string,
): void {
  const result = b.local("v128");
  const lost = b.local("v128");
  b.local_get(X).local_get(N);
  b.callHelper(shift);
  b.local_tee(result).local_get(N)[NEG[size]]();
  b.callHelper(plain);
  b.local_get(X)[NE[size]]();
  isRight(b, size);
  b.v128_andnot().local_tee(lost);
  saturatedIfAny(b);
  if (isSigned) {
    b.local_get(X);
    signs(b, size);
    greatest(b, size);
    b.v128_xor();
  } else {
    zero(b);
    b.v128_not();
  }
  b.local_get(result).local_get(lost).v128_bitselect();
}

function shiftHelper(name: string, emit: (code: HelperCode) => void): Helper {
  return { name, params: ["v128", "v128"], results: ["v128"], emit };
}

function helpersOfSize(size: number): readonly Helper[] {
  const bits = 8 << size;
  return ["s", "u"].flatMap((sign) => {
    const isSigned = sign === "s";
    const plain = `${sign}shl${bits}`;
    const rounding = `${sign}rshl${bits}`;
    return [
      shiftHelper(plain, (b) => {
        if (size < 2) narrowShift(b, size, isSigned);
        else wideShift(b, size, isSigned);
      }),
      shiftHelper(rounding, (b) => roundingShift(b, size, plain)),
      shiftHelper(`${sign}qshl${bits}`, (b) => saturatingShift(b, size, isSigned, plain, plain)),
      shiftHelper(
        `${sign}qrshl${bits}`,
        (b) => saturatingShift(b, size, isSigned, rounding, plain),
      ),
    ];
  });
}

/** `sshl8`, `urshl16`, `sqrshl64`, ...: the operation and the bits of an element. */
export const simdShiftHelpers: readonly Helper[] = [0, 1, 2, 3].flatMap(helpersOfSize);

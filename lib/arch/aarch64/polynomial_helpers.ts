/** Polynomial (carry-less) multiplication over {0, 1}: PMUL and PMULL (Arm ARM, J1.1.3, PolynomialMult). */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { ADD, LT_S, zero } from "./simd_lanes.ts";

/** [v128 x, v128 y] -> [v128] by Horner's rule from the top bit of y; 8 bits of y in elements of `size`. */
function lanewise(b: HelperCode, size: number): void {
  const X = 0;
  const Y = 1;
  if (size === 1) b.local_get(Y).i32_const(8).i16x8_shl().local_set(Y);
  const sum = b.local("v128");
  for (let bit = 0; bit < 8; bit++) {
    if (bit > 0) b.local_get(sum).local_get(sum)[ADD[size]]();
    b.local_get(X).local_get(Y);
    zero(b);
    b[LT_S[size]]().v128_and();
    if (bit > 0) b.v128_xor();
    if (bit < 7) {
      b.local_set(sum).local_get(Y).local_get(Y)[ADD[size]]().local_set(Y);
    }
  }
}

/**
 * [i64 x, i64 y] -> [i64] product of two 32-bit polynomials. Every fourth bit of each factor: at most
 * eight terms meet in one place of an integer product, so that the carries stay in the three bits
 * between and are masked off.
 */
function product32(b: HelperCode): void {
  const parts = (from: number): number[] =>
    [0, 1, 2, 3].map((i) => {
      const part = b.local("i64");
      b.local_get(from).i64_const_parts(0x11111111 << i, 0).i64_and().local_set(part);
      return part;
    });
  const x = parts(0);
  const y = parts(1);
  for (let place = 0; place < 4; place++) {
    for (let i = 0; i < 4; i++) {
      b.local_get(x[i]).local_get(y[(place - i) & 3]).i64_mul();
      if (i > 0) b.i64_xor();
    }
    b.i64_const_parts(0x11111111 << place, 0x11111111 << place).i64_and();
    if (place > 0) b.i64_or();
  }
}

/** [i64 x, i64 y] -> [v128] by Karatsuba's method. */
function product64(b: HelperCode): void {
  const [low, high, middle] = [b.local("i64"), b.local("i64"), b.local("i64")];
  const lowHalf = (from: number): void => {
    b.local_get(from).i64_const_parts(-1, 0).i64_and();
  };
  const highHalf = (from: number): void => {
    b.local_get(from).i64_const32(32).i64_shr_u();
  };
  lowHalf(0);
  lowHalf(1);
  b.callHelper("polynomial32");
  b.local_set(low);
  highHalf(0);
  highHalf(1);
  b.callHelper("polynomial32");
  b.local_set(high);
  for (const factor of [0, 1]) {
    lowHalf(factor);
    highHalf(factor);
    b.i64_xor();
  }
  b.callHelper("polynomial32");
  b.local_get(low).i64_xor().local_get(high).i64_xor().local_set(middle);
  zero(b);
  b.local_get(middle).i64_const32(32).i64_shl().local_get(low).i64_xor().i64x2_replace_lane(0);
  b.local_get(middle).i64_const32(32).i64_shr_u().local_get(high).i64_xor().i64x2_replace_lane(1);
}

/**
 * - `pmul8`: [v128 x, v128 y] -> [v128] low bytes of the products of bytes
 * - `pmull8`: [v128 x, v128 y] -> [v128] products of bytes, each zero-extended to 16 bits
 * - `polynomial32`: [i64 x, i64 y] -> [i64] product of 32-bit values
 * - `pmull64`: [i64 x, i64 y] -> [v128] product
 */
export const polynomialHelpers: readonly Helper[] = [
  { name: "pmul8", params: ["v128", "v128"], results: ["v128"], emit: (b) => lanewise(b, 0) },
  { name: "pmull8", params: ["v128", "v128"], results: ["v128"], emit: (b) => lanewise(b, 1) },
  { name: "polynomial32", params: ["i64", "i64"], results: ["i64"], emit: product32 },
  { name: "pmull64", params: ["i64", "i64"], results: ["v128"], emit: product64 },
];

/**
 * Lane-wise instructions by element size, constants and rearrangements of 128-bit vectors. `size` is
 * log2 of the bytes of an element.
 */
import type { Code } from "../../wasm/code.ts";

/** x + y, by element size. */
export const ADD = ["i8x16_add", "i16x8_add", "i32x4_add", "i64x2_add"] as const;
/** x - y, by element size. */
export const SUB = ["i8x16_sub", "i16x8_sub", "i32x4_sub", "i64x2_sub"] as const;
/** -x, by element size. */
export const NEG = ["i8x16_neg", "i16x8_neg", "i32x4_neg", "i64x2_neg"] as const;
/** |x|, wrapping, by element size. */
export const ABS = ["i8x16_abs", "i16x8_abs", "i32x4_abs", "i64x2_abs"] as const;
/** x = y, by element size. */
export const EQ = ["i8x16_eq", "i16x8_eq", "i32x4_eq", "i64x2_eq"] as const;
/** x != y, by element size. */
export const NE = ["i8x16_ne", "i16x8_ne", "i32x4_ne", "i64x2_ne"] as const;
/** x > y, signed, by element size. */
export const GT_S = ["i8x16_gt_s", "i16x8_gt_s", "i32x4_gt_s", "i64x2_gt_s"] as const;
/** x >= y, signed, by element size. */
export const GE_S = ["i8x16_ge_s", "i16x8_ge_s", "i32x4_ge_s", "i64x2_ge_s"] as const;
/** x < y, signed, by element size. */
export const LT_S = ["i8x16_lt_s", "i16x8_lt_s", "i32x4_lt_s", "i64x2_lt_s"] as const;
/** x <= y, signed, by element size. */
export const LE_S = ["i8x16_le_s", "i16x8_le_s", "i32x4_le_s", "i64x2_le_s"] as const;
/** x << n, by element size. */
export const SHL = ["i8x16_shl", "i16x8_shl", "i32x4_shl", "i64x2_shl"] as const;
/** x >> n, signed, by element size. */
export const SHR_S = ["i8x16_shr_s", "i16x8_shr_s", "i32x4_shr_s", "i64x2_shr_s"] as const;
/** x >> n, unsigned, by element size. */
export const SHR_U = ["i8x16_shr_u", "i16x8_shr_u", "i32x4_shr_u", "i64x2_shr_u"] as const;
/** Greater, signed (no 64-bit form), by element size. */
export const MAX_S = ["i8x16_max_s", "i16x8_max_s", "i32x4_max_s"] as const;
/** Greater, unsigned (no 64-bit form), by element size. */
export const MAX_U = ["i8x16_max_u", "i16x8_max_u", "i32x4_max_u"] as const;
/** Lesser, signed (no 64-bit form), by element size. */
export const MIN_S = ["i8x16_min_s", "i16x8_min_s", "i32x4_min_s"] as const;
/** Lesser, unsigned (no 64-bit form), by element size. */
export const MIN_U = ["i8x16_min_u", "i16x8_min_u", "i32x4_min_u"] as const;
/** x > y, unsigned (no 64-bit form), by element size. */
export const GT_U = ["i8x16_gt_u", "i16x8_gt_u", "i32x4_gt_u"] as const;
/** x >= y, unsigned (no 64-bit form), by element size. */
export const GE_U = ["i8x16_ge_u", "i16x8_ge_u", "i32x4_ge_u"] as const;
/** Elements extended to twice the size, signed, of the low half, by (narrow) element size. */
export const EXTEND_LOW_S = [
  "i16x8_extend_low_i8x16_s",
  "i32x4_extend_low_i16x8_s",
  "i64x2_extend_low_i32x4_s",
] as const;
/** Elements extended to twice the size, unsigned, of the low half, by (narrow) element size. */
export const EXTEND_LOW_U = [
  "i16x8_extend_low_i8x16_u",
  "i32x4_extend_low_i16x8_u",
  "i64x2_extend_low_i32x4_u",
] as const;
/** Elements extended to twice the size, signed, of the high half, by (narrow) element size. */
export const EXTEND_HIGH_S = [
  "i16x8_extend_high_i8x16_s",
  "i32x4_extend_high_i16x8_s",
  "i64x2_extend_high_i32x4_s",
] as const;
/** Elements extended to twice the size, unsigned, of the high half, by (narrow) element size. */
export const EXTEND_HIGH_U = [
  "i16x8_extend_high_i8x16_u",
  "i32x4_extend_high_i16x8_u",
  "i64x2_extend_high_i32x4_u",
] as const;
/** Products of twice the size, signed, of the low half, by (narrow) element size. */
export const EXTMUL_LOW_S = [
  "i16x8_extmul_low_i8x16_s",
  "i32x4_extmul_low_i16x8_s",
  "i64x2_extmul_low_i32x4_s",
] as const;
/** Products of twice the size, unsigned, of the low half, by (narrow) element size. */
export const EXTMUL_LOW_U = [
  "i16x8_extmul_low_i8x16_u",
  "i32x4_extmul_low_i16x8_u",
  "i64x2_extmul_low_i32x4_u",
] as const;
/** Products of twice the size, signed, of the high half, by (narrow) element size. */
export const EXTMUL_HIGH_S = [
  "i16x8_extmul_high_i8x16_s",
  "i32x4_extmul_high_i16x8_s",
  "i64x2_extmul_high_i32x4_s",
] as const;
/** Products of twice the size, unsigned, of the high half, by (narrow) element size. */
export const EXTMUL_HIGH_U = [
  "i16x8_extmul_high_i8x16_u",
  "i32x4_extmul_high_i16x8_u",
  "i64x2_extmul_high_i32x4_u",
] as const;

/** Low and high word of 64 bits filled with an element of each size. */
type Words = readonly (readonly [low: number, high: number])[];
const ONE: Words = [[0x01010101, 0x01010101], [0x00010001, 0x00010001], [1, 1], [1, 0]];
const MIN: Words = [
  [0x80808080, 0x80808080],
  [0x80008000, 0x80008000],
  [0x80000000, 0x80000000],
  [0, 0x80000000],
];

/** [] -> [v128] all bits zero. */
export function zero(b: Code): void {
  b.v128_const32(0, 0, 0, 0);
}

/** [] -> [v128] 1 in each element. */
export function ones(b: Code, size: number): void {
  const [low, high] = ONE[size];
  b.v128_const32(low, high, low, high);
}

/** [] -> [v128] the least signed value in each element. */
export function least(b: Code, size: number): void {
  const [low, high] = MIN[size];
  b.v128_const32(low, high, low, high);
}

/** [] -> [v128] the greatest signed value in each element. */
export function greatest(b: Code, size: number): void {
  const [low, high] = MIN[size];
  b.v128_const32(~low, ~high, ~low, ~high);
}

/** [] -> [v128] the value in each 32-bit element. */
export function words(b: Code, value: number): void {
  b.v128_const32(value, value, value, value);
}

/** [v128] -> [v128] each element shifted right arithmetically until only its sign is left. */
export function signs(b: Code, size: number): void {
  b.i32_const((8 << size) - 1)[SHR_S[size]]();
}

/** Selector of {@linkcode Code.i8x16_shuffle}: element `pick(i)` of the 2 * 16/2^size elements. */
export function lanes(size: number, pick: (i: number) => number): readonly number[] {
  const bytes = 1 << size;
  return Array.from({ length: 16 }, (_, at) => pick(at >> size) * bytes + (at & (bytes - 1)));
}

const LOW_THEN_LOW = lanes(3, (i) => i * 2);
const HALVES = [LOW_THEN_LOW, lanes(3, (i) => i * 2 + 1)] as const;
const EVEN = [0, 1, 2, 3].map((size) => lanes(size, (i) => i * 2));
const ODD = [0, 1, 2, 3].map((size) => lanes(size, (i) => i * 2 + 1));

/** [v128] -> [v128] bits 127:64 cleared. */
export function clearHigh(b: Code): void {
  // Fast in all engines, unlike a shuffle with zero (slow in JavaScriptCore) or a mask (in V8).
  b.i64_const32(0).i64x2_replace_lane(1);
}

/** [v128 x, v128 y] -> [v128] low half of x below low half of y (`half` 0) or high below high (1). */
export function joinHalves(b: Code, half: 0 | 1): void {
  b.i8x16_shuffle(HALVES[half]);
}

/** [v128 x, v128 y] -> [v128] the even elements of x below those of y. */
export function evenLanes(b: Code, size: number): void {
  b.i8x16_shuffle(EVEN[size]);
}

/** [v128 x, v128 y] -> [v128] the odd elements of x below those of y. */
export function oddLanes(b: Code, size: number): void {
  b.i8x16_shuffle(ODD[size]);
}

/** [v128] -> [v128] element 0, the rest cleared. */
export function onlyLane0(b: Code, size: number): void {
  if (size === 3) {
    clearHigh(b);
    return;
  }
  b.v128_const32([0xff, 0xffff, -1][size], 0, 0, 0).v128_and();
}

/** [i32] -> [v128] in element 0, the rest cleared. */
export function laneFromI32(b: Code): void {
  b.i64_extend_i32_u();
  laneFromI64(b);
}

/** [i64] -> [v128] in the low half, the rest cleared. */
export function laneFromI64(b: Code): void {
  b.i64x2_splat();
  clearHigh(b);
}

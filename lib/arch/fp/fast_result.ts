/**
 * Results of the host that need no further look: round to nearest is asked for, an inexact result
 * changes nothing in the guest's flags, and the result is normal and not next to the subnormals. The
 * architecture keeps two state fields with a bound that is zero when the first two do not hold.
 */
import type { Code } from "../../wasm/code.ts";
import type { Width } from "./number_code.ts";

/**
 * A 32-bit result with bits `r` is normal, with a biased exponent of at least 2, if
 * `(r << 1) - BIAS` is below the bound as unsigned numbers. The bound is odd so that its bit 0 tells
 * whether it is set.
 */
const BIAS = 0x02000000;
/** The same for 64 bits: high word of the bias, whose low word is 0. */
const BIAS_64_HIGH = 0x00400000;

/** The bounds: of single precision, and the words of the one of double precision. */
export const FAST_BOUNDS = {
  single: 0xfcffffff,
  doubleLow: 0xffffffff,
  doubleHigh: 0xff9fffff,
} as const;

/** {@linkcode FAST_BOUNDS} of double precision in one. */
export const FAST_BOUND_64 = 0xff9fffff_ffffffffn;

/** [] -> [i32] whether the result in a local may stand. `bound` pushes the bound of its width. */
export function resultInBound(c: Code, width: Width, result: number, bound: () => void): void {
  c.local_get(result);
  if (width === 64) {
    c.i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const_parts(0, BIAS_64_HIGH).i64_sub();
    bound();
    c.i64_lt_u();
  } else {
    c.i32_reinterpret_f32().i32_const(1).i32_shl().i32_const(BIAS).i32_sub();
    bound();
    c.i32_lt_u();
  }
}

// Signed comparison, which is cheaper: both sides with the top bit inverted.
const SINGLE_BIAS = 0x7e000000;
const SINGLE_BOUND = 0x7cffffff;
const DOUBLE_BIAS = BigInt.asUintN(64, 0x80000000_00000000n - (BigInt(BIAS_64_HIGH) << 32n));
const DOUBLE_BOUND = 0x7f9fffff_ffffffffn;

/** [] -> [v128] which lanes of a result may stand, provided that the bound is set. */
export function lanesInBound(c: Code, width: Width, result: number): void {
  c.local_get(result).i32_const(1);
  if (width === 64) {
    c.i64x2_shl().v128_const(DOUBLE_BIAS, DOUBLE_BIAS).i64x2_add();
    c.v128_const(DOUBLE_BOUND, DOUBLE_BOUND).i64x2_lt_s();
    return;
  }
  c.i32x4_shl().i32_const(SINGLE_BIAS).i32x4_splat().i32x4_add();
  c.i32_const(SINGLE_BOUND).i32x4_splat().i32x4_lt_s();
}

/** Products of polynomials over {0, 1}: carry-less multiplication. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { zero } from "./lanes.ts";

/**
 * [i64 x, i64 y] -> [i64] product of two 32-bit polynomials. Every fourth bit of each factor: at most
 * eight terms meet in one place of an integer product, so that the carries stay in the three bits
 * between and are masked off.
 */
function product32(c: HelperCode): void {
  const parts = (from: number): number[] =>
    [0, 1, 2, 3].map((i) => {
      const part = c.local("i64");
      c.local_get(from).i64_const_parts(0x11111111 << i, 0).i64_and().local_set(part);
      return part;
    });
  const x = parts(0);
  const y = parts(1);
  for (let place = 0; place < 4; place++) {
    for (let i = 0; i < 4; i++) {
      c.local_get(x[i]).local_get(y[(place - i) & 3]).i64_mul();
      if (i > 0) c.i64_xor();
    }
    c.i64_const_parts(0x11111111 << place, 0x11111111 << place).i64_and();
    if (place > 0) c.i64_or();
  }
}

/** [i64 x, i64 y] -> [v128] by Karatsuba's method. */
function product64(c: HelperCode): void {
  const [low, high, middle] = [c.local("i64"), c.local("i64"), c.local("i64")];
  const lowHalf = (from: number): void => {
    c.local_get(from).i64_const_parts(-1, 0).i64_and();
  };
  const highHalf = (from: number): void => {
    c.local_get(from).i64_const32(32).i64_shr_u();
  };
  lowHalf(0);
  lowHalf(1);
  c.callHelper("polynomial32");
  c.local_set(low);
  highHalf(0);
  highHalf(1);
  c.callHelper("polynomial32");
  c.local_set(high);
  for (const factor of [0, 1]) {
    lowHalf(factor);
    highHalf(factor);
    c.i64_xor();
  }
  c.callHelper("polynomial32");
  c.local_get(low).i64_xor().local_get(high).i64_xor().local_set(middle);
  zero(c);
  c.local_get(middle).i64_const32(32).i64_shl().local_get(low).i64_xor().i64x2_replace_lane(0);
  c.local_get(middle).i64_const32(32).i64_shr_u().local_get(high).i64_xor().i64x2_replace_lane(1);
}

/**
 * - `polynomial32`: [i64 x, i64 y] -> [i64] product of 32-bit values
 * - `polynomial64`: [i64 x, i64 y] -> [v128] product
 */
export const polynomialHelpers: readonly Helper[] = [
  wasmHelper("polynomial32", ["i64", "i64"], "i64", product32),
  wasmHelper("polynomial64", ["i64", "i64"], "v128", product64),
];

/** Polynomial products of bytes: PMUL and PMULL (Arm ARM, J1.1.3, PolynomialMult). */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { ADD, LT_S, zero } from "../simd/lanes.ts";

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
 * - `pmul8`: [v128 x, v128 y] -> [v128] low bytes of the products of bytes
 * - `pmull8`: [v128 x, v128 y] -> [v128] products of bytes, each zero-extended to 16 bits
 */
export const bytePolynomialHelpers: readonly Helper[] = [
  wasmHelper("pmul8", ["v128", "v128"], "v128", (b) => lanewise(b, 0)),
  wasmHelper("pmull8", ["v128", "v128"], "v128", (b) => lanewise(b, 1)),
];

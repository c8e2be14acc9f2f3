/** Vector helpers made of a scalar one that is called for each lane. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import type { ValType } from "../../wasm/types.ts";
import { lanesName, lanesOf, type Shape } from "./fp_emit.ts";
import { wasmHelper } from "./fp_helper_code.ts";

/**
 * A helper of `count` vectors that gives a vector. Lanes beyond the shape are neither looked at (they
 * must not raise flags) nor set.
 */
export function lanewise(name: string, scalar: string, shape: Shape, count: number): Helper {
  const params: ValType[] = Array(count).fill("v128");
  const lanes = lanesName(shape);
  return wasmHelper(name, params, "v128", (c: HelperCode) => {
    c.v128_const(0n, 0n);
    for (let lane = 0; lane < lanesOf(shape); lane++) {
      for (let i = 0; i < count; i++) c.local_get(i)[`${lanes}_extract_lane`](lane);
      c.callHelper(scalar);
      c[`${lanes}_replace_lane`](lane);
    }
  });
}

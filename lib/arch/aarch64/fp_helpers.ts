/**
 * Helper functions of the floating-point instructions. The rows take the host's result when nothing
 * can differ (see `fp_fast.ts`); else they come here. Here, results of ordinary operands are still
 * computed natively, and inexactness is found exactly (error-free transformations, or the number of
 * significant bits of a product). NaN, infinity, subnormal numbers, overflow and the other rounding
 * modes go to the software floating point.
 */
import type { Helper } from "../../engine/arch.ts";
import { FAST_BOUNDS } from "../fp/fast_result.ts";
import { wasmHelper } from "../wasm_helper.ts";
import type { Width } from "../fp/number_code.ts";
import { FPCR, FPCR_NOT_NATIVE, FPSR } from "./fp_fast.ts";
import { fpcrField, fpFast64Field, fpFastField, fpsrField } from "./fp_fast.ts";
import { arithmeticHelpers } from "./fp_helpers_arithmetic.ts";
import { conversionHelpers } from "./fp_helpers_conversion.ts";
import { estimateHelpers } from "./fp_helpers_estimate.ts";
import { fmaHelpers, type FmaOptions } from "./fp_helpers_fma.ts";
import { vectorHelpers } from "./fp_helpers_vector.ts";
import { softFlags, softFloat } from "./softfloat_ops.ts";
import { fpcrClear } from "./fp_helper_code.ts";

function stateHelpers(): Helper[] {
  return [
    {
      name: "fp.soft",
      params: ["i32", "i64", "i64", "i64", "i32"],
      results: ["i64"],
      js: softFloat as (...args: never[]) => bigint,
    },
    { name: "fp.softFlags", params: [], results: ["i32"], js: softFlags },
    // Sets FPSR bits.
    wasmHelper("fp.raise", ["i32"], undefined, (c) => {
      c.getState(fpsrField);
      c.local_get(0).i32_or();
      c.setState(fpsrField);
      c.local_get(0).i32_const(FPSR.IXC).i32_and().if_();
      fpcrClear(c, FPCR_NOT_NATIVE);
      c.if_();
      c.i32_const(FAST_BOUNDS.single);
      c.setState(fpFastField);
      c.i64_const_parts(FAST_BOUNDS.doubleLow, FAST_BOUNDS.doubleHigh);
      c.setState(fpFast64Field);
      c.end().end();
    }),
    wasmHelper("fp.slow", ["i32", "i64", "i64", "i64"], "i64", (c) => {
      c.local_get(0).local_get(1).local_get(2).local_get(3);
      c.getState(fpcrField);
      c.callHelper("fp.soft");
      c.callHelper("fp.softFlags");
      c.callHelper("fp.raise");
    }),
    nativeAllowed(32),
    nativeAllowed(64),
  ];
}

/**
 * (a, b, result) -> i32: whether FPCR permits the host's result. Round to nearest is needed; under
 * flush to zero all three must be zero or normal.
 */
function nativeAllowed(width: Width): Helper {
  const type = `f${width}` as const;
  return wasmHelper(`fp.native.${width}`, [type, type, type], "i32", (c) => {
    fpcrClear(c, FPCR_NOT_NATIVE);
    c.if_().i32_const(1).return_().end();
    fpcrClear(c, FPCR.RMODE);
    for (const local of [0, 1, 2]) {
      // Without the sign, minus one: zero wraps to the top. Biased exponents 0 and 1 are refused.
      c.local_get(local);
      if (width === 64) {
        c.i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const32(1).i64_sub();
        c.i64_const_parts(0xffffffff, 0x003fffff).i64_ge_u();
      } else {
        c.i32_reinterpret_f32().i32_const(1).i32_shl().i32_const(1).i32_sub();
        c.i32_const(0x01ffffff).i32_ge_u();
      }
      c.i32_and();
    }
  });
}

/** What the host can do. */
export type FpOptions = FmaOptions;

export { relaxedMaddIsFused } from "./fp_host.ts";

/** All helpers of the floating-point rows. */
export function fpHelpers(options: FpOptions): readonly Helper[] {
  return [
    ...stateHelpers(),
    ...arithmeticHelpers(),
    ...fmaHelpers(options),
    ...estimateHelpers(),
    ...conversionHelpers(),
    ...vectorHelpers(),
  ];
}

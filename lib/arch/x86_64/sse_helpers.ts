/** Helpers of the SSE rows: the state of floating point, comparisons; those of arithmetic apart. */
import type { Helper } from "../../engine/arch.ts";
import type { StateField } from "../../engine/layout.ts";
import { FAST_BOUNDS } from "../fp/fast_result.ts";
import type { Width } from "../fp/number_code.ts";
import { aesHelpers } from "../simd/aes.ts";
import { polynomialHelpers } from "../simd/polynomial.ts";
import { shaHelpers } from "../simd/sha.ts";
import { wasmHelper } from "../wasm_helper.ts";
import {
  MXCSR,
  mxcsrField,
  NATIVE_BITS,
  NATIVE_VALUE,
  sseFast64Field,
  sseFastField,
  sseSum64Field,
  sseSumField,
  sseTrapField,
  SUM_BITS,
  SUM_BOUNDS,
  SUM_VALUE,
} from "./mxcsr.ts";
import { floatLanes, subnormalLanes } from "./sse_float_code.ts";
import { asVector, sseArithmeticHelpers } from "./sse_helpers_arithmetic.ts";
import { sseConversionHelpers } from "./sse_helpers_conversion.ts";
import { sseSoft, sseSoftFlags, sseSoftHigh } from "./sse_softfloat.ts";
import { compareStrings } from "./sse_strings.ts";

const js = (
  name: string,
  params: Helper["params"],
  result: Helper["params"][number],
  run: (...args: never[]) => number | bigint,
): Helper => ({ name, params, results: [result], js: run });

const stateHelpers: readonly Helper[] = [
  js("sse.soft", ["i32", "i64", "i64", "i64", "i64", "i32"], "i64", sseSoft),
  js("sse.softHigh", [], "i64", sseSoftHigh),
  js("sse.softFlags", [], "i32", sseSoftFlags),
  // (code, a, b) -> result in software, of vectors
  wasmHelper("sse.slow", ["i32", "v128", "v128"], "v128", (c) => {
    const [low, flags] = [c.local("i64"), c.local("i32")];
    c.local_get(0);
    for (const operand of [1, 2]) {
      for (const half of [0, 1]) c.local_get(operand).i64x2_extract_lane(half);
    }
    c.getState(mxcsrField);
    c.callHelper("sse.soft");
    c.local_set(low);
    c.callHelper("sse.softFlags");
    c.local_tee(flags);
    c.callHelper("sse.raise");
    c.local_get(flags);
    c.getState(mxcsrField);
    c.i32_const(MXCSR.MASK_SHIFT).i32_shr_u().i32_const(-1).i32_xor().i32_and();
    c.setState(sseTrapField);
    c.local_get(low).i64x2_splat();
    c.callHelper("sse.softHigh");
    c.i64x2_replace_lane(1);
  }),
  // Sets flags of MXCSR.
  wasmHelper("sse.raise", ["i32"], undefined, (c) => {
    c.getState(mxcsrField);
    c.local_get(0).i32_or();
    c.callHelper("sse.setMxcsr");
  }),
  // Writes MXCSR as `writeMxcsr` does.
  wasmHelper("sse.setMxcsr", ["i32"], undefined, (c) => {
    c.local_get(0);
    c.setState(mxcsrField);
    const set = (
      bits: number,
      value: number,
      [field32, bound]: readonly [StateField, number],
      [field64, low, high]: readonly [StateField, number, number],
    ): void => {
      const holds = c.local("i32");
      c.local_get(0).i32_const(bits).i32_and().i32_const(value).i32_eq().local_set(holds);
      c.i32_const(bound).i32_const(0).local_get(holds).select();
      c.setState(field32);
      c.i64_const_parts(low, high).i64_const32(0).local_get(holds).select();
      c.setState(field64);
    };
    const { single, doubleLow, doubleHigh } = FAST_BOUNDS;
    set(NATIVE_BITS, NATIVE_VALUE, [sseFastField, single], [sseFast64Field, doubleLow, doubleHigh]);
    const sum = SUM_BOUNDS;
    set(SUM_BITS, SUM_VALUE, [sseSumField, sum.single], [sseSum64Field, 0, sum.doubleHigh]);
  }),
];

/** Bit of `sse.compared`'s code: quiet NaNs are invalid, too. */
export const SIGNAL_ALL = 0x40000000;

/**
 * (a, b, code, result) -> result of a comparison, minimum or maximum with operands that are NaN or
 * subnormal: the host's result stands, once the exceptions are raised, unless one of them traps or
 * DAZ changes an operand.
 */
function compared(width: Width): Helper {
  const lanes = floatLanes[width];
  const quiet = width === 64 ? 0x00080000_00000000n : 0x00400000_00400000n;
  return wasmHelper(`sse.compared.${width}`, ["v128", "v128", "i32", "v128"], "v128", (c) => {
    const [nans, flags] = [c.local("v128"), c.local("i32")];
    const any = (bit: number): void => {
      c.v128_any_true().i32_const(bit).i32_mul();
    };
    // Lanes in which an operand is a NaN; those in which one is a signaling NaN.
    c.local_get(0).local_get(0)[`${lanes}_ne`]().local_get(1).local_get(1)[`${lanes}_ne`]();
    c.v128_or().local_set(nans);
    for (const operand of [0, 1]) {
      c.local_get(operand).local_get(operand)[`${lanes}_ne`]();
      c.local_get(operand).v128_const(quiet, quiet).v128_and().v128_const(0n, 0n);
      if (width === 64) c.i64x2_eq();
      else c.i32x4_eq();
      c.v128_and();
    }
    c.v128_or();
    any(MXCSR.IE);
    c.local_get(nans);
    any(MXCSR.IE);
    c.i32_const(0).local_get(2).i32_const(SIGNAL_ALL).i32_and().select();
    c.i32_or();
    for (const operand of [0, 1]) subnormalLanes(c, width, operand);
    c.v128_or().local_get(nans).v128_andnot();
    any(MXCSR.DE);
    c.i32_or().local_set(flags);
    // Masked, and no operand to be flushed.
    c.local_get(flags);
    c.getState(mxcsrField);
    c.i32_const(MXCSR.MASK_SHIFT).i32_shr_u().i32_const(-1).i32_xor().i32_and().i32_eqz();
    c.getState(mxcsrField);
    c.i32_const(MXCSR.DAZ).i32_and().i32_eqz();
    c.i32_and().if_();
    c.local_get(flags);
    c.callHelper("sse.raise");
    c.local_get(3).return_().end();
    c.local_get(2).i32_const(~SIGNAL_ALL).i32_and().local_get(0).local_get(1);
    c.callHelper("sse.slow");
  });
}

/** (a, b, code) -> -1, 0, 1 or NaN: the order of operands of COMISS that are NaN or subnormal. */
function order(width: Width): Helper {
  const f = `f${width}` as const;
  return wasmHelper(`sse.order.${width}`, [f, f, "i32"], "f64", (c) => {
    const [native, value] = [c.local("i64"), c.local("i64")];
    // As the software has it: 2 when unordered.
    c.local_get(0).local_get(1)[`${f}_gt`]().local_get(0).local_get(1)[`${f}_lt`]().i32_sub();
    c.i32_const(2);
    c.local_get(0).local_get(0)[`${f}_eq`]().local_get(1).local_get(1)[`${f}_eq`]().i32_and();
    c.select().i64_extend_i32_s().local_set(native);
    asVector(c, width, 0);
    asVector(c, width, 1);
    c.local_get(2).local_get(native).i64x2_splat();
    c.callHelper(`sse.compared.${width}`);
    c.i64x2_extract_lane(0).local_set(value);
    c.f64_const(NaN);
    c.local_get(value).i32_wrap_i64().f64_convert_i32_s();
    c.local_get(value).i64_const32(2).i64_eq().select();
  });
}

/** All helpers that the SSE rows call. */
export const sseHelpers: readonly Helper[] = [
  ...stateHelpers,
  ...sseArithmeticHelpers,
  ...sseConversionHelpers,
  ...([32, 64] as const).flatMap((width) => [compared(width), order(width)]),
  ...aesHelpers,
  ...polynomialHelpers,
  ...shaHelpers,
  js(
    "sse.strings",
    ["i64", "i64", "i64", "i64", "i32", "i32", "i32"],
    "i32",
    compareStrings,
  ),
];

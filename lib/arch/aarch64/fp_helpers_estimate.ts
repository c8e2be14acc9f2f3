/** Reciprocal estimates and the steps that refine them. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { finite, fromBits, toBits, typeOf, type Width } from "../fp/number_code.ts";
import { callSoft } from "./fp_helper_code.ts";
import { estimateUnsigned, estimateUnsignedRoot } from "./softfloat_estimate.ts";
import { codeOf, SoftOp } from "./softfloat_ops.ts";

function fractionBits(width: Width): number {
  return width === 64 ? 52 : 23;
}

function bias(width: Width): number {
  return width === 64 ? 1023 : 127;
}

/** [] -> [i32] biased exponent of a pattern in an i64 local, without the sign. */
function exponentOf(c: HelperCode, width: Width, bits: number): void {
  c.local_get(bits).i64_const32(fractionBits(width)).i64_shr_u().i32_wrap_i64();
  c.i32_const(2 * bias(width) + 1).i32_and();
}

/** [] -> [i32] the upper bits of the fraction. */
function topOfFraction(c: HelperCode, width: Width, bits: number, count: number): void {
  c.local_get(bits).i64_const32(fractionBits(width) - count).i64_shr_u().i32_wrap_i64();
  c.i32_const((1 << count) - 1).i32_and();
}

/** [i32 biased exponent, i32 estimate 256..511] -> [i64] the number. */
function assemble(c: HelperCode, width: Width, scratch: number): void {
  c.i32_const(0xff).i32_and().i64_extend_i32_u().i64_const32(fractionBits(width) - 8).i64_shl();
  c.local_set(scratch).i64_extend_i32_u().i64_const32(fractionBits(width)).i64_shl();
  c.local_get(scratch).i64_or();
}

/** FRECPE of normal numbers whose reciprocal is normal raises nothing. */
function reciprocal(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.recpe.${width}`, [f], f, (c) => {
    const [bits, scratch] = [c.local("i64"), c.local("i64")];
    const [exponent, divisor] = [c.local("i32"), c.local("i32")];
    c.local_get(0);
    toBits(c, width);
    c.local_set(bits);
    exponentOf(c, width, bits);
    c.local_tee(exponent).i32_const(1).i32_sub().i32_const(2 * bias(width) - 2).i32_lt_u().if_();
    // RecipEstimate: 2^19 divided by twice the significand and a half unit, rounded.
    topOfFraction(c, width, bits, 8);
    c.i32_const(256).i32_or().i32_const(1).i32_shl().i32_const(1).i32_or().local_set(divisor);
    c.i32_const(2 * bias(width) - 1).local_get(exponent).i32_sub();
    c.i32_const(1 << 19).local_get(divisor).i32_div_u().i32_const(1).i32_add();
    c.i32_const(1).i32_shr_u();
    assemble(c, width, scratch);
    fromBits(c, width);
    c.local_get(0)[`f${width}_copysign`]().return_().end();
    callSoft(c, codeOf(SoftOp.reciprocal, width), width, [0]);
    fromBits(c, width);
  });
}

/** FRSQRTE of positive normal numbers raises nothing. */
function reciprocalRoot(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.rsqrte.${width}`, [f], f, (c) => {
    const [bits, scratch] = [c.local("i64"), c.local("i64")];
    const [exponent, scaled] = [c.local("i32"), c.local("i32")];
    c.local_get(0);
    toBits(c, width);
    c.local_set(bits);
    exponentOf(c, width, bits);
    c.local_tee(exponent).i32_const(1).i32_sub().i32_const(2 * bias(width)).i32_lt_u();
    c.local_get(bits).i64_const32(width - 1).i64_shr_u().i64_eqz().i32_and().if_();
    // RecipSqrtEstimate: the middle of 256..511 (step 2, even exponents) or 128..255, four times.
    topOfFraction(c, width, bits, 8);
    c.i32_const(-2).i32_and().i32_const(257).i32_add().i32_const(1).i32_shl();
    topOfFraction(c, width, bits, 7);
    c.i32_const(1).i32_shl().i32_const(257).i32_add();
    c.local_get(exponent).i32_const(1).i32_and().i32_eqz().select().local_set(scaled);
    c.i32_const(3 * bias(width) - 1).local_get(exponent).i32_sub().i32_const(1).i32_shr_u();
    // b + 1 is the least number with scaled * (b + 1)^2 >= 2^28; never equal, so rounding is harmless.
    c.f64_const(2 ** 28).local_get(scaled).f64_convert_i32_u().f64_div().f64_sqrt().f64_ceil();
    c.i32_trunc_sat_f64_u().i32_const(1).i32_shr_u();
    assemble(c, width, scratch);
    fromBits(c, width);
    c.return_().end();
    callSoft(c, codeOf(SoftOp.root, width), width, [0]);
    fromBits(c, width);
  });
}

function reciprocalExponent(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.recpx.${width}`, [f], f, (c) => {
    callSoft(c, codeOf(SoftOp.reciprocalExponent, width), width, [0]);
    fromBits(c, width);
  });
}

/** [] -> [f] */
function constant(c: HelperCode, width: Width, value: number): void {
  if (width === 64) c.f64_const(value);
  else c.f32_const(value);
}

/** 2 - a * b, unless the software must see NaNs and infinities. */
function reciprocalStep(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.recps.${width}`, [f, f], f, (c) => {
    finite(c, width, 0);
    finite(c, width, 1);
    c.i32_and().if_();
    constant(c, width, 2);
    c.local_get(0)[`f${width}_neg`]().local_get(1);
    c.callHelper(`fp.mulAdd.${width}`);
    c.return_().end();
    callSoft(c, codeOf(SoftOp.reciprocalStep, width), width, [0, 1]);
    fromBits(c, width);
  });
}

/** (3 - a * b) / 2: halving is exact, and 3 - a * b does not overflow for moderate products. */
function rootStep(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.rsqrts.${width}`, [f, f], f, (c) => {
    c.local_get(0).local_get(1)[`f${width}_mul`]()[`f${width}_abs`]();
    constant(c, width, 2 ** 100);
    c[`f${width}_lt`]().if_();
    constant(c, width, 3);
    c.local_get(0)[`f${width}_neg`]().local_get(1);
    c.callHelper(`fp.mulAdd.${width}`);
    constant(c, width, 0.5);
    c[`f${width}_mul`]().return_().end();
    callSoft(c, codeOf(SoftOp.rootStep, width), width, [0, 1]);
    fromBits(c, width);
  });
}

/** The helpers of this file, for both widths. */
export function estimateHelpers(): Helper[] {
  const unsigned = (name: string, js: (operand: number) => number): Helper => {
    return { name, params: ["i32"], results: ["i32"], js: (x: number) => js(x >>> 0) } as Helper;
  };
  return [
    ...([32, 64] as const).flatMap((width) => [
      reciprocal(width),
      reciprocalRoot(width),
      reciprocalExponent(width),
      reciprocalStep(width),
      rootStep(width),
    ]),
    unsigned("fp.urecpe", estimateUnsigned),
    unsigned("fp.ursqrte", estimateUnsignedRoot),
  ];
}

/** Conversions between formats, integers and fixed point, and rounding to integral values. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import {
  fromBits,
  isNumber,
  isZero,
  ordinary,
  typeOf,
  widened,
  type Width,
} from "../fp/number_code.ts";
import { FPCR, FPCR_NOT_NATIVE } from "./fp_fast.ts";
import { callSoft, fpcrClear, native, raiseInexactIf } from "./fp_helper_code.ts";
import { codeOf, softCode, SoftOp } from "./softfloat_ops.ts";

/** (x, how) -> x rounded to an integral value; `how` is made by `rint`. */
function roundToIntegral(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.rint.${width}`, [f, "i32"], f, (c) => {
    const r = c.local(f);
    // FRINTX and FRINTI in round to nearest.
    isNumber(c, width, 0);
    fpcrClear(c, FPCR_NOT_NATIVE);
    c.local_get(1).i32_const(8).i32_and().i32_const(3).i32_shr_u();
    c.i32_and().i32_and().if_();
    c.local_get(0)[`f${width}_nearest`]().local_tee(r);
    c.local_get(0)[`f${width}_ne`]();
    c.local_get(1).i32_const(4).i32_shr_u().i32_and();
    raiseInexactIf(c);
    c.local_get(r).return_();
    c.end();
    callSoft(c, codeOf(SoftOp.rint, width), width, [0], () => c.local_get(1).i64_extend_i32_u());
    fromBits(c, width);
  });
}

/** [] -> [f64] a local of doubles rounded to an integral value; ties away from zero if `away`. */
export function roundedBy(c: HelperCode, x: number, how: number): void {
  const steps = ["nearest", "ceil", "floor", "trunc"] as const;
  const truncated = c.local("f64");
  steps.forEach((step, i) => {
    c.local_get(how).i32_const(i).i32_eq().if_("f64");
    c.local_get(x)[`f64_${step}`]().else_();
  });
  c.local_get(x).f64_trunc().local_tee(truncated);
  c.local_get(x).local_get(truncated).f64_sub().f64_abs().f64_const(0.5).f64_ge();
  c.f64_convert_i32_u().local_get(x).f64_copysign().f64_add();
  for (const _ of steps) c.end();
}

/** (x, how) -> i64 fixed point; `how` is made by `conversion`. 32-bit results are zero-extended. */
function toFixed(width: Width): Helper {
  return wasmHelper(`fp.toFixed.${width}`, [typeOf(width), "i32"], "i64", (c) => {
    const [x, y] = [c.local("f64"), c.local("f64")];
    const unsigned = c.local("i32");
    const mode = c.local("i32");
    const bit = (n: number): void => {
      c.local_get(1).i32_const(n).i32_shr_u().i32_const(1).i32_and();
    };
    fpcrClear(c, FPCR.FZ);
    c.local_get(1).i32_const(0xff).i32_and().i32_eqz().i32_and().if_();
    {
      c.local_get(0);
      if (width === 32) c.f64_promote_f32();
      c.local_set(x);
      bit(9);
      c.local_set(unsigned);
      c.local_get(1).i32_const(10).i32_shr_u().local_set(mode);
      roundedBy(c, x, mode);
      c.local_set(y);
      // The most negative number takes the slow way. NaN fails every comparison.
      c.local_get(y).f64_abs();
      c.f64_const(2 ** 64).f64_const(2 ** 63).local_get(unsigned).select();
      c.f64_const(2 ** 32).f64_const(2 ** 31).local_get(unsigned).select();
      bit(8);
      c.select().f64_lt();
      c.local_get(unsigned).i32_eqz().local_get(y).f64_const(0).f64_ge().i32_or().i32_and();
      c.if_();
      c.local_get(x).local_get(y).f64_ne();
      raiseInexactIf(c);
      c.local_get(y).i64_trunc_sat_f64_u();
      c.local_get(y).i64_trunc_sat_f64_s();
      c.i64_const32(-1).i64_const_parts(0xffffffff, 0);
      bit(8);
      c.select().i64_and();
      c.local_get(unsigned).select().return_();
      c.end();
    }
    c.end();
    callSoft(c, codeOf(SoftOp.toFixed, width), width, [0], () => c.local_get(1).i64_extend_i32_u());
  });
}

/** (i64, how) -> number. A 32-bit operand is extended to 64 bits according to its sign. */
function fromFixed(width: Width): Helper {
  const f = typeOf(width);
  return wasmHelper(`fp.fromFixed.${width}`, ["i64", "i32"], f, (c) => {
    const r = c.local(f);
    const unsigned = c.local("i32");
    const limit = (exponent: number): void => {
      if (width === 64) c.f64_const(2 ** exponent);
      else c.f32_const(2 ** exponent);
    };
    c.local_get(1).i32_const(9).i32_shr_u().i32_const(1).i32_and().local_tee(unsigned);
    c.if_(f).local_get(0)[`f${width}_convert_i64_u`]();
    c.else_().local_get(0)[`f${width}_convert_i64_s`]().end();
    c.local_set(r);
    // Exact results do not depend on the rounding mode.
    c.local_get(r)[`i64_trunc_sat_f${width}_u`]();
    c.local_get(r)[`i64_trunc_sat_f${width}_s`]();
    c.local_get(unsigned).select().local_get(0).i64_eq();
    c.local_get(r);
    limit(64);
    limit(63);
    c.local_get(unsigned).select()[`f${width}_lt`]().i32_and().i32_eqz();
    c.if_();
    fpcrClear(c, FPCR.RMODE);
    c.i32_eqz().if_();
    c.i32_const(codeOf(SoftOp.fromFixed, width)).local_get(0).i64_const32(0);
    c.local_get(1).i64_extend_i32_u();
    c.callHelper("fp.slow");
    fromBits(c, width);
    c.return_();
    c.end();
    c.i32_const(1);
    raiseInexactIf(c);
    c.end();
    // Times 2^-fraction, exactly.
    c.local_get(r);
    if (width === 64) {
      c.i64_const32(1023).local_get(1).i32_const(0xff).i32_and().i64_extend_i32_u().i64_sub();
      c.i64_const32(52).i64_shl().f64_reinterpret_i64().f64_mul();
    } else {
      c.i32_const(127).local_get(1).i32_const(0xff).i32_and().i32_sub();
      c.i32_const(23).i32_shl().f32_reinterpret_i32().f32_mul();
    }
  });
}

/** Target formats of `SoftOp.convert`. */
const TO = { single: 0, double: 1, half: 2, singleOdd: 3 } as const;

function softConvert(c: HelperCode, from: Width, to: keyof typeof TO): void {
  callSoft(c, codeOf(SoftOp.convert, from), from, [0], () => c.i64_const32(TO[to]));
}

function widen(): Helper {
  return wasmHelper("fp.convert.32.64", ["f32"], "f64", (c) => {
    isNumber(c, 32, 0);
    fpcrClear(c, FPCR.FZ);
    c.i32_and().if_();
    widened(c, 0);
    c.return_().end();
    softConvert(c, 32, "double");
    fromBits(c, 64);
  });
}

function narrow(): Helper {
  return wasmHelper("fp.convert.64.32", ["f64"], "f32", (c) => {
    const r = c.local("f32");
    c.local_get(0).f32_demote_f64().local_set(r);
    native(c, 64, 0, 0, 0);
    c.if_();
    ordinary(c, 32, r);
    c.if_();
    widened(c, r);
    c.local_get(0).f64_ne();
    raiseInexactIf(c);
    c.local_get(r).return_();
    c.end();
    isZero(c, 64, 0);
    c.if_().local_get(r).return_().end();
    c.end();
    softConvert(c, 64, "single");
    fromBits(c, 32);
  });
}

/** Half precision, in the low 16 bits of an i32, is never flushed and always fits exactly. */
function fromHalf(to: Width): Helper {
  return wasmHelper(`fp.convert.16.${to}`, ["i32"], typeOf(to), (c) => {
    c.local_get(0).i32_const(0x7c00).i32_and().i32_const(0x7c00).i32_ne().if_();
    // The fields put in place, then the difference of the biases made up for: right for subnormals.
    c.local_get(0).i32_const(0x7fff).i32_and().i32_const(13).i32_shl().f32_reinterpret_i32();
    c.f32_const(2 ** 112).f32_mul();
    c.local_get(0).i32_const(16).i32_shl().f32_reinterpret_i32().f32_copysign();
    if (to === 64) c.f64_promote_f32();
    c.return_().end();
    c.i32_const(softCode(SoftOp.convert, 2)).local_get(0).i64_extend_i32_u().i64_const32(0);
    c.i64_const32(to === 64 ? TO.double : TO.single);
    c.callHelper("fp.slow");
    fromBits(c, to);
  });
}

function toHalf(from: Width): Helper {
  return wasmHelper(`fp.convert.${from}.16`, [typeOf(from)], "i32", (c) => {
    if (from === 32) {
      const [bits, magnitude] = [c.local("i32"), c.local("i32")];
      c.local_get(0).i32_reinterpret_f32().local_tee(bits);
      c.i32_const(0x7fffffff).i32_and().local_set(magnitude);
      // From 2^-13 to what rounds to the largest half, 65504.
      fpcrClear(c, FPCR.RMODE | FPCR.AHP);
      c.local_get(magnitude).i32_const(0x39000000).i32_sub().i32_const(0x477ff000 - 0x39000000);
      c.i32_lt_u().i32_and().if_();
      c.local_get(bits).i32_const(0x1fff).i32_and();
      raiseInexactIf(c);
      c.local_get(magnitude).i32_const(0xfff).i32_add();
      c.local_get(magnitude).i32_const(13).i32_shr_u().i32_const(1).i32_and().i32_add();
      c.i32_const(13).i32_shr_u().i32_const(112 << 10).i32_sub();
      c.local_get(bits).i32_const(16).i32_shr_u().i32_const(0x8000).i32_and().i32_or();
      c.return_().end();
      c.local_get(magnitude).i32_eqz().if_();
      c.local_get(bits).i32_const(16).i32_shr_u().return_().end();
    }
    softConvert(c, from, "half");
    c.i32_wrap_i64();
  });
}

/** FCVTXN: rounded to odd, so that a later rounding to fewer bits is right. */
function narrowOdd(): Helper {
  return wasmHelper("fp.convertOdd", ["f64"], "f32", (c) => {
    softConvert(c, 64, "singleOdd");
    fromBits(c, 32);
  });
}

/** The helpers of this file, for both widths. */
export function conversionHelpers(): Helper[] {
  const helpers: Helper[] = [];
  for (const width of [32, 64] as const) {
    helpers.push(roundToIntegral(width), toFixed(width), fromFixed(width));
    helpers.push(fromHalf(width), toHalf(width));
  }
  helpers.push(widen(), narrow(), narrowOdd());
  return helpers;
}

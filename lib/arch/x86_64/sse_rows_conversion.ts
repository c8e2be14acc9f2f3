/** Rows of SSE's conversions and roundings, LDMXCSR and STMXCSR (SDM volume 1, 10.4.2, 11.4.1.6, 12.10). */
import type { Builder } from "../../engine/builder.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { clearHigh } from "../simd/lanes.ts";
import { Fault } from "./fault_numbers.ts";
import { MXCSR, mxcsrField } from "./mxcsr.ts";
import type { Operand } from "./operands.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import {
  floatLanes,
  inexactKnown,
  notSubnormal,
  resultStands,
  scalarSource,
  setScalar,
  subnormalLanes,
  trap,
  unlessAll,
} from "./sse_float_code.ts";
import { probeSource, toLocal, unary, type VectorOp } from "./sse_operands.ts";
import { MXCSR_ROUNDING, sseCode, type SseFormName, SseOp, TO_ZERO } from "./sse_softfloat.ts";
import { lanesInBound } from "../fp/fast_result.ts";

/** [] -> [v128] the software's result for a vector in a local. */
function slow(b: Builder, code: number, x: number): void {
  b.i32_const(code).v128_const(0n, 0n).local_get(x);
  b.callHelper("sse.slow");
}

/** [] -> [v128] the software's result for a scalar in a local. */
function slowScalar(b: Builder, width: Width, code: number, x: number): void {
  b.i32_const(code).v128_const(0n, 0n);
  b.v128_const(0n, 0n).local_get(x)[`${floatLanes[width]}_replace_lane`](0);
  b.callHelper("sse.slow");
}

const widthOf = (p: Operand): Width => p.size === 8 ? 64 : 32;

/** CVTSI2SS, CVTSI2SD: 32-bit integers are exact as doubles. */
const fromInteger = (width: Width): X86Semantics => (b, o) => {
  const r = b.temp(typeOf(width));
  o[1].probe(b, "r");
  o[1].get(b);
  if (width === 64 && o[1].size === 4) b.f64_convert_i32_s().local_set(r);
  else {
    const x = b.temp("i64");
    if (o[1].size === 4) b.i64_extend_i32_s();
    b.local_tee(x)[`f${width}_convert_i64_s`]().local_set(r);
    // Exact, but for what only saturation turns back.
    b.local_get(r)[`i64_trunc_sat_f${width}_s`]().local_get(x).i64_eq();
    b.local_get(x).i64_const_parts(-1, 0x7fffffff).i64_ne().i32_and();
    inexactKnown(b);
    b.i32_or().i32_eqz().if_().local_get(x);
    b.callHelper(`sse.fromInteger.${width}`);
    b.local_set(r);
    trap(b);
    b.end();
  }
  setScalar(b, width, o[0], r);
};

/** How CVTTSD2SI and its like round; CVTSD2SI and its like as MXCSR wants, most often to nearest. */
const hostRounding = (truncated: boolean): "trunc" | "nearest" => truncated ? "trunc" : "nearest";

/** [] -> [i32] an integral value of at most 31 bits: the low word of its sum with 1.5 * 2^52. */
function lowWord(b: Builder, width: Width, t: number): void {
  b.local_get(t);
  if (width === 32) b.f64_promote_f32();
  b.f64_const(1.5 * 2 ** 52).f64_add().i64_reinterpret_f64().i32_wrap_i64();
}

/** CVTSD2SI, CVTTSD2SI and those of singles. */
const toInteger = (truncated: boolean): X86Semantics => (b, o) => {
  const from = widthOf(o[1]);
  const to = widthOf(o[0]);
  const type = to === 64 ? "i64" : "i32";
  o[1].probe(b, "r");
  const x = scalarSource(b, o[1]);
  const t = b.temp(typeOf(from));
  const r = b.temp(type);
  const f = `f${from}` as const;
  b.local_get(x)[`${f}_${hostRounding(truncated)}`]().local_set(t);
  if (to === 64) b.local_get(t)[`i64_trunc_sat_${f}_s`]();
  else lowWord(b, from, t);
  b.local_set(r);
  unlessAll(b, [
    () => {
      b.local_get(t)[`${f}_abs`]();
      if (from === 64) b.f64_const(2 ** (to - 1)).f64_lt();
      else b.f32_const(2 ** (to - 1)).f32_lt();
    },
    () => {
      inexactKnown(b);
      b.local_get(t).local_get(x)[`${f}_eq`]().i32_or();
    },
  ], () => {
    const form: SseFormName = from === 64
      ? (to === 64 ? "sd" : "sd2ss")
      : (to === 64 ? "ss2sd" : "ss");
    slowScalar(b, from, sseCode(SseOp.toInteger, form, truncated ? TO_ZERO : MXCSR_ROUNDING), x);
    if (to === 64) b.i64x2_extract_lane(0);
    else b.i32x4_extract_lane(0);
    b.local_set(r);
    trap(b);
  });
  b.local_get(r);
  o[0].set(b);
};

/** CVTSS2SD: exact, but for the exceptions of the operand. */
const widen: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  const x = scalarSource(b, o[1]);
  const r = b.temp("f64");
  b.local_get(x).f64_promote_f32().local_set(r);
  b.local_get(x).local_get(x).f32_eq();
  notSubnormal(b, 32, x);
  b.i32_and().i32_eqz().if_();
  slowScalar(b, 32, sseCode(SseOp.convert, "ss2sd"), x);
  b.f64x2_extract_lane(0).local_set(r);
  trap(b);
  b.end();
  setScalar(b, 64, o[0], r);
};

/** CVTSD2SS: what a subnormal double gives does not stand. */
const narrow: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  const x = scalarSource(b, o[1]);
  const r = b.temp("f32");
  b.local_get(x).f32_demote_f64().local_set(r);
  unlessAll(b, resultStands(b, 32, r, []), () => {
    b.local_get(x);
    b.callHelper("sse.narrow");
    b.local_set(r);
    trap(b);
  });
  setScalar(b, 32, o[0], r);
};

/** CVTPS2PD: of the low half. */
const widenPair: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  o[1].getV(b);
  if (!o[1].isMemory) clearHigh(b);
  const x = toLocal(b);
  const r = b.temp("v128");
  b.local_get(x).f64x2_promote_low_f32x4().local_set(r);
  b.local_get(x).local_get(x).f32x4_ne();
  subnormalLanes(b, 32, x);
  b.v128_or().v128_any_true().if_();
  slow(b, sseCode(SseOp.convert, "ps2pd"), x);
  b.local_set(r);
  trap(b);
  b.end().local_get(r);
  o[0].setV(b);
};

/** CVTPD2PS: to the low half, zeros above. */
const narrowPair: X86Semantics = (b, o) => {
  probeSource(b, o[1]);
  o[1].getV(b);
  const x = toLocal(b);
  const r = b.temp("v128");
  b.local_get(x).f32x4_demote_f64x2_zero().local_set(r);
  lanesInBound(b, 32, r);
  b.i64x2_extract_lane(0).i64_const32(-1).i64_eq();
  inexactKnown(b);
  b.i32_and().i32_eqz().if_().local_get(x);
  b.callHelper("sse.narrow.pd");
  b.local_set(r);
  trap(b);
  b.end().local_get(r);
  o[0].setV(b);
};

/** CVTDQ2PS: integers up to 2^24 are exact. */
export const fromIntegers: VectorOp = (b) => {
  const x = toLocal(b);
  const r = b.temp("v128");
  b.local_get(x).f32x4_convert_i32x4_s().local_set(r);
  inexactKnown(b);
  b.local_get(x).i32x4_abs().i32_const(1 << 24).i32x4_splat().i32x4_le_u().i32x4_all_true();
  b.i32_or().i32_eqz().if_();
  slow(b, sseCode(SseOp.fromInteger, "ps"), x);
  b.local_set(r);
  trap(b);
  b.end().local_get(r);
};

/** CVTDQ2PD: of the low half, exact. */
export const fromIntegerPair: VectorOp = (b) => {
  b.f64x2_convert_low_i32x4_s();
};

/** CVTPS2DQ, CVTPD2DQ and the truncating ones. Two doubles give the low half, zeros above. */
export const toIntegers = (width: Width, truncated: boolean): VectorOp => (b) => {
  const lanes = floatLanes[width];
  const x = toLocal(b);
  const [t, r] = [b.temp("v128"), b.temp("v128")];
  b.local_get(x)[`${lanes}_${hostRounding(truncated)}`]().local_tee(t)
    [`${lanes}_abs`]();
  if (width === 64) b.f64_const(2 ** 31).f64x2_splat().f64x2_lt().i64x2_all_true();
  else b.f32_const(2 ** 31).f32x4_splat().f32x4_lt().i32x4_all_true();
  b.local_get(t).local_get(x)[`${lanes}_eq`]();
  if (width === 64) b.i64x2_all_true();
  else b.i32x4_all_true();
  inexactKnown(b);
  b.i32_or().i32_and().if_().local_get(t);
  if (width === 64) b.i32x4_trunc_sat_f64x2_s_zero();
  else b.i32x4_trunc_sat_f32x4_s();
  b.local_set(r).else_();
  const form: SseFormName = width === 64 ? "pd2ps" : "ps";
  slow(b, sseCode(SseOp.toInteger, form, truncated ? TO_ZERO : MXCSR_ROUNDING), x);
  b.local_set(r);
  trap(b);
  b.end().local_get(r);
};

/** How ROUNDPS and its like round: the immediate's bits 1:0. */
const ROUNDINGS = ["nearest", "floor", "ceil", "trunc"] as const;
/** Bit 3 of the immediate: no PE. */
const QUIET = 8;

/**
 * [] -> [i32] whether integral values may stand if they differ from the operands, by the immediate of
 * ROUNDPS: without PE, or PE does not matter.
 */
function roundingKnown(b: Builder, immediate: number): void {
  if ((immediate & QUIET) === 0) inexactKnown(b);
  else if ((immediate & MXCSR_ROUNDING) === 0) b.i32_const(1);
  else {
    b.getState(mxcsrField);
    b.i32_const(MXCSR.RC).i32_and().i32_eqz();
  }
}

const roundingOf = (immediate: number): typeof ROUNDINGS[number] =>
  (immediate & MXCSR_ROUNDING) !== 0 ? "nearest" : ROUNDINGS[immediate & 3];

/** ROUNDSS, ROUNDSD */
const roundScalar: X86Semantics = (b, o) => {
  const immediate = o[2].number;
  const width = widthOf(o[1]);
  const f = typeOf(width);
  o[1].probe(b, "r");
  const x = scalarSource(b, o[1]);
  const r = b.temp(f);
  b.local_get(x)[`${f}_${roundingOf(immediate)}`]().local_tee(r).local_get(x)[`${f}_eq`]();
  roundingKnown(b, immediate);
  b.local_get(x).local_get(x)[`${f}_eq`]().i32_and().i32_or();
  notSubnormal(b, width, x);
  b.i32_and().i32_eqz().if_();
  slowScalar(b, width, sseCode(SseOp.round, width === 64 ? "sd" : "ss", immediate), x);
  b[`${floatLanes[width]}_extract_lane`](0).local_set(r);
  trap(b);
  b.end();
  setScalar(b, width, o[0], r);
};

/** ROUNDPS, ROUNDPD */
const roundPacked = (width: Width): X86Semantics => (b, o) => {
  const immediate = o[2].number;
  const lanes = floatLanes[width];
  probeSource(b, o[1]);
  o[1].getV(b);
  const x = toLocal(b);
  const r = b.temp("v128");
  b.local_get(x)[`${lanes}_${roundingOf(immediate)}`]().local_set(r);
  // NaN and subnormal operands, then results that are not the operands.
  b.local_get(x).local_get(x)[`${lanes}_ne`]();
  subnormalLanes(b, width, x);
  b.v128_or().v128_any_true();
  b.local_get(x).local_get(r)[`${lanes}_ne`]().v128_any_true();
  roundingKnown(b, immediate);
  b.i32_eqz().i32_and().i32_or().if_();
  slow(b, sseCode(SseOp.round, width === 64 ? "pd" : "ps", immediate), x);
  b.local_set(r);
  trap(b);
  b.end().local_get(r);
  o[0].setV(b);
};

/** LDMXCSR: reserved bits are #GP(0). */
const loadMxcsr: X86Semantics = (b, o) => {
  const value = b.temp("i32");
  o[0].probe(b, "r");
  o[0].get(b);
  b.local_tee(value).i32_const(~MXCSR.valid).i32_and();
  b.faultIf(Fault.generalProtection);
  b.local_get(value);
  b.callHelper("sse.setMxcsr");
};

const storeMxcsr: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  b.getState(mxcsrField);
  o[0].set(b);
};

/** The immediate is structural. */
const ROUNDING = { constant: 15 } as const;

/** All rows of this file. */
export const sseConversionRows: readonly X86Row[] = [
  x86("CVTSI2SS V,Ey", "f3 0f 2a /r", "sse", fromInteger(32)),
  x86("CVTSI2SD V,Ey", "f2 0f 2a /r", "sse2", fromInteger(64)),
  x86("CVTTSS2SI Gy,W4", "f3 0f 2c /r", "sse", toInteger(true)),
  x86("CVTTSD2SI Gy,W8", "f2 0f 2c /r", "sse2", toInteger(true)),
  x86("CVTSS2SI Gy,W4", "f3 0f 2d /r", "sse", toInteger(false)),
  x86("CVTSD2SI Gy,W8", "f2 0f 2d /r", "sse2", toInteger(false)),
  x86("CVTPS2PD V,W8", "NP 0f 5a /r", "sse2", widenPair),
  x86("CVTPD2PS V,W16", "66 0f 5a /r", "sse2", narrowPair),
  x86("CVTSS2SD V,W4", "f3 0f 5a /r", "sse2", widen),
  x86("CVTSD2SS V,W8", "f2 0f 5a /r", "sse2", narrow),
  x86("CVTDQ2PS V,W16", "NP 0f 5b /r", "sse2", unary(fromIntegers)),
  x86("CVTPS2DQ V,W16", "66 0f 5b /r", "sse2", unary(toIntegers(32, false))),
  x86("CVTTPS2DQ V,W16", "f3 0f 5b /r", "sse2", unary(toIntegers(32, true))),
  x86("CVTDQ2PD V,W8", "f3 0f e6 /r", "sse2", unary(fromIntegerPair)),
  x86("CVTPD2DQ V,W16", "f2 0f e6 /r", "sse2", unary(toIntegers(64, false))),
  x86("CVTTPD2DQ V,W16", "66 0f e6 /r", "sse2", unary(toIntegers(64, true))),
  x86("ROUNDPS V,W16,Ib", "66 0f 3a 08 /r", "sse4_1", roundPacked(32), ROUNDING),
  x86("ROUNDPD V,W16,Ib", "66 0f 3a 09 /r", "sse4_1", roundPacked(64), ROUNDING),
  x86("ROUNDSS V,W4,Ib", "66 0f 3a 0a /r", "sse4_1", roundScalar, ROUNDING),
  x86("ROUNDSD V,W8,Ib", "66 0f 3a 0b /r", "sse4_1", roundScalar, ROUNDING),
  x86("LDMXCSR M4", "NP 0f ae /2", "sse", loadMxcsr),
  x86("STMXCSR M4", "NP 0f ae /3", "sse", storeMxcsr),
];

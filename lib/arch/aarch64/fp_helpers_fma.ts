/**
 * Fused multiply-add. A host whose relaxed multiply-add is fused does it in one instruction; else
 * the exact product and the sum are carried in two doubles and rounded to odd before the last
 * rounding (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
 */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { finite, fromBits, isZero, ordinary, widened, type Width } from "../fp/number_code.ts";
import { inexactKnown, resultStands, type Shape, widthOf } from "./fp_emit.ts";
import { fmaDouble, joinHalves, notMiddle, promote } from "./fp_fma.ts";
import { callSoft, native, raiseInexactIf } from "./fp_helper_code.ts";
import { eachLane, zerosStand } from "./fp_helpers_lanes.ts";
import { codeOf, SoftOp } from "./softfloat_ops.ts";

/** What the helpers may assume of the host. */
export interface FmaOptions {
  /** Whether the host's relaxed multiply-add is fused: see `fp_host.ts`. */
  readonly fusedMadd: boolean;
}

// Parameters: addend, n, m.
const [Z, N, M] = [0, 1, 2];

/** [] -> [] sum = x + y, error = what the rounding lost (2Sum). Locals of doubles. */
function twoSum(c: HelperCode, x: number, y: number, sum: number, error: number): void {
  const t = c.local("f64");
  c.local_get(x).local_get(y).f64_add().local_set(sum);
  c.local_get(sum).local_get(x).f64_sub().local_set(t);
  c.local_get(x).local_get(sum).local_get(t).f64_sub().f64_sub();
  c.local_get(y).local_get(t).f64_sub().f64_add().local_set(error);
}

/** [] -> [] makes a rounded sum the sum rounded to odd: steps towards the error if the sum is even. */
function toOdd(c: HelperCode, sum: number, error: number): void {
  c.local_get(error).f64_const(0).f64_ne();
  c.local_get(sum).i64_reinterpret_f64().i32_wrap_i64().i32_const(1).i32_and().i32_eqz();
  c.i32_and().if_();
  c.local_get(sum).i64_reinterpret_f64().i64_const32(1);
  // Away from zero if the signs agree: +1, else -1.
  c.local_get(sum).i64_reinterpret_f64().local_get(error).i64_reinterpret_f64().i64_xor();
  c.i64_const32(63).i64_shr_s().i64_const32(1).i64_shl().i64_add().i64_add();
  c.f64_reinterpret_i64().local_set(sum);
  c.end();
}

function soft(c: HelperCode, width: Width): void {
  callSoft(c, codeOf(SoftOp.mulAdd, width), width, [N, M, Z]);
  fromBits(c, width);
}

/** Returns the result in a local if FPCR allows it. */
function nativeOnly(c: HelperCode, width: Width, r: number): void {
  native(c, width, N, M, r);
  native(c, width, Z, Z, r);
  c.i32_and();
}

/** Single precision: the product is exact in double precision, its sum is rounded to odd. */
function single(): Helper {
  return wasmHelper("fp.mulAdd.32", ["f32", "f32", "f32"], "f32", (c) => {
    const [p, z, s, error] = [c.local("f64"), c.local("f64"), c.local("f64"), c.local("f64")];
    const r = c.local("f32");
    widened(c, N);
    widened(c, M);
    c.f64_mul().local_tee(p);
    widened(c, Z);
    c.local_tee(z).f64_add().local_tee(s).f32_demote_f64().local_set(r);
    notMiddle(c, s);
    resultStands(c, 32, r);
    c.i32_and().if_().local_get(r).return_().end();
    twoSum(c, p, z, s, error);
    toOdd(c, s, error);
    c.local_get(s).f32_demote_f64().local_set(r);
    resultStands(c, 32, r);
    c.if_().local_get(r).return_().end();
    nativeOnly(c, 32, r);
    c.if_();
    {
      ordinary(c, 32, r);
      c.if_();
      c.local_get(error).f64_const(0).f64_ne();
      widened(c, r);
      c.local_get(s).f64_ne().i32_or();
      raiseInexactIf(c);
      c.local_get(r).return_();
      c.end();
      isZero(c, 64, s);
      c.if_().local_get(r).return_().end();
    }
    c.end();
    soft(c, 32);
  });
}

/** [] -> [i32] whether a double's biased exponent lies within `distance` of the middle. */
function moderate(c: HelperCode, local: number, distance: number): void {
  c.local_get(local).i64_reinterpret_f64().i64_const32(1).i64_shl().i64_const32(53).i64_shr_u();
  c.i64_const32(1023 - distance).i64_sub().i64_const32(2 * distance).i64_lt_u();
}

/** [] -> [] splits a double into halves of 26 bits (Veltkamp). */
function halves(c: HelperCode, x: number, high: number, low: number): void {
  c.local_get(x).f64_const(2 ** 27 + 1).f64_mul().local_tee(high);
  c.local_get(high).local_get(x).f64_sub().f64_sub().local_set(high);
  c.local_get(x).local_get(high).f64_sub().local_set(low);
}

function double(options: FmaOptions): Helper {
  return wasmHelper("fp.mulAdd.64", ["f64", "f64", "f64"], "f64", (c) => {
    const locals = (count: number): number[] => Array.from({ length: count }, () => c.local("f64"));
    const [r, p, e, nh, nl, mh, ml] = locals(7);
    const [th, tl, vh, vl, q, qe, re] = locals(7);
    if (options.fusedMadd) {
      c.local_get(N).f64x2_splat().local_get(M).f64x2_splat().local_get(Z).f64x2_splat();
      c.f64x2_relaxed_madd().f64x2_extract_lane(0).local_set(r);
      resultStands(c, 64, r);
      c.if_().local_get(r).return_().end();
    }
    // A product of zero: the sum is exact.
    isZero(c, 64, N);
    isZero(c, 64, M);
    c.i32_or().if_();
    {
      c.local_get(N).local_get(M).f64_mul().local_get(Z).f64_add().local_set(r);
      finite(c, 64, r);
      nativeOnly(c, 64, r);
      c.i32_and().if_().local_get(r).return_().end();
    }
    c.end();
    // No partial result overflows, and none loses bits to underflow.
    moderate(c, N, 450);
    moderate(c, M, 450);
    c.i32_and();
    moderate(c, Z, 900);
    isZero(c, 64, Z);
    c.i32_or().i32_and().if_();
    {
      halves(c, N, nh, nl);
      halves(c, M, mh, ml);
      c.local_get(N).local_get(M).f64_mul().local_set(p);
      c.local_get(nh).local_get(mh).f64_mul().local_get(p).f64_sub();
      c.local_get(nh).local_get(ml).f64_mul().f64_add();
      c.local_get(nl).local_get(mh).f64_mul().f64_add();
      c.local_get(nl).local_get(ml).f64_mul().f64_add().local_set(e);
      twoSum(c, Z, e, th, tl);
      twoSum(c, p, th, vh, vl);
      twoSum(c, tl, vl, q, qe);
      toOdd(c, q, qe);
      twoSum(c, vh, q, r, re);
      resultStands(c, 64, r);
      c.if_().local_get(r).return_().end();
      nativeOnly(c, 64, r);
      c.if_();
      ordinary(c, 64, r);
      c.if_();
      c.local_get(qe).f64_const(0).f64_ne().local_get(re).f64_const(0).f64_ne().i32_or();
      raiseInexactIf(c);
      c.local_get(r).return_();
      c.end();
      isZero(c, 64, r);
      c.if_().local_get(r).return_().end();
      c.end();
    }
    c.end();
    soft(c, 64);
  });
}

/** Doubles of a host that does not fuse: returns the result if the lanes stand or are exact zeros. */
function doubles(c: HelperCode): void {
  const [r, zeros, isZero] = [c.local("v128"), c.local("v128"), c.local("v128")];
  c.local_get(N).local_get(M).f64x2_mul().local_get(Z).f64x2_add().local_tee(zeros);
  c.v128_const(0n, 0n).f64x2_eq();
  c.local_get(N).v128_const(0n, 0n).f64x2_eq().local_get(M).v128_const(0n, 0n).f64x2_eq();
  c.v128_or().v128_and().local_set(isZero);
  fmaDouble(c, "f64x2", { z: Z, n: N, m: M }, r, (type) => c.local(type));
  c.local_get(isZero).v128_or().i64x2_all_true();
  inexactKnown(c);
  c.i32_and().if_();
  c.local_get(zeros).local_get(r).local_get(isZero).v128_bitselect().return_();
  c.end();
}

/** [] -> [v128] z + p in lanes of doubles, rounded to odd: see `toOdd`. */
function oddSums(c: HelperCode, z: number, p: number): void {
  const [s, x, error] = [c.local("v128"), c.local("v128"), c.local("v128")];
  c.local_get(p).local_get(z).f64x2_add().local_tee(s).local_get(p).f64x2_sub().local_set(x);
  c.local_get(p).local_get(s).local_get(x).f64x2_sub().f64x2_sub();
  c.local_get(z).local_get(x).f64x2_sub().f64x2_add().local_set(error);
  c.local_get(s).local_get(s).local_get(error).v128_xor().i32_const(63).i64x2_shr_s();
  c.v128_const(1n, 1n).v128_or();
  c.local_get(error).v128_const(0n, 0n).f64x2_ne().v128_and();
  c.local_get(s).v128_const(1n, 1n).v128_and().v128_const(0n, 0n).i64x2_eq().v128_and();
  c.i64x2_add();
}

/** [] -> [] sums of singles in local `r`, on a host that does not fuse. */
function singles(c: HelperCode, shape: Shape, r: number): void {
  const [z, p] = [c.local("v128"), c.local("v128")];
  for (const high of shape === "4s" ? [false, true] : [false]) {
    promote(c, N, high);
    promote(c, M, high);
    c.f64x2_mul().local_set(p);
    promote(c, Z, high);
    c.local_set(z);
    oddSums(c, z, p);
    c.f32x4_demote_f64x2_zero();
    if (high) joinHalves(c);
  }
  c.local_set(r);
}

/** addend + n * m in each lane. Results that are normal or zero at once, others lane by lane. */
function vector(shape: Shape, { fusedMadd }: FmaOptions): Helper {
  return wasmHelper(`fp.mulAdd.${shape}`, ["v128", "v128", "v128"], "v128", (c) => {
    if (!fusedMadd && shape === "2d") doubles(c);
    else {
      const r = c.local("v128");
      if (fusedMadd) {
        c.local_get(N).local_get(M).local_get(Z);
        if (shape === "2d") c.f64x2_relaxed_madd();
        else c.f32x4_relaxed_madd();
        c.local_set(r);
      } else singles(c, shape, r);
      zerosStand(c, shape, r, N, M);
      c.if_().local_get(r).return_().end();
    }
    eachLane(c, `fp.mulAdd.${widthOf(shape)}`, shape, 3);
  });
}

/** The helpers of this file, for both widths and all shapes. */
export function fmaHelpers(options: FmaOptions): Helper[] {
  const helpers = [single(), double(options)];
  for (const shape of ["4s", "2s", "2d"] as const) helpers.push(vector(shape, options));
  return helpers;
}

/**
 * The native part of fused multiply-add, for the rows and for the helpers: a result, and whether it
 * may stand. The rest is in `fp_helpers_fma.ts`.
 */
import { lanesStand, resultStands, type Shape, type StateCode, type Width } from "./fp_emit.ts";
import type { ValType } from "../../wasm/types.ts";

/** Makes a scratch local. */
export type Scratch = (type: ValType) => number;

/** Locals of z + n * m. */
export interface FmaOperands {
  /** Addend. */
  readonly z: number;
  /** First factor. */
  readonly n: number;
  /** Second factor. */
  readonly m: number;
}

/** Low 29 bits of a double that is half-way between two singles. */
const MIDDLE = 0x10000000n;
const BELOW_SINGLE = 0x1fffffffn;

/**
 * [] -> [i32] whether the sum in local `r` may stand. `o` are vectors of which lane 0 counts, as is
 * `r`; without a fused host only for single precision.
 */
export function fmaScalar(
  c: StateCode,
  width: Width,
  o: FmaOperands,
  r: number,
  fused: boolean,
  scratch: Scratch,
): void {
  if (fused) {
    c.local_get(o.n).local_get(o.m).local_get(o.z);
    if (width === 64) c.f64x2_relaxed_madd().f64x2_extract_lane(0);
    else c.f32x4_relaxed_madd().f32x4_extract_lane(0);
    c.local_set(r);
    resultStands(c, width, r);
    return;
  }
  const sum = scratch("f64");
  c.local_get(o.n).f32x4_extract_lane(0).f64_promote_f32();
  c.local_get(o.m).f32x4_extract_lane(0).f64_promote_f32().f64_mul();
  c.local_get(o.z).f32x4_extract_lane(0).f64_promote_f32().f64_add();
  c.local_tee(sum).f32_demote_f64().local_set(r);
  notMiddle(c, sum);
  resultStands(c, 32, r);
  c.i32_and();
}

/**
 * [] -> [i32] whether rounding a double a second time, to single precision, is harmless: it is not
 * half-way between two singles.
 */
export function notMiddle(c: StateCode, sum: number): void {
  c.local_get(sum).i64_reinterpret_f64().i32_wrap_i64().i32_const(Number(BELOW_SINGLE)).i32_and();
  c.i32_const(Number(MIDDLE)).i32_ne();
}

/** [] -> [v128] the two high singles of a local as doubles. */
function promoteHigh(c: StateCode, local: number): void {
  c.local_get(local).local_get(local);
  c.i8x16_shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  c.f64x2_promote_low_f32x4();
}

/** [] -> [i32] whether all lanes of the sums in local `r` may stand. */
export function fmaVector(
  c: StateCode,
  shape: Shape,
  o: FmaOperands,
  r: number,
  fused: boolean,
  scratch: Scratch,
): void {
  if (fused) {
    c.local_get(o.n).local_get(o.m).local_get(o.z);
    if (shape === "2d") c.f64x2_relaxed_madd();
    else c.f32x4_relaxed_madd();
    c.local_set(r);
    lanesStand(c, shape, r);
    return;
  }
  const low = scratch("v128");
  c.local_get(o.n).f64x2_promote_low_f32x4();
  c.local_get(o.m).f64x2_promote_low_f32x4().f64x2_mul();
  c.local_get(o.z).f64x2_promote_low_f32x4().f64x2_add();
  c.local_tee(low).f32x4_demote_f64x2_zero();
  let high: number | undefined;
  if (shape === "4s") {
    high = scratch("v128");
    promoteHigh(c, o.n);
    promoteHigh(c, o.m);
    c.f64x2_mul();
    promoteHigh(c, o.z);
    c.f64x2_add().local_tee(high).f32x4_demote_f64x2_zero();
    c.i8x16_shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
  }
  c.local_set(r);
  const sums = high === undefined ? [low] : [low, high];
  sums.forEach((sum, i) => {
    c.local_get(sum).v128_const(BELOW_SINGLE, BELOW_SINGLE).v128_and();
    c.v128_const(MIDDLE, MIDDLE).i64x2_ne();
    if (i === 1) c.v128_and();
  });
  c.i64x2_all_true();
  lanesStand(c, shape, r);
  c.i32_and();
}

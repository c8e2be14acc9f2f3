/**
 * The native part of fused multiply-add, for the rows and for the helpers: a result, and whether it
 * may stand. The rest is in `fp_helpers_fma.ts`.
 */
import type { Width } from "../fp/number_code.ts";
import { inexactKnown, lanesStand, resultStands, type Shape, type StateCode } from "./fp_emit.ts";
import type { Code } from "../../wasm/code.ts";
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
 * [] -> [i32] whether the sum in local `r` may stand. `o` are vectors of which lane 0 counts; `r` is
 * a scalar.
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
  if (width === 64) {
    const lane = (v: number): number => {
      const local = scratch("f64");
      c.local_get(v).f64x2_extract_lane(0).local_set(local);
      return local;
    };
    fmaDouble(c, "f64", { z: lane(o.z), n: lane(o.n), m: lane(o.m) }, r, scratch);
    inexactKnown(c);
    c.i32_and();
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

/** [] -> [f64 or v128] a double in all lanes. */
function constant(c: Code, lanes: "f64" | "f64x2", value: number): void {
  c.f64_const(value);
  if (lanes === "f64x2") c.f64x2_splat();
}

/** Splits a double into halves of 26 bits (Veltkamp). */
const SPLITTER = 2 ** 27 + 1;
/** Just more than 1. */
const BEYOND = 1 + 2 ** -52;
/** See `fmaDouble`. */
const SMALLEST = 2 ** -850;

/**
 * [] -> [i32 or v128] whether the sum of doubles in local `r` may stand, provided that `inexactKnown`;
 * a mask of the lanes if they are vectors. For hosts that do not fuse, by error-free transformations (Muller et al., "Handbook of Floating-Point
 * Arithmetic", 4.3 and 4.4):
 *
 *     p + e = n * m    (Dekker)
 *     s + t = z + p    (2Sum)
 *     v = t + e rounded, r = s + v rounded, d = what that lost (Fast2Sum: |s| >= |v| or s = 0)
 *
 * Only v is not exact. By monotonicity it lies on the same side of any double as t + e does, and what
 * s lacks to the middle between two neighbours of r is a double: unless v is just that, r is the
 * sum rounded once. If it is, d is half the way to the other neighbour, and r + d * BEYOND is not r.
 * The same test fails if anything was infinite or no number.
 *
 * If |n * m| is 2^-960 or more, e is exact: the last bits of n and m multiply to at least 2^-1066.
 * If it is less and |r| >= SMALLEST, z is r, and the product so small that its errors do not matter.
 */
export function fmaDouble(
  c: Code,
  lanes: "f64" | "f64x2",
  o: FmaOperands,
  r: number,
  scratch: Scratch,
): void {
  const local = (): number => scratch(lanes === "f64" ? "f64" : "v128");
  const [nh, nl, mh, ml, p, s, t, x] = Array.from({ length: 8 }, local);
  const [add, sub, mul] = [`${lanes}_add`, `${lanes}_sub`, `${lanes}_mul`] as const;
  for (const [value, high, low] of [[o.n, nh, nl], [o.m, mh, ml]]) {
    c.local_get(value);
    constant(c, lanes, SPLITTER);
    c[mul]().local_tee(high);
    c.local_get(high).local_get(value)[sub]()[sub]().local_set(high);
    c.local_get(value).local_get(high)[sub]().local_set(low);
  }
  c.local_get(o.n).local_get(o.m)[mul]().local_tee(p);
  c.local_get(o.z)[add]().local_set(s);
  // t: (p - (s - x)) + (z - x) with x = s - p.
  c.local_get(s).local_get(p)[sub]().local_set(x);
  c.local_get(p).local_get(s).local_get(x)[sub]()[sub]();
  c.local_get(o.z).local_get(x)[sub]()[add]();
  // e
  c.local_get(nh).local_get(mh)[mul]().local_get(p)[sub]();
  c.local_get(nh).local_get(ml)[mul]()[add]();
  c.local_get(nl).local_get(mh)[mul]()[add]();
  c.local_get(nl).local_get(ml)[mul]()[add]();
  c[add]().local_set(t);
  c.local_get(s).local_get(t)[add]().local_set(r);
  // d * BEYOND + r
  c.local_get(t).local_get(r).local_get(s)[sub]()[sub]();
  constant(c, lanes, BEYOND);
  c[mul]().local_get(r)[add]().local_get(r)[`${lanes}_eq`]();
  c.local_get(r)[`${lanes}_abs`]();
  constant(c, lanes, SMALLEST);
  c[`${lanes}_ge`]();
  if (lanes === "f64") c.i32_and();
  else c.v128_and();
}

/** [] -> [v128] the two low or high singles of a local as doubles. */
export function promote(c: Code, local: number, high: boolean): void {
  c.local_get(local);
  if (high) {
    c.local_get(local);
    c.i8x16_shuffle([8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]);
  }
  c.f64x2_promote_low_f32x4();
}

/** [v128 low, v128 high] -> [v128] the low halves of two vectors. */
export function joinHalves(c: Code): void {
  c.f64x2_extract_lane(0).f64x2_replace_lane(1);
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
  if (shape === "2d") {
    fmaDouble(c, "f64x2", o, r, scratch);
    c.i64x2_all_true();
    inexactKnown(c);
    c.i32_and();
    return;
  }
  const sums: number[] = [];
  for (const high of shape === "4s" ? [false, true] : [false]) {
    const sum = scratch("v128");
    sums.push(sum);
    promote(c, o.n, high);
    promote(c, o.m, high);
    c.f64x2_mul();
    promote(c, o.z, high);
    c.f64x2_add().local_tee(sum).f32x4_demote_f64x2_zero();
    if (high) joinHalves(c);
  }
  c.local_set(r);
  sums.forEach((sum, i) => {
    c.local_get(sum).v128_const(BELOW_SINGLE, BELOW_SINGLE).v128_and();
    c.v128_const(MIDDLE, MIDDLE).i64x2_eq();
    if (i === 1) c.v128_or();
  });
  c.v128_any_true().i32_eqz();
  lanesStand(c, shape, r);
  c.i32_and();
}

/** Helpers of SSE's conversions, estimates and dot products. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { ordinary, type Width } from "../fp/number_code.ts";
import { lanes, words } from "../simd/lanes.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { MXCSR, sseTrapField } from "./mxcsr.ts";
import { floatLanes, subnormalLanes } from "./sse_float_code.ts";
import { asVector, mxcsrIs, raiseInexactIf } from "./sse_helpers_arithmetic.ts";
import { sseCode, SseOp } from "./sse_softfloat.ts";

/** (x) -> x as a single. */
const narrow = wasmHelper("sse.narrow", ["f64"], "f32", (c) => {
  const r = c.local("f32");
  c.local_get(0).f32_demote_f64().local_set(r);
  // Zero and infinity are exact.
  c.local_get(0).f64_const(0).f64_eq().local_get(0).f64_abs().f64_const(Infinity).f64_eq();
  c.i32_or().if_().local_get(r).return_().end();
  mxcsrIs(c, MXCSR.RC | MXCSR.PM, MXCSR.PM);
  ordinary(c, 32, r);
  c.i32_and().if_();
  c.local_get(r).f64_promote_f32().local_get(0).f64_ne();
  raiseInexactIf(c);
  c.local_get(r).return_().end();
  c.i32_const(sseCode(SseOp.convert, "sd2ss"));
  c.v128_const(0n, 0n);
  asVector(c, 64, 0);
  c.callHelper("sse.slow");
  c.f32x4_extract_lane(0);
});

/** (x) -> two doubles as singles, zeros above. */
const narrowPair = wasmHelper("sse.narrow.pd", ["v128"], "v128", (c) => {
  mxcsrIs(c, MXCSR.masks, MXCSR.masks);
  c.if_().v128_const(0n, 0n);
  for (const lane of [0, 1]) {
    c.local_get(0).f64x2_extract_lane(lane);
    c.callHelper("sse.narrow");
    c.f32x4_replace_lane(lane);
  }
  c.return_().end();
  c.i32_const(sseCode(SseOp.convert, "pd2ps")).v128_const(0n, 0n).local_get(0);
  c.callHelper("sse.slow");
});

/** (i64) -> number, inexact or not. */
function fromInteger(width: Width): Helper {
  const f = `f${width}` as const;
  return wasmHelper(`sse.fromInteger.${width}`, ["i64"], f, (c) => {
    mxcsrIs(c, MXCSR.RC | MXCSR.PM, MXCSR.PM);
    c.if_().i32_const(1);
    raiseInexactIf(c);
    c.local_get(0)[`${f}_convert_i64_s`]().return_().end();
    c.i32_const(sseCode(SseOp.fromInteger, width === 64 ? "sd" : "sd2ss"));
    c.v128_const(0n, 0n).local_get(0).i64x2_splat();
    c.callHelper("sse.slow");
    c[`${floatLanes[width]}_extract_lane`](0);
  });
}

/** [] -> [] subnormal lanes of a local become zeros of their sign. */
function flush(c: HelperCode, x: number): void {
  c.local_get(x);
  words(c, 0x80000000 | 0);
  c.v128_and().local_get(x);
  subnormalLanes(c, 32, x);
  c.v128_bitselect().local_set(x);
}

/**
 * (x) -> estimates of 1 / x or 1 / sqrt(x) in four singles. The manual allows an error of 1.5 * 2^-12
 * (SDM volume 2, RCPPS); these are as exact as division is. Subnormal numbers count as zeros, nothing
 * is raised, MXCSR does not matter.
 */
function estimate(root: boolean): Helper {
  return wasmHelper(root ? "sse.rsqrt" : "sse.rcp", ["v128"], "v128", (c) => {
    const [x, r] = [c.local("v128"), c.local("v128")];
    c.local_get(0).local_set(x);
    flush(c, x);
    c.f32_const(1).f32x4_splat().local_get(x);
    if (root) c.f32x4_sqrt();
    c.f32x4_div().local_set(r);
    flush(c, r);
    // NaN operands are kept, made quiet; roots of negative numbers are the indefinite.
    c.local_get(0);
    words(c, 0x00400000);
    c.v128_or();
    if (root) {
      words(c, 0xffc00000 | 0);
      c.local_get(r);
      c.local_get(x).v128_const(0n, 0n).f32x4_lt().v128_bitselect();
    } else c.local_get(r);
    c.local_get(0).local_get(0).f32x4_ne().v128_bitselect();
  });
}

/** [] -> [] leaves the helper with any value if an exception traps. */
function stopIfTrapped(c: HelperCode): void {
  c.getState(sseTrapField);
  c.if_().v128_const(0n, 0n).return_().end();
}

/**
 * (a, b, immediate) -> dot product: of the lanes in bits 7:4 of the immediate, in the lanes in bits
 * 3:0. Each step rounds and raises exceptions.
 */
function dotProduct(width: Width): Helper {
  const name = width === 64 ? "pd" : "ps";
  const log2 = width === 64 ? 3 : 2;
  return wasmHelper(`sse.dot.${name}`, ["v128", "v128", "i32"], "v128", (c) => {
    const [mask, p] = [c.local("v128"), c.local("v128")];
    /** [] -> [v128] lanes whose bit of the immediate, from bit `from` on, is set. */
    const selected = (from: number): void => {
      c.local_get(2);
      if (width === 64) {
        const bits = [1n << BigInt(from), 2n << BigInt(from)];
        c.i64_extend_i32_u().i64x2_splat().v128_const(bits[0], bits[1]).v128_and();
        c.v128_const(0n, 0n).i64x2_ne();
      } else {
        c.i32x4_splat().v128_const32(1 << from, 2 << from, 4 << from, 8 << from).v128_and();
        c.v128_const(0n, 0n).i32x4_ne();
      }
    };
    /** Sums of each two neighbours of 1 or 2 lanes, in all lanes of both. */
    const add = (neighbour: number): void => {
      c.local_get(p).local_get(p).i8x16_shuffle(lanes(log2, (i) => i & ~neighbour));
      c.local_get(p).local_get(p).i8x16_shuffle(lanes(log2, (i) => i | neighbour));
      c.callHelper(`sse.add.${name}`);
      c.local_set(p);
      stopIfTrapped(c);
    };
    selected(4);
    c.local_set(mask);
    c.local_get(0).local_get(mask).v128_and().local_get(1).local_get(mask).v128_and();
    c.callHelper(`sse.mul.${name}`);
    c.local_set(p);
    stopIfTrapped(c);
    add(1);
    if (width === 32) add(2);
    c.local_get(p);
    selected(0);
    c.v128_and();
  });
}

/** The helpers of this file. */
export const sseConversionHelpers: readonly Helper[] = [
  narrow,
  narrowPair,
  fromInteger(32),
  fromInteger(64),
  estimate(false),
  estimate(true),
  dotProduct(32),
  dotProduct(64),
];

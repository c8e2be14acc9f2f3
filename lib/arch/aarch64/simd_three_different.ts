/** Advanced SIMD three registers of different types (Arm ARM, C4.1.96): long, wide and narrow forms. */
import type { Builder } from "../../engine/builder.ts";
import { type Row, row, type Semantics } from "../../engine/row.ts";
import { saturatingAdd, saturatingSub } from "./simd_arithmetic.ts";
import {
  ADD,
  EQ,
  EXTEND_HIGH_S,
  EXTEND_HIGH_U,
  EXTEND_LOW_S,
  EXTEND_LOW_U,
  EXTMUL_HIGH_S,
  EXTMUL_HIGH_U,
  EXTMUL_LOW_S,
  EXTMUL_LOW_U,
  least,
  oddLanes,
  saturatedIfAny,
  setNarrow,
  SUB,
  vector,
} from "./simd_lanes.ts";
import { absoluteDifference } from "./simd_three_same.ts";

/** `Q` chooses the high halves of the narrow operands ("2" forms). */
type Different = Semantics<"Q" | "size" | "Vm" | "Vn" | "Vd">;
type Adds = typeof ADD | typeof SUB;

/** [v128] -> [v128] the low or high half, each element extended to twice the size. */
export function extend(b: Builder, size: number, isSigned: boolean, Q: number): void {
  if (Q) b[isSigned ? EXTEND_HIGH_S[size] : EXTEND_HIGH_U[size]]();
  else b[isSigned ? EXTEND_LOW_S[size] : EXTEND_LOW_U[size]]();
}

/** [v128, v128] -> [v128] products, twice the size, of the elements of the low or high halves. */
export function multiplyLong(b: Builder, size: number, isSigned: boolean, Q: number): void {
  if (Q) b[isSigned ? EXTMUL_HIGH_S[size] : EXTMUL_HIGH_U[size]]();
  else b[isSigned ? EXTMUL_LOW_S[size] : EXTMUL_LOW_U[size]]();
}

const long = (isSigned: boolean, op: Adds): Different => (b, f) => {
  b.getV(f.Vn);
  extend(b, f.size, isSigned, f.Q);
  b.getV(f.Vm);
  extend(b, f.size, isSigned, f.Q);
  b[op[f.size + 1]]();
  b.setV(f.Vd);
};

const wide = (isSigned: boolean, op: Adds): Different => (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  extend(b, f.size, isSigned, f.Q);
  b[op[f.size + 1]]();
  b.setV(f.Vd);
};

/** The high halves of sums or differences. */
const highNarrow = (op: Adds, rounding: boolean): Different => (b, f) => {
  const value = b.temp("v128");
  b.getV(f.Vn);
  b.getV(f.Vm);
  b[op[f.size + 1]]();
  if (rounding) {
    const half = 1 << ((8 << f.size) - 1);
    if (f.size === 0) {
      b.v128_const32(half * 0x10001, half * 0x10001, half * 0x10001, half * 0x10001);
    } else if (f.size === 1) b.v128_const32(half, half, half, half);
    else b.v128_const32(half, 0, half, 0);
    b[ADD[f.size + 1]]();
  }
  b.local_tee(value).local_get(value);
  oddLanes(b, f.size);
  setNarrow(b, f.Vd, f.Q);
};

const differenceLong = (isSigned: boolean, accumulate: boolean): Different => (b, f) => {
  const x = vector(b, f.Vn);
  const y = vector(b, f.Vm);
  if (accumulate) b.getV(f.Vd);
  absoluteDifference(isSigned)(b, f.size, x, y);
  // The difference is an unsigned number.
  extend(b, f.size, false, f.Q);
  if (accumulate) b[ADD[f.size + 1]]();
  b.setV(f.Vd);
};

const productLong = (isSigned: boolean): Different => (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  multiplyLong(b, f.size, isSigned, f.Q);
  b.setV(f.Vd);
};

const accumulateLong = (isSigned: boolean, op: Adds): Different => (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  b.getV(f.Vm);
  multiplyLong(b, f.size, isSigned, f.Q);
  b[op[f.size + 1]]();
  b.setV(f.Vd);
};

/** [v128 product] -> [v128] SignedSatQ(2 * product) in elements of `size`. Sets QC. */
export function doubleSaturating(b: Builder, size: number): void {
  const product = b.temp("v128");
  const overflow = b.temp("v128");
  b.local_tee(product).local_get(product)[ADD[size]]().local_tee(product);
  // Only least * least overflows, and nothing else gives this sum.
  b.local_get(product);
  least(b, size);
  b[EQ[size]]().local_tee(overflow);
  saturatedIfAny(b);
  b.local_get(overflow).v128_xor();
}

/** [v128 product] -> [v128] SatQ(d + SatQ(2 * product)) or with a minus, elements of `size`. Sets QC. */
export function accumulateDoubled(b: Builder, size: number, subtract: boolean, d: number): void {
  const doubled = b.temp("v128");
  doubleSaturating(b, size);
  b.local_set(doubled);
  if (subtract) saturatingSub(b, size, true, d, doubled);
  else saturatingAdd(b, size, true, d, doubled);
}

const doublingLong: Different = (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  multiplyLong(b, f.size, true, f.Q);
  doubleSaturating(b, f.size + 1);
  b.setV(f.Vd);
};

const doublingAccumulate = (subtract: boolean): Different => (b, f) => {
  const d = vector(b, f.Vd);
  b.getV(f.Vn);
  b.getV(f.Vm);
  multiplyLong(b, f.size, true, f.Q);
  accumulateDoubled(b, f.size + 1, subtract, d);
  b.setV(f.Vd);
};

const polynomialLong8: Semantics<"Q" | "Vm" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  extend(b, 0, false, f.Q);
  b.getV(f.Vm);
  extend(b, 0, false, f.Q);
  b.callHelper("pmull8");
  b.setV(f.Vd);
};

const polynomialLong64: Semantics<"Q" | "Vm" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  b.i64x2_extract_lane(f.Q);
  b.getV(f.Vm);
  b.i64x2_extract_lane(f.Q);
  b.callHelper("pmull64");
  b.setV(f.Vd);
};

const to32 = { when: (f: { readonly size: number }): boolean => f.size !== 3 } as const;
const from16to32 = {
  when: (f: { readonly size: number }): boolean => f.size === 1 || f.size === 2,
} as const;

const simd = "FEAT_AdvSIMD";

/** Integer operations on registers of different element sizes. */
export const simdThreeDifferentRows: readonly Row[] = [
  row("0 Q 0 01110 size:2 1 Vm:5 0000 00 Vn:5 Vd:5", "SADDL, SADDL2", simd, long(true, ADD), to32),
  row("0 Q 1 01110 size:2 1 Vm:5 0000 00 Vn:5 Vd:5", "UADDL, UADDL2", simd, long(false, ADD), to32),
  row("0 Q 0 01110 size:2 1 Vm:5 0001 00 Vn:5 Vd:5", "SADDW, SADDW2", simd, wide(true, ADD), to32),
  row("0 Q 1 01110 size:2 1 Vm:5 0001 00 Vn:5 Vd:5", "UADDW, UADDW2", simd, wide(false, ADD), to32),
  row("0 Q 0 01110 size:2 1 Vm:5 0010 00 Vn:5 Vd:5", "SSUBL, SSUBL2", simd, long(true, SUB), to32),
  row("0 Q 1 01110 size:2 1 Vm:5 0010 00 Vn:5 Vd:5", "USUBL, USUBL2", simd, long(false, SUB), to32),
  row("0 Q 0 01110 size:2 1 Vm:5 0011 00 Vn:5 Vd:5", "SSUBW, SSUBW2", simd, wide(true, SUB), to32),
  row("0 Q 1 01110 size:2 1 Vm:5 0011 00 Vn:5 Vd:5", "USUBW, USUBW2", simd, wide(false, SUB), to32),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 0100 00 Vn:5 Vd:5",
    "ADDHN, ADDHN2",
    simd,
    highNarrow(ADD, false),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 0100 00 Vn:5 Vd:5",
    "RADDHN, RADDHN2",
    simd,
    highNarrow(ADD, true),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 0110 00 Vn:5 Vd:5",
    "SUBHN, SUBHN2",
    simd,
    highNarrow(SUB, false),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 0110 00 Vn:5 Vd:5",
    "RSUBHN, RSUBHN2",
    simd,
    highNarrow(SUB, true),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 0101 00 Vn:5 Vd:5",
    "SABAL, SABAL2",
    simd,
    differenceLong(true, true),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 0101 00 Vn:5 Vd:5",
    "UABAL, UABAL2",
    simd,
    differenceLong(false, true),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 0111 00 Vn:5 Vd:5",
    "SABDL, SABDL2",
    simd,
    differenceLong(true, false),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 0111 00 Vn:5 Vd:5",
    "UABDL, UABDL2",
    simd,
    differenceLong(false, false),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 1000 00 Vn:5 Vd:5",
    "SMLAL, SMLAL2 (vector)",
    simd,
    accumulateLong(true, ADD),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 1000 00 Vn:5 Vd:5",
    "UMLAL, UMLAL2 (vector)",
    simd,
    accumulateLong(false, ADD),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 1010 00 Vn:5 Vd:5",
    "SMLSL, SMLSL2 (vector)",
    simd,
    accumulateLong(true, SUB),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 1010 00 Vn:5 Vd:5",
    "UMLSL, UMLSL2 (vector)",
    simd,
    accumulateLong(false, SUB),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 1100 00 Vn:5 Vd:5",
    "SMULL, SMULL2 (vector)",
    simd,
    productLong(true),
    to32,
  ),
  row(
    "0 Q 1 01110 size:2 1 Vm:5 1100 00 Vn:5 Vd:5",
    "UMULL, UMULL2 (vector)",
    simd,
    productLong(false),
    to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 1001 00 Vn:5 Vd:5",
    "SQDMLAL, SQDMLAL2 (vector)",
    simd,
    doublingAccumulate(false),
    from16to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 1011 00 Vn:5 Vd:5",
    "SQDMLSL, SQDMLSL2 (vector)",
    simd,
    doublingAccumulate(true),
    from16to32,
  ),
  row(
    "0 Q 0 01110 size:2 1 Vm:5 1101 00 Vn:5 Vd:5",
    "SQDMULL, SQDMULL2 (vector)",
    simd,
    doublingLong,
    from16to32,
  ),
  row("0 Q 0 01110 00 1 Vm:5 1110 00 Vn:5 Vd:5", "PMULL, PMULL2", simd, polynomialLong8),
  row(
    "0 Q 0 01110 11 1 Vm:5 1110 00 Vn:5 Vd:5",
    "PMULL, PMULL2 (64-bit)",
    "FEAT_PMULL",
    polynomialLong64,
  ),
];

/** Advanced SIMD three registers of different types (Arm ARM, C4.1.96): long, wide and narrow forms. */
import type { Builder } from "../../engine/builder.ts";
import { type Row, row, type RowOptions, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
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
  SUB,
} from "../simd/lanes.ts";
import { saturatedIfAny, setNarrow, vector } from "./simd_lanes.ts";
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
  b.callHelper("polynomial64");
  b.setV(f.Vd);
};

const to32 = { when: (f: { readonly size: number }): boolean => f.size !== 3 } as const;
const from16to32 = {
  when: (f: { readonly size: number }): boolean => f.size === 1 || f.size === 2,
} as const;

const simd = "FEAT_AdvSIMD";

type Pattern = "0 Q 0 01110 size:2 1 Vm:5 0000 00 Vn:5 Vd:5";

/** A row of the group: bit U and the opcode in bits 15:12. */
const different = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Different,
  options: RowOptions<Pattern, never>,
): Row => {
  const pattern = `0 Q ${U} 01110 size:2 1 Vm:5 ${opcode} 00 Vn:5 Vd:5` as Pattern;
  return row(pattern, name, simd, semantics, options);
};

/** Integer operations on registers of different element sizes. */
export const simdThreeDifferentRows: readonly Row[] = [
  ...withAsm("{Vd:wide}, {Vn}, {Vm}", [
    different(0, "0000", "SADDL, SADDL2", long(true, ADD), to32),
    different(1, "0000", "UADDL, UADDL2", long(false, ADD), to32),
  ]),
  ...withAsm("{Vd:wide}, {Vn:wide}, {Vm}", [
    different(0, "0001", "SADDW, SADDW2", wide(true, ADD), to32),
    different(1, "0001", "UADDW, UADDW2", wide(false, ADD), to32),
  ]),
  ...withAsm("{Vd:wide}, {Vn}, {Vm}", [
    different(0, "0010", "SSUBL, SSUBL2", long(true, SUB), to32),
    different(1, "0010", "USUBL, USUBL2", long(false, SUB), to32),
  ]),
  ...withAsm("{Vd:wide}, {Vn:wide}, {Vm}", [
    different(0, "0011", "SSUBW, SSUBW2", wide(true, SUB), to32),
    different(1, "0011", "USUBW, USUBW2", wide(false, SUB), to32),
  ]),
  ...withAsm("{Vd}, {Vn:wide}, {Vm:wide}", [
    different(0, "0100", "ADDHN, ADDHN2", highNarrow(ADD, false), to32),
    different(1, "0100", "RADDHN, RADDHN2", highNarrow(ADD, true), to32),
    different(0, "0110", "SUBHN, SUBHN2", highNarrow(SUB, false), to32),
    different(1, "0110", "RSUBHN, RSUBHN2", highNarrow(SUB, true), to32),
  ]),
  ...withAsm("{Vd:wide}, {Vn}, {Vm}", [
    different(0, "0101", "SABAL, SABAL2", differenceLong(true, true), to32),
    different(1, "0101", "UABAL, UABAL2", differenceLong(false, true), to32),
    different(0, "0111", "SABDL, SABDL2", differenceLong(true, false), to32),
    different(1, "0111", "UABDL, UABDL2", differenceLong(false, false), to32),
    different(0, "1000", "SMLAL, SMLAL2 (vector)", accumulateLong(true, ADD), to32),
    different(1, "1000", "UMLAL, UMLAL2 (vector)", accumulateLong(false, ADD), to32),
    different(0, "1010", "SMLSL, SMLSL2 (vector)", accumulateLong(true, SUB), to32),
    different(1, "1010", "UMLSL, UMLSL2 (vector)", accumulateLong(false, SUB), to32),
    different(0, "1100", "SMULL, SMULL2 (vector)", productLong(true), to32),
    different(1, "1100", "UMULL, UMULL2 (vector)", productLong(false), to32),
    different(0, "1001", "SQDMLAL, SQDMLAL2 (vector)", doublingAccumulate(false), from16to32),
    different(0, "1011", "SQDMLSL, SQDMLSL2 (vector)", doublingAccumulate(true), from16to32),
    different(0, "1101", "SQDMULL, SQDMULL2 (vector)", doublingLong, from16to32),
    row("0 Q 0 01110 00 1 Vm:5 1110 00 Vn:5 Vd:5", "PMULL, PMULL2", simd, polynomialLong8),
  ]),
  row(
    "0 Q 0 01110 11 1 Vm:5 1110 00 Vn:5 Vd:5",
    "PMULL, PMULL2 (64-bit)",
    "FEAT_PMULL",
    polynomialLong64,
    { asm: "pmull{upper} v{Vd:number}.1q, {Vn:doubles}, {Vm:doubles}" },
  ),
];

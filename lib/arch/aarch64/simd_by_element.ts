/**
 * Advanced SIMD vector x indexed element, integer, vector and scalar (Arm ARM, C4.1.96). The element
 * is repeated in a vector first; the rest is what the three-register forms do.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row, type Semantics } from "../../engine/row.ts";
import {
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  multiply,
} from "./simd_arithmetic.ts";
import { broadcast } from "./simd_copy.ts";
import { ADD, SCALAR, setQ, SUB, vectorQ } from "./simd_lanes.ts";
import { accumulateDoubled, doubleSaturating, multiplyLong } from "./simd_three_different.ts";

type Element = Semantics<"Q" | "size" | "index" | "Vm" | "Vn" | "Vd">;
type Adds = typeof ADD | typeof SUB;
interface ElementFields {
  readonly Q: number;
  readonly size: number;
  readonly index: number;
  readonly Vm: Operand;
}

/** [] -> [v128] the element of Vm in every lane. */
function getElement(b: Builder, f: ElementFields): void {
  b.getV(f.Vm);
  broadcast(b, f.size, f.index);
}

const multiplyBy: Element = (b, f) => {
  b.getV(f.Vn);
  getElement(b, f);
  multiply(b, f.size);
  setQ(b, f.Vd, f.Q);
};

const accumulate = (op: Adds): Element => (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  getElement(b, f);
  multiply(b, f.size);
  b[op[f.size]]();
  setQ(b, f.Vd, f.Q);
};

const long = (isSigned: boolean): Element => (b, f) => {
  b.getV(f.Vn);
  getElement(b, f);
  multiplyLong(b, f.size, isSigned, f.Q);
  b.setV(f.Vd);
};

const accumulateLong = (isSigned: boolean, op: Adds): Element => (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  getElement(b, f);
  multiplyLong(b, f.size, isSigned, f.Q);
  b[op[f.size + 1]]();
  b.setV(f.Vd);
};

/** [] -> [v128] signed products of twice the size; of scalars the low one alone. */
function getProducts(b: Builder, f: ElementFields & { readonly Vn: Operand }): void {
  // A scalar's unused elements are zero, and so are their products.
  const x = vectorQ(b, f.Vn, f.Q === SCALAR ? SCALAR : 1, f.size);
  b.local_get(x);
  getElement(b, f);
  multiplyLong(b, f.size, true, f.Q === 1 ? 1 : 0);
}

const doublingLong: Element = (b, f) => {
  getProducts(b, f);
  doubleSaturating(b, f.size + 1);
  b.setV(f.Vd);
};

const doublingAccumulate = (subtract: boolean): Element => (b, f) => {
  const d = vectorQ(b, f.Vd, f.Q === SCALAR ? SCALAR : 1, f.size + 1);
  getProducts(b, f);
  accumulateDoubled(b, f.size + 1, subtract, d);
  b.setV(f.Vd);
};

const doublingHigh = (rounding: boolean): Element => (b, f) => {
  const x = vectorQ(b, f.Vn, f.Q, f.size);
  const y = b.temp("v128");
  getElement(b, f);
  b.local_set(y);
  doublingMultiplyHigh(b, f.size, rounding, x, y);
  b.setV(f.Vd);
};

const doublingAccumulateHigh = (subtract: boolean): Element => (b, f) => {
  const d = vectorQ(b, f.Vd, f.Q, f.size);
  const x = vectorQ(b, f.Vn, f.Q, f.size);
  const y = b.temp("v128");
  getElement(b, f);
  b.local_set(y);
  doublingMultiplyAccumulateHigh(b, f.size, subtract, d, x, y);
  b.setV(f.Vd);
};

interface IndexFields {
  readonly size: number;
  readonly rawL: number;
  readonly rawM: number;
  readonly rawRm: number;
  readonly rawH: number;
}

/** Halfwords: index H:L:M of V0..V15; words: index H:L of V0..V31. */
const vectors = {
  when: (f: IndexFields): boolean => f.size === 1 || f.size === 2,
  derive: {
    index: (f: IndexFields): number =>
      f.size === 1 ? f.rawH << 2 | f.rawL << 1 | f.rawM : f.rawH << 1 | f.rawL,
    Vm: (f: IndexFields): number => f.size === 1 ? f.rawRm : f.rawM << 4 | f.rawRm,
  },
} as const;
const scalars = {
  when: vectors.when,
  derive: { ...vectors.derive, Q: (): number => SCALAR },
} as const;

const simd = "FEAT_AdvSIMD";
const rdm = "FEAT_RDM";

/** Vector by element. */
export const simdByElementRows: readonly Row[] = [
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 1000 rawH 0 Vn:5 Vd:5",
    "MUL (by element)",
    simd,
    multiplyBy,
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 0000 rawH 0 Vn:5 Vd:5",
    "MLA (by element)",
    simd,
    accumulate(ADD),
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 0100 rawH 0 Vn:5 Vd:5",
    "MLS (by element)",
    simd,
    accumulate(SUB),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 1010 rawH 0 Vn:5 Vd:5",
    "SMULL, SMULL2 (by element)",
    simd,
    long(true),
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 1010 rawH 0 Vn:5 Vd:5",
    "UMULL, UMULL2 (by element)",
    simd,
    long(false),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 0010 rawH 0 Vn:5 Vd:5",
    "SMLAL, SMLAL2 (by element)",
    simd,
    accumulateLong(true, ADD),
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 0010 rawH 0 Vn:5 Vd:5",
    "UMLAL, UMLAL2 (by element)",
    simd,
    accumulateLong(false, ADD),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 0110 rawH 0 Vn:5 Vd:5",
    "SMLSL, SMLSL2 (by element)",
    simd,
    accumulateLong(true, SUB),
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 0110 rawH 0 Vn:5 Vd:5",
    "UMLSL, UMLSL2 (by element)",
    simd,
    accumulateLong(false, SUB),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 1011 rawH 0 Vn:5 Vd:5",
    "SQDMULL, SQDMULL2 (by element)",
    simd,
    doublingLong,
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 0011 rawH 0 Vn:5 Vd:5",
    "SQDMLAL, SQDMLAL2 (by element)",
    simd,
    doublingAccumulate(false),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 0111 rawH 0 Vn:5 Vd:5",
    "SQDMLSL, SQDMLSL2 (by element)",
    simd,
    doublingAccumulate(true),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 1100 rawH 0 Vn:5 Vd:5",
    "SQDMULH (by element)",
    simd,
    doublingHigh(false),
    vectors,
  ),
  row(
    "0 Q 0 01111 size:2 rawL rawM rawRm:4 1101 rawH 0 Vn:5 Vd:5",
    "SQRDMULH (by element)",
    simd,
    doublingHigh(true),
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 1101 rawH 0 Vn:5 Vd:5",
    "SQRDMLAH (by element)",
    rdm,
    doublingAccumulateHigh(false),
    vectors,
  ),
  row(
    "0 Q 1 01111 size:2 rawL rawM rawRm:4 1111 rawH 0 Vn:5 Vd:5",
    "SQRDMLSH (by element)",
    rdm,
    doublingAccumulateHigh(true),
    vectors,
  ),
];

/** Scalar by element. */
export const simdScalarByElementRows: readonly Row[] = [
  row(
    "01 0 11111 size:2 rawL rawM rawRm:4 1011 rawH 0 Vn:5 Vd:5",
    "SQDMULL (scalar, by element)",
    simd,
    doublingLong,
    scalars,
  ),
  row(
    "01 0 11111 size:2 rawL rawM rawRm:4 0011 rawH 0 Vn:5 Vd:5",
    "SQDMLAL (scalar, by element)",
    simd,
    doublingAccumulate(false),
    scalars,
  ),
  row(
    "01 0 11111 size:2 rawL rawM rawRm:4 0111 rawH 0 Vn:5 Vd:5",
    "SQDMLSL (scalar, by element)",
    simd,
    doublingAccumulate(true),
    scalars,
  ),
  row(
    "01 0 11111 size:2 rawL rawM rawRm:4 1100 rawH 0 Vn:5 Vd:5",
    "SQDMULH (scalar, by element)",
    simd,
    doublingHigh(false),
    scalars,
  ),
  row(
    "01 0 11111 size:2 rawL rawM rawRm:4 1101 rawH 0 Vn:5 Vd:5",
    "SQRDMULH (scalar, by element)",
    simd,
    doublingHigh(true),
    scalars,
  ),
  row(
    "01 1 11111 size:2 rawL rawM rawRm:4 1101 rawH 0 Vn:5 Vd:5",
    "SQRDMLAH (scalar, by element)",
    rdm,
    doublingAccumulateHigh(false),
    scalars,
  ),
  row(
    "01 1 11111 size:2 rawL rawM rawRm:4 1111 rawH 0 Vn:5 Vd:5",
    "SQRDMLSH (scalar, by element)",
    rdm,
    doublingAccumulateHigh(true),
    scalars,
  ),
];

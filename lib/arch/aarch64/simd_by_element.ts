/**
 * Advanced SIMD vector x indexed element, integer, vector and scalar (Arm ARM, C4.1.96). The element
 * is repeated in a vector first; the rest is what the three-register forms do.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  multiply,
} from "./simd_arithmetic.ts";
import { broadcast } from "./simd_copy.ts";
import { ADD, SUB } from "../simd/lanes.ts";
import { SCALAR, setQ, vectorQ } from "./simd_lanes.ts";
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

type Pattern = "0 Q 0 01111 size:2 rawL rawM rawRm:4 0000 rawH 0 Vn:5 Vd:5";
type ScalarPattern = "01 0 11111 size:2 rawL rawM rawRm:4 0000 rawH 0 Vn:5 Vd:5";

/** A row of the group: bit U and the opcode in bits 15:12. */
const byElement = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Element,
  feature: string = simd,
): Row => {
  const pattern = `0 Q ${U} 01111 size:2 rawL rawM rawRm:4 ${opcode} rawH 0 Vn:5 Vd:5` as Pattern;
  return row(pattern, name, feature, semantics, vectors);
};

/** The same for scalars. */
const scalarByElement = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Element,
  feature: string = simd,
): Row => {
  const pattern =
    `01 ${U} 11111 size:2 rawL rawM rawRm:4 ${opcode} rawH 0 Vn:5 Vd:5` as ScalarPattern;
  return row(pattern, name, feature, semantics, scalars);
};

/** Vector by element. */
export const simdByElementRows: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}, {Vm:element}", [
    byElement(0, "1000", "MUL (by element)", multiplyBy),
    byElement(1, "0000", "MLA (by element)", accumulate(ADD)),
    byElement(1, "0100", "MLS (by element)", accumulate(SUB)),
  ]),
  ...withAsm("{Vd:wide}, {Vn}, {Vm:element}", [
    byElement(0, "1010", "SMULL, SMULL2 (by element)", long(true)),
    byElement(1, "1010", "UMULL, UMULL2 (by element)", long(false)),
    byElement(0, "0010", "SMLAL, SMLAL2 (by element)", accumulateLong(true, ADD)),
    byElement(1, "0010", "UMLAL, UMLAL2 (by element)", accumulateLong(false, ADD)),
    byElement(0, "0110", "SMLSL, SMLSL2 (by element)", accumulateLong(true, SUB)),
    byElement(1, "0110", "UMLSL, UMLSL2 (by element)", accumulateLong(false, SUB)),
    byElement(0, "1011", "SQDMULL, SQDMULL2 (by element)", doublingLong),
    byElement(0, "0011", "SQDMLAL, SQDMLAL2 (by element)", doublingAccumulate(false)),
    byElement(0, "0111", "SQDMLSL, SQDMLSL2 (by element)", doublingAccumulate(true)),
  ]),
  ...withAsm("{Vd}, {Vn}, {Vm:element}", [
    byElement(0, "1100", "SQDMULH (by element)", doublingHigh(false)),
    byElement(0, "1101", "SQRDMULH (by element)", doublingHigh(true)),
    byElement(1, "1101", "SQRDMLAH (by element)", doublingAccumulateHigh(false), rdm),
    byElement(1, "1111", "SQRDMLSH (by element)", doublingAccumulateHigh(true), rdm),
  ]),
];

/** Scalar by element. */
export const simdScalarByElementRows: readonly Row[] = [
  ...withAsm("{Vd:wide}, {Vn}, {Vm:element}", [
    scalarByElement(0, "1011", "SQDMULL (scalar, by element)", doublingLong),
    scalarByElement(0, "0011", "SQDMLAL (scalar, by element)", doublingAccumulate(false)),
    scalarByElement(0, "0111", "SQDMLSL (scalar, by element)", doublingAccumulate(true)),
  ]),
  ...withAsm("{Vd}, {Vn}, {Vm:element}", [
    scalarByElement(0, "1100", "SQDMULH (scalar, by element)", doublingHigh(false)),
    scalarByElement(0, "1101", "SQRDMULH (scalar, by element)", doublingHigh(true)),
    scalarByElement(1, "1101", "SQRDMLAH (scalar, by element)", doublingAccumulateHigh(false), rdm),
    scalarByElement(1, "1111", "SQRDMLSH (scalar, by element)", doublingAccumulateHigh(true), rdm),
  ]),
];

/** Advanced SIMD two-register miscellaneous, integer (Arm ARM, C4.1.96). */
import type { Builder } from "../../engine/builder.ts";
import { type Row, row, type RowOptions, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  narrowSigned,
  narrowSignedToUnsigned,
  narrowUnsigned,
  saturateLeast,
  saturatingAddSigned,
  saturatingAddUnsigned,
} from "./simd_arithmetic.ts";
import {
  ABS,
  ADD,
  EQ,
  evenLanes,
  EXTEND_HIGH_U,
  EXTEND_LOW_U,
  GE_S,
  GT_S,
  lanes,
  LE_S,
  LT_S,
  NEG,
  ones,
  SHL,
  SHR_S,
  SHR_U,
  SUB,
  words,
  zero,
} from "../simd/lanes.ts";
import { getQ, setNarrow, setQ, vector, vectorQ } from "./simd_lanes.ts";

/** Semantics of vector rows, and of scalar ones that derive `Q`. */
export type Two = Semantics<"Q" | "size" | "Vn" | "Vd">;
/** [v128] -> [v128] on elements of a size. */
type UnaryOp = (b: Builder, size: number) => void;

/** Vd = op(Vn) */
export const unary = (op: UnaryOp): Two => (b, f) => {
  b.getV(f.Vn);
  op(b, f.size);
  setQ(b, f.Vd, f.Q, f.size);
};

/** For what sets QC: bits outside the vector are cleared first and stay zero. */
export const saturatingUnary = (op: UnaryOp): Two => (b, f) => {
  getQ(b, f.Vn, f.Q, f.size);
  op(b, f.size);
  b.setV(f.Vd);
};

/** Selectors that reverse the elements of a size within containers of 2^log2 bytes. */
const reversal = (log2: number): readonly (readonly number[])[] =>
  [0, 1, 2].map((size) => lanes(size, (i) => i ^ (1 << Math.max(log2 - size, 0)) - 1));
const REVERSE = [0, 1, 2, 3].map(reversal);

const reverse = (log2: number): UnaryOp => (b, size) => {
  const x = b.temp("v128");
  b.local_tee(x).local_get(x).i8x16_shuffle(REVERSE[log2][size]);
};

/** Comparisons with zero: all ones or zero. */
export const compareZero: { readonly [name: string]: UnaryOp } = {
  gt: (b, size) => (zero(b), b[GT_S[size]]()),
  ge: (b, size) => (zero(b), b[GE_S[size]]()),
  eq: (b, size) => (zero(b), b[EQ[size]]()),
  le: (b, size) => (zero(b), b[LE_S[size]]()),
  lt: (b, size) => (zero(b), b[LT_S[size]]()),
};

/** SQABS and SQNEG; they set QC. */
export const saturatingUnaryOps: { readonly [name: string]: UnaryOp } = {
  sqabs: (b, size) => {
    b[ABS[size]]();
    saturateLeast(b, size);
  },
  sqneg: (b, size) => {
    b[NEG[size]]();
    saturateLeast(b, size);
  },
};

/** Leading zeros of each element: of nibbles by table, then joined to larger and larger elements. */
const leadingZeros: UnaryOp = (b, size) => {
  const x = b.temp("v128");
  b.local_set(x);
  // 8 for a zero high nibble, so that the low one decides.
  b.v128_const32(0x02020308, 0x01010101, 0, 0);
  b.local_get(x).i32_const(4).i8x16_shr_u().i8x16_swizzle();
  b.v128_const32(0x06060708, 0x05050505, 0x04040404, 0x04040404);
  b.local_get(x);
  words(b, 0x0f0f0f0f);
  b.v128_and().i8x16_swizzle().i8x16_min_u();
  for (let half = 0; half < size; half++) {
    // All of the high half is zero: the low half counts as well.
    const bits = 8 << half;
    const counts = b.temp("v128");
    const high = b.temp("v128");
    b.local_tee(counts).i32_const(bits)[SHR_U[half + 1]]().local_tee(high);
    b.local_get(counts);
    words(b, half === 0 ? 0x00ff00ff : 0x0000ffff);
    b.v128_and().local_get(high);
    words(b, half === 0 ? bits * 0x10001 : bits);
    b[EQ[half + 1]]().v128_and()[ADD[half + 1]]();
  }
};

const leadingSigns: UnaryOp = (b, size) => {
  const x = b.temp("v128");
  b.local_tee(x).local_get(x).i32_const(1)[SHR_S[size]]().v128_xor();
  leadingZeros(b, size);
  ones(b, size);
  b[SUB[size]]();
};

const reverseBits: UnaryOp = (b) => {
  const x = b.temp("v128");
  b.local_set(x);
  b.v128_const32(0xc0408000, 0xe060a020, 0xd0509010, 0xf070b030);
  b.local_get(x);
  words(b, 0x0f0f0f0f);
  b.v128_and().i8x16_swizzle();
  b.v128_const32(0x0c040800, 0x0e060a02, 0x0d050901, 0x0f070b03);
  b.local_get(x).i32_const(4).i8x16_shr_u().i8x16_swizzle().v128_or();
};

/** [v128] -> [v128] sums of adjacent pairs, twice the element size. */
export function addPairsLong(b: Builder, size: number, isSigned: boolean): void {
  if (size === 0) {
    if (isSigned) b.i16x8_extadd_pairwise_i8x16_s();
    else b.i16x8_extadd_pairwise_i8x16_u();
  } else if (size === 1) {
    if (isSigned) b.i32x4_extadd_pairwise_i16x8_s();
    else b.i32x4_extadd_pairwise_i16x8_u();
  } else {
    const x = b.temp("v128");
    const shift = isSigned ? SHR_S[3] : SHR_U[3];
    b.local_tee(x).i32_const(32)[shift]();
    b.local_get(x).i32_const(32).i64x2_shl().i32_const(32)[shift]().i64x2_add();
  }
}

const pairsLong = (isSigned: boolean, accumulate: boolean): Two => (b, f) => {
  if (accumulate) b.getV(f.Vd);
  b.getV(f.Vn);
  addPairsLong(b, f.size, isSigned);
  if (accumulate) b[ADD[f.size + 1]]();
  setQ(b, f.Vd, f.Q);
};

/** Vd = op(Vd, Vn), for what sets QC. */
export const accumulateMixed = (
  op: (b: Builder, size: number, x: number, y: number) => void,
): Two =>
(b, f) => {
  op(b, f.size, vectorQ(b, f.Vd, f.Q, f.size), vectorQ(b, f.Vn, f.Q, f.size));
  b.setV(f.Vd);
};

const narrow: Two = (b, f) => {
  const x = vector(b, f.Vn);
  b.local_get(x).local_get(x);
  evenLanes(b, f.size);
  setNarrow(b, f.Vd, f.Q);
};

/** Vd = op(Vn) with elements of half the size, for what sets QC. */
export const saturatingNarrow = (
  op: (b: Builder, size: number, low: number, high: number) => void,
): Two =>
(b, f) => {
  // The source is a whole register for both vector forms.
  const x = vectorQ(b, f.Vn, f.Q || 1, f.size + 1);
  op(b, f.size, x, x);
  setNarrow(b, f.Vd, f.Q);
};

/** SHLL: shifted left by the bits of an element into one of twice the size. */
const shiftLong: Two = (b, f) => {
  b.getV(f.Vn);
  b[f.Q ? EXTEND_HIGH_U[f.size] : EXTEND_LOW_U[f.size]]();
  b.i32_const(8 << f.size)[SHL[f.size + 1]]();
  b.setV(f.Vd);
};

interface SizeFields {
  readonly Q: number;
  readonly size: number;
}
/** 64-bit elements only in 128-bit vectors. */
const any = { when: (f: SizeFields): boolean => f.size !== 3 || f.Q === 1 } as const;
const to32 = { when: (f: SizeFields): boolean => f.size !== 3 } as const;
const to16 = { when: (f: SizeFields): boolean => f.size < 2 } as const;
const bytes = { when: (f: SizeFields): boolean => f.size === 0 } as const;

const simd = "FEAT_AdvSIMD";
/** ABS by element. */
export const absolute: UnaryOp = (b, size) => b[ABS[size]]();
/** NEG by element. */
export const negate: UnaryOp = (b, size) => b[NEG[size]]();
const { sqabs, sqneg } = saturatingUnaryOps;

type Pattern = "0 Q 0 01110 size:2 10000 00000 10 Vn:5 Vd:5";

/** A row of the group: bit U and the opcode in bits 16:12. */
const misc = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Two,
  options: RowOptions<Pattern, never>,
): Row => {
  const pattern = `0 Q ${U} 01110 size:2 10000 ${opcode} 10 Vn:5 Vd:5` as Pattern;
  return row(pattern, name, simd, semantics, options);
};

/** Integer operations on one register. */
export const simdTwoMiscRows: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}", [
    misc(0, "00000", "REV64", unary(reverse(3)), to32),
    misc(1, "00000", "REV32 (vector)", unary(reverse(2)), to16),
    misc(0, "00001", "REV16 (vector)", unary(reverse(1)), bytes),
  ]),
  ...withAsm("{Vd:long}, {Vn}", [
    misc(0, "00010", "SADDLP", pairsLong(true, false), to32),
    misc(1, "00010", "UADDLP", pairsLong(false, false), to32),
    misc(0, "00110", "SADALP", pairsLong(true, true), to32),
    misc(1, "00110", "UADALP", pairsLong(false, true), to32),
  ]),
  ...withAsm("{Vd}, {Vn}", [
    misc(0, "00011", "SUQADD", accumulateMixed(saturatingAddUnsigned), any),
    misc(1, "00011", "USQADD", accumulateMixed(saturatingAddSigned), any),
    misc(0, "00100", "CLS (vector)", unary(leadingSigns), to32),
    misc(1, "00100", "CLZ (vector)", unary(leadingZeros), to32),
    misc(0, "00101", "CNT", unary((b) => b.i8x16_popcnt()), bytes),
    misc(1, "00101", "NOT", unary((b) => b.v128_not()), bytes),
    misc(1, "00101", "RBIT (vector)", unary(reverseBits), {
      when: (f) => f.size === 1,
      asm: "rbit {Vd:bytes}, {Vn:bytes}",
    }),
    misc(0, "00111", "SQABS", saturatingUnary(sqabs), any),
    misc(1, "00111", "SQNEG", saturatingUnary(sqneg), any),
  ]),
  ...withAsm("{Vd}, {Vn}, #0", [
    misc(0, "01000", "CMGT (zero)", unary(compareZero.gt), any),
    misc(1, "01000", "CMGE (zero)", unary(compareZero.ge), any),
    misc(0, "01001", "CMEQ (zero)", unary(compareZero.eq), any),
    misc(1, "01001", "CMLE (zero)", unary(compareZero.le), any),
    misc(0, "01010", "CMLT (zero)", unary(compareZero.lt), any),
  ]),
  ...withAsm("{Vd}, {Vn}", [
    misc(0, "01011", "ABS", unary(absolute), any),
    misc(1, "01011", "NEG (vector)", unary(negate), any),
  ]),
  ...withAsm("{Vd}, {Vn:wide}", [
    misc(0, "10010", "XTN, XTN2", narrow, to32),
    misc(1, "10010", "SQXTUN, SQXTUN2", saturatingNarrow(narrowSignedToUnsigned), to32),
    misc(0, "10100", "SQXTN, SQXTN2", saturatingNarrow(narrowSigned), to32),
    misc(1, "10100", "UQXTN, UQXTN2", saturatingNarrow(narrowUnsigned), to32),
  ]),
  ...withAsm("{Vd:wide}, {Vn}, {bits}", [
    misc(1, "10011", "SHLL, SHLL2", shiftLong, to32),
  ]),
];

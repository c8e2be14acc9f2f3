/** Advanced SIMD three registers of the same type, integer (Arm ARM, C4.1.96), and FEAT_RDM's. */
import type { Builder } from "../../engine/builder.ts";
import { type Row, row, type RowOptions, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  doublingMultiplyAccumulateHigh,
  doublingMultiplyHigh,
  halvingAdd,
  halvingSub,
  multiply,
  saturatingAdd,
  saturatingSub,
} from "./simd_arithmetic.ts";
import {
  ADD,
  EQ,
  evenLanes,
  GE_S,
  GE_U,
  GT_S,
  GT_U,
  joinHalves,
  least,
  MAX_S,
  MAX_U,
  MIN_S,
  MIN_U,
  NE,
  oddLanes,
  SUB,
  zero,
} from "../simd/lanes.ts";
import { type LocalOp, setQ, type StackOp, vector, vectorQ } from "./simd_lanes.ts";

/** Semantics of vector rows, and of scalar ones that derive `Q`. */
export type Same = Semantics<"Q" | "size" | "Vm" | "Vn" | "Vd">;
type Logic = Semantics<"Q" | "Vm" | "Vn" | "Vd">;

/** Vd = op(Vn, Vm) */
export function stack(op: StackOp): Same {
  return (b, f) => {
    b.getV(f.Vn);
    b.getV(f.Vm);
    op(b, f.size);
    setQ(b, f.Vd, f.Q, f.size);
  };
}

/** Vd = op(Vn, Vm) with the operands in locals. */
export function local(op: LocalOp): Same {
  return (b, f) => {
    op(b, f.size, vector(b, f.Vn), vector(b, f.Vm));
    setQ(b, f.Vd, f.Q, f.size);
  };
}

/** As `local`, for what sets QC: bits outside the vector are cleared first and stay zero. */
export function saturating(op: LocalOp): Same {
  return (b, f) => {
    op(b, f.size, vectorQ(b, f.Vn, f.Q, f.size), vectorQ(b, f.Vm, f.Q, f.size));
    b.setV(f.Vd);
  };
}

/** Vd = op(Vn, Vm) by a helper [v128 x, v128 y] -> [v128] for each element size. */
export function helper(names: readonly string[]): Same {
  return (b, f) => {
    b.getV(f.Vn);
    b.getV(f.Vm);
    b.callHelper(names[f.size]);
    setQ(b, f.Vd, f.Q, f.size);
  };
}

/** As `helper`, for helpers that set QC. */
export function saturatingHelper(names: readonly string[]): Same {
  return (b, f) => {
    b.local_get(vectorQ(b, f.Vn, f.Q, f.size)).local_get(vectorQ(b, f.Vm, f.Q, f.size));
    b.callHelper(names[f.size]);
    b.setV(f.Vd);
  };
}

/** Names of a helper for each element size. */
export function helperNames(name: string): readonly string[] {
  return [8, 16, 32, 64].map((bits) => name + bits);
}

/** Vd = Vd op (Vn op Vm) */
function accumulate(
  op: LocalOp,
  combine: readonly (typeof ADD[number] | typeof SUB[number])[],
): Same {
  return (b, f) => {
    const x = vector(b, f.Vn);
    const y = vector(b, f.Vm);
    b.getV(f.Vd);
    op(b, f.size, x, y);
    b[combine[f.size]]();
    setQ(b, f.Vd, f.Q, f.size);
  };
}

/** Adjacent pairs of the vectors Vm:Vn. */
function pairwise(op: StackOp): Same {
  return (b, f) => {
    const x = vector(b, f.Vn);
    const y = vector(b, f.Vm);
    if (f.Q === 0) {
      b.local_get(x).local_get(y);
      joinHalves(b, 0);
      b.local_tee(x).local_set(y);
    }
    b.local_get(x).local_get(y);
    evenLanes(b, f.size);
    b.local_get(x).local_get(y);
    oddLanes(b, f.size);
    op(b, f.size);
    setQ(b, f.Vd, f.Q, f.size);
  };
}

const logic = (op: (b: Builder) => void): Logic => (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  op(b);
  setQ(b, f.Vd, f.Q);
};

/** Bits of two registers chosen by a third: v128_bitselect takes (if set, if clear, mask). */
const select =
  (ifSet: "Vd" | "Vn" | "Vm", ifClear: "Vd" | "Vn" | "Vm", mask: "Vd" | "Vm"): Logic => (b, f) => {
    b.getV(f[ifSet]);
    b.getV(f[ifClear]);
    b.getV(f[mask]);
    b.v128_bitselect();
    setQ(b, f.Vd, f.Q);
  };

/** |x - y| by element. */
export function absoluteDifference(isSigned: boolean): LocalOp {
  return (b, size, x, y) => {
    b.local_get(x).local_get(y)[isSigned ? MAX_S[size] : MAX_U[size]]();
    b.local_get(x).local_get(y)[isSigned ? MIN_S[size] : MIN_U[size]]();
    b[SUB[size]]();
  };
}

/** Low halves of the products by element. */
export const product: LocalOp = (b, size, x, y) => {
  b.local_get(x).local_get(y);
  multiply(b, size);
};

/** CMGT, CMGE, CMEQ, CMHI, CMHS, CMTST by element: all ones or zero. */
export const compare: { readonly [name: string]: StackOp } = {
  gt: (b, size) => b[GT_S[size]](),
  ge: (b, size) => b[GE_S[size]](),
  eq: (b, size) => b[EQ[size]](),
  hi: (b, size) => {
    if (size < 3) b[GT_U[size]]();
    else unsigned64(b, "i64x2_gt_s");
  },
  hs: (b, size) => {
    if (size < 3) b[GE_U[size]]();
    else unsigned64(b, "i64x2_ge_s");
  },
  tst: (b, size) => {
    b.v128_and();
    zero(b);
    b[NE[size]]();
  },
};

/** [v128, v128] -> [v128] a signed comparison after inverting the signs. */
function unsigned64(b: Builder, op: "i64x2_gt_s" | "i64x2_ge_s"): void {
  const y = b.temp("v128");
  least(b, 3);
  b.v128_xor().local_set(y);
  least(b, 3);
  b.v128_xor().local_get(y)[op]();
}

/** Saturating operations by element, for the scalar rows as well. */
export const saturatingOps: { readonly [name: string]: LocalOp } = {
  sqadd: (b, size, x, y) => saturatingAdd(b, size, true, x, y),
  uqadd: (b, size, x, y) => saturatingAdd(b, size, false, x, y),
  sqsub: (b, size, x, y) => saturatingSub(b, size, true, x, y),
  uqsub: (b, size, x, y) => saturatingSub(b, size, false, x, y),
  sqdmulh: (b, size, x, y) => doublingMultiplyHigh(b, size, false, x, y),
  sqrdmulh: (b, size, x, y) => doublingMultiplyHigh(b, size, true, x, y),
};

/** SQRDMLAH or SQRDMLSH of registers. */
export const multiplyAccumulateHigh = (subtract: boolean): Same => (b, f) => {
  const d = vectorQ(b, f.Vd, f.Q, f.size);
  const x = vectorQ(b, f.Vn, f.Q, f.size);
  const y = vectorQ(b, f.Vm, f.Q, f.size);
  doublingMultiplyAccumulateHigh(b, f.size, subtract, d, x, y);
  b.setV(f.Vd);
};

const polynomial: Semantics<"Q" | "Vm" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  b.getV(f.Vm);
  b.callHelper("pmul8");
  setQ(b, f.Vd, f.Q);
};

interface SizeFields {
  readonly Q: number;
  readonly size: number;
}
/** 64-bit elements only in 128-bit vectors. */
const any = { when: (f: SizeFields): boolean => f.size !== 3 || f.Q === 1 } as const;
const to32 = { when: (f: SizeFields): boolean => f.size !== 3 } as const;
const from16to32 = { when: (f: SizeFields): boolean => f.size === 1 || f.size === 2 } as const;

const simd = "FEAT_AdvSIMD";
const rdm = "FEAT_RDM";

type Pattern = "0 Q 0 01110 size:2 1 Vm:5 00000 1 Vn:5 Vd:5";

/** A row of the group: bit U and the opcode in bits 15:11. */
const same = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Same,
  options: RowOptions<Pattern, never>,
): Row => {
  const pattern = `0 Q ${U} 01110 size:2 1 Vm:5 ${opcode} 1 Vn:5 Vd:5` as Pattern;
  return row(pattern, name, simd, semantics, options);
};

/** Integer operations on three registers of the same type. */
export const simdThreeSameRows: readonly Row[] = withAsm("{Vd}, {Vn}, {Vm}", [
  same(0, "00000", "SHADD", local((b, size, x, y) => halvingAdd(b, size, true, false, x, y)), to32),
  same(
    1,
    "00000",
    "UHADD",
    local((b, size, x, y) => halvingAdd(b, size, false, false, x, y)),
    to32,
  ),
  same(0, "00010", "SRHADD", local((b, size, x, y) => halvingAdd(b, size, true, true, x, y)), to32),
  same(
    1,
    "00010",
    "URHADD",
    local((b, size, x, y) => halvingAdd(b, size, false, true, x, y)),
    to32,
  ),
  same(0, "00100", "SHSUB", local((b, size, x, y) => halvingSub(b, size, true, x, y)), to32),
  same(1, "00100", "UHSUB", local((b, size, x, y) => halvingSub(b, size, false, x, y)), to32),
  same(0, "00001", "SQADD", saturating(saturatingOps.sqadd), any),
  same(1, "00001", "UQADD", saturating(saturatingOps.uqadd), any),
  same(0, "00101", "SQSUB", saturating(saturatingOps.sqsub), any),
  same(1, "00101", "UQSUB", saturating(saturatingOps.uqsub), any),

  row("0 Q 0 01110 00 1 Vm:5 00011 1 Vn:5 Vd:5", "AND (vector)", simd, logic((b) => b.v128_and())),
  row(
    "0 Q 0 01110 01 1 Vm:5 00011 1 Vn:5 Vd:5",
    "BIC (vector, register)",
    simd,
    logic((b) => b.v128_andnot()),
  ),
  row(
    "0 Q 0 01110 10 1 Vm:5 00011 1 Vn:5 Vd:5",
    "ORR (vector, register)",
    simd,
    logic((b) => b.v128_or()),
  ),
  row(
    "0 Q 0 01110 11 1 Vm:5 00011 1 Vn:5 Vd:5",
    "ORN (vector)",
    simd,
    logic((b) => b.v128_not().v128_or()),
  ),
  row("0 Q 1 01110 00 1 Vm:5 00011 1 Vn:5 Vd:5", "EOR (vector)", simd, logic((b) => b.v128_xor())),
  row("0 Q 1 01110 01 1 Vm:5 00011 1 Vn:5 Vd:5", "BSL", simd, select("Vn", "Vm", "Vd")),
  row("0 Q 1 01110 10 1 Vm:5 00011 1 Vn:5 Vd:5", "BIT", simd, select("Vn", "Vd", "Vm")),
  row("0 Q 1 01110 11 1 Vm:5 00011 1 Vn:5 Vd:5", "BIF", simd, select("Vd", "Vn", "Vm")),

  same(0, "00110", "CMGT (register)", stack(compare.gt), any),
  same(1, "00110", "CMHI (register)", stack(compare.hi), any),
  same(0, "00111", "CMGE (register)", stack(compare.ge), any),
  same(1, "00111", "CMHS (register)", stack(compare.hs), any),
  same(0, "10001", "CMTST", stack(compare.tst), any),
  same(1, "10001", "CMEQ (register)", stack(compare.eq), any),

  same(0, "01000", "SSHL", helper(helperNames("sshl")), any),
  same(1, "01000", "USHL", helper(helperNames("ushl")), any),
  same(0, "01001", "SQSHL (register)", saturatingHelper(helperNames("sqshl")), any),
  same(1, "01001", "UQSHL (register)", saturatingHelper(helperNames("uqshl")), any),
  same(0, "01010", "SRSHL", helper(helperNames("srshl")), any),
  same(1, "01010", "URSHL", helper(helperNames("urshl")), any),
  same(0, "01011", "SQRSHL", saturatingHelper(helperNames("sqrshl")), any),
  same(1, "01011", "UQRSHL", saturatingHelper(helperNames("uqrshl")), any),

  same(0, "01100", "SMAX", stack((b, size) => b[MAX_S[size]]()), to32),
  same(1, "01100", "UMAX", stack((b, size) => b[MAX_U[size]]()), to32),
  same(0, "01101", "SMIN", stack((b, size) => b[MIN_S[size]]()), to32),
  same(1, "01101", "UMIN", stack((b, size) => b[MIN_U[size]]()), to32),
  same(0, "01110", "SABD", local(absoluteDifference(true)), to32),
  same(1, "01110", "UABD", local(absoluteDifference(false)), to32),
  same(0, "01111", "SABA", accumulate(absoluteDifference(true), ADD), to32),
  same(1, "01111", "UABA", accumulate(absoluteDifference(false), ADD), to32),

  same(0, "10000", "ADD (vector)", stack((b, size) => b[ADD[size]]()), any),
  same(1, "10000", "SUB (vector)", stack((b, size) => b[SUB[size]]()), any),
  same(0, "10010", "MLA (vector)", accumulate(product, ADD), to32),
  same(1, "10010", "MLS (vector)", accumulate(product, SUB), to32),
  same(0, "10011", "MUL (vector)", stack(multiply), to32),
  row("0 Q 1 01110 00 1 Vm:5 10011 1 Vn:5 Vd:5", "PMUL", simd, polynomial),

  same(0, "10100", "SMAXP", pairwise((b, size) => b[MAX_S[size]]()), to32),
  same(1, "10100", "UMAXP", pairwise((b, size) => b[MAX_U[size]]()), to32),
  same(0, "10101", "SMINP", pairwise((b, size) => b[MIN_S[size]]()), to32),
  same(1, "10101", "UMINP", pairwise((b, size) => b[MIN_U[size]]()), to32),
  same(0, "10111", "ADDP (vector)", pairwise((b, size) => b[ADD[size]]()), any),

  same(0, "10110", "SQDMULH (vector)", saturating(saturatingOps.sqdmulh), from16to32),
  same(1, "10110", "SQRDMULH (vector)", saturating(saturatingOps.sqrdmulh), from16to32),
  row(
    "0 Q 1 01110 size:2 0 Vm:5 1000 0 1 Vn:5 Vd:5",
    "SQRDMLAH (vector)",
    rdm,
    multiplyAccumulateHigh(false),
    from16to32,
  ),
  row(
    "0 Q 1 01110 size:2 0 Vm:5 1000 1 1 Vn:5 Vd:5",
    "SQRDMLSH (vector)",
    rdm,
    multiplyAccumulateHigh(true),
    from16to32,
  ),
]);

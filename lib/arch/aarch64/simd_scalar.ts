/**
 * Scalar forms of the integer Advanced SIMD instructions (Arm ARM, C4.1.96). They are the vector
 * forms with `Q` derived as SCALAR: one element, the rest of the register cleared.
 */
import { type Row, row, type Semantics } from "../../engine/row.ts";
import {
  narrowSigned,
  narrowSignedToUnsigned,
  narrowUnsigned,
  saturatingAddSigned,
  saturatingAddUnsigned,
} from "./simd_arithmetic.ts";
import { simdScalarByElementRows } from "./simd_by_element.ts";
import { broadcast, imm5Index, imm5Size } from "./simd_copy.ts";
import { ADD, onlyLane0, SCALAR, SUB, vectorQ } from "./simd_lanes.ts";
import { simdScalarShiftImmediateRows } from "./simd_shift_immediate.ts";
import { accumulateDoubled, doubleSaturating, multiplyLong } from "./simd_three_different.ts";
import {
  compare,
  helper,
  helperNames,
  multiplyAccumulateHigh,
  saturating,
  saturatingHelper,
  saturatingOps,
  stack,
} from "./simd_three_same.ts";
import {
  absolute,
  accumulateMixed,
  compareZero,
  negate,
  saturatingNarrow,
  saturatingUnary,
  saturatingUnaryOps,
  unary,
} from "./simd_two_misc.ts";

const Q = (): number => SCALAR;
/** Elements of all sizes. */
const any = { derive: { Q } } as const;
const only64 = { derive: { Q, size: (): number => 3 } } as const;
const to32 = {
  when: (f: { readonly size: number }): boolean => f.size !== 3,
  derive: { Q },
} as const;
const from16to32 = {
  when: (f: { readonly size: number }): boolean => f.size === 1 || f.size === 2,
  derive: { Q },
} as const;

type Different = Semantics<"size" | "Vm" | "Vn" | "Vd">;

const doublingLong: Different = (b, f) => {
  b.local_get(vectorQ(b, f.Vn, SCALAR, f.size)).local_get(vectorQ(b, f.Vm, SCALAR, f.size));
  multiplyLong(b, f.size, true, 0);
  doubleSaturating(b, f.size + 1);
  b.setV(f.Vd);
};

const doublingAccumulate = (subtract: boolean): Different => (b, f) => {
  const d = vectorQ(b, f.Vd, SCALAR, f.size + 1);
  b.local_get(vectorQ(b, f.Vn, SCALAR, f.size)).local_get(vectorQ(b, f.Vm, SCALAR, f.size));
  multiplyLong(b, f.size, true, 0);
  accumulateDoubled(b, f.size + 1, subtract, d);
  b.setV(f.Vd);
};

const duplicate: Semantics<"size" | "index" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  broadcast(b, f.size, f.index);
  onlyLane0(b, f.size);
  b.setV(f.Vd);
};

const { sqadd, uqadd, sqsub, uqsub, sqdmulh, sqrdmulh } = saturatingOps;
const { sqabs, sqneg } = saturatingUnaryOps;
const simd = "FEAT_AdvSIMD";
const rdm = "FEAT_RDM";

const copy: readonly Row[] = [
  row("01 0 11110000 rawImm5:5 0 0000 1 Vn:5 Vd:5", "DUP (element, scalar)", simd, duplicate, {
    when: (f) => imm5Size(f) < 4,
    derive: { size: imm5Size, index: imm5Index },
  }),
];

const threeSame: readonly Row[] = [
  row("01 0 11110 size:2 1 Vm:5 00001 1 Vn:5 Vd:5", "SQADD (scalar)", simd, saturating(sqadd), any),
  row("01 1 11110 size:2 1 Vm:5 00001 1 Vn:5 Vd:5", "UQADD (scalar)", simd, saturating(uqadd), any),
  row("01 0 11110 size:2 1 Vm:5 00101 1 Vn:5 Vd:5", "SQSUB (scalar)", simd, saturating(sqsub), any),
  row("01 1 11110 size:2 1 Vm:5 00101 1 Vn:5 Vd:5", "UQSUB (scalar)", simd, saturating(uqsub), any),
  row(
    "01 0 11110 11 1 Vm:5 00110 1 Vn:5 Vd:5",
    "CMGT (register, scalar)",
    simd,
    stack(compare.gt),
    only64,
  ),
  row(
    "01 1 11110 11 1 Vm:5 00110 1 Vn:5 Vd:5",
    "CMHI (register, scalar)",
    simd,
    stack(compare.hi),
    only64,
  ),
  row(
    "01 0 11110 11 1 Vm:5 00111 1 Vn:5 Vd:5",
    "CMGE (register, scalar)",
    simd,
    stack(compare.ge),
    only64,
  ),
  row(
    "01 1 11110 11 1 Vm:5 00111 1 Vn:5 Vd:5",
    "CMHS (register, scalar)",
    simd,
    stack(compare.hs),
    only64,
  ),
  row("01 0 11110 11 1 Vm:5 10001 1 Vn:5 Vd:5", "CMTST (scalar)", simd, stack(compare.tst), only64),
  row(
    "01 1 11110 11 1 Vm:5 10001 1 Vn:5 Vd:5",
    "CMEQ (register, scalar)",
    simd,
    stack(compare.eq),
    only64,
  ),
  row(
    "01 0 11110 11 1 Vm:5 01000 1 Vn:5 Vd:5",
    "SSHL (scalar)",
    simd,
    helper(helperNames("sshl")),
    only64,
  ),
  row(
    "01 1 11110 11 1 Vm:5 01000 1 Vn:5 Vd:5",
    "USHL (scalar)",
    simd,
    helper(helperNames("ushl")),
    only64,
  ),
  row(
    "01 0 11110 11 1 Vm:5 01010 1 Vn:5 Vd:5",
    "SRSHL (scalar)",
    simd,
    helper(helperNames("srshl")),
    only64,
  ),
  row(
    "01 1 11110 11 1 Vm:5 01010 1 Vn:5 Vd:5",
    "URSHL (scalar)",
    simd,
    helper(helperNames("urshl")),
    only64,
  ),
  row(
    "01 0 11110 size:2 1 Vm:5 01001 1 Vn:5 Vd:5",
    "SQSHL (register, scalar)",
    simd,
    saturatingHelper(helperNames("sqshl")),
    any,
  ),
  row(
    "01 1 11110 size:2 1 Vm:5 01001 1 Vn:5 Vd:5",
    "UQSHL (register, scalar)",
    simd,
    saturatingHelper(helperNames("uqshl")),
    any,
  ),
  row(
    "01 0 11110 size:2 1 Vm:5 01011 1 Vn:5 Vd:5",
    "SQRSHL (scalar)",
    simd,
    saturatingHelper(helperNames("sqrshl")),
    any,
  ),
  row(
    "01 1 11110 size:2 1 Vm:5 01011 1 Vn:5 Vd:5",
    "UQRSHL (scalar)",
    simd,
    saturatingHelper(helperNames("uqrshl")),
    any,
  ),
  row(
    "01 0 11110 11 1 Vm:5 10000 1 Vn:5 Vd:5",
    "ADD (scalar)",
    simd,
    stack((b, size) => b[ADD[size]]()),
    only64,
  ),
  row(
    "01 1 11110 11 1 Vm:5 10000 1 Vn:5 Vd:5",
    "SUB (scalar)",
    simd,
    stack((b, size) => b[SUB[size]]()),
    only64,
  ),
  row(
    "01 0 11110 size:2 1 Vm:5 10110 1 Vn:5 Vd:5",
    "SQDMULH (scalar)",
    simd,
    saturating(sqdmulh),
    from16to32,
  ),
  row(
    "01 1 11110 size:2 1 Vm:5 10110 1 Vn:5 Vd:5",
    "SQRDMULH (scalar)",
    simd,
    saturating(sqrdmulh),
    from16to32,
  ),
  row(
    "01 1 11110 size:2 0 Vm:5 1000 0 1 Vn:5 Vd:5",
    "SQRDMLAH (scalar)",
    rdm,
    multiplyAccumulateHigh(false),
    from16to32,
  ),
  row(
    "01 1 11110 size:2 0 Vm:5 1000 1 1 Vn:5 Vd:5",
    "SQRDMLSH (scalar)",
    rdm,
    multiplyAccumulateHigh(true),
    from16to32,
  ),
];

const threeDifferent: readonly Row[] = [
  row(
    "01 0 11110 size:2 1 Vm:5 1001 00 Vn:5 Vd:5",
    "SQDMLAL (scalar)",
    simd,
    doublingAccumulate(false),
    from16to32,
  ),
  row(
    "01 0 11110 size:2 1 Vm:5 1011 00 Vn:5 Vd:5",
    "SQDMLSL (scalar)",
    simd,
    doublingAccumulate(true),
    from16to32,
  ),
  row(
    "01 0 11110 size:2 1 Vm:5 1101 00 Vn:5 Vd:5",
    "SQDMULL (scalar)",
    simd,
    doublingLong,
    from16to32,
  ),
];

const twoMisc: readonly Row[] = [
  row(
    "01 0 11110 size:2 10000 00011 10 Vn:5 Vd:5",
    "SUQADD (scalar)",
    simd,
    accumulateMixed(saturatingAddUnsigned),
    any,
  ),
  row(
    "01 1 11110 size:2 10000 00011 10 Vn:5 Vd:5",
    "USQADD (scalar)",
    simd,
    accumulateMixed(saturatingAddSigned),
    any,
  ),
  row(
    "01 0 11110 size:2 10000 00111 10 Vn:5 Vd:5",
    "SQABS (scalar)",
    simd,
    saturatingUnary(sqabs),
    any,
  ),
  row(
    "01 1 11110 size:2 10000 00111 10 Vn:5 Vd:5",
    "SQNEG (scalar)",
    simd,
    saturatingUnary(sqneg),
    any,
  ),
  row(
    "01 0 11110 11 10000 01000 10 Vn:5 Vd:5",
    "CMGT (zero, scalar)",
    simd,
    unary(compareZero.gt),
    only64,
  ),
  row(
    "01 1 11110 11 10000 01000 10 Vn:5 Vd:5",
    "CMGE (zero, scalar)",
    simd,
    unary(compareZero.ge),
    only64,
  ),
  row(
    "01 0 11110 11 10000 01001 10 Vn:5 Vd:5",
    "CMEQ (zero, scalar)",
    simd,
    unary(compareZero.eq),
    only64,
  ),
  row(
    "01 1 11110 11 10000 01001 10 Vn:5 Vd:5",
    "CMLE (zero, scalar)",
    simd,
    unary(compareZero.le),
    only64,
  ),
  row(
    "01 0 11110 11 10000 01010 10 Vn:5 Vd:5",
    "CMLT (zero, scalar)",
    simd,
    unary(compareZero.lt),
    only64,
  ),
  row("01 0 11110 11 10000 01011 10 Vn:5 Vd:5", "ABS (scalar)", simd, unary(absolute), only64),
  row("01 1 11110 11 10000 01011 10 Vn:5 Vd:5", "NEG (scalar)", simd, unary(negate), only64),
  row(
    "01 1 11110 size:2 10000 10010 10 Vn:5 Vd:5",
    "SQXTUN (scalar)",
    simd,
    saturatingNarrow(narrowSignedToUnsigned),
    to32,
  ),
  row(
    "01 0 11110 size:2 10000 10100 10 Vn:5 Vd:5",
    "SQXTN (scalar)",
    simd,
    saturatingNarrow(narrowSigned),
    to32,
  ),
  row(
    "01 1 11110 size:2 10000 10100 10 Vn:5 Vd:5",
    "UQXTN (scalar)",
    simd,
    saturatingNarrow(narrowUnsigned),
    to32,
  ),
];

/** Scalar integer Advanced SIMD. */
export const simdScalarRows: readonly Row[] = [
  ...copy,
  ...threeSame,
  ...threeDifferent,
  ...twoMisc,
  ...simdScalarShiftImmediateRows,
  ...simdScalarByElementRows,
];

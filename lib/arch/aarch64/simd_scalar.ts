/**
 * Scalar forms of the integer Advanced SIMD instructions (Arm ARM, C4.1.96). They are the vector
 * forms with `Q` derived as SCALAR: one element, the rest of the register cleared.
 */
import { type Row, row, type RowOptions, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  narrowSigned,
  narrowSignedToUnsigned,
  narrowUnsigned,
  saturatingAddSigned,
  saturatingAddUnsigned,
} from "./simd_arithmetic.ts";
import { simdScalarByElementRows } from "./simd_by_element.ts";
import { broadcast, imm5Index, imm5Size } from "./simd_copy.ts";
import { ADD, onlyLane0, SUB } from "../simd/lanes.ts";
import { SCALAR, vectorQ } from "./simd_lanes.ts";
import { simdScalarShiftImmediateRows } from "./simd_shift_immediate.ts";
import { accumulateDoubled, doubleSaturating, multiplyLong } from "./simd_three_different.ts";
import {
  compare,
  helper,
  helperNames,
  multiplyAccumulateHigh,
  type Same,
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
  type Two,
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

type SamePattern = "01 0 11110 size:2 1 Vm:5 00000 1 Vn:5 Vd:5";
type Same64Pattern = "01 0 11110 11 1 Vm:5 00000 1 Vn:5 Vd:5";
type MiscPattern = "01 0 11110 size:2 10000 00000 10 Vn:5 Vd:5";
type Misc64Pattern = "01 0 11110 11 10000 00000 10 Vn:5 Vd:5";

/** Three registers of the same type: bit U and the opcode in bits 15:11. */
const same = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Same,
  options: RowOptions<SamePattern, "Q">,
): Row => {
  const pattern = `01 ${U} 11110 size:2 1 Vm:5 ${opcode} 1 Vn:5 Vd:5` as SamePattern;
  return row(pattern, name, simd, semantics, options);
};

/** The same for 64-bit elements only. */
const same64 = (U: 0 | 1, opcode: string, name: string, semantics: Same): Row => {
  const pattern = `01 ${U} 11110 11 1 Vm:5 ${opcode} 1 Vn:5 Vd:5` as Same64Pattern;
  return row(pattern, name, simd, semantics, only64);
};

/** Two registers: bit U and the opcode in bits 16:12. */
const misc = (
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Two,
  options: RowOptions<MiscPattern, "Q">,
): Row => {
  const pattern = `01 ${U} 11110 size:2 10000 ${opcode} 10 Vn:5 Vd:5` as MiscPattern;
  return row(pattern, name, simd, semantics, options);
};

/** The same for 64-bit elements only. */
const misc64 = (U: 0 | 1, opcode: string, name: string, semantics: Two): Row => {
  const pattern = `01 ${U} 11110 11 10000 ${opcode} 10 Vn:5 Vd:5` as Misc64Pattern;
  return row(pattern, name, simd, semantics, only64);
};

const copy: readonly Row[] = [
  row("01 0 11110000 rawImm5:5 0 0000 1 Vn:5 Vd:5", "DUP (element, scalar)", simd, duplicate, {
    when: (f) => imm5Size(f) < 4,
    derive: { size: imm5Size, index: imm5Index },
    asm: "dup {Vd}, {Vn:element}",
  }),
];

const threeSame: readonly Row[] = withAsm("{Vd}, {Vn}, {Vm}", [
  same(0, "00001", "SQADD (scalar)", saturating(sqadd), any),
  same(1, "00001", "UQADD (scalar)", saturating(uqadd), any),
  same(0, "00101", "SQSUB (scalar)", saturating(sqsub), any),
  same(1, "00101", "UQSUB (scalar)", saturating(uqsub), any),
  same64(0, "00110", "CMGT (register, scalar)", stack(compare.gt)),
  same64(1, "00110", "CMHI (register, scalar)", stack(compare.hi)),
  same64(0, "00111", "CMGE (register, scalar)", stack(compare.ge)),
  same64(1, "00111", "CMHS (register, scalar)", stack(compare.hs)),
  same64(0, "10001", "CMTST (scalar)", stack(compare.tst)),
  same64(1, "10001", "CMEQ (register, scalar)", stack(compare.eq)),
  same64(0, "01000", "SSHL (scalar)", helper(helperNames("sshl"))),
  same64(1, "01000", "USHL (scalar)", helper(helperNames("ushl"))),
  same64(0, "01010", "SRSHL (scalar)", helper(helperNames("srshl"))),
  same64(1, "01010", "URSHL (scalar)", helper(helperNames("urshl"))),
  same(0, "01001", "SQSHL (register, scalar)", saturatingHelper(helperNames("sqshl")), any),
  same(1, "01001", "UQSHL (register, scalar)", saturatingHelper(helperNames("uqshl")), any),
  same(0, "01011", "SQRSHL (scalar)", saturatingHelper(helperNames("sqrshl")), any),
  same(1, "01011", "UQRSHL (scalar)", saturatingHelper(helperNames("uqrshl")), any),
  same64(0, "10000", "ADD (scalar)", stack((b, size) => b[ADD[size]]())),
  same64(1, "10000", "SUB (scalar)", stack((b, size) => b[SUB[size]]())),
  same(0, "10110", "SQDMULH (scalar)", saturating(sqdmulh), from16to32),
  same(1, "10110", "SQRDMULH (scalar)", saturating(sqrdmulh), from16to32),
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
]);

const threeDifferent: readonly Row[] = withAsm("{Vd:wide}, {Vn}, {Vm}", [
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
]);

const twoMisc: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}", [
    misc(0, "00011", "SUQADD (scalar)", accumulateMixed(saturatingAddUnsigned), any),
    misc(1, "00011", "USQADD (scalar)", accumulateMixed(saturatingAddSigned), any),
    misc(0, "00111", "SQABS (scalar)", saturatingUnary(sqabs), any),
    misc(1, "00111", "SQNEG (scalar)", saturatingUnary(sqneg), any),
  ]),
  ...withAsm("{Vd}, {Vn}, #0", [
    misc64(0, "01000", "CMGT (zero, scalar)", unary(compareZero.gt)),
    misc64(1, "01000", "CMGE (zero, scalar)", unary(compareZero.ge)),
    misc64(0, "01001", "CMEQ (zero, scalar)", unary(compareZero.eq)),
    misc64(1, "01001", "CMLE (zero, scalar)", unary(compareZero.le)),
    misc64(0, "01010", "CMLT (zero, scalar)", unary(compareZero.lt)),
  ]),
  ...withAsm("{Vd}, {Vn}", [
    misc64(0, "01011", "ABS (scalar)", unary(absolute)),
    misc64(1, "01011", "NEG (scalar)", unary(negate)),
  ]),
  ...withAsm("{Vd}, {Vn:wide}", [
    misc(1, "10010", "SQXTUN (scalar)", saturatingNarrow(narrowSignedToUnsigned), to32),
    misc(0, "10100", "SQXTN (scalar)", saturatingNarrow(narrowSigned), to32),
    misc(1, "10100", "UQXTN (scalar)", saturatingNarrow(narrowUnsigned), to32),
  ]),
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

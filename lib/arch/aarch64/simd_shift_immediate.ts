/**
 * Advanced SIMD shift by immediate, integer, vector and scalar (Arm ARM, C4.1.96). immh:immb holds
 * the element size as its highest set bit of immh, and the shift: esize*2 - it to the right,
 * it - esize to the left.
 */
import type { Builder } from "../../engine/builder.ts";
import {
  type FieldNames,
  type Operand,
  type Row,
  row,
  type RowOptions,
  type Semantics,
} from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  narrowSigned,
  narrowSignedToUnsigned,
  narrowUnsigned,
  type ShiftKind,
  shiftLeftSaturating,
} from "./simd_arithmetic.ts";
import { ADD, evenLanes, ones, SHL, SHR_S, SHR_U, zero } from "../simd/lanes.ts";
import { getQ, SCALAR, setNarrow, setQ, vector, vectorQ } from "./simd_lanes.ts";
import { extend } from "./simd_three_different.ts";

/** `full`: an unsigned shift to the right by all bits of an element, which WebAssembly would not do. */
type Right = Semantics<"Q" | "size" | "full" | "imm8shift" | "Vn" | "Vd">;
type RoundingRight = Semantics<"Q" | "size" | "full" | "imm8shift" | "imm8less" | "Vn" | "Vd">;
type Left = Semantics<"Q" | "size" | "imm8shift" | "Vn" | "Vd">;
type Narrow = Semantics<"Q" | "size" | "imm8shift" | "Vn" | "Vd">;
type RoundingNarrow = Semantics<"Q" | "size" | "imm8shift" | "imm8less" | "Vn" | "Vd">;

interface ShiftFields {
  readonly size: number;
  readonly full: number;
  readonly imm8shift: Operand;
}

/** [v128] -> [v128] each element shifted right. */
function shiftRight(b: Builder, f: ShiftFields, isSigned: boolean): void {
  if (f.full && !isSigned) {
    b.drop();
    zero(b);
    return;
  }
  b.imm32(f.imm8shift);
  b[isSigned ? SHR_S[f.size] : SHR_U[f.size]]();
}

/** Local x -> [v128] the last bit shifted out of each element, as 0 or 1. */
function roundUp(b: Builder, size: number, less: Operand, x: number): void {
  b.local_get(x);
  b.imm32(less);
  b[SHR_U[size]]();
  ones(b, size);
  b.v128_and();
}

const right = (isSigned: boolean, accumulate: boolean): Right => (b, f) => {
  if (accumulate) b.getV(f.Vd);
  b.getV(f.Vn);
  shiftRight(b, f, isSigned);
  if (accumulate) b[ADD[f.size]]();
  setQ(b, f.Vd, f.Q);
};

const roundingRight = (isSigned: boolean, accumulate: boolean): RoundingRight => (b, f) => {
  const x = vector(b, f.Vn);
  b.local_get(x);
  shiftRight(b, f, isSigned);
  roundUp(b, f.size, f.imm8less, x);
  b[ADD[f.size]]();
  if (accumulate) {
    b.getV(f.Vd);
    b[ADD[f.size]]();
  }
  setQ(b, f.Vd, f.Q);
};

/** SRI: the bits above the shifted ones stay. */
const rightInsert: Right = (b, f) => {
  if (f.full) {
    b.getV(f.Vd);
  } else {
    b.getV(f.Vn);
    b.imm32(f.imm8shift);
    b[SHR_U[f.size]]();
    b.getV(f.Vd);
    zero(b);
    b.v128_not();
    b.imm32(f.imm8shift);
    b[SHR_U[f.size]]().v128_bitselect();
  }
  setQ(b, f.Vd, f.Q);
};

const left: Left = (b, f) => {
  b.getV(f.Vn);
  b.imm32(f.imm8shift);
  b[SHL[f.size]]();
  setQ(b, f.Vd, f.Q);
};

/** SLI: the bits below the shifted ones stay. */
const leftInsert: Left = (b, f) => {
  b.getV(f.Vn);
  b.imm32(f.imm8shift);
  b[SHL[f.size]]();
  b.getV(f.Vd);
  zero(b);
  b.v128_not();
  b.imm32(f.imm8shift);
  b[SHL[f.size]]().v128_bitselect();
  setQ(b, f.Vd, f.Q);
};

const saturatingLeft = (kind: ShiftKind): Left => (b, f) => {
  shiftLeftSaturating(b, f.size, kind, vectorQ(b, f.Vn, f.Q, f.size), f.imm8shift);
  b.setV(f.Vd);
};

/** [] -> [v128] source of a narrowing row: a whole register, or one element of twice the size. */
function getSource(b: Builder, f: { Q: number; size: number; Vn: Operand }): void {
  getQ(b, f.Vn, f.Q || 1, f.size + 1);
}

const narrow: Narrow = (b, f) => {
  const x = b.temp("v128");
  b.getV(f.Vn);
  b.imm32(f.imm8shift);
  b[SHR_U[f.size + 1]]().local_tee(x).local_get(x);
  evenLanes(b, f.size);
  setNarrow(b, f.Vd, f.Q);
};

const roundingNarrow: RoundingNarrow = (b, f) => {
  const x = vector(b, f.Vn);
  b.local_get(x);
  b.imm32(f.imm8shift);
  b[SHR_U[f.size + 1]]();
  roundUp(b, f.size + 1, f.imm8less, x);
  b[ADD[f.size + 1]]().local_tee(x).local_get(x);
  evenLanes(b, f.size);
  setNarrow(b, f.Vd, f.Q);
};

/** How a narrowing row reads the source and limits the result. */
const NARROW = {
  signed: { shift: SHR_S, op: narrowSigned },
  unsigned: { shift: SHR_U, op: narrowUnsigned },
  signedToUnsigned: { shift: SHR_S, op: narrowSignedToUnsigned },
} as const;

const saturatingNarrow = (kind: ShiftKind): Narrow => (b, f) => {
  const { shift, op } = NARROW[kind];
  const x = b.temp("v128");
  getSource(b, f);
  b.imm32(f.imm8shift);
  b[shift[f.size + 1]]().local_set(x);
  op(b, f.size, x, x);
  setNarrow(b, f.Vd, f.Q);
};

const saturatingRoundingNarrow = (kind: ShiftKind): RoundingNarrow => (b, f) => {
  const { shift, op } = NARROW[kind];
  const x = b.temp("v128");
  getSource(b, f);
  b.local_tee(x);
  b.imm32(f.imm8shift);
  b[shift[f.size + 1]]();
  roundUp(b, f.size + 1, f.imm8less, x);
  b[ADD[f.size + 1]]().local_set(x);
  op(b, f.size, x, x);
  setNarrow(b, f.Vd, f.Q);
};

const leftLong = (isSigned: boolean): Left => (b, f) => {
  b.getV(f.Vn);
  extend(b, f.size, isSigned, f.Q);
  b.imm32(f.imm8shift);
  b[SHL[f.size + 1]]();
  b.setV(f.Vd);
};

// ---- decoding

interface ImmFields {
  readonly rawImmh: number;
  readonly rawImmb: number;
}
interface VectorFields extends ImmFields {
  readonly Q: number;
}

const size = (f: ImmFields): number => 31 - Math.clz32(f.rawImmh);
const esize = (f: ImmFields): number => 8 << size(f);
const rightBy = (f: ImmFields): number => 2 * esize(f) - (f.rawImmh << 3 | f.rawImmb);
const leftBy = (f: ImmFields): number => (f.rawImmh << 3 | f.rawImmb) - esize(f);
const less = (f: ImmFields): number => rightBy(f) - 1;
const full = (f: ImmFields): number => rightBy(f) === esize(f) ? 1 : 0;
const scalar = (): number => SCALAR;

// immh 0 is the modified immediate group.
const any = (f: VectorFields): boolean => f.rawImmh !== 0 && (f.rawImmh < 8 || f.Q === 1);
const only64 = (f: ImmFields): boolean => f.rawImmh >= 8;
const to32 = (f: ImmFields): boolean => f.rawImmh !== 0 && f.rawImmh < 8;
const allocated = (f: ImmFields): boolean => f.rawImmh !== 0;

// A signed shift by all bits leaves what one by one bit less does.
const signedRight = {
  size,
  full: () => 0,
  imm8shift: (f: ImmFields): number => Math.min(rightBy(f), esize(f) - 1),
} as const;
const unsignedRight = { size, full, imm8shift: rightBy } as const;
const toLeft = { size, imm8shift: leftBy } as const;
const toNarrow = { size, imm8shift: rightBy } as const;
const roundingToNarrow = { ...toNarrow, imm8less: less } as const;

const vectors = {
  signed: { when: any, derive: signedRight },
  unsigned: { when: any, derive: unsignedRight },
  signedRounding: { when: any, derive: { ...signedRight, imm8less: less } },
  unsignedRounding: { when: any, derive: { ...unsignedRight, imm8less: less } },
  left: { when: any, derive: toLeft },
  narrow: { when: to32, derive: toNarrow },
  roundingNarrow: { when: to32, derive: roundingToNarrow },
  long: { when: to32, derive: toLeft },
} as const;

const scalars = {
  signed: { when: only64, derive: { ...signedRight, Q: scalar } },
  unsigned: { when: only64, derive: { ...unsignedRight, Q: scalar } },
  signedRounding: { when: only64, derive: { ...signedRight, imm8less: less, Q: scalar } },
  unsignedRounding: { when: only64, derive: { ...unsignedRight, imm8less: less, Q: scalar } },
  left: { when: only64, derive: { ...toLeft, Q: scalar } },
  saturatingLeft: { when: allocated, derive: { ...toLeft, Q: scalar } },
  narrow: { when: to32, derive: { ...toNarrow, Q: scalar } },
  roundingNarrow: { when: to32, derive: { ...roundingToNarrow, Q: scalar } },
} as const;

const simd = "FEAT_AdvSIMD";

type Pattern = "0 Q 0 011110 rawImmh:4 rawImmb:3 00000 1 Vn:5 Vd:5";
type ScalarPattern = "01 0 111110 rawImmh:4 rawImmb:3 00000 1 Vn:5 Vd:5";

/** A row of the group: bit U and the opcode in bits 15:11. */
const shift = <D extends string>(
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Semantics<FieldNames<Pattern> | D>,
  options: RowOptions<Pattern, D>,
): Row => {
  const pattern = `0 Q ${U} 011110 rawImmh:4 rawImmb:3 ${opcode} 1 Vn:5 Vd:5` as Pattern;
  return row(pattern, name, simd, semantics, options);
};

/** The same for scalars. */
const scalarShift = <D extends string>(
  U: 0 | 1,
  opcode: string,
  name: string,
  semantics: Semantics<FieldNames<ScalarPattern> | D>,
  options: RowOptions<ScalarPattern, D>,
): Row => {
  const pattern = `01 ${U} 111110 rawImmh:4 rawImmb:3 ${opcode} 1 Vn:5 Vd:5` as ScalarPattern;
  return row(pattern, name, simd, semantics, options);
};

/** Vector shifts by immediate. */
export const simdShiftImmediateRows: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}, {right}", [
    shift(0, "00000", "SSHR", right(true, false), vectors.signed),
    shift(1, "00000", "USHR", right(false, false), vectors.unsigned),
    shift(0, "00010", "SSRA", right(true, true), vectors.signed),
    shift(1, "00010", "USRA", right(false, true), vectors.unsigned),
    shift(0, "00100", "SRSHR", roundingRight(true, false), vectors.signedRounding),
    shift(1, "00100", "URSHR", roundingRight(false, false), vectors.unsignedRounding),
    shift(0, "00110", "SRSRA", roundingRight(true, true), vectors.signedRounding),
    shift(1, "00110", "URSRA", roundingRight(false, true), vectors.unsignedRounding),
    shift(1, "01000", "SRI", rightInsert, vectors.unsigned),
  ]),
  ...withAsm("{Vd}, {Vn}, {left}", [
    shift(0, "01010", "SHL", left, vectors.left),
    shift(1, "01010", "SLI", leftInsert, vectors.left),
    shift(1, "01100", "SQSHLU", saturatingLeft("signedToUnsigned"), vectors.left),
    shift(0, "01110", "SQSHL (immediate)", saturatingLeft("signed"), vectors.left),
    shift(1, "01110", "UQSHL (immediate)", saturatingLeft("unsigned"), vectors.left),
  ]),
  ...withAsm("{Vd}, {Vn:wide}, {right}", [
    shift(0, "10000", "SHRN, SHRN2", narrow, vectors.narrow),
    shift(0, "10001", "RSHRN, RSHRN2", roundingNarrow, vectors.roundingNarrow),
    shift(0, "10010", "SQSHRN, SQSHRN2", saturatingNarrow("signed"), vectors.narrow),
    shift(1, "10010", "UQSHRN, UQSHRN2", saturatingNarrow("unsigned"), vectors.narrow),
    shift(1, "10000", "SQSHRUN, SQSHRUN2", saturatingNarrow("signedToUnsigned"), vectors.narrow),
    shift(
      0,
      "10011",
      "SQRSHRN, SQRSHRN2",
      saturatingRoundingNarrow("signed"),
      vectors.roundingNarrow,
    ),
    shift(
      1,
      "10011",
      "UQRSHRN, UQRSHRN2",
      saturatingRoundingNarrow("unsigned"),
      vectors.roundingNarrow,
    ),
    shift(
      1,
      "10001",
      "SQRSHRUN, SQRSHRUN2",
      saturatingRoundingNarrow("signedToUnsigned"),
      vectors.roundingNarrow,
    ),
  ]),
  ...withAsm("{Vd:wide}, {Vn}, {left}", [
    shift(0, "10100", "SSHLL, SSHLL2", leftLong(true), vectors.long),
    shift(1, "10100", "USHLL, USHLL2", leftLong(false), vectors.long),
  ]),
];

/** Scalar shifts by immediate. */
export const simdScalarShiftImmediateRows: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}, {right}", [
    scalarShift(0, "00000", "SSHR (scalar)", right(true, false), scalars.signed),
    scalarShift(1, "00000", "USHR (scalar)", right(false, false), scalars.unsigned),
    scalarShift(0, "00010", "SSRA (scalar)", right(true, true), scalars.signed),
    scalarShift(1, "00010", "USRA (scalar)", right(false, true), scalars.unsigned),
    scalarShift(0, "00100", "SRSHR (scalar)", roundingRight(true, false), scalars.signedRounding),
    scalarShift(
      1,
      "00100",
      "URSHR (scalar)",
      roundingRight(false, false),
      scalars.unsignedRounding,
    ),
    scalarShift(0, "00110", "SRSRA (scalar)", roundingRight(true, true), scalars.signedRounding),
    scalarShift(1, "00110", "URSRA (scalar)", roundingRight(false, true), scalars.unsignedRounding),
    scalarShift(1, "01000", "SRI (scalar)", rightInsert, scalars.unsigned),
  ]),
  ...withAsm("{Vd}, {Vn}, {left}", [
    scalarShift(0, "01010", "SHL (scalar)", left, scalars.left),
    scalarShift(1, "01010", "SLI (scalar)", leftInsert, scalars.left),
    scalarShift(
      1,
      "01100",
      "SQSHLU (scalar)",
      saturatingLeft("signedToUnsigned"),
      scalars.saturatingLeft,
    ),
    scalarShift(
      0,
      "01110",
      "SQSHL (immediate, scalar)",
      saturatingLeft("signed"),
      scalars.saturatingLeft,
    ),
    scalarShift(
      1,
      "01110",
      "UQSHL (immediate, scalar)",
      saturatingLeft("unsigned"),
      scalars.saturatingLeft,
    ),
  ]),
  ...withAsm("{Vd}, {Vn:wide}, {right}", [
    scalarShift(0, "10010", "SQSHRN (scalar)", saturatingNarrow("signed"), scalars.narrow),
    scalarShift(1, "10010", "UQSHRN (scalar)", saturatingNarrow("unsigned"), scalars.narrow),
    scalarShift(
      1,
      "10000",
      "SQSHRUN (scalar)",
      saturatingNarrow("signedToUnsigned"),
      scalars.narrow,
    ),
    scalarShift(
      0,
      "10011",
      "SQRSHRN (scalar)",
      saturatingRoundingNarrow("signed"),
      scalars.roundingNarrow,
    ),
    scalarShift(
      1,
      "10011",
      "UQRSHRN (scalar)",
      saturatingRoundingNarrow("unsigned"),
      scalars.roundingNarrow,
    ),
    scalarShift(
      1,
      "10001",
      "SQRSHRUN (scalar)",
      saturatingRoundingNarrow("signedToUnsigned"),
      scalars.roundingNarrow,
    ),
  ]),
];

/**
 * Advanced SIMD shift by immediate, integer, vector and scalar (Arm ARM, C4.1.96). immh:immb holds
 * the element size as its highest set bit of immh, and the shift: esize*2 - it to the right,
 * it - esize to the left.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row, type Semantics } from "../../engine/row.ts";
import {
  narrowSigned,
  narrowSignedToUnsigned,
  narrowUnsigned,
  type ShiftKind,
  shiftLeftSaturating,
} from "./simd_arithmetic.ts";
import {
  ADD,
  evenLanes,
  getQ,
  ones,
  SCALAR,
  setNarrow,
  setQ,
  SHL,
  SHR_S,
  SHR_U,
  vector,
  vectorQ,
  zero,
} from "./simd_lanes.ts";
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

/** Vector shifts by immediate. */
export const simdShiftImmediateRows: readonly Row[] = [
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 00000 1 Vn:5 Vd:5",
    "SSHR",
    simd,
    right(true, false),
    vectors.signed,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 00000 1 Vn:5 Vd:5",
    "USHR",
    simd,
    right(false, false),
    vectors.unsigned,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 00010 1 Vn:5 Vd:5",
    "SSRA",
    simd,
    right(true, true),
    vectors.signed,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 00010 1 Vn:5 Vd:5",
    "USRA",
    simd,
    right(false, true),
    vectors.unsigned,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 00100 1 Vn:5 Vd:5",
    "SRSHR",
    simd,
    roundingRight(true, false),
    vectors.signedRounding,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 00100 1 Vn:5 Vd:5",
    "URSHR",
    simd,
    roundingRight(false, false),
    vectors.unsignedRounding,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 00110 1 Vn:5 Vd:5",
    "SRSRA",
    simd,
    roundingRight(true, true),
    vectors.signedRounding,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 00110 1 Vn:5 Vd:5",
    "URSRA",
    simd,
    roundingRight(false, true),
    vectors.unsignedRounding,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 01000 1 Vn:5 Vd:5",
    "SRI",
    simd,
    rightInsert,
    vectors.unsigned,
  ),
  row("0 Q 0 011110 rawImmh:4 rawImmb:3 01010 1 Vn:5 Vd:5", "SHL", simd, left, vectors.left),
  row("0 Q 1 011110 rawImmh:4 rawImmb:3 01010 1 Vn:5 Vd:5", "SLI", simd, leftInsert, vectors.left),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 01100 1 Vn:5 Vd:5",
    "SQSHLU",
    simd,
    saturatingLeft("signedToUnsigned"),
    vectors.left,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 01110 1 Vn:5 Vd:5",
    "SQSHL (immediate)",
    simd,
    saturatingLeft("signed"),
    vectors.left,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 01110 1 Vn:5 Vd:5",
    "UQSHL (immediate)",
    simd,
    saturatingLeft("unsigned"),
    vectors.left,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 10000 1 Vn:5 Vd:5",
    "SHRN, SHRN2",
    simd,
    narrow,
    vectors.narrow,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 10001 1 Vn:5 Vd:5",
    "RSHRN, RSHRN2",
    simd,
    roundingNarrow,
    vectors.roundingNarrow,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 10010 1 Vn:5 Vd:5",
    "SQSHRN, SQSHRN2",
    simd,
    saturatingNarrow("signed"),
    vectors.narrow,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 10010 1 Vn:5 Vd:5",
    "UQSHRN, UQSHRN2",
    simd,
    saturatingNarrow("unsigned"),
    vectors.narrow,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 10000 1 Vn:5 Vd:5",
    "SQSHRUN, SQSHRUN2",
    simd,
    saturatingNarrow("signedToUnsigned"),
    vectors.narrow,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 10011 1 Vn:5 Vd:5",
    "SQRSHRN, SQRSHRN2",
    simd,
    saturatingRoundingNarrow("signed"),
    vectors.roundingNarrow,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 10011 1 Vn:5 Vd:5",
    "UQRSHRN, UQRSHRN2",
    simd,
    saturatingRoundingNarrow("unsigned"),
    vectors.roundingNarrow,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 10001 1 Vn:5 Vd:5",
    "SQRSHRUN, SQRSHRUN2",
    simd,
    saturatingRoundingNarrow("signedToUnsigned"),
    vectors.roundingNarrow,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 10100 1 Vn:5 Vd:5",
    "SSHLL, SSHLL2",
    simd,
    leftLong(true),
    vectors.long,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 10100 1 Vn:5 Vd:5",
    "USHLL, USHLL2",
    simd,
    leftLong(false),
    vectors.long,
  ),
];

/** Scalar shifts by immediate. */
export const simdScalarShiftImmediateRows: readonly Row[] = [
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 00000 1 Vn:5 Vd:5",
    "SSHR (scalar)",
    simd,
    right(true, false),
    scalars.signed,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 00000 1 Vn:5 Vd:5",
    "USHR (scalar)",
    simd,
    right(false, false),
    scalars.unsigned,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 00010 1 Vn:5 Vd:5",
    "SSRA (scalar)",
    simd,
    right(true, true),
    scalars.signed,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 00010 1 Vn:5 Vd:5",
    "USRA (scalar)",
    simd,
    right(false, true),
    scalars.unsigned,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 00100 1 Vn:5 Vd:5",
    "SRSHR (scalar)",
    simd,
    roundingRight(true, false),
    scalars.signedRounding,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 00100 1 Vn:5 Vd:5",
    "URSHR (scalar)",
    simd,
    roundingRight(false, false),
    scalars.unsignedRounding,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 00110 1 Vn:5 Vd:5",
    "SRSRA (scalar)",
    simd,
    roundingRight(true, true),
    scalars.signedRounding,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 00110 1 Vn:5 Vd:5",
    "URSRA (scalar)",
    simd,
    roundingRight(false, true),
    scalars.unsignedRounding,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 01000 1 Vn:5 Vd:5",
    "SRI (scalar)",
    simd,
    rightInsert,
    scalars.unsigned,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 01010 1 Vn:5 Vd:5",
    "SHL (scalar)",
    simd,
    left,
    scalars.left,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 01010 1 Vn:5 Vd:5",
    "SLI (scalar)",
    simd,
    leftInsert,
    scalars.left,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 01100 1 Vn:5 Vd:5",
    "SQSHLU (scalar)",
    simd,
    saturatingLeft("signedToUnsigned"),
    scalars.saturatingLeft,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 01110 1 Vn:5 Vd:5",
    "SQSHL (immediate, scalar)",
    simd,
    saturatingLeft("signed"),
    scalars.saturatingLeft,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 01110 1 Vn:5 Vd:5",
    "UQSHL (immediate, scalar)",
    simd,
    saturatingLeft("unsigned"),
    scalars.saturatingLeft,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 10010 1 Vn:5 Vd:5",
    "SQSHRN (scalar)",
    simd,
    saturatingNarrow("signed"),
    scalars.narrow,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 10010 1 Vn:5 Vd:5",
    "UQSHRN (scalar)",
    simd,
    saturatingNarrow("unsigned"),
    scalars.narrow,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 10000 1 Vn:5 Vd:5",
    "SQSHRUN (scalar)",
    simd,
    saturatingNarrow("signedToUnsigned"),
    scalars.narrow,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 10011 1 Vn:5 Vd:5",
    "SQRSHRN (scalar)",
    simd,
    saturatingRoundingNarrow("signed"),
    scalars.roundingNarrow,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 10011 1 Vn:5 Vd:5",
    "UQRSHRN (scalar)",
    simd,
    saturatingRoundingNarrow("unsigned"),
    scalars.roundingNarrow,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 10001 1 Vn:5 Vd:5",
    "SQRSHRUN (scalar)",
    simd,
    saturatingRoundingNarrow("signedToUnsigned"),
    scalars.roundingNarrow,
  ),
];

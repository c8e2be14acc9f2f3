/** Advanced SIMD modified immediate (Arm ARM, C4.1.96): the immediate is expanded at decode. */
import { type Row, row, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import { laneFromI64, zero } from "../simd/lanes.ts";
import { setQ } from "./simd_lanes.ts";

/** AdvSIMDExpandImm() (Arm ARM, J1.1.3), as an unsigned 64-bit value. */
export function expandSimdImmediate(op: number, cmode: number, imm8: number): bigint {
  const byte = BigInt(imm8);
  const word = (value: bigint): bigint => value | value << 32n;
  const half = (value: bigint): bigint => word(value | value << 16n);
  switch (cmode >> 1) {
    case 0:
    case 1:
    case 2:
    case 3:
      return word(byte << BigInt((cmode >> 1) * 8));
    case 4:
    case 5:
      return half(byte << BigInt((cmode >> 1 & 1) * 8));
    case 6:
      // "Shifting ones": 0x0000XXff or 0x00XXffff.
      return word((cmode & 1) === 0 ? byte << 8n | 0xffn : byte << 16n | 0xffffn);
    default:
  }
  if (cmode === 14 && op === 0) return half(byte | byte << 8n);
  if (cmode === 14) {
    // Each bit of imm8 becomes a byte.
    let mask = 0n;
    for (let i = 0; i < 8; i++) if (imm8 >> i & 1) mask |= 0xffn << BigInt(8 * i);
    return mask;
  }
  // VFPExpandImm: sign, NOT(b):b..., two more exponent bits, four fraction bits.
  const sign = BigInt(imm8 >> 7);
  const low6 = BigInt(imm8 & 0x3f);
  if (op === 0) {
    return word(sign << 31n | (imm8 & 0x40 ? 0x1fn << 25n : 0x20n << 25n) | low6 << 19n);
  }
  return sign << 63n | (imm8 & 0x40 ? 0xffn << 54n : 0x100n << 54n) | low6 << 48n;
}

interface ImmediateFields {
  readonly rawOp?: number;
  readonly rawAbc: number;
  readonly rawCmode: number;
  readonly rawDefgh: number;
}

const expand = (f: ImmediateFields, op: number): bigint =>
  expandSimdImmediate(op, f.rawCmode, f.rawAbc << 5 | f.rawDefgh);
const invert = (value: bigint): bigint => BigInt.asUintN(64, ~value);

/** MOVI and MVNI forms of cmode: 0xx0, 10x0, 110x. */
const moves = (f: ImmediateFields): boolean =>
  (f.rawCmode & 9) === 0 || (f.rawCmode & 13) === 8 || (f.rawCmode & 14) === 12;
/** ORR and BIC forms of cmode: 0xx1, 10x1. */
const combines = (f: ImmediateFields): boolean => (f.rawCmode & 9) === 1 || (f.rawCmode & 13) === 9;

const move: Semantics<"Q" | "imm" | "isZero" | "Vd"> = (b, f) => {
  if (f.isZero) {
    zero(b);
  } else {
    b.imm(f.imm);
    if (f.Q) b.i64x2_splat();
    else laneFromI64(b);
  }
  b.setV(f.Vd);
};

const or: Semantics<"Q" | "imm" | "Vd"> = (b, f) => {
  b.getV(f.Vd);
  b.imm(f.imm);
  b.i64x2_splat().v128_or();
  setQ(b, f.Vd, f.Q);
};

/** The immediate is inverted at decode. */
const and: Semantics<"Q" | "imm" | "Vd"> = (b, f) => {
  b.getV(f.Vd);
  b.imm(f.imm);
  b.i64x2_splat().v128_and();
  setQ(b, f.Vd, f.Q);
};

/** Clearing a register is by far the most frequent use: it has a form without an immediate. */
const isZero = (value: (f: ImmediateFields) => bigint) => (f: ImmediateFields): number =>
  value(f) === 0n ? 1 : 0;

const movi = (f: ImmediateFields): bigint => expand(f, f.rawOp ?? 0);
const mvni = (f: ImmediateFields): bigint => invert(expand(f, 0));

const simd = "FEAT_AdvSIMD";

/** Advanced SIMD modified immediate. */
export const simdModifiedImmediateRows: readonly Row[] = withAsm(
  "{Vd:modified}, {modifiedImmediate}",
  [
    row(
      "0 Q rawOp 0111100000 rawAbc:3 rawCmode:4 01 rawDefgh:5 Vd:5",
      "MOVI",
      simd,
      move,
      {
        when: (f) => f.rawCmode === 14 || (f.rawOp === 0 && moves(f)),
        derive: { imm: movi, isZero: isZero(movi) },
      },
    ),
    row(
      "0 Q 1 0111100000 rawAbc:3 rawCmode:4 01 rawDefgh:5 Vd:5",
      "MVNI",
      simd,
      move,
      { when: moves, derive: { imm: mvni, isZero: isZero(mvni) } },
    ),
    row(
      "0 Q 0 0111100000 rawAbc:3 rawCmode:4 01 rawDefgh:5 Vd:5",
      "ORR (vector, immediate)",
      simd,
      or,
      { when: combines, derive: { imm: (f) => expand(f, 0) } },
    ),
    row(
      "0 Q 1 0111100000 rawAbc:3 rawCmode:4 01 rawDefgh:5 Vd:5",
      "BIC (vector, immediate)",
      simd,
      and,
      { when: combines, derive: { imm: (f) => invert(expand(f, 0)) } },
    ),
    row(
      "0 Q rawOp 0111100000 rawAbc:3 rawCmode:4 01 rawDefgh:5 Vd:5",
      "FMOV (vector, immediate)",
      simd,
      move,
      {
        when: (f) => f.rawCmode === 15 && (f.rawOp === 0 || f.Q === 1),
        derive: { imm: movi, isZero: () => 0 },
        asm: "fmov {Vd:modified}, {modifiedFloat}",
      },
    ),
  ],
);

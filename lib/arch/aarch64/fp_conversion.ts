/**
 * Conversion between floating-point and general registers: integers, fixed point, and moves of bit
 * patterns (Arm ARM, C4.1.96).
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { withAsm } from "./asm.ts";
import { rounded } from "./fp_data_processing.ts";
import { inexactKnown, loadF, setF } from "./fp_emit.ts";
import { Rounding } from "../fp/softfloat_format.ts";
import { conversion } from "./softfloat_ops.ts";

const FP = "FEAT_FP";

interface Types {
  readonly sf: number;
  readonly ftype: number;
}

const ONE_OR_TWO = { when: (f: Types): boolean => f.ftype < 2 };

function width(f: Types): Width {
  return f.ftype === 1 ? 64 : 32;
}

/** [] -> [f64] a local widened. */
function asDouble(b: Builder, w: Width, local: number): void {
  b.local_get(local);
  if (w === 32) b.f64_promote_f32();
}

/**
 * [] -> [i64] a number as integer of 32 (zero-extended) or 64 bits. The host truncates, provided
 * that the value is in range and that its inexactness is known; the rest is the helper's.
 */
export function toInteger(
  b: Builder,
  w: Width,
  n: number,
  bits: 32 | 64,
  unsigned: boolean,
  rounding: Rounding,
): void {
  const y = b.temp(typeOf(w));
  // The conversion itself truncates.
  if (rounding === Rounding.zero) b.local_get(n);
  else rounded(b, w, rounding, n);
  b.local_set(y);
  if (unsigned) {
    asDouble(b, w, y);
    b.f64_const(0).f64_ge();
    asDouble(b, w, y);
    b.f64_const(2 ** bits).f64_lt().i32_and();
  } else {
    asDouble(b, w, y);
    b.f64_abs().f64_const(2 ** (bits - 1)).f64_lt();
  }
  inexactKnown(b);
  b.i32_and().if_("i64").local_get(y);
  const sign = unsigned ? "u" : "s";
  if (bits === 64) b[`i64_trunc_sat_f${w}_${sign}`]();
  else b[`i32_trunc_sat_f${w}_${sign}`]().i64_extend_i32_u();
  b.else_().local_get(n).i32_const(conversion(bits, unsigned, rounding));
  b.callHelper(`fp.toFixed.${w}`);
  b.end();
}

function toGeneral(unsigned: boolean, rounding: Rounding) {
  return (b: Builder, f: Types & { Vn: Operand; Rd: Operand }): void => {
    const n = loadF(b, width(f), f.Vn);
    toInteger(b, width(f), n, f.sf === 1 ? 64 : 32, unsigned, rounding);
    b.set(f.Rd);
  };
}

/** [] -> [i64] general register extended by its sign, or not, from the operation's width. */
function getInteger(b: Builder, f: Types & { Rn: Operand }, unsigned: boolean): void {
  if (f.sf === 1) {
    b.get(f.Rn);
    return;
  }
  b.get32(f.Rn);
  if (unsigned) b.i64_extend_i32_u();
  else b.i64_extend_i32_s();
}

function fromGeneral(unsigned: boolean) {
  return (b: Builder, f: Types & { Rn: Operand; Vd: Operand }): void => {
    const w = width(f);
    const sign = unsigned ? "u" : "s";
    if (f.sf === 0 && w === 64) {
      // Always exact.
      b.get32(f.Rn);
      b[`f64_convert_i32_${sign}`]();
      b.setD(f.Vd);
      return;
    }
    const value = b.temp("i64");
    getInteger(b, f, unsigned);
    b.local_set(value);
    inexactKnown(b);
    b.if_(typeOf(w)).local_get(value)[`f${w}_convert_i64_${sign}`]();
    b.else_().local_get(value).i32_const(conversion(f.sf === 1 ? 64 : 32, unsigned));
    b.callHelper(`fp.fromFixed.${w}`);
    b.end();
    setF(b, w, f.Vd);
  };
}

const integers: readonly Row[] = withAsm("{Rd}, {Vn}", [
  row(
    "sf 0011110 ftype:2 1 00 000 000000 Vn:5 Rd:5",
    "FCVTNS (scalar)",
    FP,
    toGeneral(false, Rounding.nearest),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 00 001 000000 Vn:5 Rd:5",
    "FCVTNU (scalar)",
    FP,
    toGeneral(true, Rounding.nearest),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 00 100 000000 Vn:5 Rd:5",
    "FCVTAS (scalar)",
    FP,
    toGeneral(false, Rounding.away),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 00 101 000000 Vn:5 Rd:5",
    "FCVTAU (scalar)",
    FP,
    toGeneral(true, Rounding.away),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 01 000 000000 Vn:5 Rd:5",
    "FCVTPS (scalar)",
    FP,
    toGeneral(false, Rounding.plus),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 01 001 000000 Vn:5 Rd:5",
    "FCVTPU (scalar)",
    FP,
    toGeneral(true, Rounding.plus),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 10 000 000000 Vn:5 Rd:5",
    "FCVTMS (scalar)",
    FP,
    toGeneral(false, Rounding.minus),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 10 001 000000 Vn:5 Rd:5",
    "FCVTMU (scalar)",
    FP,
    toGeneral(true, Rounding.minus),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 11 000 000000 Vn:5 Rd:5",
    "FCVTZS (scalar, integer)",
    FP,
    toGeneral(false, Rounding.zero),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 11 001 000000 Vn:5 Rd:5",
    "FCVTZU (scalar, integer)",
    FP,
    toGeneral(true, Rounding.zero),
    ONE_OR_TWO,
  ),
  row(
    "sf 0011110 ftype:2 1 00 010 000000 Rn:5 Vd:5",
    "SCVTF (scalar, integer)",
    FP,
    fromGeneral(false),
    { ...ONE_OR_TWO, asm: "scvtf {Vd}, {Rn}" },
  ),
  row(
    "sf 0011110 ftype:2 1 00 011 000000 Rn:5 Vd:5",
    "UCVTF (scalar, integer)",
    FP,
    fromGeneral(true),
    { ...ONE_OR_TWO, asm: "ucvtf {Vd}, {Rn}" },
  ),
]);

const moves: readonly Row[] = [
  row("0 0011110 00 1 00 110 000000 Vn:5 Rd:5", "FMOV (single to general)", FP, (b, f) => {
    b.getS(f.Vn);
    b.i32_reinterpret_f32();
    b.set32(f.Rd);
  }, { asm: "fmov {Rd:w}, s{Vn:number}" }),
  row("1 0011110 01 1 00 110 000000 Vn:5 Rd:5", "FMOV (double to general)", FP, (b, f) => {
    b.getD(f.Vn);
    b.i64_reinterpret_f64();
    b.set(f.Rd);
  }, { asm: "fmov {Rd:x}, d{Vn:number}" }),
  row("0 0011110 00 1 00 111 000000 Rn:5 Vd:5", "FMOV (general to single)", FP, (b, f) => {
    b.get32(f.Rn);
    b.f32_reinterpret_i32();
    b.setS(f.Vd);
  }, { asm: "fmov s{Vd:number}, {Rn:w}" }),
  row("1 0011110 01 1 00 111 000000 Rn:5 Vd:5", "FMOV (general to double)", FP, (b, f) => {
    b.get(f.Rn);
    b.f64_reinterpret_i64();
    b.setD(f.Vd);
  }, { asm: "fmov d{Vd:number}, {Rn:x}" }),
  row("1 0011110 10 1 01 110 000000 Vn:5 Rd:5", "FMOV (top half to general)", FP, (b, f) => {
    b.getV(f.Vn);
    b.i64x2_extract_lane(1);
    b.set(f.Rd);
  }, { asm: "fmov {Rd:x}, v{Vn:number}.d[1]" }),
  row("1 0011110 10 1 01 111 000000 Rn:5 Vd:5", "FMOV (general to top half)", FP, (b, f) => {
    b.getV(f.Vd);
    b.get(f.Rn);
    b.i64x2_replace_lane(1);
    b.setV(f.Vd);
  }, { asm: "fmov v{Vd:number}.d[1], {Rn:x}" }),
];

/** `scale` is 64 minus the number of fraction bits, which is at most the register's width. */
interface Scaled extends Types {
  readonly rawScale: number;
}

const FIXED = {
  when: (f: Scaled): boolean => f.ftype < 2 && (f.sf === 1 || f.rawScale >= 32),
  derive: { imm8Fraction: (f: { readonly rawScale: number }): number => 64 - f.rawScale },
};

function toFixedPoint(unsigned: boolean) {
  return (b: Builder, f: Types & { imm8Fraction: Operand; Vn: Operand; Rd: Operand }): void => {
    b.local_get(loadF(b, width(f), f.Vn));
    b.imm32(f.imm8Fraction);
    b.i32_const(conversion(f.sf === 1 ? 64 : 32, unsigned, Rounding.zero)).i32_or();
    b.callHelper(`fp.toFixed.${width(f)}`);
    b.set(f.Rd);
  };
}

function fromFixedPoint(unsigned: boolean) {
  return (b: Builder, f: Types & { imm8Fraction: Operand; Rn: Operand; Vd: Operand }): void => {
    getInteger(b, f, unsigned);
    b.imm32(f.imm8Fraction);
    b.i32_const(conversion(f.sf === 1 ? 64 : 32, unsigned)).i32_or();
    b.callHelper(`fp.fromFixed.${width(f)}`);
    setF(b, width(f), f.Vd);
  };
}

const fixedPoint: readonly Row[] = withAsm("{Rd}, {Vn}, {imm8Fraction}", [
  row(
    "sf 0011110 ftype:2 0 00 010 rawScale:6 Rn:5 Vd:5",
    "SCVTF (scalar, fixed-point)",
    FP,
    fromFixedPoint(false),
    { ...FIXED, asm: "scvtf {Vd}, {Rn}, {imm8Fraction}" },
  ),
  row(
    "sf 0011110 ftype:2 0 00 011 rawScale:6 Rn:5 Vd:5",
    "UCVTF (scalar, fixed-point)",
    FP,
    fromFixedPoint(true),
    { ...FIXED, asm: "ucvtf {Vd}, {Rn}, {imm8Fraction}" },
  ),
  row(
    "sf 0011110 ftype:2 0 11 000 rawScale:6 Vn:5 Rd:5",
    "FCVTZS (scalar, fixed-point)",
    FP,
    toFixedPoint(false),
    FIXED,
  ),
  row(
    "sf 0011110 ftype:2 0 11 001 rawScale:6 Vn:5 Rd:5",
    "FCVTZU (scalar, fixed-point)",
    FP,
    toFixedPoint(true),
    FIXED,
  ),
]);

/** All rows of this group. */
export const fpConversionRows: readonly Row[] = [...integers, ...moves, ...fixedPoint];

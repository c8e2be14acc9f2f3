/** Advanced SIMD conversions from and to integers and fixed point (Arm ARM, C4.1.96), vector and scalar. */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { withAsm } from "./asm.ts";
import { toInteger } from "./fp_conversion.ts";
import {
  allTrue,
  inexactKnown,
  lanesName,
  loadF,
  loadV,
  setF,
  setShape,
  type Shape,
  shapeOf,
  widthOf,
} from "./fp_emit.ts";
import { Rounding } from "../fp/softfloat_format.ts";
import { conversion } from "./softfloat_ops.ts";

const SIMD = "FEAT_AdvSIMD";
const FULL = { when: (f: { Q: number; sz: number }): boolean => f.sz === 0 || f.Q === 1 };

interface Unary {
  readonly Q: number;
  readonly sz: number;
  readonly Vn: Operand;
  readonly Vd: Operand;
}

interface ScalarUnary {
  readonly sz: number;
  readonly Vn: Operand;
  readonly Vd: Operand;
}

const STEPS: readonly ("nearest" | "ceil" | "floor" | "trunc" | undefined)[] = [
  "nearest",
  "ceil",
  "floor",
  "trunc",
];

/** [] -> [v128] a local's lanes rounded by the host to integral values. Not for NaN. */
export function roundedLanes(b: Builder, shape: Shape, rounding: Rounding, n: number): void {
  const lanes = lanesName(shape);
  const step = STEPS[rounding];
  if (step !== undefined) {
    b.local_get(n)[`${lanes}_${step}`]();
    return;
  }
  // Ties away from zero: truncated, plus 1 with the operand's sign if half or more was cut off.
  const t = b.temp("v128");
  const [half, one, sign] = shape === "2d"
    ? [0x3fe0000000000000n, 0x3ff0000000000000n, 1n << 63n]
    : [0x3f0000003f000000n, 0x3f8000003f800000n, 0x8000000080000000n];
  b.local_get(n)[`${lanes}_trunc`]().local_tee(t);
  b.local_get(n).local_get(t)[`${lanes}_sub`]()[`${lanes}_abs`]();
  b.v128_const(half, half)[`${lanes}_ge`]().v128_const(one, one).v128_and();
  b.local_get(n).v128_const(sign, sign).v128_and().v128_or()[`${lanes}_add`]();
}

/**
 * To integers of the lanes' width. Four singles by the host if all are in range (by magnitude) and
 * inexactness is known, two doubles lane by lane.
 */
function toIntegers(unsigned: boolean, rounding: Rounding) {
  return (b: Builder, f: Unary): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    if (shape === "2d") {
      const lane = b.temp("f64");
      const r = b.temp("v128");
      for (const i of [0, 1]) {
        b.local_get(n).f64x2_extract_lane(i).local_set(lane);
        if (i === 1) b.local_get(r);
        toInteger(b, 64, lane, 64, unsigned, rounding);
        if (i === 0) b.i64x2_splat().local_set(r);
        else b.i64x2_replace_lane(1);
      }
      b.setV(f.Vd);
      return;
    }
    const y = b.temp("v128");
    roundedLanes(b, shape, rounding, n);
    b.local_tee(y);
    if (!unsigned) b.f32x4_abs();
    b.f32_const(unsigned ? 2 ** 32 : 2 ** 31).f32x4_splat().f32x4_lt();
    if (unsigned) b.local_get(y).f32_const(0).f32x4_splat().f32x4_ge().v128_and();
    allTrue(b, shape);
    inexactKnown(b);
    b.i32_and().if_("v128").local_get(y);
    b[`i32x4_trunc_sat_f32x4_${unsigned ? "u" as const : "s" as const}`]();
    b.else_().local_get(n).i32_const(conversion(32, unsigned, rounding));
    b.callHelper(`fp.toFixed.${shape}`);
    b.end();
    setShape(b, shape, f.Vd);
  };
}

function scalarToInteger(unsigned: boolean, rounding: Rounding) {
  return (b: Builder, f: ScalarUnary): void => {
    const width = f.sz === 1 ? 64 : 32;
    toInteger(b, width, loadF(b, width, f.Vn), width, unsigned, rounding);
    setBits(b, width, f.Vd);
  };
}

/** [i64] -> [] an integer result in lane 0. */
function setBits(b: Builder, width: Width, v: Operand): void {
  if (width === 64) b.f64_reinterpret_i64();
  else b.i32_wrap_i64().f32_reinterpret_i32();
  setF(b, width, v);
}

/** From integers of the lanes' width. */
function fromIntegers(unsigned: boolean) {
  return (b: Builder, f: Unary): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    const sign = unsigned ? "u" as const : "s" as const;
    inexactKnown(b);
    b.if_("v128");
    if (shape === "2d") {
      b.local_get(n).i64x2_extract_lane(0)[`f64_convert_i64_${sign}`]().f64x2_splat();
      b.local_get(n).i64x2_extract_lane(1)[`f64_convert_i64_${sign}`]().f64x2_replace_lane(1);
    } else b.local_get(n)[`f32x4_convert_i32x4_${sign}`]();
    b.else_().local_get(n).i32_const(conversion(widthOf(shape), unsigned));
    b.callHelper(`fp.fromFixed.${shape}`);
    b.end();
    setShape(b, shape, f.Vd);
  };
}

/** [] -> [i64] lane 0 as an integer, extended from the width. */
function getBits(b: Builder, width: Width, unsigned: boolean, v: Operand): void {
  if (width === 64) {
    b.getD(v);
    b.i64_reinterpret_f64();
    return;
  }
  b.getS(v);
  b.i32_reinterpret_f32();
  if (unsigned) b.i64_extend_i32_u();
  else b.i64_extend_i32_s();
}

function scalarFromInteger(unsigned: boolean) {
  return (b: Builder, f: ScalarUnary): void => {
    const width = f.sz === 1 ? 64 : 32;
    const value = b.temp("i64");
    getBits(b, width, unsigned, f.Vn);
    b.local_set(value);
    inexactKnown(b);
    b.if_(typeOf(width)).local_get(value);
    b[`f${width}_convert_i64_${unsigned ? "u" as const : "s" as const}`]();
    b.else_().local_get(value).i32_const(conversion(width, unsigned));
    b.callHelper(`fp.fromFixed.${width}`);
    b.end();
    setF(b, width, f.Vd);
  };
}

const integers: readonly Row[] = withAsm("{Vd}, {Vn}", [
  row(
    "0 Q 0 01110 0 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTNS (vector)",
    SIMD,
    toIntegers(false, Rounding.nearest),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTMS (vector)",
    SIMD,
    toIntegers(false, Rounding.minus),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 10000 11100 10 Vn:5 Vd:5",
    "FCVTAS (vector)",
    SIMD,
    toIntegers(false, Rounding.away),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 10000 11101 10 Vn:5 Vd:5",
    "SCVTF (vector, integer)",
    SIMD,
    fromIntegers(false),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTPS (vector)",
    SIMD,
    toIntegers(false, Rounding.plus),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTZS (vector, integer)",
    SIMD,
    toIntegers(false, Rounding.zero),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTNU (vector)",
    SIMD,
    toIntegers(true, Rounding.nearest),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTMU (vector)",
    SIMD,
    toIntegers(true, Rounding.minus),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 10000 11100 10 Vn:5 Vd:5",
    "FCVTAU (vector)",
    SIMD,
    toIntegers(true, Rounding.away),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 10000 11101 10 Vn:5 Vd:5",
    "UCVTF (vector, integer)",
    SIMD,
    fromIntegers(true),
    FULL,
  ),
  row(
    "0 Q 1 01110 1 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTPU (vector)",
    SIMD,
    toIntegers(true, Rounding.plus),
    FULL,
  ),
  row(
    "0 Q 1 01110 1 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTZU (vector, integer)",
    SIMD,
    toIntegers(true, Rounding.zero),
    FULL,
  ),
  row(
    "01 0 11110 0 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTNS (vector, scalar)",
    SIMD,
    scalarToInteger(false, Rounding.nearest),
  ),
  row(
    "01 0 11110 0 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTMS (vector, scalar)",
    SIMD,
    scalarToInteger(false, Rounding.minus),
  ),
  row(
    "01 0 11110 0 sz 10000 11100 10 Vn:5 Vd:5",
    "FCVTAS (vector, scalar)",
    SIMD,
    scalarToInteger(false, Rounding.away),
  ),
  row(
    "01 0 11110 0 sz 10000 11101 10 Vn:5 Vd:5",
    "SCVTF (vector, integer, scalar)",
    SIMD,
    scalarFromInteger(false),
  ),
  row(
    "01 0 11110 1 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTPS (vector, scalar)",
    SIMD,
    scalarToInteger(false, Rounding.plus),
  ),
  row(
    "01 0 11110 1 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTZS (vector, integer, scalar)",
    SIMD,
    scalarToInteger(false, Rounding.zero),
  ),
  row(
    "01 1 11110 0 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTNU (vector, scalar)",
    SIMD,
    scalarToInteger(true, Rounding.nearest),
  ),
  row(
    "01 1 11110 0 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTMU (vector, scalar)",
    SIMD,
    scalarToInteger(true, Rounding.minus),
  ),
  row(
    "01 1 11110 0 sz 10000 11100 10 Vn:5 Vd:5",
    "FCVTAU (vector, scalar)",
    SIMD,
    scalarToInteger(true, Rounding.away),
  ),
  row(
    "01 1 11110 0 sz 10000 11101 10 Vn:5 Vd:5",
    "UCVTF (vector, integer, scalar)",
    SIMD,
    scalarFromInteger(true),
  ),
  row(
    "01 1 11110 1 sz 10000 11010 10 Vn:5 Vd:5",
    "FCVTPU (vector, scalar)",
    SIMD,
    scalarToInteger(true, Rounding.plus),
  ),
  row(
    "01 1 11110 1 sz 10000 11011 10 Vn:5 Vd:5",
    "FCVTZU (vector, integer, scalar)",
    SIMD,
    scalarToInteger(true, Rounding.zero),
  ),
]);

/** immh:immb is twice the lanes' width minus the number of fraction bits. */
interface Shifted {
  readonly rawImmh: number;
  readonly rawImmb: number;
}

function sizeOf(f: Shifted): number {
  return f.rawImmh >= 8 ? 1 : 0;
}

const FIXED = {
  when: (f: Shifted & { Q: number }): boolean => f.rawImmh >= 4 && (f.rawImmh < 8 || f.Q === 1),
  derive: {
    sz: sizeOf,
    imm8Fraction: (f: Shifted): number => (64 << sizeOf(f)) - (f.rawImmh << 3 | f.rawImmb),
  },
};
const SCALAR_FIXED = { ...FIXED, when: (f: Shifted): boolean => f.rawImmh >= 4 };

/** [] -> [i32] argument of the conversion helpers. */
function fixedPoint(b: Builder, width: Width, unsigned: boolean, fraction: Operand): void {
  b.imm32(fraction);
  b.i32_const(conversion(width, unsigned, Rounding.zero)).i32_or();
}

function vectorFixed(helper: "toFixed" | "fromFixed", unsigned: boolean) {
  return (b: Builder, f: Unary & { imm8Fraction: Operand }): void => {
    const shape = shapeOf(f.Q, f.sz);
    b.getV(f.Vn);
    fixedPoint(b, widthOf(shape), unsigned, f.imm8Fraction);
    b.callHelper(`fp.${helper}.${shape}`);
    setShape(b, shape, f.Vd);
  };
}

function scalarToFixed(unsigned: boolean) {
  return (b: Builder, f: ScalarUnary & { imm8Fraction: Operand }): void => {
    const width = f.sz === 1 ? 64 : 32;
    b.local_get(loadF(b, width, f.Vn));
    fixedPoint(b, width, unsigned, f.imm8Fraction);
    b.callHelper(`fp.toFixed.${width}`);
    setBits(b, width, f.Vd);
  };
}

function scalarFromFixed(unsigned: boolean) {
  return (b: Builder, f: ScalarUnary & { imm8Fraction: Operand }): void => {
    const width = f.sz === 1 ? 64 : 32;
    getBits(b, width, unsigned, f.Vn);
    fixedPoint(b, width, unsigned, f.imm8Fraction);
    b.callHelper(`fp.fromFixed.${width}`);
    setF(b, width, f.Vd);
  };
}

const fixed: readonly Row[] = withAsm("{Vd}, {Vn}, {imm8Fraction}", [
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 11100 1 Vn:5 Vd:5",
    "SCVTF (vector, fixed-point)",
    SIMD,
    vectorFixed("fromFixed", false),
    FIXED,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 11100 1 Vn:5 Vd:5",
    "UCVTF (vector, fixed-point)",
    SIMD,
    vectorFixed("fromFixed", true),
    FIXED,
  ),
  row(
    "0 Q 0 011110 rawImmh:4 rawImmb:3 11111 1 Vn:5 Vd:5",
    "FCVTZS (vector, fixed-point)",
    SIMD,
    vectorFixed("toFixed", false),
    FIXED,
  ),
  row(
    "0 Q 1 011110 rawImmh:4 rawImmb:3 11111 1 Vn:5 Vd:5",
    "FCVTZU (vector, fixed-point)",
    SIMD,
    vectorFixed("toFixed", true),
    FIXED,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 11100 1 Vn:5 Vd:5",
    "SCVTF (vector, fixed-point, scalar)",
    SIMD,
    scalarFromFixed(false),
    SCALAR_FIXED,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 11100 1 Vn:5 Vd:5",
    "UCVTF (vector, fixed-point, scalar)",
    SIMD,
    scalarFromFixed(true),
    SCALAR_FIXED,
  ),
  row(
    "01 0 111110 rawImmh:4 rawImmb:3 11111 1 Vn:5 Vd:5",
    "FCVTZS (vector, fixed-point, scalar)",
    SIMD,
    scalarToFixed(false),
    SCALAR_FIXED,
  ),
  row(
    "01 1 111110 rawImmh:4 rawImmb:3 11111 1 Vn:5 Vd:5",
    "FCVTZU (vector, fixed-point, scalar)",
    SIMD,
    scalarToFixed(true),
    SCALAR_FIXED,
  ),
]);

/** All rows of this group. */
export const simdFpConversionRows: readonly Row[] = [
  ...integers,
  ...fixed,
];

/**
 * Advanced SIMD conversions between floating-point formats, and rounding to integral values (Arm ARM,
 * C4.1.96).
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  allTrue,
  inexactKnown,
  lanesName,
  lanesStand,
  loadV,
  noFlush,
  setShape,
  shapeOf,
} from "./fp_emit.ts";
import { roundedLanes } from "./simd_fp_conversion.ts";
import { Rounding } from "../fp/softfloat_format.ts";
import { rint } from "./softfloat_ops.ts";

const SIMD = "FEAT_AdvSIMD";
const FULL = { when: (f: { Q: number; sz: number }): boolean => f.sz === 0 || f.Q === 1 };

interface Unary {
  readonly Q: number;
  readonly sz: number;
  readonly Vn: Operand;
  readonly Vd: Operand;
}

function roundToIntegral(rounding: Rounding | undefined, exact: boolean) {
  return (b: Builder, f: Unary): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    const r = b.temp("v128");
    roundedLanes(b, shape, rounding ?? Rounding.nearest, n);
    b.local_set(r);
    b.local_get(n).local_get(n)[`${lanesName(shape)}_eq`]();
    allTrue(b, shape);
    if (rounding === undefined) inexactKnown(b);
    else noFlush(b);
    b.i32_and().i32_eqz().if_().local_get(n).i32_const(rint(rounding, exact));
    b.callHelper(`fp.rint.${shape}`);
    b.local_set(r).end().local_get(r);
    setShape(b, shape, f.Vd);
  };
}

const integral: readonly Row[] = withAsm("{Vd}, {Vn}", [
  row(
    "0 Q 0 01110 0 sz 10000 11000 10 Vn:5 Vd:5",
    "FRINTN (vector)",
    SIMD,
    roundToIntegral(Rounding.nearest, false),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 10000 11001 10 Vn:5 Vd:5",
    "FRINTM (vector)",
    SIMD,
    roundToIntegral(Rounding.minus, false),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 10000 11000 10 Vn:5 Vd:5",
    "FRINTP (vector)",
    SIMD,
    roundToIntegral(Rounding.plus, false),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 10000 11001 10 Vn:5 Vd:5",
    "FRINTZ (vector)",
    SIMD,
    roundToIntegral(Rounding.zero, false),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 10000 11000 10 Vn:5 Vd:5",
    "FRINTA (vector)",
    SIMD,
    roundToIntegral(Rounding.away, false),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 10000 11001 10 Vn:5 Vd:5",
    "FRINTX (vector)",
    SIMD,
    roundToIntegral(undefined, true),
    FULL,
  ),
  row(
    "0 Q 1 01110 1 sz 10000 11001 10 Vn:5 Vd:5",
    "FRINTI (vector)",
    SIMD,
    roundToIntegral(undefined, false),
    FULL,
  ),
]);

/** [] -> [v128] the half of a register that Q selects, in the low half. */
function getSource(b: Builder, q: number, v: Operand): void {
  b.getV(v);
  if (q === 1) b.i64x2_extract_lane(1).i64x2_splat();
}

/** [v128 with the result in its low half] -> [] into the half of the register that Q selects. */
function setNarrow(b: Builder, q: number, v: Operand): void {
  if (q === 0) {
    b.f64x2_extract_lane(0);
    b.setD(v);
    return;
  }
  const half = b.temp("i64");
  b.i64x2_extract_lane(0).local_set(half);
  b.getV(v);
  b.local_get(half).i64x2_replace_lane(1);
  b.setV(v);
}

const formats: readonly Row[] = [
  row("0 Q 0 01110 0 sz 10000 10111 10 Vn:5 Vd:5", "FCVTL, FCVTL2", SIMD, (b, f) => {
    const n = b.temp("v128");
    getSource(b, f.Q, f.Vn);
    b.local_set(n);
    if (f.sz === 0) {
      b.local_get(n);
      b.callHelper("fp.widenHalf");
      b.setV(f.Vd);
      return;
    }
    const r = b.temp("v128");
    b.local_get(n).f64x2_promote_low_f32x4().local_tee(r).local_get(r).f64x2_eq().i64x2_all_true();
    noFlush(b);
    b.i32_and().i32_eqz().if_().local_get(n);
    b.callHelper("fp.widen");
    b.local_set(r).end().local_get(r);
    b.setV(f.Vd);
  }, { asm: "fcvtl{upper} {Vd:full}, {Vn:half}" }),
  row("0 Q 0 01110 0 sz 10000 10110 10 Vn:5 Vd:5", "FCVTN, FCVTN2", SIMD, (b, f) => {
    const n = loadV(b, f.Vn);
    if (f.sz === 0) {
      b.local_get(n);
      b.callHelper("fp.narrowHalf");
      setNarrow(b, f.Q, f.Vd);
      return;
    }
    const r = b.temp("v128");
    b.local_get(n).f32x4_demote_f64x2_zero().local_set(r);
    lanesStand(b, "2s", r);
    b.i32_eqz().if_().local_get(n);
    b.callHelper("fp.narrow");
    b.local_set(r).end().local_get(r);
    setNarrow(b, f.Q, f.Vd);
  }, { asm: "fcvtn{upper} {Vd:half}, {Vn:full}" }),
  row("0 Q 1 01110 0 1 10000 10110 10 Vn:5 Vd:5", "FCVTXN, FCVTXN2", SIMD, (b, f) => {
    b.getV(f.Vn);
    b.callHelper("fp.narrowOdd");
    setNarrow(b, f.Q, f.Vd);
  }, { asm: "fcvtxn{upper} {Vd:singles}, v{Vn:number}.2d" }),
  row("01 1 11110 0 1 10000 10110 10 Vn:5 Vd:5", "FCVTXN (scalar)", SIMD, (b, f) => {
    b.getD(f.Vn);
    b.callHelper("fp.convertOdd");
    b.setS(f.Vd);
  }, { asm: "fcvtxn s{Vd:number}, d{Vn:number}" }),
];

/** All rows of this group. */
export const simdFpFormatRows: readonly Row[] = [...integral, ...formats];

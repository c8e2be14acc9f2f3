/** Advanced SIMD floating-point multiplication by one element of a vector (Arm ARM, C4.1.96). */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { typeOf } from "../fp/number_code.ts";
import { withAsm } from "./asm.ts";
import { hardFloat, hardMulAdd } from "./fp_data_processing.ts";
import { loadF, loadV, setF, setShape, shapeOf, widthOf } from "./fp_emit.ts";
import { hardLanes, hardMulAddLanes, widthOfSize } from "./simd_fp_arithmetic.ts";

const SIMD = "FEAT_AdvSIMD";

/** The element of a vector that H and L select: a single of four, a double of two. */
interface Indexed {
  readonly sz: number;
  readonly L: number;
  readonly H: number;
  readonly Vn: Operand;
  readonly Vm: Operand;
  readonly Vd: Operand;
}

function elementIndex(f: Indexed): number {
  return f.sz === 1 ? f.H : f.H * 2 + f.L;
}

/** A local with one element in all lanes. */
function splatElement(b: Builder, f: Indexed): number {
  const m = b.temp("v128");
  b.getV(f.Vm);
  if (f.sz === 1) b.f64x2_extract_lane(elementIndex(f)).f64x2_splat();
  else b.f32x4_extract_lane(elementIndex(f)).f32x4_splat();
  b.local_set(m);
  return m;
}

/** A local with one element as a scalar. */
function loadElement(b: Builder, f: Indexed): number {
  const m = b.temp(typeOf(widthOfSize(f.sz)));
  b.getV(f.Vm);
  if (f.sz === 1) b.f64x2_extract_lane(elementIndex(f));
  else b.f32x4_extract_lane(elementIndex(f));
  b.local_set(m);
  return m;
}

const ELEMENT = {
  when: (f: { Q: number; sz: number; L: number }): boolean =>
    f.sz === 0 || (f.Q === 1 && f.L === 0),
};
const SCALAR_ELEMENT = { when: (f: { sz: number; L: number }): boolean => f.sz === 0 || f.L === 0 };

function byElement(op: "mul" | "mulX" | "mla" | "mls") {
  return (b: Builder, f: Indexed & { Q: number }): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn, op === "mls" ? widthOf(shape) : undefined);
    const m = splatElement(b, f);
    if (op === "mla" || op === "mls") hardMulAddLanes(b, shape, { z: loadV(b, f.Vd), n, m });
    else b.local_get(hardLanes(b, shape, "mul", n, m, op));
    setShape(b, shape, f.Vd);
  };
}

function scalarByElement(op: "mul" | "mulX" | "mla" | "mls") {
  return (b: Builder, f: Indexed): void => {
    const width = widthOfSize(f.sz);
    if (op === "mla" || op === "mls") {
      const n = loadV(b, f.Vn, op === "mls" ? width : undefined);
      hardMulAdd(b, width, { z: loadV(b, f.Vd), n, m: splatElement(b, f) });
    } else {
      const n = loadF(b, width, f.Vn);
      b.local_get(hardFloat(b, width, "mul", n, loadElement(b, f), op));
    }
    setF(b, width, f.Vd);
  };
}

/** All rows of this group. */
export const simdFpElementRows: readonly Row[] = withAsm("{Vd}, {Vn}, {Vm:element}", [
  row(
    "0 Q 0 01111 1 sz L Vm:5 0001 H 0 Vn:5 Vd:5",
    "FMLA (by element)",
    SIMD,
    byElement("mla"),
    ELEMENT,
  ),
  row(
    "0 Q 0 01111 1 sz L Vm:5 0101 H 0 Vn:5 Vd:5",
    "FMLS (by element)",
    SIMD,
    byElement("mls"),
    ELEMENT,
  ),
  row(
    "0 Q 0 01111 1 sz L Vm:5 1001 H 0 Vn:5 Vd:5",
    "FMUL (by element)",
    SIMD,
    byElement("mul"),
    ELEMENT,
  ),
  row(
    "0 Q 1 01111 1 sz L Vm:5 1001 H 0 Vn:5 Vd:5",
    "FMULX (by element)",
    SIMD,
    byElement("mulX"),
    ELEMENT,
  ),
  row(
    "01 0 11111 1 sz L Vm:5 0001 H 0 Vn:5 Vd:5",
    "FMLA (by element, scalar)",
    SIMD,
    scalarByElement("mla"),
    SCALAR_ELEMENT,
  ),
  row(
    "01 0 11111 1 sz L Vm:5 0101 H 0 Vn:5 Vd:5",
    "FMLS (by element, scalar)",
    SIMD,
    scalarByElement("mls"),
    SCALAR_ELEMENT,
  ),
  row(
    "01 0 11111 1 sz L Vm:5 1001 H 0 Vn:5 Vd:5",
    "FMUL (by element, scalar)",
    SIMD,
    scalarByElement("mul"),
    SCALAR_ELEMENT,
  ),
  row(
    "01 1 11111 1 sz L Vm:5 1001 H 0 Vn:5 Vd:5",
    "FMULX (by element, scalar)",
    SIMD,
    scalarByElement("mulX"),
    SCALAR_ELEMENT,
  ),
]);

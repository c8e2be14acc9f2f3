/**
 * Advanced SIMD floating-point arithmetic: three registers of the same type, pairwise, across lanes,
 * and the unary operations (Arm ARM, C4.1.96), vector and scalar.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { type BinaryOp, typeOf, type Width } from "../fp/number_code.ts";
import { withAsm } from "./asm.ts";
import { hardExtremum, hardFloat } from "./fp_data_processing.ts";
import {
  allTrue,
  lanesName,
  lanesStand,
  loadF,
  loadV,
  noFlush,
  setF,
  setShape,
  type Shape,
  shapeOf,
  widthOf,
} from "./fp_emit.ts";
import { type FmaOperands, fmaVector } from "./fp_fma.ts";
import { relaxedMaddIsFused } from "./fp_host.ts";

const SIMD = "FEAT_AdvSIMD";

interface Arrangement {
  readonly Q: number;
  readonly sz: number;
}
interface ThreeSame extends Arrangement {
  readonly Vn: Operand;
  readonly Vm: Operand;
  readonly Vd: Operand;
}
interface ScalarThree {
  readonly sz: number;
  readonly Vn: Operand;
  readonly Vm: Operand;
  readonly Vd: Operand;
}

/** 1D is reserved. */
const FULL = { when: (f: Arrangement): boolean => f.sz === 0 || f.Q === 1 };

/** Width for field sz. */
export function widthOfSize(sz: number): Width {
  return sz === 1 ? 64 : 32;
}

/** Two vectors: the host's result if all lanes may stand, else the helper's. Result in a local. */
export function hardLanes(
  b: Builder,
  shape: Shape,
  op: "add" | "sub" | "mul" | "div",
  n: number,
  m: number,
  helper: string = op,
): number {
  const r = b.temp("v128");
  b.local_get(n).local_get(m)[`${lanesName(shape)}_${op}`]();
  if (helper === "abd") b[`${lanesName(shape)}_abs`]();
  b.local_set(r);
  lanesStand(b, shape, r);
  b.i32_eqz().if_().local_get(n).local_get(m);
  b.callHelper(`fp.${helper}.${shape}`);
  b.local_set(r).end();
  return r;
}

/** Minimum and maximum: the host's unless a lane is a NaN or might be flushed. */
function hardExtrema(
  b: Builder,
  shape: Shape,
  host: "min" | "max",
  helper: string,
  n: number,
  m: number,
): number {
  const r = b.temp("v128");
  const lanes = lanesName(shape);
  b.local_get(n).local_get(m)[`${lanes}_${host}`]().local_tee(r).local_get(r)[`${lanes}_eq`]();
  allTrue(b, shape);
  noFlush(b);
  b.i32_and().i32_eqz().if_().local_get(n).local_get(m);
  b.callHelper(`fp.${helper}.${shape}`);
  b.local_set(r).end();
  return r;
}

type Combine = (b: Builder, shape: Shape, n: number, m: number) => number;

function lanes(op: "add" | "sub" | "mul" | "div", helper?: string): Combine {
  return (b, shape, n, m) => hardLanes(b, shape, op, n, m, helper);
}

function extrema(host: "min" | "max", helper: string): Combine {
  return (b, shape, n, m) => hardExtrema(b, shape, host, helper, n, m);
}

function helperOnly(helper: string): Combine {
  return (b, shape, n, m) => {
    const r = b.temp("v128");
    b.local_get(n).local_get(m);
    b.callHelper(`fp.${helper}.${shape}`);
    b.local_set(r);
    return r;
  };
}

function threeSame(combine: Combine) {
  return (b: Builder, f: ThreeSame): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    const m = loadV(b, f.Vm);
    b.local_get(combine(b, shape, n, m));
    setShape(b, shape, f.Vd);
  };
}

/** Even and odd lanes of the concatenation m:n, as byte lanes of a shuffle. */
function everySecond(shape: Shape, odd: number): number[] {
  const starts = shape === "2d" ? [0, 16] : shape === "4s" ? [0, 8, 16, 24] : [0, 16, 8, 24];
  const size = shape === "2d" ? 8 : 4;
  return starts.flatMap((start) => {
    return Array.from({ length: size }, (_, i) => start + odd * size + i);
  });
}

/** Sums (and so on) of neighbours: first those of n, then those of m. */
function pairwise(combine: Combine) {
  return (b: Builder, f: ThreeSame): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    const m = loadV(b, f.Vm);
    const even = b.temp("v128");
    const odd = b.temp("v128");
    b.local_get(n).local_get(m).i8x16_shuffle(everySecond(shape, 0)).local_set(even);
    b.local_get(n).local_get(m).i8x16_shuffle(everySecond(shape, 1)).local_set(odd);
    b.local_get(combine(b, shape, even, odd));
    setShape(b, shape, f.Vd);
  };
}

/** [] -> [v128] z + n * m in each lane, rounded once. */
export function hardMulAddLanes(b: Builder, shape: Shape, o: FmaOperands): void {
  const r = b.temp("v128");
  fmaVector(b, shape, o, r, relaxedMaddIsFused(), (type) => b.temp(type));
  b.i32_eqz().if_().local_get(o.z).local_get(o.n).local_get(o.m);
  b.callHelper(`fp.mulAdd.${shape}`);
  b.local_set(r).end().local_get(r);
}

function multiplyAdd(minus: boolean) {
  return (b: Builder, f: ThreeSame): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn, minus ? widthOf(shape) : undefined);
    hardMulAddLanes(b, shape, { z: loadV(b, f.Vd), n, m: loadV(b, f.Vm) });
    setShape(b, shape, f.Vd);
  };
}

const vectors: readonly Row[] = withAsm("{Vd}, {Vn}, {Vm}", [
  row(
    "0 Q 0 01110 0 sz 1 Vm:5 11000 1 Vn:5 Vd:5",
    "FMAXNM (vector)",
    SIMD,
    threeSame(extrema("max", "maxNumber")),
    FULL,
  ),
  row("0 Q 0 01110 0 sz 1 Vm:5 11001 1 Vn:5 Vd:5", "FMLA (vector)", SIMD, multiplyAdd(false), FULL),
  row(
    "0 Q 0 01110 0 sz 1 Vm:5 11010 1 Vn:5 Vd:5",
    "FADD (vector)",
    SIMD,
    threeSame(lanes("add")),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 1 Vm:5 11011 1 Vn:5 Vd:5",
    "FMULX",
    SIMD,
    threeSame(lanes("mul", "mulX")),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 1 Vm:5 11110 1 Vn:5 Vd:5",
    "FMAX (vector)",
    SIMD,
    threeSame(extrema("max", "max")),
    FULL,
  ),
  row(
    "0 Q 0 01110 0 sz 1 Vm:5 11111 1 Vn:5 Vd:5",
    "FRECPS",
    SIMD,
    threeSame(helperOnly("recps")),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 1 Vm:5 11000 1 Vn:5 Vd:5",
    "FMINNM (vector)",
    SIMD,
    threeSame(extrema("min", "minNumber")),
    FULL,
  ),
  row("0 Q 0 01110 1 sz 1 Vm:5 11001 1 Vn:5 Vd:5", "FMLS (vector)", SIMD, multiplyAdd(true), FULL),
  row(
    "0 Q 0 01110 1 sz 1 Vm:5 11010 1 Vn:5 Vd:5",
    "FSUB (vector)",
    SIMD,
    threeSame(lanes("sub")),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 1 Vm:5 11110 1 Vn:5 Vd:5",
    "FMIN (vector)",
    SIMD,
    threeSame(extrema("min", "min")),
    FULL,
  ),
  row(
    "0 Q 0 01110 1 sz 1 Vm:5 11111 1 Vn:5 Vd:5",
    "FRSQRTS",
    SIMD,
    threeSame(helperOnly("rsqrts")),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 1 Vm:5 11000 1 Vn:5 Vd:5",
    "FMAXNMP (vector)",
    SIMD,
    pairwise(extrema("max", "maxNumber")),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 1 Vm:5 11010 1 Vn:5 Vd:5",
    "FADDP (vector)",
    SIMD,
    pairwise(lanes("add")),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 1 Vm:5 11011 1 Vn:5 Vd:5",
    "FMUL (vector)",
    SIMD,
    threeSame(lanes("mul")),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 1 Vm:5 11110 1 Vn:5 Vd:5",
    "FMAXP (vector)",
    SIMD,
    pairwise(extrema("max", "max")),
    FULL,
  ),
  row(
    "0 Q 1 01110 0 sz 1 Vm:5 11111 1 Vn:5 Vd:5",
    "FDIV (vector)",
    SIMD,
    threeSame(lanes("div")),
    FULL,
  ),
  row(
    "0 Q 1 01110 1 sz 1 Vm:5 11000 1 Vn:5 Vd:5",
    "FMINNMP (vector)",
    SIMD,
    pairwise(extrema("min", "minNumber")),
    FULL,
  ),
  row(
    "0 Q 1 01110 1 sz 1 Vm:5 11010 1 Vn:5 Vd:5",
    "FABD",
    SIMD,
    threeSame(lanes("sub", "abd")),
    FULL,
  ),
  row(
    "0 Q 1 01110 1 sz 1 Vm:5 11110 1 Vn:5 Vd:5",
    "FMINP (vector)",
    SIMD,
    pairwise(extrema("min", "min")),
    FULL,
  ),
]);

/** A scalar operation that is not among the scalar floating-point instructions. */
function scalar(host: BinaryOp | undefined, helper: string) {
  return (b: Builder, f: ScalarThree): void => {
    const width = widthOfSize(f.sz);
    const n = loadF(b, width, f.Vn);
    const m = loadF(b, width, f.Vm);
    if (host === undefined) {
      b.local_get(n).local_get(m);
      b.callHelper(`fp.${helper}.${width}`);
    } else b.local_get(hardFloat(b, width, host, n, m, helper));
    setF(b, width, f.Vd);
  };
}

/** Lane 1 of a register, in a local; lane 0 is `loadF`. */
function loadSecond(b: Builder, width: Width, v: Operand): number {
  const local = b.temp(typeOf(width));
  b.getV(v);
  if (width === 64) b.f64x2_extract_lane(1);
  else b.f32x4_extract_lane(1);
  b.local_set(local);
  return local;
}

function scalarPair(host: "add" | "min" | "max", helper: string) {
  return (b: Builder, f: { sz: number; Vn: Operand; Vd: Operand }): void => {
    const width = widthOfSize(f.sz);
    const n = loadF(b, width, f.Vn);
    const m = loadSecond(b, width, f.Vn);
    b.local_get(
      host === "add"
        ? hardFloat(b, width, "add", n, m)
        : hardExtremum(b, width, host, helper, n, m),
    );
    setF(b, width, f.Vd);
  };
}

/** The helper combines lanes 0 and 1, and 2 and 3, then both results. */
function acrossLanes(helper: string) {
  return (b: Builder, f: { Vn: Operand; Vd: Operand }): void => {
    b.getV(f.Vn);
    b.callHelper(`fp.reduce.${helper}`);
    b.setS(f.Vd);
  };
}

const scalars: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}, {Vm}", [
    row("01 0 11110 0 sz 1 Vm:5 11011 1 Vn:5 Vd:5", "FMULX (scalar)", SIMD, scalar("mul", "mulX")),
    row(
      "01 0 11110 0 sz 1 Vm:5 11111 1 Vn:5 Vd:5",
      "FRECPS (scalar)",
      SIMD,
      scalar(undefined, "recps"),
    ),
    row(
      "01 0 11110 1 sz 1 Vm:5 11111 1 Vn:5 Vd:5",
      "FRSQRTS (scalar)",
      SIMD,
      scalar(undefined, "rsqrts"),
    ),
    row(
      "01 1 11110 1 sz 1 Vm:5 11010 1 Vn:5 Vd:5",
      "FABD (scalar)",
      SIMD,
      scalar(undefined, "abd"),
    ),
  ]),
  ...withAsm("{Vd}, {Vn:pair}", [
    row(
      "01 1 11110 0 sz 11000 01100 10 Vn:5 Vd:5",
      "FMAXNMP (scalar)",
      SIMD,
      scalarPair("max", "maxNumber"),
    ),
    row(
      "01 1 11110 0 sz 11000 01101 10 Vn:5 Vd:5",
      "FADDP (scalar)",
      SIMD,
      scalarPair("add", "add"),
    ),
    row(
      "01 1 11110 0 sz 11000 01111 10 Vn:5 Vd:5",
      "FMAXP (scalar)",
      SIMD,
      scalarPair("max", "max"),
    ),
    row(
      "01 1 11110 1 sz 11000 01100 10 Vn:5 Vd:5",
      "FMINNMP (scalar)",
      SIMD,
      scalarPair("min", "minNumber"),
    ),
    row(
      "01 1 11110 1 sz 11000 01111 10 Vn:5 Vd:5",
      "FMINP (scalar)",
      SIMD,
      scalarPair("min", "min"),
    ),
  ]),
  ...withAsm("s{Vd:number}, v{Vn:number}.4s", [
    row("0 1 1 01110 0 0 11000 01100 10 Vn:5 Vd:5", "FMAXNMV", SIMD, acrossLanes("maxNumber")),
    row("0 1 1 01110 0 0 11000 01111 10 Vn:5 Vd:5", "FMAXV", SIMD, acrossLanes("max")),
    row("0 1 1 01110 1 0 11000 01100 10 Vn:5 Vd:5", "FMINNMV", SIMD, acrossLanes("minNumber")),
    row("0 1 1 01110 1 0 11000 01111 10 Vn:5 Vd:5", "FMINV", SIMD, acrossLanes("min")),
  ]),
];

interface Unary extends Arrangement {
  readonly Vn: Operand;
  readonly Vd: Operand;
}

function signBits(op: "abs" | "neg") {
  return (b: Builder, f: Unary): void => {
    const shape = shapeOf(f.Q, f.sz);
    b.getV(f.Vn);
    b[`${lanesName(shape)}_${op}`]();
    setShape(b, shape, f.Vd);
  };
}

function estimate(name: string) {
  return (b: Builder, f: Unary): void => {
    const shape = shapeOf(f.Q, f.sz);
    b.getV(f.Vn);
    b.callHelper(`fp.${name}.${shape}`);
    setShape(b, shape, f.Vd);
  };
}

function scalarEstimate(name: string) {
  return (b: Builder, f: { sz: number; Vn: Operand; Vd: Operand }): void => {
    const width = widthOfSize(f.sz);
    b.local_get(loadF(b, width, f.Vn));
    b.callHelper(`fp.${name}.${width}`);
    setF(b, width, f.Vd);
  };
}

/** Integer estimates: no flags, so that the upper lanes may be computed along. */
function unsignedEstimate(name: string) {
  return (b: Builder, f: { Q: number; Vn: Operand; Vd: Operand }): void => {
    b.getV(f.Vn);
    b.callHelper(`fp.${name}.4s`);
    setShape(b, f.Q === 1 ? "4s" : "2s", f.Vd);
  };
}

const unary: readonly Row[] = withAsm("{Vd}, {Vn}", [
  row("0 Q 0 01110 1 sz 10000 01111 10 Vn:5 Vd:5", "FABS (vector)", SIMD, signBits("abs"), FULL),
  row("0 Q 1 01110 1 sz 10000 01111 10 Vn:5 Vd:5", "FNEG (vector)", SIMD, signBits("neg"), FULL),
  row("0 Q 1 01110 1 sz 10000 11111 10 Vn:5 Vd:5", "FSQRT (vector)", SIMD, (b, f) => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    const r = b.temp("v128");
    b.local_get(n)[`${lanesName(shape)}_sqrt`]().local_set(r);
    lanesStand(b, shape, r);
    b.i32_eqz().if_().local_get(n);
    b.callHelper(`fp.sqrt.${shape}`);
    b.local_set(r).end().local_get(r);
    setShape(b, shape, f.Vd);
  }, FULL),
  row("0 Q 0 01110 1 sz 10000 11101 10 Vn:5 Vd:5", "FRECPE", SIMD, estimate("recpe"), FULL),
  row("0 Q 1 01110 1 sz 10000 11101 10 Vn:5 Vd:5", "FRSQRTE", SIMD, estimate("rsqrte"), FULL),
  row("0 Q 0 01110 1 0 10000 11100 10 Vn:5 Vd:5", "URECPE", SIMD, unsignedEstimate("urecpe"), {
    asm: "urecpe {Vd:singles}, {Vn:singles}",
  }),
  row("0 Q 1 01110 1 0 10000 11100 10 Vn:5 Vd:5", "URSQRTE", SIMD, unsignedEstimate("ursqrte"), {
    asm: "ursqrte {Vd:singles}, {Vn:singles}",
  }),
  row("01 0 11110 1 sz 10000 11101 10 Vn:5 Vd:5", "FRECPE (scalar)", SIMD, scalarEstimate("recpe")),
  row("01 0 11110 1 sz 10000 11111 10 Vn:5 Vd:5", "FRECPX", SIMD, scalarEstimate("recpx")),
  row(
    "01 1 11110 1 sz 10000 11101 10 Vn:5 Vd:5",
    "FRSQRTE (scalar)",
    SIMD,
    scalarEstimate("rsqrte"),
  ),
]);

/** All rows of this group. */
export const simdFpArithmeticRows: readonly Row[] = [
  ...vectors,
  ...scalars,
  ...unary,
];

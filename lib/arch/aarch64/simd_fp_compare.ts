/**
 * Advanced SIMD floating-point comparisons that give masks: against a register, zero, and of
 * magnitudes (Arm ARM, C7.2, FCMEQ to FCMLT, FACGE, FACGT).
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { withAsm } from "./asm.ts";
import {
  allTrue,
  lanesName,
  loadF,
  loadV,
  noFlush,
  setF,
  setShape,
  type Shape,
  shapeOf,
} from "./fp_emit.ts";

const SIMD = "FEAT_AdvSIMD";
const FULL = { when: (f: { Q: number; sz: number }): boolean => f.sz === 0 || f.Q === 1 };

type Test = "equal" | "greaterEqual" | "greater" | "absoluteGreaterEqual" | "absoluteGreater";

const HOST: { readonly [test in Test]: "eq" | "ge" | "gt" } = {
  equal: "eq",
  greaterEqual: "ge",
  greater: "gt",
  absoluteGreaterEqual: "ge",
  absoluteGreater: "gt",
};

/** [] -> [v128] mask of two locals. NaN (which may be signalled) and flushed operands: the helper. */
function compareLanes(b: Builder, shape: Shape, test: Test, n: number, m: number): void {
  const lanes = lanesName(shape);
  const magnitudes = test.startsWith("absolute");
  b.local_get(n).local_get(n)[`${lanes}_eq`]();
  b.local_get(m).local_get(m)[`${lanes}_eq`]().v128_and();
  allTrue(b, shape);
  noFlush(b);
  b.i32_and().if_("v128");
  for (const operand of [n, m]) {
    b.local_get(operand);
    if (magnitudes) b[`${lanes}_abs`]();
  }
  b[`${lanes}_${HOST[test]}`]();
  b.else_().local_get(n).local_get(m);
  b.callHelper(`fp.${test}.${shape}`);
  b.end();
}

function vector(test: Test) {
  return (
    b: Builder,
    f: { Q: number; sz: number; Vn: Operand; Vm: Operand; Vd: Operand },
  ): void => {
    const shape = shapeOf(f.Q, f.sz);
    compareLanes(b, shape, test, loadV(b, f.Vn), loadV(b, f.Vm));
    setShape(b, shape, f.Vd);
  };
}

/** Against zero; `swapped`: zero is the first operand (less, less or equal). */
function vectorZero(test: Test, swapped = false) {
  return (b: Builder, f: { Q: number; sz: number; Vn: Operand; Vd: Operand }): void => {
    const shape = shapeOf(f.Q, f.sz);
    const n = loadV(b, f.Vn);
    const zero = b.temp("v128");
    b.v128_const32(0, 0, 0, 0).local_set(zero);
    compareLanes(b, shape, test, swapped ? zero : n, swapped ? n : zero);
    setShape(b, shape, f.Vd);
  };
}

/** [] -> [f] the mask of two scalars: the helper's, as it is rare. */
function compareScalars(b: Builder, width: Width, test: Test, n: number, m: number): void {
  b.local_get(n).local_get(m);
  b.callHelper(`fp.${test}.${width}`);
}

function scalar(test: Test) {
  return (b: Builder, f: { sz: number; Vn: Operand; Vm: Operand; Vd: Operand }): void => {
    const width = f.sz === 1 ? 64 : 32;
    compareScalars(b, width, test, loadF(b, width, f.Vn), loadF(b, width, f.Vm));
    setF(b, width, f.Vd);
  };
}

function scalarZero(test: Test, swapped = false) {
  return (b: Builder, f: { sz: number; Vn: Operand; Vd: Operand }): void => {
    const width = f.sz === 1 ? 64 : 32;
    const n = loadF(b, width, f.Vn);
    const zero = b.temp(typeOf(width));
    if (width === 64) b.f64_const(0);
    else b.f32_const(0);
    b.local_set(zero);
    compareScalars(b, width, test, swapped ? zero : n, swapped ? n : zero);
    setF(b, width, f.Vd);
  };
}

/** All rows of this group. */
export const simdFpCompareRows: readonly Row[] = [
  ...withAsm("{Vd}, {Vn}, {Vm}", [
    row(
      "0 Q 0 01110 0 sz 1 Vm:5 11100 1 Vn:5 Vd:5",
      "FCMEQ (register)",
      SIMD,
      vector("equal"),
      FULL,
    ),
    row(
      "0 Q 1 01110 0 sz 1 Vm:5 11100 1 Vn:5 Vd:5",
      "FCMGE (register)",
      SIMD,
      vector("greaterEqual"),
      FULL,
    ),
    row(
      "0 Q 1 01110 0 sz 1 Vm:5 11101 1 Vn:5 Vd:5",
      "FACGE",
      SIMD,
      vector("absoluteGreaterEqual"),
      FULL,
    ),
    row(
      "0 Q 1 01110 1 sz 1 Vm:5 11100 1 Vn:5 Vd:5",
      "FCMGT (register)",
      SIMD,
      vector("greater"),
      FULL,
    ),
    row(
      "0 Q 1 01110 1 sz 1 Vm:5 11101 1 Vn:5 Vd:5",
      "FACGT",
      SIMD,
      vector("absoluteGreater"),
      FULL,
    ),
  ]),
  ...withAsm("{Vd}, {Vn}, #0.0", [
    row(
      "0 Q 0 01110 1 sz 10000 01100 10 Vn:5 Vd:5",
      "FCMGT (zero)",
      SIMD,
      vectorZero("greater"),
      FULL,
    ),
    row(
      "0 Q 0 01110 1 sz 10000 01101 10 Vn:5 Vd:5",
      "FCMEQ (zero)",
      SIMD,
      vectorZero("equal"),
      FULL,
    ),
    row(
      "0 Q 0 01110 1 sz 10000 01110 10 Vn:5 Vd:5",
      "FCMLT (zero)",
      SIMD,
      vectorZero("greater", true),
      FULL,
    ),
    row(
      "0 Q 1 01110 1 sz 10000 01100 10 Vn:5 Vd:5",
      "FCMGE (zero)",
      SIMD,
      vectorZero("greaterEqual"),
      FULL,
    ),
    row(
      "0 Q 1 01110 1 sz 10000 01101 10 Vn:5 Vd:5",
      "FCMLE (zero)",
      SIMD,
      vectorZero("greaterEqual", true),
      FULL,
    ),
  ]),
  ...withAsm("{Vd}, {Vn}, {Vm}", [
    row(
      "01 0 11110 0 sz 1 Vm:5 11100 1 Vn:5 Vd:5",
      "FCMEQ (register, scalar)",
      SIMD,
      scalar("equal"),
    ),
    row(
      "01 1 11110 0 sz 1 Vm:5 11100 1 Vn:5 Vd:5",
      "FCMGE (register, scalar)",
      SIMD,
      scalar("greaterEqual"),
    ),
    row(
      "01 1 11110 0 sz 1 Vm:5 11101 1 Vn:5 Vd:5",
      "FACGE (scalar)",
      SIMD,
      scalar("absoluteGreaterEqual"),
    ),
    row(
      "01 1 11110 1 sz 1 Vm:5 11100 1 Vn:5 Vd:5",
      "FCMGT (register, scalar)",
      SIMD,
      scalar("greater"),
    ),
    row(
      "01 1 11110 1 sz 1 Vm:5 11101 1 Vn:5 Vd:5",
      "FACGT (scalar)",
      SIMD,
      scalar("absoluteGreater"),
    ),
  ]),
  ...withAsm("{Vd}, {Vn}, #0.0", [
    row(
      "01 0 11110 1 sz 10000 01100 10 Vn:5 Vd:5",
      "FCMGT (zero, scalar)",
      SIMD,
      scalarZero("greater"),
    ),
    row(
      "01 0 11110 1 sz 10000 01101 10 Vn:5 Vd:5",
      "FCMEQ (zero, scalar)",
      SIMD,
      scalarZero("equal"),
    ),
    row(
      "01 0 11110 1 sz 10000 01110 10 Vn:5 Vd:5",
      "FCMLT (zero, scalar)",
      SIMD,
      scalarZero("greater", true),
    ),
    row(
      "01 1 11110 1 sz 10000 01100 10 Vn:5 Vd:5",
      "FCMGE (zero, scalar)",
      SIMD,
      scalarZero("greaterEqual"),
    ),
    row(
      "01 1 11110 1 sz 10000 01101 10 Vn:5 Vd:5",
      "FCMLE (zero, scalar)",
      SIMD,
      scalarZero("greaterEqual", true),
    ),
  ]),
];

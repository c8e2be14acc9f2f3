/**
 * Scalar floating-point data processing (Arm ARM, C4.1.96: "Floating-point data-processing", compare,
 * conditional compare, conditional select, immediate). Half-precision arithmetic (FEAT_FP16) is not
 * implemented: ftype 3 is allocated for conversions only.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row } from "../../engine/row.ts";
import { type BinaryOp, typeOf, type Width } from "../fp/number_code.ts";
import { withAsm } from "./asm.ts";
import { getF, inexactKnown, loadF, loadV, noFlush, resultStands, setF } from "./fp_emit.ts";
import { type FmaOperands, fmaScalar } from "./fp_fma.ts";
import { relaxedMaddIsFused } from "./fp_host.ts";
import { setCompareFlags, setNzcv } from "./fp_flags.ts";
import { Rounding } from "../fp/softfloat_format.ts";
import { rint } from "./softfloat_ops.ts";

const FP = "FEAT_FP";
const ONE_OR_TWO = { when: (f: { readonly ftype: number }): boolean => f.ftype < 2 };

function widthOfType(ftype: number): Width {
  return ftype === 1 ? 64 : 32;
}

/** Two operands: the host's result if it may stand, else the helper's. The result is in a local. */
export function hardFloat(
  b: Builder,
  width: Width,
  op: BinaryOp,
  n: number,
  m: number,
  helper: string = op,
): number {
  const r = b.temp(typeOf(width));
  b.local_get(n).local_get(m)[`f${width}_${op}`]().local_set(r);
  resultStands(b, width, r);
  b.i32_eqz().if_().local_get(n).local_get(m);
  b.callHelper(`fp.${helper}.${width}`);
  b.local_set(r).end();
  return r;
}

function arithmetic(op: BinaryOp, negated = false) {
  return (b: Builder, f: { ftype: number; Vn: Operand; Vm: Operand; Vd: Operand }): void => {
    const width = widthOfType(f.ftype);
    const n = loadF(b, width, f.Vn);
    const m = loadF(b, width, f.Vm);
    b.local_get(hardFloat(b, width, op, n, m));
    if (negated) b[`f${width}_neg`]();
    setF(b, width, f.Vd);
  };
}

/** Minimum and maximum: the host's unless an operand is a NaN or might be flushed. */
export function hardExtremum(
  b: Builder,
  width: Width,
  host: "min" | "max",
  helper: string,
  n: number,
  m: number,
): number {
  const r = b.temp(typeOf(width));
  b.local_get(n).local_get(m)[`f${width}_${host}`]().local_tee(r).local_get(r)[`f${width}_eq`]();
  noFlush(b);
  b.i32_and().i32_eqz().if_().local_get(n).local_get(m);
  b.callHelper(`fp.${helper}.${width}`);
  b.local_set(r).end();
  return r;
}

function extremum(host: "min" | "max", helper: string) {
  return (b: Builder, f: { ftype: number; Vn: Operand; Vm: Operand; Vd: Operand }): void => {
    const width = widthOfType(f.ftype);
    const n = loadF(b, width, f.Vn);
    const m = loadF(b, width, f.Vm);
    b.local_get(hardExtremum(b, width, host, helper, n, m));
    setF(b, width, f.Vd);
  };
}

const twoSources: readonly Row[] = withAsm("{Vd}, {Vn}, {Vm}", [
  row(
    "00011110 ftype:2 1 Vm:5 0000 10 Vn:5 Vd:5",
    "FMUL (scalar)",
    FP,
    arithmetic("mul"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0001 10 Vn:5 Vd:5",
    "FDIV (scalar)",
    FP,
    arithmetic("div"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0010 10 Vn:5 Vd:5",
    "FADD (scalar)",
    FP,
    arithmetic("add"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0011 10 Vn:5 Vd:5",
    "FSUB (scalar)",
    FP,
    arithmetic("sub"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0100 10 Vn:5 Vd:5",
    "FMAX (scalar)",
    FP,
    extremum("max", "max"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0101 10 Vn:5 Vd:5",
    "FMIN (scalar)",
    FP,
    extremum("min", "min"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0110 10 Vn:5 Vd:5",
    "FMAXNM (scalar)",
    FP,
    extremum("max", "maxNumber"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 0111 10 Vn:5 Vd:5",
    "FMINNM (scalar)",
    FP,
    extremum("min", "minNumber"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 Vm:5 1000 10 Vn:5 Vd:5",
    "FNMUL (scalar)",
    FP,
    arithmetic("mul", true),
    ONE_OR_TWO,
  ),
]);

/** FMOV, FABS, FNEG: sign bits only, no exceptions. */
function copy(op: "" | "abs" | "neg") {
  return (b: Builder, f: { ftype: number; Vn: Operand; Vd: Operand }): void => {
    const width = widthOfType(f.ftype);
    getF(b, width, f.Vn);
    if (op !== "") b[`f${width}_${op}`]();
    setF(b, width, f.Vd);
  };
}

/** FPRoundInt with a rounding mode (none: FPCR's). NaN and flushed operands are the helper's. */
function roundToIntegral(rounding: Rounding | undefined, exact: boolean) {
  return (b: Builder, f: { ftype: number; Vn: Operand; Vd: Operand }): void => {
    const width = widthOfType(f.ftype);
    const r = b.temp(typeOf(width));
    const n = loadF(b, width, f.Vn);
    rounded(b, width, rounding ?? Rounding.nearest, n);
    b.local_set(r);
    b.local_get(n).local_get(n)[`f${width}_eq`]();
    // FRINTX may be inexact, FRINTI depends on FPCR: both need the default and IXC to be set.
    if (rounding === undefined) inexactKnown(b);
    else noFlush(b);
    b.i32_and().i32_eqz().if_().local_get(n).i32_const(rint(rounding, exact));
    b.callHelper(`fp.rint.${width}`);
    b.local_set(r).end();
    b.local_get(r);
    setF(b, width, f.Vd);
  };
}

const STEPS: readonly ("nearest" | "ceil" | "floor" | "trunc" | undefined)[] = [
  "nearest",
  "ceil",
  "floor",
  "trunc",
];

/** [] -> [f] a local rounded by the host to an integral value. Not for NaN. */
export function rounded(b: Builder, width: Width, rounding: Rounding, n: number): void {
  const step = STEPS[rounding];
  if (step !== undefined) {
    b.local_get(n)[`f${width}_${step}`]();
    return;
  }
  // Ties away from zero: truncated, plus 1 with the operand's sign if half or more was cut off.
  const t = b.temp(typeOf(width));
  b.local_get(n)[`f${width}_trunc`]().local_tee(t);
  b.local_get(n).local_get(t)[`f${width}_sub`]()[`f${width}_abs`]();
  if (width === 64) b.f64_const(0.5).f64_ge().f64_convert_i32_u();
  else b.f32_const(0.5).f32_ge().f32_convert_i32_u();
  b.local_get(n)[`f${width}_copysign`]()[`f${width}_add`]();
}

const oneSource: readonly Row[] = withAsm("{Vd}, {Vn}", [
  row(
    "00011110 ftype:2 1 000000 10000 Vn:5 Vd:5",
    "FMOV (register)",
    FP,
    copy(""),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 000001 10000 Vn:5 Vd:5",
    "FABS (scalar)",
    FP,
    copy("abs"),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 000010 10000 Vn:5 Vd:5",
    "FNEG (scalar)",
    FP,
    copy("neg"),
    ONE_OR_TWO,
  ),
  row("00011110 ftype:2 1 000011 10000 Vn:5 Vd:5", "FSQRT (scalar)", FP, (b, f) => {
    const width = widthOfType(f.ftype);
    const n = loadF(b, width, f.Vn);
    const r = b.temp(typeOf(width));
    b.local_get(n)[`f${width}_sqrt`]().local_set(r);
    resultStands(b, width, r);
    b.i32_eqz().if_().local_get(n);
    b.callHelper(`fp.sqrt.${width}`);
    b.local_set(r).end().local_get(r);
    setF(b, width, f.Vd);
  }, ONE_OR_TWO),
  row(
    "00011110 ftype:2 1 001000 10000 Vn:5 Vd:5",
    "FRINTN (scalar)",
    FP,
    roundToIntegral(Rounding.nearest, false),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 001001 10000 Vn:5 Vd:5",
    "FRINTP (scalar)",
    FP,
    roundToIntegral(Rounding.plus, false),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 001010 10000 Vn:5 Vd:5",
    "FRINTM (scalar)",
    FP,
    roundToIntegral(Rounding.minus, false),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 001011 10000 Vn:5 Vd:5",
    "FRINTZ (scalar)",
    FP,
    roundToIntegral(Rounding.zero, false),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 001100 10000 Vn:5 Vd:5",
    "FRINTA (scalar)",
    FP,
    roundToIntegral(Rounding.away, false),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 001110 10000 Vn:5 Vd:5",
    "FRINTX (scalar)",
    FP,
    roundToIntegral(undefined, true),
    ONE_OR_TWO,
  ),
  row(
    "00011110 ftype:2 1 001111 10000 Vn:5 Vd:5",
    "FRINTI (scalar)",
    FP,
    roundToIntegral(undefined, false),
    ONE_OR_TWO,
  ),
]);

/** [v128 register] -> [i32] the half in lane 0. */
function getHalf(b: Builder, v: Operand): void {
  getF(b, 32, v);
  b.i32_reinterpret_f32().i32_const(0xffff).i32_and();
}

const conversions: readonly Row[] = [
  row("00011110 00 1 0001 01 10000 Vn:5 Vd:5", "FCVT (single to double)", FP, (b, f) => {
    const n = loadF(b, 32, f.Vn);
    const r = b.temp("f64");
    b.local_get(n).f64_promote_f32().local_set(r);
    b.local_get(n).local_get(n).f32_eq();
    noFlush(b);
    b.i32_and().i32_eqz().if_().local_get(n);
    b.callHelper("fp.convert.32.64");
    b.local_set(r).end().local_get(r);
    b.setD(f.Vd);
  }, { asm: "fcvt d{Vd:number}, s{Vn:number}" }),
  row("00011110 01 1 0001 00 10000 Vn:5 Vd:5", "FCVT (double to single)", FP, (b, f) => {
    const n = loadF(b, 64, f.Vn);
    const r = b.temp("f32");
    b.local_get(n).f32_demote_f64().local_set(r);
    resultStands(b, 32, r);
    b.i32_eqz().if_().local_get(n);
    b.callHelper("fp.convert.64.32");
    b.local_set(r).end().local_get(r);
    b.setS(f.Vd);
  }, { asm: "fcvt s{Vd:number}, d{Vn:number}" }),
  row("00011110 11 1 0001 0 opc 10000 Vn:5 Vd:5", "FCVT (half to single or double)", FP, (b, f) => {
    const width = widthOfType(f.opc);
    getHalf(b, f.Vn);
    b.callHelper(`fp.convert.16.${width}`);
    setF(b, width, f.Vd);
  }, { asm: "fcvt {Vd}, h{Vn:number}" }),
  row("00011110 0 ftype 1 0001 11 10000 Vn:5 Vd:5", "FCVT (to half)", FP, (b, f) => {
    const width = widthOfType(f.ftype);
    getF(b, width, f.Vn);
    b.callHelper(`fp.convert.${width}.16`);
    b.f32_reinterpret_i32();
    b.setS(f.Vd);
  }, { asm: "fcvt h{Vd:number}, {Vn}" }),
];

/** [] -> [f] z + n * m of lanes 0 of vectors, rounded once. */
export function hardMulAdd(b: Builder, width: Width, o: FmaOperands): void {
  const r = b.temp(typeOf(width));
  fmaScalar(b, width, o, r, relaxedMaddIsFused(), (type) => b.temp(type));
  b.i32_eqz().if_();
  for (const operand of [o.z, o.n, o.m]) {
    b.local_get(operand);
    if (width === 64) b.f64x2_extract_lane(0);
    else b.f32x4_extract_lane(0);
  }
  b.callHelper(`fp.mulAdd.${width}`);
  b.local_set(r).end().local_get(r);
}

const threeSources: readonly Row[] = [
  row(
    "00011111 ftype:2 o1 Vm:5 o0 Va:5 Vn:5 Vd:5",
    "FMADD, FMSUB, FNMADD, FNMSUB",
    FP,
    (b, f) => {
      const width = widthOfType(f.ftype);
      // n, not the product: the sign of a NaN changes.
      const n = loadV(b, f.Vn, f.o0 !== f.o1 ? width : undefined);
      const m = loadV(b, f.Vm);
      const z = loadV(b, f.Va, f.o1 === 1 ? width : undefined);
      hardMulAdd(b, width, { z, n, m });
      setF(b, width, f.Vd);
    },
    { ...ONE_OR_TWO, asm: "{fused} {Vd}, {Vn}, {Vm}, {Va}" },
  ),
];

/** Locals of doubles that compare as the operands do. Single precision is widened. */
function comparable(
  b: Builder,
  width: Width,
  n: number,
  m: number,
  signalAll: boolean,
): [number, number] {
  const [x, y] = [b.temp("f64"), b.temp("f64")];
  for (const [from, to] of [[n, x], [m, y]]) {
    b.local_get(from);
    if (width === 32) b.f64_promote_f32();
    b.local_set(to);
  }
  b.local_get(n).local_get(n)[`f${width}_eq`]();
  b.local_get(m).local_get(m)[`f${width}_eq`]().i32_and();
  noFlush(b);
  b.i32_and().i32_eqz().if_();
  // The helper raises flags; its answer compared with zero is that of the operands.
  b.local_get(n).local_get(m).i32_const(signalAll ? 1 : 0);
  b.callHelper(`fp.compare.${width}`);
  b.local_set(x).f64_const(0).local_set(y).end();
  return [x, y];
}

function loadZero(b: Builder, width: Width): number {
  const zero = b.temp(typeOf(width));
  if (width === 64) b.f64_const(0);
  else b.f32_const(0);
  b.local_set(zero);
  return zero;
}

const comparisons: readonly Row[] = [
  row(
    "00011110 ftype:2 1 Vm:5 00 1000 Vn:5 signal 0 000",
    "FCMP, FCMPE",
    FP,
    (b, f) => {
      const width = widthOfType(f.ftype);
      const n = loadF(b, width, f.Vn);
      const m = loadF(b, width, f.Vm);
      setCompareFlags(b, ...comparable(b, width, n, m, f.signal === 1));
    },
    { ...ONE_OR_TWO, asm: "fcmp{signal} {Vn}, {Vm}" },
  ),
  row(
    "00011110 ftype:2 1 rawRm:5 00 1000 Vn:5 signal 1 000",
    "FCMP, FCMPE (zero)",
    FP,
    (b, f) => {
      const width = widthOfType(f.ftype);
      const n = loadF(b, width, f.Vn);
      const m = loadZero(b, width);
      setCompareFlags(b, ...comparable(b, width, n, m, f.signal === 1));
    },
    { ...ONE_OR_TWO, asm: "fcmp{signal} {Vn}, #0.0" },
  ),
  row(
    "00011110 ftype:2 1 Vm:5 cond:4 01 Vn:5 signal immNzcv:4",
    "FCCMP, FCCMPE",
    FP,
    (b, f) => {
      const width = widthOfType(f.ftype);
      const n = loadF(b, width, f.Vn);
      const m = loadF(b, width, f.Vm);
      const nzcv = b.temp("i64");
      b.imm(f.immNzcv);
      b.local_set(nzcv);
      b.condition(f.cond);
      b.if_();
      const [x, y] = comparable(b, width, n, m, f.signal === 1);
      // N: less, Z: equal, C: not less, V: unordered
      b.local_get(x).local_get(y).f64_lt().i32_const(3).i32_shl();
      b.local_get(x).local_get(y).f64_eq().i32_const(2).i32_shl().i32_or();
      b.local_get(x).local_get(y).f64_lt().i32_eqz().i32_const(1).i32_shl().i32_or();
      b.local_get(x).local_get(x).f64_ne().local_get(y).local_get(y).f64_ne().i32_or().i32_or();
      b.i64_extend_i32_u().local_set(nzcv).end();
      setNzcv(b, nzcv);
    },
    { ...ONE_OR_TWO, asm: "fccmp{signal} {Vn}, {Vm}, {immNzcv:hex}, {cond}" },
  ),
  row("00011110 ftype:2 1 Vm:5 cond:4 11 Vn:5 Vd:5", "FCSEL", FP, (b, f) => {
    const width = widthOfType(f.ftype);
    getF(b, width, f.Vn);
    getF(b, width, f.Vm);
    b.condition(f.cond);
    b.select();
    setF(b, width, f.Vd);
  }, { ...ONE_OR_TWO, asm: "fcsel {Vd}, {Vn}, {Vm}, {cond}" }),
];

/** VFPExpandImm: a:b:cccccc... of `abcdefgh` (Arm ARM, C2.2.3). */
export function expandImmediate(imm8: number, width: Width): bigint {
  const sign = BigInt(imm8 >> 7);
  const repeated = (imm8 & 0x40) !== 0;
  const low = BigInt(imm8 & 0x3f);
  if (width === 32) return (sign << 31n) | (repeated ? 0x3e000000n : 0x40000000n) | (low << 19n);
  return (sign << 63n) | (repeated ? 0x3fc0000000000000n : 0x4000000000000000n) | (low << 48n);
}

const immediates: readonly Row[] = [
  row("00011110 ftype:2 1 rawImm8:8 100 00000 Vd:5", "FMOV (scalar, immediate)", FP, (b, f) => {
    b.imm(f.immValue);
    b.f64_reinterpret_i64();
    b.setD(f.Vd);
  }, {
    ...ONE_OR_TWO,
    derive: { immValue: (f) => expandImmediate(f.rawImm8, widthOfType(f.ftype)) },
    asm: "fmov {Vd}, {rawImm8:float}",
  }),
];

/** All rows of this group. */
export const fpDataProcessingRows: readonly Row[] = [
  ...twoSources,
  ...oneSource,
  ...conversions,
  ...threeSources,
  ...comparisons,
  ...immediates,
];

/** Rows of SSE's floating-point arithmetic and logic (SDM volume 1, 10.4.1, 11.4.1, 12.3, 12.10.2). */
import type { Builder } from "../../engine/builder.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { lanes } from "../simd/lanes.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import {
  floatLanes,
  lane0,
  lanesStand,
  resultStands,
  scalarSource,
  setScalar,
  trap,
  unlessAll,
} from "./sse_float_code.ts";
import type { Arithmetic } from "./sse_helpers_arithmetic.ts";
import { binary, probeSource, toLocal, toLocals, unary, type VectorOp } from "./sse_operands.ts";

/** Suffix of helpers and mnemonics of packed numbers. */
const packedName = (width: Width): "ps" | "pd" => width === 64 ? "pd" : "ps";

/** Sums have a test of their own. */
const isSum = (op: Arithmetic): boolean => op === "add" || op === "sub";

/** [] -> [] the helper's result in local `r`, by operands in locals. */
function callFor(b: Builder, name: string, operands: readonly number[], r: number): void {
  for (const operand of operands) b.local_get(operand);
  b.callHelper(name);
  b.local_set(r);
  trap(b);
}

/** ADDSS and its like: the host's result if it may stand. */
const scalarArithmetic = (op: Arithmetic): X86Semantics => (b, o) => {
  const width = o[1].size === 8 ? 64 : 32;
  const f = typeOf(width);
  o[1].probe(b, "r");
  const [x, y] = [lane0(b, width, o[0]), scalarSource(b, o[1])];
  const r = b.temp(f);
  b.local_get(x).local_get(y)[`${f}_${op}`]().local_set(r);
  unlessAll(
    b,
    resultStands(b, width, r, [x, y], isSum(op)),
    () => callFor(b, `sse.${op}.${width}`, [x, y], r),
  );
  setScalar(b, width, o[0], r);
};

/** SQRTSS, SQRTSD */
const scalarRoot: X86Semantics = (b, o) => {
  const width = o[1].size === 8 ? 64 : 32;
  const f = typeOf(width);
  o[1].probe(b, "r");
  const x = scalarSource(b, o[1]);
  const r = b.temp(f);
  b.local_get(x)[`${f}_sqrt`]().local_set(r);
  unlessAll(
    b,
    resultStands(b, width, r, [x]),
    () => callFor(b, `sse.sqrt.${width}`, [x], r),
  );
  setScalar(b, width, o[0], r);
};

/** [v128, v128] -> [v128] of all lanes. */
const packedArithmetic = (width: Width, op: Arithmetic): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  const r = b.temp("v128");
  b.local_get(x).local_get(y)[`${floatLanes[width]}_${op}`]().local_set(r);
  unlessAll(
    b,
    lanesStand(b, width, r, [x, y], isSum(op)),
    () => callFor(b, `sse.${op}.${packedName(width)}`, [x, y], r),
  );
  b.local_get(r);
};

const packedRoot = (width: Width): VectorOp => (b) => {
  const x = toLocal(b);
  const r = b.temp("v128");
  b.local_get(x)[`${floatLanes[width]}_sqrt`]().local_set(r);
  unlessAll(
    b,
    lanesStand(b, width, r, [x]),
    () => callFor(b, `sse.sqrt.${packedName(width)}`, [x], r),
  );
  b.local_get(r);
};

/** HADDPS and its like: neighbours of the destination, then of the source. */
const horizontal = (width: Width, op: "add" | "sub"): VectorOp => {
  const size = width === 64 ? 3 : 2;
  const [even, odd] = [lanes(size, (i) => 2 * i), lanes(size, (i) => 2 * i + 1)];
  const combine = packedArithmetic(width, op);
  return (b) => {
    const [x, y] = toLocals(b);
    b.local_get(x).local_get(y).i8x16_shuffle(even);
    b.local_get(x).local_get(y).i8x16_shuffle(odd);
    combine(b);
  };
};

/** ADDSUBPS, ADDSUBPD: even lanes are subtracted. */
const addSub = (width: Width): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  const r = b.temp("v128");
  b.local_get(x).local_get(y);
  if (width === 64) b.v128_const32(0, 0x80000000 | 0, 0, 0);
  else b.v128_const32(0x80000000 | 0, 0, 0x80000000 | 0, 0);
  b.v128_xor()[`${floatLanes[width]}_add`]().local_set(r);
  unlessAll(
    b,
    lanesStand(b, width, r, [x, y], true),
    () => callFor(b, `sse.addSub.${packedName(width)}`, [x, y], r),
  );
  b.local_get(r);
};

/** DPPS, DPPD */
const dotProduct = (width: Width): X86Semantics => (b, o) => {
  probeSource(b, o[1]);
  o[0].getV(b);
  o[1].getV(b);
  o[2].unsigned(b);
  b.callHelper(`sse.dot.${packedName(width)}`);
  const r = toLocal(b);
  trap(b);
  b.local_get(r);
  o[0].setV(b);
};

const helper = (name: string): VectorOp => (b) => b.callHelper(name);

/** RCPSS, RSQRTSS */
const scalarEstimate = (name: string): X86Semantics => (b, o) => {
  o[1].probe(b, "r");
  o[1].getV(b);
  b.callHelper(name);
  const r = toLocal(b);
  o[0].getV(b);
  b.local_get(r).f32x4_extract_lane(0).f32x4_replace_lane(0);
  o[0].setV(b);
};

const arithmetic = (name: string, op: Arithmetic, opcode: string): X86Row[] => [
  x86(`${name}PS V,W16`, `NP 0f ${opcode} /r`, "sse", binary(packedArithmetic(32, op))),
  x86(`${name}PD V,W16`, `66 0f ${opcode} /r`, "sse2", binary(packedArithmetic(64, op))),
  x86(`${name}SS V,W4`, `f3 0f ${opcode} /r`, "sse", scalarArithmetic(op)),
  x86(`${name}SD V,W8`, `f2 0f ${opcode} /r`, "sse2", scalarArithmetic(op)),
];

const logic = (name: string, opcode: string, op: (b: Builder) => void): X86Row[] => [
  x86(`${name}PS V,W16`, `NP 0f ${opcode} /r`, "sse", binary(op)),
  x86(`${name}PD V,W16`, `66 0f ${opcode} /r`, "sse2", binary(op)),
];

/** All rows of this file. */
export const sseFloatRows: readonly X86Row[] = [
  x86("SQRTPS V,W16", "NP 0f 51 /r", "sse", unary(packedRoot(32))),
  x86("SQRTPD V,W16", "66 0f 51 /r", "sse2", unary(packedRoot(64))),
  x86("SQRTSS V,W4", "f3 0f 51 /r", "sse", scalarRoot),
  x86("SQRTSD V,W8", "f2 0f 51 /r", "sse2", scalarRoot),
  x86("RSQRTPS V,W16", "NP 0f 52 /r", "sse", unary(helper("sse.rsqrt"))),
  x86("RSQRTSS V,W4", "f3 0f 52 /r", "sse", scalarEstimate("sse.rsqrt")),
  x86("RCPPS V,W16", "NP 0f 53 /r", "sse", unary(helper("sse.rcp"))),
  x86("RCPSS V,W4", "f3 0f 53 /r", "sse", scalarEstimate("sse.rcp")),
  ...logic("AND", "54", (b) => b.v128_and()),
  ...logic("ANDN", "55", (b) => {
    const [x, y] = toLocals(b);
    b.local_get(y).local_get(x).v128_andnot();
  }),
  ...logic("OR", "56", (b) => b.v128_or()),
  ...logic("XOR", "57", (b) => b.v128_xor()),
  ...arithmetic("ADD", "add", "58"),
  ...arithmetic("MUL", "mul", "59"),
  ...arithmetic("SUB", "sub", "5c"),
  ...arithmetic("DIV", "div", "5e"),
  x86("HADDPD V,W16", "66 0f 7c /r", "sse3", binary(horizontal(64, "add"))),
  x86("HADDPS V,W16", "f2 0f 7c /r", "sse3", binary(horizontal(32, "add"))),
  x86("HSUBPD V,W16", "66 0f 7d /r", "sse3", binary(horizontal(64, "sub"))),
  x86("HSUBPS V,W16", "f2 0f 7d /r", "sse3", binary(horizontal(32, "sub"))),
  x86("ADDSUBPD V,W16", "66 0f d0 /r", "sse3", binary(addSub(64))),
  x86("ADDSUBPS V,W16", "f2 0f d0 /r", "sse3", binary(addSub(32))),
  x86("DPPS V,W16,Ib", "66 0f 3a 40 /r", "sse4_1", dotProduct(32)),
  x86("DPPD V,W16,Ib", "66 0f 3a 41 /r", "sse4_1", dotProduct(64)),
];

/** Rows of SSE's floating-point comparisons, minimum and maximum (SDM volume 1, 10.4.1, 11.4.1). */
import type { Builder } from "../../engine/builder.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { Flags } from "./flags.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import {
  floatLanes,
  lane0,
  noneTrue,
  notSubnormal,
  scalarSource,
  subnormalLanes,
  type Test,
  trap,
  unlessAll,
  vectorOf,
} from "./sse_float_code.ts";
import { SIGNAL_ALL } from "./sse_helpers.ts";
import { probeSource } from "./sse_operands.ts";
import { sseCode, SseOp } from "./sse_softfloat.ts";

/** That neither of two scalars in locals is a NaN or subnormal. Their sum is a NaN if one of them is. */
const plainScalars = (b: Builder, width: Width, x: number, y: number): Test[] => {
  const f = `f${width}` as const;
  const sum = b.temp(f);
  return [
    () => b.local_get(x).local_get(y)[`${f}_add`]().local_tee(sum).local_get(sum)[`${f}_eq`](),
    () => notSubnormal(b, width, x),
    () => notSubnormal(b, width, y),
  ];
};

/** That no lane of vectors in locals is a NaN or subnormal. */
const plain = (b: Builder, width: Width, ...operands: readonly number[]): Test => () => {
  const lanes = floatLanes[width];
  operands.forEach((operand, i) => {
    b.local_get(operand).local_get(operand)[`${lanes}_ne`]();
    subnormalLanes(b, width, operand);
    b.v128_or();
    if (i > 0) b.v128_or();
  });
  noneTrue(b, width);
};

/** An operation: its code, and the host's result [] -> [v128] for vectors in locals. */
interface Comparison {
  readonly code: (form: "ss" | "sd" | "ps" | "pd") => number;
  readonly host: (b: Builder, width: Width, x: number, y: number) => void;
}

const packed =
  (width: Width, operation: (number: number) => Comparison): X86Semantics => (b, o) => {
    const { code, host } = operation(o.length > 2 ? o[2].number : 0);
    probeSource(b, o[1]);
    const [x, y] = [vectorOf(b, o[0]), vectorOf(b, o[1])];
    const r = b.temp("v128");
    host(b, width, x, y);
    b.local_set(r);
    unlessAll(b, [plain(b, width, x, y)], () => {
      b.local_get(x).local_get(y).i32_const(code(width === 64 ? "pd" : "ps")).local_get(r);
      b.callHelper(`sse.compared.${width}`);
      b.local_set(r);
      trap(b);
    });
    b.local_get(r);
    o[0].setV(b);
  };

/** The same of lane 0; what is made of the other lanes does no harm. */
const single = (operation: (number: number) => Comparison): X86Semantics => (b, o) => {
  const { code, host } = operation(o.length > 2 ? o[2].number : 0);
  const width = o[1].size === 8 ? 64 : 32;
  const lanes = floatLanes[width];
  o[1].probe(b, "r");
  const [left, right] = [vectorOf(b, o[0]), vectorOf(b, o[1])];
  const [x, y] = [left, right].map((vector) => {
    const local = b.temp(typeOf(width));
    b.local_get(vector)[`${lanes}_extract_lane`](0).local_set(local);
    return local;
  });
  const r = b.temp("v128");
  host(b, width, left, right);
  b.local_set(r);
  unlessAll(b, plainScalars(b, width, x, y), () => {
    for (const scalar of [x, y]) b.v128_const(0n, 0n).local_get(scalar)[`${lanes}_replace_lane`](0);
    b.i32_const(code(width === 64 ? "sd" : "ss")).local_get(r);
    b.callHelper(`sse.compared.${width}`);
    b.local_set(r);
    trap(b);
  });
  b.local_get(left).local_get(r)[`${lanes}_extract_lane`](0)[`${lanes}_replace_lane`](0);
  o[0].setV(b);
};

/**
 * MINPS is x < y ? x : y, MAXPS x > y ? x : y: the second operand if that cannot be said. WebAssembly
 * has it with the operands exchanged.
 */
const extremum = (op: "min" | "max") => (): Comparison => ({
  code: (form) => sseCode(SseOp[op], form) | SIGNAL_ALL,
  host: (b, width, x, y) => b.local_get(y).local_get(x)[`${floatLanes[width]}_p${op}`](),
});

/** Predicates 0..3: equal, less, less or equal, unordered; 4..7 are their opposites. */
const PREDICATES = ["eq", "lt", "le", "ne"] as const;
const [LESS, LESS_OR_EQUAL, UNORDERED] = [1, 2, 3];

const compare = (number: number): Comparison => {
  const predicate = PREDICATES[number & 3];
  const negated = number >= 4;
  const signals = (number & 3) === LESS || (number & 3) === LESS_OR_EQUAL;
  return {
    code: (form) => sseCode(SseOp.compare, form, number) | (signals ? SIGNAL_ALL : 0),
    host: (b, width, x, y) => {
      const lanes = floatLanes[width];
      if ((number & 3) === UNORDERED) {
        b.local_get(x).local_get(x)[`${lanes}_ne`]().local_get(y).local_get(y)[`${lanes}_ne`]();
        b.v128_or();
      } else b.local_get(x).local_get(y)[`${lanes}_${predicate}`]();
      if (negated) b.v128_not();
    },
  };
};

/** COMISS, UCOMISS: flags as of a comparison of two doubles. `signal`: quiet NaNs are invalid, too. */
const ordered = (signal: boolean): X86Semantics => (b, o) => {
  const width = o[1].size === 8 ? 64 : 32;
  o[1].probe(b, "r");
  const [x, y] = [lane0(b, width, o[0]), scalarSource(b, o[1])];
  const [left, right] = [b.temp("f64"), b.temp("f64")];
  for (const [lane, double] of [[x, left], [y, right]]) {
    b.local_get(lane);
    if (width === 32) b.f64_promote_f32();
    b.local_set(double);
  }
  unlessAll(b, plainScalars(b, width, x, y), () => {
    const code = sseCode(SseOp.order, width === 64 ? "sd" : "ss", signal ? 1 : 0);
    b.local_get(x).local_get(y).i32_const(code | (signal ? SIGNAL_ALL : 0));
    b.callHelper(`sse.order.${width}`);
    b.local_set(left).f64_const(0).local_set(right);
    trap(b);
  });
  b.local_get(left).i64_reinterpret_f64().local_get(right).i64_reinterpret_f64();
  b.setFlags(Flags.compare);
};

const extrema = (name: string, op: "min" | "max", opcode: string): X86Row[] => [
  x86(`${name}PS V,W16`, `NP 0f ${opcode} /r`, "sse", packed(32, extremum(op))),
  x86(`${name}PD V,W16`, `66 0f ${opcode} /r`, "sse2", packed(64, extremum(op))),
  x86(`${name}SS V,W4`, `f3 0f ${opcode} /r`, "sse", single(extremum(op))),
  x86(`${name}SD V,W8`, `f2 0f ${opcode} /r`, "sse2", single(extremum(op))),
];

/** The predicate is structural. */
const PREDICATE = { constant: 7 } as const;

/** All rows of this file. */
export const sseCompareRows: readonly X86Row[] = [
  x86("UCOMISS V,W4", "NP 0f 2e /r", "sse", ordered(false)),
  x86("UCOMISD V,W8", "66 0f 2e /r", "sse2", ordered(false)),
  x86("COMISS V,W4", "NP 0f 2f /r", "sse", ordered(true)),
  x86("COMISD V,W8", "66 0f 2f /r", "sse2", ordered(true)),
  ...extrema("MIN", "min", "5d"),
  ...extrema("MAX", "max", "5f"),
  x86("CMPPS V,W16,Ib", "NP 0f c2 /r", "sse", packed(32, compare), PREDICATE),
  x86("CMPPD V,W16,Ib", "66 0f c2 /r", "sse2", packed(64, compare), PREDICATE),
  x86("CMPSS V,W4,Ib", "f3 0f c2 /r", "sse", single(compare), PREDICATE),
  x86("CMPSD V,W8,Ib", "f2 0f c2 /r", "sse2", single(compare), PREDICATE),
];

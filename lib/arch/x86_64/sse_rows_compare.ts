/** Rows of SSE's floating-point comparisons, minimum and maximum (SDM volume 1, 10.4.1, 11.4.1). */
import type { Builder } from "../../engine/builder.ts";
import { typeOf, type Width } from "../fp/number_code.ts";
import { Flags } from "./flags.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import {
  floatLanes,
  notSubnormal,
  scalar,
  scalarSource,
  setScalar,
  subnormalLanes,
  trap,
} from "./sse_float_code.ts";
import { SIGNAL_ALL } from "./sse_helpers.ts";
import { probeSource, toLocals } from "./sse_operands.ts";
import { sseCode, SseOp } from "./sse_softfloat.ts";

/** [] -> [i32] whether neither of two scalars is a NaN or subnormal. */
function plainScalars(b: Builder, width: Width, x: number, y: number): void {
  const f = typeOf(width);
  b.local_get(x).local_get(x)[`${f}_eq`]().local_get(y).local_get(y)[`${f}_eq`]().i32_and();
  notSubnormal(b, width, x);
  notSubnormal(b, width, y);
  b.i32_and().i32_and();
}

/** [] -> [i32] whether a lane of either is a NaN or subnormal. */
function unusualLanes(b: Builder, width: Width, x: number, y: number): void {
  const lanes = floatLanes[width];
  b.local_get(x).local_get(x)[`${lanes}_ne`]().local_get(y).local_get(y)[`${lanes}_ne`]().v128_or();
  subnormalLanes(b, width, x);
  subnormalLanes(b, width, y);
  b.v128_or().v128_or().v128_any_true();
}

/** [] -> [v128] a scalar in lane 0, zeros above. */
function widened(b: Builder, width: Width, local: number): void {
  b.v128_const(0n, 0n).local_get(local)[`${floatLanes[width]}_replace_lane`](0);
}

/** An operation: its code, and the host's result [] -> [value] for scalars and for lanes. */
interface Comparison {
  readonly code: (form: "ss" | "sd" | "ps" | "pd") => number;
  /** Lane 0 as a vector. */
  readonly scalar: (b: Builder, width: Width, x: number, y: number) => void;
  readonly packed: (b: Builder, width: Width, x: number, y: number) => void;
}

const packed =
  (width: Width, operation: (number: number) => Comparison): X86Semantics => (b, o) => {
    const { code, packed } = operation(o.length > 2 ? o[2].number : 0);
    probeSource(b, o[1]);
    o[0].getV(b);
    o[1].getV(b);
    const [x, y] = toLocals(b);
    const r = b.temp("v128");
    packed(b, width, x, y);
    b.local_set(r);
    unusualLanes(b, width, x, y);
    b.if_().local_get(x).local_get(y);
    b.i32_const(code(width === 64 ? "pd" : "ps")).local_get(r);
    b.callHelper(`sse.compared.${width}`);
    b.local_set(r);
    trap(b);
    b.end().local_get(r);
    o[0].setV(b);
  };

const single = (operation: (number: number) => Comparison): X86Semantics => (b, o) => {
  const { code, scalar: host } = operation(o.length > 2 ? o[2].number : 0);
  const width = o[1].size === 8 ? 64 : 32;
  const f = typeOf(width);
  o[1].probe(b, "r");
  const x = scalar(b, width, o[0].raw);
  const y = scalarSource(b, o[1]);
  const r = b.temp(f);
  host(b, width, x, y);
  b.local_set(r);
  plainScalars(b, width, x, y);
  b.i32_eqz().if_();
  widened(b, width, x);
  widened(b, width, y);
  b.i32_const(code(width === 64 ? "sd" : "ss"));
  widened(b, width, r);
  b.callHelper(`sse.compared.${width}`);
  b[`${floatLanes[width]}_extract_lane`](0).local_set(r);
  trap(b);
  b.end();
  setScalar(b, width, o[0], r);
};

/** MINPS is x < y ? x : y, MAXPS x > y ? x : y: the second operand if that cannot be said. */
const extremum = (op: "min" | "max") => (): Comparison => ({
  code: (form) => sseCode(SseOp[op], form) | SIGNAL_ALL,
  scalar: (b, width, x, y) => {
    b.local_get(x).local_get(y).local_get(x).local_get(y);
    b[`f${width}_${op === "min" ? "lt" : "gt"}`]().select();
  },
  // WebAssembly's is y < x ? y : x (x < y ? y : x).
  packed: (b, width, x, y) => b.local_get(y).local_get(x)[`${floatLanes[width]}_p${op}`](),
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
    scalar: (b, width, x, y) => {
      const f = `f${width}` as const;
      if ((number & 3) === UNORDERED) {
        b.local_get(x).local_get(x)[`${f}_ne`]().local_get(y).local_get(y)[`${f}_ne`]().i32_or();
      } else b.local_get(x).local_get(y)[`${f}_${predicate}`]();
      // All ones if true.
      if (negated) b.i32_const(1).i32_sub();
      else {
        const holds = b.temp("i32");
        b.local_set(holds).i32_const(0).local_get(holds).i32_sub();
      }
      if (width === 64) b.i64_extend_i32_s().f64_reinterpret_i64();
      else b.f32_reinterpret_i32();
    },
    packed: (b, width, x, y) => {
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
  const x = scalar(b, width, o[0].raw);
  const y = scalarSource(b, o[1]);
  const [left, right] = [b.temp("f64"), b.temp("f64")];
  for (const [from, to] of [[x, left], [y, right]]) {
    b.local_get(from);
    if (width === 32) b.f64_promote_f32();
    b.local_set(to);
  }
  plainScalars(b, width, x, y);
  b.i32_eqz().if_().local_get(x).local_get(y);
  const form = width === 64 ? "sd" : "ss";
  b.i32_const(sseCode(SseOp.order, form, signal ? 1 : 0) | (signal ? SIGNAL_ALL : 0));
  b.callHelper(`sse.order.${width}`);
  b.local_set(left).f64_const(0).local_set(right);
  trap(b);
  b.end();
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

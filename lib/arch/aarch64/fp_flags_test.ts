/** Conditions after a floating-point comparison, taken from the operands and from flags at rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../wasm/code.ts";
import { ModuleWriter } from "../../wasm/module.ts";
import { flagModel, Flags } from "./flags.ts";

/** Lane values and what FPCompare gives for them: N, Z, C, V in bits 3:0. */
const CASES: readonly (readonly [number, number, number])[] = [
  [1, 2, 0b1000],
  [-3, -2, 0b1000],
  [2, 2, 0b0110],
  [0, -0, 0b0110],
  [5, -1, 0b0010],
  [Infinity, 1, 0b0010],
  [-Infinity, Infinity, 0b1000],
  [NaN, 1, 0b0011],
  [1, NaN, 0b0011],
  [NaN, NaN, 0b0011],
];

/** ConditionHolds (Arm ARM, J1.1.3). */
function holds(code: number, nzcv: number): boolean {
  const [n, z, c, v] = [nzcv >> 3 & 1, nzcv >> 2 & 1, nzcv >> 1 & 1, nzcv & 1];
  const results = [z, c, n, v, c & (z ^ 1), n === v ? 1 : 0, n === v && z === 0 ? 1 : 0, 1];
  const result = results[code >> 1] === 1;
  return (code & 1) !== 0 && code !== 15 ? !result : result;
}

function instance(): Record<string, (a: number, b: number) => number> {
  const writer = new ModuleWriter();
  const type = { params: ["f64", "f64"], results: ["i32"] } as const;
  const begin = (): Code => {
    const code = new Code().local_get(0).i64_reinterpret_f64().local_set(2);
    return code.local_get(1).i64_reinterpret_f64().local_set(3);
  };
  for (let code = 0; code < 16; code++) {
    const body = begin();
    flagModel.condition(body, Flags.fcmp, [2, 3], code);
    writer.exportFunc(`c${code}`, writer.func(type, ["i64", "i64"], body));
  }
  // The flags at rest, packed.
  const body = begin();
  flagModel.materialize(body, Flags.fcmp, [2, 3]);
  body.i64_const32(63).i64_shr_u().local_set(2).local_set(3).i64_eqz().i32_const(2).i32_shl();
  body.local_set(5).i64_const32(63).i64_shr_u().i32_wrap_i64().i32_const(3).i32_shl();
  body.local_get(5).i32_or().local_get(3).i32_wrap_i64().i32_const(1).i32_shl().i32_or();
  body.local_get(2).i32_wrap_i64().i32_or();
  writer.exportFunc("rest", writer.func(type, ["i64", "i64", "i64", "i32"], body));
  const module = new WebAssembly.Module(writer.finish());
  return new WebAssembly.Instance(module).exports as Record<
    string,
    (a: number, b: number) => number
  >;
}

test("flags at rest are those of FPCompare", () => {
  const { rest } = instance();
  for (const [a, b, nzcv] of CASES) assert.equal(rest(a, b), nzcv, `${a} ${b}`);
});

test("each condition is what the flags say", () => {
  const functions = instance();
  for (const [a, b, nzcv] of CASES) {
    for (let code = 0; code < 16; code++) {
      assert.equal(functions[`c${code}`](a, b) !== 0, holds(code, nzcv), `${a} ${b} ${code}`);
    }
  }
});

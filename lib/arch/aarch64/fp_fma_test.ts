/** Multiply-add of doubles without a fused host against the software floating point. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fmaDouble } from "./fp_fma.ts";
import { codeOf, softFloat, SoftOp } from "./softfloat_ops.ts";
import { Code } from "../../wasm/code.ts";
import { ModuleWriter } from "../../wasm/module.ts";
import type { ValType } from "../../wasm/types.ts";

type Accept = (z: bigint, n: bigint, m: bigint) => bigint;

/** Result bits, or `refused`. */
const refused = -1n;

/** `scalar` and `vector` take bits of z, n and m; the vector is of these and of a zero lane. */
function compile(): { scalar: Accept; vector: Accept } {
  const writer = new ModuleWriter();
  for (const lanes of ["f64", "f64x2"] as const) {
    const type: ValType = lanes === "f64" ? "f64" : "v128";
    const types: ValType[] = [];
    const scratch = (t: ValType): number => 2 + types.push(t);
    const code = new Code();
    const operands = [0, 1, 2].map((parameter) => {
      const local = scratch(type);
      if (lanes === "f64") code.local_get(parameter).f64_reinterpret_i64();
      else code.v128_const(0n, 0n).local_get(parameter).i64x2_replace_lane(1);
      code.local_set(local);
      return local;
    });
    const r = scratch(type);
    const [z, n, m] = operands;
    fmaDouble(code, lanes, { z, n, m }, r, scratch);
    if (lanes === "f64x2") code.i64x2_extract_lane(1).i32_wrap_i64();
    code.if_("i64").local_get(r);
    if (lanes === "f64") code.i64_reinterpret_f64();
    else code.i64x2_extract_lane(1);
    code.else_().i64_const32(Number(refused)).end();
    const signature = { params: ["i64", "i64", "i64"], results: ["i64"] } as const;
    writer.exportFunc(lanes, writer.func(signature, types, code));
  }
  const module = new WebAssembly.Module(writer.finish());
  const { f64, f64x2 } = new WebAssembly.Instance(module).exports as Record<string, Accept>;
  return { scalar: f64, vector: f64x2 };
}

/** Numbers below a limit, always the same (a linear congruence, its high bits). */
function generator(): (limit: number) => number {
  let state = 1n;
  return (limit) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(limit));
  };
}

const { scalar, vector } = compile();
const below = generator();
const code = codeOf(SoftOp.mulAdd, 64);
const BIAS = 1023;

/** Any sign; an exponent within a distance of `exponent`; few bits, many, or runs of ones. */
function double(exponent: number, distance: number): bigint {
  const e = exponent + below(2 * distance + 1) - distance;
  const kept = BigInt(below(53));
  let fraction = BigInt(below(2 ** 26)) << 26n | BigInt(below(2 ** 26));
  if (below(2) === 0) fraction = fraction >> kept << kept;
  if (below(4) === 0) fraction = (1n << kept) - 1n;
  return BigInt(below(2)) << 63n | BigInt(Math.max(0, Math.min(2047, e))) << 52n | fraction;
}

/** Runs cases; gives how many of them were not refused. */
function run(count: number, operands: () => readonly [bigint, bigint, bigint]): number {
  let accepted = 0;
  for (let i = 0; i < count; i++) {
    const [z, n, m] = operands();
    const got = BigInt.asUintN(64, scalar(z, n, m));
    assert.equal(BigInt.asUintN(64, vector(z, n, m)), got, "lanes of a vector do the same");
    if (got === BigInt.asUintN(64, refused)) continue;
    accepted++;
    const right = softFloat(code, n, m, z, 0);
    const message = [z, n, m].map((bits) => bits.toString(16)).join(" ");
    assert.equal(got.toString(16), right.toString(16), message);
  }
  return accepted;
}

for (
  const [name, distance] of [["meets", 4], ["is near", 60], ["is half a unit of", 54]] as const
) {
  test(`a product whose exponent ${name} the addend's`, () => {
    const accepted = run(5000, () => {
      const [n, m] = [double(BIAS, 4), double(BIAS, 4)];
      const side = below(2) === 0 ? 1 : -1;
      return [distance === 54 ? double(BIAS + side * 53, 4) : double(BIAS, distance), n, m];
    });
    assert.ok(accepted > 4000, `only ${accepted}`);
  });
}

test("products in the middle between two doubles, and tiny addends", () => {
  const accepted = run(5000, () => {
    const power = (): bigint => 0x3ff00000_00000000n | 1n << BigInt(below(52));
    return [double(BIAS - 150, 140), power(), power()];
  });
  assert.ok(accepted > 3000, `only ${accepted}`);
});

test("cancellation", () => {
  const accepted = run(5000, () => {
    const [n, m] = [double(BIAS, 4), double(BIAS, 4)];
    const product = softFloat(code, n, m, 1n << 63n, 0);
    return [(product ^ 1n << 63n) + BigInt(below(8)), n, m];
  });
  assert.ok(accepted > 4000, `only ${accepted}`);
});

test("exponents of the whole range, and products that underflow", () => {
  run(5000, () => [double(BIAS, BIAS + 1), double(BIAS, BIAS + 1), double(BIAS, BIAS + 1)]);
  run(5000, () => {
    const n = below(2047);
    return [double(172, 4), double(n, 0), double(172 + BIAS - n, 130)];
  });
  run(5000, () => {
    const n = below(1200);
    return [double(30, 30), double(n, 0), double(30 + BIAS - n, 60)];
  });
});

test("infinities, NaNs and zero results are refused", () => {
  const [inf, nan, one, max] = [
    0x7ff00000_00000000n,
    0x7ff80000_00000000n,
    0x3ff00000_00000000n,
    0x7fefffff_ffffffffn,
  ];
  for (const [z, n, m] of [[inf, one, one], [one, inf, one], [one, one, nan], [nan, one, one]]) {
    assert.equal(scalar(z, n, m), refused);
  }
  assert.equal(scalar(max, max, max), refused, "overflow");
  assert.equal(scalar(0n, 0n, one), refused, "the sign of zero");
  assert.equal(scalar(one, 0n, one), one, "a zero product is no obstacle");
});

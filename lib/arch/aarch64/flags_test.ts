import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../wasm/code.ts";
import { ModuleWriter } from "../../wasm/module.ts";
import type { ValType } from "../../wasm/types.ts";
import { flagModel, Flags } from "./flags.ts";

const ONES = (1n << 64n) - 1n;
const VALUES: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0x8000_0000_8000_0000n,
  ONES - 1n,
  ONES,
];

/** Bits of doubles: zeros, a subnormal, one, infinities, NaN. */
const DOUBLES: readonly bigint[] = [
  0n,
  1n << 63n,
  1n,
  0x3ff0_0000_0000_0000n,
  0xbff0_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  0xfff0_0000_0000_0000n,
  0x7ff8_0000_0000_0000n,
];

/** FPCompare of the manual. */
function comparison(a: bigint, b: bigint): number {
  const [x, y] = new Float64Array(new BigUint64Array([a, b]).buffer);
  if (Number.isNaN(x) || Number.isNaN(y)) return 0b0011;
  return x === y ? 0b0110 : x < y ? 0b1000 : 0b0010;
}

/** NZCV in bits 3:0 as the pseudocode computes them (AddWithCarry). */
function expected(kind: number, a: bigint, b: bigint): number {
  if (kind === Flags.nzcv) return Number(a & 15n);
  if (kind === Flags.fcmp) return comparison(a, b);
  const width = [Flags.add32, Flags.sub32, Flags.logic32].some((k) => k === kind) ? 32 : 64;
  const x = BigInt.asUintN(width, a);
  const subtract = kind === Flags.sub32 || kind === Flags.sub64;
  const logic = kind === Flags.logic32 || kind === Flags.logic64;
  const y = logic ? 0n : BigInt.asUintN(width, subtract ? ~b : b);
  const carry = subtract ? 1n : 0n;
  const unsigned = x + y + carry;
  const signed = BigInt.asIntN(width, x) + BigInt.asIntN(width, y) + carry;
  const result = BigInt.asUintN(width, unsigned);
  const n = result >> BigInt(width - 1) === 1n;
  const c = result !== unsigned;
  const v = BigInt.asIntN(width, result) !== signed;
  return (n ? 8 : 0) | (result === 0n ? 4 : 0) | (c ? 2 : 0) | (v ? 1 : 0);
}

/** ConditionHolds of the manual. */
function holds(condition: number, nzcv: number): boolean {
  const [n, z, c, v] = [8, 4, 2, 1].map((bit) => (nzcv & bit) !== 0);
  const even = [z, c, n, v, c && !z, n === v, n === v && !z, true][condition >> 1];
  return condition === 15 || (condition & 1) === 0 ? even : !even;
}

type Evaluate = (...operands: bigint[]) => number;

/** One function per kind: bits 15:0 are the conditions, 19:16 NZCV of the flags at rest. */
function compile(kind: number): Evaluate {
  const count = flagModel.operands[kind];
  const operands = Array.from({ length: count }, (_, i) => i);
  const rest = [0, 1, 2, 3].map((i) => count + i);
  const code = new Code();
  flagModel.materialize(code, kind, operands);
  for (const local of [...rest].reverse()) code.local_set(local);
  const [n, z, c, v] = rest;
  code.local_get(n).i64_const32(63).i64_shr_u().i64_const32(19).i64_shl();
  code.local_get(z).i64_eqz().i64_extend_i32_u().i64_const32(18).i64_shl().i64_or();
  code.local_get(c).i64_const32(17).i64_shl().i64_or();
  code.local_get(v).i64_const32(63).i64_shr_u().i64_const32(16).i64_shl().i64_or();
  code.i32_wrap_i64();
  for (let condition = 0; condition < 16; condition++) {
    flagModel.condition(code, kind, operands, condition);
    code.i32_const(condition).i32_shl().i32_or();
  }
  const module = new ModuleWriter();
  const i64 = (length: number): ValType[] => new Array<ValType>(length).fill("i64");
  const type = module.type({ params: i64(count), results: ["i32"] });
  module.exportFunc("evaluate", module.func(type, i64(4), code));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()));
  return instance.exports.evaluate as Evaluate;
}

function check(evaluate: Evaluate, operands: readonly bigint[], nzcv: number, what: string): void {
  const got = evaluate(...operands.map((value) => BigInt.asIntN(64, value)));
  assert.equal(got >>> 16, nzcv, `${what}: flags at rest`);
  for (let condition = 0; condition < 16; condition++) {
    assert.equal(((got >> condition) & 1) === 1, holds(condition, nzcv), `${what}: ${condition}`);
  }
}

test("lazy flags of every kind are those of the pseudocode", () => {
  for (const [name, kind] of Object.entries(Flags)) {
    if (kind === Flags.rest) continue;
    const evaluate = compile(kind);
    const binary = flagModel.operands[kind] === 2;
    const values = kind === Flags.fcmp
      ? DOUBLES
      : kind === Flags.nzcv
      ? Array.from({ length: 16 }, (_, i) => BigInt(i))
      : VALUES;
    for (const a of values) {
      for (const b of binary ? values : [0n]) {
        check(evaluate, binary ? [a, b] : [a], expected(kind, a, b), `${name} ${a} ${b}`);
      }
    }
  }
});

test("conditions of flags at rest", () => {
  const evaluate = compile(Flags.rest);
  for (let nzcv = 0; nzcv < 16; nzcv++) {
    const sign = (bit: number): bigint => nzcv & bit ? 1n << 63n : 5n;
    const operands = [sign(8), nzcv & 4 ? 0n : 1n << 40n, nzcv & 2 ? 1n : 0n, sign(1)];
    check(evaluate, operands, nzcv, `rest ${nzcv}`);
  }
});

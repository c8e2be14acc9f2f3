/** Whether results of the host are inexact, decided again by arithmetic on integers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HelperCode } from "../../engine/arch.ts";
import { helperCalls } from "../testing/helper_calls.ts";
import { random64 } from "../testing/random.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { productInexact, quotientInexact, rootInexact, sumInexact, testable } from "./exactness.ts";
import type { Width } from "./number_code.ts";

const view = new DataView(new ArrayBuffer(8));

function toNumber(width: Width, bits: bigint): number {
  view.setBigUint64(0, bits);
  return width === 64 ? view.getFloat64(0) : view.getFloat32(4);
}
function toBits(width: Width, value: number): bigint {
  view.setBigUint64(0, 0n);
  if (width === 64) view.setFloat64(0, value);
  else view.setFloat32(4, value);
  return view.getBigUint64(0);
}
const rounded = (width: Width, value: number): number => width === 64 ? value : Math.fround(value);

/** Any finite number as an integer, in units of 2^-1074. */
function units(value: number): bigint {
  const bits = toBits(64, value);
  const exponent = bits >> 52n & 0x7ffn;
  const fraction = BigInt.asUintN(52, bits);
  const magnitude = exponent === 0n ? fraction : (fraction | 1n << 52n) << (exponent - 1n);
  return bits >> 63n ? -magnitude : magnitude;
}
/** 1 as {@linkcode units} has it. */
const ONE = 1n << 1074n;

interface Operation {
  readonly operands: 1 | 2;
  /** What the host computes, in double precision. */
  readonly compute: (a: number, b: number) => number;
  /** Whether a finite result is not the exact one. */
  readonly inexact: (a: bigint, b: bigint, r: bigint) => boolean;
  /** Locals 0 and 1 are the operands, the last parameter is the result. */
  readonly emit: (c: HelperCode, width: Width) => void;
  /** Sums may be asked about whenever they are finite. */
  readonly always?: boolean;
}

const OPERATIONS: Record<string, Operation> = {
  sum: {
    operands: 2,
    compute: (a, b) => a + b,
    inexact: (a, b, r) => a + b !== r,
    emit: (c, width) => sumInexact(c, width, 0, 1, 2, (type) => c.local(type)),
    always: true,
  },
  product: {
    operands: 2,
    compute: (a, b) => a * b,
    inexact: (a, b, r) => a * b !== r * ONE,
    emit: (c, width) => productInexact(c, width, 0, 1, 2),
  },
  quotient: {
    operands: 2,
    compute: (a, b) => a / b,
    inexact: (a, b, r) => r * b !== a * ONE,
    emit: (c, width) => quotientInexact(c, width, 0, 1, 2),
  },
  root: {
    operands: 1,
    compute: (a) => Math.sqrt(a),
    inexact: (a, _, r) => r * r !== a * ONE,
    emit: (c, width) => rootInexact(c, width, 0, 1),
  },
};

/** A finite number: any exponent or one near `center`; all bits random, a few, or a run of ones. */
function draw(width: Width, next: () => bigint, center: bigint): number {
  const fractionBits = width === 64 ? 52n : 23n;
  const exponents = width === 64 ? 2047n : 255n;
  const kind = next();
  const near = center + next() % 64n - 32n;
  const exponent = kind % 4n === 0n || near < 0n || near >= exponents ? next() % exponents : near;
  let fraction = BigInt.asUintN(Number(fractionBits), next());
  if (kind >> 8n & 3n) fraction &= -1n << next() % fractionBits;
  if ((kind >> 10n & 7n) === 0n) fraction = (1n << fractionBits) - (1n << next() % fractionBits);
  const sign = (kind >> 16n & 1n) << BigInt(width - 1);
  return toNumber(width, sign | exponent << fractionBits | fraction);
}

/** Operands whose result is exact more often than chance has it: products and squares come first. */
function operandsFor(name: string, width: Width, next: () => bigint): [number, number] {
  const bias = width === 64 ? 1023n : 127n;
  // Now and then near the least and the greatest numbers.
  const centers = [bias, bias, bias, 8n, 2n * bias - 8n];
  const center = centers[Number(next() % 5n)];
  const a = draw(width, next, center);
  const b = draw(width, next, name === "sum" ? center : bias);
  if (name === "root") return [Math.abs(next() & 1n ? rounded(width, b * b) : a), 0];
  if (name === "quotient" && next() & 1n) return [rounded(width, a * b), b];
  return [a, b];
}

for (const width of [32, 64] as const) {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    test(`${name} in ${width} bits`, () => {
      const { operands, compute, inexact, emit, always = false } = operation;
      const f = `f${width}` as const;
      const params = Array.from({ length: operands + 1 }, () => f);
      const indices = params.slice(1).map((_, i) => i);
      const call = helperCalls([
        wasmHelper("inexact", params, "i32", (c) => emit(c, width)),
        wasmHelper("testable", params, "i32", (c) => testable(c, width, operands, indices)),
      ]);
      const next = random64();
      const seen = { exact: 0, inexact: 0, refused: 0 };
      for (let i = 0; i < 20_000; i++) {
        const values = operandsFor(name, width, next).slice(0, operands);
        const [a, b = 0] = values;
        const result = rounded(width, compute(a, b));
        if (!Number.isFinite(result)) continue;
        const bits = [...values, result].map((value) => toBits(width, value));
        if (!always && call("testable", ...bits) === 0n) {
          seen.refused++;
          continue;
        }
        const expected = inexact(units(a), units(b), units(result));
        seen[expected ? "inexact" : "exact"]++;
        assert.equal(call("inexact", ...bits) === 1n, expected, `${a} ${b} gives ${result}`);
      }
      assert.ok(seen.exact > 1000 && seen.inexact > 1000, JSON.stringify(seen));
      assert.equal(seen.refused > 0, !always);
    });
  }
}

test("what is close to the edges of the format may not be asked about", () => {
  for (const width of [32, 64] as const) {
    const f = `f${width}` as const;
    const call = helperCalls([
      wasmHelper("testable", [f, f], "i32", (c) => testable(c, width, 1, [0])),
    ]);
    const fractionBits = width === 64 ? 52n : 23n;
    const top = width === 64 ? 2047n : 255n;
    const ask = (operand: bigint, result: bigint): boolean =>
      call("testable", operand << fractionBits, result << fractionBits) === 1n;
    const sign = 1n << BigInt(width - 1) - fractionBits;
    for (const edge of [0n, 1n, top, sign, sign | 1n, sign | top]) {
      assert.equal(ask(100n, edge), false, `result ${edge} of ${width} bits`);
      // Products of single precision are exact as doubles, whatever their operands.
      assert.equal(ask(edge, 100n), width === 32, `operand ${edge} of ${width} bits`);
    }
    for (const inside of [2n, top - 2n, sign | 2n, sign | (top - 2n)]) {
      assert.equal(ask(inside, inside), true, `${inside} of ${width} bits`);
    }
  }
});

/** The x87 arithmetic in WebAssembly against the exact one of the host, on random numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HelperTable } from "../../engine/helpers.ts";
import { StateView } from "../../engine/layout.ts";
import { ModuleStore } from "../../engine/module_store.ts";
import * as arithmetic from "./x87_arithmetic.ts";
import * as conversion from "./x87_conversion.ts";
import { x87FastHelpers } from "./x87_fast_code.ts";
import {
  REFUSED_DOUBLE,
  REFUSED_INTEGER,
  REFUSED_SINGLE,
  x87FastConversionHelpers,
} from "./x87_fast_conversion.ts";
import { C1, environment, unpack } from "./x87_float.ts";
import { random64 } from "../testing/random.ts";
import { INITIAL_CONTROL, X87Unit } from "./x87_unit.ts";

const helpers = [...x87FastHelpers, ...x87FastConversionHelpers];
const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
const table = new WebAssembly.Table({ initial: helpers.length, element: "anyfunc" });
new HelperTable(helpers, 0).install({ memory, table }, new ModuleStore(), helpers.length);
const fpu = new X87Unit(new StateView(memory.buffer));

function call(name: string, ...values: (number | bigint)[]): number | bigint {
  const index = helpers.findIndex((helper) => helper.name === name);
  const f = table.get(index) as (...values: (number | bigint)[]) => number | bigint;
  return f(...values);
}

const INTEGER_BIT = 1n << 63n;

/** A normal number near 1, few or many of its bits set; now and then zero. */
function draw(next: () => bigint, spread: bigint): bigint {
  const kind = Number(next() & 15n);
  const sign = (next() & 1n) << 79n;
  if (kind === 0) return sign;
  const exponent = 0x3fffn - spread + next() % (2n * spread + 1n);
  let significand = next();
  if (kind < 5) significand &= -1n << (next() % 64n);
  if (kind === 5) significand |= (1n << 63n) - 1n;
  if (kind === 6) significand = 0n;
  return sign | (exponent << 64n) | INTEGER_BIT | BigInt.asUintN(64, significand);
}

const parts = (bits: bigint): [bigint, number] => [
  BigInt.asIntN(64, bits),
  Number(bits >> 64n),
];
const hex = (bits: bigint): string => bits.toString(16).padStart(20, "0");

/** Status bits that the fast code may change. */
const CHANGED = C1 | 0x3f;

const BINARY = { add: arithmetic.add, mul: arithmetic.mul, div: arithmetic.div } as const;

for (const [name, exact] of Object.entries(BINARY)) {
  test(`${name}: the same bits, inexact and C1`, () => {
    const next = random64(0x9e3779b97f4a7c15n);
    let fast = 0;
    for (let n = 0; n < 20000; n++) {
      const spread = [1n, 4n, 70n, 140n][n & 3];
      const [a, b] = [draw(next, spread), draw(next, spread)];
      fpu.initialize();
      fpu.status = n & 4 ? C1 : 0;
      const before = fpu.status;
      fpu.setPhysical(3, 0n);
      const done = call(`x87.${name}`, ...parts(a), ...parts(b), 3 * 16);
      const env = environment(INITIAL_CONTROL);
      const want = exact(unpack(a), unpack(b), env);
      const what = `${hex(a)} ${name} ${hex(b)}`;
      if (done === 0) {
        assert.equal(fpu.status, before, what);
        assert.equal(fpu.physical(3), 0n, what);
        continue;
      }
      fast++;
      assert.equal(hex(fpu.physical(3)), hex(want), what);
      assert.equal(fpu.status & CHANGED, env.flags, what);
    }
    // Zeros are not all for the fast code.
    assert.ok(fast > 17000, `${fast}`);
  });
}

test("results beyond the normal numbers are refused", () => {
  fpu.initialize();
  const [small, large] = [parts((1n << 64n) | INTEGER_BIT), parts((0x7ffen << 64n) | INTEGER_BIT)];
  assert.equal(call("x87.mul", ...small, ...small, 0), 0);
  assert.equal(call("x87.mul", ...large, ...large, 0), 0);
  assert.equal(call("x87.div", ...small, ...large, 0), 0);
  assert.equal(call("x87.add", ...large, ...large, 0), 0);
  const one = parts((0x3fffn << 64n) | INTEGER_BIT);
  for (const control of [0x27f, 0x77f, 0x35f]) {
    fpu.control = control;
    assert.equal(call("x87.add", ...one, ...one, 0), 0, control.toString(16));
  }
});

test("stores: the same bits, inexact and C1, or refused", () => {
  const next = random64(0x2545f4914f6cdd1dn);
  const double = BigInt.asIntN(64, (BigInt(REFUSED_DOUBLE[1]) << 32n) | BigInt(REFUSED_DOUBLE[0]));
  const integer = BigInt.asIntN(64, BigInt(REFUSED_INTEGER[1]) << 32n);
  let fast = 0;
  for (let n = 0; n < 20000; n++) {
    const a = draw(next, [3n, 20n, 70n, 1100n][n & 3]);
    const x = unpack(a);
    const formats = [
      [
        "double",
        [],
        double,
        (env: ReturnType<typeof environment>) => conversion.toFloat(8, x, env),
      ],
      [
        "single",
        [],
        REFUSED_SINGLE,
        (env: ReturnType<typeof environment>) => conversion.toFloat(4, x, env),
      ],
      ...([2, 4, 8] as const).flatMap((size) =>
        [false, true].map((truncate) =>
          [
            "integer",
            [8 * size, truncate ? 1 : 0],
            integer,
            (env: ReturnType<typeof environment>) => conversion.toInteger(size, x, truncate, env),
          ] as const
        )
      ),
    ] as const;
    for (const [name, more, refused, exact] of formats) {
      fpu.initialize();
      const have = call(`x87.to.${name}`, ...parts(a), ...more);
      if (have === refused) {
        assert.equal(fpu.status, 0, `${name} ${hex(a)}`);
        continue;
      }
      fast++;
      const env = environment(INITIAL_CONTROL);
      const want = exact(env);
      const bits = name === "single" ? 32 : name === "integer" ? more[0] as number : 64;
      assert.equal(BigInt.asUintN(bits, BigInt(have)), want, `${name} ${hex(a)}`);
      assert.equal(fpu.status & CHANGED, env.flags, `${name} ${hex(a)}`);
    }
  }
  assert.ok(fast > 70000, `${fast}`);
});

test("loads: numbers are the same, what is not normal is marked", () => {
  const next = random64(0xda942042e4dd58b5n);
  for (let n = 0; n < 5000; n++) {
    const bits = next();
    const views = [
      ["double", BigInt.asIntN(64, bits), conversion.unpackFloat(8, bits)],
      ["single", Number(bits & 0xffffffffn), conversion.unpackFloat(4, bits & 0xffffffffn)],
      ["integer", BigInt.asIntN(64, bits), conversion.unpackInteger(8, bits)],
    ] as const;
    for (const [name, value, want] of views) {
      const significand = BigInt.asUintN(64, call(`x87.${name}.significand`, value) as bigint);
      const head = call(`x87.${name}.head`, value) as number;
      const ordinary = want.kind === "finite" && !want.denormal;
      const expected = ordinary ? hex(want.bits) : hex(0x7fffn << 64n);
      assert.equal(hex((BigInt(head) << 64n) | significand), expected, `${name} ${value}`);
    }
  }
  for (const name of ["double", "single", "integer"]) {
    const zero = name === "single" ? 0 : 0n;
    assert.equal(call(`x87.${name}.significand`, zero), 0n);
    assert.equal(call(`x87.${name}.head`, zero), 0);
  }
});

test("comparisons", () => {
  const next = random64(0x853c49e6748fea9bn);
  for (let n = 0; n < 20000; n++) {
    const a = draw(next, [0n, 2n][n & 1]);
    const b = (n & 6) === 0 ? a : draw(next, [0n, 2n][n & 1]);
    const env = environment(INITIAL_CONTROL);
    const order = arithmetic.compare(unpack(a), unpack(b), false, env);
    const want = order === 0 ? 0x40 : order === -1 ? 1 : 0;
    assert.equal(call("x87.compare", ...parts(a), ...parts(b)), want, `${hex(a)} ${hex(b)}`);
  }
});

/** What the lane-wise instructions compute, element by element. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HelperCode } from "../../engine/arch.ts";
import type { ValType } from "../../wasm/types.ts";
import { helperCalls } from "../testing/helper_calls.ts";
import { random64 } from "../testing/random.ts";
import { wasmHelper } from "../wasm_helper.ts";
import * as lanes from "./lanes.ts";

const SIZES = [0, 1, 2, 3] as const;
const bitsOf = (size: number): number => 8 << size;
const signed = (size: number, x: bigint): bigint => BigInt.asIntN(bitsOf(size), x);
const unsigned = (size: number, x: bigint): bigint => BigInt.asUintN(bitsOf(size), x);

/** Elements from the lowest on, unsigned, and back. */
function split(size: number, vector: bigint): bigint[] {
  return Array.from(
    { length: 16 >> size },
    (_, i) => unsigned(size, vector >> BigInt(i * bitsOf(size))),
  );
}
function join(size: number, elements: readonly bigint[]): bigint {
  return elements.reduceRight((all, x) => all << BigInt(bitsOf(size)) | unsigned(size, x), 0n);
}

const EDGES = [0x00n, 0x01n, 0x7fn, 0x80n, 0xffn];
const next = random64();

/** A vector of random bytes, one in four of them at the edges of its range. */
function draw(): bigint {
  let vector = 0n;
  for (let i = 0; i < 16; i++) {
    const random = next();
    vector = vector << 8n | (random & 3n ? random >> 8n & 0xffn : EDGES[Number(random >> 8n) % 5]);
  }
  return vector;
}

/** Runs code on operands of the given types; its result is a vector. */
function compile(
  params: readonly ValType[],
  emit: (c: HelperCode) => void,
): (...operands: bigint[]) => bigint {
  const call = helperCalls([wasmHelper("code", params, "v128", emit)]);
  return (...operands) => call("code", ...operands);
}

/** Instructions of two vectors and, for each element, of what they make of a size. */
type Binary = (size: number, x: bigint, y: bigint) => bigint;
const mask = (holds: boolean): bigint => holds ? -1n : 0n;
const BINARY: Record<string, Binary> = {
  ADD: (_, x, y) => x + y,
  SUB: (_, x, y) => x - y,
  EQ: (_, x, y) => mask(x === y),
  NE: (_, x, y) => mask(x !== y),
  GT_S: (size, x, y) => mask(signed(size, x) > signed(size, y)),
  GE_S: (size, x, y) => mask(signed(size, x) >= signed(size, y)),
  LT_S: (size, x, y) => mask(signed(size, x) < signed(size, y)),
  LE_S: (size, x, y) => mask(signed(size, x) <= signed(size, y)),
  GT_U: (_, x, y) => mask(x > y),
  GE_U: (_, x, y) => mask(x >= y),
  MAX_S: (size, x, y) => signed(size, x) > signed(size, y) ? x : y,
  MIN_S: (size, x, y) => signed(size, x) < signed(size, y) ? x : y,
  MAX_U: (_, x, y) => x > y ? x : y,
  MIN_U: (_, x, y) => x < y ? x : y,
};
const UNARY: Record<string, (size: number, x: bigint) => bigint> = {
  NEG: (_, x) => -x,
  ABS: (size, x) => signed(size, x) < 0n ? -x : x,
};
const SHIFTS: Record<string, Binary> = {
  SHL: (_, x, by) => x << by,
  SHR_S: (size, x, by) => signed(size, x) >> by,
  SHR_U: (_, x, by) => x >> by,
};

type Names = readonly ("i8x16_add" | "i8x16_neg" | "i8x16_shl")[];
const names = (key: string): Names => lanes[key as keyof typeof lanes] as unknown as Names;

for (const [key, expected] of Object.entries(BINARY)) {
  test(`${key} of elements of each size`, () => {
    names(key).forEach((name, size) => {
      const run = compile(["v128", "v128"], (c) => c.local_get(0).local_get(1)[name]());
      for (let i = 0; i < 50; i++) {
        const [x, y] = [draw(), draw()];
        const ys = split(size, y);
        const all = split(size, x).map((element, n) => expected(size, element, ys[n]));
        assert.equal(run(x, y), join(size, all), name);
      }
    });
  });
}

for (const [key, expected] of Object.entries(UNARY)) {
  test(`${key} of elements of each size`, () => {
    names(key).forEach((name, size) => {
      const run = compile(["v128"], (c) => c.local_get(0)[name]());
      for (let i = 0; i < 50; i++) {
        const x = draw();
        assert.equal(run(x), join(size, split(size, x).map((it) => expected(size, it))), name);
      }
    });
  });
}

for (const [key, expected] of Object.entries(SHIFTS)) {
  test(`${key} of elements of each size`, () => {
    names(key).forEach((name, size) => {
      const run = compile(["v128", "i32"], (c) => c.local_get(0).local_get(1)[name]());
      for (let by = 0; by < bitsOf(size); by++) {
        const x = draw();
        const all = split(size, x).map((it) => expected(size, it, BigInt(by)));
        assert.equal(run(x, BigInt(by)), join(size, all), `${name} ${by}`);
      }
    });
  });
}

test("elements of one half extended, and products of twice the size", () => {
  for (const half of ["LOW", "HIGH"] as const) {
    for (const sign of ["S", "U"] as const) {
      const value = sign === "S" ? signed : unsigned;
      for (const size of [0, 1, 2] as const) {
        const extend = compile(
          ["v128"],
          (c) => c.local_get(0)[lanes[`EXTEND_${half}_${sign}`][size]](),
        );
        const multiply = compile(
          ["v128", "v128"],
          (c) => c.local_get(0).local_get(1)[lanes[`EXTMUL_${half}_${sign}`][size]](),
        );
        const halfOf = (vector: bigint): bigint[] => {
          const elements = split(size, vector).map((it) => value(size, it));
          const middle = elements.length / 2;
          return half === "LOW" ? elements.slice(0, middle) : elements.slice(middle);
        };
        for (let i = 0; i < 30; i++) {
          const [x, y] = [draw(), draw()];
          const ys = halfOf(y);
          assert.equal(extend(x), join(size + 1, halfOf(x)));
          assert.equal(multiply(x, y), join(size + 1, halfOf(x).map((it, n) => it * ys[n])));
        }
      }
    }
  }
});

test("constants of each size", () => {
  assert.equal(compile([], (c) => lanes.zero(c))(), 0n);
  assert.equal(
    compile([], (c) => lanes.words(c, 0x89abcdef))(),
    join(2, Array(4).fill(0x89abcdefn)),
  );
  for (const size of SIZES) {
    const filled = (element: bigint): bigint => join(size, Array(16 >> size).fill(element));
    const sign = 1n << BigInt(bitsOf(size) - 1);
    assert.equal(compile([], (c) => lanes.ones(c, size))(), filled(1n));
    assert.equal(compile([], (c) => lanes.least(c, size))(), filled(sign));
    assert.equal(compile([], (c) => lanes.greatest(c, size))(), filled(sign - 1n));
  }
});

test("elements rearranged", () => {
  const one = (emit: (c: HelperCode) => void) =>
    compile(["v128"], (c) => {
      c.local_get(0);
      emit(c);
    });
  const two = (emit: (c: HelperCode) => void) =>
    compile(["v128", "v128"], (c) => {
      c.local_get(0).local_get(1);
      emit(c);
    });
  const [x, y] = [draw(), draw()];
  const both = (size: number): bigint[] => [...split(size, x), ...split(size, y)];
  for (const size of SIZES) {
    const signs = split(size, x).map((it) => mask(signed(size, it) < 0n));
    assert.equal(one((c) => lanes.signs(c, size))(x), join(size, signs));
    assert.equal(one((c) => lanes.onlyLane0(c, size))(x), split(size, x)[0]);
    const even = both(size).filter((_, i) => i % 2 === 0);
    const odd = both(size).filter((_, i) => i % 2 === 1);
    assert.equal(two((c) => lanes.evenLanes(c, size))(x, y), join(size, even));
    assert.equal(two((c) => lanes.oddLanes(c, size))(x, y), join(size, odd));
    const count = 16 >> size;
    const pick = (i: number): number => (7 * i + 3) % (2 * count);
    assert.equal(
      two((c) => c.i8x16_shuffle(lanes.lanes(size, pick)))(x, y),
      join(size, Array.from({ length: count }, (_, i) => both(size)[pick(i)])),
    );
  }
  const [low, high, nextLow, nextHigh] = both(3);
  assert.equal(one((c) => lanes.clearHigh(c))(x), low);
  assert.equal(two((c) => lanes.joinHalves(c, 0))(x, y), join(3, [low, nextLow]));
  assert.equal(two((c) => lanes.joinHalves(c, 1))(x, y), join(3, [high, nextHigh]));
});

test("a number in element 0, the rest zero", () => {
  const from = (type: "i32" | "i64", emit: (c: HelperCode) => void) =>
    compile([type], (c) => {
      c.local_get(0);
      emit(c);
    });
  assert.equal(from("i32", (c) => lanes.laneFromI32(c))(0xfedcba98n), 0xfedcba98n);
  assert.equal(from("i64", (c) => lanes.laneFromI64(c))(0xfedcba9876543210n), 0xfedcba9876543210n);
});

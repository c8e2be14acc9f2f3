import assert from "node:assert/strict";
import { test } from "node:test";
import { helperCalls } from "../testing/helper_calls.ts";
import { random64 } from "../testing/random.ts";
import { polynomialHelpers } from "./polynomial.ts";

const call = helperCalls(polynomialHelpers);

/** Long multiplication without carries. */
function product(x: bigint, y: bigint): bigint {
  let sum = 0n;
  for (let i = 0n; y >> i; i++) if (y >> i & 1n) sum ^= x << i;
  return sum;
}

test("products of polynomials of 32 and of 64 bits", () => {
  const next = random64();
  const all = [0n, 1n, 1n << 63n, (1n << 64n) - 1n];
  for (let i = 0; i < 100; i++) all.push(next());
  for (const x of all) {
    for (const y of all.slice(0, 20)) {
      assert.equal(call("polynomial64", x, y), product(x, y), `${x} ${y}`);
      const [low, high] = [BigInt.asUintN(32, x), y >> 32n];
      assert.equal(call("polynomial32", low, high), product(low, high), `${low} ${high}`);
    }
  }
});

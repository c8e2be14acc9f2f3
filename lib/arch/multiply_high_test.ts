import assert from "node:assert/strict";
import { test } from "node:test";
import { multiplyHighCode } from "./multiply_high.ts";
import { helperCalls } from "./testing/helper_calls.ts";
import { random64 } from "./testing/random.ts";
import { wasmHelper } from "./wasm_helper.ts";

for (const signed of [true, false]) {
  test(`the high half of a ${signed ? "signed" : "unsigned"} product`, () => {
    const call = helperCalls([
      wasmHelper(
        "high",
        ["i64", "i64"],
        "i64",
        (c) => multiplyHighCode(c, () => c.local("i64"), 0, 1, signed),
      ),
    ]);
    const next = random64();
    const values = [0n, 1n, 0xffffffffn, 1n << 32n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];
    for (let i = 0; i < 50; i++) values.push(next());
    const value = (x: bigint): bigint => signed ? BigInt.asIntN(64, x) : x;
    for (const x of values) {
      for (const y of values) {
        const expected = BigInt.asUintN(64, value(x) * value(y) >> 64n);
        assert.equal(call("high", x, y), expected, `${x} times ${y}`);
      }
    }
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineLayout, STATE_BASE, STATE_SIZE, StateView } from "./layout.ts";

test("fields follow each other at multiples of their size", () => {
  const layout = defineLayout([
    { name: "a", type: "u32" },
    { name: "b", type: "u64" },
    { name: "c", type: "u32", count: 3 },
    { name: "d", type: "v128", count: 2 },
    { name: "e", type: "u32" },
  ]);
  const places = [...layout.fields.values()].map((
    { name, address },
  ) => [name, address - STATE_BASE]);
  assert.deepEqual(places, [["a", 0], ["b", 8], ["c", 16], ["d", 32], ["e", 64]]);
  assert.equal(layout.end, STATE_BASE + 68);
  assert.equal(layout.get("c").size, 4);
  assert.throws(() => layout.get("f"), /no state field f/);
});

test("a name twice and a block too large are refused", () => {
  assert.throws(
    () => defineLayout([{ name: "a", type: "u32" }, { name: "a", type: "u64" }]),
    /twice/,
  );
  const full = defineLayout([{ name: "a", type: "u64", count: STATE_SIZE / 8 }]);
  assert.equal(full.end, STATE_BASE + STATE_SIZE);
  assert.throws(() => defineLayout([{ name: "a", type: "u64", count: STATE_SIZE / 8 + 1 }]), /fit/);
});

test("a view reads and writes fields, whole and in halves", () => {
  const layout = defineLayout([{ name: "w", type: "u32", count: 2 }, {
    name: "x",
    type: "u64",
    count: 2,
  }]);
  const view = new StateView(new ArrayBuffer(STATE_BASE + STATE_SIZE));
  view.set32(layout.get("w"), -1, 1);
  assert.equal(view.get32(layout.get("w"), 1), 0xffffffff);
  assert.equal(view.get32(layout.get("w")), 0);
  view.set64(layout.get("x"), 0xfedcba9876543210n, 1);
  assert.equal(view.get64(layout.get("x"), 1), 0xfedcba9876543210n);
  assert.equal(view.high(layout.get("x"), 1), 0xfedcba98);
  assert.equal(view.low(layout.get("x"), 1), 0x76543210);
  assert.equal(view.get64(layout.get("x")), 0n);
});

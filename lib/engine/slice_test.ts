import assert from "node:assert/strict";
import { test } from "node:test";
import { defineLayout, engineState, StateView } from "./layout.ts";
import { RAM_BASE } from "./memory_map.ts";
import { Slice } from "./slice.ts";

function rig(): { slice: Slice; execute: (count: number) => void } {
  const layout = defineLayout(engineState);
  const state = new StateView(new ArrayBuffer(RAM_BASE));
  const budget = layout.get("budget").address >> 2;
  return {
    slice: new Slice(state, layout),
    // What generated code does.
    execute: (count) => state.u32[budget] -= count,
  };
}

test("a slice counts what was executed, one too many included", () => {
  const { slice, execute } = rig();
  slice.begin(100);
  execute(40);
  slice.spend();
  assert.deepEqual([slice.left, slice.instructions, slice.isOver], [59, 41, false]);
  execute(62);
  assert.deepEqual([slice.left, slice.isOver], [-3, true]);
  assert.equal(slice.end(), 103);
  assert.equal(slice.instructions, 103);
  slice.begin(10);
  execute(1);
  assert.equal(slice.end(), 1);
  assert.equal(slice.instructions, 104);
});

test("what is held back is neither executed nor lost", () => {
  const { slice, execute } = rig();
  slice.begin(1000);
  slice.hold(50);
  assert.deepEqual([slice.left, slice.instructions, slice.isOver], [50, 0, false]);
  execute(50);
  slice.hold(50);
  assert.deepEqual([slice.left, slice.instructions, slice.isOver], [0, 50, false]);
  slice.release();
  assert.equal(slice.left, 950);
  slice.hold(0);
  slice.hold(2000);
  assert.equal(slice.left, 0);
  assert.equal(slice.end(), 50);
});

test("a slice is exhausted by many visits of the host, or by one long one", () => {
  const { slice } = rig();
  slice.begin(1_000_000);
  let visits = 0;
  for (; !slice.isExhausted; visits++) slice.visit();
  assert.ok(visits > 1000);
  slice.end();
  slice.begin(10);
  assert.equal(slice.isExhausted, false);
  slice.exhaust();
  assert.equal(slice.isExhausted, true);
});

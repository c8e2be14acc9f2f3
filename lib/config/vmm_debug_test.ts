import assert from "node:assert/strict";
import { test } from "node:test";
import { VmmDebug } from "./vmm_debug.ts";

test("nothing is shown or counted at first", () => {
  const debug = new VmmDebug();
  assert.equal(debug.enabled("gic"), false);
  assert.equal(debug.statistics("vbus"), false);
});

test("levels are ordered and belong to a component", () => {
  const debug = new VmmDebug();
  debug.setLevel("gic", "detailed");
  assert.equal(debug.enabled("gic", "condensed"), true);
  assert.equal(debug.enabled("gic", "detailed"), true);
  assert.equal(debug.enabled("gic", "full"), false);
  assert.equal(debug.level("vbus"), "none");
});

test('"*" reaches components named before and after', () => {
  const debug = new VmmDebug();
  debug.setLevel("gic", "full");
  debug.setStatistics("*", true);
  debug.setLevel("*", "condensed");
  assert.equal(debug.level("gic"), "condensed");
  assert.equal(debug.level("timer"), "condensed");
  debug.setLevel("timer", "none");
  assert.equal(debug.statistics("timer"), true);
  assert.equal(debug.level("pl011"), "condensed");
});

test("observers hear of each change until they leave", () => {
  const debug = new VmmDebug();
  let changes = 0;
  const leave = debug.onChange(() => changes++);
  debug.setLevel("gic", "full");
  debug.setStatistics("*", true);
  leave();
  debug.setLevel("gic", "none");
  assert.equal(changes, 2);
});

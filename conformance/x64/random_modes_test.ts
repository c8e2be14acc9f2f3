import assert from "node:assert/strict";
import { test } from "node:test";
import { CODE_MODES, compareModes, type ModeSplit } from "./random_modes.ts";

/** Runs in each mode; random_modes.ts executes more. */
const RUNS = 50;

test("random code at CPL 0 ends the same in the interpreter, in regions and step by step", () => {
  const found: ModeSplit[] = [];
  const ended = compareModes({ from: 0, to: RUNS }, (split) => found.push(split));
  assert.deepEqual(found, []);
  assert.ok(ended > 0.7 * RUNS * CODE_MODES.length, `${ended}`);
});

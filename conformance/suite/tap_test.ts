import assert from "node:assert/strict";
import { test } from "node:test";
import { readTap } from "./tap.ts";

const read = (text: string): ReturnType<typeof readTap> => readTap(text.split("\n"));

test("a complete transcript, with the plan in front or at the end", () => {
  const expected = { planned: 2, passed: 2, skipped: 0, failed: [], faults: [] };
  assert.deepEqual(read("TAP version 13\n1..2\nok 1 - a\n# note\nok 2 - b\n"), expected);
  assert.deepEqual(read("TAP version 13\nok 1 - a\nok 2\n1..2\n"), expected);
});

test("failed tests keep their names; skipped ones are good, those to be done may fail", () => {
  const { passed, skipped, failed, faults } = read(
    "1..4\nok 1 - a # SKIP no such device\nnot ok 2 - b, c\nnot ok 3 - d # TODO later\nok 4 - e",
  );
  assert.deepEqual([passed, skipped, failed, faults], [3, 1, ["2 - b, c"], []]);
});

test("tests that are missing, surplus or out of order are faults", () => {
  assert.deepEqual(read("1..3\nok 1\nok 2").faults, ["3 tests planned, 2 ran"]);
  assert.deepEqual(read("1..1\nok 1\nok 2").faults, ["1 tests planned, 2 ran"]);
  assert.deepEqual(read("1..2\nok 1\nok 3").faults, ["test 2 has the number 3"]);
  assert.deepEqual(read("1..1\nok 1\n1..1").faults, ["two plans"]);
});

test("a guest that crashes or says nothing has not passed", () => {
  assert.deepEqual(read("ok 1 - a\nBail out! data abort").faults, [
    "Bail out! data abort",
    "no plan: the guest did not come to its end",
  ]);
  assert.equal(read("").faults.length, 1);
  // A plan of nothing is no failure.
  assert.deepEqual(read("1..0 # nothing to do").faults, []);
});

test("lines that only look like results are none", () => {
  assert.equal(read("1..0\nokay 1\n# not ok 1\n  ok 1 - subtest\nnot okay").passed, 0);
});

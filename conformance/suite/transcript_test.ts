import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedLines, firstMismatch, transcriptLines } from "./transcript.ts";

test("lines end by CR LF; other bytes stay in them", () => {
  assert.deepEqual(transcriptLines("a\r\nb\nc\r\r\n\xff"), ["a", "b\nc\r", "\xff"]);
});

test("differences replace, insert and remove lines, each once", () => {
  const qemu = ["a", "not ok 2", "# found 1", "same", "same", "z"];
  const reason = "the board has no such device";
  const differences = [
    { qemu: ["not ok 2", "# found 1"], vml: ["ok 2"], reason },
    { qemu: ["same"], vml: [], reason },
    { qemu: ["z"], vml: ["y", "z"], reason },
  ];
  assert.deepEqual(expectedLines({ name: "x", differences }, qemu), [
    "a",
    "ok 2",
    "same",
    "y",
    "z",
  ]);
  assert.deepEqual(qemu.length, 6, "the transcript itself is left alone");
});

test("the count of failed tests goes with the last of them", () => {
  const qemu = ["not ok 1", "not ok 2", "# failed 2 of 2 tests"];
  const good = (i: number): { qemu: string[]; vml: string[]; reason: string } => ({
    ...{ qemu: [`not ok ${i}`], vml: [`ok ${i}`], reason: "QEMU is wrong" },
  });
  const both = expectedLines({ name: "x", differences: [good(1), good(2)] }, qemu);
  assert.deepEqual(both, ["ok 1", "ok 2"]);
  const one = expectedLines({ name: "x", differences: [good(2)] }, qemu);
  assert.deepEqual(one, ["not ok 1", "ok 2", "# failed 2 of 2 tests"]);
});

test("a difference that QEMU does not show any more is an error", () => {
  const differences = [{ qemu: ["a", "c"], vml: [], reason: "none" }];
  assert.throws(() => expectedLines({ name: "x", differences }, ["a", "b", "c"]), /x: .*a \/ c/);
  const empty = [{ qemu: [], vml: ["a"], reason: "none" }];
  assert.throws(() => expectedLines({ name: "x", differences: empty }, ["a"]), /x: /);
});

test("the first mismatch is found, also behind the end of either", () => {
  assert.equal(firstMismatch(["a", "b"], ["a", "b"]), undefined);
  assert.deepEqual(firstMismatch(["a", "b"], ["a", "c"]), { line: 2, expected: "b", found: "c" });
  assert.deepEqual(firstMismatch(["a"], ["a", ""]), { line: 2, expected: undefined, found: "" });
  assert.deepEqual(firstMismatch(["a", ""], ["a"]), { line: 2, expected: "", found: undefined });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CaseReport, compareReports, formatReports } from "./report.ts";
import { readTap } from "./tap.ts";

function report(changes: Partial<CaseReport> = {}): CaseReport {
  return {
    runtime: "node",
    name: "gicv3",
    status: "passed",
    problems: [],
    tests: 12,
    skippedTests: 1,
    instructions: 123_456,
    guestNanoseconds: 1_234_567,
    hostMilliseconds: 250,
    ...changes,
  };
}

const MIXED = [
  report(),
  report({ name: "timer", status: "failed", problems: ['line 3: <a> & "b"', "not ok 2 - x"] }),
  report({ runtime: "qemu", status: "skipped", problems: ["it has no vsock"], instructions: 0 }),
];

test("the table has a row per case, a column per runtime, and the problems", () => {
  assert.equal(
    formatReports(MIXED, "table"),
    `case   tests  instructions  guest ms           node  qemu
gicv3     12        123456     1.235      ok 0.25 s     -
timer     12        123456     1.235  FAILED 0.25 s

timer (node):
  line 3: <a> & "b"
  not ok 2 - x

1 passed, 1 failed, 1 skipped
`,
  );
});

test("JSON: a line per report that reads back as it was", () => {
  const lines = formatReports(MIXED, "json").split("\n");
  assert.equal(lines.pop(), "");
  assert.deepEqual(lines.map((line) => JSON.parse(line)), MIXED);
});

test("TAP: what the reports say, by our own reader", () => {
  const lines = formatReports(
    [...MIXED, report({ name: "a # SKIP b", status: "failed", problems: ["one\nok 9"] })],
    "tap",
  ).split("\n");
  const { planned, passed, skipped, failed, faults } = readTap(lines);
  assert.deepEqual([planned, passed, skipped, faults], [4, 2, 1, []]);
  assert.deepEqual(failed, ["2 - timer (node)", "4 - a \\# SKIP b (node)"]);
  assert.ok(lines.includes('# line 3: <a> & "b"'));
});

test("JUnit: a suite per runtime, counts, and text escaped", () => {
  assert.equal(
    formatReports(MIXED, "junit"),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="0" skipped="1" time="0.750">
  <testsuite name="vml.node" tests="2" failures="1" errors="0" skipped="0" time="0.500">
    <testcase classname="vml.node" name="gicv3" time="0.250"/>
    <testcase classname="vml.node" name="timer" time="0.250">
      <failure message="line 3: &lt;a&gt; &amp; &quot;b&quot;">line 3: &lt;a&gt; &amp; "b"
not ok 2 - x</failure>
    </testcase>
  </testsuite>
  <testsuite name="vml.qemu" tests="1" failures="0" errors="0" skipped="1" time="0.250">
    <testcase classname="vml.qemu" name="gicv3" time="0.250">
      <skipped message="it has no vsock"/>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
});

test("JUnit: what XML cannot have is replaced, white space in attributes is kept", () => {
  const problems = ["a\x00\x1b\x7f\ud800\uffff\tb\r\nc]]>"];
  const xml = formatReports([report({ status: "failed", problems })], "junit");
  const bad = "\ufffd".repeat(5);
  assert.ok(xml.includes(`message="a${bad}&#9;b&#13;&#10;c]]&gt;">a${bad}\tb&#13;\nc]]&gt;<`), xml);
});

test("runs that are not the same under two runtimes have failed", () => {
  const first = report();
  assert.equal(compareReports(undefined, first), first);
  const same = report({ runtime: "bun", hostMilliseconds: 1 });
  assert.equal(compareReports(first, same), same);
  const other = compareReports(first, report({ runtime: "bun", instructions: 5 }));
  assert.equal(other.status, "failed");
  assert.deepEqual(other.problems, [
    "5 instructions, under node 123456: runs are not the same",
  ]);
  const later = compareReports(first, report({ runtime: "bun", guestNanoseconds: 7 }));
  assert.match(later.problems[0], /^7 ns of guest time, under node 1234567/);
  // A case that did not come to run has counted nothing.
  const broken = report({ status: "failed", problems: ["x"], instructions: 0 });
  assert.equal(compareReports(first, broken), broken);
});

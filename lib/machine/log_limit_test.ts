import assert from "node:assert/strict";
import { test } from "node:test";
import { limitLog } from "./log_limit.ts";

test("a device that fails without end has a burst, then a line in ten seconds", () => {
  const lines: string[] = [];
  let now = 0;
  const log = limitLog((device, line) => lines.push(`${device}: ${line}`), () => now);
  for (let i = 0; i < 100; i++) log("a", `${i}`);
  assert.deepEqual(lines, Array.from({ length: 8 }, (_, i) => `a: ${i}`));
  log("b", "another device");
  assert.equal(lines.at(-1), "b: another device");
  now = 10e9 - 1;
  log("a", "too early");
  assert.equal(lines.length, 9);
  now = 10e9;
  log("a", "in time");
  log("a", "again too early");
  assert.deepEqual(lines.slice(9), ["a: in time (93 more before)"]);
});

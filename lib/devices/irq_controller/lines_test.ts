import assert from "node:assert/strict";
import { test } from "node:test";
import { LevelProbe, OrLine } from "./lines.ts";

test("a shared line is high while any input is high", () => {
  const output = new LevelProbe();
  const shared = new OrLine(output);
  const [a, b] = [shared.input(), shared.input()];
  a.set(true);
  a.set(true);
  b.set(true);
  assert.ok(output.level);
  a.set(false);
  assert.ok(output.level && shared.level);
  a.set(false);
  b.set(false);
  assert.equal(output.level, false);
  assert.equal(shared.level, false);
  b.set(true);
  assert.equal(output.rises, 2);
});

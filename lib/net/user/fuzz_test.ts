import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkFuzz } from "./testing/fuzz.ts";

test("20,000 hostile packets do no harm, the same each time", async () => {
  const runs = [];
  for (const seed of [1, 1, 2]) {
    const fuzz = new NetworkFuzz(seed);
    await fuzz.run(seed === 2 ? 10_000 : 5_000);
    runs.push(fuzz.totals);
  }
  assert.deepEqual(runs[0], runs[1]);
  assert.ok(runs[2].connections > 50, "the packets get somewhere");
  assert.ok(runs[2].answers > 2_000);
});

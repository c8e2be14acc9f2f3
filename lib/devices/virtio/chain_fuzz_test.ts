import assert from "node:assert/strict";
import { test } from "node:test";
import { ChainFuzz } from "./testing/chain_fuzz.ts";

// A million of them: node conformance/fuzz/virtio_chains.ts --all
test("fuzz: hostile chains, split and packed, direct and indirect", () => {
  const fuzz = new ChainFuzz(2026);
  fuzz.run(30_000);
  const { taken, returned, compared, failures, restored } = fuzz.totals;
  assert.ok(taken > 5000, `${taken} taken`);
  assert.ok(returned > 2000, `${returned} returned`);
  assert.ok(compared > 200, `${compared} compared`);
  assert.ok(failures > 1000, `${failures} failures`);
  assert.ok(restored > 300, `${restored} restored`);
});

test("the same seed gives the same chains", () => {
  const [one, two] = [new ChainFuzz(9), new ChainFuzz(9)];
  one.run(2000);
  two.run(2000);
  assert.deepEqual(one.totals, two.totals);
});

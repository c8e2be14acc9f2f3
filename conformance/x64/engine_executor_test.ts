import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineExecutor, WAYS } from "./engine_executor.ts";
import { covering, describe, readCases, replay } from "./replay.ts";

const cases = await readCases();
/** A case of each encoding, and some of several instructions. */
const each = new Set(covering(cases, 1));
const selected = cases.filter((one, n) =>
  each.has(one) || (one.encodings.length > 1 && n % 50 === 0)
);

for (const way of WAYS) {
  test(`the engine does what the host CPU did: ${way}`, () => {
    const executor = new EngineExecutor(way);
    const differing: string[] = [];
    const count = replay(executor, selected, (one) => differing.push(describe(one)));
    assert.equal(differing.slice(0, 3).join("\n"), "");
    assert.ok(count > 2000, `${count} cases`);
    if (way === "region") assert.ok(executor.engine.statistics.regionInstructions > 1000);
  });
}

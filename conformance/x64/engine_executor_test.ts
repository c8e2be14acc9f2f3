import assert from "node:assert/strict";
import { test } from "node:test";
import { WAYS } from "../../lib/arch/x86_64/testing/bare_engine.ts";
import { EngineExecutor } from "./engine_executor.ts";
import { excludedCases } from "./exclusions.ts";
import { covering, describe, type Difference, readRecord, replay } from "./replay.ts";
import { slotAddress, State } from "./state.ts";
import type { Case } from "./vectors.ts";

const record = await readRecord();
const cases = record.filter(({ index }) => !excludedCases.has(index));
/** A case of each encoding, and some of several instructions; run_cases.ts runs all. */
const each = new Set(covering(cases, 1));
const selected = cases.filter((one, n) =>
  each.has(one) || (one.encodings.length > 1 && n % 50 === 0)
);

function run(executor: EngineExecutor, some: readonly Case[]): Difference[] {
  const found: Difference[] = [];
  const count = replay(executor, some, (one) => found.push(one));
  assert.equal(count, some.length);
  return found;
}

for (const way of WAYS) {
  test(`the engine does what the host CPU did: ${way}`, () => {
    const executor = new EngineExecutor(way);
    const differing = run(executor, selected).map(describe);
    assert.equal(differing.slice(0, 3).join("\n"), "");
    assert.ok(selected.length > 2000, `${selected.length} cases`);
    if (way === "region") assert.ok(executor.engine.statistics.regionInstructions > 1000);
  });

  test(`accesses across pages, alignment checks, page faults and single steps: ${way}`, () => {
    const executor = new EngineExecutor(way);
    const load = Uint8Array.of(0x8b, 0x03);
    const at = (address: number, flags = 0): State => {
      const after = new State();
      executor.run([{ index: 0, bytes: load }], (_, state) => {
        state.bytes.fill(0);
        state.memory.fill(0);
        state.rip = BigInt(slotAddress(0));
        state.general[6] = address;
        state.rflags = flags;
        state.memory[0x3ff] = 0x11223344;
        state.memory[0x400] = 0x55667788;
      }, (_, state) => after.copy(state));
      return after;
    };
    assert.equal(at(0x50000ffe).general[0], 0x77881122);
    assert.equal(at(0x50000ffe, 0x40000).vector, 17);
    const last = at(0x50002ffe);
    assert.deepEqual([last.vector, last.error, last.address], [14, 4, 0x50003000n]);
    const step = at(0x50000ffc, 0x100);
    assert.deepEqual([step.vector, step.rip - BigInt(slotAddress(0))], [1, 2n]);
  });
}

test("a case that is left out ends as recorded only together with the one that it reads", () => {
  assert.deepEqual([...excludedCases.keys()], [174797]);
  const [read, reader] = [174205, 174797].map((n) => record.find(({ index }) => index === n)!);
  const executor = new EngineExecutor("interpreter");
  assert.deepEqual(run(executor, [read, reader]), []);
  assert.deepEqual(run(executor, [reader]).map(({ lines }) => lines.length), [1]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { commonWords } from "../../lib/arch/aarch64/common_words.ts";
import { CODE, Ending } from "./cases.ts";
import { CaseMachine, type Executor } from "./machine.ts";
import type { Case } from "./vectors.ts";
import { covering, describe, EXECUTORS, readCases, replay } from "./replay.ts";

const cases = await readCases();
const selected = covering(cases, 2);
const machine = new CaseMachine({ inlineWords: commonWords });

const WHAT: Record<Executor, string> = {
  interpreter: "the interpreter",
  single: "single steps",
  uncached: "slow memory accesses",
  region: "compiled regions",
  sliced: "regions that run a few instructions at a time",
};

/** Tests that each executor's cases are spread over: some runtimes limit the time of one. */
const PARTS = 4;

for (const executor of EXECUTORS) {
  for (let part = 0; part < PARTS; part++) {
    const name = `recorded sequences end as recorded in ${WHAT[executor]} (${
      part + 1
    } of ${PARTS})`;
    test(name, () => {
      const differences: string[] = [];
      const inPart = (one: Case): boolean => {
        return selected.has(one) && Math.floor(one.index / CODE.slots) % PARTS === part;
      };
      const count = replay(machine, cases, [executor], inPart, (difference) => {
        if (differences.length < 5) differences.push(describe(difference));
      });
      assert.deepEqual(differences, []);
      assert.ok(count > 200, `${count} cases`);
    });
  }
}

test("faults in loops leave the same state in all executors", () => {
  const differences: string[] = [];
  const inLoops = ({ expected }: Case): boolean => expected.ending === Ending.timeout;
  const count = replay(machine, cases, EXECUTORS, inLoops, (difference) => {
    if (differences.length < 5) differences.push(describe(difference));
  });
  assert.deepEqual(differences, []);
  assert.ok(count > 100, `${count} cases`);
});

test("the sample has sequences with every ending", () => {
  const endings = new Set([...selected].map(({ expected }) => expected.ending));
  for (const ending of [Ending.end, Ending.fault, Ending.alignment, Ending.fetch]) {
    assert.ok(endings.has(ending), `ending ${ending}`);
  }
});

test("regions were compiled", () => {
  assert.ok(machine.regionInstructions > 10000);
});

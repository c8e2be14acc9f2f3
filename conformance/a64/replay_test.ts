import assert from "node:assert/strict";
import { test } from "node:test";
import { aarch64 } from "../../lib/arch/aarch64/arch.ts";
import { commonWords } from "../../lib/arch/aarch64/common_words.ts";
import { crc32Helpers } from "../../lib/arch/crc32.ts";
import { fpHelpers } from "../../lib/arch/aarch64/fp_helpers.ts";
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { simdHelpers } from "../../lib/arch/aarch64/simd_helpers.ts";
import type { Arch } from "../../lib/engine/arch.ts";
import { InstructionTable } from "../../lib/engine/table.ts";
import { Ending } from "./cases.ts";
import { CaseMachine } from "./machine.ts";
import type { Case } from "./vectors.ts";
import { covering, describe, EXECUTORS, readCases, replay } from "./replay.ts";

const cases = await readCases();
const selected = [...covering(cases, 2)];
const machine = new CaseMachine({ inlineWords: commonWords });

/** Tests that the cases are spread over: some runtimes limit the time of one. */
const PARTS = 8;

for (let part = 0; part < PARTS; part++) {
  const name = `recorded sequences end as recorded in every executor (${part + 1} of ${PARTS})`;
  test(name, () => {
    const differences: string[] = [];
    const cut = (n: number): number => Math.floor(selected.length * n / PARTS);
    const inPart = new Set(selected.slice(cut(part), cut(part + 1)));
    const count = replay(machine, cases, EXECUTORS, (one) => inPart.has(one), (difference) => {
      if (differences.length < 5) differences.push(describe(difference));
    });
    assert.deepEqual(differences, []);
    assert.ok(count > 250, `${count} cases`);
  });
}

test("multiply-add is exact without the host's fused instruction", () => {
  const table = new InstructionTable(instructionRows);
  const isFused = (word: number): boolean =>
    /^FN?M(ADD|SUB|LA|LS)|^FRECPS|^FRSQRTS/.test(table.matches(word)[0]?.row.name ?? "");
  const arch: Arch = {
    ...aarch64,
    bind: (layout) => ({
      ...aarch64.bind(layout),
      helpers: [...fpHelpers({ fusedMadd: false }), ...simdHelpers, ...crc32Helpers],
    }),
  };
  const slow = new CaseMachine({ arch });
  const differences: string[] = [];
  const few = new Set(cases.filter(({ words }) => words.some(isFused)).slice(0, 600));
  replay(slow, cases, ["single"], (one) => few.has(one), (difference) => {
    if (differences.length < 5) differences.push(describe(difference));
  });
  assert.deepEqual(differences, []);
  assert.equal(few.size, 600);
});

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
  const endings = new Set(selected.map(({ expected }) => expected.ending));
  for (const ending of [Ending.end, Ending.fault, Ending.alignment, Ending.fetch]) {
    assert.ok(endings.has(ending), `ending ${ending}`);
  }
});

test("regions were compiled", () => {
  assert.ok(machine.regionInstructions > 10000);
});

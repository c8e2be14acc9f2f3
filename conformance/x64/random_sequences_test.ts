import assert from "node:assert/strict";
import { test } from "node:test";
import { WAYS } from "../../lib/arch/x86_64/testing/bare_engine.ts";
import { EngineExecutor } from "./engine_executor.ts";
import { readVerdicts } from "./random_code.ts";
import { compareSequences, randomSequence, sequencesOf, type Split } from "./random_sequences.ts";
import type { Executor } from "./replay.ts";

const verdicts = await readVerdicts();

/** Sequences that are executed; random_sequences.ts executes all. */
const SEQUENCES = 1024;

function splits(executors: readonly Executor[], to: number): Split[] {
  const found: Split[] = [];
  compareSequences(executors, verdicts, { from: 0, to }, (split) => found.push(split));
  return found;
}

test("random code in sequence ends the same in the interpreter, in regions and step by step", () => {
  const executors = WAYS.map((way) => new EngineExecutor(way));
  assert.deepEqual(splits(executors, SEQUENCES), []);
  const { regionInstructions } = executors[WAYS.indexOf("region")].engine.statistics;
  assert.ok(regionInstructions > SEQUENCES, `${regionInstructions}`);
});

test("an executor that ends otherwise is found", () => {
  const model = new EngineExecutor("interpreter");
  const wrong: Executor = {
    name: "wrong",
    run: (code, before, result) =>
      model.run(code, before, (index, after) => {
        after.memory[index % after.memory.length] ^= 1;
        result(index, after);
      }),
  };
  const found = splits([model, wrong], 10);
  assert.deepEqual(found.map(({ sequence }) => sequence.index), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(found[0].fields, ["memory"]);
  assert.deepEqual(found[0].executors, ["interpreter", "wrong"]);
});

test("most sequences have several instructions", () => {
  assert.ok(sequencesOf(verdicts) > 80_000);
  const bytes = Array.from({ length: 1000 }, (_, n) => randomSequence(verdicts, n).bytes.length);
  assert.ok(bytes.filter((length) => length > 16).length > 800);
});

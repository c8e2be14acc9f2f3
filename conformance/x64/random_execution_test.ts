import assert from "node:assert/strict";
import { test } from "node:test";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import {
  type Disagreement,
  faultCheck,
  readVerdicts,
  replayStrings,
  verdictOf,
} from "./random_code.ts";
import { EngineStrings, executeExcluded, isUpToCpu } from "./random_execution.ts";
import type { State } from "./state.ts";

const verdicts = await readVerdicts();
const decoder = new X86Decoder(instructionRows);

/** Strings that are executed; random_execution.ts executes all. */
const STRINGS = 3000;
/**
 * Strings that once ended otherwise: ENTER's last check, #SS or #GP of what is not canonical, single
 * steps of REP with alignment checks; and page faults of FNSAVE and FXRSTOR, which are up to the CPU.
 */
const ONCE_WRONG = [1453, 61329, 60550, 21594, 80894, 196052, 415109, 520178, 384892, 191112];

/** What differs in a range of strings. */
function different(executor: EngineStrings, from: number, to: number): string[] {
  const found: Disagreement[] = [];
  replayStrings(executor, verdicts, { from, to }, (one) => found.push(one));
  return found.filter((one) => !isUpToCpu(decoder, one))
    .map(({ n, expected, got }) => `${n}: ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`);
}

test("random code ends on the engine as on the host CPU", () => {
  const executor = new EngineStrings();
  assert.deepEqual(different(executor, 0, STRINGS), []);
  for (const n of ONCE_WRONG) assert.deepEqual(different(executor, n, n + 1), []);
});

test("random code that is not compared ends as well", () => {
  const range = { from: 0, to: STRINGS };
  assert.ok(executeExcluded(new EngineStrings(), verdicts, range) > 100);
});

test("an executor that ends otherwise is found", () => {
  const executor = new EngineStrings();
  const wrong = {
    name: "wrong",
    execute: (string: Uint8Array, state: State) => {
      const verdict = executor.execute(string, state);
      return { ...verdict, length: verdict.length + 1 };
    },
  };
  let found = 0;
  replayStrings(wrong, verdicts, { from: 0, to: 100 }, () => found++);
  assert.ok(found > 20, `${found}`);
});

test("a page fault elsewhere is found, and one with another error code", () => {
  const checks = [[0, 0x5000_0000], [0, 0x5000_1000], [0, 0x5000_0001], [2, 0x5000_0000], [1, 0]]
    .map(([error, address]) => faultCheck(error, address));
  assert.equal(new Set(checks).size, checks.length);
  const executor = new EngineStrings();
  const wrong = {
    name: "wrong",
    execute: (string: Uint8Array, state: State) => {
      const { length, end, fault } = executor.execute(string, state);
      return verdictOf(length, end, 0, fault ?? 0);
    },
  };
  const found: Disagreement[] = [];
  replayStrings(wrong, verdicts, { from: 0, to: 100 }, (one) => found.push(one));
  assert.ok(found.length > 5, `${found.length}`);
  for (const { expected } of found) assert.ok(expected.fault !== undefined);
});

/**
 * Random programs, run side by side: instruction by instruction on one machine, by the interpreter or
 * in regions on another. After each slice registers, memory and the number of instructions agree.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FuzzProgram, Random } from "./fuzz.ts";
import { TestMachine } from "./machine.ts";
import { firstDifference, show, startSystem } from "./runner.ts";

const SLICES = 60;

/** Problems of one program, empty if there are none. */
export function compareRuns(
  reference: TestMachine,
  machine: TestMachine,
  seed: number,
  modifies: boolean,
): string[] {
  const program = new FuzzProgram(seed, { modifies });
  for (const each of [reference, machine]) {
    each.reset();
    startSystem(each);
    program.load(each);
    each.cpus[0].reload();
  }
  reference.cpus[0].stepping = true;
  const random = new Random(seed);
  let total = 0;
  for (let i = 0; i < SLICES; i++) {
    const slice = 1 + random.below(random.pick([4, 30, 100]));
    const { executed } = machine.run({ slice, limit: slice });
    const exact = reference.run({ slice: executed, limit: executed });
    total += executed;
    const problems: string[] = [];
    if (exact.executed !== executed) problems.push(`${exact.executed} and ${executed} executed`);
    const state = reference.snapshot();
    for (const [name, value] of machine.snapshot()) {
      const wanted = state.get(name) as bigint;
      if (value !== wanted) problems.push(`${name} = ${show(value)}, not ${show(wanted)}`);
    }
    const compares = i % 8 === 0 || i === SLICES - 1;
    const at = compares
      ? firstDifference(machine.engine.memory.bytes, reference.engine.memory.bytes)
      : -1;
    if (at >= 0) problems.push(`RAM + ${at.toString(16)}`);
    if (problems.length > 0) return [`seed ${seed}, after ${total} of slice ${slice}`, ...problems];
    if (random.below(2) === 0) program.kick(random, [reference, machine]);
  }
  return [];
}

for (const threshold of [0, 1, 2, 7, 50]) {
  test(`random programs, threshold ${threshold}`, () => {
    const reference = new TestMachine({ threshold: 0 });
    const machine = new TestMachine({ threshold });
    for (let i = 0; i < 60; i++) {
      const seed = threshold * 1000 + i;
      assert.deepEqual(compareRuns(reference, machine, seed, i % 3 === 0), []);
    }
    if (threshold > 0) assert.ok(machine.engine.statistics.regions > 100);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { instructionHelpers, instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { covering, describe, readCases, replay } from "./replay.ts";
import { missing, SingleExecutor } from "./single_executor.ts";
import { slotAddress, State } from "./state.ts";

test("rows do what the host CPU did, a case of each encoding", async () => {
  const executor = new SingleExecutor(instructionRows, instructionHelpers);
  const cases = covering(await readCases(), 1);
  assert.deepEqual(cases.filter((one) => missing(executor.machine, one) !== undefined), []);
  const differing: string[] = [];
  const count = replay(executor, cases, (one) => differing.push(describe(one)));
  assert.equal(differing.slice(0, 3).join("\n"), "");
  assert.ok(count > 500, `${count} cases`);
});

test("a row that does something else is found", async () => {
  const rows = instructionRows.map((row) =>
    row.title === "NOT Ev" ? { ...row, semantics: () => {} } : row
  );
  const executor = new SingleExecutor(rows, instructionHelpers);
  const cases = (await readCases()).filter(({ encodings }) =>
    encodings.length === 1 && encodings[0].text === "NOT Ev"
  );
  let differing = 0;
  const count = replay(executor, cases.slice(0, 20), () => differing++);
  assert.equal(count, 20);
  assert.ok(differing > 10, `${differing}`);
});

test("accesses across pages, alignment checks, page faults and single steps", () => {
  const executor = new SingleExecutor(instructionRows, instructionHelpers);
  const run = (code: readonly number[], change: (state: State) => void): State => {
    const after = new State();
    executor.run(
      [{ index: 0, bytes: Uint8Array.from(code) }],
      (_, state) => {
        state.bytes.fill(0);
        state.memory.fill(0);
        state.rip = BigInt(slotAddress(0));
        change(state);
      },
      (_, state) => after.copy(state),
    );
    return after;
  };
  const load = [0x8b, 0x03];
  const at = (address: number, flags = 0) => (state: State): void => {
    state.general[6] = address;
    state.rflags = flags;
    state.memory[0x3ff] = 0x11223344;
    state.memory[0x400] = 0x55667788;
  };
  assert.equal(run(load, at(0x50000ffe)).general[0], 0x77881122);
  assert.equal(run(load, at(0x50000ffe, 0x40000)).vector, 17);
  const last = run(load, at(0x50002ffe));
  assert.deepEqual([last.vector, last.error, last.address], [14, 4, 0x50003000n]);
  const step = run(load, at(0x50000ffc, 0x100));
  assert.deepEqual([step.vector, step.rip - BigInt(slotAddress(0))], [1, 2n]);
});

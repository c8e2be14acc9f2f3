/** Accesses that fault leave nothing behind: all rows, with random values of their fields. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { probeBreaches } from "../../engine/testing/probe_rules.ts";
import { InstructionTable } from "../../engine/table.ts";
import { instructionRows } from "./instruction_rows.ts";

/** Words of each row. */
const WORDS = 200;

test("no row reads or writes by two probes, or changes anything before a probe", () => {
  const table = new InstructionTable(instructionRows);
  let random = 1;
  for (const { mask, value } of table.rows) {
    for (let n = 0; n < WORDS; n++) {
      random = (Math.imul(random, 0x19660d) + 0x3c6ef35f) | 0;
      table.decodeWord((value | ((random ^ (random >>> 15)) & ~mask)) >>> 0);
    }
  }
  const missing = table.rows.filter(({ row, handlers }) =>
    row.semantics !== undefined && handlers.size === 0
  );
  assert.deepEqual(missing.map(({ row }) => row.name), []);
  const found = table.handlers.filter(({ instruction: { host } }) => host === undefined)
    .flatMap((handler) =>
      probeBreaches(handler).map((breach) => `${handler.instruction.name}: ${breach}`)
    );
  assert.deepEqual([...new Set(found)].sort(), []);
});

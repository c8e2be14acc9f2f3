import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "./generator.ts";
import { initialState } from "./initial_state.ts";
import { caseOf, endings } from "./record.ts";
import { rows } from "./rows.ts";
import { Ending, FIELDS, Flag, State } from "./state.ts";

const PAGE_FAULT = 14;

function draft(text: string): Draft {
  const row = rows.find((one) => one.text === text);
  assert.ok(row, text);
  return { rows: [row], bytes: [0x90], undefinedFlags: 0, undefinedConditions: 0 };
}

function states(index: number): { before: State; after: State } {
  const before = new State();
  initialState(index, before);
  before.rflags &= ~Flag.AC;
  const after = new State();
  after.copy(before);
  return { before, after };
}

test("a case has what changed, and no more", () => {
  const { before, after } = states(5);
  after.rip += 2n;
  after.memory[0x400] ^= 0x00ffff00;
  after.memory[0x7ff] ^= 1;
  const one = caseOf(5, draft("ADD Ev,Gv"), before, after)!;
  assert.deepEqual(one.changes.map(({ field }) => FIELDS[field].name), ["rip"]);
  assert.deepEqual(
    one.memory.map(({ offset, bytes }) => [offset, bytes.length]),
    [[0x1001, 2], [0x1ffc, 1]],
  );
  assert.deepEqual([...endings([one])], [[Ending.end, 1]]);
});

test("what ends as the CPU likes it is no case", () => {
  const { before, after } = states(6);
  assert.notEqual(caseOf(6, draft("ENTER Iw,Il"), before, after), undefined);
  after.vector = PAGE_FAULT;
  assert.equal(caseOf(6, draft("ENTER Iw,Il"), before, after), undefined);
  assert.notEqual(caseOf(6, draft("ADD Ev,Gv"), before, after), undefined);
  after.vector = Ending.timeout;
  assert.equal(caseOf(6, draft("ADD Ev,Gv"), before, after), undefined);
});

test("16 bytes with alignment checks are no case, 8 bytes are", () => {
  const { before, after } = states(7);
  after.rflags |= Flag.AC;
  assert.equal(caseOf(7, draft("MOVUPS V,W16"), before, after), undefined);
  assert.notEqual(caseOf(7, draft("MOVSD V,W8"), before, after), undefined);
});

test("a case stores at most 512 bytes", () => {
  const { before, after } = states(8);
  for (let i = 0; i < 128; i++) after.memory[i] = ~before.memory[i];
  assert.notEqual(caseOf(8, draft("STOS"), before, after), undefined);
  after.memory[128] = ~before.memory[128];
  assert.equal(caseOf(8, draft("STOS"), before, after), undefined);
});

test("condition codes of FPREM that is not complete are undefined", () => {
  const { before, after } = states(9);
  after.fsw = 0x400;
  assert.equal(caseOf(9, draft("FPREM"), before, after)!.undefinedConditions, 0x4300);
  after.fsw = 0;
  assert.equal(caseOf(9, draft("FPREM"), before, after)!.undefinedConditions, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionEffect, countedFlags, flagEffect } from "./flags.ts";
import { type Draft, Generator } from "./generator.ts";
import { type Row, rows } from "./rows.ts";
import { SLOT_ROOM } from "./state.ts";

function drafts(count: number): Draft[] {
  const generator = new Generator();
  return Array.from({ length: count }, (_, index) => generator.draw(index));
}

const rowOf = (text: string): Row => {
  const row = rows.find((one) => one.text === text);
  assert.ok(row, text);
  return row;
};

test("the same cases are drawn each time", () => {
  assert.deepEqual(drafts(300), drafts(300));
});

test("every encoding is drawn, each about as often as others of its group", () => {
  const generator = new Generator();
  for (let index = 0; index < 4000; index++) generator.draw(index);
  for (const group of ["integer", "sse", "x87", "mmx"]) {
    const uses = rows.filter((row) => row.group === group).map((row) => generator.uses(row));
    const [least, most] = [Math.min(...uses), Math.max(...uses)];
    assert.ok(least >= 1 && most <= 6 * least + 8, `${group}: ${least}..${most}`);
  }
});

test("cases fit their slots, jumps come last, what stands alone does", () => {
  for (const { rows: drawn, bytes } of drafts(3000)) {
    assert.ok(bytes.length >= 1 && bytes.length <= SLOT_ROOM);
    assert.ok(drawn.slice(0, -1).every(({ attributes }) => !attributes.has("jump")));
    assert.ok(drawn.length === 1 || drawn.every(({ attributes }) => !attributes.has("alone")));
  }
});

test("no instruction reads flags that one before it left undefined", () => {
  let masked = 0;
  for (const { rows: drawn, undefinedFlags } of drafts(3000)) {
    if (undefinedFlags !== 0) masked++;
    let open = 0;
    for (const row of drawn) {
      const { reads, undefined: left } = flagEffect(row);
      // Shifts by a known number of bits leave fewer undefined; here only those that surely do count.
      assert.equal(reads & open, 0, drawn.map(({ text }) => text).join("; "));
      open = /^[RS]/.test(row.mnemonic) ? 0 : (open & ~flagEffect(row).defines) | left;
    }
  }
  assert.ok(masked > 300, `${masked}`);
});

test("flags that a shift leaves undefined depend on the number of bits", () => {
  const [O, A, C] = [0x800, 0x10, 1];
  assert.equal(countedFlags(rowOf("SHL Ev,Ib"), 0, 32), 0);
  assert.equal(countedFlags(rowOf("SHL Ev,Ib"), 32, 32), 0);
  assert.equal(countedFlags(rowOf("SHL Ev,Ib"), 32, 64), O | A);
  assert.equal(countedFlags(rowOf("SHL Ev,Ib"), 1, 32), A);
  assert.equal(countedFlags(rowOf("SHL Ev,Ib"), 8, 8), O | A);
  assert.equal(countedFlags(rowOf("SHL Ev,Ib"), 9, 8), O | A | C);
  assert.equal(countedFlags(rowOf("ROR Ev,Ib"), 1, 16), 0);
  assert.equal(countedFlags(rowOf("RCR Ev,Ib"), 5, 16), O);
});

test("x87 condition codes: compares define all, arithmetic C1", () => {
  assert.deepEqual(conditionEffect(rowOf("FCOM M4")), { undefined: 0, defines: 0x4700 });
  assert.deepEqual(conditionEffect(rowOf("FADD M4")), { undefined: 0x4500, defines: 0x200 });
  assert.deepEqual(conditionEffect(rowOf("FCOMI STi #1")), { undefined: 0, defines: 0x200 });
  assert.deepEqual(conditionEffect(rowOf("PADDB P,Q8")), { undefined: 0, defines: 0 });
});

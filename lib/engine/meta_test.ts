import assert from "node:assert/strict";
import { test } from "node:test";
import { EITHER_FLAGS, metaOf } from "./meta.ts";
import { row } from "./row.ts";
import { InstructionTable, type RowHandler } from "./table.ts";

const table = new InstructionTable([
  row("00000001 00000000 0 Rm:5 Rn:5 Rd:5", "add", "", (b, f) => {
    b.get(f.Rn);
    b.get(f.Rm);
    b.i64_add();
    b.set(f.Rd);
  }),
  row("00000010 0000000 sets 0 Rm:5 Rn:5 Rd:5", "add, flags by a structural field", "", (b, f) => {
    b.get32(f.Rn);
    b.get32(f.Rm);
    if (f.sets !== 0) b.setFlags(3);
    else b.set32(f.Rd);
  }),
  row("00000011 0000 own 0000 cond:4 Rn:5 Rd:5 0", "condition", "", (b, f) => {
    if (f.own !== 0) b.setFlags(2);
    b.condition(f.cond);
    b.set32(f.Rd);
  }),
  row("00000100 00000000000000 Vn:5 Vd:5", "vectors", "", (b, f) => {
    b.getV(f.Vn, 1);
    b.getD(f.Vn);
    b.setV(f.Vd, 2);
    b.setS(f.Vd);
  }),
  row("00000101 0000000 reads 00000000000 Rn:5", "flags perhaps", "", (b, f) => {
    b.get(f.Rn);
    b.get32(f.Rn);
    b.setFlagsIf(2);
    if (f.reads !== 0) b.condition(0);
  }),
]);

function handlerOf(word: number): RowHandler {
  const decoded = table.decodeWord(word);
  assert.ok(decoded !== undefined);
  return decoded.handler;
}

const names = (operands: Iterable<{ name: string }>): string[] =>
  [...operands].map(({ name }) => name);

test("registers that are read and written", () => {
  const meta = metaOf(handlerOf(0x01000000));
  assert.deepEqual(names(meta.reads), ["Rn", "Rm"]);
  assert.deepEqual(names(meta.writes), ["Rd"]);
  assert.equal(meta.flags, -1);
  assert.equal(meta.readsFlags, false);
});

test("notes are per choice of structural fields, and made once", () => {
  const plain = metaOf(handlerOf(0x02000000));
  const flags = metaOf(handlerOf(0x02010000));
  assert.equal(plain.flags, -1);
  assert.deepEqual(names(plain.writes), ["Rd"]);
  assert.equal(flags.flags, 3);
  assert.deepEqual(names(flags.writes), []);
  assert.equal(metaOf(handlerOf(0x02000021)), plain);
});

test("a condition reads flags unless the instruction has set them before", () => {
  assert.equal(metaOf(handlerOf(0x03000000)).readsFlags, true);
  assert.equal(metaOf(handlerOf(0x03080000)).readsFlags, false);
});

test("flags that may stay as they were", () => {
  assert.equal(metaOf(handlerOf(0x05000000)).flags, EITHER_FLAGS);
  assert.equal(metaOf(handlerOf(0x05000000)).readsFlags, false);
  assert.equal(metaOf(handlerOf(0x05010000)).readsFlags, false);
});

test("vector registers with their distance from the operand", () => {
  const meta = metaOf(handlerOf(0x04000000));
  const uses = (list: typeof meta.vectorReads): string[] =>
    list.map(({ operand, plus }) => `${operand.name}+${plus}`);
  assert.deepEqual(uses(meta.vectorReads), ["Vn+1", "Vn+0"]);
  assert.deepEqual(uses(meta.vectorWrites), ["Vd+2", "Vd+0"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { bindOperands, Slot } from "./instruction.ts";
import { hostRow, row } from "./row.ts";
import { InstructionTable, parsePattern, rawFields } from "./table.ts";

const nothing = (): void => {};

test("a pattern becomes mask, value and fields", () => {
  const { mask, value, bits } = parsePattern("1 op 0 01 Rn:5 imm:12 0000000000");
  assert.equal(mask, 0xb80003ff);
  assert.equal(value, 0x88000000);
  assert.deepEqual(
    bits.map(({ name, shift, width, mask: fieldMask }) => [name, shift, width, fieldMask]),
    [["op", 30, 1, 1], ["Rn", 22, 5, 31], ["imm", 10, 12, 0xfff]],
  );
  assert.deepEqual(parsePattern("all:32").bits[0].mask, -1);
  assert.throws(() => parsePattern("0000"), /4 bits long/);
  assert.throws(() => parsePattern("0".repeat(33)), /33 bits long/);
});

const table = new InstructionTable([
  row("0000 op:2 00 imm8:8 Ra:4 Rb:4 Rc:4 Rd:4", "narrow", "", nothing),
  row("0001 000000000000 imm:16", "wide", "", nothing, {
    derive: { imm: ({ imm }) => BigInt(imm) << 40n },
  }),
  row("0010 0000000000000000 imm:12", "negative", "", nothing, {
    derive: { imm: ({ imm }) => -imm },
  }),
  row("0011 00000000000000000000 rawX:4 Rd:4", "conditional", "", nothing, {
    when: ({ rawX }) => rawX !== 5,
    derive: { even: ({ rawX }) => rawX & 1 },
  }),
  row("0011 00000000000000000000 0101 rawRd:4", "the rest of it", "", nothing),
  row("0100 Ra:4 Rb:4 Rc:4 Rd:4 Re:4 Rf:4 0000", "six bytes", "", nothing),
  hostRow("0101 other:28", "host", "EL1", "do"),
]);

function decode(word: number): { name: string; slots: number[]; low: number; high: number } {
  const decoded = table.decodeWord(word);
  assert.ok(decoded !== undefined, word.toString(16));
  const { handler, slots, immLow, immHigh } = decoded;
  return {
    name: handler.row.row.name,
    slots: [...slots.subarray(0, Slot.address)],
    low: immLow,
    high: immHigh,
  };
}

test("operands go to byte slots and to the immediate", () => {
  assert.deepEqual(decode(0x00ab1234), {
    name: "narrow",
    slots: [0xab, 1, 2, 3, 0, 0, 4, 0],
    low: 0,
    high: 0,
  });
  assert.deepEqual(decode(0x10001234).high, 0x1234 << 8);
  assert.deepEqual(decode(0x10001234).low, 0);
  assert.deepEqual([decode(0x20000001).low, decode(0x20000001).high], [-1, -1]);
  assert.deepEqual(decode(0x41234560).slots, [1, 2, 3, 4, 0, 0, 5, 6]);
});

test("every choice of structural values is a handler of its own, operands are not", () => {
  const handlerOf = (word: number): unknown => table.decodeWord(word)?.handler;
  assert.equal(handlerOf(0x00000000), handlerOf(0x00ff4321));
  assert.notEqual(handlerOf(0x00000000), handlerOf(0x04000000));
  assert.equal(table.decodeWord(0x0c000000)?.handler.fields.op, 3);
  assert.equal(table.decodeWord(0x30000010)?.handler.fields.even, 1);
  assert.notEqual(handlerOf(0x30000010), handlerOf(0x30000020));
  assert.equal(handlerOf(0x30000010), handlerOf(0x3000003f));
});

test("`when` leaves words to another row or to none", () => {
  assert.equal(decode(0x30000051).name, "the rest of it");
  assert.equal(table.matches(0x30000051).length, 1);
  assert.equal(table.decodeWord(0x60000000), undefined);
  assert.equal(table.decodeWord(0x10010000), undefined);
  assert.deepEqual(table.matches(0x60000000), []);
});

test("the word of an instruction, for the host", () => {
  assert.equal(table.decodeWord(0x5abcdef0)?.word, 0x5abcdef0);
  assert.equal(table.decodeWord(0x5abcdef0)?.word, 0x5abcdef0);
  assert.deepEqual(decode(0x5abcdef0).slots, new Array(8).fill(0));
});

test("decoding from bytes", () => {
  const code = Uint8Array.of(0, 0x34, 0x12, 0xab, 0x00, 0xff);
  const decoded = table.decode(code, 1, 6);
  assert.ok(decoded !== undefined && decoded !== "cut");
  assert.deepEqual([decoded.word, decoded.length], [0x00ab1234, 4]);
  assert.equal(table.decode(code, 1, 4), "cut");
});

test("decoding again gives the same, whatever was decoded in between", () => {
  // More words than are remembered, so that some push others out.
  const words: number[] = [];
  for (let i = 0; i < 70_000; i++) {
    words.push((Math.imul(i, 0x9e3779b1) & 0x0cffffff) >>> 0);
  }
  words.push(0x41234560, 0x60000000, 0x20000001);
  for (const word of [...words, ...words]) {
    const decoded = table.decodeWord(word);
    if (decoded === undefined) {
      assert.equal(word, 0x60000000);
      continue;
    }
    if (decoded.handler.row.row.name !== "narrow") continue;
    const wanted = [(word >>> 16) & 255, (word >>> 12) & 15, (word >>> 8) & 15, (word >>> 4) & 15];
    for (let i = 0; i < 4; i++) assert.equal(decoded.slots[i], wanted[i]);
    assert.equal(decoded.slots[6], word & 15);
    assert.equal(decoded.handler.fields.op, (word >>> 26) & 3);
  }
});

test("operands are bound to one instruction's values", () => {
  const decoded = table.decodeWord(0x00ab1234);
  assert.ok(decoded !== undefined);
  bindOperands(decoded);
  assert.deepEqual(decoded.handler.operands.map(({ name, value }) => [name, value]), [
    ["imm8", 0xab],
    ["Ra", 1],
    ["Rb", 2],
    ["Rc", 3],
    ["Rd", 4],
  ]);
  const wide = table.decodeWord(0x10001234);
  assert.ok(wide !== undefined);
  bindOperands(wide);
  assert.deepEqual([wide.handler.operands[0].value, wide.handler.operands[0].high], [0, 0x123400]);
});

test("raw fields of a word", () => {
  const [compiled] = table.matches(0x04ab1234);
  assert.deepEqual({ ...rawFields(compiled, 0x04ab1234) }, {
    op: 1,
    imm8: 0xab,
    Ra: 1,
    Rb: 2,
    Rc: 3,
    Rd: 4,
  });
});

test("a row that a record cannot hold is refused", () => {
  const build = (pattern: string): () => InstructionTable => () =>
    new InstructionTable([row(pattern, "x", "", nothing)]);
  assert.throws(build("imm:12 imm2:12 00000000"), /are wide/);
  assert.throws(build("Ra:4 Rb:4 Rc:4 Rd:4 Re:4 Rf:4 Rg:4 0000"), /more byte operands/);
  assert.throws(build("imm:12 Ra:4 Rb:4 Rc:4 Rd:4 Re:4"), /more byte operands/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeBoard, message, Offset } from "./testing/board.ts";

const { EOI, ISR, LINT0, LINT1 } = Offset;

test("LINT0 as ExtINT gives the 8259's vector; a disabled APIC is a wire", () => {
  const { apics, interrupt, external, write, enable, take, read } = makeBoard();
  const line = apics.lint(0, 0);
  external.push(0x30, 0x31);
  line.set(true);
  assert.equal(interrupt[0], false);
  enable(0);
  write(0, LINT0, 0x700);
  assert.equal(interrupt[0], true);
  assert.equal(apics.acknowledge(0), 0x30);
  for (let word = 0; word < 8; word++) assert.equal(read(0, ISR + 16 * word), 0);
  write(0, LINT0, 0x10700);
  assert.equal(interrupt[0], false);
  apics.deliver(message(0, { mode: 7 }));
  line.set(false);
  assert.equal(interrupt[0], true);
  assert.equal(apics.acknowledge(0), 0x31);
  assert.equal(interrupt[0], false);
  assert.deepEqual(take(0), []);
});

test("LINT1 as NMI, LINT0 as edge and as level with remote IRR", () => {
  const { apics, events, ended, read, write, enable, take, interrupt } = makeBoard();
  enable(0);
  write(0, LINT1, 0x400);
  const nmi = apics.lint(0, 1), line = apics.lint(0, 0);
  nmi.set(true);
  nmi.set(true);
  assert.deepEqual(events.splice(0), ["nmi 0"]);
  write(0, LINT0, 0x61);
  line.set(true);
  assert.deepEqual(take(0), [0x61]);
  line.set(false);
  write(0, LINT0, 0x8062);
  line.set(true);
  assert.equal(read(0, LINT0), 0xc062);
  assert.equal(apics.acknowledge(0), 0x62);
  assert.equal(interrupt[0], false);
  write(0, EOI, 0);
  assert.equal(interrupt[0], true, "it is still there");
  apics.acknowledge(0);
  line.set(false);
  write(0, EOI, 0);
  assert.deepEqual([read(0, LINT0), interrupt[0]], [0x8062, false]);
  assert.deepEqual(ended, [0x62, 0x62]);
});

test("LINT0 as a level: masked it waits, as an edge it forgets its remote IRR", () => {
  const { apics, read, write, enable, interrupt } = makeBoard();
  enable(0);
  write(0, LINT0, 0x18062);
  apics.lint(0, 0).set(true);
  assert.equal(interrupt[0], false);
  write(0, LINT0, 0x8062);
  assert.deepEqual([interrupt[0], read(0, LINT0)], [true, 0xc062]);
  write(0, LINT0, 0x62);
  assert.equal(read(0, LINT0), 0x62);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { commonWords } from "../../lib/arch/aarch64/common_words.ts";
import { Fault } from "../../lib/arch/aarch64/faults.ts";
import { Ending, initialState, slotAddress, State, WINDOW } from "./cases.ts";
import { CaseMachine, type Executor } from "./machine.ts";
import { changes, EXECUTORS } from "./replay.ts";

const INDEX = 7;
const machine = new CaseMachine({ inlineWords: commonWords });

/** Registers by number, 31 is SP. */
type Registers = { readonly [n: number]: number };

/** Runs words from zeroed registers; gives the ending, the word at the pc and what changed. */
function run(words: readonly number[], registers: Registers, executor: Executor): string {
  const slots: number[][] = [];
  slots[INDEX] = [...words];
  machine.loadCode(Array.from(slots, (slot) => slot ?? []));
  if (executor === "region" || executor === "sliced") {
    machine.compile([INDEX], executor === "region");
  }
  const before = new State();
  initialState(INDEX, before);
  before.x.fill(0);
  before.v.fill(0);
  before.nzcv = 0;
  before.fpsr = 0;
  before.fpcr = 0;
  before.memory.fill(0);
  for (const [n, value] of Object.entries(registers)) {
    before.x[2 * Number(n)] = value;
    before.x[2 * Number(n) + 1] = Math.floor(value / 2 ** 32);
  }
  const after = new State();
  after.x.set(before.x);
  after.pc.set(before.pc);
  after.tpidr.set(before.tpidr);
  const ending = machine.run(after, executor);
  const at = (after.pc[0] - slotAddress(INDEX)) / 4;
  const changed = changes(before, after).filter((line) => !line.startsWith("pc:"));
  const fault = machine.cpu.faultNumber >= 0 ? ` fault ${machine.cpu.faultNumber}` : "";
  return [`ending ${ending}${fault} at ${at}`, ...changed].join("\n");
}

/** Asserts the same outcome in every executor. */
function check(words: readonly number[], registers: Registers, expected: readonly string[]): void {
  for (const executor of EXECUTORS) {
    assert.equal(run(words, registers, executor), expected.join("\n"), executor);
  }
}

const x = (value: number): string => value.toString(16).padStart(16, "0");
const OUTSIDE = WINDOW.address + WINDOW.size;
const INSIDE = WINDOW.address + 0x800;

test("a load that faults leaves what the instructions before it did, flags included", () => {
  // adds x1, x2, x3; mov x4, #5; ldr x5, [x6]; mov x4, #7
  check([0xab030041, 0xd28000a4, 0xf94000c5, 0xd28000e4], { 2: 3, 3: -3, 6: OUTSIDE }, [
    `ending ${Ending.fault} at 2`,
    `x4: ${x(0)} -> ${x(5)}`,
    "nzcv: 0 -> 6",
  ]);
});

test("a post-indexed pair whose second half is not mapped changes nothing", () => {
  // mov x4, #5; ldp x0, x1, [x6], #16; stp x0, x1, [x6], #16
  const registers = { 6: OUTSIDE - 8 };
  const expected = [`ending ${Ending.fault} at 1`, `x4: ${x(0)} -> ${x(5)}`];
  check([0xd28000a4, 0xa8c104c0], registers, expected);
  check([0xd28000a4, 0xa88104c4], registers, expected);
});

test("a store of four vectors that ends outside writes none", () => {
  // mov x4, #5; movi v0.16b, #255; st4 {v0.16b-v3.16b}, [x6], #64
  check([0xd28000a4, 0x4f07e7e0, 0x4c9f00c6, 0], { 6: OUTSIDE - 63 }, [
    `ending ${Ending.fault} at 2`,
    `x4: ${x(0)} -> ${x(5)}`,
    `v0: ${"0".repeat(32)} -> ${"f".repeat(32)}`,
  ]);
});

test("a fault in the third round of a loop leaves two rounds' work", () => {
  // mov x0, #5; ldr x1, [x6], #8; subs x0, x0, #1; b.ne -8
  const start = OUTSIDE - 16;
  check([0xd28000a0, 0xf84084c1, 0xf1000400, 0x54ffffc1], { 6: start }, [
    `ending ${Ending.fault} at 1`,
    `x0: ${x(0)} -> ${x(3)}`,
    `x6: ${x(start)} -> ${x(OUTSIDE)}`,
    "nzcv: 0 -> 2",
  ]);
});

test("an atomic operation on a misaligned address changes nothing", () => {
  // mov x4, #5; ldadd x4, x5, [x6]
  check([0xd28000a4, 0xf82400c5], { 6: INSIDE + 4 }, [
    `ending ${Ending.alignment} at 1`,
    `x4: ${x(0)} -> ${x(5)}`,
  ]);
});

test("a fetch from where there is no code reports the target", () => {
  // mov x4, #5; br x6
  for (const executor of EXECUTORS) {
    const result = run([0xd28000a4, 0xd61f00c0], { 6: INSIDE }, executor);
    const at = (INSIDE - slotAddress(INDEX)) / 4;
    assert.equal(result, `ending ${Ending.fetch} at ${at}\nx4: ${x(0)} -> ${x(5)}`, executor);
  }
});

test("a misaligned SP as a base faults before anything is done, if that is checked", () => {
  machine.stackAlignment = true;
  const registers = { 31: INSIDE + 8 };
  const expected = [`ending ${Ending.alignment} fault ${Fault.stackAlignment} at 1`];
  expected.push(`x4: ${x(0)} -> ${x(5)}`);
  // ldr x5, [sp], #8; stp x4, x5, [sp, #-16]!; ldr x5, [sp, x7]; ldr q0, [sp]; ldadd x4, x5, [sp];
  // ldxr x5, [sp]; stlr x4, [sp]; st1 {v0.16b}, [sp], #16; ld1r {v0.8b}, [sp]
  const words = [0xf84087e5, 0xa9bf17e4, 0xf8676be5, 0x3dc003e0, 0xf82403e5];
  words.push(0xc85f7fe5, 0xc89fffe4, 0x4c9f73e0, 0x0d40c3e0);
  for (const word of words) check([0xd28000a4, word], registers, expected);
  // Not for arithmetic: add x5, sp, #1
  check([0x910007e5], registers, [
    `ending ${Ending.end} at 1`,
    `x5: ${x(0)} -> ${x(INSIDE + 9)}`,
  ]);
  machine.stackAlignment = false;
  // str x4, [sp]
  check([0xd28000a4, 0xf90003e4], registers, [
    `ending ${Ending.end} at 2`,
    `x4: ${x(0)} -> ${x(5)}`,
    `window + 808: 00000000 -> 00000005`,
  ]);
});

/** Code that wants much of the host: no slice takes long, however large its budget is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { field } from "./layout.ts";
import { Gpr } from "./registers.ts";
import { EngineRig, Place } from "./testing/engine_rig.ts";

const MUCH = 1_000_000;

test("each call of the host does little of a long string", () => {
  // Equal all the way; MOV ECX, 0x2f0000; ES:EDI and DS:ESI in zeros; again.
  const strings = {
    "repe scasb": "bf 00 00 10 00 b9 00 00 2f 00 f3 ae eb f2",
    "repe cmpsb": "bf 00 00 10 00 be 01 00 10 00 b9 00 00 2f 00 f3 a6 eb ed",
    "rep lodsb": "be 00 00 10 00 b9 00 00 2f 00 f3 ac eb f2",
  };
  for (const [name, hex] of Object.entries(strings)) {
    const rig = new EngineRig("interpreter").long();
    rig.memory.write(Place.code, Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16)));
    rig.cpu.context.state.jump(Place.code);
    rig.engine.run(0, 1);
    const { reason } = rig.engine.run(0, 100);
    assert.equal(reason, "budget", name);
    const done = 0x2f0000n - rig.r(Gpr.rcx);
    assert.ok(done > 0n && done <= 101n * 1024n, `${name}: ${done} bytes`);
  }
});

test("a slice ends after some hundred instructions that were never met before", () => {
  const rig = new EngineRig("interpreter").long();
  // PSHUFD XMM0, XMM0, n and its like: a handler for each number.
  const code: number[] = [];
  for (const prefix of [0x66, 0xf2, 0xf3]) {
    for (let n = 0; n < 256; n++) code.push(prefix, 0x0f, 0x70, 0xc0, n);
  }
  rig.memory.write(0x40000, Uint8Array.of(...code, 0xeb, 0xfe));
  rig.cpu.context.state.jump(0x40000);
  rig.engine.state.set64(field("r"), 0n, Gpr.rcx);
  const { reason, executed } = rig.engine.run(0, MUCH);
  assert.equal(reason, "yield");
  assert.ok(executed > 0 && executed < 400, `${executed} instructions`);
});

test("handlers are forgotten when there are very many, and made again", () => {
  const rig = new EngineRig("interpreter").long();
  // PSHUFD XMM1, XMM0, 0x1b; then everything that has a handler for each number; again.
  const code = [0x66, 0x0f, 0x70, 0xc8, 0x1b];
  let count = 1;
  const shuffles = [
    ...[[0x0f, 0x70], [0x66, 0x0f, 0x70], [0xf2, 0x0f, 0x70], [0xf3, 0x0f, 0x70], [0x0f, 0xc6]],
    ...[[0x66, 0x0f, 0x3a, 0x0e], [0x66, 0x0f, 0x3a, 0x21]],
  ];
  for (const opcode of shuffles) {
    for (let n = 0; n < 256; n++) {
      // Register 2 with itself, with [RDI], [RDI+RSI] and FS:[RDI].
      for (const modrm of [[0xd2], [0x17], [0x14, 0x37]]) code.push(...opcode, ...modrm, n);
      code.push(0x64, ...opcode, 0x17, n);
      count += 4;
    }
  }
  const distance = -(code.length + 5);
  code.push(0xe9, distance & 255, (distance >> 8) & 255, (distance >> 16) & 255, 255);
  rig.memory.write(0x40000, Uint8Array.from(code));
  const { state } = rig.engine;
  state.set64(field("r"), 0x100000n, Gpr.rdi);
  state.set64(field("r"), 0n, Gpr.rsi);
  rig.cpu.context.state.jump(0x40000);
  for (const value of [0x03020100, 0x13121110]) {
    const xmm0 = field("xmm").address / 4;
    for (let lane = 0; lane < 4; lane++) state.u32[xmm0 + lane] = value + lane;
    for (let executed = 0; executed <= count;) executed += rig.engine.run(0, 500).executed;
    assert.deepEqual(
      [...state.u32.subarray(xmm0 + 4, xmm0 + 8)],
      [value + 3, value + 2, value + 1, value],
    );
  }
  assert.ok(rig.engine.statistics.decodedInstructions > count + 100);
});

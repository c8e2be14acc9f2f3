/** Instructions of any length: the engine with the architecture of testing/byte_arch.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DIVIDE_ERROR, Op } from "./testing/byte_arch.ts";
import { ByteMachine, DEVICE, RAM } from "./testing/byte_machine.ts";

const CODE = RAM + 0x1000;
const DATA = RAM + 0x20000;
const int32 = (value: number): number[] => [value, value >> 8, value >> 16, value >> 24];
const load32 = (r: number, value: number): number[] => [Op.load32, r, ...int32(value)];
const ALL = Object.values(Op);

/** How code is executed. */
type Way = "single handlers" | "inline handlers" | "regions" | "steps";
const WAYS: readonly Way[] = ["single handlers", "inline handlers", "regions", "steps"];

function machineOf(way: Way): ByteMachine {
  const machine = new ByteMachine({
    threshold: way === "regions" ? 1 : 0,
    common: way === "inline handlers" || way === "regions" ? ALL : [],
  });
  machine.mapAll();
  machine.cpu.stepping = way === "steps";
  return machine;
}

for (const way of WAYS) {
  test(`${way}: a loop, calls, fall through the end of a page`, () => {
    const machine = machineOf(way);
    // A loop of 40 rounds that calls a function and goes from one page into the next.
    const loop = CODE + 4096 - 4;
    machine.write(loop, Op.nop, Op.call, 9 + 4, Op.nop);
    machine.write(CODE + 4096, Op.increment, 2, Op.add, 1, 3, Op.branchNotZero, 1, -12, Op.halt);
    machine.write(loop + 3 + 13, Op.prefix, Op.prefix, Op.increment, 4, Op.return);
    machine.set(1, 40n);
    machine.set(3, -1n);
    for (let round = 1; round <= 3; round++) {
      machine.set(1, 40n);
      const executed = machine.run(loop, 10_000, 37);
      assert.deepEqual([machine.cpu.stopped, machine.pc], ["halt", CODE + 4096 + 8]);
      assert.deepEqual([machine.get(2), machine.get(4)], [
        40n * BigInt(round),
        40n * BigInt(round),
      ]);
      assert.equal(executed, 40 * 8 + 1);
    }
    if (way === "regions") assert.ok(machine.engine.statistics.regions > 1);
  });

  test(`${way}: one byte is part of several instructions`, () => {
    const machine = machineOf(way);
    // Entered in the middle, the immediate is code.
    machine.write(CODE, Op.load32, 1, Op.increment, 2, Op.increment, 2, Op.halt);
    for (let round = 1; round <= 3; round++) {
      machine.set(2, 0n);
      assert.equal(machine.run(CODE), 2);
      assert.deepEqual([machine.get(1), machine.get(2)], [0x02010201n, 0n]);
      assert.equal(machine.run(CODE + 2), 3);
      assert.deepEqual([machine.get(2), machine.pc], [2n, CODE + 6]);
      assert.equal(machine.run(CODE + 4), 2);
      assert.equal(machine.get(2), 3n);
    }
  });

  test(`${way}: instructions across pages`, () => {
    const machine = machineOf(way);
    const end = CODE + 4096;
    for (let before = 1; before < 6; before++) {
      machine.write(end - before, ...load32(1, 0x12345678 + before), Op.halt);
      assert.equal(machine.run(end - before), 2);
      assert.deepEqual([machine.get(1), machine.pc], [
        BigInt(0x12345678 + before),
        end - before + 6,
      ]);
      // Its second part changes, and then its first.
      machine.write(end, ...load32(1, 0x11223344).slice(before));
      machine.run(end - before);
      assert.equal(machine.get(1) >> 24n, 0x11n);
      machine.write(end - before, Op.load32, 2);
      machine.run(end - before);
      assert.equal(machine.get(before === 1 ? 1 : 2) >> 24n, 0x11n);
    }
    // Host instructions, jumps and such as do not exist.
    machine.write(end - 1, Op.count, 5, Op.halt);
    assert.equal(machine.run(end - 1), 2);
    assert.deepEqual([machine.cpu.counted, machine.pc], [5, end + 1]);
    machine.write(end - 2, Op.prefix, Op.jump, 3);
    machine.write(end + 4, Op.halt);
    assert.equal(machine.run(end - 2), 2);
    assert.equal(machine.pc, end + 4);
    machine.write(end - 1, Op.prefix, 0xff);
    machine.run(end - 1);
    assert.deepEqual([machine.cpu.stopped, machine.pc], ["undefined", end - 1]);
  });

  test(`${way}: the page that an instruction reaches into`, () => {
    const machine = machineOf(way);
    const end = CODE + 4096;
    const other = CODE + 0x8000;
    machine.write(end - 2, Op.load32, 1, ...int32(0x1111), Op.halt);
    machine.write(other, ...int32(0x2222), Op.nop, Op.halt);
    const result = (): [bigint, number] => {
      machine.set(1, 0n);
      machine.run(end - 2);
      return [machine.get(1), machine.pc];
    };
    assert.deepEqual(result(), [0x1111n, end + 4]);
    assert.deepEqual(result(), [0x1111n, end + 4]);
    machine.map(end, { physical: other });
    assert.deepEqual(result(), [0x2222n, end + 5]);
    machine.map(end, undefined);
    assert.deepEqual(result(), [0n, end - 2]);
    assert.equal(machine.cpu.stopped, `fetch ${end.toString(16)}`);
    machine.map(end, { physical: DEVICE });
    assert.deepEqual(result(), [0n, end - 2]);
    assert.equal(machine.cpu.stopped, `bus error ${end.toString(16)}`);
    machine.map(end, { physical: end });
    assert.deepEqual(result(), [0x1111n, end + 4]);
    machine.write(end + 1, 0x33);
    assert.deepEqual(result(), [0x3311n, end + 4]);
    // Elsewhere the same page is preceded by another one.
    machine.map(RAM + 0x3f000, { physical: CODE });
    machine.cpu.pages.set(RAM + 0x40000, { physical: other });
    machine.set(1, 0n);
    machine.run(RAM + 0x3fffe);
    assert.deepEqual([machine.get(1), machine.pc], [0x2222n, RAM + 0x40005]);
    assert.deepEqual(result(), [0x3311n, end + 4]);
  });

  test(`${way}: code that changes itself`, () => {
    const machine = machineOf(way);
    // The store puts an increment in the place of the nops that follow it.
    const value = BigInt(Op.increment | (2 << 8) | (Op.increment << 16) | (2 << 24)) |
      (BigInt(Op.nop | (Op.nop << 8) | (Op.nop << 16) | (Op.halt << 24)) << 32n);
    for (let round = 0; round < 3; round++) {
      machine.write(CODE, Op.store, 1, 3, ...int32(7), Op.nop, Op.nop, Op.nop, Op.nop, Op.nop);
      machine.write(CODE + 12, Op.nop, Op.nop, Op.halt);
      machine.set(1, value);
      machine.set(2, 0n);
      machine.set(3, BigInt(CODE));
      machine.run(CODE);
      assert.deepEqual([machine.get(2), machine.pc], [2n, CODE + 14]);
    }
  });

  test(`${way}: addresses`, () => {
    const machine = machineOf(way);
    machine.segment = 0xffff_0000n;
    machine.set(4, BigInt(DATA + 0x10000 - 0x30));
    machine.set(5, 0xf00000003n);
    machine.engine.memory.write64(DATA + 8, 0x1122334455667788n);
    // Base 4, index 5, shifted by 4 & 3 ... the low bits of the byte are both.
    machine.write(CODE, Op.loadIndexed, 1, 0x54, ...int32(0x30 + 8 - 3), Op.address, 2, 0x54);
    machine.write(CODE + 10, ...int32(-3), Op.loadPc, 3, 0, Op.halt);
    for (let round = 0; round < 3; round++) {
      machine.run(CODE);
      assert.equal(machine.cpu.stopped, "halt");
      assert.equal(machine.get(1), 0x1122334455667788n);
      assert.equal(machine.get(2), BigInt(DATA + 0x10000 - 0x30));
      assert.equal(machine.get(3), BigInt(Op.loadPc));
    }
  });

  test(`${way}: bytes of registers`, () => {
    const machine = machineOf(way);
    machine.write(CODE, Op.set8, 1, 18, Op.set8, 16 + 3, 4, Op.set8, 5, 5 + 16, Op.halt);
    for (let round = 0; round < 3; round++) {
      machine.set(1, 0x1111111111111111n);
      machine.set(2, 0x2222222222223322n);
      machine.set(3, 0x4444444444444444n);
      machine.set(4, 0x5566n);
      machine.set(5, 0xabcdn);
      machine.run(CODE);
      const registers = [1, 2, 3, 4, 5].map((r) => machine.get(r).toString(16));
      assert.deepEqual(registers, [
        "1111111111111133",
        "2222222222223322",
        "4444444444446644",
        "5566",
        "abab",
      ]);
    }
  });

  test(`${way}: two accesses in one instruction`, () => {
    const machine = machineOf(way);
    machine.write(CODE, Op.copy, 1, 2, ...int32(0), Op.halt);
    const copy = (to: number, from: number): string[] => {
      machine.set(1, BigInt(to));
      machine.set(2, BigInt(from));
      machine.log.length = 0;
      machine.run(CODE);
      return [machine.cpu.stopped ?? "nothing", ...machine.log];
    };
    const data = machine.engine.memory;
    data.write32(DATA, 0x11);
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(copy(DATA + 8, DATA), ["halt"]);
      assert.equal(data.read32(DATA + 8), 0x11);
      machine.answer = 0x22 + round;
      assert.deepEqual(copy(DATA + 16, DEVICE + 4), ["halt", "r4 @4"]);
      assert.equal(data.read32(DATA + 16), 0x22 + round);
      machine.services.flushTlb();
      assert.deepEqual(copy(DATA + 16, DEVICE + 4), ["halt", "r4 @4"]);
      assert.deepEqual(copy(DEVICE + 8, DATA), ["halt", "w4 @8 = 17"]);
      assert.deepEqual(copy(DEVICE + 8, DEVICE), ["halt", "r4 @0", `w4 @8 = ${0x22 + round}`]);
      // Across pages, and entries of both that are in the same place.
      data.write32(DATA + 0x1ffe, 0x01020304 + round);
      assert.deepEqual(copy(DATA + 0xffd, DATA + 0x1ffe), ["halt"]);
      assert.equal(data.read32(DATA + 0xffd), 0x01020304 + round);
      assert.deepEqual(copy(DATA + 0xffd, DEVICE), ["halt", "r4 @0"]);
      assert.equal(data.read32(DATA + 0xffd), 0x22 + round);
      // To a page with code.
      assert.deepEqual(copy(CODE + 0x800, DATA), ["halt"]);
      assert.deepEqual(copy(CODE + 0x800, DEVICE), ["halt", "r4 @0"]);
      assert.deepEqual(copy(0x5000, DEVICE), ["write 5000", "r4 @0"]);
      assert.deepEqual(copy(DEVICE + 0x1000, DATA), ["write 11000"]);
    }
  });

  test(`${way}: faults after an access, stores with a jump, read-modify-write`, () => {
    const machine = machineOf(way);
    machine.write(CODE, Op.divideMemory, 1, 2, ...int32(0), Op.halt);
    machine.write(CODE + 0x40, Op.push, 2, ...int32(0), 3, Op.nop, Op.nop, Op.nop, Op.halt);
    machine.write(CODE + 0x60, Op.addMemory, 1, 2, ...int32(0), Op.halt);
    const data = machine.engine.memory;
    for (let round = 0; round < 20; round++) {
      machine.log.length = 0;
      machine.set(1, 100n);
      machine.set(2, BigInt(DEVICE));
      machine.answer = 0;
      machine.run(CODE);
      assert.deepEqual([machine.cpu.stopped, machine.pc], [`fault ${DIVIDE_ERROR}`, CODE]);
      machine.answer = 7;
      machine.run(CODE);
      assert.deepEqual([machine.cpu.stopped, machine.get(1)], ["halt", 14n]);
      assert.deepEqual(machine.log.splice(0), ["r4 @0", "r4 @0"]);
      machine.run(CODE + 0x40);
      assert.equal(machine.pc, CODE + 0x4a);
      assert.deepEqual(machine.log.splice(0), [`w4 @0 = ${CODE + 0x47}`, "w4 @4 = 0"]);
      machine.set(2, BigInt(DATA + 0xffc));
      machine.run(CODE + 0x40);
      assert.equal(data.read64(DATA + 0xffc), BigInt(CODE + 0x47));
      machine.run(CODE + 0x60);
      assert.equal(data.read64(DATA + 0xffc), BigInt(CODE + 0x47 + 14));
      machine.set(2, BigInt(DATA + 8));
      data.write64(DATA + 8, 5n);
      machine.run(CODE + 0x60);
      assert.equal(data.read64(DATA + 8), 19n);
      machine.set(2, 0x5000n);
      machine.run(CODE + 0x60);
      assert.equal(machine.cpu.stopped, "write 5000");
    }
  });
}

test("a page with more instructions than records is decoded anew", () => {
  for (const way of WAYS) {
    const machine = machineOf(way);
    machine.write(CODE, ...new Array(4095).fill(Op.nop), Op.halt);
    for (let round = 0; round < 3; round++) {
      assert.equal(machine.run(CODE, 5000, 300), 4096, way);
      assert.equal(machine.pc, CODE + 4095);
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { Gpr } from "./registers.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];

test("PUSHA and POPA, 32 and 16 bits", () => {
  for (const [prefix, size] of [["", 4], ["66 ", 2]] as const) {
    const rig = new CpuRig().protect();
    for (const n of ALL) if (n !== Gpr.rsp) rig.setR(n, 0x11110000n + BigInt(n));
    const top = Place.stack;
    rig.execute(`${prefix}60`);
    assert.equal(Number(rig.r(Gpr.rsp)), top - 8 * size);
    const cut = size === 2 ? 0xffff : -1;
    const pushed = [7, 6, 5, 4, 3, 2, 1, 0].map((n) =>
      (n === Gpr.rsp ? top : 0x11110000 + n) & cut
    );
    assert.deepEqual(rig.values(top - 8 * size, size, 8), pushed);
    for (const n of ALL) if (n !== Gpr.rsp) rig.setR(n, 0x22222222n);
    rig.execute(`${prefix}61`);
    for (const n of ALL) {
      const kept = size === 2 ? 0x22220000 : 0x11110000;
      assert.equal(Number(rig.r(n)), n === Gpr.rsp ? top : kept + n, `${size} ${n}`);
    }
  }
});

test("a stack pointer of 16 bits wraps", () => {
  const rig = new CpuRig();
  rig.cpu.context.segments.setReal(3, 0x3000);
  rig.setR(Gpr.rsp, 0x1234_0004n);
  rig.setR(Gpr.rdi, 0x7777n);
  rig.execute("60");
  assert.equal(rig.r(Gpr.rsp), 0x1234_fff4n);
  assert.equal(rig.read(0x3fff4, 2), 0x7777);
});

test("PUSHA and ENTER that fault write nothing", () => {
  for (const [code, rbp] of [["60", 0], ["c8 00 00 02", Place.stack]] as const) {
    const rig = new CpuRig().long();
    rig.cpu.context.segments.set(2, {
      selector: 0x20,
      base: 0,
      limit: 0xffffffff,
      attributes: 0xc09b,
    });
    rig.longGate(14, 0x21000, { ist: 1 });
    rig.setR(Gpr.rsp, 8n);
    rig.setR(Gpr.rbp, BigInt(rbp));
    rig.memory.write64(0, 0x1122_3344_5566_7788n);
    assert.equal(rig.execute(code), Outcome.jumped);
    assert.equal(rig.rip, 0x21000);
    assert.equal(rig.memory.read64(0), 0x1122_3344_5566_7788n);
  }
});

test("ENTER faults if its frame ends where nothing can be written", () => {
  for (const level of ["00", "02"]) {
    const rig = new CpuRig().long();
    rig.longGate(14, 0x21000, { ist: 1 });
    rig.setR(Gpr.rsp, 0x8000n);
    rig.setR(Gpr.rbp, BigInt(Place.stack));
    rig.memory.write64(0x7ff8, 0x1122_3344_5566_7788n);
    rig.execute(`c8 ff ff ${level}`);
    assert.equal(rig.rip, 0x21000);
    assert.equal(rig.memory.read64(0x7ff8), 0x1122_3344_5566_7788n);
  }
});

test("ENTER: levels, and frames whose pointers it copies", () => {
  const rig = new CpuRig().long();
  const [top, outer] = [Place.stack, 0x28000];
  rig.setR(Gpr.rbp, BigInt(outer));
  for (let n = 1; n < 4; n++) rig.memory.write64(outer - 8 * n, BigInt(n));
  rig.execute("c8 20 00 00");
  assert.deepEqual(rig.values(top - 8, 8, 1), [outer]);
  assert.deepEqual([Gpr.rsp, Gpr.rbp].map((n) => Number(rig.r(n))), [top - 40, top - 8]);
  rig.setR(Gpr.rsp, BigInt(top));
  rig.setR(Gpr.rbp, BigInt(outer));
  rig.execute("c8 10 00 03");
  assert.deepEqual(rig.values(top - 32, 8, 4), [top - 8, 2, 1, outer]);
  assert.deepEqual([Gpr.rsp, Gpr.rbp].map((n) => Number(rig.r(n))), [top - 48, top - 8]);
});

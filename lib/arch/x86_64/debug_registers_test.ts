import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import type { DeviceState } from "../../devices/vbus/device.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

const TARGET = 0x25678;
const READ = 0;
const WRITE = 1;
const TF = 0x100;
const DR6_RESET = 0xffff0ff0n;

/** 64-bit code with a handler for #DB; DR0 at an address with this R/W and LEN, enabled by G0. */
function armed(address: bigint, control: number): CpuRig {
  const rig = new CpuRig().long();
  rig.longGate(1, TARGET);
  rig.setR(0, address);
  rig.execute("0f 23 c0");
  rig.setR(0, BigInt(0x2 | (control << 16)));
  rig.execute("0f 23 f8");
  rig.takeCalls();
  return rig;
}

/** One instruction of one byte that does nothing, as the engine steps it. False: an event came first. */
function step(rig: CpuRig): boolean {
  assert.equal(rig.cpu.needsStepping(), true);
  if (!rig.cpu.beforeStep()) return false;
  rig.rip += 1;
  rig.cpu.afterStep();
  return true;
}

test("a single step is taken after the instruction, with BS; the handler runs without", () => {
  const rig = new CpuRig().long();
  rig.longGate(1, TARGET);
  rig.rflags = TF | 2;
  assert.equal(step(rig), true);
  assert.equal(rig.cpu.takeInterrupt(), true);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.get("dr", 6), DR6_RESET | 0x4000n);
  assert.equal(rig.read(Place.stack - 40, 8), Place.code + 1);
  assert.equal(rig.read(Place.stack - 24, 8), TF | 2, "a trap: RF is not set");
  assert.equal(rig.cpu.needsStepping(), false);
});

test("an instruction that faults gets no single step", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, 0x100);
  rig.rflags = TF | 2;
  rig.cpu.beforeStep();
  rig.cpu.undefinedInstruction();
  rig.cpu.afterStep();
  assert.equal(rig.cpu.takeInterrupt(), false);
  assert.equal(rig.rip, 0x100);
});

test("a breakpoint on an instruction is a fault before it, and RF lets it pass", () => {
  const rig = armed(BigInt(Place.code + 6), 0);
  assert.equal(rig.rip, Place.code + 6);
  assert.equal(step(rig), false);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.get("dr", 6), DR6_RESET | 1n);
  assert.equal(rig.read(Place.stack - 40, 8), Place.code + 6);
  rig.rip = Place.code + 6;
  rig.rflags = 0x10002;
  assert.equal(step(rig), true);
  assert.equal(rig.rflags, 2, "RF is cleared");
  rig.rip = Place.code + 6;
  assert.equal(step(rig), false);
});

test("RF that IRET sets while instructions are stepped is for the next one", () => {
  const rig = armed(BigInt(TARGET), 0);
  [TARGET, 0x18, 0x10002, Place.stack, 0].forEach((value, n) =>
    rig.memory.write64(Place.stack - 40 + n * 8, BigInt(value))
  );
  rig.setR(4, BigInt(Place.stack - 40));
  assert.equal(rig.cpu.beforeStep(), true);
  rig.execute("48 cf");
  rig.cpu.afterStep();
  assert.equal(rig.rip, TARGET);
  assert.equal(step(rig), true);
});

test("RF of IRET counts only while there are breakpoints", () => {
  for (const [control, expected] of [[2n, 0x10002], [0n, 2]] as const) {
    const rig = armed(0x1234n, 0);
    rig.setR(0, control);
    rig.execute("0f 23 f8");
    [TARGET, 0x18, 0x10002, Place.stack, 0].forEach((value, n) =>
      rig.memory.write64(Place.stack - 40 + n * 8, BigInt(value))
    );
    rig.setR(4, BigInt(Place.stack - 40));
    rig.execute("48 cf");
    assert.equal(rig.rflags, expected);
  }
});

test("data breakpoints: watched pages, a trap after the access", () => {
  // Four bytes, writes.
  const rig = armed(0x20_0104n, 0xd);
  assert.equal(rig.cpu.translate(0, 0x201000, READ, 0, 4), true);
  assert.equal(rig.cpu.translation.watched, false);
  rig.cpu.translate(0, 0x200108, WRITE, 0, 8);
  assert.equal(rig.cpu.translation.watched, true);
  assert.equal(rig.cpu.takeInterrupt(), false, "next to it");
  rig.cpu.translate(0, 0x200106, READ, 0, 4);
  assert.equal(rig.cpu.takeInterrupt(), false, "a read");
  rig.takeCalls();
  rig.cpu.translate(0, 0x200106, WRITE, 0, 4);
  assert.ok(rig.takeCalls().includes("attend"));
  assert.equal(rig.cpu.takeInterrupt(), true);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.get("dr", 6), DR6_RESET | 1n);
});

test("data breakpoints see what instructions of the host access", () => {
  const rig = armed(BigInt(Place.stack - 8), 0xf);
  rig.setR(4, BigInt(Place.stack - 16));
  rig.execute("9d");
  assert.equal(rig.cpu.takeInterrupt(), false, "POPF of the eight bytes below");
  rig.execute("9d");
  assert.equal(rig.cpu.takeInterrupt(), true);
  assert.equal(rig.rip, TARGET);
});

test("breakpoints on ports need CR4.DE", () => {
  const rig = armed(0x60n, 2);
  rig.setR(2, 0x60n);
  rig.execute("ec");
  assert.equal(rig.cpu.takeInterrupt(), false);
  rig.set("cr4", 0x628n);
  rig.execute("ec");
  assert.equal(rig.cpu.takeInterrupt(), true);
});

test("DR7.GD: the next access is #DB with BD; the handler has access", () => {
  const rig = armed(0n, 0);
  rig.setR(0, 0x2000n);
  rig.execute("0f 23 f8");
  assert.equal(rig.execute("0f 21 c0"), Outcome.jumped);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.get("dr", 6), DR6_RESET | 0x2000n);
  assert.equal(rig.execute("0f 21 c0"), Outcome.next);
});

test("DR4 and DR5 are DR6 and DR7 unless CR4.DE is set; upper halves", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, 0x100);
  rig.longGate(13, 0x200);
  rig.setR(0, 0xffffffffn);
  rig.execute("0f 23 e0");
  rig.execute("0f 21 f3");
  assert.equal(rig.r(3), 0xffffefffn);
  rig.setR(0, 0x1_0000_0000n);
  rig.execute("0f 23 f8");
  assert.equal(rig.rip, 0x200);
  rig.set("cr4", 0x628n);
  rig.execute("0f 21 e0");
  assert.equal(rig.rip, 0x100);
});

test("a load of SS is not followed by a single step", () => {
  const rig = new CpuRig().long();
  rig.longGate(1, TARGET);
  rig.rflags = TF | 2;
  assert.equal(rig.cpu.beforeStep(), true);
  assert.equal(rig.execute("8e d0"), Outcome.next);
  rig.cpu.afterStep();
  assert.equal(rig.cpu.takeInterrupt(), false);
  assert.equal(step(rig), true);
  assert.equal(rig.cpu.takeInterrupt(), true);
});

test("addresses of breakpoints may be anything", () => {
  const rig = armed(0x8000_0000_0000n, 0);
  assert.equal(rig.get("dr"), 0x8000_0000_0000n);
  assert.equal(rig.rip, Place.code + 6);
  rig.cpu.beforeStep();
  assert.equal(rig.cpu.translate(0, Place.stack, READ, 0, 4), true);
  assert.equal(rig.cpu.takeInterrupt(), false);
});

test("a register that there is not is #UD before access detection looks", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, TARGET);
  rig.set("cr4", rig.get("cr4") | 8n);
  rig.set("dr", 0x2400n, 7);
  rig.execute("0f 21 e0");
  assert.equal(rig.rip, TARGET, "DR4, with CR4.DE");
  assert.equal(rig.get("dr", 6), DR6_RESET);
});

test("the single step of HLT ends its wait", () => {
  const rig = new CpuRig().long();
  rig.rflags = TF | 2;
  rig.cpu.beforeStep();
  assert.equal(rig.execute("f4"), Outcome.wait);
  rig.cpu.afterStep();
  assert.equal(rig.cpu.wakes(), true);
});

test("a trap that is not taken yet is saved", () => {
  const rig = new CpuRig().long();
  rig.rflags = TF | 2;
  step(rig);
  const other = new CpuRig().long();
  other.longGate(1, TARGET);
  other.cpu.restore(structuredClone(rig.cpu.saved()) as DeviceState);
  assert.equal(other.cpu.takeInterrupt(), true);
  assert.deepEqual([other.rip, other.get("dr", 6)], [TARGET, DR6_RESET | 0x4000n]);
  assert.throws(() => other.cpu.restore({ ...rig.cpu.saved() as object, debug: { pending: -1 } }));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { Fault } from "./fault_numbers.ts";
import { Mode } from "./mode.ts";
import { CpuRig, Place, Sel } from "./testing/cpu_rig.ts";

const TARGET = 0x25678;
const GP = 13;
const PF = 14;
const DF = 8;
const UD = 6;
const AC = 17;
const IF = 0x200;
const RF = 0x10000;

test("64-bit: an exception at CPL 0 pushes SS, RSP, RFLAGS, CS, RIP on an aligned stack", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, TARGET);
  rig.setR(4, BigInt(Place.stack - 8));
  rig.rflags = 0x302;
  rig.cpu.undefinedInstruction();
  assert.equal(rig.rip, TARGET);
  assert.deepEqual(rig.values(Place.stack - 16 - 40, 8, 5), [
    Place.code,
    Sel.code64,
    0x302 | RF,
    Place.stack - 8,
    Sel.data,
  ]);
  assert.equal(Number(rig.r(4)), Place.stack - 16 - 40);
  assert.equal(rig.rflags, 2, "an interrupt gate clears IF, and TF with it");
  assert.equal(rig.selector(3), Sel.data, "the stack segment stays");
});

test("64-bit: a trap gate keeps IF", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, TARGET, { type: 0x8f });
  rig.rflags = 0x202;
  rig.cpu.undefinedInstruction();
  assert.equal(rig.rflags, 0x202);
});

test("64-bit: from CPL 3 the stack comes from the TSS and SS becomes null", () => {
  const rig = new CpuRig().long(3);
  rig.longGate(GP, TARGET);
  rig.cpu.fault(Fault.generalProtection);
  assert.equal(rig.cpl, 0);
  assert.equal(rig.selector(2), Sel.code64);
  assert.equal(rig.selector(3), 0);
  assert.deepEqual(rig.values(Place.stack0 - 48, 8, 6), [
    0,
    Place.code,
    Sel.userCode64 | 3,
    2 | RF,
    Place.stack,
    Sel.userData | 3,
  ]);
  assert.equal(rig.cpu.mode() & Mode.tlb, 0);
});

test("64-bit: IST takes the stack although the privilege stays", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, TARGET, { ist: 1 });
  rig.cpu.undefinedInstruction();
  assert.equal(Number(rig.r(4)), Place.ist1 - 40);
  assert.equal(rig.selector(3), Sel.data);
});

test("64-bit: a page fault has its address in CR2 and what was tried in its error code", () => {
  const rig = new CpuRig().long(3);
  rig.longGate(PF, TARGET);
  assert.equal(rig.cpu.translate(0, 0x40001234, 1, 1, 4), false);
  assert.equal(rig.get("cr2"), 0x40001234n);
  assert.equal(rig.read(Place.stack0 - 48, 8), 6, "write, user, not present");
  assert.equal(rig.rip, TARGET);
});

test("64-bit: offsets and stack pointers of all 64 bits", () => {
  const rig = new CpuRig().long();
  rig.longGate(6, -0x7fff_0000_0000);
  rig.cpu.undefinedInstruction();
  assert.equal(rig.rip, -0x7fff_0000_0000);
  assert.equal(rig.get("pc"), 0xffff_8001_0000_0000n);
});

test("64-bit: all tables in the upper half of the address space", () => {
  const high = 0xffff_ff80_0000_0000n;
  const rig = new CpuRig().long(3);
  rig.entry(Place.tables, 511, BigInt(Place.tables + 0x1000) | 7n);
  for (const [name, place] of [["gdtrBase", Place.gdt], ["idtrBase", Place.idt]] as const) {
    rig.set(name, high + BigInt(place));
  }
  rig.set("segmentBase", high + BigInt(Place.tss), 8);
  rig.memory.write64(Place.tss + 4, high + BigInt(Place.stack0));
  rig.longGate(6, TARGET);
  rig.cpu.undefinedInstruction();
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.r(4), high + BigInt(Place.stack0) - 40n);
  assert.equal(rig.read(Place.stack0 - 40, 8), Place.code);
  assert.equal(rig.execute("48 cf"), Outcome.jumped);
  assert.deepEqual([rig.cpl, rig.rip], [3, Place.code]);
});

test("32-bit: interrupt and trap gates of 32 and 16 bits", () => {
  for (const [type, size, flags] of [[0x8e, 4, 2], [0x8f, 4, 0x202], [0x86, 2, 2]] as const) {
    const rig = new CpuRig().protect();
    rig.gate(Place.idt, 6, type, Sel.code32, TARGET);
    rig.rflags = 0x202;
    rig.cpu.undefinedInstruction();
    assert.equal(rig.rip, size === 4 ? TARGET : TARGET & 0xffff);
    const pushed = [Place.code, Sel.code32, 0x202 | RF];
    const mask = size === 2 ? 0xffff : -1;
    assert.deepEqual(
      rig.values(Place.stack - 3 * size, size, 3),
      pushed.map((value) => value & mask),
    );
    assert.equal(rig.rflags, flags);
  }
});

test("32-bit: from CPL 3 SS:ESP come from the TSS", () => {
  const rig = new CpuRig().protect(3);
  rig.gate(Place.idt, GP, 0x8e, Sel.code32, TARGET);
  rig.cpu.fault(Fault.generalProtection);
  assert.deepEqual(rig.values(Place.stack0 - 24, 4, 6), [
    0,
    Place.code,
    Sel.userCode32 | 3,
    2 | RF,
    Place.stack,
    Sel.userData | 3,
  ]);
  assert.equal(rig.cpl, 0);
  assert.equal(rig.selector(3), Sel.data);
  assert.equal(Number(rig.r(4)), Place.stack0 - 24);
});

test("real mode: the vector table, three words on the stack", () => {
  const rig = new CpuRig();
  rig.cpu.startUp(0x20);
  rig.setR(4, 0xffff_0000_7000n);
  rig.memory.write32(6 * 4, 0x12340056);
  rig.rflags = 0x202;
  rig.cpu.undefinedInstruction();
  assert.equal(rig.get("pc"), 0x12396n);
  assert.equal(rig.rip, 0x56);
  assert.deepEqual(rig.values(0x6ffa, 2, 3), [0, 0x2000, 0x202]);
  assert.equal(rig.r(4), 0xffff_0000_6ffan);
  assert.equal(rig.rflags, 2);
});

test("INT n: the next instruction's address, no RF, and the gate's DPL", () => {
  const rig = new CpuRig().long(3);
  rig.longGate(0x80, TARGET, { type: 0xee });
  assert.equal(rig.execute("cd 80"), Outcome.jumped);
  assert.equal(rig.read(Place.stack0 - 40, 8), Place.code + 2);
  assert.equal(rig.read(Place.stack0 - 24, 8), 2);

  const refused = new CpuRig().long(3);
  refused.longGate(0x80, TARGET);
  refused.longGate(GP, 0x20000);
  refused.execute("cd 80");
  assert.equal(refused.rip, 0x20000);
  assert.equal(refused.read(Place.stack0 - 48, 8), 0x80 * 8 + 2, "IDT, no EXT");
  assert.equal(refused.read(Place.stack0 - 40, 8), Place.code, "the fault is INT's");
});

test("exceptions do not ask for the gate's DPL", () => {
  const rig = new CpuRig().long(3);
  rig.longGate(6, TARGET);
  rig.cpu.undefinedInstruction();
  assert.equal(rig.rip, TARGET);
});

test("error codes of gates: IDT, EXT, #NP", () => {
  const gates: readonly [number, number, number, number][] = [
    // type of the gate, exception, error code
    [0x0e, 11, 6 * 8 + 3, Sel.code64],
    [0x85, GP, 6 * 8 + 3, Sel.code64],
    [0x8e, GP, 1, 0],
    [0x8e, GP, Sel.data | 1, Sel.data],
    [0x8e, GP, Sel.code32 | 1, Sel.code32],
    [0x8e, GP, 0x100 | 1, 0x100],
  ];
  for (const [type, vector, code, selector] of gates) {
    const rig = new CpuRig().long();
    rig.longGate(6, 0x100, { type, selector });
    rig.longGate(vector, TARGET);
    rig.cpu.undefinedInstruction();
    assert.equal(rig.rip, TARGET);
    assert.equal(rig.read(Place.stack - 48, 8), code);
  }
});

test("double faults: which pairs make one", () => {
  const pairs: readonly [first: number, gate: number, expected: number][] = [
    [Fault.divideError, 0, DF],
    [Fault.generalProtection, GP, DF],
    // A benign one first: the second is delivered alone.
    [Fault.invalidOpcode, 6, GP],
  ];
  for (const [fault, gate, expected] of pairs) {
    const rig = new CpuRig().long();
    for (const vector of [DF, GP]) if (vector !== gate) rig.longGate(vector, vector * 16);
    rig.longGate(gate, 0x100, { selector: Sel.data });
    rig.cpu.fault(fault);
    assert.equal(rig.rip, expected * 16, `fault ${fault}`);
    assert.equal(rig.shutdowns, 0);
  }
});

test("a page fault in the delivery of a page fault is a double fault; one more ends it", () => {
  const rig = new CpuRig().long();
  rig.longGate(PF, TARGET);
  rig.longGate(DF, 0x100, { ist: 1 });
  rig.setR(4, 0x40000000n);
  assert.equal(rig.cpu.translate(0, 0x50000000, 0, 0, 4), false);
  assert.equal(rig.rip, 0x100);
  assert.equal(rig.get("cr2"), 0x3ffffff8n, "of the second fault");
  assert.equal(rig.read(Place.ist1 - 48, 8), 0);

  rig.longGate(DF, 0x100);
  rig.setR(4, 0x40000000n);
  rig.cpu.translate(0, 0x50000000, 0, 0, 4);
  assert.equal(rig.shutdowns, 1);
});

test("no IDT: a triple fault", () => {
  const rig = new CpuRig().protect();
  rig.set("idtrLimit", 0n);
  rig.cpu.undefinedInstruction();
  assert.equal(rig.shutdowns, 1);
});

test("IRETQ to CPL 3 and back", () => {
  const rig = new CpuRig().long();
  const frame = [TARGET, Sel.userCode64 | 3, 0x3202, 0x30000, Sel.userData | 3];
  frame.forEach((value, n) => rig.memory.write64(Place.stack - 40 + n * 8, BigInt(value)));
  rig.setR(4, BigInt(Place.stack - 40));
  assert.equal(rig.execute("48 cf"), Outcome.jumped);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.cpl, 3);
  assert.equal(rig.rflags, 0x3202);
  assert.equal(rig.r(4), 0x30000n);
  assert.equal(rig.selector(3), Sel.userData | 3);
  assert.equal(rig.selector(4), 0, "DS of DPL 0 becomes null");

  rig.longGate(GP, 0x100);
  rig.memory.write64(0x30000, 0xffff_8000_0000_0000n);
  rig.execute("48 cf");
  assert.equal(rig.rip, 0x100, "CS is null");
});

test("IRETQ at CPL 0: to the same level with another stack, to 32-bit code", () => {
  const rig = new CpuRig().long();
  const frame = [TARGET, Sel.code32, 2, 0xdead_0000_1000, 0];
  frame.forEach((value, n) => rig.memory.write64(Place.stack - 40 + n * 8, BigInt(value)));
  rig.setR(4, BigInt(Place.stack - 40));
  rig.longGate(GP, 0x100);
  rig.execute("48 cf");
  assert.equal(rig.rip, 0x100, "a null SS is for 64-bit code only");

  const again = new CpuRig().long();
  frame[1] = Sel.code64;
  frame.forEach((value, n) => again.memory.write64(Place.stack - 40 + n * 8, BigInt(value)));
  again.setR(4, BigInt(Place.stack - 40));
  again.execute("48 cf");
  assert.equal(again.rip, TARGET);
  assert.equal(again.r(4), 0xdead_0000_1000n);
  assert.equal(again.selector(3), 0);
});

test("IRET refuses more privilege, addresses that are not canonical, nested tasks", () => {
  const frames: readonly [bigint, number, number, number][] = [
    [0x100n, Sel.code64, 2, Sel.code64],
    [0x8000_0000_0000n, Sel.userCode64 | 3, 2, 0],
    [0x100n, Sel.userCode64, 2, Sel.userCode64],
    [0x100n, Sel.userData | 3, 2, Sel.userData],
  ];
  for (const [rip, cs, flags, code] of frames) {
    const rig = new CpuRig().long(3);
    rig.longGate(GP, TARGET);
    const frame = [rip, cs, flags, 0x30000, Sel.userData | 3];
    frame.forEach((value, n) => rig.memory.write64(Place.stack - 40 + n * 8, BigInt(value)));
    rig.setR(4, BigInt(Place.stack - 40));
    rig.execute("48 cf");
    assert.equal(rig.rip, TARGET);
    assert.equal(rig.read(Place.stack0 - 48, 8), code);
    assert.equal(Number(rig.get("r", 4)), Place.stack0 - 48);
    assert.equal(rig.read(Place.stack0 - 16, 8), Place.stack - 40, "RSP is as it was");
  }
  const nested = new CpuRig().long();
  nested.longGate(GP, TARGET);
  nested.rflags = 0x4002;
  nested.execute("48 cf");
  assert.equal(nested.rip, TARGET);
});

test("32-bit IRET to the same and to the outer level; 16-bit IRET in real mode", () => {
  const same = new CpuRig().protect();
  [TARGET, Sel.code32, 0x246].forEach((value, n) =>
    same.memory.write32(Place.stack - 12 + n * 4, value)
  );
  same.setR(4, BigInt(Place.stack - 12));
  same.execute("cf");
  assert.equal(same.rip, TARGET);
  assert.equal(same.rflags, 0x246);
  assert.equal(Number(same.r(4)), Place.stack);

  const outer = new CpuRig().protect();
  [TARGET, Sel.userCode32 | 3, 0x202, 0x30000, Sel.userData | 3].forEach((value, n) =>
    outer.memory.write32(Place.stack - 20 + n * 4, value)
  );
  outer.setR(4, BigInt(Place.stack - 20));
  outer.execute("cf");
  assert.equal(outer.cpl, 3);
  assert.equal(outer.r(4), 0x30000n);

  const real = new CpuRig();
  real.cpu.startUp(0x20);
  real.setR(4, 0x7000n);
  [0x10, 0x3000, 0x202].forEach((value, n) => real.memory.write16(0x7000 + n * 2, value));
  real.execute("cf");
  assert.equal(real.get("pc"), 0x30010n);
  assert.equal(real.rflags, 0x202);
});

test("CPL 3 cannot change IF and IOPL by IRET and POPF", () => {
  const rig = new CpuRig().long(3);
  rig.rflags = IF | 2;
  rig.memory.write64(Place.stack - 8, 0x3d02n);
  rig.setR(4, BigInt(Place.stack - 8));
  assert.equal(rig.execute("9d"), Outcome.next);
  assert.equal(rig.rflags, 0xf02);
  assert.equal(Number(rig.r(4)), Place.stack);
});

test("interrupts: acknowledged, delivered with EXT, masked by IF", () => {
  const rig = new CpuRig().long();
  rig.vector = 0x51;
  rig.longGate(0x51, TARGET);
  rig.cpu.setInterrupt(true);
  rig.cpu.setInterrupt(true);
  assert.deepEqual(rig.takeCalls(), ["attend"], "once, when it rises");
  assert.equal(rig.cpu.takeInterrupt(), false, "IF is clear");
  rig.rflags = 0x202;
  assert.equal(rig.cpu.takeInterrupt(), true);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.read(Place.stack - 24, 8), 0x202, "RF is not set for interrupts");
  assert.equal(rig.get("interrupts"), 1n);
});

test("the shadow of STI lasts one instruction, and only if interrupts were off", () => {
  const rig = new CpuRig().long();
  rig.longGate(0x40, TARGET);
  rig.cpu.setInterrupt(true);
  rig.execute("8e d0"); // MOV SS,EAX: a null selector
  rig.rflags = 0x202;
  assert.equal(rig.cpu.takeInterrupt(), false);
  assert.equal(rig.cpu.needsStepping(), true);
  assert.equal(rig.cpu.beforeStep(), true);
  rig.rip += 1;
  rig.cpu.afterStep();
  assert.equal(rig.cpu.needsStepping(), false);
  assert.equal(rig.cpu.takeInterrupt(), true);
});

test("NMI: taken whatever IF is, then blocked until IRET", () => {
  const rig = new CpuRig().long();
  rig.longGate(2, TARGET);
  rig.cpu.nmi();
  assert.equal(rig.cpu.takeInterrupt(), true);
  assert.equal(rig.rip, TARGET);
  rig.cpu.nmi();
  assert.equal(rig.cpu.takeInterrupt(), false);
  rig.execute("48 cf");
  assert.equal(rig.rip, Place.code);
  assert.equal(rig.cpu.takeInterrupt(), true);
});

test("HLT waits for what would be taken", () => {
  const rig = new CpuRig().long();
  rig.cpu.setInterrupt(true);
  assert.equal(rig.execute("f4"), Outcome.wait);
  assert.equal(rig.rip, Place.code + 1);
  assert.equal(rig.cpu.wakes(), false, "IF is clear");
  rig.cpu.nmi();
  assert.equal(rig.cpu.wakes(), true);

  const enabled = new CpuRig().long();
  enabled.rflags = 0x202;
  enabled.execute("f4");
  assert.equal(enabled.cpu.wakes(), false);
  enabled.cpu.setInterrupt(true);
  assert.equal(enabled.cpu.wakes(), true);

  const user = new CpuRig().long(3);
  user.longGate(GP, TARGET);
  assert.equal(user.execute("f4"), Outcome.jumped);
  assert.equal(user.rip, TARGET);
});

test("#AC that comes up in its own delivery ends in a shutdown, not in a loop", () => {
  for (const others of [[AC], [AC, PF]]) {
    const rig = new CpuRig().protect(3);
    rig.set("cr0", rig.get("cr0") | 0x40000n);
    rig.rflags |= 0x40000;
    for (const vector of [UD, ...others]) {
      rig.gate(Place.idt, vector, 0xee, Sel.userCode32, TARGET);
    }
    rig.setR(4, BigInt(Place.stack - 2));
    rig.cpu.undefinedInstruction();
    assert.equal(rig.shutdowns, 1);
  }
});

test("IRET lets NMIs in, even if it faults", () => {
  const rig = new CpuRig().long();
  rig.longGate(2, TARGET);
  rig.longGate(GP, TARGET + 16);
  rig.cpu.nmi();
  rig.cpu.takeInterrupt();
  rig.setR(4, BigInt(Place.stack - 64));
  rig.execute("48 cf");
  assert.equal(rig.rip, TARGET + 16, "CS is null");
  rig.cpu.nmi();
  assert.equal(rig.cpu.takeInterrupt(), true);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { Status } from "./flags.ts";
import { Mode } from "./mode.ts";
import { Segment } from "./state.ts";
import { CpuRig, Place, Sel } from "./testing/cpu_rig.ts";

const TARGET = 0x25678;
const GP = 13;
const NP = 11;
const SS = 12;

/** Puts a handler behind every exception: the vector's number times 16. */
function withHandlers(rig: CpuRig): CpuRig {
  const long = (rig.get("efer") & 0x400n) !== 0n;
  for (let vector = 0; vector < 20; vector++) {
    if (long) rig.longGate(vector, 0x1_0000_0000 + vector * 16);
    else rig.gate(Place.idt, vector, 0x8e, Sel.code32, 0x10000 + vector * 16);
  }
  return rig;
}

/** Executes what must fault: vector and error code. */
function fault(rig: CpuRig, hex: string): [vector: number, code: number] {
  const { cpl } = rig;
  withHandlers(rig);
  assert.equal(rig.execute(hex), Outcome.jumped);
  const vector = (rig.rip & 0xffff) / 16;
  assert.ok(Number.isInteger(vector), "no handler was reached");
  const long = (rig.get("efer") & 0x400n) !== 0n;
  const top = cpl === 3 ? Place.stack0 : Place.stack;
  const code = long ? rig.read(top - 48, 8) : rig.read(top - (cpl === 3 ? 24 : 16), 4);
  return [vector, code];
}

/** MOV of a selector to DS, ES, FS, GS, SS through EAX. */
const MOV = {
  es: "8e c0",
  cs: "8e c8",
  ss: "8e d0",
  ds: "8e d8",
  fs: "8e e0",
  gs: "8e e8",
} as const;

function move(rig: CpuRig, register: keyof typeof MOV, selector: number): Outcome {
  rig.setR(0, BigInt(selector));
  return rig.execute(MOV[register]);
}

function moveFault(rig: CpuRig, register: keyof typeof MOV, selector: number): [number, number] {
  rig.setR(0, BigInt(selector));
  return fault(rig, MOV[register]);
}

test("a load takes base, limit and attributes, and marks the descriptor accessed", () => {
  const rig = new CpuRig().protect();
  rig.descriptor(0x90, 0x4092, 0x12345678, 0x54321);
  assert.equal(move(rig, "fs", 0x90), Outcome.next);
  assert.deepEqual(rig.cpu.context.segments.get(Segment.fs), {
    selector: 0x90,
    base: 0x12345678,
    limit: 0x54321,
    attributes: 0x4093,
  });
  assert.equal(rig.memory.read32(Place.gdt + 0x94), 0x12459334);
});

test("limits in pages", () => {
  const rig = new CpuRig().protect();
  rig.descriptor(0x90, 0xc093, 0, 0x12);
  move(rig, "gs", 0x90);
  assert.equal(rig.cpu.context.segments.get(Segment.gs).limit, 0x12fff);
});

test("loads that are refused", () => {
  const cpl0 = (): CpuRig => new CpuRig().protect();
  const cpl3 = (): CpuRig => new CpuRig().protect(3);
  assert.deepEqual(moveFault(cpl0(), "ds", 0x100), [GP, 0x100], "beyond the table");
  assert.deepEqual(moveFault(cpl0(), "ds", Sel.tss), [GP, Sel.tss], "a system segment");
  assert.deepEqual(moveFault(cpl0(), "ds", Sel.notPresent), [NP, Sel.notPresent]);
  assert.deepEqual(moveFault(cpl0(), "ds", Sel.data | 3), [GP, Sel.data], "RPL");
  assert.deepEqual(moveFault(cpl3(), "es", Sel.data), [GP, Sel.data], "CPL");
  assert.deepEqual(moveFault(cpl0(), "ds", 0x14), [GP, 0x14], "there is no LDT");
  assert.deepEqual(moveFault(cpl0(), "cs", Sel.code32), [6, 0], "#UD");
  const executeOnly = cpl0();
  executeOnly.descriptor(0x90, 0xc099);
  assert.deepEqual(moveFault(executeOnly, "ds", 0x90), [GP, 0x90]);
  assert.equal(move(cpl3(), "ds", Sel.conforming | 3), Outcome.next);
  assert.equal(move(cpl0(), "ds", Sel.readOnly), Outcome.next);
  assert.equal(move(cpl3(), "ds", 3), Outcome.next, "null, with any RPL");
});

test("SS wants writable data of exactly CPL and RPL", () => {
  const rig = (): CpuRig => new CpuRig().protect();
  assert.equal(move(rig(), "ss", Sel.data), Outcome.next);
  assert.deepEqual(moveFault(rig(), "ss", 0), [GP, 0]);
  assert.deepEqual(moveFault(rig(), "ss", Sel.data | 1), [GP, Sel.data]);
  assert.deepEqual(moveFault(rig(), "ss", Sel.userData), [GP, Sel.userData]);
  assert.deepEqual(moveFault(rig(), "ss", Sel.readOnly), [GP, Sel.readOnly]);
  assert.deepEqual(moveFault(rig(), "ss", Sel.code32), [GP, Sel.code32]);
  assert.deepEqual(moveFault(rig(), "ss", Sel.notPresent), [SS, Sel.notPresent]);
});

test("64-bit code: SS may be null but at CPL 3", () => {
  assert.equal(move(new CpuRig().long(), "ss", 0), Outcome.next);
  assert.deepEqual(moveFault(new CpuRig().long(), "ss", 1), [GP, 0]);
  assert.deepEqual(moveFault(new CpuRig().long(3), "ss", 3), [GP, 0]);
});

test("real mode: the base is the selector times 16; the limit stays", () => {
  const rig = new CpuRig();
  rig.cpu.startUp(0x20);
  move(rig, "ds", 0xf00d);
  const { selector, base, limit } = rig.cpu.context.segments.get(Segment.ds);
  assert.deepEqual([selector, base, limit], [0xf00d, 0xf00d0, 0xffff]);
});

test("LGDT and LIDT: bases of 24, 32 and 64 bits; SGDT and SIDT", () => {
  const rig = new CpuRig().protect();
  rig.memory.write16(0x5000, 0x1234);
  rig.memory.write64(0x5002, 0xffff_8000_dead_beefn);
  rig.execute("0f 01 15 0 50 0 0");
  assert.deepEqual([rig.get("gdtrLimit"), rig.get("gdtrBase")], [0x1234n, 0xdeadbeefn]);
  rig.execute("66 0f 01 1d 0 50 0 0");
  assert.equal(rig.get("idtrBase"), 0xadbeefn);
  const long = new CpuRig().long();
  long.memory.write16(0x5000, 0x1234);
  long.memory.write64(0x5002, 0xffff_8000_dead_beefn);
  long.setR(3, 0x5000n);
  long.execute("0f 01 1b");
  assert.equal(long.get("idtrBase"), 0xffff_8000_dead_beefn);
  long.setR(3, 0x6000n);
  long.execute("0f 01 0b");
  assert.equal(long.memory.read16(0x6000), 0x1234);
  assert.equal(long.memory.read64(0x6002), 0xffff_8000_dead_beefn);
  const wrong = new CpuRig().long();
  wrong.memory.write64(0x5002, 0x8000_dead_beef_0000n);
  wrong.setR(3, 0x5000n);
  assert.deepEqual(fault(wrong, "0f 01 13"), [GP, 0], "not canonical");
  const user = new CpuRig().long(3);
  user.setR(3, 0x5000n);
  assert.deepEqual(fault(user, "0f 01 13"), [GP, 0]);
});

test("LLDT and LTR: 8 bytes, 16 in IA-32e mode; the TSS becomes busy", () => {
  const rig = new CpuRig().protect();
  rig.setR(0, BigInt(Sel.ldt));
  assert.equal(rig.execute("0f 00 d0"), Outcome.next);
  rig.entry(0x4000, 1, 0x00cf93000000ffffn);
  assert.equal(move(rig, "ds", 0xc), Outcome.next, "a selector of the LDT");
  rig.setR(0, BigInt(Sel.tss));
  assert.equal(rig.execute("0f 00 d8"), Outcome.next);
  assert.equal(rig.memory.bytes[Place.gdt + Sel.tss + 5], 0x8b);
  assert.deepEqual(fault(rig, "0f 00 d8"), [GP, Sel.tss], "busy");

  const long = new CpuRig().long();
  long.entry(Place.gdt, (Sel.tss >>> 3) + 1, 0xffff_8000n);
  long.setR(0, BigInt(Sel.tss));
  assert.equal(long.execute("0f 00 d8"), Outcome.next);
  assert.equal(long.get("segmentBase", Segment.tr), 0xffff_8000_0000_3000n);
  const wrong = new CpuRig().long();
  wrong.entry(Place.gdt, (Sel.tss >>> 3) + 1, 0x1f00_0000_0000n);
  wrong.setR(0, BigInt(Sel.tss));
  assert.deepEqual(fault(wrong, "0f 00 d8"), [GP, Sel.tss], "the upper half has a type");
  for (const selector of [0, Sel.data]) {
    const refused = new CpuRig().long();
    refused.setR(0, BigInt(selector));
    assert.deepEqual(fault(refused, "0f 00 d8"), [GP, selector]);
  }
});

test("LAR, LSL, VERR and VERW tell by ZF", () => {
  const rig = new CpuRig().protect(3);
  const ask = (hex: string, selector: number): boolean => {
    rig.setR(1, BigInt(selector));
    assert.equal(rig.execute(hex), Outcome.next);
    return (rig.rflags & Status.ZF) !== 0;
  };
  rig.setR(0, 7n);
  assert.equal(ask("0f 02 c1", Sel.data), false, "not visible at CPL 3");
  assert.equal(rig.r(0), 7n);
  assert.equal(ask("0f 02 c1", Sel.userData | 3), true);
  assert.equal(rig.r(0), 0xc0f300n);
  assert.equal(ask("0f 03 c1", Sel.userData), true);
  assert.equal(rig.r(0), 0xffffffffn);
  assert.equal(ask("0f 03 c1", 0x200), false);
  assert.equal(ask("0f 03 c1", 0), false);
  assert.equal(ask("0f 00 e1", Sel.userCode32), true, "VERR");
  assert.equal(ask("0f 00 e9", Sel.userCode32), false, "VERW");
  assert.equal(ask("0f 00 e9", Sel.userData), true);
});

test("LSS loads both, or neither", () => {
  const rig = new CpuRig().protect();
  rig.memory.write32(0x5000, 0x1234);
  rig.memory.write16(0x5004, Sel.data);
  assert.equal(rig.execute("0f b2 25 0 50 0 0"), Outcome.next);
  assert.equal(rig.r(4), 0x1234n);
  rig.setR(4, BigInt(Place.stack));
  rig.memory.write16(0x5004, Sel.notPresent);
  assert.deepEqual(fault(rig, "0f b2 25 0 50 0 0"), [SS, Sel.notPresent]);
});

test("far jumps: real mode to protected mode to 64-bit code, as AP trampolines go", () => {
  const rig = new CpuRig().long();
  // Back to what a start-up message leaves, with the tables in place.
  rig.cpu.startUp(0x20);
  rig.set("gdtrBase", BigInt(Place.gdt));
  rig.setR(0, 0x11n);
  assert.equal(rig.execute("0f 22 c0"), Outcome.next);
  assert.equal(rig.cpu.mode() & Mode.code, Mode.code16);
  assert.equal(rig.execute("66 ea 0 0 3 0 8 0"), Outcome.jumped);
  assert.equal(rig.get("pc"), 0x30000n);
  assert.equal(rig.cpu.mode() & Mode.code, Mode.code32);
  assert.equal(rig.cpu.mode() & Mode.stack32, 0);
  move(rig, "ss", Sel.data);
  assert.equal(rig.cpu.mode() & Mode.stack32, Mode.stack32);
  rig.setR(0, 0x20n);
  rig.execute("0f 22 e0");
  rig.setR(0, BigInt(Place.tables));
  rig.execute("0f 22 d8");
  rig.setR(1, 0xc0000080n);
  rig.setR(2, 0n);
  rig.setR(0, 0x100n);
  rig.execute("0f 30");
  rig.setR(0, 0x80000011n);
  assert.equal(rig.execute("0f 22 c0"), Outcome.next);
  assert.equal(rig.get("efer"), 0x500n, "LMA");
  assert.equal(rig.cpu.mode() & Mode.code, Mode.code32, "compatibility mode");
  assert.equal(rig.execute("ea 78 56 2 0 18 0"), Outcome.jumped);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.cpu.mode() & Mode.code, Mode.code64);
});

test("far calls and returns at one level, 32-bit and 64-bit", () => {
  const rig = new CpuRig().protect();
  assert.equal(rig.execute("9a 78 56 2 0 50 0"), Outcome.jumped);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.selector(Segment.cs), Sel.conforming);
  assert.deepEqual(rig.values(Place.stack - 8, 4, 2), [Place.code + 7, Sel.code32]);
  assert.equal(rig.execute("ca 10 0"), Outcome.jumped);
  assert.equal(rig.rip, Place.code + 7);
  assert.equal(Number(rig.r(4)), Place.stack + 16);

  const long = new CpuRig().long();
  long.memory.write64(0x5000, 0x1234_5678n);
  long.memory.write16(0x5008, Sel.code64);
  long.setR(3, 0x5000n);
  assert.equal(long.execute("48 ff 1b"), Outcome.jumped);
  assert.equal(long.rip, 0x12345678);
  assert.deepEqual(long.values(Place.stack - 16, 8, 2), [Place.code + 3, Sel.code64]);
  assert.equal(long.execute("48 cb"), Outcome.jumped);
  assert.equal(long.rip, Place.code + 3);
});

test("far transfers that are refused", () => {
  const jump = (selector: number, cpl: 0 | 3 = 0): [number, number] => {
    const hex = [selector & 0xff, selector >>> 8].map((byte) => byte.toString(16)).join(" ");
    return fault(new CpuRig().protect(cpl), `ea 0 0 0 0 ${hex}`);
  };
  assert.deepEqual(jump(0), [GP, 0]);
  assert.deepEqual(jump(Sel.data), [GP, Sel.data]);
  assert.deepEqual(jump(Sel.code32, 3), [GP, Sel.code32]);
  assert.deepEqual(jump(Sel.userCode32), [GP, Sel.userCode32]);
  assert.deepEqual(jump(Sel.tss), [GP, Sel.tss], "no task switching");
  const rig = new CpuRig().protect();
  rig.descriptor(0x90, 0xc01b);
  assert.deepEqual(fault(rig, "ea 0 0 0 0 90 0"), [NP, 0x90]);
});

test("RETF to CPL 3 pops the stack and drops privileged data segments", () => {
  const rig = new CpuRig().long();
  [TARGET, Sel.userCode64 | 3, 0, 0, 0x30000, Sel.userData | 3].forEach((value, n) =>
    rig.memory.write64(Place.stack - 48 + n * 8, BigInt(value))
  );
  rig.setR(4, BigInt(Place.stack - 48));
  assert.equal(rig.execute("48 ca 10 0"), Outcome.jumped);
  assert.equal(rig.cpl, 3);
  assert.equal(rig.rip, TARGET);
  assert.equal(rig.r(4), 0x30010n, "parameters are left out of both stacks");
  assert.equal(rig.selector(Segment.ds), 0);
});

test("a call gate to CPL 0: 32-bit with parameters, 64-bit without", () => {
  const rig = new CpuRig().protect(3);
  rig.gate(Place.gdt, Sel.gate >>> 3, 0xec, Sel.code32, TARGET);
  rig.memory.bytes[Place.gdt + Sel.gate + 4] = 2;
  rig.setR(4, BigInt(Place.stack - 8));
  rig.memory.write32(Place.stack - 8, 0x11);
  rig.memory.write32(Place.stack - 4, 0x22);
  assert.equal(rig.execute("9a 0 0 0 0 73 0"), Outcome.jumped);
  assert.equal(rig.cpl, 0);
  assert.equal(rig.rip, TARGET);
  assert.deepEqual(rig.values(Place.stack0 - 24, 4, 6), [
    Place.code + 7,
    Sel.userCode32 | 3,
    0x11,
    0x22,
    Place.stack - 8,
    Sel.userData | 3,
  ]);

  const long = new CpuRig().long(3);
  long.gate(Place.gdt, Sel.gate >>> 3, 0xec, Sel.code64, TARGET);
  long.entry(Place.gdt, (Sel.gate >>> 3) + 1, 0xffff8000n);
  long.memory.write16(0x5008, Sel.gate | 3);
  long.setR(3, 0x5000n);
  assert.equal(long.execute("48 ff 1b"), Outcome.jumped);
  assert.equal(long.get("pc"), 0xffff_8000_0002_5678n);
  assert.deepEqual(long.values(Place.stack0 - 32, 8, 4), [
    Place.code + 3,
    Sel.userCode64 | 3,
    Place.stack,
    Sel.userData | 3,
  ]);
  assert.equal(long.selector(Segment.ss), 0);

  const refused = new CpuRig().protect(3);
  refused.gate(Place.gdt, Sel.gate >>> 3, 0x8c, Sel.code32, TARGET);
  assert.deepEqual(fault(refused, "9a 0 0 0 0 73 0"), [GP, Sel.gate]);
  const noStack = new CpuRig().protect(3);
  noStack.gate(Place.gdt, Sel.gate >>> 3, 0xec, Sel.code32, TARGET);
  noStack.memory.write16(Place.tss + 8, Sel.userData);
  withHandlers(noStack);
  assert.equal(noStack.execute("9a 0 0 0 0 73 0"), Outcome.jumped);
  assert.equal(noStack.shutdowns, 1, "#TS, and no stack for it either");
});

test("SYSCALL and SYSRET", () => {
  const rig = new CpuRig().long(3);
  rig.set("star", 0x0023_0018_0000_0000n);
  rig.set("lstar", 0xffff_8000_0000_1234n);
  rig.set("sfmask", 0x700n);
  rig.rflags = 0x3746;
  assert.equal(rig.execute("0f 05"), Outcome.jumped);
  assert.equal(rig.get("pc"), 0xffff_8000_0000_1234n);
  assert.deepEqual([rig.cpl, rig.selector(Segment.cs), rig.selector(Segment.ss)], [0, 0x18, 0x20]);
  assert.equal(rig.r(1), BigInt(Place.code + 2));
  assert.equal(rig.r(11), 0x3746n);
  assert.equal(rig.rflags, 0x3046);
  assert.equal(rig.execute("48 0f 07"), Outcome.jumped);
  assert.equal(rig.rip, Place.code + 2);
  assert.equal(rig.rflags, 0x3746);
  assert.deepEqual([rig.cpl, rig.selector(Segment.cs), rig.selector(Segment.ss)], [3, 0x33, 0x2b]);

  const compat = new CpuRig().long();
  compat.set("star", 0x0023_0018_0000_0000n);
  compat.setR(1, 0xffff_ffff_0000_1000n);
  compat.setR(11, 2n);
  compat.execute("0f 07");
  assert.equal(compat.get("pc"), 0x1000n);
  assert.equal(compat.selector(Segment.cs), 0x23);
  assert.equal(compat.cpu.mode() & Mode.code, Mode.code32);

  const wrong = new CpuRig().long();
  wrong.setR(1, 0x8000_0000_0000n);
  assert.deepEqual(fault(wrong, "48 0f 07"), [GP, 0]);
  const off = new CpuRig().long(3);
  off.set("efer", 0xd00n);
  assert.deepEqual(fault(off, "0f 05")[0], 6);
});

test("SYSENTER and SYSEXIT", () => {
  const rig = new CpuRig().long(3);
  rig.set("sysenterCs", 0x18n);
  rig.set("sysenterEsp", 0xffff_8000_0000_2000n);
  rig.set("sysenterEip", 0xffff_8000_0000_1000n);
  rig.rflags = 0x202;
  assert.equal(rig.execute("0f 34"), Outcome.jumped);
  assert.equal(rig.get("pc"), 0xffff_8000_0000_1000n);
  assert.equal(rig.r(4), 0xffff_8000_0000_2000n);
  assert.equal(rig.rflags, 2);
  rig.setR(1, 0x7000n);
  rig.setR(2, 0x8000n);
  assert.equal(rig.execute("48 0f 35"), Outcome.jumped);
  assert.deepEqual([rig.rip, rig.r(4), rig.cpl], [0x8000, 0x7000n, 3]);
  assert.equal(rig.selector(Segment.cs), 0x3b);
  const none = new CpuRig().long(3);
  assert.deepEqual(fault(none, "0f 34"), [GP, 0]);
});

test("a descriptor that cannot be marked is a page fault, and nothing has changed", () => {
  const handler = 0x25678;
  const cases: Record<string, { code: string; prepare?: (rig: CpuRig) => void }> = {
    "ltr ax": { code: "0f 00 d8" },
    "call far [rbx]": { code: "ff 1b" },
    "retf to CPL 3": {
      code: "48 cb",
      prepare: (rig) => {
        const frame = [TARGET, Sel.userCode64 | 3, 0x30000, Sel.userData | 3];
        frame.forEach((value, n) => rig.memory.write64(Place.stack + 8 * n, BigInt(value)));
        rig.descriptor(Sel.userData, 0xc0f2);
      },
    },
  };
  for (const [name, { code, prepare }] of Object.entries(cases)) {
    const rig = new CpuRig().long();
    rig.longGate(14, handler, { ist: 1 });
    // Pages of 4 KiB, of which the GDT's cannot be written.
    rig.entry(Place.tables + 0x2000, 0, BigInt(Place.tables + 0x3000) | 7n);
    for (let n = 0; n < 512; n++) {
      const rights = n === Place.gdt / 4096 ? 5n : 7n;
      rig.entry(Place.tables + 0x3000, n, BigInt(n * 4096) | rights);
    }
    rig.set("cr0", rig.get("cr0") | 0x10000n);
    rig.cpu.reload();
    rig.descriptor(Sel.code64 + 0x20 * 7, 0xa09a);
    rig.descriptor(Sel.tss, 0x89, 0x3800, 0xfff);
    rig.setR(0, BigInt(Sel.tss));
    rig.setR(3, BigInt(Place.stack + 0x100));
    rig.memory.write32(Place.stack + 0x100, TARGET);
    rig.memory.write16(Place.stack + 0x104, Sel.code64 + 0x20 * 7);
    rig.set("gdtrLimit", 0xfffn);
    prepare?.(rig);
    rig.execute(code);
    assert.equal(rig.rip, handler, name);
    const [pushed, , , pointer] = rig.values(Place.ist1 - 40, 8, 4);
    assert.deepEqual([pushed, pointer], [Place.code, Place.stack], name);
    const selectors = [Segment.cs, Segment.ss, Segment.tr].map((n) => rig.selector(n));
    assert.deepEqual(selectors, [Sel.code64, Sel.data, Sel.tss], name);
    assert.equal(rig.get("segmentBase", Segment.tr), BigInt(Place.tss), name);
  }
});

test("far pointers are aligned to their offsets", () => {
  const load = (address: number): CpuRig => {
    const rig = new CpuRig().long(3);
    rig.longGate(17, TARGET);
    rig.set("cr0", rig.get("cr0") | 0x40000n);
    rig.rflags |= 0x40000;
    rig.memory.write16(address + 4, Sel.userData | 3);
    rig.setR(0, BigInt(address));
    rig.execute("0f b2 10");
    return rig;
  };
  assert.equal(load(Place.stack + 4).selector(Segment.ss), Sel.userData | 3);
  assert.equal(load(Place.stack + 4).rip, Place.code + 3);
  assert.equal(load(Place.stack + 2).rip, TARGET, "four bytes at a multiple of two");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { field } from "./layout.ts";
import { CpuRig } from "./testing/cpu_rig.ts";
import { Place } from "./xsave_area.ts";

/** A place for images, in RBX. */
const IMAGE = 0x50000;
const HANDLERS = 0x38000;
const [RAX, RCX, RDX, RBX] = [0, 1, 2, 3];
const [UNDEFINED, NOT_AVAILABLE, PROTECTION] = [6, 7, 13];
const OSXSAVE = 1n << 18n;

/** 64-bit code with CR4.OSXSAVE, XCR0 = 3 and EDX:EAX = 3. */
function machine(cpl: 0 | 3 = 0): CpuRig {
  const rig = new CpuRig().long(cpl);
  for (let vector = 0; vector < 20; vector++) rig.longGate(vector, HANDLERS + 16 * vector);
  rig.set("cr4", rig.get("cr4") | OSXSAVE);
  rig.set("xcr0", 3n);
  rig.setR(RAX, 3n);
  rig.setR(RDX, 0n);
  rig.setR(RBX, BigInt(IMAGE));
  return rig;
}

/** Fills the registers with what is easily recognized. */
function fill(rig: CpuRig): CpuRig {
  rig.set("fcw", 0x27bn);
  rig.set("fsw", 5n << 11n);
  rig.set("ftw", 0xe5n);
  rig.set("fip", 0x1_2345_6789n);
  rig.set("fdp", 0x2_3456_789an);
  rig.set("mxcsr", 0x1fa5n);
  const words = rig.view.u32;
  for (const [name, step] of [["x87", 0x1000], ["xmm", 0x2000]] as const) {
    const from = address(name);
    for (let n = 0; n < (name === "x87" ? 8 : 16); n++) {
      words[from + 4 * n] = step + n;
      words[from + 4 * n + 1] = 0x80000000;
      words[from + 4 * n + 2] = name === "x87" ? 0x4000 + n : n;
    }
  }
  return rig;
}

const address = (name: string): number => field(name).address >>> 2;

/** All registers that images have. */
function registers(rig: CpuRig): string {
  const block = (name: string, words: number): string =>
    [...rig.view.u32.subarray(address(name), address(name) + words)].join();
  const names = ["fcw", "fsw", "ftw", "fip", "fdp", "mxcsr"];
  const control = names.map((name) => `${name}=${rig.get(name).toString(16)}`).join();
  return [control, block("x87", 32), block("xmm", 64)].join("\n");
}

function fault(rig: CpuRig, hex: string): number {
  assert.equal(rig.execute(hex), Outcome.jumped, hex);
  return (rig.rip - HANDLERS) / 16;
}

const FXSAVE64 = "48 0f ae 03";
const FXRSTOR64 = "48 0f ae 0b";
const XSAVE64 = "48 0f ae 23";
const XRSTOR64 = "48 0f ae 2b";
const XSAVEOPT64 = "48 0f ae 33";
const XGETBV = "0f 01 d0";
const XSETBV = "0f 01 d1";

test("FXSAVE64 has the layout of the manual", () => {
  const rig = fill(machine(3));
  rig.memory.write32(IMAGE + 416, 0x55555555);
  rig.execute(FXSAVE64);
  assert.equal(rig.read(IMAGE + Place.fcw, 2), 0x27b);
  assert.equal(rig.read(IMAGE + Place.fsw, 2), 0x2800);
  assert.equal(rig.read(IMAGE + Place.ftw, 2), 0xe5);
  assert.equal(rig.read(IMAGE + Place.fip, 8), 0x123456789);
  assert.equal(rig.read(IMAGE + Place.fdp, 8), 0x23456789a);
  assert.equal(rig.read(IMAGE + Place.mxcsr, 4), 0x1fa5);
  assert.equal(rig.read(IMAGE + Place.mxcsrMask, 4), 0xffff);
  // ST(0) is R5.
  assert.equal(rig.read(IMAGE + Place.stack, 2), 0x1005);
  assert.equal(rig.read(IMAGE + Place.stack + 8, 8), 0x4005);
  assert.equal(rig.read(IMAGE + Place.xmm + 16 * 15, 2), 0x200f);
  // The rest is software's.
  assert.equal(rig.read(IMAGE + 416, 4), 0x55555555);
});

test("32-bit code saves eight XMM registers, selectors and short pointers", () => {
  const rig = fill(new CpuRig().protect());
  rig.setR(RBX, BigInt(IMAGE));
  rig.set("fcs", 8n);
  rig.set("fds", 16n);
  rig.execute("0f ae 03");
  assert.equal(rig.read(IMAGE + Place.fip, 4), 0x23456789);
  assert.equal(rig.read(IMAGE + Place.fcs, 4), 8);
  assert.equal(rig.read(IMAGE + Place.fds, 4), 16);
  assert.equal(rig.read(IMAGE + Place.xmm + 16 * 7, 2), 0x2007);
  assert.equal(rig.read(IMAGE + Place.xmm + 16 * 8, 2), 0);
});

test("what was saved comes back", () => {
  for (
    const [save, restore] of [[FXSAVE64, FXRSTOR64], [XSAVE64, XRSTOR64], [XSAVEOPT64, XRSTOR64]]
  ) {
    const rig = fill(machine(3));
    const before = registers(rig);
    rig.execute(save);
    const other = machine(3);
    other.memory.bytes.set(rig.memory.bytes.subarray(IMAGE, IMAGE + 576), IMAGE);
    assert.notEqual(registers(other), before);
    other.execute(restore);
    assert.equal(registers(other), before, save);
  }
});

test("XSAVE writes the components that are asked for, and which are in use", () => {
  const rig = machine();
  rig.memory.bytes.fill(0xcc, IMAGE, IMAGE + 512);
  rig.set("xmm", 1n);
  rig.execute(XSAVE64);
  assert.equal(rig.read(IMAGE + Place.xstateBv, 8), 2);
  assert.equal(rig.read(IMAGE + Place.fcw, 2), 0x37f);
  rig.memory.bytes.fill(0xcc, IMAGE, IMAGE + 512);
  rig.execute(XSAVEOPT64);
  assert.equal(rig.read(IMAGE + Place.xstateBv, 8), 2);
  assert.equal(rig.read(IMAGE + Place.fcw, 2), 0xcccc);
  assert.equal(rig.read(IMAGE + Place.xmm, 4), 1);
  // Not asked for: the bit stays.
  rig.memory.bytes.fill(0xcc, IMAGE, IMAGE + 512);
  rig.setR(RAX, 1n);
  rig.execute(XSAVE64);
  assert.equal(rig.read(IMAGE + Place.xstateBv, 8), 2);
  assert.equal(rig.read(IMAGE + Place.mxcsr, 4), 0xcccccccc);
  assert.equal(rig.read(IMAGE + Place.stack, 8), 0);
});

test("XRSTOR initializes what is not in use", () => {
  const rig = fill(machine());
  rig.memory.write32(IMAGE + Place.mxcsr, 0x1f80);
  rig.execute(XRSTOR64);
  assert.equal(registers(rig), registers(machine()));
});

test("FXRSTOR and XRSTOR refuse what is reserved, and change nothing", () => {
  const refusals: readonly (readonly [string, (rig: CpuRig) => void])[] = [
    [FXRSTOR64, (rig) => rig.memory.write32(IMAGE + Place.mxcsr, 0x10000)],
    [XRSTOR64, (rig) => rig.memory.write32(IMAGE + Place.mxcsr, 0x10000)],
    [XRSTOR64, (rig) => rig.memory.write32(IMAGE + Place.xstateBv, 4)],
    [XRSTOR64, (rig) => rig.memory.write32(IMAGE + Place.xstateBv + 4, 1)],
    [XRSTOR64, (rig) => rig.memory.write32(IMAGE + Place.xcompBv + 4, 0x80000000)],
    [XRSTOR64, (rig) => rig.memory.write32(IMAGE + Place.xcompBv + 8, 1)],
    [XRSTOR64, (rig) => rig.setR(RBX, BigInt(IMAGE + 32))],
    [XSAVE64, (rig) => rig.setR(RBX, BigInt(IMAGE + 32))],
    [FXSAVE64, (rig) => rig.setR(RBX, BigInt(IMAGE + 8))],
  ];
  for (const [hex, spoil] of refusals) {
    const rig = fill(machine(3));
    const before = registers(rig);
    spoil(rig);
    assert.equal(fault(rig, hex), PROTECTION, `${hex} ${spoil}`);
    assert.equal(registers(rig), before);
  }
});

test("XCR0 is read by all, written at CPL 0 with values that exist", () => {
  const rig = machine(3);
  rig.setR(RCX, 0n);
  rig.execute(XGETBV);
  assert.deepEqual([rig.r(RAX), rig.r(RDX)], [3n, 0n]);
  assert.equal(fault(machine(3), XSETBV), PROTECTION);
  const kernel = machine();
  kernel.setR(RAX, 1n);
  assert.equal(kernel.execute(XSETBV), Outcome.next);
  assert.equal(kernel.get("xcr0"), 1n);
  for (
    const [register, value] of [[RAX, 0n], [RAX, 2n], [RAX, 7n], [RDX, 1n], [RCX, 1n]] as const
  ) {
    const other = machine();
    other.setR(register, value);
    assert.equal(fault(other, XSETBV), PROTECTION, `${register}: ${value}`);
  }
});

test("CR4.OSXSAVE and CR0.TS switch them off", () => {
  for (const hex of [XSAVE64, XRSTOR64, XSAVEOPT64, XGETBV, XSETBV]) {
    const rig = machine();
    rig.set("cr4", rig.get("cr4") & ~OSXSAVE);
    assert.equal(fault(rig, hex), UNDEFINED, hex);
  }
  for (const hex of [XSAVE64, XRSTOR64, XSAVEOPT64]) {
    const rig = machine();
    rig.set("cr0", rig.get("cr0") | 8n);
    assert.equal(fault(rig, hex), NOT_AVAILABLE, hex);
  }
});

test("an image at the end of memory faults before anything is written", () => {
  const end = 0x400000;
  for (const hex of [FXSAVE64, XSAVE64]) {
    const rig = fill(machine());
    rig.setR(RBX, BigInt(end - 256));
    assert.equal(fault(rig, hex), 14, hex);
    assert.equal(rig.get("cr2"), BigInt(end));
    assert.equal(rig.read(end - 256, 8), 0);
  }
});

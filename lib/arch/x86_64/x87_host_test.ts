import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { Fault } from "./fault_numbers.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

/** A place for operands, in RBX. */
const DATA = 0x50000;
const RBX = 3;
const [DEVICE_NOT_AVAILABLE, STACK_FAULT, PAGE_FAULT, MATH] = [7, 12, 14, 16];

const HANDLERS = 0x38000;

/** 64-bit code at CPL 3 with a handler behind every exception, 16 bytes each. */
function user(): CpuRig {
  const rig = new CpuRig().long(3);
  for (let vector = 0; vector < 20; vector++) rig.longGate(vector, HANDLERS + 16 * vector);
  rig.setR(RBX, BigInt(DATA));
  return rig;
}

/** Executes what must fault; gives the vector. */
function fault(rig: CpuRig, hex: string): number {
  assert.equal(rig.execute(hex), Outcome.jumped, hex);
  return (rig.rip - HANDLERS) / 16;
}

test("memory is read and written at its address; instruction and operand are noted", () => {
  const rig = user();
  rig.memory.write64(DATA + 16, 0x4004_0000_0000_0000n); // 2.5
  rig.execute("dd 43 10"); // fld qword [rbx+16]
  rig.execute("d8 c0"); // fadd st, st(0)
  rig.execute("df 1b"); // fistp word [rbx]
  assert.equal(rig.read(DATA, 2), 5);
  assert.equal(rig.get("fip"), BigInt(Place.code + 5));
  assert.equal(rig.get("fdp"), BigInt(DATA));
  assert.equal(rig.get("fcs"), 0n);
  rig.execute("df e0"); // fnstsw ax
  assert.equal(rig.r(0) & 0xffffn, 0n);
});

test("32-bit code notes offsets", () => {
  const rig = new CpuRig().protect();
  rig.setR(RBX, BigInt(DATA));
  rig.set("fcs", 8n);
  rig.execute("db 2b"); // fld tbyte [ebx]
  assert.equal(rig.get("fip"), BigInt(Place.code));
  assert.equal(rig.get("fdp"), BigInt(DATA));
  assert.deepEqual([rig.get("fcs"), rig.get("fds")], [0n, 0n]);
});

test("an exception that is not masked comes with the next instruction that waits", () => {
  const rig = user();
  rig.memory.write16(DATA, 0x37b); // zero divide
  rig.execute("d9 2b"); // fldcw [rbx]
  for (const hex of ["d9 ee", "d9 e8", "de f1"]) assert.equal(rig.execute(hex), Outcome.next); // 1 / 0
  rig.execute("df e0"); // fnstsw ax
  assert.equal(rig.r(0) & 0x80ffn, 0x8084n);
  const at = rig.rip;
  assert.equal(fault(rig, "d9 e8"), MATH);
  assert.equal(rig.read(Place.stack0 - 40, 8), at);
  const waiting = user();
  waiting.set("fsw", 0x8084n);
  assert.equal(fault(waiting, "9b"), MATH);
  const clearing = user();
  clearing.set("fsw", 0x8084n);
  assert.equal(clearing.execute("db e2"), Outcome.next); // fnclex
  assert.equal(clearing.execute("9b"), Outcome.next);
});

test("an access that faults changes nothing", () => {
  const end = 0x400000n;
  for (const hex of ["dd 1b", "db 3b", "dd 33", "df 33"]) { // fstp qword, fstp tbyte, fnsave, fbstp
    const rig = user();
    rig.execute("d9 e8");
    const before = [rig.get("fsw"), rig.get("ftw"), rig.get("fip")];
    rig.setR(RBX, end - 4n);
    assert.equal(fault(rig, hex), PAGE_FAULT, hex);
    assert.equal(rig.get("cr2"), end, hex);
    assert.deepEqual([rig.get("fsw"), rig.get("ftw"), rig.get("fip")], before, hex);
    assert.equal(rig.read(0x3ffffc, 4), 0, hex);
  }
  const rig = user();
  rig.setR(5, 1n << 62n);
  assert.equal(fault(rig, "d9 45 00"), STACK_FAULT); // fld dword [rbp]
});

test("what semantics leave to the host is found by its bytes, also at the end of memory", () => {
  for (const at of [Place.code, 0x400000 - 2]) {
    const rig = user();
    rig.memory.write16(at, 0xe8d9); // fld1
    rig.rip = at;
    rig.cpu.fault(Fault.byHost);
    assert.equal(rig.rip, at + 2);
    assert.equal(rig.get("ftw"), 0x80n);
    assert.equal(rig.get("fip"), BigInt(at));
  }
  const full = user();
  full.set("ftw", 0xffn);
  full.set("fcw", 0x37en);
  full.memory.write16(Place.code, 0xe8d9);
  full.cpu.fault(Fault.byHost);
  full.memory.write16(Place.code + 2, 0xe8d9);
  full.cpu.fault(Fault.byHost);
  assert.equal((full.rip - HANDLERS) / 16, MATH);
});

test("CR0.TS switches instructions off, and FWAIT only with CR0.MP", () => {
  const rig = user();
  rig.set("cr0", rig.get("cr0") | 8n);
  assert.equal(rig.execute("9b"), Outcome.next);
  rig.set("cr0", rig.get("cr0") | 10n);
  assert.equal(fault(rig, "9b"), DEVICE_NOT_AVAILABLE);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { Gpr } from "./registers.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";
import { RecordingDevice } from "./testing/recording_device.ts";

const [FROM, TO] = [0x40000, 0x50000];

interface Start {
  readonly rsi?: number;
  readonly rdi?: number;
  readonly rcx?: number;
  readonly rax?: bigint;
  readonly df?: boolean;
}

function begin(rig: CpuRig, { rsi = FROM, rdi = TO, rcx = 0, rax = 0n, df = false }: Start): void {
  rig.setR(Gpr.rsi, BigInt(rsi));
  rig.setR(Gpr.rdi, BigInt(rdi));
  rig.setR(Gpr.rcx, BigInt(rcx));
  rig.setR(Gpr.rax, rax);
  rig.rflags = df ? 0x402 : 2;
}

const registers = (rig: CpuRig): number[] =>
  [Gpr.rsi, Gpr.rdi, Gpr.rcx].map((n) => Number(BigInt.asIntN(64, rig.r(n))));

/** Bytes that tell where they were. */
function pattern(rig: CpuRig, at: number, length: number): void {
  for (let i = 0; i < length; i++) rig.memory.bytes[at + i] = (i * 7 + (i >> 8)) & 0xff;
}

test("REP LODS: the last element stays, the rest of RAX by the size", () => {
  const rig = new CpuRig().long();
  for (let n = 0; n < 3; n++) rig.memory.write64(FROM + 8 * n, 0x1122_3344_5566_7788n + BigInt(n));
  begin(rig, { rsi: FROM + 6, rcx: 3, rax: -1n });
  rig.execute("f3 66 ad");
  assert.equal(rig.r(0), 0xffff_ffff_ffff_5566n);
  begin(rig, { rcx: 2, rax: -1n });
  rig.execute("f3 ad");
  assert.equal(rig.r(0), 0x1122_3344n);
  begin(rig, { rsi: FROM + 16, rcx: 3, df: true });
  rig.execute("f3 48 ad");
  assert.equal(rig.r(0), 0x1122_3344_5566_7788n);
  assert.deepEqual(registers(rig), [FROM - 8, TO, 0]);
});

/** Executes an instruction again and again, until it is done or a trap is due. */
function finish(rig: CpuRig, hex: string): Outcome {
  for (;;) {
    const outcome = rig.execute(hex);
    if (outcome !== Outcome.jumped || rig.cpu.context.debug.trapPending) return outcome;
  }
}

test("CMPS and SCAS end where REPE or REPNE says, with the flags of that pair", () => {
  const rig = new CpuRig().long();
  pattern(rig, FROM, 5000);
  pattern(rig, TO, 5000);
  rig.memory.bytes[TO + 4500] ^= 0x80;
  begin(rig, { rcx: 5000 });
  finish(rig, "f3 a6");
  assert.deepEqual(registers(rig), [FROM + 4501, TO + 4501, 499]);
  assert.equal(rig.rflags & 0x40, 0);
  begin(rig, { rcx: 4500 });
  finish(rig, "f3 a6");
  assert.deepEqual(registers(rig), [FROM + 4500, TO + 4500, 0]);
  assert.equal(rig.rflags & 0x8d5, 0x44);
  begin(rig, { rcx: 5000, rax: 0x55n });
  rig.memory.bytes.fill(1, TO, TO + 5000);
  rig.memory.bytes[TO + 4200] = 0x55;
  finish(rig, "f2 ae");
  assert.deepEqual(registers(rig).slice(1), [TO + 4201, 799]);
  assert.equal(rig.rflags & 0x40, 0x40);
  // No elements: no flags.
  rig.rflags = 0x8d7;
  rig.setR(Gpr.rcx, 0n);
  finish(rig, "f3 a6");
  assert.equal(rig.rflags & 0x8d5, 0x8d5);
  begin(rig, { rcx: 7 });
  rig.execute("a6");
  assert.deepEqual(registers(rig), [FROM + 1, TO + 1, 7], "without a prefix RCX stays");
});

test("a fault leaves the registers at the element that faults", () => {
  const rig = new CpuRig().long();
  rig.longGate(14, 0x21000);
  begin(rig, { rdi: 0x3ffff0, rcx: 50 });
  assert.equal(rig.execute("f3 a6"), Outcome.jumped);
  assert.deepEqual(registers(rig), [FROM + 16, 0x400000, 34]);
  assert.equal(rig.rip, 0x21000);
  assert.equal(rig.get("cr2"), 0x400000n);
});

test("a long string takes several calls; each leaves the pc where it is", () => {
  const rig = new CpuRig().long();
  begin(rig, { rdi: 0x100000, rcx: 0x200000, rax: 1n });
  let calls = 1;
  while (rig.execute("f2 ae") === Outcome.jumped) {
    assert.equal(rig.rip, Place.code);
    assert.equal(Number(rig.r(Gpr.rdi)), 0x100000 + 0x200000 - Number(rig.r(Gpr.rcx)));
    calls++;
  }
  assert.equal(calls, 0x200000 / 1024);
});

test("a single step ends after one element", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 3 });
  rig.rflags |= 0x100;
  assert.equal(rig.execute("f3 48 a7"), Outcome.jumped);
  assert.deepEqual(registers(rig), [FROM + 8, TO + 8, 2]);
});

test("a data breakpoint ends it behind the element that hits", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 100 });
  // DR0: reads and writes of one byte.
  rig.setR(Gpr.rax, BigInt(TO + 40));
  rig.execute("0f 23 c0");
  rig.setR(Gpr.rax, 0x30001n);
  rig.execute("0f 23 f8");
  rig.rip = Place.code;
  assert.equal(finish(rig, "f3 a6"), Outcome.jumped);
  assert.deepEqual(registers(rig), [FROM + 41, TO + 41, 59]);
  assert.ok(rig.cpu.context.debug.trapPending);
});

test("address sizes: 32 bits in 64-bit code, 16 bits that wrap", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 2 });
  for (const n of [Gpr.rsi, Gpr.rdi, Gpr.rcx]) rig.setR(n, rig.r(n) | (1n << 32n));
  rig.execute("67 f3 a6");
  assert.deepEqual(registers(rig), [FROM + 2, TO + 2, 0]);
  const real = new CpuRig();
  real.cpu.context.segments.setReal(4, 0x5000);
  pattern(real, 0x50000, 0x10000);
  begin(real, { rsi: 0xfffe, rcx: 4 });
  real.execute("f3 ac");
  assert.equal(Number(real.r(0)), real.memory.bytes[0x50001]);
  assert.deepEqual(registers(real).filter((_, n) => n !== 1), [2, 0]);
});

test("devices are read element by element", () => {
  const rig = new CpuRig().protect();
  const device = new RecordingDevice();
  assert.ok(rig.bus.register(device, 0x800000, 0x1000));
  begin(rig, { rdi: 0x800ff8, rcx: 3, rax: 0x1235n });
  rig.execute("f2 66 af");
  assert.deepEqual(device.seen, ["r2@4088", "r2@4090", "r2@4092"]);
  assert.equal(registers(rig)[2], 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { AccessResult, type Device } from "../../devices/vbus/device.ts";
import { Gpr } from "./registers.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

const [FROM, TO] = [0x40000, 0x50000];
const REP_MOVSB = "f3 a4";
const REP_MOVSQ = "f3 48 a5";

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

const copyOf = (rig: CpuRig, at: number, length: number): number[] => [
  ...rig.memory.bytes.subarray(at, at + length),
];

test("REP MOVS over pages, up and down, of all sizes", () => {
  for (
    const [code, size] of [["f3 a4", 1], ["f3 66 a5", 2], ["f3 a5", 4], ["f3 48 a5", 8]] as const
  ) {
    for (const df of [false, true]) {
      const rig = new CpuRig().long();
      const count = 2600;
      const length = count * size;
      // Elements cross pages on one side.
      const [rsi, rdi] = [FROM + 3, TO + 8];
      pattern(rig, rsi, length);
      const expected = copyOf(rig, rsi, length);
      const last = (count - 1) * size;
      begin(
        rig,
        df ? { rsi: rsi + last, rdi: rdi + last, rcx: count, df } : { rsi, rdi, rcx: count },
      );
      assert.equal(rig.execute(code), Outcome.next);
      assert.deepEqual(copyOf(rig, rdi, length), expected, `${code} ${df}`);
      assert.deepEqual(copyOf(rig, rdi - 8, 8), new Array(8).fill(0));
      assert.deepEqual(copyOf(rig, rdi + length, 8), new Array(8).fill(0));
      const end = df ? -size : length;
      assert.deepEqual(registers(rig), [rsi + end, rdi + end, 0]);
    }
  }
});

test("strings that overlap are moved element by element", () => {
  for (const [code, size] of [["f3 a4", 1], ["f3 48 a5", 8]] as const) {
    for (const distance of [-40, -9, -8, -3, -1, 0, 1, 3, 8, 9, 40]) {
      for (const df of [false, true]) {
        const rig = new CpuRig().long();
        const count = 100;
        pattern(rig, FROM - 64, 1024);
        const model = Uint8Array.from(copyOf(rig, FROM - 64, 1024));
        for (let n = 0; n < count; n++) {
          const at = 64 + (df ? count - 1 - n : n) * size;
          model.set(model.slice(at, at + size), at + distance);
        }
        const last = df ? (count - 1) * size : 0;
        begin(rig, { rsi: FROM + last, rdi: FROM + distance + last, rcx: count, df });
        rig.execute(code);
        assert.deepEqual(copyOf(rig, FROM - 64, 1024), [...model], `${code} ${distance} ${df}`);
      }
    }
  }
});

test("a fault leaves the registers at the element that faults", () => {
  for (const df of [false, true]) {
    const rig = new CpuRig().long();
    rig.longGate(14, 0x21000);
    pattern(rig, FROM, 4096);
    // Up into what is not mapped behind 4 MiB, or down below address 0.
    const rdi = df ? 20 : 0x3ffff0;
    begin(rig, { rsi: FROM + 100, rdi, rcx: 50, df });
    assert.equal(rig.execute(REP_MOVSB), Outcome.jumped);
    if (df) {
      assert.deepEqual(registers(rig), [FROM + 100 - 21, -1, 29]);
    } else {
      assert.deepEqual(registers(rig), [FROM + 116, 0x400000, 34]);
      assert.deepEqual(copyOf(rig, rdi, 16), copyOf(rig, FROM + 100, 16));
    }
    assert.equal(rig.rip, 0x21000);
    assert.equal(rig.get("cr2"), df ? 0xffff_ffff_ffff_ffffn : 0x400000n);
  }
});

test("a long string takes several calls; each leaves the pc where it is", () => {
  const rig = new CpuRig().long();
  begin(rig, { rdi: 0x100000, rcx: 0x200000, rax: 0xabn });
  let calls = 1;
  while (rig.execute("f3 aa") === Outcome.jumped) {
    assert.equal(rig.rip, Place.code);
    assert.equal(Number(rig.r(Gpr.rdi)), 0x100000 + 0x200000 - Number(rig.r(Gpr.rcx)));
    calls++;
  }
  assert.ok(calls > 4 && calls < 100, `${calls}`);
  assert.ok(rig.memory.bytes.subarray(0x100000, 0x300000).every((byte) => byte === 0xab));
  assert.equal(rig.memory.bytes[0x300000], 0);
});

test("a single step ends after one element", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 3 });
  rig.rflags |= 0x100;
  assert.equal(rig.execute(REP_MOVSQ), Outcome.jumped);
  assert.deepEqual(registers(rig), [FROM + 8, TO + 8, 2]);
});

test("a data breakpoint ends it behind the element that hits", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 100 });
  // DR0: writes of one byte.
  rig.setR(Gpr.rax, BigInt(TO + 40));
  rig.execute("0f 23 c0");
  rig.setR(Gpr.rax, 0x10001n);
  rig.execute("0f 23 f8");
  rig.rip = Place.code;
  assert.equal(rig.execute(REP_MOVSB), Outcome.jumped);
  assert.deepEqual(registers(rig), [FROM + 41, TO + 41, 59]);
  assert.ok(rig.cpu.context.debug.trapPending);
});

test("REP STOS of values whose bytes differ, LODS of the last element", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 1000, rax: 0x1122_3344_5566_7788n });
  rig.execute("f3 48 ab");
  for (const at of [0, 8, 4088, 7992]) {
    assert.equal(rig.memory.read64(TO + at), 0x1122_3344_5566_7788n);
  }
  assert.equal(rig.memory.read64(TO + 8000), 0n);
  begin(rig, { rsi: TO + 6, rcx: 3, rax: -1n });
  rig.execute("f3 66 ad");
  assert.equal(rig.r(0), 0xffff_ffff_ffff_5566n);
  begin(rig, { rsi: TO, rcx: 2, rax: -1n });
  rig.execute("f3 ad");
  assert.equal(rig.r(0), 0x1122_3344n);
});

test("CMPS and SCAS end where REPE or REPNE says, with the flags of that pair", () => {
  const rig = new CpuRig().long();
  pattern(rig, FROM, 5000);
  pattern(rig, TO, 5000);
  rig.memory.bytes[TO + 4500] ^= 0x80;
  begin(rig, { rcx: 5000 });
  rig.execute("f3 a6");
  assert.deepEqual(registers(rig), [FROM + 4501, TO + 4501, 499]);
  assert.equal(rig.rflags & 0x40, 0);
  begin(rig, { rcx: 4500 });
  rig.execute("f3 a6");
  assert.deepEqual(registers(rig), [FROM + 4500, TO + 4500, 0]);
  assert.equal(rig.rflags & 0x8d5, 0x44);
  begin(rig, { rcx: 5000, rax: 0x55n });
  rig.memory.bytes.fill(1, TO, TO + 5000);
  rig.memory.bytes[TO + 4200] = 0x55;
  rig.execute("f2 ae");
  assert.deepEqual(registers(rig).slice(1), [TO + 4201, 799]);
  assert.equal(rig.rflags & 0x40, 0x40);
  // No elements: no flags.
  rig.rflags = 0x8d7;
  rig.setR(Gpr.rcx, 0n);
  rig.execute("f3 a6");
  assert.equal(rig.rflags & 0x8d5, 0x8d5);
  begin(rig, { rcx: 7 });
  rig.execute("a6");
  assert.deepEqual(registers(rig), [FROM + 1, TO + 1, 7], "without a prefix RCX stays");
});

test("address sizes: 32 bits in 64-bit code, 16 bits that wrap", () => {
  const rig = new CpuRig().long();
  begin(rig, { rcx: 2 });
  for (const n of [Gpr.rsi, Gpr.rdi, Gpr.rcx]) rig.setR(n, rig.r(n) | (1n << 32n));
  rig.execute("67 f3 a4");
  assert.deepEqual(registers(rig), [FROM + 2, TO + 2, 0]);
  const real = new CpuRig();
  real.cpu.context.segments.setReal(1, 0x4000);
  real.cpu.context.segments.setReal(4, 0x5000);
  pattern(real, 0x50000, 0x10000);
  begin(real, { rsi: 0xfffe, rdi: 0x10, rcx: 4 });
  real.execute("f3 a4");
  assert.deepEqual(
    copyOf(real, 0x40010, 4),
    [0x5fffe, 0x5ffff, 0x50000, 0x50001].map((at) => real.memory.bytes[at]),
  );
  assert.deepEqual(registers(real), [2, 0x14, 0]);
});

test("devices get each element", () => {
  const rig = new CpuRig().protect();
  const seen: string[] = [];
  const device: Device = {
    name: "memory",
    access: (access) => {
      seen.push(`${access.write ? "w" : "r"}${access.size}@${access.offset}`);
      if (!access.write) access.value = 0x1234;
      return AccessResult.ok;
    },
    reset: () => {},
    shutdown: () => {},
    state: () => null,
    restore: () => {},
  };
  assert.ok(rig.bus.register(device, 0x800000, 0x1000));
  begin(rig, { rdi: 0x800ff8, rcx: 3 });
  rig.execute("f3 66 a5");
  assert.deepEqual(seen, ["w2@4088", "w2@4090", "w2@4092"]);
  seen.length = 0;
  begin(rig, { rsi: 0x800000, rcx: 2 });
  rig.execute("f3 66 a5");
  assert.deepEqual(seen, ["r2@0", "r2@2"]);
  assert.deepEqual(rig.values(TO, 2, 3), [0x1234, 0x1234, 0]);
});

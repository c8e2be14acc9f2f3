import assert from "node:assert/strict";
import { test } from "node:test";
import { field } from "./layout.ts";
import { Gpr } from "./registers.ts";
import { type Way, WAYS } from "./testing/bare_engine.ts";
import { EngineRig, Place } from "./testing/engine_rig.ts";
import { RecordingDevice } from "./testing/recording_device.ts";

const [FROM, TO] = [0x40000, 0x50000];
const PAGE_FAULT = 14;

interface Start {
  readonly rsi?: number;
  readonly rdi?: number;
  readonly rcx?: number;
  readonly rax?: bigint;
  readonly df?: boolean;
}

function begin(
  rig: EngineRig,
  { rsi = FROM, rdi = TO, rcx = 0, rax = 0n, df = false }: Start,
): void {
  rig.setR(Gpr.rsi, BigInt(rsi));
  rig.setR(Gpr.rdi, BigInt(rdi));
  rig.setR(Gpr.rcx, BigInt(rcx));
  rig.setR(Gpr.rax, rax);
  rig.rflags = df ? 0x402 : 2;
}

const registers = (rig: EngineRig): number[] =>
  [Gpr.rsi, Gpr.rdi, Gpr.rcx].map((n) => Number(BigInt.asIntN(64, rig.r(n))));

/** Bytes that tell where they were. */
function pattern(rig: EngineRig, at: number, length: number): void {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 8));
  rig.memory.write(at, bytes);
}

const copyOf = (rig: EngineRig, at: number, length: number): number[] => [
  ...rig.memory.bytes.subarray(at, at + length),
];

function eachWay(name: string, check: (way: Way) => void): void {
  for (const way of WAYS) test(`${name}: ${way}`, () => check(way));
}

eachWay("REP MOVS over pages, up and down, of all sizes", (way) => {
  for (
    const [code, size] of [["f3 a4", 1], ["f3 66 a5", 2], ["f3 a5", 4], ["f3 48 a5", 8]] as const
  ) {
    for (const df of [false, true]) {
      const rig = new EngineRig(way).long();
      const count = 1400;
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
      assert.equal(rig.run(code), undefined);
      assert.deepEqual(copyOf(rig, rdi, length), expected, `${code} ${df}`);
      assert.deepEqual(copyOf(rig, rdi - 8, 8), new Array(8).fill(0));
      assert.deepEqual(copyOf(rig, rdi + length, 8), new Array(8).fill(0));
      const end = df ? -size : length;
      assert.deepEqual(registers(rig), [rsi + end, rdi + end, 0]);
    }
  }
});

eachWay("strings that overlap are moved element by element", (way) => {
  const rig = new EngineRig(way).long();
  for (const [code, size] of [["f3 a4", 1], ["f3 48 a5", 8]] as const) {
    for (const distance of [-40, -9, -8, -3, -1, 0, 1, 3, 8, 9, 40]) {
      for (const df of [false, true]) {
        const count = 100;
        pattern(rig, FROM - 64, 1024);
        const model = Uint8Array.from(copyOf(rig, FROM - 64, 1024));
        for (let n = 0; n < count; n++) {
          const at = 64 + (df ? count - 1 - n : n) * size;
          model.set(model.slice(at, at + size), at + distance);
        }
        const last = df ? (count - 1) * size : 0;
        begin(rig, { rsi: FROM + last, rdi: FROM + distance + last, rcx: count, df });
        assert.equal(rig.run(code), undefined);
        assert.deepEqual(copyOf(rig, FROM - 64, 1024), [...model], `${code} ${distance} ${df}`);
      }
    }
  }
});

eachWay("a fault leaves the registers at the element that faults", (way) => {
  for (const df of [false, true]) {
    const rig = new EngineRig(way).long();
    pattern(rig, FROM, 4096);
    // Up into what is not mapped behind 4 MiB, or down below address 0.
    const rdi = df ? 20 : 0x3ffff0;
    begin(rig, { rsi: FROM + 100, rdi, rcx: 50, df });
    assert.equal(rig.run("90 f3 a4 90"), PAGE_FAULT);
    if (df) assert.deepEqual(registers(rig), [FROM + 100 - 21, -1, 29]);
    else {
      assert.deepEqual(registers(rig), [FROM + 116, 0x400000, 34]);
      assert.deepEqual(copyOf(rig, rdi, 16), copyOf(rig, FROM + 100, 16));
    }
    assert.equal(rig.faultAddress(true), Place.code + 1);
    const address = rig.engine.state.get64(field("cr2"));
    assert.equal(address, df ? 0xffff_ffff_ffff_ffffn : 0x400000n);
  }
});

eachWay("the budget ends a long string between two pieces", (way) => {
  const rig = new EngineRig(way).long();
  begin(rig, { rdi: 0x100000, rcx: 0x40000, rax: 0xabn });
  // Each slice is a few pieces of a page at most.
  assert.equal(rig.run("f3 aa", 5), undefined);
  assert.ok(rig.memory.bytes.subarray(0x100000, 0x140000).every((byte) => byte === 0xab));
  assert.equal(rig.memory.bytes[0x140000], 0);
  assert.deepEqual(registers(rig).slice(1), [0x140000, 0]);
});

eachWay("REP STOS of any value, few and many", (way) => {
  const rig = new EngineRig(way).long();
  for (
    const [code, size] of [["f3 aa", 1], ["f3 66 ab", 2], ["f3 ab", 4], ["f3 48 ab", 8]] as const
  ) {
    for (const value of [0n, 0x5555_5555_5555_5555n, 0x1122_3344_5566_7788n]) {
      for (const count of [0, 1, 2, 9, 1000]) {
        rig.memory.write(TO, new Uint8Array(8200).fill(0x99));
        begin(rig, { rdi: TO + 1, rcx: count, rax: value });
        assert.equal(rig.run(code), undefined);
        const bytes = Array.from(
          { length: count * size + 2 },
          (_, i) =>
            i === 0 || i > count * size
              ? 0x99
              : Number((value >> BigInt(8 * ((i - 1) % size))) & 0xffn),
        );
        assert.deepEqual(copyOf(rig, TO, bytes.length), bytes, `${code} ${value} ${count}`);
        assert.equal(registers(rig)[1], TO + 1 + count * size);
      }
    }
  }
});

eachWay("address sizes: 32 bits in 64-bit code, 16 bits that wrap", (way) => {
  const rig = new EngineRig(way).long();
  begin(rig, { rcx: 2 });
  pattern(rig, FROM, 16);
  for (const n of [Gpr.rsi, Gpr.rdi, Gpr.rcx]) rig.setR(n, rig.r(n) | (1n << 32n));
  assert.equal(rig.run("67 f3 a4"), undefined);
  assert.deepEqual(registers(rig), [FROM + 2, TO + 2, 0]);
  assert.deepEqual(copyOf(rig, TO, 3), [0, 7, 0]);
  const real = new EngineRig(way).real();
  pattern(real, 0x10000, 0x10000);
  for (const code of ["f3 a4", "f3 66 a5"]) {
    const size = code === "f3 a4" ? 1 : 4;
    begin(real, { rsi: 0x10000 - size, rdi: 0xfff0, rcx: 6 });
    assert.equal(real.run(code), undefined);
    const from = copyOf(real, 0x20000 - size, size).concat(copyOf(real, 0x10000, 5 * size));
    const to = copyOf(real, 0x2fff0, 16).concat(copyOf(real, 0x20000, 8)).slice(0, 6 * size);
    assert.deepEqual(to, from);
    assert.deepEqual(registers(real), [5 * size, (0xfff0 + 6 * size) & 0xffff, 0]);
  }
});

eachWay("devices get each element once", (way) => {
  const rig = new EngineRig(way).long();
  const device = new RecordingDevice();
  assert.ok(rig.bus.register(device, 0x800000, 0x1000));
  // A page of the device behind 4 MiB of RAM.
  rig.memory.write64(Place.tables + 0x2000 + 16, 0x800083n);
  begin(rig, { rdi: 0x400ff8, rcx: 3 });
  assert.equal(rig.run("f3 66 a5"), undefined);
  assert.deepEqual(device.seen, ["w2@4088", "w2@4090", "w2@4092"]);
  device.seen.length = 0;
  begin(rig, { rsi: 0x400000, rcx: 2 });
  assert.equal(rig.run("f3 66 a5"), undefined);
  assert.deepEqual(device.seen, ["r2@0", "r2@2"]);
  assert.deepEqual(copyOf(rig, TO, 6), [0x34, 0x12, 0x34, 0x12, 0, 0]);
});

eachWay("strings into the code that runs", (way) => {
  const rig = new EngineRig(way).long();
  // INC EAX, three times, over the NOPs behind.
  begin(rig, { rdi: Place.code + 2, rcx: 6 });
  rig.setR(Gpr.rsi, BigInt(FROM));
  rig.memory.write(FROM, Uint8Array.of(0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0));
  assert.equal(rig.run("f3 a4 90 90 90 90 90 90"), undefined);
  assert.equal(rig.r(Gpr.rax), 3n);
});

test("a single step ends after one element", () => {
  const rig = new EngineRig("interpreter").long();
  begin(rig, { rcx: 3 });
  rig.rflags |= 0x100;
  assert.equal(rig.run("f3 48 a5"), 1);
  assert.deepEqual(registers(rig), [FROM + 8, TO + 8, 2]);
  assert.equal(rig.faultAddress(false), Place.code);
});

test("a data breakpoint ends it behind the element that hits", () => {
  const rig = new EngineRig("interpreter").long();
  begin(rig, { rcx: 100, rax: BigInt(TO + 40) });
  rig.setR(Gpr.rdx, 0x10001n);
  // MOV DR0,RAX; MOV DR7,RDX: writes of one byte.
  assert.equal(rig.run("0f 23 c0 0f 23 fa f3 a4"), 1);
  assert.deepEqual(registers(rig), [FROM + 41, TO + 41, 59]);
  assert.equal(rig.faultAddress(false), Place.code + 6);
});

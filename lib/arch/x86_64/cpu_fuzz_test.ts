/** A hostile guest: whatever registers, tables and instructions are, nothing is thrown and all ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../../devices/vbus/device.ts";
import { X86Decoder } from "./decoder.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";
import { systemRows } from "./system_rows.ts";

const ROUNDS = 30_000;
/** vCPUs that are restored. */
const LIVES = 100;
/** Bytes of RAM in which tables, code and stacks are. */
const TOUCHED = 0x40000;

/** Xorshift; the same numbers in each run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const VALUES = [
  0n,
  1n,
  0x18n,
  0x33n,
  0x1000n,
  0x20000n,
  0x31000n,
  0x3fffffn,
  0xfee00000n,
  0xffffffffn,
  0x7fff_ffff_fffcn,
  0x8000_0000_0000n,
  0xffff_8000_0000_0000n,
  0xffff_ffff_ffff_fffen,
  0xc0000080n,
];
/** First bytes of system instructions; ModRM and more are random. */
const OPCODES = [
  [0x0f, 0x00],
  [0x0f, 0x01],
  [0x0f, 0x02],
  [0x0f, 0x03],
  [0x0f, 0x05],
  [0x0f, 0x07],
  [0x0f, 0x20],
  [0x0f, 0x21],
  [0x0f, 0x22],
  [0x0f, 0x23],
  [0x0f, 0x30],
  [0x0f, 0x32],
  [0x0f, 0x34],
  [0x0f, 0x35],
  [0x0f, 0xa1],
  [0x0f, 0xb2],
  [0x66, 0x0f, 0x38, 0x82],
  [0x8e],
  [0x9a],
  [0x9d],
  [0xc4],
  [0xca],
  [0xcb],
  [0xcc],
  [0xcd],
  [0xcf],
  [0xea],
  [0xec],
  [0xf3, 0x6d],
  [0x6f],
  [0xf1],
  [0xf4],
  [0xff],
  [0x48, 0xcf],
  [0x48, 0xff],
  [0x48, 0x0f, 0x07],
] as const;

const decoder = new X86Decoder(systemRows);

/** A vCPU in real mode, or in 32-bit or 64-bit code at CPL 0 or 3. */
function begin(random: (limit: number) => number): CpuRig {
  const rig = new CpuRig();
  const kind = random(4);
  if (kind === 0) rig.cpu.startUp(0x20);
  else if (kind === 1) rig.protect(random(2) === 0 ? 0 : 3);
  else rig.long(random(2) === 0 ? 0 : 3);
  return rig;
}

/** Changes tables and registers, executes an instruction, translates an address, takes interrupts. */
function round(rig: CpuRig, random: (limit: number) => number): boolean {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];
  const { memory } = rig;
  for (let n = 0; n < 8; n++) {
    const table = pick([
      Place.gdt,
      Place.idt,
      Place.tss,
      Place.tables + 0x2000,
      Place.stack - 64,
    ]);
    memory.bytes[table + random(128)] = random(256);
  }
  rig.setR(random(16), pick(VALUES));
  if (random(8) === 0) rig.set("gdtrBase", pick(VALUES));
  if (random(8) === 0) rig.set("idtrLimit", BigInt(random(0x10000)));
  if (random(8) === 0) rig.rflags = random(0x400000);
  if (random(16) === 0) rig.set("segmentBase", pick(VALUES), 8);
  const bytes = Uint8Array.from({ length: 15 }, () => random(256));
  bytes.set(pick(OPCODES));
  const decoded = decoder.decode(bytes, 0, bytes.length, rig.cpu.mode());
  const executable = decoded !== undefined && decoded !== "cut" &&
    decoded.handler.row.host !== undefined;
  if (executable) rig.cpu.host(decoded.handler.row.host as string, decoded);
  const address = pick(VALUES) + BigInt(random(64));
  const access = pick([0, 1, 2] as const);
  rig.cpu.translate(
    Number(BigInt.asUintN(32, address >> 32n)),
    Number(BigInt.asUintN(32, address)),
    access,
    rig.cpu.mode() & 3,
    8,
  );
  if (random(8) === 0) rig.cpu.setInterrupt(random(2) === 0);
  if (random(32) === 0) rig.cpu.nmi();
  rig.cpu.takeInterrupt();
  if (rig.cpu.needsStepping() && rig.cpu.beforeStep()) rig.cpu.afterStep();
  return executable;
}

test("random registers, tables and system instructions", () => {
  const random = numbers(0x5eed);
  let executed = 0;
  let rig = begin(random);
  for (let n = 1; n <= ROUNDS; n++) {
    if (n % 50 === 0) rig = begin(random);
    if (round(rig, random)) executed++;
  }
  assert.ok(executed > ROUNDS / 2, `${executed} instructions`);
});

test("the state block and what is saved besides are all of a vCPU", () => {
  for (let life = 1; life <= LIVES; life++) {
    const random = numbers(life * 7919);
    const rig = begin(random);
    const rounds = 1 + random(40);
    for (let n = 0; n < rounds; n++) round(rig, random);
    const other = new CpuRig();
    other.view.u32.set(rig.view.u32);
    other.memory.bytes.set(rig.memory.bytes);
    const { apics } = other.cpu.context.wiring;
    apics.setTaskPriorityClass(0, rig.cpu.context.wiring.apics.taskPriorityClass(0));
    other.cpu.restore(structuredClone(rig.cpu.saved()) as DeviceState);
    const [first, second] = [numbers(life), numbers(life)];
    for (let n = 0; n < 20; n++) {
      round(rig, first);
      round(other, second);
    }
    assert.deepEqual(other.cpu.saved(), rig.cpu.saved());
    const different = rig.view.u32.findIndex((word, n) => word !== other.view.u32[n]);
    assert.equal(different, -1, `life ${life}: byte ${4 * different} of the state block`);
    const byte = rig.memory.bytes.subarray(0, TOUCHED).findIndex((value, n) =>
      value !== other.memory.bytes[n]
    );
    assert.equal(byte, -1, `life ${life}: byte ${byte} of RAM`);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import type { Device } from "../../devices/vbus/device.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

const TARGET = 0x25678;

/** Eight ports from 0x60 on that note what is done; reads count. */
function withDevice(rig: CpuRig): string[] {
  const seen: string[] = [];
  let count = 0x11223340;
  const device: Device = {
    name: "ports",
    access: (access) => {
      seen.push(`${access.write ? "w" : "r"}${access.size}@${access.offset}=${access.value}`);
      if (!access.write) access.value = ++count;
      return 0;
    },
    reset: () => {},
    shutdown: () => {},
    state: () => null,
    restore: () => {},
  };
  assert.ok(rig.ports.register(device, 0x60, 8));
  return seen;
}

test("IN and OUT: sizes, immediate and DX; the other bits of RAX", () => {
  const rig = new CpuRig().long();
  const seen = withDevice(rig);
  rig.setR(0, 0xffff_ffff_8765_4321n);
  rig.execute("e6 60");
  rig.execute("66 e7 62");
  rig.setR(2, 0xffff_0064n);
  rig.execute("ef");
  assert.deepEqual(seen, ["w1@0=33", "w2@2=17185", "w4@4=2271560481"]);
  rig.execute("e4 61");
  assert.equal(rig.r(0), 0xffff_ffff_8765_4341n);
  rig.execute("66 ed");
  assert.equal(rig.r(0), 0xffff_ffff_8765_3342n);
  rig.execute("ed");
  assert.equal(rig.r(0), 0x11223343n);
});

test("ports without a device read as ones; wide accesses go to the bytes that are there", () => {
  const rig = new CpuRig().long();
  rig.setR(2, 0x5f0n);
  rig.execute("ed");
  assert.equal(rig.r(0), 0xffffffffn);
  rig.execute("ee");
  const seen = withDevice(rig);
  rig.setR(2, 0x66n);
  rig.execute("ed");
  assert.equal(rig.r(0), 0xffff4241n);
  assert.deepEqual(seen, ["r1@6=0", "r1@7=0"]);
});

test("IOPL, then the bit map of the TSS", () => {
  const at = Place.tss + 0x68;
  const allowed = (port: number, hex = "ec"): boolean => {
    const rig = new CpuRig().long(3);
    rig.longGate(13, TARGET);
    rig.memory.write16(Place.tss + 102, 0x68);
    rig.memory.bytes.fill(0xff, at, at + 0x100);
    rig.memory.bytes[at + 12] = 0xfe;
    rig.memory.bytes[at + 13] = 0x0f;
    rig.setR(2, BigInt(port));
    return rig.execute(hex) === Outcome.next;
  };
  assert.equal(allowed(0x60), true);
  assert.equal(allowed(0x61), false);
  assert.equal(allowed(0x60, "66 ed"), false, "both bytes are asked for");
  assert.equal(allowed(0x6c, "ed"), true);
  assert.equal(allowed(0x6d, "ed"), false);
  assert.equal(allowed(0xffff), false, "beyond the limit");
  const rig = new CpuRig().long(3);
  rig.rflags = 0x3002;
  assert.equal(rig.execute("ec"), Outcome.next);
});

test("REP INS and OUTS: one element at a time, both directions, nothing for a count of zero", () => {
  const rig = new CpuRig().long();
  const seen = withDevice(rig);
  rig.setR(2, 0x60n);
  rig.setR(1, 2n);
  rig.setR(7, 0x5000n);
  assert.equal(rig.execute("f3 66 6d"), Outcome.jumped);
  assert.equal(rig.rip, Place.code);
  assert.deepEqual([rig.r(1), rig.r(7)], [1n, 0x5002n]);
  assert.equal(rig.execute("f3 66 6d"), Outcome.next);
  assert.equal(rig.memory.read32(0x5000), 0x33423341);
  rig.rflags = 0x402;
  rig.setR(6, 0x5002n);
  assert.equal(rig.execute("66 6f"), Outcome.next);
  assert.equal(rig.r(6), 0x5000n);
  assert.equal(seen.at(-1), `w2@0=${0x3342}`);
  rig.setR(1, 0n);
  assert.equal(rig.execute("f3 6e"), Outcome.next);
  assert.equal(seen.length, 3);
});

test("INS that faults has not read its port", () => {
  const rig = new CpuRig().long();
  const seen = withDevice(rig);
  rig.longGate(14, TARGET);
  rig.setR(2, 0x60n);
  rig.setR(7, 0x4000_0000n);
  assert.equal(rig.execute("6c"), Outcome.jumped);
  assert.equal(rig.rip, TARGET);
  assert.deepEqual(seen, []);
});

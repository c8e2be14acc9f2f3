import assert from "node:assert/strict";
import { test } from "node:test";
import { operandsOf, X86Decoder } from "./decoder.ts";
import { GuestFault } from "./guest_fault.ts";
import type { Operands } from "./operands.ts";
import { Segment } from "./state.ts";
import { systemRows } from "./system_rows.ts";
import { CpuRig } from "./testing/cpu_rig.ts";

const decoder = new X86Decoder(systemRows);

function decode(rig: CpuRig, hex: string): Operands {
  const bytes = Uint8Array.from(hex.split(" "), (text) => parseInt(text, 16));
  const decoded = decoder.decode(bytes, 0, bytes.length, rig.cpu.mode());
  assert.ok(decoded !== undefined && decoded !== "cut", hex);
  return operandsOf(decoded);
}

/** Linear address of SGDT's operand; the exception's vector, negative, if it faults. */
function address(rig: CpuRig, hex: string): number {
  try {
    return rig.cpu.context.operands.address(decode(rig, hex)[0]);
  } catch (fault) {
    assert.ok(fault instanceof GuestFault);
    return -fault.vector;
  }
}

test("64-bit addresses: sums wrap, RIP is the instruction's, 67 cuts to 32 bits", () => {
  const rig = new CpuRig().long();
  rig.setR(3, 0x5000n);
  rig.setR(9, 0x10n);
  assert.equal(address(rig, "0f 01 43 8"), 0x5008, "[rbx+8]");
  assert.equal(address(rig, "0f 01 43 f8"), 0x4ff8, "[rbx-8]");
  assert.equal(address(rig, "42 0f 01 44 cb 8"), 0x5088, "[rbx+r9*8+8]");
  assert.equal(address(rig, "0f 01 4 25 0 0 0 80"), -0x8000_0000, "[disp32]");
  rig.rip = 0x7fff_0000;
  assert.equal(address(rig, "0f 01 5 0 0 1 0"), 0x8000_0007, "[rip+0x10000]");
  rig.setR(3, -8n);
  assert.equal(address(rig, "0f 01 43 10"), 8);
  assert.equal(address(rig, "0f 01 3"), -8);
  rig.setR(3, 0xffff_8000_0000_0010n);
  assert.equal(address(rig, "0f 01 3"), -0x7fff_ffff_fff0);
  assert.equal(address(rig, "67 0f 01 43 f0"), 0);
  rig.setR(9, 0x4000_0000_0000_0001n);
  assert.equal(address(rig, "42 0f 01 4 cb"), -0x7fff_ffff_ffe8, "the index loses its upper bits");
});

test("64-bit addresses: FS and GS have bases; what is not canonical is #GP, by RSP and RBP #SS", () => {
  const rig = new CpuRig().long();
  rig.set("segmentBase", 0xffff_8880_0000_0000n, Segment.gs);
  rig.setR(3, 0x1_0000_0010n);
  assert.equal(address(rig, "65 0f 01 3"), -0x777e_ffff_fff0);
  rig.setR(3, 0x8000_0000_0000n);
  assert.equal(address(rig, "0f 01 3"), -13);
  rig.setR(5, 0x8000_0000_0000n);
  assert.equal(address(rig, "0f 01 45 0"), -12, "[rbp]");
  assert.equal(address(rig, "64 0f 01 45 0"), -13, "fs:[rbp]");
  rig.setR(4, 0x7fff_ffff_ffffn);
  assert.equal(address(rig, "0f 01 44 24 1"), -12, "[rsp+1]");
  assert.equal(address(rig, "0f 01 4 24"), 0x7fff_ffff_ffff);
});

test("32-bit and 16-bit addresses wrap in the segment, and with its base at 4 GiB", () => {
  const rig = new CpuRig().protect();
  rig.set("segmentBase", 0xffff_f000n, Segment.ds);
  rig.set("segmentBase", 0x10_0000n, Segment.ss);
  rig.setR(3, 0xffff_ffff_0000_1234n);
  assert.equal(address(rig, "0f 01 3"), 0x234, "ds:[ebx]");
  assert.equal(address(rig, "36 0f 01 3"), 0x10_1234, "ss:[ebx]");
  rig.setR(5, 0xffff_ffffn);
  assert.equal(address(rig, "0f 01 45 2"), 0x10_0001, "ss:[ebp+2]");
  rig.setR(6, 0xffffn);
  assert.equal(address(rig, "67 0f 01 0"), 0x233, "ds:[bx+si]");
});

test("registers: bytes, words, and what a write leaves", () => {
  const rig = new CpuRig().long();
  const { operands } = rig.cpu.context;
  rig.setR(0, 0x1122_3344_5566_7788n);
  const word = decode(rig, "66 8c d8")[0];
  assert.equal(operands.readLow(word), 0x7788);
  operands.write(word, 0xabcd);
  assert.equal(rig.r(0), 0x1122_3344_5566_abcdn);
  const long = decode(rig, "8c d8")[0];
  operands.write(long, 0x80000001);
  assert.equal(rig.r(0), 0x80000001n);
  const quad = decode(rig, "48 8c d8")[0];
  operands.write(quad, 1, 2);
  assert.equal(rig.r(0), 0x2_0000_0001n);
  assert.deepEqual(operands.read(quad), { high: 2, low: 1 });
  const byte = decode(rig, "e4 60")[0];
  operands.write(byte, 0x1ff);
  assert.equal(rig.r(0), 0x2_0000_00ffn);
});

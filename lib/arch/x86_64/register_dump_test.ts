import assert from "node:assert/strict";
import { test } from "node:test";
import { StateView } from "../../engine/layout.ts";
import { field, layout } from "./layout.ts";
import { ProcessorState } from "./processor_state.ts";
import { dumpRegisters } from "./register_dump.ts";
import { Segment } from "./state.ts";

test("registers are dumped by the manual's names and order", () => {
  const view = new StateView(new ArrayBuffer(Math.ceil(layout.end / 65536) * 65536));
  const state = new ProcessorState(view);
  for (let n = 0; n < 16; n++) view.set64(field("r"), 0x1111_0000_0000n + BigInt(n), n);
  view.u64[(field("xmm").address >>> 3) + 2 * 3 + 1] = 7n;
  view.set64(field("cr3"), 0x12345000n);
  view.set32(field("selector"), 0x33, Segment.cs);
  view.set64(field("segmentBase"), 0xffff_8880_0000_0000n, Segment.gs);
  state.rflags = 0x246;
  state.setPc(0xffffffff, 0x81000000);
  const { pc, sp, general, flags, vectors, system } = dumpRegisters(state);
  assert.equal(pc, 0xffffffff81000000n);
  assert.deepEqual([general.length, vectors.length], [16, 16]);
  assert.equal(sp, general[4]);
  assert.deepEqual([general[0], general[15]], [0x1111_0000_0000n, 0x1111_0000_000fn]);
  assert.equal(flags, 0x246);
  assert.equal(vectors[3], 7n << 64n);
  assert.deepEqual([system.CR3, system.CS, system.GS_BASE], [
    0x12345000n,
    0x33n,
    0xffff_8880_0000_0000n,
  ]);
  assert.equal(system.DR7, 0n);
});

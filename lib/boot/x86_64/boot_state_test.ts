import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BootState,
  linux32State,
  linux64State,
  makeGdt,
  makePageTables,
  pvhState,
} from "./boot_state.ts";

function gdtOf(state: BootState): string[] {
  const gdt = makeGdt(state);
  assert.equal(gdt.length, state.gdtr.limit + 1);
  return [...new BigUint64Array(gdt.slice().buffer)].map((entry) => entry.toString(16));
}

/** The states as the boot protocols word them, in the manual's bits. */
test("64-bit entry of Linux: long mode, paging, selectors 0x10 and 0x18, RSI, interrupts off", () => {
  const state = linux64State(0x100_0200, 0x2000);
  assert.equal(state.rip, 0x100_0200);
  assert.equal(state.general.rsi, 0x2000);
  assert.equal(state.rflags & 1 << 9, 0);
  assert.equal(state.cr0, 0x8000_0011);
  assert.equal(state.cr4, 0x20);
  assert.equal(state.efer, 0x500);
  assert.deepEqual([state.cs.selector, state.data.selector], [0x10, 0x18]);
  assert.deepEqual(gdtOf(state), [
    "0",
    "0",
    "af9b000000ffff", // 64-bit code
    "cf93000000ffff", // data
    "8b0000000067", // busy TSS
  ]);
});

test("32-bit entries: protected mode without paging; ESI for Linux, EBX for PVH", () => {
  const linux = linux32State(0x10_0000, 0x2000);
  const pvh = pvhState(0x10_0850, 0x4000);
  for (const { cr0, cr3, cr4, efer, rflags, cs, data, tr } of [linux, pvh]) {
    // PVH: PE set, all that can be written else is clear, also CR4; VM, IF and TF are clear.
    assert.deepEqual([cr0, cr3, cr4, efer, rflags], [0x11, 0, 0, 0, 2]);
    assert.deepEqual([cs.base, cs.limit, cs.attributes], [0, 0xffff_ffff, 0xc09b]);
    assert.deepEqual([data.base, data.limit, data.attributes], [0, 0xffff_ffff, 0xc093]);
    assert.deepEqual([tr.base, tr.limit, tr.attributes], [0, 0x67, 0x8b]);
  }
  assert.equal(gdtOf(pvh)[2], "cf9b000000ffff");
  assert.deepEqual(pvh.general, { rbx: 0x4000 });
  assert.equal(linux.general.rsi, 0x2000);
});

/** Walks the tables as a processor does (Intel SDM vol. 3, 4.5); undefined: not mapped. */
function translate(tables: Uint8Array, base: number, address: bigint): bigint | undefined {
  const view = new DataView(tables.buffer, tables.byteOffset, tables.length);
  let table = BigInt(base);
  for (let shift = 39n; shift >= 12n; shift -= 9n) {
    const at = Number(table) - base + Number(address >> shift & 511n) * 8;
    const entry = view.getBigUint64(at, true);
    if ((entry & 3n) !== 3n) return undefined;
    const next = entry & 0xf_ffff_ffff_f000n;
    if (shift < 39n && (entry & 0x80n) !== 0n) {
      const offset = (1n << shift) - 1n;
      return next & ~offset | address & offset;
    }
    table = next;
  }
  return table | address & 0xfffn;
}

test("page tables map the first 4 GiB onto themselves, and nothing else", () => {
  const base = 0x8000;
  const tables = makePageTables(base);
  for (const address of [0n, 0x1fffffn, 0x200000n, 0x40000000n, 0xc0123456n, 0xffffffffn]) {
    assert.equal(translate(tables, base, address), address);
  }
  for (const address of [1n << 32n, 1n << 39n, 0xffff_8000_0000_0000n]) {
    assert.equal(translate(tables, base, address), undefined);
  }
});

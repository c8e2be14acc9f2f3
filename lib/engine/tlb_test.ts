import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FETCH_BASE,
  FETCH_ENTRIES,
  JUMP_BASE,
  JUMP_ENTRIES,
  JUMP_TAG_MASK,
  RAM_BASE,
  TLB_BASE,
  TLB_ENTRY,
  TLB_MASK,
  TLB_STRIDE,
  TLB_WRITE,
} from "./memory_map.ts";
import { Tlb } from "./tlb.ts";

const PAGES = 64;

/** A TLB, read the way generated code reads it. */
class Rig {
  readonly tlb: Tlb;
  readonly #view: DataView;

  constructor() {
    const buffer = new ArrayBuffer(RAM_BASE + PAGES * 4096);
    this.tlb = new Tlb(buffer);
    this.#view = new DataView(buffer);
  }

  #entry(at: number, tag: bigint): number | undefined {
    if (this.#view.getBigUint64(at, true) !== tag) return undefined;
    return this.#view.getInt32(at + 8, true);
  }

  /** Host address of a data access, undefined if it misses. */
  lookup(tlb: number, write: boolean, va: bigint, size = 1): number | undefined {
    const index = Number((va >> 12n) & BigInt(TLB_MASK));
    const at = TLB_BASE + tlb * TLB_STRIDE + (write ? TLB_WRITE : 0) + index * TLB_ENTRY;
    const tag = BigInt.asUintN(64, (va + BigInt(size - 1)) & ~0xfffn);
    const addend = this.#entry(at, tag);
    return addend === undefined ? undefined : (Number(va & 0xffffffffn) + addend) >>> 0;
  }

  /** Records of a code page in a mode. */
  fetch(va: bigint, mode: number): number | undefined {
    const at = FETCH_BASE + Number((va >> 12n) & BigInt(FETCH_ENTRIES - 1)) * 16;
    return this.#entry(at, (va & ~0xfffn) | BigInt(mode << 2));
  }

  /** Slot of the region at an address in mode 0. */
  jump(va: bigint): number | undefined {
    const at = JUMP_BASE + Number((va >> 2n) & BigInt(JUMP_ENTRIES - 1)) * 16;
    return this.#entry(at, va & BigInt.asUintN(64, BigInt(JUMP_TAG_MASK)));
  }

  fill(tlb: number, write: boolean, va: bigint, host: number): void {
    const [high, low] = halves(va);
    this.tlb.fill(tlb, write, low, high, (low & -4096) >>> 0, host + (low & 4095));
  }

  flushPage(va: bigint): void {
    this.tlb.flushPage(...halves(va));
  }
  fillFetch(va: bigint, mode: number, records: number, global = true): void {
    this.tlb.fillFetch(...halves(va), mode, records, global);
  }
  /** What the interpreter does when it enters a region in mode 0. */
  fillJump(va: bigint, slot: number): void {
    const at = JUMP_BASE + Number((va >> 2n) & BigInt(JUMP_ENTRIES - 1)) * 16;
    this.#view.setBigUint64(at, va & BigInt.asUintN(64, BigInt(JUMP_TAG_MASK)), true);
    this.#view.setInt32(at + 8, slot, true);
  }
}

function halves(va: bigint): [number, number] {
  return [Number(va >> 32n), Number(va & 0xffffffffn)];
}

const HOST = RAM_BASE + 0x3000;
const VA = 0xffff_8000_1234_5000n;

test("nothing is found before it is filled, not even the last page of the address space", () => {
  const rig = new Rig();
  for (const va of [0n, VA, 0xffff_ffff_ffff_f000n]) {
    assert.equal(rig.lookup(0, false, va), undefined);
    assert.equal(rig.lookup(3, true, va), undefined);
    assert.equal(rig.fetch(va, 0), undefined);
    assert.equal(rig.jump(va), undefined);
  }
});

test("an entry serves its page, its TLB and its kind of access only", () => {
  const rig = new Rig();
  rig.fill(1, false, VA + 0x123n, HOST);
  assert.equal(rig.lookup(1, false, VA + 0x456n), HOST + 0x456);
  assert.equal(rig.lookup(1, false, VA + 0xffcn, 4), HOST + 0xffc);
  assert.equal(rig.lookup(1, false, VA + 0xffdn, 4), undefined);
  assert.equal(rig.lookup(1, true, VA), undefined);
  assert.equal(rig.lookup(0, false, VA), undefined);
  assert.equal(rig.lookup(1, false, VA + 0x1000n), undefined);
  assert.equal(rig.lookup(1, false, VA - (1n << 47n)), undefined);
});

test("a later page takes the place of one with the same index", () => {
  const rig = new Rig();
  const other = VA + (BigInt(TLB_MASK + 1) << 12n);
  rig.fill(0, true, VA, HOST);
  rig.fill(0, true, other, HOST + 0x1000);
  assert.equal(rig.lookup(0, true, VA), undefined);
  assert.equal(rig.lookup(0, true, other), HOST + 0x1000);
});

test("protect takes away every way to write a host page, and no other", () => {
  const rig = new Rig();
  rig.fill(0, true, VA, HOST);
  rig.fill(2, true, VA + 0x5000n, HOST);
  rig.fill(2, true, VA + 0x6000n, HOST + 0x1000);
  rig.fill(0, false, VA, HOST);
  rig.tlb.protect(HOST);
  assert.equal(rig.lookup(0, true, VA), undefined);
  assert.equal(rig.lookup(2, true, VA + 0x5000n), undefined);
  assert.equal(rig.lookup(2, true, VA + 0x6000n), HOST + 0x1000);
  assert.equal(rig.lookup(0, false, VA), HOST);
  // And again, after new entries.
  rig.fill(1, true, VA + 0x7000n, HOST);
  rig.tlb.protect(HOST);
  assert.equal(rig.lookup(1, true, VA + 0x7000n), undefined);
});

test("protect finds entries that were overwritten, dropped and filled again", () => {
  const rig = new Rig();
  const other = VA + (BigInt(TLB_MASK + 1) << 12n);
  rig.fill(0, true, VA, HOST);
  rig.fill(0, true, other, HOST + 0x1000);
  rig.fill(0, true, VA, HOST);
  rig.flushPage(VA);
  rig.fill(0, true, VA, HOST);
  rig.tlb.protect(HOST + 0x1000);
  assert.equal(rig.lookup(0, true, VA), HOST);
  rig.tlb.protect(HOST);
  assert.equal(rig.lookup(0, true, VA), undefined);
});

test("flush clears the TLBs of a mask, however many entries they have", () => {
  for (const count of [1, 255, 256, 257, 258, 5000]) {
    const rig = new Rig();
    for (let i = 0; i < count; i++) {
      for (const tlb of [0, 1]) {
        rig.fill(tlb, false, VA + BigInt(i) * 4096n, HOST);
        rig.fill(tlb, true, VA + BigInt(i) * 4096n, HOST);
      }
    }
    rig.tlb.flush(0b10);
    for (let i = Math.max(0, count - 4096); i < count; i++) {
      const va = VA + BigInt(i) * 4096n;
      assert.equal(rig.lookup(0, false, va), HOST);
      assert.equal(rig.lookup(1, false, va), undefined);
      assert.equal(rig.lookup(1, true, va), undefined);
    }
    // What is filled after a flush is cleared by the next.
    rig.fill(1, true, VA, HOST);
    rig.tlb.flush(-1);
    assert.equal(rig.lookup(1, true, VA), undefined);
    assert.equal(rig.lookup(0, false, VA), undefined);
  }
});

test("flushPage forgets data in all TLBs, the code page in any mode, and its regions", () => {
  const rig = new Rig();
  rig.fill(0, false, VA, HOST);
  rig.fill(2, true, VA, HOST);
  rig.fill(2, true, VA + 0x1000n, HOST);
  rig.fillFetch(VA, 5, 0x100000);
  rig.fillJump(VA, 20000);
  rig.fillJump(VA + 0xffcn, 20001);
  rig.fillJump(VA + 0x1000n, 20002);
  assert.equal(rig.fetch(VA, 5), 0x100000);
  assert.equal(rig.fetch(VA, 4), undefined);
  rig.flushPage(VA);
  assert.equal(rig.lookup(0, false, VA), undefined);
  assert.equal(rig.lookup(2, true, VA), undefined);
  assert.equal(rig.lookup(2, true, VA + 0x1000n), HOST);
  assert.equal(rig.fetch(VA, 5), undefined);
  assert.equal(rig.jump(VA), undefined);
  assert.equal(rig.jump(VA + 0xffcn), undefined);
  assert.equal(rig.jump(VA + 0x1000n), 20002);
});

test("no region stays that flushPage could not find", () => {
  const rig = new Rig();
  const other = VA + (BigInt(FETCH_ENTRIES) << 12n);
  rig.fillFetch(VA, 0, 0x100000);
  rig.fillJump(VA + 0x20n, 20000);
  rig.fillFetch(other, 0, 0x200000);
  rig.flushPage(VA);
  assert.equal(rig.jump(VA + 0x20n), undefined);
  assert.equal(rig.fetch(other, 0), 0x200000);
});

test("the same page in another mode keeps its regions", () => {
  const rig = new Rig();
  rig.fillFetch(VA, 0, 0x100000);
  rig.fillJump(VA, 20000);
  rig.fillFetch(VA, 3, 0x200000);
  assert.equal(rig.jump(VA), 20000);
  rig.flushPage(VA);
  assert.equal(rig.jump(VA), undefined);
});

test("flushCode forgets code and regions, not data", () => {
  const rig = new Rig();
  rig.fill(0, false, VA, HOST);
  rig.fillFetch(VA, 0, 0x100000);
  rig.fillJump(VA, 20000);
  rig.tlb.flushCode();
  assert.equal(rig.fetch(VA, 0), undefined);
  assert.equal(rig.jump(VA), undefined);
  assert.equal(rig.lookup(0, false, VA), HOST);
});

test("flushLocalCode forgets code that is not global, and all regions", () => {
  const rig = new Rig();
  rig.fillFetch(VA, 0, 0x100000, false);
  rig.fillFetch(VA + 0x1000n, 0, 0x200000);
  rig.fillJump(VA, 20000);
  rig.tlb.flushLocalCode();
  assert.equal(rig.fetch(VA, 0), undefined);
  assert.equal(rig.fetch(VA + 0x1000n, 0), 0x200000);
  assert.equal(rig.jump(VA), undefined);
});

test("flushLocalCode forgets as many pages as there are", () => {
  const rig = new Rig();
  const pages = Array.from({ length: 1000 }, (_, n) => VA + BigInt(n) * 0x1000n);
  for (const va of pages) rig.fillFetch(va, 0, 0x100000, false);
  rig.tlb.flushLocalCode();
  assert.deepEqual(pages.filter((va) => rig.fetch(va, 0) !== undefined), []);
});

test("flushLocalCode knows a page that was global before", () => {
  const rig = new Rig();
  rig.fillFetch(VA, 0, 0x100000);
  rig.fillFetch(VA, 0, 0x200000, false);
  rig.tlb.flushLocalCode();
  assert.equal(rig.fetch(VA, 0), undefined);
});

test("flushRecords forgets one page of records wherever it is, and nothing else", () => {
  const rig = new Rig();
  const alias = VA + 0x5000n;
  rig.fillFetch(VA, 0, 0x100000);
  rig.fillFetch(alias, 0, 0x100000);
  rig.fillFetch(VA + 0x1000n, 0, 0x200000);
  rig.fillJump(VA + 0x1000n, 20000);
  rig.tlb.flushRecords(0x100000);
  assert.equal(rig.fetch(VA, 0), undefined);
  assert.equal(rig.fetch(alias, 0), undefined);
  assert.equal(rig.fetch(VA + 0x1000n, 0), 0x200000);
  assert.equal(rig.jump(VA + 0x1000n), 20000);
});

test("a device's page is found by its TLB and kind of access, until anything is flushed", () => {
  const tlb = new Tlb(new ArrayBuffer(RAM_BASE + 65536));
  const find = (number: number, write: boolean): number =>
    tlb.findDevice(number, write, 5, 0x9000_0abc);
  assert.equal(find(1, false), -1);
  tlb.fillDevice(1, false, 5, 0x9000_0000, 0);
  tlb.fillDevice(1, true, 5, 0x9000_0000, 2 ** 40);
  assert.deepEqual([find(1, false), find(1, true)], [0, 2 ** 40]);
  assert.deepEqual([find(0, false), tlb.findDevice(1, false, 4, 0x9000_0000)], [-1, -1]);
  tlb.flushPage(7, 0);
  assert.deepEqual([find(1, false), find(1, true)], [-1, -1]);
  tlb.fillDevice(1, false, 5, 0x9000_0000, 0x1000);
  tlb.flush(1);
  assert.equal(find(1, false), -1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineServices } from "./arch.ts";
import { LargePages } from "./large_pages.ts";

/** Large pages, and the addresses that were dropped since they were last asked for. */
function make(): { pages: LargePages; dropped: () => number[] } {
  let list: number[] = [];
  const nothing = (): void => {};
  const engine: EngineServices = {
    flushTlb: nothing,
    flushPage: (high, low) => list.push(high * 2 ** 32 + low),
    flushTlbs: nothing,
    invalidateCode: nothing,
    attend: nothing,
    instructions: () => 0,
  };
  const dropped = (): number[] => {
    const all = list;
    list = [];
    return all;
  };
  return { pages: new LargePages(engine), dropped };
}

test("a page of 4 KiB drops itself", () => {
  const { pages, dropped } = make();
  assert.equal(pages.note(1, 0x5000, 12), true);
  assert.equal(pages.flush(1, 0x5678), true);
  assert.deepEqual(dropped(), [0x1_0000_5000]);
});

test("a large page drops all of itself, once for each time that it came into use", () => {
  const { pages, dropped } = make();
  for (let round = 0; round < 2; round++) {
    pages.note(1, 0x40_1000, 21);
    pages.note(1, 0x5f_f000, 21);
    assert.equal(pages.flush(1, 0x41_2345), true);
    const all = dropped();
    assert.equal(all.length, 513);
    assert.deepEqual([all[1], all[512]], [0x1_0040_0000, 0x1_005f_f000]);
    pages.flush(1, 0x41_2345);
    assert.equal(dropped().length, 1);
  }
  pages.note(1, 0x40_1000, 21);
  pages.flush(0, 0x40_1000);
  pages.flush(1, 0x60_1000);
  assert.equal(dropped().length, 2, "others");
});

test("pages of different sizes at one address, and those that share a place", () => {
  const { pages, dropped } = make();
  pages.note(0, 0, 21);
  pages.note(0, 0, 16);
  pages.note(0, 64 * 2 ** 21, 21);
  pages.note(0, 0, 21);
  pages.flush(0, 0);
  assert.equal(dropped().length, 1 + 512 + 16);
  pages.flush(0, 64 * 2 ** 21);
  assert.equal(dropped().length, 1 + 512);
});

test("what is too large or too many asks for everything to be dropped", () => {
  const { pages, dropped } = make();
  pages.note(0, 0x4000_0000, 30);
  assert.equal(pages.flush(0, 0x7000_0000), false);
  let noted = 0;
  while (noted < 10_000 && pages.note(noted, 0, 21)) noted++;
  assert.equal(noted, 4096);
  assert.equal(pages.note(0, 0, 21), true, "one that is known");
  pages.clear();
  assert.equal(pages.note(noted, 0, 21), true);
  dropped();
  pages.flush(0, 0);
  assert.equal(dropped().length, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomFrom } from "./testing/board.ts";
import { LPI_BASE, LPI_LIMIT, LpiSet } from "./lpi_set.ts";

test("the best LPI is enabled, of the lowest priority value, of several the lowest id", () => {
  const random = randomFrom(31);
  const set = new LpiSet();
  const model = new Map<number, number>();
  const ids = Array.from({ length: 300 }, () => LPI_BASE + random(random(2) === 0 ? 200 : 57344));
  ids.push(LPI_BASE, LPI_LIMIT - 1);
  for (let i = 0; i < 20_000; i++) {
    const intid = ids[random(ids.length)];
    // Long runs of adding and of deleting: the set is also full and empty at times.
    const adding = random(8) < (i % 4000 < 2000 ? 6 : 2);
    if (model.has(intid) === adding) continue;
    if (adding) {
      const config = random(256);
      set.add(intid, config);
      model.set(intid, config);
    } else {
      set.delete(intid);
      model.delete(intid);
    }
    let best = 0;
    let priority = 0x100;
    for (const [id, config] of model) {
      const value = config & 0xfc;
      const better = value < priority || (value === priority && id < best);
      if ((config & 1) === 0 || !better) continue;
      best = id;
      priority = value;
    }
    assert.equal(set.best(), best);
    assert.equal(set.size, model.size);
    if (best !== 0) assert.equal(set.priority(best), priority);
  }
});

test("all pending LPIs in the order of their ids, also while they are deleted", () => {
  const set = new LpiSet();
  for (const intid of [9000, 8192, 65535, 8193]) set.add(intid, intid & 1);
  assert.deepEqual([...set], [8192, 8193, 9000, 65535]);
  for (const intid of set) set.delete(intid);
  assert.deepEqual([...set], []);
  set.add(8200, 0xa1);
  set.clear();
  assert.deepEqual([set.size, set.best(), set.has(8200)], [0, 0, false]);
});

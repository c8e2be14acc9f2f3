import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockFile } from "../platform/platform.ts";
import { MemoryDisk } from "./disk.ts";
import { OverlayDisk } from "./overlay_disk.ts";
import { CLUSTER, OverlayError, overlayFileSize } from "./overlay_store.ts";

const SIZE = 5 * CLUSTER + 1000;

function baseBytes(): Uint8Array {
  return Uint8Array.from({ length: SIZE }, (_, i) => i % 251);
}

/** A base that must not be written; fails the test if it is. */
function makeBase(): BlockFile & { reads: number } {
  const bytes = baseBytes();
  const disk = new MemoryDisk(bytes, true);
  return {
    size: SIZE,
    readOnly: true,
    reads: 0,
    async read(offset, into) {
      this.reads++;
      // Late, so that writes overlap.
      for (let i = 0; i < 5; i++) await Promise.resolve();
      await disk.read(offset, into);
    },
    write: () => assert.fail("the base is never written"),
    flush: () => assert.fail("the base is never flushed"),
    close: () => Promise.resolve(),
  };
}

/** A file with a cache: a power cut leaves what was flushed, and any part of the rest. */
class CachedFile implements BlockFile {
  readonly size: number;
  readonly readOnly = false;
  readonly stable: Uint8Array;
  readonly #now: Uint8Array;
  #pending: { offset: number; bytes: Uint8Array }[] = [];
  failFlush = false;
  flushes = 0;

  constructor(bytes: Uint8Array) {
    this.size = bytes.length;
    this.stable = bytes.slice();
    this.#now = bytes.slice();
  }
  async read(offset: number, into: Uint8Array): Promise<void> {
    await Promise.resolve();
    into.set(this.#now.subarray(offset, offset + into.length));
  }
  async write(offset: number, from: Uint8Array): Promise<void> {
    const bytes = from.slice();
    await Promise.resolve();
    this.#now.set(bytes, offset);
    this.#pending.push({ offset, bytes });
  }
  async flush(): Promise<void> {
    const pending = this.#pending;
    await Promise.resolve();
    if (this.failFlush) throw new Error("no flush");
    this.flushes++;
    for (const { offset, bytes } of pending) this.stable.set(bytes, offset);
    this.#pending = this.#pending.slice(pending.length);
  }
  async close(): Promise<void> {}
  /** What is left after a power cut that let some of the later writes through. */
  cut(through: (i: number) => boolean): Uint8Array {
    const left = this.stable.slice();
    this.#pending.forEach(({ offset, bytes }, i) => {
      if (through(i)) left.set(bytes, offset);
    });
    return left;
  }
}

async function contents(disk: BlockFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(disk.size);
  await disk.read(0, bytes);
  return bytes;
}

function generator(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
}

for (const kind of ["memory", "file"] as const) {
  const make = async (): Promise<OverlayDisk> =>
    kind === "memory" ? OverlayDisk.inMemory(makeBase()) : await OverlayDisk.inFile(
      makeBase(),
      new CachedFile(new Uint8Array(overlayFileSize(SIZE))),
    );

  test(`${kind}: reads come from the base until something is written`, async () => {
    const disk = await make();
    assert.deepEqual(await contents(disk), baseBytes());
    const expected = baseBytes();
    for (const [offset, length] of [[10, 5], [CLUSTER - 3, 6], [0, 3 * CLUSTER], [SIZE - 1, 1]]) {
      const data = new Uint8Array(length).fill(offset % 200 + 1);
      await disk.write(offset, data);
      expected.set(data, offset);
      assert.deepEqual(await contents(disk), expected);
    }
    const beyond = new Uint8Array(8).fill(9);
    await disk.read(SIZE - 4, beyond);
    assert.deepEqual([...beyond.subarray(4)], [0, 0, 0, 0]);
  });

  test(`${kind}: writes at the same time to the same clusters do not lose each other`, async () => {
    const random = generator(kind.length);
    for (let round = 0; round < 20; round++) {
      const disk = await make();
      const expected = baseBytes();
      // Disjoint pieces in any order.
      const cuts = [0, ...Array.from({ length: 20 }, () => random(SIZE)), SIZE].sort((a, b) =>
        a - b
      );
      const writes = cuts.slice(1).map((end, i) => ({ start: cuts[i], end, value: random(256) }));
      writes.sort(() => random(3) - 1);
      await Promise.all(writes.map(({ start, end, value }) => {
        if (random(4) === 0) return;
        expected.fill(value, start, end);
        return disk.write(start, new Uint8Array(end - start).fill(value));
      }));
      assert.deepEqual(await contents(disk), expected);
    }
  });

  test(`${kind}: writes past the end fail`, async () => {
    const disk = await make();
    await assert.rejects(disk.write(SIZE - 1, new Uint8Array(2)), RangeError);
    await assert.rejects(disk.write(-1, new Uint8Array(2)), RangeError);
    await disk.write(SIZE, new Uint8Array(0));
    assert.deepEqual(await contents(disk), baseBytes());
  });
}

test("memory: a write that would pass the bound fails, others go on", async () => {
  const disk = OverlayDisk.inMemory(makeBase(), 2 * CLUSTER);
  await disk.write(0, new Uint8Array(CLUSTER + 1).fill(1));
  await assert.rejects(disk.write(3 * CLUSTER, Uint8Array.of(2)), /full/);
  await disk.write(CLUSTER + 5, Uint8Array.of(3));
  const expected = baseBytes().fill(1, 0, CLUSTER + 1);
  expected[CLUSTER + 5] = 3;
  assert.deepEqual(await contents(disk), expected);
});

test("file: a new file is used again later; a file of another disk or kind is refused", async () => {
  const file = new CachedFile(new Uint8Array(overlayFileSize(SIZE)));
  const disk = await OverlayDisk.inFile(makeBase(), file);
  await disk.write(CLUSTER + 7, Uint8Array.of(1, 2, 3));
  await disk.close();
  const again = await OverlayDisk.inFile(makeBase(), new CachedFile(file.stable));
  const expected = baseBytes();
  expected.set([1, 2, 3], CLUSTER + 7);
  assert.deepEqual(await contents(again), expected);
  const other = { ...makeBase(), size: SIZE - 512 };
  await assert.rejects(OverlayDisk.inFile(other, file), /another size/);
  await assert.rejects(OverlayDisk.inFile(makeBase(), new MemoryDisk(baseBytes())), OverlayError);
  const wrong = new MemoryDisk(new Uint8Array(overlayFileSize(SIZE)).fill(1));
  await assert.rejects(OverlayDisk.inFile(makeBase(), wrong), /no overlay file/);
  const fixed = new MemoryDisk(new Uint8Array(overlayFileSize(SIZE)), true);
  await assert.rejects(OverlayDisk.inFile(makeBase(), fixed), /read-only/);
});

test("file: whatever a power cut leaves has all that was flushed, and nothing half added", async () => {
  const random = generator(77);
  for (let round = 0; round < 60; round++) {
    const file = new CachedFile(new Uint8Array(overlayFileSize(SIZE)));
    const disk = await OverlayDisk.inFile(makeBase(), file);
    /** Values that each byte may have: that of the last flush or a later one. */
    const flushed = baseBytes();
    const later: { start: number; end: number; value: number }[] = [];
    for (let i = 0; i < 12; i++) {
      const start = random(SIZE);
      const end = Math.min(SIZE, start + 1 + random(2 * CLUSTER));
      const value = 1 + i;
      await disk.write(start, new Uint8Array(end - start).fill(value));
      later.push({ start, end, value });
      if (random(4) > 0) continue;
      await disk.flush();
      for (const write of later.splice(0)) flushed.fill(write.value, write.start, write.end);
    }
    if (random(2) === 0) {
      // In the middle of a flush.
      void disk.flush();
      for (let i = random(12); i > 0; i--) await Promise.resolve();
    }
    const left = new CachedFile(file.cut(() => random(2) === 0));
    const after = await contents(await OverlayDisk.inFile(makeBase(), left));
    for (let i = 0; i < SIZE; i++) {
      if (after[i] === flushed[i]) continue;
      const possible = later.some(({ start, end, value }) =>
        i >= start && i < end && value === after[i]
      );
      assert.ok(possible, `round ${round}: byte ${i} is ${after[i]}, flushed was ${flushed[i]}`);
    }
  }
});

test("file: a flush that failed is made up for by the next one", async () => {
  const file = new CachedFile(new Uint8Array(overlayFileSize(SIZE)));
  const disk = await OverlayDisk.inFile(makeBase(), file);
  await disk.write(0, Uint8Array.of(99));
  file.failFlush = true;
  await assert.rejects(disk.flush(), /no flush/);
  file.failFlush = false;
  await disk.flush();
  const again = await OverlayDisk.inFile(makeBase(), new CachedFile(file.stable));
  assert.equal((await contents(again))[0], 99);
  const { flushes } = file;
  await disk.flush();
  assert.equal(file.flushes, flushes + 1, "nothing new: one flush is enough");
});

test("file: a flush waits for the writes before it; flushes at a time keep the newest map", async () => {
  /** The first write of the map arrives last. */
  class SlowMap extends CachedFile {
    #slow = 1;
    override async write(offset: number, from: Uint8Array): Promise<void> {
      const bytes = from.slice();
      if (offset === 4096 && this.#slow-- > 0) {
        for (let i = 0; i < 200; i++) await Promise.resolve();
      }
      await super.write(offset, bytes);
    }
  }
  const file = new SlowMap(new Uint8Array(overlayFileSize(SIZE)));
  const disk = await OverlayDisk.inFile(makeBase(), file);
  const writes = [disk.write(0, Uint8Array.of(91))];
  const flushes = [disk.flush()];
  for (let i = 0; i < 60; i++) await Promise.resolve();
  writes.push(disk.write(3 * CLUSTER, Uint8Array.of(92)));
  flushes.push(disk.flush());
  await Promise.all([...writes, ...flushes]);
  const after = await contents(await OverlayDisk.inFile(makeBase(), new CachedFile(file.stable)));
  assert.deepEqual([after[0], after[3 * CLUSTER]], [91, 92]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { CutDisk } from "./cut_disk.ts";

const sector = (value: number): Uint8Array => new Uint8Array(512).fill(value);

test("what was flushed is there after a cut, what was not flushed perhaps", async () => {
  for (const keep of [0, 1]) {
    const disk = new CutDisk(new Uint8Array(2048));
    await disk.write(0, sector(1));
    await disk.flush();
    await disk.write(512, sector(2));
    // The first number is the share that survives.
    const numbers = [keep, 0.5];
    const medium = disk.cut(() => numbers.shift() ?? 0.5);
    assert.deepEqual([medium[0], medium[512], medium[1024]], [1, keep === 0 ? 0 : 2, 0]);
  }
});

test("a guest reads what it wrote, flushed or not; the bytes are those of the time of the write", async () => {
  const disk = new CutDisk(new Uint8Array(1024));
  const bytes = sector(7);
  await disk.write(0, bytes);
  bytes.fill(8);
  const read = new Uint8Array(512);
  await disk.read(0, read);
  assert.equal(read[0], 7);
  assert.equal(disk.medium[0], 0);
  await disk.flush();
  assert.equal(disk.medium[0], 7);
  assert.equal(disk.requests, 2);
});

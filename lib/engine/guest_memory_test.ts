import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "./guest_memory.ts";

const BASE = 0x40000000;
const SIZE = 0x1000;
const END = BASE + SIZE;

function memory(): { memory: GuestMemory; written: [number, number][] } {
  // RAM is a window of a larger buffer: nothing may reach beyond it.
  const buffer = new Uint8Array(SIZE + 32).fill(0xee);
  const guest = new GuestMemory(buffer.subarray(16, 16 + SIZE), BASE);
  guest.bytes.fill(0);
  const written: [number, number][] = [];
  guest.observe((address, length) => written.push([address, length]));
  return { memory: guest, written };
}

test("contains: all of the range, none of it, and hostile numbers", () => {
  const { memory: guest } = memory();
  assert.ok(guest.contains(BASE, SIZE));
  assert.ok(guest.contains(END - 1, 1));
  assert.ok(guest.contains(END, 0));
  for (
    const [address, length] of [
      [BASE - 1, 1],
      [BASE - 1, 2],
      [END - 1, 2],
      [END, 1],
      [BASE, SIZE + 1],
      [BASE, -1],
      [0, 2 ** 53],
      [2 ** 53, 1],
      [BASE, Infinity],
      [NaN, 1],
      [BASE, NaN],
    ]
  ) assert.equal(guest.contains(address, length), false, `${address}, ${length}`);
});

test("reads and writes are little-endian and end at the last byte", () => {
  const { memory: guest, written } = memory();
  assert.ok(guest.write64(BASE, 0x8877665544332211n));
  assert.equal(guest.read16(BASE + 1), 0x3322);
  assert.equal(guest.read32(BASE + 4), 0x88776655);
  assert.equal(guest.read64(BASE), 0x8877665544332211n);
  assert.ok(guest.write16(END - 2, 0xabcd));
  assert.ok(guest.write32(BASE + 8, -2));
  assert.equal(guest.read32(BASE + 8), 0xfffffffe);
  assert.deepEqual(written, [[BASE, 8], [END - 2, 2], [BASE + 8, 4]]);
  assert.equal(guest.read16(END - 1), undefined);
  assert.equal(guest.read32(END - 3), undefined);
  assert.equal(guest.read64(END - 7), undefined);
  assert.equal(guest.read64(BASE - 1), undefined);
});

test("a write that does not fit changes nothing and is not told", () => {
  const { memory: guest, written } = memory();
  assert.equal(guest.write(END - 3, new Uint8Array([1, 2, 3, 4])), false);
  assert.equal(guest.write16(END - 1, 0xffff), false);
  assert.equal(guest.write32(BASE - 2, 0xffffffff), false);
  assert.equal(guest.write64(END - 4, -1n), false);
  assert.ok(guest.bytes.every((byte) => byte === 0));
  assert.ok(new Uint8Array(guest.bytes.buffer, 0, 16).every((byte) => byte === 0xee));
  assert.deepEqual(written, []);
});

test("slices are views; what is written through them is told when said so", () => {
  const { memory: guest, written } = memory();
  const slice = guest.sliceForWriting(BASE + 0x10, 4);
  assert.ok(slice !== undefined);
  slice.set([1, 2, 3, 4]);
  assert.deepEqual(written, []);
  guest.written(BASE + 0x10, 4);
  assert.deepEqual(written, [[BASE + 0x10, 4]]);
  assert.equal(guest.read32(BASE + 0x10), 0x04030201);
  assert.equal(guest.slice(END - 1, 2), undefined);
  assert.equal(guest.slice(END, 0)?.length, 0);
  assert.ok(guest.write(BASE, new Uint8Array([9])));
  assert.deepEqual(written[1], [BASE, 1]);
});

test("dirty pages: each once, whichever way a device wrote, and only while logged", () => {
  const guest = new GuestMemory(new Uint8Array(8 * 4096), BASE);
  let protects = 0;
  guest.onProtect(() => protects++);
  guest.write32(BASE, 1);
  assert.deepEqual([guest.dirtyLog, guest.takeDirtyPages().length, protects], [false, 0, 0]);
  guest.logDirtyPages(true);
  assert.equal(protects, 1);
  assert.equal(guest.takeDirtyPages().length, 0);
  assert.equal(protects, 1, "nothing to protect anew");
  guest.write(BASE + 4090, new Uint8Array(4096 + 12));
  guest.write16(BASE + 5 * 4096, 1);
  guest.sliceForWriting(BASE + 7 * 4096, 4096)?.fill(1);
  guest.written(BASE + 7 * 4096, 4096);
  guest.write(BASE + 8 * 4096 - 1, new Uint8Array(2));
  guest.write(BASE + 3 * 4096, new Uint8Array(0));
  assert.deepEqual([...guest.takeDirtyPages()], [0, 1, 2, 5, 7]);
  assert.equal(protects, 2);
  assert.equal(guest.takeDirtyPages().length, 0);
  guest.opened(BASE + 4096);
  assert.deepEqual([...guest.takeDirtyPages()], [1]);
  guest.write32(BASE, 1);
  guest.logDirtyPages(true);
  assert.equal(guest.takeDirtyPages().length, 0, "all clean");
  guest.logDirtyPages(false);
  guest.write32(BASE, 1);
  assert.equal(guest.takeDirtyPages().length, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { bulkMemory } from "./bulk_memory.ts";

test("bytes of a memory move and are filled, also where they overlap", () => {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
  const base = 0x100;
  const bytes = new Uint8Array(memory.buffer, base, 64);
  bytes.forEach((_, i) => bytes[i] = i);
  const bulk = bulkMemory(memory, base);
  bulk.move(4, 0, 16);
  bulk.move(30, 33, 8);
  bulk.fill(60, 0x1ff, 4);
  bulk.fill(50, 7, 0);
  assert.deepEqual([...bytes.subarray(0, 6)], [0, 1, 2, 3, 0, 1]);
  assert.deepEqual([...bytes.subarray(28, 40)], [28, 29, 33, 34, 35, 36, 37, 38, 39, 40, 38, 39]);
  assert.deepEqual([...bytes.subarray(59)], [59, 255, 255, 255, 255]);
  assert.equal(bytes[50], 50);
});

test("a place outside of the memory is refused", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const bulk = bulkMemory(memory, 0);
  assert.throws(() => bulk.fill(65535, 0, 2), WebAssembly.RuntimeError);
  assert.throws(() => bulk.move(65000, 0, 1000), WebAssembly.RuntimeError);
});

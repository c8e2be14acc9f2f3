import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteRing } from "./byte_ring.ts";

test("bytes come out as they went in, around the end and while it grows", () => {
  const ring = new ByteRing(16384);
  let [written, read] = [0, 0];
  for (let i = 0; i < 500; i++) {
    const count = Math.min((i * 733) % 5000, ring.capacity - ring.length);
    ring.push(count, (into, at) => {
      for (let j = 0; j < into.length; j++) into[j] = (written + at + j) % 251;
    });
    written += count;
    assert.equal(ring.length, written - read);
    for (const byte of ring.take((i * 977) % 4600)) assert.equal(byte, read++ % 251);
  }
  assert.ok(written > 20 * ring.capacity);
  while (ring.length > 0) for (const byte of ring.take(1000)) assert.equal(byte, read++ % 251);
  assert.equal(read, written);
  ring.push(3, (into) => into.fill(1));
  ring.clear();
  assert.deepEqual([ring.length, ring.take(10).length], [0, 0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { inflate } from "./inflate.ts";

function sample(): Uint8Array {
  let seed = 7;
  const next = (): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 16;
  const out = new Uint8Array(100_000);
  for (let i = 0; i < out.length; i++) {
    out[i] = i % 1000 < 300 ? next() : i % 1000 < 600 ? 0x61 + (next() & 3) : out[i - 300];
  }
  return out;
}

const DATA = sample();
const PACKED = [
  { level: 0 },
  { level: 1 },
  { level: 9 },
  { strategy: constants.Z_FIXED },
  { strategy: constants.Z_HUFFMAN_ONLY },
  { strategy: constants.Z_RLE },
].map((options) => new Uint8Array(deflateRawSync(DATA, options)));

test("stored, fixed and dynamic blocks unpack to what zlib packed", () => {
  for (const packed of PACKED) {
    const padded = new Uint8Array(packed.length + 9);
    padded.set(packed, 1);
    const result = inflate(padded, 1, DATA.length);
    assert.equal(result.end, "done");
    assert.equal(result.consumed, packed.length + 1);
    assert.deepEqual(result.bytes, DATA);
  }
});

test("data cut off anywhere is known as cut off", () => {
  const packed = new Uint8Array(deflateRawSync(DATA.subarray(0, 2000)));
  for (let length = 0; length < packed.length; length++) {
    assert.equal(inflate(packed.subarray(0, length), 0, 1e6).end, "cut-off", `length ${length}`);
  }
});

test("no more than the limit comes out", () => {
  for (const packed of PACKED) {
    const result = inflate(packed, 0, DATA.length - 1);
    assert.equal(result.end, "too-large");
    assert.ok(result.bytes.length < DATA.length);
  }
});

test("damaged data never throws", () => {
  const packed = new Uint8Array(deflateRawSync(DATA.subarray(0, 2000)));
  const ends = new Set<string>();
  for (let at = 0; at < packed.length; at++) {
    const bytes = packed.slice();
    bytes[at] ^= 0x55;
    ends.add(inflate(bytes, 0, 1e5).end);
  }
  assert.ok(ends.has("damaged"));
});

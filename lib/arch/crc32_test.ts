import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32Helpers } from "./crc32.ts";
import { helperCalls } from "./testing/helper_calls.ts";

const call = helperCalls(crc32Helpers);
const MESSAGE = new TextEncoder().encode("123456789");

/** Bytes of the message, the first lowest. */
const word = (at: number, bytes: number): bigint =>
  MESSAGE.slice(at, at + bytes).reduceRight((all, byte) => all << 8n | BigInt(byte), 0n);

/** The CRC of the message, taken in pieces of so many bytes, with the usual inversions. */
function crc(name: string, pieces: readonly (1 | 2 | 4 | 8)[]): string {
  const SUFFIX = { 1: "b", 2: "h", 4: "w", 8: "x" } as const;
  let value = 0xffffffffn;
  let at = 0;
  for (const bytes of pieces) {
    const piece = word(at, bytes);
    const operands = bytes === 8 ? [piece & 0xffffffffn, piece >> 32n] : [piece];
    value = call(name + SUFFIX[bytes], value, ...operands);
    at += bytes;
  }
  assert.equal(at, MESSAGE.length);
  return (value ^ 0xffffffffn).toString(16);
}

/** The check values of the catalogues of CRCs: that of "123456789". */
for (const [name, check] of [["crc32", "cbf43926"], ["crc32c", "e3069283"]]) {
  test(`${name} in pieces of 1, 2, 4 and 8 bytes`, () => {
    for (const pieces of [[1, 1, 1, 1, 1, 1, 1, 1, 1], [2, 2, 4, 1], [4, 1, 4], [8, 1]] as const) {
      assert.equal(crc(name, pieces), check);
    }
  });
}

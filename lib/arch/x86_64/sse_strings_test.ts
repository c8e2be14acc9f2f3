import assert from "node:assert/strict";
import { test } from "node:test";
import { compareStrings, IMPLICIT_LENGTH, StringResult } from "./sse_strings.ts";

const halves = (bytes: Uint8Array): [bigint, bigint] => {
  const view = new DataView(bytes.buffer);
  return [view.getBigInt64(0, true), view.getBigInt64(8, true)];
};

function text(string: string): [bigint, bigint] {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(string));
  return halves(bytes);
}

/** The positions that match, and whether the strings end. */
function compare(
  a: string,
  b: string,
  control: number,
  lengths: readonly [number, number] = [IMPLICIT_LENGTH, IMPLICIT_LENGTH],
): { positions: number[]; ends: boolean[] } {
  const [first, second] = lengths;
  const result = compareStrings(...text(a), ...text(b), first, second, control);
  const positions = [...Array(16).keys()].filter((i) => (result >> i) & 1);
  return {
    positions,
    ends: [(result & StringResult.firstEnds) !== 0, (result & StringResult.secondEnds) !== 0],
  };
}

test("equal any: characters of a set", () => {
  assert.deepEqual(compare("aeiou", "virtual machine!", 0x00), {
    positions: [1, 4, 5, 9, 12, 14],
    ends: [true, false],
  });
});

test("ranges: letters, unsigned and signed", () => {
  assert.deepEqual(compare("azAZ", "x 7Q", 0x04).positions, [0, 3]);
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i === 0 ? 0x90 : i === 1 ? 0x10 : 0);
  const range = Uint8Array.from({ length: 16 }, (_, i) => i === 0 ? 0x80 : i === 1 ? 0x20 : 0);
  const mask = (control: number): number =>
    compareStrings(...halves(range), ...halves(bytes), 2, 2, control) & StringResult.mask;
  assert.equal(mask(0x04), 0);
  assert.equal(mask(0x06), 3);
});

test("equal each: what lies behind both ends is equal, behind one is not", () => {
  assert.deepEqual(compare("abc", "abd", 0x08).positions, [0, 1, ...seq(3, 16)]);
  assert.deepEqual(compare("ab", "abd", 0x08).positions, [0, 1, ...seq(3, 16)]);
  // Negative polarity: where they differ; masked: only within the second string.
  assert.deepEqual(compare("abc", "abd", 0x18).positions, [2]);
  assert.deepEqual(compare("abcd", "ab", 0x18).positions, [2, 3]);
  assert.deepEqual(compare("abcd", "ab", 0x38).positions, seq(4, 16));
});

test("equal ordered: a string in a string, cut off at the end of the register", () => {
  assert.deepEqual(compare("aba", "abababa", 0x0c).positions, [0, 2, 4]);
  assert.deepEqual(compare("xyz", "0123456789abcdxy", 0x0c).positions, [14]);
  assert.deepEqual(compare("xyz", "0123456789abxy", 0x0c).positions, []);
  assert.deepEqual(compare("", "abc", 0x0c).positions, seq(0, 16));
});

test("explicit lengths go past zeros; words", () => {
  assert.deepEqual(compare("\0b", "a\0b", 0x00, [2, 3]).positions, [1, 2]);
  assert.deepEqual(compare("\0b", "a\0b", 0x00, [2, 16]).ends, [true, false]);
  assert.deepEqual(compare("abcd", "abXXcd", 0x01, [2, 3]), {
    positions: [0, 2],
    ends: [true, true],
  });
});

function seq(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

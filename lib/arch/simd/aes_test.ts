/** AES against FIPS 197. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { helperCalls } from "../testing/helper_calls.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { aesHelpers, mixColumns, mixColumnsInverse } from "./aes.ts";

const call = helperCalls([
  ...aesHelpers,
  wasmHelper("mix", ["v128"], "v128", (c) => mixColumns(c, 0, (type) => c.local(type))),
  wasmHelper("unmix", ["v128"], "v128", (c) => mixColumnsInverse(c, 0, (type) => c.local(type))),
]);

/** A state as FIPS 197 prints it: its first byte is the vector's lowest. */
const state = (hex: string): bigint => BigInt(`0x${hex.match(/../g)?.reverse().join("")}`);
const printed = (bits: bigint): string =>
  bits.toString(16).padStart(32, "0").match(/../g)?.reverse().join("") as string;

/** The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (4.2), by long division. */
function product(a: number, b: number): number {
  let value = 0;
  for (let i = 0; i < 8; i++) if (b >> i & 1) value ^= a << i;
  for (let i = 14; i >= 8; i--) if (value >> i & 1) value ^= 0x11b << (i - 8);
  return value;
}

const ALL = Array.from({ length: 256 }, (_, i) => i);

/** The S-box by its definition (5.1.1). */
const BOX = ALL.map((x) => {
  const inverse = x === 0 ? 0 : ALL.findIndex((y) => product(x, y) === 1);
  const bit = (i: number): number => inverse >> (i % 8) & 1;
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce(
    (box, i) =>
      box | (bit(i) ^ bit(i + 4) ^ bit(i + 5) ^ bit(i + 6) ^ bit(i + 7) ^ (0x63 >> i & 1)) << i,
    0,
  );
});

/** A vector of one byte, sixteen times: ShiftRows does not change it. */
const filled = (byte: number): bigint => state(byte.toString(16).padStart(2, "0").repeat(16));

test("every byte is substituted by the S-box, and back", () => {
  assert.deepEqual([BOX[0x00], BOX[0x53], BOX[0xff]], [0x63, 0xed, 0x16]);
  for (const x of ALL) {
    assert.equal(call("aesSub", filled(x)), filled(BOX[x]), `S-box of ${x}`);
    assert.equal(call("aesSubInverse", filled(BOX[x])), filled(x), `inverse of ${BOX[x]}`);
  }
});

test("the parts of the first rounds in appendix C.1", () => {
  const rounds = [
    {
      start: "00102030405060708090a0b0c0d0e0f0",
      rows: "6353e08c0960e104cd70b751bacad0e7",
      columns: "5f72641557f5bc92f7be3b291db9f91a",
    },
    {
      start: "89d810e8855ace682d1843d8cb128fe4",
      rows: "a7be1a6997ad739bd8c9ca451f618b61",
      columns: "ff87968431d86a51645151fa773ad009",
    },
  ];
  for (const { start, rows, columns } of rounds) {
    assert.equal(printed(call("aesSub", state(start))), rows);
    assert.equal(printed(call("mix", state(rows))), columns);
    assert.equal(printed(call("aesSubInverse", state(rows))), start);
    assert.equal(printed(call("unmix", state(columns))), rows);
  }
});

/** The keys of the rounds (5.2). */
function expand(key: string): bigint[] {
  const bytes = (key.match(/../g) ?? []).map((byte) => parseInt(byte, 16));
  const columns = bytes.length / 4;
  const keys = 4 * (columns + 7);
  let constant = 1;
  for (let i = columns; i < keys; i++) {
    let word = bytes.slice(-4);
    if (i % columns === 0) {
      word = [...word.slice(1), word[0]].map((x) => BOX[x]);
      word[0] ^= constant;
      constant = product(constant, 2);
    } else if (columns > 6 && i % columns === 4) word = word.map((x) => BOX[x]);
    const before = bytes.slice(-4 * columns);
    bytes.push(...word.map((x, n) => x ^ before[n]));
  }
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return (hex.match(/.{32}/g) ?? []).map(state);
}

/** Appendix B, and C.1 to C.3: keys of 128, 192 and 256 bits. */
const EXAMPLES = [
  {
    key: "2b7e151628aed2a6abf7158809cf4f3c",
    plain: "3243f6a8885a308d313198a2e0370734",
    cipher: "3925841d02dc09fbdc118597196a0b32",
  },
  {
    key: "000102030405060708090a0b0c0d0e0f",
    plain: "00112233445566778899aabbccddeeff",
    cipher: "69c4e0d86a7b0430d8cdb78070b4c55a",
  },
  {
    key: "000102030405060708090a0b0c0d0e0f1011121314151617",
    plain: "00112233445566778899aabbccddeeff",
    cipher: "dda97ca4864cdfe06eaf70a0ec0d7191",
  },
  {
    key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    plain: "00112233445566778899aabbccddeeff",
    cipher: "8ea2b7ca516745bfeafc49904b496089",
  },
];

for (const { key, plain, cipher } of EXAMPLES) {
  test(`the cipher and its inverse with a key of ${key.length * 4} bits: ${cipher}`, () => {
    const keys = expand(key);
    const last = keys.length - 1;
    let text = state(plain) ^ keys[0];
    for (let round = 1; round < last; round++) {
      text = call("mix", call("aesSub", text)) ^ keys[round];
    }
    text = call("aesSub", text) ^ keys[last];
    assert.equal(printed(text), cipher);

    text = call("aesSubInverse", text ^ keys[last]);
    for (let round = last - 1; round > 0; round--) {
      text = call("aesSubInverse", call("unmix", text ^ keys[round]));
    }
    assert.equal(printed(text ^ keys[0]), plain);
  });
}

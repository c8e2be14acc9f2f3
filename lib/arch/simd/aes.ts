/** AES on 128-bit vectors (FIPS 197): the parts of a round, as helpers and as code. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import type { Code } from "../../wasm/code.ts";
import type { ValType } from "../../wasm/types.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { words, zero } from "./lanes.ts";

/** Makes a local. */
type Scratch = (type: ValType) => number;

/** Product in GF(2^8) with AES's polynomial x^8 + x^4 + x^3 + x + 1. */
function multiply(a: number, b: number): number {
  let result = 0;
  for (; b > 0; b >>= 1) {
    if (b & 1) result ^= a;
    a = a << 1 ^ (a & 0x80 ? 0x11b : 0);
  }
  return result;
}

/** The S-box of AES and its inverse (FIPS 197, 5.1.1): the inverse in the field, then an affine map. */
function substitutions(): { forward: Uint8Array; inverse: Uint8Array } {
  const forward = new Uint8Array(256);
  const inverse = new Uint8Array(256);
  for (let x = 0; x < 256; x++) {
    // x^254 is the inverse of x, and 0 for 0.
    let power = x;
    for (let i = 0; i < 6; i++) power = multiply(multiply(power, power), x);
    const y = multiply(power, power);
    const turned = (y << 8 | y) as number;
    const value = (y ^ turned >> 7 ^ turned >> 6 ^ turned >> 5 ^ turned >> 4 ^ 0x63) & 0xff;
    forward[x] = value;
    inverse[value] = x;
  }
  return { forward, inverse };
}

const boxes = substitutions();

/** Byte i of the state after ShiftRows is byte 5i mod 16 of the state before; the inverse goes 13i. */
const SHIFT_ROWS = Uint8Array.from({ length: 16 }, (_, i) => i * 5 & 15);
const INVERSE_SHIFT_ROWS = Uint8Array.from({ length: 16 }, (_, i) => i * 13 & 15);

/** [v128 state] -> [v128] rows shifted, then every byte looked up: sixteen tables of sixteen bytes. */
function substitute(c: HelperCode, box: Uint8Array, rows: Uint8Array): void {
  const STATE = 0;
  const view = new DataView(box.buffer, box.byteOffset);
  c.local_get(STATE).local_get(STATE).i8x16_shuffle(rows).local_set(STATE);
  for (let row = 0; row < 16; row++) {
    const word = (i: number): number => view.getInt32(row * 16 + i * 4, true);
    c.v128_const32(word(0), word(1), word(2), word(3)).local_get(STATE);
    if (row > 0) {
      // Indexes of this table become 0..15, all others 16 or more: zero.
      words(c, row * 0x10101010);
      c.v128_xor();
    }
    c.i8x16_swizzle();
    if (row > 0) c.v128_or();
  }
}

/** Selector that takes byte i + n of each 4-byte column, round and round. */
const column = (n: number): readonly number[] =>
  Array.from({ length: 16 }, (_, i) => (i & 12) | (i + n & 3));
const NEXT = [0, 1, 2, 3].map(column);

/** [v128] -> [v128] each byte times x in AES's field. */
function timesX(c: Code, scratch: Scratch): void {
  const x = scratch("v128");
  c.local_tee(x).local_get(x).i8x16_add().local_get(x);
  zero(c);
  c.i8x16_lt_s();
  words(c, 0x1b1b1b1b);
  c.v128_and().v128_xor();
}

/** [] -> [v128] local x with the bytes of each column turned by n. */
function turned(c: Code, x: number, n: number): void {
  c.local_get(x).local_get(x).i8x16_shuffle(NEXT[n]);
}

/** [] -> [v128] MixColumns of local x: each column times 3x^3 + x^2 + x + 2 (FIPS 197, 5.1.3). */
export function mixColumns(c: Code, x: number, scratch: Scratch): void {
  const twice = scratch("v128");
  const thrice = scratch("v128");
  c.local_get(x);
  timesX(c, scratch);
  c.local_tee(twice).local_get(x).v128_xor().local_set(thrice);
  c.local_get(twice);
  turned(c, thrice, 1);
  c.v128_xor();
  turned(c, x, 2);
  c.v128_xor();
  turned(c, x, 3);
  c.v128_xor();
}

/** [] -> [v128] InvMixColumns of local x (FIPS 197, 5.3.3), which is overwritten. */
export function mixColumnsInverse(c: Code, x: number, scratch: Scratch): void {
  // The inverse matrix is the matrix itself times one that adds 4 * (a[i] + a[i + 2]).
  c.local_get(x);
  turned(c, x, 2);
  c.v128_xor();
  timesX(c, scratch);
  timesX(c, scratch);
  c.local_get(x).v128_xor().local_set(x);
  mixColumns(c, x, scratch);
}

/** `aesSub`, `aesSubInverse`: [v128] -> [v128] ShiftRows and SubBytes, or their inverses. */
export const aesHelpers: readonly Helper[] = [
  wasmHelper("aesSub", ["v128"], "v128", (c) => substitute(c, boxes.forward, SHIFT_ROWS)),
  wasmHelper(
    "aesSubInverse",
    ["v128"],
    "v128",
    (c) => substitute(c, boxes.inverse, INVERSE_SHIFT_ROWS),
  ),
];

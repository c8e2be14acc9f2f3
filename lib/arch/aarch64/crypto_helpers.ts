/**
 * The rounds of AES, SHA-1 and SHA-256 as helpers (Arm ARM, J1.1.3: AESSubBytes, SHA1hash*,
 * SHA256hash; FIPS 197, FIPS 180-4).
 */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { words } from "./simd_lanes.ts";

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
function substitute(b: HelperCode, box: Uint8Array, rows: Uint8Array): void {
  const STATE = 0;
  const view = new DataView(box.buffer, box.byteOffset);
  b.local_get(STATE).local_get(STATE).i8x16_shuffle(rows).local_set(STATE);
  for (let row = 0; row < 16; row++) {
    const word = (i: number): number => view.getInt32(row * 16 + i * 4, true);
    b.v128_const32(word(0), word(1), word(2), word(3)).local_get(STATE);
    if (row > 0) {
      // Indexes of this table become 0..15, all others 16 or more: zero.
      words(b, row * 0x10101010);
      b.v128_xor();
    }
    b.i8x16_swizzle();
    if (row > 0) b.v128_or();
  }
}

/** [i32] -> [i32] rotated left. */
function rotate(b: HelperCode, by: number): void {
  b.i32_const(by).i32_rotl();
}

/** A new local for each 32-bit element of a v128 parameter. */
function split(b: HelperCode, parameter: number): number[] {
  return [0, 1, 2, 3].map((lane) => {
    const local = b.local("i32");
    b.local_get(parameter).i32x4_extract_lane(lane).local_set(local);
    return local;
  });
}

/** Pushes [v128] of four locals. */
function join(b: HelperCode, parts: readonly number[]): void {
  b.local_get(parts[0]).i32x4_splat();
  for (let lane = 1; lane < 4; lane++) b.local_get(parts[lane]).i32x4_replace_lane(lane);
}

type Mix = (b: HelperCode, x: number, y: number, z: number) => void;

/** ((y ^ z) & x) ^ z */
const choose: Mix = (b, x, y, z) => {
  b.local_get(y).local_get(z).i32_xor().local_get(x).i32_and().local_get(z).i32_xor();
};
/** (x & y) | ((x | y) & z) */
const majority: Mix = (b, x, y, z) => {
  b.local_get(x).local_get(y).i32_and().local_get(x).local_get(y).i32_or();
  b.local_get(z).i32_and().i32_or();
};
const parity: Mix = (b, x, y, z) => {
  b.local_get(x).local_get(y).i32_xor().local_get(z).i32_xor();
};

/** [v128 abcd, i32 e, v128 words] -> [v128 abcd] four rounds of SHA-1. */
function sha1(b: HelperCode, mix: Mix): void {
  const w = split(b, 2);
  let [a, bb, c, d] = split(b, 0);
  let e = 1;
  for (let round = 0; round < 4; round++) {
    b.local_get(e).local_get(a);
    rotate(b, 5);
    b.i32_add();
    mix(b, bb, c, d);
    b.i32_add().local_get(w[round]).i32_add().local_set(e);
    b.local_get(bb);
    rotate(b, 30);
    b.local_set(bb);
    [a, bb, c, d, e] = [e, a, bb, c, d];
  }
  join(b, [a, bb, c, d]);
}

/** Pushes [i32] the xor of three rotations to the right of a local. */
function sigma(b: HelperCode, x: number, rotations: readonly number[]): void {
  rotations.forEach((by, i) => {
    b.local_get(x);
    rotate(b, 32 - by);
    if (i > 0) b.i32_xor();
  });
}

/** [v128 abcd, v128 efgh, v128 words] -> [v128] four rounds of SHA-256; `part1` gives abcd, else efgh. */
function sha256(b: HelperCode, part1: boolean): void {
  let x = split(b, 0);
  let y = split(b, 1);
  const w = split(b, 2);
  const t = b.local("i32");
  for (let round = 0; round < 4; round++) {
    b.local_get(y[3]);
    sigma(b, y[0], [6, 11, 25]);
    b.i32_add();
    choose(b, y[0], y[1], y[2]);
    b.i32_add().local_get(w[round]).i32_add().local_set(t);
    b.local_get(x[3]).local_get(t).i32_add().local_set(x[3]);
    b.local_get(t);
    sigma(b, x[0], [2, 13, 22]);
    b.i32_add();
    majority(b, x[0], x[1], x[2]);
    b.i32_add().local_set(y[3]);
    [x, y] = [[y[3], x[0], x[1], x[2]], [x[3], y[0], y[1], y[2]]];
  }
  join(b, part1 ? x : y);
}

/**
 * - `aesSub`, `aesSubInverse`: [v128] -> [v128] ShiftRows and SubBytes, or their inverses
 * - `sha1c`, `sha1p`, `sha1m`: [v128 abcd, i32 e, v128 words] -> [v128]
 * - `sha256h`, `sha256h2`: [v128 abcd, v128 efgh, v128 words] -> [v128]
 */
export const cryptoHelpers: readonly Helper[] = [
  {
    name: "aesSub",
    params: ["v128"],
    results: ["v128"],
    emit: (b) => substitute(b, boxes.forward, SHIFT_ROWS),
  },
  {
    name: "aesSubInverse",
    params: ["v128"],
    results: ["v128"],
    emit: (b) => substitute(b, boxes.inverse, INVERSE_SHIFT_ROWS),
  },
  ...([["sha1c", choose], ["sha1p", parity], ["sha1m", majority]] as const).map((
    [name, mix],
  ): Helper => ({
    name,
    params: ["v128", "i32", "v128"],
    results: ["v128"],
    emit: (b) => sha1(b, mix),
  })),
  ...([["sha256h", true], ["sha256h2", false]] as const).map(([name, part1]): Helper => ({
    name,
    params: ["v128", "v128", "v128"],
    results: ["v128"],
    emit: (b) => sha256(b, part1),
  })),
];

/** SHA-1 and SHA-256 on 128-bit vectors (FIPS 180-4): rounds as helpers, parts of the schedule as code. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import type { Code } from "../../wasm/code.ts";
import { wasmHelper } from "../wasm_helper.ts";

/** [i32] -> [i32] rotated left. */
function rotate(c: HelperCode, by: number): void {
  c.i32_const(by).i32_rotl();
}

/** A new local for each 32-bit element of a v128 parameter. */
function split(c: HelperCode, parameter: number): number[] {
  return [0, 1, 2, 3].map((lane) => {
    const local = c.local("i32");
    c.local_get(parameter).i32x4_extract_lane(lane).local_set(local);
    return local;
  });
}

/** [] -> [v128] of four locals. */
function join(c: HelperCode, parts: readonly number[]): void {
  c.local_get(parts[0]).i32x4_splat();
  for (let lane = 1; lane < 4; lane++) c.local_get(parts[lane]).i32x4_replace_lane(lane);
}

type Mix = (c: HelperCode, x: number, y: number, z: number) => void;

/** ((y ^ z) & x) ^ z */
const choose: Mix = (c, x, y, z) => {
  c.local_get(y).local_get(z).i32_xor().local_get(x).i32_and().local_get(z).i32_xor();
};
/** (x & y) | ((x | y) & z) */
const majority: Mix = (c, x, y, z) => {
  c.local_get(x).local_get(y).i32_and().local_get(x).local_get(y).i32_or();
  c.local_get(z).i32_and().i32_or();
};
const parity: Mix = (c, x, y, z) => {
  c.local_get(x).local_get(y).i32_xor().local_get(z).i32_xor();
};

/** [v128 abcd, i32 e, v128 words] -> [v128 abcd] four rounds of SHA-1. */
function sha1(c: HelperCode, mix: Mix): void {
  const w = split(c, 2);
  let [x, y, z, t] = split(c, 0);
  let e = 1;
  for (let round = 0; round < 4; round++) {
    c.local_get(e).local_get(x);
    rotate(c, 5);
    c.i32_add();
    mix(c, y, z, t);
    c.i32_add().local_get(w[round]).i32_add().local_set(e);
    c.local_get(y);
    rotate(c, 30);
    c.local_set(y);
    [x, y, z, t, e] = [e, x, y, z, t];
  }
  join(c, [x, y, z, t]);
}

/** [] -> [i32] the xor of three rotations to the right of a local. */
function sigma(c: HelperCode, x: number, rotations: readonly number[]): void {
  rotations.forEach((by, i) => {
    c.local_get(x);
    rotate(c, 32 - by);
    if (i > 0) c.i32_xor();
  });
}

/**
 * [] -> [] rounds of SHA-256, one for each local of `w` (word plus constant). `abcd` and `efgh` are
 * locals, too; gives those that hold the two afterwards.
 */
function sha256Rounds(
  c: HelperCode,
  abcd: readonly number[],
  efgh: readonly number[],
  w: readonly number[],
): readonly [abcd: readonly number[], efgh: readonly number[]] {
  let [x, y] = [[...abcd], [...efgh]];
  const t = c.local("i32");
  for (const word of w) {
    c.local_get(y[3]);
    sigma(c, y[0], [6, 11, 25]);
    c.i32_add();
    choose(c, y[0], y[1], y[2]);
    c.i32_add().local_get(word).i32_add().local_set(t);
    c.local_get(x[3]).local_get(t).i32_add().local_set(x[3]);
    c.local_get(t);
    sigma(c, x[0], [2, 13, 22]);
    c.i32_add();
    majority(c, x[0], x[1], x[2]);
    c.i32_add().local_set(y[3]);
    [x, y] = [[y[3], x[0], x[1], x[2]], [x[3], y[0], y[1], y[2]]];
  }
  return [x, y];
}

/** [v128 abcd, v128 efgh, v128 words] -> [v128] four rounds; `part1` gives abcd, else efgh. */
function sha256(c: HelperCode, part1: boolean): void {
  const [abcd, efgh] = sha256Rounds(c, split(c, 0), split(c, 1), split(c, 2));
  join(c, part1 ? abcd : efgh);
}

/** [v128 hgdc, v128 feba, v128 words] -> [v128 feba] two rounds, elements as x86 has them. */
function sha256Pair(c: HelperCode): void {
  const [h, g, d, cc] = split(c, 0);
  const [f, e, b, a] = split(c, 1);
  const [abcd, efgh] = sha256Rounds(c, [a, b, cc, d], [e, f, g, h], split(c, 2).slice(0, 2));
  join(c, [efgh[1], efgh[0], abcd[1], abcd[0]]);
}

/** [] -> [v128] the 32-bit elements of local x rotated left. */
export function rotateLeft(c: Code, x: number, by: number): void {
  c.local_get(x).i32_const(by).i32x4_shl().local_get(x).i32_const(32 - by).i32x4_shr_u().v128_or();
}

/** [] -> [v128] ROR(x, r1) ^ ROR(x, r2) ^ LSR(x, shift) of the 32-bit elements of local x. */
function scheduleSigma(c: Code, x: number, r1: number, r2: number, shift: number): void {
  rotateLeft(c, x, 32 - r1);
  rotateLeft(c, x, 32 - r2);
  c.v128_xor().local_get(x).i32_const(shift).i32x4_shr_u().v128_xor();
}

/** [] -> [v128] the function sigma 0 of SHA-256's schedule on local x. */
export function sha256Sigma0(c: Code, x: number): void {
  scheduleSigma(c, x, 7, 18, 3);
}

/** [] -> [v128] the function sigma 1 of SHA-256's schedule on local x. */
export function sha256Sigma1(c: Code, x: number): void {
  scheduleSigma(c, x, 17, 19, 10);
}

/**
 * - `sha1c`, `sha1p`, `sha1m`: [v128 abcd, i32 e, v128 words] -> [v128]
 * - `sha256h`, `sha256h2`: [v128 abcd, v128 efgh, v128 words] -> [v128]
 * - `sha256Pair`: [v128 hgdc, v128 feba, v128 words] -> [v128]
 */
export const shaHelpers: readonly Helper[] = [
  ...([["sha1c", choose], ["sha1p", parity], ["sha1m", majority]] as const).map(([name, mix]) =>
    wasmHelper(name, ["v128", "i32", "v128"], "v128", (c) => sha1(c, mix))
  ),
  ...([["sha256h", true], ["sha256h2", false]] as const).map(([name, part1]) =>
    wasmHelper(name, ["v128", "v128", "v128"], "v128", (c) => sha256(c, part1))
  ),
  wasmHelper("sha256Pair", ["v128", "v128", "v128"], "v128", sha256Pair),
];

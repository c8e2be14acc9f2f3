/** SHA-1 and SHA-256 against FIPS 180-4. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { helperCalls } from "../testing/helper_calls.ts";
import { random64 } from "../testing/random.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { rotateLeft, sha256Sigma0, sha256Sigma1, shaHelpers } from "./sha.ts";

const call = helperCalls([
  ...shaHelpers,
  wasmHelper("rotate 7", ["v128"], "v128", (c) => rotateLeft(c, 0, 7)),
  wasmHelper("sigma 0", ["v128"], "v128", (c) => sha256Sigma0(c, 0)),
  wasmHelper("sigma 1", ["v128"], "v128", (c) => sha256Sigma1(c, 0)),
]);

/** A vector of 32-bit elements, the lowest first, and back. */
const vector = (elements: readonly number[]): bigint =>
  elements.reduceRight((bits, element) => bits << 32n | BigInt(element >>> 0), 0n);
const elements = (bits: bigint): number[] =>
  [0n, 32n, 64n, 96n].map((at) => Number(BigInt.asUintN(32, bits >> at)));

const rotl = (x: number, by: number): number => (x << by | x >>> (32 - by)) >>> 0;
const rotr = (x: number, by: number): number => rotl(x, 32 - by);
const sigma0 = (x: number): number => (rotr(x, 7) ^ rotr(x, 18) ^ x >>> 3) >>> 0;
const sigma1 = (x: number): number => (rotr(x, 17) ^ rotr(x, 19) ^ x >>> 10) >>> 0;
const sums = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((x, i) => (x + b[i]) >>> 0);

/** The one-block and the two-block example of the standard's appendix, and the empty message. */
const MESSAGES = {
  empty: "",
  abc: "abc",
  two: "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
};

/** The words of each block of the padded message (5.1.1). */
function blocks(message: string): number[][] {
  const bytes = [...new TextEncoder().encode(message), 0x80];
  while (bytes.length % 64 !== 56) bytes.push(0);
  const view = new DataView(Uint8Array.from([...bytes, ...new Array(8).fill(0)]).buffer);
  view.setUint32(view.byteLength - 4, 8 * message.length);
  return Array.from(
    { length: view.byteLength / 64 },
    (_, block) => Array.from({ length: 16 }, (_, i) => view.getUint32(64 * block + 4 * i)),
  );
}

const hex = (words: readonly number[]): string =>
  words.map((word) => word.toString(16).padStart(8, "0")).join("");

const SHA1_ROUNDS = [
  { name: "sha1c", constant: 0x5a827999 },
  { name: "sha1p", constant: 0x6ed9eba1 },
  { name: "sha1m", constant: 0x8f1bbcdc },
  { name: "sha1p", constant: 0xca62c1d6 },
];

/** SHA-1 (6.1.2), its rounds by the helpers. */
function sha1(message: string): string {
  let hash = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (const w of blocks(message)) {
    for (let t = 16; t < 80; t++) w.push(rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1));
    let abcd = hash.slice(0, 4);
    let e = hash[4];
    for (let t = 0; t < 80; t += 4) {
      const { name, constant } = SHA1_ROUNDS[Math.floor(t / 20)];
      const words = w.slice(t, t + 4).map((word) => word + constant);
      const next = elements(call(name, vector(abcd), BigInt(e), vector(words)));
      // Four rounds on, e is what a was, rotated on its way.
      e = rotl(abcd[0], 30);
      abcd = next;
    }
    hash = sums(hash, [...abcd, e]);
  }
  return hex(hash);
}

test("SHA-1", () => {
  assert.equal(sha1(MESSAGES.empty), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  assert.equal(sha1(MESSAGES.abc), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(sha1(MESSAGES.two), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
});

/** 32 bits of the fraction of a prime's root: the constants of SHA-256 (4.2.2, 5.3.3). */
function fraction(prime: number, root: bigint): number {
  const target = BigInt(prime) << 32n * root;
  let value = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
    if ((value + bit) ** root <= target) value += bit;
  }
  return Number(BigInt.asUintN(32, value));
}

const PRIMES = Array.from({ length: 312 }, (_, n) => n).filter((n) => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return n > 1;
});
const K = PRIMES.map((prime) => fraction(prime, 3n));

type Rounds = (state: readonly number[], words: readonly number[]) => number[];

/** SHA-256 (6.2.2), four rounds at a time; state and words in the standard's order. */
function sha256(message: string, rounds: Rounds): string {
  let hash = PRIMES.slice(0, 8).map((prime) => fraction(prime, 2n));
  for (const w of blocks(message)) {
    for (let t = 16; t < 64; t++) {
      w.push((sigma1(w[t - 2]) + w[t - 7] + sigma0(w[t - 15]) + w[t - 16]) >>> 0);
    }
    let state = hash;
    for (let t = 0; t < 64; t += 4) {
      state = rounds(state, sums(w.slice(t, t + 4), K.slice(t, t + 4)));
    }
    hash = sums(hash, state);
  }
  return hex(hash);
}

const byHalves: Rounds = (state, words) => {
  const operands = [vector(state.slice(0, 4)), vector(state.slice(4)), vector(words)];
  return [...elements(call("sha256h", ...operands)), ...elements(call("sha256h2", ...operands))];
};

const byPairs: Rounds = (state, words) => {
  let [a, b, c, d, e, f, g, h] = state;
  for (const pair of [words.slice(0, 2), words.slice(2)]) {
    const operands = [[h, g, d, c], [f, e, b, a], [...pair, 0x5555, 0xaaaa]].map(vector);
    const next = elements(call("sha256Pair", ...operands));
    // What were a, b, e and f have moved on two places.
    [a, b, c, d, e, f, g, h] = [next[3], next[2], a, b, next[1], next[0], e, f];
  }
  return [a, b, c, d, e, f, g, h];
};

for (const [name, rounds] of Object.entries({ byHalves, byPairs })) {
  test(`SHA-256, ${name}`, () => {
    assert.equal(
      sha256(MESSAGES.empty, rounds),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    assert.equal(
      sha256(MESSAGES.abc, rounds),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assert.equal(
      sha256(MESSAGES.two, rounds),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
  });
}

test("the functions of the schedule, in each element", () => {
  const next = random64();
  for (let i = 0; i < 100; i++) {
    const bits = next() | next() << 64n;
    const words = elements(bits);
    assert.equal(call("rotate 7", bits), vector(words.map((x) => rotl(x, 7))));
    assert.equal(call("sigma 0", bits), vector(words.map(sigma0)));
    assert.equal(call("sigma 1", bits), vector(words.map(sigma1)));
  }
});

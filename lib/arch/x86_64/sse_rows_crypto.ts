/**
 * Rows of AES, PCLMULQDQ and SHA (SDM volume 1, 5.12, 12.13; FIPS 197, FIPS 180-4). Those of SHA want
 * no alignment of memory on AMD's CPUs, nor here; on Intel's they do.
 */
import type { Builder } from "../../engine/builder.ts";
import { mixColumns, mixColumnsInverse } from "../simd/aes.ts";
import { lanes, words } from "../simd/lanes.ts";
import { rotateLeft, sha256Sigma0, sha256Sigma1 } from "../simd/sha.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import {
  binary,
  binaryUnaligned,
  probeSource,
  toLocal,
  toLocals,
  unary,
  type VectorOp,
  XMM0,
} from "./sse_operands.ts";

const mixed = (inverse: boolean): VectorOp => (b) => {
  const x = toLocal(b);
  (inverse ? mixColumnsInverse : mixColumns)(b, x, (type) => b.temp(type));
};

/** A round: the destination is the state, the source the round key. */
const aesRound = (inverse: boolean, last: boolean): X86Semantics =>
  binary((b) => {
    const [state, key] = toLocals(b);
    b.local_get(state);
    b.callHelper(inverse ? "aesSubInverse" : "aesSub");
    if (!last) mixed(inverse)(b);
    b.local_get(key).v128_xor();
  });

/** Where ShiftRows takes its bytes from, undone. */
const UNSHIFT = Array.from({ length: 16 }, (_, i) => (13 * i) & 15);

/** AESKEYGENASSIST: SubWord of words 1 and 3, and both rotated, with the round constant. */
const keyGeneration: X86Semantics = (b, o) => {
  probeSource(b, o[1]);
  o[1].getV(b);
  const x = toLocal(b);
  b.local_get(x).local_get(x).i8x16_shuffle(UNSHIFT);
  b.callHelper("aesSub");
  b.local_set(x).local_get(x).local_get(x);
  b.i8x16_shuffle([4, 5, 6, 7, 5, 6, 7, 4, 12, 13, 14, 15, 13, 14, 15, 12]);
  o[2].unsigned(b);
  b.i64_extend_i32_u().i64_const32(32).i64_shl().i64x2_splat().v128_xor();
  o[0].setV(b);
};

/** Bit 0 of the immediate chooses the half of the destination, bit 4 that of the source. */
const multiplyCarryless: X86Semantics = (b, o) => {
  const control = o[2].number;
  probeSource(b, o[1]);
  o[0].getV(b);
  b.i64x2_extract_lane(control & 1);
  o[1].getV(b);
  b.i64x2_extract_lane(control >> 4);
  b.callHelper("polynomial64");
  o[0].setV(b);
};

/** Elements in the opposite order: x86 has the first in the highest. */
const REVERSED = lanes(2, (i) => 3 - i);

/** Round constants of SHA-1 (FIPS 180-4, 4.2.1) and the helpers of their rounds. */
const SHA1 = [
  ["sha1c", 0x5a827999],
  ["sha1p", 0x6ed9eba1],
  ["sha1m", 0x8f1bbcdc],
  ["sha1p", 0xca62c1d6],
] as const;

/** SHA1RNDS4: e is in the first word already. */
const sha1Rounds: X86Semantics = (b, o) => {
  const [helper, constant] = SHA1[o[2].number];
  o[1].probe(b, "r");
  o[0].getV(b);
  o[1].getV(b);
  const [x, y] = toLocals(b);
  b.local_get(x).local_get(x).i8x16_shuffle(REVERSED).i32_const(0);
  b.local_get(y).local_get(y).i8x16_shuffle(REVERSED);
  words(b, constant | 0);
  b.i32x4_add();
  b.callHelper(helper);
  b.local_set(x).local_get(x).local_get(x).i8x16_shuffle(REVERSED);
  o[0].setV(b);
};

/** [v128] -> [v128] the highest element rotated left, the others cleared. */
function rotatedTop(b: Builder): void {
  const x = toLocal(b);
  rotateLeft(b, x, 30);
  b.v128_const32(0, 0, 0, -1).v128_and();
}

/** Element 3 of the first operand below elements 0 to 2 of the second. */
const SHIFTED_UP = lanes(2, (i) => 3 + i);

/** SHA1MSG1: (w0 w1 w2 w3) ^ (w2 w3 w4 w5), the first in the highest element. */
const sha1Message1: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  b.local_get(y).local_get(x).i8x16_shuffle(lanes(2, (i) => i + 2)).local_get(x).v128_xor();
};

/** SHA1MSG2: the second half of the schedule, of which the last word needs the first result. */
const sha1Message2: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  const t = b.temp("v128");
  b.v128_const(0n, 0n).local_get(y).i8x16_shuffle(SHIFTED_UP).local_get(x).v128_xor();
  b.local_set(t);
  rotateLeft(b, t, 1);
  b.local_set(t);
  // Lowest element: word 16, the highest, goes into it as well.
  b.local_get(t);
  rotateLeft(b, t, 1);
  b.v128_const(0n, 0n).i8x16_shuffle(lanes(2, (i) => i === 0 ? 3 : 4)).v128_xor();
};

/** SHA256MSG1: w + sigma0 of the words that follow. */
const sha256Message1: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  const next = b.temp("v128");
  b.local_get(x).local_get(y).i8x16_shuffle(lanes(2, (i) => i + 1)).local_set(next);
  b.local_get(x);
  sha256Sigma0(b, next);
  b.i32x4_add();
};

/** SHA256MSG2: sigma1 of words 14 and 15, then of the two results. */
const sha256Message2: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  const low = b.temp("v128");
  b.local_get(y).local_get(y).i8x16_shuffle(lanes(3, () => 1)).local_set(y);
  b.local_get(x);
  sha256Sigma1(b, y);
  b.i32x4_add().local_set(low);
  b.local_get(low).local_get(low).i8x16_shuffle(lanes(3, () => 0)).local_set(y);
  b.local_get(low);
  b.local_get(x);
  sha256Sigma1(b, y);
  b.i32x4_add().i8x16_shuffle(lanes(3, (i) => i === 0 ? 0 : 3));
};

/** SHA256RNDS2 */
const sha256Rounds: VectorOp = (b) => {
  b.getV(XMM0);
  b.callHelper("sha256Pair");
};

/** SHA1NEXTE: the source with e added to its highest element. */
const sha1NextE: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  b.local_get(x);
  rotatedTop(b);
  b.local_get(y).i32x4_add();
};

/** All rows of this file. */
export const sseCryptoRows: readonly X86Row[] = [
  x86("AESIMC V,W16", "66 0f 38 db /r", "aes", unary(mixed(true))),
  x86("AESENC V,W16", "66 0f 38 dc /r", "aes", aesRound(false, false)),
  x86("AESENCLAST V,W16", "66 0f 38 dd /r", "aes", aesRound(false, true)),
  x86("AESDEC V,W16", "66 0f 38 de /r", "aes", aesRound(true, false)),
  x86("AESDECLAST V,W16", "66 0f 38 df /r", "aes", aesRound(true, true)),
  x86("AESKEYGENASSIST V,W16,Ib", "66 0f 3a df /r", "aes", keyGeneration),
  x86("PCLMULQDQ V,W16,Ib", "66 0f 3a 44 /r", "pclmul", multiplyCarryless, { constant: 0x11 }),
  x86("SHA1NEXTE V,W16", "NP 0f 38 c8 /r", "sha", binaryUnaligned(sha1NextE)),
  x86("SHA1MSG1 V,W16", "NP 0f 38 c9 /r", "sha", binaryUnaligned(sha1Message1)),
  x86("SHA1MSG2 V,W16", "NP 0f 38 ca /r", "sha", binaryUnaligned(sha1Message2)),
  x86("SHA256RNDS2 V,W16", "NP 0f 38 cb /r", "sha", binaryUnaligned(sha256Rounds)),
  x86("SHA256MSG1 V,W16", "NP 0f 38 cc /r", "sha", binaryUnaligned(sha256Message1)),
  x86("SHA256MSG2 V,W16", "NP 0f 38 cd /r", "sha", binaryUnaligned(sha256Message2)),
  x86("SHA1RNDS4 V,W16,Ib", "NP 0f 3a cc /r", "sha", sha1Rounds, { constant: 3 }),
];

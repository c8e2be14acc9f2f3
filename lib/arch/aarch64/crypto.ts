/** Cryptographic AES, three-register and two-register SHA (Arm ARM, C4.1.96). */
import type { Builder } from "../../engine/builder.ts";
import { type Row, row, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import { laneFromI32, vector, words, zero } from "./simd_lanes.ts";

type Two = Semantics<"Vn" | "Vd">;
type Three = Semantics<"Vm" | "Vn" | "Vd">;

const aesRound = (helper: string): Two => (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  b.v128_xor();
  b.callHelper(helper);
  b.setV(f.Vd);
};

/** Selector that takes byte i + n of each 4-byte column, round and round. */
const column = (n: number): readonly number[] =>
  Array.from({ length: 16 }, (_, i) => (i & 12) | (i + n & 3));
const NEXT = [0, 1, 2, 3].map(column);

/** [v128] -> [v128] each byte times x in AES's field. */
function timesX(b: Builder): void {
  const x = b.temp("v128");
  b.local_tee(x).local_get(x).i8x16_add().local_get(x);
  zero(b);
  b.i8x16_lt_s();
  words(b, 0x1b1b1b1b);
  b.v128_and().v128_xor();
}

/** Pushes [v128] local x with the bytes of each column turned by n. */
function turned(b: Builder, x: number, n: number): void {
  b.local_get(x).local_get(x).i8x16_shuffle(NEXT[n]);
}

/** Local x -> [v128] each column times 3x^3 + x^2 + x + 2 (FIPS 197, 5.1.3). */
function mixColumns(b: Builder, x: number): void {
  const twice = b.temp("v128");
  const thrice = b.temp("v128");
  b.local_get(x);
  timesX(b);
  b.local_tee(twice).local_get(x).v128_xor().local_set(thrice);
  b.local_get(twice);
  turned(b, thrice, 1);
  b.v128_xor();
  turned(b, x, 2);
  b.v128_xor();
  turned(b, x, 3);
  b.v128_xor();
}

const aesMix: Two = (b, f) => {
  mixColumns(b, vector(b, f.Vn));
  b.setV(f.Vd);
};

const aesMixInverse: Two = (b, f) => {
  // The inverse matrix is the matrix itself times one that adds 4 * (a[i] + a[i + 2]).
  const x = vector(b, f.Vn);
  b.local_get(x);
  turned(b, x, 2);
  b.v128_xor();
  timesX(b);
  timesX(b);
  b.local_get(x).v128_xor().local_set(x);
  mixColumns(b, x);
  b.setV(f.Vd);
};

const sha1Rounds = (helper: string): Three => (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  b.i32x4_extract_lane(0);
  b.getV(f.Vm);
  b.callHelper(helper);
  b.setV(f.Vd);
};

/** Elements 1, 2, 3 of the first, then 0 of the second. */
const NEXT_WORD = Array.from({ length: 16 }, (_, i) => i + 4);
/** High half of the first, then low half of the second. */
const MIDDLE = Array.from({ length: 16 }, (_, i) => i + 8);
/** Element 0 in the place of 3, zero (of the second) elsewhere. */
const FIRST_TO_LAST = Array.from({ length: 16 }, (_, i) => i < 12 ? 16 : i - 12);

const sha1Schedule0: Three = (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  b.i8x16_shuffle(MIDDLE);
  b.getV(f.Vd);
  b.v128_xor();
  b.getV(f.Vm);
  b.v128_xor();
  b.setV(f.Vd);
};

/** Pushes [v128] the 32-bit elements of local x rotated left. */
function rotateLeft(b: Builder, x: number, by: number): void {
  b.local_get(x).i32_const(by).i32x4_shl().local_get(x).i32_const(32 - by).i32x4_shr_u().v128_or();
}

const sha1Schedule1: Two = (b, f) => {
  const t = b.temp("v128");
  b.getV(f.Vn);
  zero(b);
  b.i8x16_shuffle(NEXT_WORD);
  b.getV(f.Vd);
  b.v128_xor().local_set(t);
  rotateLeft(b, t, 1);
  rotateLeft(b, t, 2);
  zero(b);
  b.i8x16_shuffle(FIRST_TO_LAST).v128_xor();
  b.setV(f.Vd);
};

const sha1Hash: Two = (b, f) => {
  b.getV(f.Vn);
  b.i32x4_extract_lane(0).i32_const(30).i32_rotl();
  laneFromI32(b);
  b.setV(f.Vd);
};

const sha256Rounds = (helper: string, swapped: boolean): Three => (b, f) => {
  b.getV(swapped ? f.Vn : f.Vd);
  b.getV(swapped ? f.Vd : f.Vn);
  b.getV(f.Vm);
  b.callHelper(helper);
  b.setV(f.Vd);
};

/** Pushes [v128] ROR(x, r1) ^ ROR(x, r2) ^ LSR(x, shift) of the 32-bit elements of local x. */
function sigma(b: Builder, x: number, r1: number, r2: number, shift: number): void {
  rotateLeft(b, x, 32 - r1);
  rotateLeft(b, x, 32 - r2);
  b.v128_xor().local_get(x).i32_const(shift).i32x4_shr_u().v128_xor();
}

const sha256Schedule0: Two = (b, f) => {
  const d = vector(b, f.Vd);
  const t = b.temp("v128");
  b.local_get(d);
  b.getV(f.Vn);
  b.i8x16_shuffle(NEXT_WORD).local_set(t);
  sigma(b, t, 7, 18, 3);
  b.local_get(d).i32x4_add();
  b.setV(f.Vd);
};

/** Low half of the first below low half of the second; high half of the first below low half of the second. */
const LOW_LOW = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

const sha256Schedule1: Three = (b, f) => {
  const m = vector(b, f.Vm);
  const sum = b.temp("v128");
  const low = b.temp("v128");
  // Vd + (Vm<31:0>:Vn<127:32>)
  b.getV(f.Vn);
  b.local_get(m).i8x16_shuffle(NEXT_WORD);
  b.getV(f.Vd);
  b.i32x4_add().local_set(sum);
  // Elements 0 and 1 depend on elements 2 and 3 of Vm, the other two on the results.
  b.local_get(m).local_get(m).i8x16_shuffle(MIDDLE).local_set(m);
  sigma(b, m, 17, 19, 10);
  b.local_get(sum).i32x4_add().local_set(low);
  b.local_get(low);
  sigma(b, low, 17, 19, 10);
  b.local_get(sum).local_get(sum).i8x16_shuffle(MIDDLE).i32x4_add();
  b.i8x16_shuffle(LOW_LOW);
  b.setV(f.Vd);
};

/** AES and SHA instructions; the 64-bit PMULL is in simd_three_different.ts. */
export const cryptoRows: readonly Row[] = [
  ...withAsm("v{Vd:number}.16b, v{Vn:number}.16b", [
    row("01001110 00 10100 00100 10 Vn:5 Vd:5", "AESE", "FEAT_AES", aesRound("aesSub")),
    row("01001110 00 10100 00101 10 Vn:5 Vd:5", "AESD", "FEAT_AES", aesRound("aesSubInverse")),
    row("01001110 00 10100 00110 10 Vn:5 Vd:5", "AESMC", "FEAT_AES", aesMix),
    row("01001110 00 10100 00111 10 Vn:5 Vd:5", "AESIMC", "FEAT_AES", aesMixInverse),
  ]),
  ...withAsm("q{Vd:number}, s{Vn:number}, v{Vm:number}.4s", [
    row("01011110 00 0 Vm:5 0 000 00 Vn:5 Vd:5", "SHA1C", "FEAT_SHA1", sha1Rounds("sha1c")),
    row("01011110 00 0 Vm:5 0 001 00 Vn:5 Vd:5", "SHA1P", "FEAT_SHA1", sha1Rounds("sha1p")),
    row("01011110 00 0 Vm:5 0 010 00 Vn:5 Vd:5", "SHA1M", "FEAT_SHA1", sha1Rounds("sha1m")),
  ]),
  ...withAsm("v{Vd:number}.4s, v{Vn:number}.4s, v{Vm:number}.4s", [
    row("01011110 00 0 Vm:5 0 011 00 Vn:5 Vd:5", "SHA1SU0", "FEAT_SHA1", sha1Schedule0),
  ]),
  ...withAsm("q{Vd:number}, q{Vn:number}, v{Vm:number}.4s", [
    row(
      "01011110 00 0 Vm:5 0 100 00 Vn:5 Vd:5",
      "SHA256H",
      "FEAT_SHA256",
      sha256Rounds("sha256h", false),
    ),
    row(
      "01011110 00 0 Vm:5 0 101 00 Vn:5 Vd:5",
      "SHA256H2",
      "FEAT_SHA256",
      sha256Rounds("sha256h2", true),
    ),
  ]),
  ...withAsm("v{Vd:number}.4s, v{Vn:number}.4s, v{Vm:number}.4s", [
    row("01011110 00 0 Vm:5 0 110 00 Vn:5 Vd:5", "SHA256SU1", "FEAT_SHA256", sha256Schedule1),
  ]),
  ...withAsm("s{Vd:number}, s{Vn:number}", [
    row("01011110 00 10100 00000 10 Vn:5 Vd:5", "SHA1H", "FEAT_SHA1", sha1Hash),
  ]),
  ...withAsm("v{Vd:number}.4s, v{Vn:number}.4s", [
    row("01011110 00 10100 00001 10 Vn:5 Vd:5", "SHA1SU1", "FEAT_SHA1", sha1Schedule1),
    row("01011110 00 10100 00010 10 Vn:5 Vd:5", "SHA256SU0", "FEAT_SHA256", sha256Schedule0),
  ]),
];

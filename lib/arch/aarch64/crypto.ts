/** Cryptographic AES, three-register and two-register SHA (Arm ARM, C4.1.96). */
import { type Row, row, type Semantics } from "../../engine/row.ts";
import { mixColumns, mixColumnsInverse } from "../simd/aes.ts";
import { rotateLeft, sha256Sigma0, sha256Sigma1 } from "../simd/sha.ts";
import { withAsm } from "./asm.ts";
import { laneFromI32, zero } from "../simd/lanes.ts";
import { vector } from "./simd_lanes.ts";

type Two = Semantics<"Vn" | "Vd">;
type Three = Semantics<"Vm" | "Vn" | "Vd">;

const aesRound = (helper: string): Two => (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  b.v128_xor();
  b.callHelper(helper);
  b.setV(f.Vd);
};

const aesMix: Two = (b, f) => {
  mixColumns(b, vector(b, f.Vn), (type) => b.temp(type));
  b.setV(f.Vd);
};

const aesMixInverse: Two = (b, f) => {
  mixColumnsInverse(b, vector(b, f.Vn), (type) => b.temp(type));
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

const sha256Schedule0: Two = (b, f) => {
  const d = vector(b, f.Vd);
  const t = b.temp("v128");
  b.local_get(d);
  b.getV(f.Vn);
  b.i8x16_shuffle(NEXT_WORD).local_set(t);
  sha256Sigma0(b, t);
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
  sha256Sigma1(b, m);
  b.local_get(sum).i32x4_add().local_set(low);
  b.local_get(low);
  sha256Sigma1(b, low);
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

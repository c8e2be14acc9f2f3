/**
 * Integer operations on packed elements that are the same for MMX and XMM registers (SDM volume 1,
 * 9.4, 11.4.2, 12.6). Each is [v128 destination, v128 source] -> [v128]; of MMX registers the low
 * half counts.
 */
import type { Builder } from "../../engine/builder.ts";
import type { Code } from "../../wasm/code.ts";
import { evenLanes, lanes, oddLanes, SHR_S, SUB, words, zero } from "../simd/lanes.ts";
import { toLocal, toLocals, type VectorOp } from "./sse_operands.ts";

/** An operation, and the opcode of both forms after 0F, as rows print it. */
export interface PackedOperation {
  readonly name: string;
  readonly opcode: string;
  /** What brings the form with XMM registers. */
  readonly sse: string;
  readonly op: VectorOp;
}

/** Names of WebAssembly's instructions [v128, v128] -> [v128]. */
type LaneInstruction = {
  [K in keyof Code]: Code[K] extends () => Code ? K : never;
}[keyof Code];

const plain = (instruction: LaneInstruction): VectorOp => (b) => b[instruction]();

/** The operands exchanged. */
const swapped = (instruction: LaneInstruction): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  b.local_get(y).local_get(x)[instruction]();
};

/** Elements of `size` of the low halves, those of the destination first. */
export const interleaveLow = (size: number): VectorOp => {
  const select = lanes(size, (i) => (i >> 1) + ((i & 1) << (4 - size)));
  return (b) => b.i8x16_shuffle(select);
};

/** High halves of 16-bit products. */
const multiplyHigh = (sign: "s" | "u"): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  b.local_get(x).local_get(y)[`i32x4_extmul_low_i16x8_${sign}`]();
  b.local_get(x).local_get(y)[`i32x4_extmul_high_i16x8_${sign}`]();
  oddLanes(b, 1);
};

/** PMULHRSW: wraps where WebAssembly's instruction saturates, for -1 times -1. */
const multiplyRounded: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  const lowest = (local: number): void => {
    b.local_get(local);
    words(b, 0x80008000 | 0);
    b.i16x8_eq();
  };
  b.local_get(x).local_get(y).i16x8_q15mulr_sat_s();
  lowest(x);
  lowest(y);
  b.v128_and().v128_xor();
};

/** PMULUDQ: even 32-bit elements, products of 64 bits. */
const multiplyEven = (sign: "s" | "u"): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  for (const local of [x, y]) {
    b.local_get(local).local_get(local);
    evenLanes(b, 2);
  }
  b[`i64x2_extmul_low_i32x4_${sign}`]();
};

/** PMULDQ */
export const multiplyEvenSigned: VectorOp = multiplyEven("s");

/** PMADDUBSW: unsigned bytes of the destination times signed bytes of the source. */
const multiplyAddBytes: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  b.local_get(x);
  words(b, 0x00ff00ff);
  b.v128_and();
  b.local_get(y).i32_const(8).i16x8_shl().i32_const(8).i16x8_shr_s().i16x8_mul();
  b.local_get(x).i32_const(8).i16x8_shr_u();
  b.local_get(y).i32_const(8).i16x8_shr_s().i16x8_mul();
  b.i16x8_add_sat_s();
};

/** PSADBW: the sum of differences of each eight bytes. */
const sumOfDifferences: VectorOp = (b) => {
  const [x, y] = toLocals(b);
  b.local_get(x).local_get(y).i8x16_max_u().local_get(x).local_get(y).i8x16_min_u().i8x16_sub();
  b.i16x8_extadd_pairwise_i8x16_u().i32x4_extadd_pairwise_i16x8_u();
  const sums = toLocal(b);
  b.local_get(sums).i32_const(32).i64x2_shr_u().local_get(sums);
  b.i64_const_parts(-1, 0).i64x2_splat().v128_and().i64x2_add();
};

/** PSIGN: the destination with the sign of the source, or zero. */
const sign = (size: number): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  const negative = b.temp("v128");
  b.local_get(y).i32_const((8 << size) - 1)[SHR_S[size]]().local_tee(negative);
  b.local_get(x).v128_xor().local_get(negative)[SUB[size]]();
  b.local_get(y);
  zero(b);
  if (size === 0) b.i8x16_ne();
  else if (size === 1) b.i16x8_ne();
  else b.i32x4_ne();
  b.v128_and();
};

/** [v128 destination, v128 source] -> [v128] of the source alone. */
const ofSource = (instruction: LaneInstruction): VectorOp => (b) => {
  const source = toLocal(b);
  b.drop().local_get(source)[instruction]();
};

const sse2 = (name: string, opcode: string, op: VectorOp): PackedOperation => ({
  ...{ name, opcode, sse: "sse2", op },
});
const ssse3 = (name: string, opcode: string, op: VectorOp): PackedOperation => ({
  ...{ name, opcode: `38 ${opcode}`, sse: "ssse3", op },
});

/** The operations in the order of their opcodes. */
export const packedOperations: readonly PackedOperation[] = [
  sse2("PUNPCKLBW", "60", interleaveLow(0)),
  sse2("PUNPCKLWD", "61", interleaveLow(1)),
  sse2("PUNPCKLDQ", "62", interleaveLow(2)),
  sse2("PCMPGTB", "64", plain("i8x16_gt_s")),
  sse2("PCMPGTW", "65", plain("i16x8_gt_s")),
  sse2("PCMPGTD", "66", plain("i32x4_gt_s")),
  sse2("PCMPEQB", "74", plain("i8x16_eq")),
  sse2("PCMPEQW", "75", plain("i16x8_eq")),
  sse2("PCMPEQD", "76", plain("i32x4_eq")),
  sse2("PADDQ", "d4", plain("i64x2_add")),
  sse2("PMULLW", "d5", plain("i16x8_mul")),
  sse2("PSUBUSB", "d8", plain("i8x16_sub_sat_u")),
  sse2("PSUBUSW", "d9", plain("i16x8_sub_sat_u")),
  sse2("PMINUB", "da", plain("i8x16_min_u")),
  sse2("PAND", "db", plain("v128_and")),
  sse2("PADDUSB", "dc", plain("i8x16_add_sat_u")),
  sse2("PADDUSW", "dd", plain("i16x8_add_sat_u")),
  sse2("PMAXUB", "de", plain("i8x16_max_u")),
  sse2("PANDN", "df", swapped("v128_andnot")),
  sse2("PAVGB", "e0", plain("i8x16_avgr_u")),
  sse2("PAVGW", "e3", plain("i16x8_avgr_u")),
  sse2("PMULHUW", "e4", multiplyHigh("u")),
  sse2("PMULHW", "e5", multiplyHigh("s")),
  sse2("PSUBSB", "e8", plain("i8x16_sub_sat_s")),
  sse2("PSUBSW", "e9", plain("i16x8_sub_sat_s")),
  sse2("PMINSW", "ea", plain("i16x8_min_s")),
  sse2("POR", "eb", plain("v128_or")),
  sse2("PADDSB", "ec", plain("i8x16_add_sat_s")),
  sse2("PADDSW", "ed", plain("i16x8_add_sat_s")),
  sse2("PMAXSW", "ee", plain("i16x8_max_s")),
  sse2("PXOR", "ef", plain("v128_xor")),
  sse2("PMULUDQ", "f4", multiplyEven("u")),
  sse2("PMADDWD", "f5", plain("i32x4_dot_i16x8_s")),
  sse2("PSADBW", "f6", sumOfDifferences),
  sse2("PSUBB", "f8", plain("i8x16_sub")),
  sse2("PSUBW", "f9", plain("i16x8_sub")),
  sse2("PSUBD", "fa", plain("i32x4_sub")),
  sse2("PSUBQ", "fb", plain("i64x2_sub")),
  sse2("PADDB", "fc", plain("i8x16_add")),
  sse2("PADDW", "fd", plain("i16x8_add")),
  sse2("PADDD", "fe", plain("i32x4_add")),
  ssse3("PMADDUBSW", "04", multiplyAddBytes),
  ssse3("PSIGNB", "08", sign(0)),
  ssse3("PSIGNW", "09", sign(1)),
  ssse3("PSIGND", "0a", sign(2)),
  ssse3("PMULHRSW", "0b", multiplyRounded),
  ssse3("PABSB", "1c", ofSource("i8x16_abs")),
  ssse3("PABSW", "1d", ofSource("i16x8_abs")),
  ssse3("PABSD", "1e", ofSource("i32x4_abs")),
];

/** A shift of elements by a count; the same for MMX and XMM registers. */
export interface PackedShift {
  readonly name: string;
  /** Opcode after 0F with the count in a register or memory. */
  readonly opcode: string;
  /** Opcode after 0F with the count in an immediate. */
  readonly immediate: string;
  /** [v128 x, i64 count] -> [v128] */
  readonly op: (b: Builder) => void;
}

/** Counts beyond the element give zero, or signs. */
function shiftBy(bits: 16 | 32 | 64, direction: "shl" | "shr_u" | "shr_s"): (b: Builder) => void {
  const lane = `${{ 16: "i16x8", 32: "i32x4", 64: "i64x2" }[bits]}` as "i16x8" | "i32x4" | "i64x2";
  return (b) => {
    const count = b.temp("i64");
    b.local_set(count);
    if (direction === "shr_s") {
      b.local_get(count).i64_const32(bits - 1).local_get(count).i64_const32(bits).i64_lt_u();
      b.select().i32_wrap_i64()[`${lane}_shr_s`]();
      return;
    }
    b.local_get(count).i32_wrap_i64()[`${lane}_${direction}`]();
    zero(b);
    b.local_get(count).i64_const32(bits).i64_lt_u().select();
  };
}

export const packedShifts: readonly PackedShift[] = [
  { name: "PSRLW", opcode: "d1", immediate: "71 /2", op: shiftBy(16, "shr_u") },
  { name: "PSRLD", opcode: "d2", immediate: "72 /2", op: shiftBy(32, "shr_u") },
  { name: "PSRLQ", opcode: "d3", immediate: "73 /2", op: shiftBy(64, "shr_u") },
  { name: "PSRAW", opcode: "e1", immediate: "71 /4", op: shiftBy(16, "shr_s") },
  { name: "PSRAD", opcode: "e2", immediate: "72 /4", op: shiftBy(32, "shr_s") },
  { name: "PSLLW", opcode: "f1", immediate: "71 /6", op: shiftBy(16, "shl") },
  { name: "PSLLD", opcode: "f2", immediate: "72 /6", op: shiftBy(32, "shl") },
  { name: "PSLLQ", opcode: "f3", immediate: "73 /6", op: shiftBy(64, "shl") },
];

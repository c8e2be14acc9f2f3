/** Rows of the packed integer operations on XMM registers: SSE2 to SSE4.2 (SDM volume 1, 11.4.2, 12). */
import type { Builder } from "../../engine/builder.ts";
import { evenLanes, lanes, oddLanes, words, zero } from "../simd/lanes.ts";
import { Flags } from "./flags.ts";
import { x86, type X86Row } from "./row.ts";
import { multiplyEvenSigned, packedOperations, packedShifts } from "./sse_integer.ts";
import { binary, probeSource, toLocal, toLocals, unary, type VectorOp } from "./sse_operands.ts";

/** Sums or differences of neighbours: of the destination, then of the source. */
export const horizontal = (size: 1 | 2, combine: (b: Builder) => void): VectorOp => (b) => {
  const [x, y] = toLocals(b);
  b.local_get(x).local_get(y);
  evenLanes(b, size);
  b.local_get(x).local_get(y);
  oddLanes(b, size);
  combine(b);
};

/** PSHUFB: an index with bit 7 gives zero, else its low four bits count. */
const shuffleBytes: VectorOp = (b) => {
  words(b, 0x8f8f8f8f | 0);
  b.v128_and().i8x16_swizzle();
};

/** Elements of the source extended to twice, four times or eight times their size. */
const extend = (from: 0 | 1 | 2, to: 1 | 2 | 3, sign: "s" | "u"): VectorOp => (b) => {
  for (let size: number = from; size < to; size++) {
    if (size === 0) b[`i16x8_extend_low_i8x16_${sign}`]();
    else if (size === 1) b[`i32x4_extend_low_i16x8_${sign}`]();
    else b[`i64x2_extend_low_i32x4_${sign}`]();
  }
};

const HALVES_EXCHANGED = lanes(3, (i) => 1 - i);
const PAIRS_EXCHANGED = lanes(2, (i) => i ^ 1);

/** PHMINPOSUW: the least 16-bit element, its index above it. */
const leastAndPosition: VectorOp = (b) => {
  const x = toLocal(b);
  // Value in the high half of 32-bit elements, index in the low one.
  b.local_get(x).i32x4_extend_low_i16x8_u().i32_const(16).i32x4_shl();
  b.v128_const32(0, 1, 2, 3).v128_or();
  b.local_get(x).i32x4_extend_high_i16x8_u().i32_const(16).i32x4_shl();
  b.v128_const32(4, 5, 6, 7).v128_or().i32x4_min_u().local_tee(x);
  b.local_get(x).local_get(x).i8x16_shuffle(HALVES_EXCHANGED).i32x4_min_u().local_tee(x);
  b.local_get(x).local_get(x).i8x16_shuffle(PAIRS_EXCHANGED).i32x4_min_u();
  const least = b.temp("i32");
  b.i32x4_extract_lane(0).local_set(least);
  zero(b);
  b.local_get(least).i32_const(16).i32_rotl().i32x4_replace_lane(0);
};

/** MPSADBW: sums of four differences, for eight places that follow one another in the destination. */
const slidingDifferences = (b: Builder, control: number): void => {
  const [x, y] = toLocals(b);
  const start = (control & 4) !== 0 ? 4 : 0;
  const block = 4 * (control & 3);
  const [d, s] = [b.temp("v128"), b.temp("v128")];
  for (let k = 0; k < 4; k++) {
    // Byte k of each place, and of the block, zero-extended to 16 bits.
    b.local_get(x).local_get(x);
    b.i8x16_shuffle(Array.from({ length: 16 }, (_, i) => start + k + (i & 7)));
    b.i16x8_extend_low_i8x16_u().local_set(d);
    b.local_get(y).i8x16_extract_lane_u(block + k).i16x8_splat().local_set(s);
    b.local_get(d).local_get(s).i16x8_max_u().local_get(d).local_get(s).i16x8_min_u();
    b.i16x8_sub();
    if (k > 0) b.i16x8_add();
  }
};

/** PTEST: ZF if no bit is set in both, CF if none is set in the source alone. */
const test = (b: Builder): void => {
  const [x, y] = toLocals(b);
  b.local_get(y).local_get(x).v128_and().v128_any_true().i32_eqz().i32_const(6).i32_shl();
  b.local_get(y).local_get(x).v128_andnot().v128_any_true().i32_eqz().i32_or();
  b.i64_extend_i32_u();
  b.setFlags(Flags.status);
};

const horizontals: readonly X86Row[] = [
  x86("PHADDW V,W16", "66 0f 38 01 /r", "ssse3", binary(horizontal(1, (b) => b.i16x8_add()))),
  x86("PHADDD V,W16", "66 0f 38 02 /r", "ssse3", binary(horizontal(2, (b) => b.i32x4_add()))),
  x86(
    "PHADDSW V,W16",
    "66 0f 38 03 /r",
    "ssse3",
    binary(horizontal(1, (b) => b.i16x8_add_sat_s())),
  ),
  x86("PHSUBW V,W16", "66 0f 38 05 /r", "ssse3", binary(horizontal(1, (b) => b.i16x8_sub()))),
  x86("PHSUBD V,W16", "66 0f 38 06 /r", "ssse3", binary(horizontal(2, (b) => b.i32x4_sub()))),
  x86(
    "PHSUBSW V,W16",
    "66 0f 38 07 /r",
    "ssse3",
    binary(horizontal(1, (b) => b.i16x8_sub_sat_s())),
  ),
];

const extensions: readonly X86Row[] = ([["S", 2, "s"], ["Z", 3, "u"]] as const).flatMap(
  ([letter, high, sign]) => [
    x86(`PMOV${letter}XBW V,W8`, `66 0f 38 ${high}0 /r`, "sse4_1", unary(extend(0, 1, sign))),
    x86(`PMOV${letter}XBD V,W4`, `66 0f 38 ${high}1 /r`, "sse4_1", unary(extend(0, 2, sign))),
    x86(`PMOV${letter}XBQ V,W2`, `66 0f 38 ${high}2 /r`, "sse4_1", unary(extend(0, 3, sign))),
    x86(`PMOV${letter}XWD V,W8`, `66 0f 38 ${high}3 /r`, "sse4_1", unary(extend(1, 2, sign))),
    x86(`PMOV${letter}XWQ V,W4`, `66 0f 38 ${high}4 /r`, "sse4_1", unary(extend(1, 3, sign))),
    x86(`PMOV${letter}XDQ V,W8`, `66 0f 38 ${high}5 /r`, "sse4_1", unary(extend(2, 3, sign))),
  ],
);

const shifts: readonly X86Row[] = packedShifts.flatMap(({ name, opcode, immediate, op }) => [
  x86(`${name} V,W16`, `66 0f ${opcode} /r`, "sse2", (b, o) => {
    probeSource(b, o[1]);
    o[0].getV(b);
    o[1].getV(b);
    b.i64x2_extract_lane(0);
    op(b);
    o[0].setV(b);
  }),
  x86(`${name} U,Ib`, `66 0f ${immediate}`, "sse2", (b, o) => {
    o[0].getV(b);
    o[1].unsigned(b);
    b.i64_extend_i32_u();
    op(b);
    o[0].setV(b);
  }),
]);

/** All rows of this file. */
export const sseIntegerRows: readonly X86Row[] = [
  ...packedOperations.map(({ name, opcode, sse, op }) =>
    x86(`${name} V,W16`, `66 0f ${opcode} /r`, sse, binary(op))
  ),
  ...shifts,
  ...horizontals,
  ...extensions,
  x86("PSHUFB V,W16", "66 0f 38 00 /r", "ssse3", binary(shuffleBytes)),
  x86("PACKSSWB V,W16", "66 0f 63 /r", "sse2", binary((b) => b.i8x16_narrow_i16x8_s())),
  x86("PACKUSWB V,W16", "66 0f 67 /r", "sse2", binary((b) => b.i8x16_narrow_i16x8_u())),
  x86("PACKSSDW V,W16", "66 0f 6b /r", "sse2", binary((b) => b.i16x8_narrow_i32x4_s())),
  x86("PACKUSDW V,W16", "66 0f 38 2b /r", "sse4_1", binary((b) => b.i16x8_narrow_i32x4_u())),
  x86("PTEST V,W16", "66 0f 38 17 /r", "sse4_1", (b, o) => {
    probeSource(b, o[1]);
    o[0].getV(b);
    o[1].getV(b);
    test(b);
  }),
  x86("PMULDQ V,W16", "66 0f 38 28 /r", "sse4_1", binary(multiplyEvenSigned)),
  x86("PCMPEQQ V,W16", "66 0f 38 29 /r", "sse4_1", binary((b) => b.i64x2_eq())),
  x86("PCMPGTQ V,W16", "66 0f 38 37 /r", "sse4_2", binary((b) => b.i64x2_gt_s())),
  x86("PMINSB V,W16", "66 0f 38 38 /r", "sse4_1", binary((b) => b.i8x16_min_s())),
  x86("PMINSD V,W16", "66 0f 38 39 /r", "sse4_1", binary((b) => b.i32x4_min_s())),
  x86("PMINUW V,W16", "66 0f 38 3a /r", "sse4_1", binary((b) => b.i16x8_min_u())),
  x86("PMINUD V,W16", "66 0f 38 3b /r", "sse4_1", binary((b) => b.i32x4_min_u())),
  x86("PMAXSB V,W16", "66 0f 38 3c /r", "sse4_1", binary((b) => b.i8x16_max_s())),
  x86("PMAXSD V,W16", "66 0f 38 3d /r", "sse4_1", binary((b) => b.i32x4_max_s())),
  x86("PMAXUW V,W16", "66 0f 38 3e /r", "sse4_1", binary((b) => b.i16x8_max_u())),
  x86("PMAXUD V,W16", "66 0f 38 3f /r", "sse4_1", binary((b) => b.i32x4_max_u())),
  x86("PMULLD V,W16", "66 0f 38 40 /r", "sse4_1", binary((b) => b.i32x4_mul())),
  x86("PHMINPOSUW V,W16", "66 0f 38 41 /r", "sse4_1", unary(leastAndPosition)),
  x86("MPSADBW V,W16,Ib", "66 0f 3a 42 /r", "sse4_1", (b, o) => {
    probeSource(b, o[1]);
    o[0].getV(b);
    o[1].getV(b);
    slidingDifferences(b, o[2].number);
    o[0].setV(b);
  }, { constant: 7 }),
];

/** Rows that rearrange, insert, extract and choose elements of XMM registers. */
import type { Builder } from "../../engine/builder.ts";
import { lanes, signs } from "../simd/lanes.ts";
import { x86, type X86Row, type X86RowOptions, type X86Semantics } from "./row.ts";
import { interleaveLow } from "./sse_integer.ts";
import { binary, probeSource, toLocal, type VectorOp, XMM0 } from "./sse_operands.ts";

/** The immediate is structural, under a mask. */
const control = (mask: number): X86RowOptions => ({ constant: mask });
/** The immediate is structural; those above a limit are all alike. */
const atMost = (limit: number): X86RowOptions => ({ constant: (n) => Math.min(n & 0xff, limit) });

/** Elements of `size` of the high halves, those of the destination first. */
const interleaveHigh = (size: number): VectorOp => {
  const count = 16 >> size;
  const select = lanes(size, (i) => (count >> 1) + (i >> 1) + (i & 1) * count);
  return (b) => b.i8x16_shuffle(select);
};

/** Bytes `select(immediate)` of destination (0..15) and source (16..31). */
const shuffle = (select: (immediate: number) => readonly number[]): X86Semantics => (b, o) => {
  probeSource(b, o[1]);
  o[0].getV(b);
  o[1].getV(b);
  b.i8x16_shuffle(select(o[2].number));
  o[0].setV(b);
};

/** Bytes `select(immediate)` of the source. */
const shuffleSource =
  (select: (immediate: number) => readonly number[]): X86Semantics => (b, o) => {
    probeSource(b, o[1]);
    o[1].getV(b);
    const x = toLocal(b);
    b.local_get(x).local_get(x).i8x16_shuffle(select(o[2].number));
    o[0].setV(b);
  };

/** Field `i` of two bits of an immediate. */
const pair = (immediate: number, i: number): number => (immediate >> (2 * i)) & 3;

const shuffleSingles = (immediate: number): readonly number[] =>
  lanes(2, (i) => pair(immediate, i) + (i < 2 ? 0 : 4));
const shuffleDoubles = (immediate: number): readonly number[] =>
  lanes(3, (i) => ((immediate >> i) & 1) + 2 * i);
const shuffleWords = (from: 0 | 4) => (immediate: number): readonly number[] =>
  lanes(1, (i) => (i & 4) === from ? from + pair(immediate, i & 3) : i);
/** Elements of `size` whose bit of the immediate is set come from the source. */
const blend = (size: number) => (immediate: number): readonly number[] =>
  lanes(size, (i) => ((immediate >> i) & 1) === 0 ? i : i + (16 >> size));

/** PALIGNR: 16 bytes of destination and source, the latter lower, from byte `immediate` on. */
const align: X86Semantics = (b, o) => {
  const from = o[2].number;
  probeSource(b, o[1]);
  if (from < 16) {
    o[1].getV(b);
    o[0].getV(b);
  } else {
    o[0].getV(b);
    b.v128_const(0n, 0n);
  }
  if (from < 32) b.i8x16_shuffle(Array.from({ length: 16 }, (_, i) => (from & 15) + i));
  else b.v128_and();
  o[0].setV(b);
};

/** PSLLDQ and PSRLDQ. */
const shiftBytes = (left: boolean): X86Semantics => (b, o) => {
  const from = left ? 16 - o[1].number : o[1].number;
  if (left) b.v128_const(0n, 0n);
  o[0].getV(b);
  if (!left) b.v128_const(0n, 0n);
  b.i8x16_shuffle(Array.from({ length: 16 }, (_, i) => from + i));
  o[0].setV(b);
};

/** Source where the element's sign in XMM0 is set. `size`: log2 of its bytes. */
const blendBySign = (size: number): X86Semantics => (b, o) => {
  probeSource(b, o[1]);
  o[1].getV(b);
  o[0].getV(b);
  b.getV(XMM0);
  signs(b, size);
  b.v128_bitselect();
  o[0].setV(b);
};

type Lane = (b: Builder, lane: number) => void;

/** Element `immediate` of the destination from a general register or memory. */
const insert = (mask: number, replace: Lane): X86Semantics => (b, o) => {
  o[1].probe(b, "r");
  o[0].getV(b);
  o[1].get(b);
  replace(b, o[2].number & mask);
  o[0].setV(b);
};

/** Element `immediate` of the source, zero-extended, to a general register or memory. */
const extract = (mask: number, get: Lane): X86Semantics => (b, o) => {
  o[0].probe(b, "w");
  o[1].getV(b);
  get(b, o[2].number & mask);
  if (o[0].size === 8 && mask > 1) b.i64_extend_i32_u();
  o[0].set(b);
};

const extractByte: Lane = (b, lane) => b.i8x16_extract_lane_u(lane);
const extractWord: Lane = (b, lane) => b.i16x8_extract_lane_u(lane);

/** PINSRD and PINSRQ. */
const insertNumber: X86Semantics = (b, o) => {
  if (o[1].size === 8) insert(1, (_, lane) => b.i64x2_replace_lane(lane))(b, o);
  else insert(3, (_, lane) => b.i32x4_replace_lane(lane))(b, o);
};

/** PEXTRD and PEXTRQ. */
const extractNumber: X86Semantics = (b, o) => {
  if (o[0].size === 8) extract(1, (_, lane) => b.i64x2_extract_lane(lane))(b, o);
  else extract(3, (_, lane) => b.i32x4_extract_lane(lane))(b, o);
};

/** INSERTPS: bits 7:6 element of a register, 5:4 element of the destination, 3:0 what becomes zero. */
const insertSingle: X86Semantics = (b, o) => {
  const immediate = o[2].number;
  const [x, y] = [b.temp("v128"), b.temp("v128")];
  o[1].probe(b, "r");
  o[0].getV(b);
  b.local_set(x);
  o[1].getV(b);
  b.local_set(y);
  const from = o[1].isMemory ? 0 : immediate >> 6;
  b.local_get(x).local_get(y);
  b.i8x16_shuffle(lanes(2, (i) => i === pair(immediate, 2) ? 4 + from : i));
  const zeros = [0, 1, 2, 3].map((i) => (immediate >> i) & 1 ? 0 : -1);
  b.v128_const32(zeros[0], zeros[1], zeros[2], zeros[3]).v128_and();
  o[0].setV(b);
};

/** All rows of this file. */
export const sseShuffleRows: readonly X86Row[] = [
  x86("PUNPCKHBW V,W16", "66 0f 68 /r", "sse2", binary(interleaveHigh(0))),
  x86("PUNPCKHWD V,W16", "66 0f 69 /r", "sse2", binary(interleaveHigh(1))),
  x86("PUNPCKHDQ V,W16", "66 0f 6a /r", "sse2", binary(interleaveHigh(2))),
  x86("PUNPCKLQDQ V,W16", "66 0f 6c /r", "sse2", binary(interleaveLow(3))),
  x86("PUNPCKHQDQ V,W16", "66 0f 6d /r", "sse2", binary(interleaveHigh(3))),
  x86("UNPCKLPS V,W16", "NP 0f 14 /r", "sse", binary(interleaveLow(2))),
  x86("UNPCKLPD V,W16", "66 0f 14 /r", "sse2", binary(interleaveLow(3))),
  x86("UNPCKHPS V,W16", "NP 0f 15 /r", "sse", binary(interleaveHigh(2))),
  x86("UNPCKHPD V,W16", "66 0f 15 /r", "sse2", binary(interleaveHigh(3))),
  x86(
    "PSHUFD V,W16,Ib",
    "66 0f 70 /r",
    "sse2",
    shuffleSource((immediate) => lanes(2, (i) => pair(immediate, i))),
    control(0xff),
  ),
  x86("PSHUFHW V,W16,Ib", "f3 0f 70 /r", "sse2", shuffleSource(shuffleWords(4)), control(0xff)),
  x86("PSHUFLW V,W16,Ib", "f2 0f 70 /r", "sse2", shuffleSource(shuffleWords(0)), control(0xff)),
  x86("SHUFPS V,W16,Ib", "NP 0f c6 /r", "sse", shuffle(shuffleSingles), control(0xff)),
  x86("SHUFPD V,W16,Ib", "66 0f c6 /r", "sse2", shuffle(shuffleDoubles), control(3)),
  x86("BLENDPS V,W16,Ib", "66 0f 3a 0c /r", "sse4_1", shuffle(blend(2)), control(15)),
  x86("BLENDPD V,W16,Ib", "66 0f 3a 0d /r", "sse4_1", shuffle(blend(3)), control(3)),
  x86("PBLENDW V,W16,Ib", "66 0f 3a 0e /r", "sse4_1", shuffle(blend(1)), control(0xff)),
  x86("PALIGNR V,W16,Ib", "66 0f 3a 0f /r", "ssse3", align, atMost(32)),
  x86("PSRLDQ U,Ib", "66 0f 73 /3", "sse2", shiftBytes(false), atMost(16)),
  x86("PSLLDQ U,Ib", "66 0f 73 /7", "sse2", shiftBytes(true), atMost(16)),
  x86("PBLENDVB V,W16", "66 0f 38 10 /r", "sse4_1", blendBySign(0)),
  x86("BLENDVPS V,W16", "66 0f 38 14 /r", "sse4_1", blendBySign(2)),
  x86("BLENDVPD V,W16", "66 0f 38 15 /r", "sse4_1", blendBySign(3)),
  ...["PINSRW V,Rd,Ib", "PINSRW V,M2,Ib"].map((title) =>
    x86(
      title,
      "66 0f c4 /r",
      "sse2",
      insert(7, (b, lane) => b.i16x8_replace_lane(lane)),
      control(7),
    )
  ),
  ...["PINSRB V,Rd,Ib", "PINSRB V,M1,Ib"].map((title) =>
    x86(
      title,
      "66 0f 3a 20 /r",
      "sse4_1",
      insert(15, (b, lane) => b.i8x16_replace_lane(lane)),
      control(15),
    )
  ),
  x86("PINSRD V,Ey,Ib", "66 0f 3a 22 /r", "sse4_1", insertNumber, control(3)),
  x86("INSERTPS V,W4,Ib", "66 0f 3a 21 /r", "sse4_1", insertSingle, control(0xff)),
  x86("PEXTRW Gd,U,Ib", "66 0f c5 /r", "sse2", extract(7, extractWord), control(7)),
  ...["PEXTRB Ry,V,Ib", "PEXTRB M1,V,Ib"].map((title) =>
    x86(title, "66 0f 3a 14 /r", "sse4_1", extract(15, extractByte), control(15))
  ),
  ...["PEXTRW Ry,V,Ib", "PEXTRW M2,V,Ib"].map((title) =>
    x86(title, "66 0f 3a 15 /r", "sse4_1", extract(7, extractWord), control(7))
  ),
  x86("PEXTRD Ey,V,Ib", "66 0f 3a 16 /r", "sse4_1", extractNumber, control(3)),
  x86("EXTRACTPS Ed,V,Ib", "66 0f 3a 17 /r", "sse4_1", (b, o) => {
    extract(3, (_, lane) => b.i32x4_extract_lane(lane))(b, o);
  }, control(3)),
];

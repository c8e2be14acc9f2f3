/**
 * Rows of MMX, and what SSE to SSSE3 added with MMX registers (SDM volume 1, 9.4, 10.4.4, 11.4.4,
 * 12.6). What has no XMM register is switched off as MMX is: CR4.OSFXSR does not matter to it.
 */
import type { Builder } from "../../engine/builder.ts";
import { clearHigh, lanes, words } from "../simd/lanes.ts";
import { getPart, RDI } from "./implicit_registers.ts";
import { field } from "./layout.ts";
import { checkPending, enterMmx, joined, mmx } from "./mmx_operands.ts";
import { x86, type X86Row, type X86RowOptions, type X86Semantics } from "./row.ts";
import { packedOperations, packedShifts } from "./sse_integer.ts";
import { binary, type VectorOp } from "./sse_operands.ts";
import { fromIntegerPair, fromIntegers, toIntegers } from "./sse_rows_conversion.ts";
import { horizontal } from "./sse_rows_integer.ts";

/** The immediate is structural, under a mask. */
const control = (mask: number): X86RowOptions => ({ constant: mask });

// ---- moves

/** MOVD, MOVQ to an MMX register: zeros above. */
const load: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  o[1].get(b);
  if (o[1].size === 4) b.i64_extend_i32_u();
  o[0].set(b);
};

/** MOVD, MOVQ, MOVNTQ from an MMX register. */
const store: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  o[1].get(b);
  if (o[0].size === 4) b.i32_wrap_i64();
  o[0].set(b);
};

/** MASKMOVQ: bytes with the mask's top bit go to DS:rDI. */
const storeMasked: X86Semantics = (b, o) => {
  const place = b.temp("i32");
  getPart(b, RDI, o.addressSize);
  if (o.addressSize !== 8) b.i64_extend_i32_u();
  o.linear(b);
  b.readWriteAddress(8);
  b.local_tee(place);
  o[0].getV(b);
  b.local_get(place).v128_load64_zero();
  o[1].getV(b);
  b.i32_const(7).i8x16_shr_s().v128_bitselect().i64x2_extract_lane(0).i64_store();
};

const moves: readonly X86Row[] = [
  x86("MOVD P,Ey", "NP 0f 6e /r", "mmx", mmx(load)),
  x86("MOVQ P,Q8", "NP 0f 6f /r", "mmx", mmx(load)),
  x86("MOVD Ey,P", "NP 0f 7e /r", "mmx", mmx(store)),
  x86("MOVQ Q8,P", "NP 0f 7f /r", "mmx", mmx(store)),
  x86("MOVNTQ M8,P", "NP 0f e7 /r", "mmx", mmx(store)),
  x86("MASKMOVQ P,N", "NP 0f f7 /r", "mmx", mmx(storeMasked), { addressSized: true }),
  x86(
    "MOVQ2DQ V,N",
    "f3 0f d6 /r",
    "sse2",
    mmx((b, o) => {
      o[1].getV(b);
      o[0].setV(b);
    }),
  ),
  x86(
    "MOVDQ2Q P,U",
    "f2 0f d6 /r",
    "sse2",
    mmx((b, o) => {
      o[1].getV(b);
      o[0].setV(b);
    }),
  ),
];

// ---- elements

/** Elements of `size` of bits 63:32, those of the destination first. */
const interleaveHigh = (size: number): VectorOp => {
  const half = 4 >> size;
  const select = lanes(size, (i) => half + (i >> 1) + ((i & 1) << (4 - size)));
  return (b) => b.i8x16_shuffle(select);
};

/** PSHUFB: an index with bit 7 gives zero, else its low three bits count. */
const shuffleBytes: VectorOp = (b) => {
  words(b, 0x87878787 | 0);
  b.v128_and().i8x16_swizzle();
};

const shuffleWords: X86Semantics = (b, o) => {
  const immediate = o[2].number;
  o[1].probe(b, "r");
  o[1].getV(b);
  b.v128_const(0n, 0n);
  b.i8x16_shuffle(lanes(1, (i) => (immediate >> (2 * (i & 3))) & 3));
  o[0].setV(b);
};

/** PALIGNR: 8 bytes of destination and source, the latter lower, from byte `immediate` on. */
const align: X86Semantics = (b, o) => {
  const from = o[2].number;
  o[1].probe(b, "r");
  o[1].getV(b);
  o[0].getV(b);
  b.i8x16_shuffle(lanes(3, (i) => 2 * i)).v128_const(0n, 0n);
  b.i8x16_shuffle(Array.from({ length: 16 }, (_, i) => Math.min(from + i, 31)));
  o[0].setV(b);
};

const insertWord: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  o[0].getV(b);
  o[1].get(b);
  b.i16x8_replace_lane(o[2].number);
  o[0].setV(b);
};

const elements: readonly X86Row[] = [
  x86("PUNPCKHBW P,Q8", "NP 0f 68 /r", "mmx", mmx(binary(interleaveHigh(0)))),
  x86("PUNPCKHWD P,Q8", "NP 0f 69 /r", "mmx", mmx(binary(interleaveHigh(1)))),
  x86("PUNPCKHDQ P,Q8", "NP 0f 6a /r", "mmx", mmx(binary(interleaveHigh(2)))),
  x86("PSHUFB P,Q8", "NP 0f 38 00 /r", "mmx", mmx(binary(shuffleBytes))),
  x86("PSHUFW P,Q8,Ib", "NP 0f 70 /r", "mmx", mmx(shuffleWords), control(0xff)),
  x86("PALIGNR P,Q8,Ib", "NP 0f 3a 0f /r", "mmx", mmx(align), {
    constant: (n) => Math.min(n & 0xff, 16),
  }),
  x86("PINSRW P,Rd,Ib", "NP 0f c4 /r", "mmx", mmx(insertWord), control(3)),
  x86("PINSRW P,M2,Ib", "NP 0f c4 /r", "mmx", mmx(insertWord), control(3)),
  x86(
    "PEXTRW Gd,N,Ib",
    "NP 0f c5 /r",
    "mmx",
    mmx((b, o) => {
      o[1].getV(b);
      b.i16x8_extract_lane_u(o[2].number);
      o[0].set(b);
    }),
    control(3),
  ),
  x86(
    "PMOVMSKB Gd,N",
    "NP 0f d7 /r",
    "mmx",
    mmx((b, o) => {
      o[1].getV(b);
      b.i8x16_bitmask();
      o[0].set(b);
    }),
  ),
];

// ---- arithmetic

const packed: readonly X86Row[] = packedOperations.map(({ name, opcode, op }) => {
  // PUNPCKL reads four bytes of memory.
  const source = name.startsWith("PUNPCKL") ? "Q4" : "Q8";
  return x86(`${name} P,${source}`, `NP 0f ${opcode} /r`, "mmx", mmx(binary(op)));
});

const wide = (name: string, opcode: string, op: VectorOp): X86Row =>
  x86(`${name} P,Q8`, `NP 0f ${opcode} /r`, "mmx", mmx(binary(joined(op))));

const wides: readonly X86Row[] = [
  wide("PACKSSWB", "63", (b) => b.i8x16_narrow_i16x8_s()),
  wide("PACKUSWB", "67", (b) => b.i8x16_narrow_i16x8_u()),
  wide("PACKSSDW", "6b", (b) => b.i16x8_narrow_i32x4_s()),
  wide("PHADDW", "38 01", horizontal(1, (b) => b.i16x8_add())),
  wide("PHADDD", "38 02", horizontal(2, (b) => b.i32x4_add())),
  wide("PHADDSW", "38 03", horizontal(1, (b) => b.i16x8_add_sat_s())),
  wide("PHSUBW", "38 05", horizontal(1, (b) => b.i16x8_sub())),
  wide("PHSUBD", "38 06", horizontal(2, (b) => b.i32x4_sub())),
  wide("PHSUBSW", "38 07", horizontal(1, (b) => b.i16x8_sub_sat_s())),
];

const shifts: readonly X86Row[] = packedShifts.flatMap(({ name, opcode, immediate, op }) => [
  x86(
    `${name} P,Q8`,
    `NP 0f ${opcode} /r`,
    "mmx",
    mmx((b, o) => {
      o[1].probe(b, "r");
      o[0].getV(b);
      o[1].get(b);
      op(b);
      o[0].setV(b);
    }),
  ),
  x86(
    `${name} N,Ib`,
    `NP 0f ${immediate}`,
    "mmx",
    mmx((b, o) => {
      o[0].getV(b);
      o[1].unsigned(b);
      b.i64_extend_i32_u();
      op(b);
      o[0].setV(b);
    }),
  ),
]);

// ---- conversions

/** Numbers of the low half of an XMM register or memory to an MMX register. */
const fromNumbers = (op: VectorOp, aligned: boolean): X86Semantics =>
  mmx((b, o) => {
    o[1].probe(b, "r", aligned ? { aligned } : undefined);
    o[1].getV(b);
    if (!aligned && !o[1].isMemory) clearHigh(b);
    op(b);
    o[0].setV(b);
  });

/** Integers to an XMM register. Those in memory have nothing to do with the x87 registers. */
const fromIntegersOf = (convert: X86Semantics): X86Semantics => (b, o) => {
  if (!o[1].isMemory) checkPending(b);
  o[1].probe(b, "r");
  convert(b, o);
  if (!o[1].isMemory) enterMmx(b);
};

/** CVTPI2PS: the upper half of the destination stays. */
const toSingles = fromIntegersOf((b, o) => {
  const result = b.temp("i64");
  o[1].getV(b);
  fromIntegers(b);
  b.i64x2_extract_lane(0).local_set(result);
  o[0].getV(b);
  b.local_get(result).i64x2_replace_lane(0);
  o[0].setV(b);
});

const toDoubles = fromIntegersOf((b, o) => {
  o[1].getV(b);
  fromIntegerPair(b);
  o[0].setV(b);
});

const conversions: readonly X86Row[] = [
  x86("CVTPI2PS V,Q8", "NP 0f 2a /r", "sse", toSingles),
  x86("CVTPI2PD V,Q8", "66 0f 2a /r", "sse2", toDoubles),
  x86("CVTTPS2PI P,W8", "NP 0f 2c /r", "sse", fromNumbers(toIntegers(32, true), false)),
  x86("CVTPS2PI P,W8", "NP 0f 2d /r", "sse", fromNumbers(toIntegers(32, false), false)),
  x86("CVTTPD2PI P,W16", "66 0f 2c /r", "sse2", fromNumbers(toIntegers(64, true), true)),
  x86("CVTPD2PI P,W16", "66 0f 2d /r", "sse2", fromNumbers(toIntegers(64, false), true)),
];

/** EMMS: all x87 registers are empty. */
const empty = (b: Builder): void => {
  checkPending(b);
  enterMmx(b);
  b.i32_const(0);
  b.setState(field("ftw"));
};

/** All rows of this file. */
export const mmxRows: readonly X86Row[] = [
  ...moves,
  ...elements,
  ...packed,
  ...wides,
  ...shifts,
  ...conversions,
  x86("EMMS", "NP 0f 77", "mmx", empty),
];

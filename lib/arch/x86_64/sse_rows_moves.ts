/** Rows that move data between XMM registers, general registers and memory (SDM volume 1, 10.4.1, 11.4.1). */
import type { Builder } from "../../engine/builder.ts";
import { clearHigh, lanes } from "../simd/lanes.ts";
import { Fault } from "./fault_numbers.ts";
import { getPart, RDI } from "./implicit_registers.ts";
import { field } from "./layout.ts";
import { CR0, RFLAGS } from "./registers.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { ALIGNED, probeSource, toLocal, unary } from "./sse_operands.ts";

/** All 16 bytes; `aligned` memory. */
const load = (aligned: boolean): X86Semantics => (b, o) => {
  if (aligned) probeSource(b, o[1]);
  o[1].getV(b);
  o[0].setV(b);
};

const store = (aligned: boolean): X86Semantics => (b, o) => {
  o[0].probe(b, "w", aligned ? ALIGNED : undefined);
  o[1].getV(b);
  o[0].setV(b);
};

/** MOVSS, MOVSD: from memory, zeros above; from a register, the upper elements stay. */
const loadScalar: X86Semantics = (b, o) => {
  if (o[1].isMemory) {
    o[1].getV(b);
    o[0].setV(b);
    return;
  }
  o[0].getV(b);
  o[1].getFloat(b);
  if (o[1].size === 8) b.f64x2_replace_lane(0);
  else b.f32x4_replace_lane(0);
  o[0].setV(b);
};

const storeScalar: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  if (o[0].isMemory) {
    o[1].getV(b);
  } else {
    o[0].getV(b);
    if (o[0].size === 8) {
      b.getD(o[1].raw);
      b.f64x2_replace_lane(0);
    } else {
      b.getS(o[1].raw);
      b.f32x4_replace_lane(0);
    }
  }
  o[0].setV(b);
};

/** MOVQ: 64 bits, zeros above. */
const loadQuad: X86Semantics = (b, o) => {
  o[1].getV(b);
  if (!o[1].isMemory) clearHigh(b);
  o[0].setV(b);
};

const storeQuad: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  o[1].getV(b);
  if (!o[0].isMemory) clearHigh(b);
  o[0].setV(b);
};

/** MOVD, MOVQ from a general register or memory: zeros above. */
const fromGeneral: X86Semantics = (b, o) => {
  if (o[1].isMemory) o[1].getV(b);
  else {
    b.v128_const(0n, 0n);
    o[1].get(b);
    if (o[1].size === 8) b.i64x2_replace_lane(0);
    else b.i32x4_replace_lane(0);
  }
  o[0].setV(b);
};

const toGeneral: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  o[1].getV(b);
  if (o[0].size === 8) b.i64x2_extract_lane(0);
  else b.i32x4_extract_lane(0);
  o[0].set(b);
};

/** Memory to one half of the destination. */
const loadHalf = (half: 0 | 1): X86Semantics => (b, o) => {
  o[1].probe(b, "r");
  o[0].getV(b);
  o[1].get(b);
  b.i64x2_replace_lane(half);
  o[0].setV(b);
};

const storeHalf = (half: 0 | 1): X86Semantics => (b, o) => {
  o[0].probe(b, "w");
  o[1].getV(b);
  b.i64x2_extract_lane(half);
  o[0].set(b);
};

/** Halves of destination (0, 1) and source (2, 3). */
const halves = (low: number, high: number): X86Semantics => {
  const select = lanes(3, (i) => i === 0 ? low : high);
  return (b, o) => {
    o[0].getV(b);
    o[1].getV(b);
    b.i8x16_shuffle(select);
    o[0].setV(b);
  };
};

/** Elements of the source doubled. */
const duplicate = (size: number, pick: (i: number) => number): X86Semantics => {
  const select = lanes(size, pick);
  return unary((b) => {
    const x = toLocal(b);
    b.local_get(x).local_get(x).i8x16_shuffle(select);
  });
};

/** MASKMOVDQU: bytes with the mask's top bit go to DS:rDI. Aligned to 8 bytes as far as #AC goes. */
const storeMasked: X86Semantics = (b, o) => {
  const [address, place] = [b.temp("i64"), b.temp("i32")];
  getPart(b, RDI, o.addressSize);
  if (o.addressSize !== 8) b.i64_extend_i32_u();
  o.linear(b);
  b.local_tee(address);
  b.readWriteAddress(16);
  b.local_set(place);
  b.getState(field("cr0"));
  b.i32_const(CR0.AM).i32_and().i32_eqz();
  b.getState(field("rflags"));
  b.i32_const(RFLAGS.AC).i32_and().i32_eqz();
  b.getState(field("cpl"));
  b.i32_const(3).i32_ne().local_get(address).i32_wrap_i64().i32_const(7).i32_and().i32_eqz();
  b.i32_or().i32_or().i32_or().i32_eqz();
  b.faultIf(Fault.alignmentCheck);
  b.local_get(place);
  o[0].getV(b);
  b.local_get(place).v128_load();
  o[1].getV(b);
  b.i32_const(7).i8x16_shr_s().v128_bitselect().v128_store();
};

const mask = (collect: (b: Builder) => void): X86Semantics => (b, o) => {
  o[1].getV(b);
  collect(b);
  o[0].set(b);
};

/** All rows of this file. Hints about caches (MOVNT...) mean nothing here. */
export const sseMoveRows: readonly X86Row[] = [
  x86("MOVUPS V,W16", "NP 0f 10 /r", "sse", load(false)),
  x86("MOVUPD V,W16", "66 0f 10 /r", "sse2", load(false)),
  x86("MOVSS V,W4", "f3 0f 10 /r", "sse", loadScalar),
  x86("MOVSD V,W8", "f2 0f 10 /r", "sse2", loadScalar),
  x86("MOVUPS W16,V", "NP 0f 11 /r", "sse", store(false)),
  x86("MOVUPD W16,V", "66 0f 11 /r", "sse2", store(false)),
  x86("MOVSS W4,V", "f3 0f 11 /r", "sse", storeScalar),
  x86("MOVSD W8,V", "f2 0f 11 /r", "sse2", storeScalar),
  x86("MOVHLPS V,U", "NP 0f 12 /r", "sse", halves(3, 1)),
  x86("MOVLPS V,M8", "NP 0f 12 /r", "sse", loadHalf(0)),
  x86("MOVLPD V,M8", "66 0f 12 /r", "sse2", loadHalf(0)),
  x86("MOVSLDUP V,W16", "f3 0f 12 /r", "sse3", duplicate(2, (i) => i & 2)),
  x86("MOVDDUP V,W8", "f2 0f 12 /r", "sse3", duplicate(3, () => 0)),
  x86("MOVLPS M8,V", "NP 0f 13 /r", "sse", storeHalf(0)),
  x86("MOVLPD M8,V", "66 0f 13 /r", "sse2", storeHalf(0)),
  x86("MOVLHPS V,U", "NP 0f 16 /r", "sse", halves(0, 2)),
  x86("MOVHPS V,M8", "NP 0f 16 /r", "sse", loadHalf(1)),
  x86("MOVHPD V,M8", "66 0f 16 /r", "sse2", loadHalf(1)),
  x86("MOVSHDUP V,W16", "f3 0f 16 /r", "sse3", duplicate(2, (i) => i | 1)),
  x86("MOVHPS M8,V", "NP 0f 17 /r", "sse", storeHalf(1)),
  x86("MOVHPD M8,V", "66 0f 17 /r", "sse2", storeHalf(1)),
  x86("MOVAPS V,W16", "NP 0f 28 /r", "sse", load(true)),
  x86("MOVAPD V,W16", "66 0f 28 /r", "sse2", load(true)),
  x86("MOVAPS W16,V", "NP 0f 29 /r", "sse", store(true)),
  x86("MOVAPD W16,V", "66 0f 29 /r", "sse2", store(true)),
  x86("MOVNTPS M16,V", "NP 0f 2b /r", "sse", store(true)),
  x86("MOVNTPD M16,V", "66 0f 2b /r", "sse2", store(true)),
  x86("MOVD V,Ey", "66 0f 6e /r", "sse2", fromGeneral),
  x86("MOVDQA V,W16", "66 0f 6f /r", "sse2", load(true)),
  x86("MOVDQU V,W16", "f3 0f 6f /r", "sse2", load(false)),
  x86("MOVQ V,W8", "f3 0f 7e /r", "sse2", loadQuad),
  x86("MOVD Ey,V", "66 0f 7e /r", "sse2", toGeneral),
  x86("MOVDQA W16,V", "66 0f 7f /r", "sse2", store(true)),
  x86("MOVDQU W16,V", "f3 0f 7f /r", "sse2", store(false)),
  x86("MOVQ W8,V", "66 0f d6 /r", "sse2", storeQuad),
  x86("MOVNTDQ M16,V", "66 0f e7 /r", "sse2", store(true)),
  x86("LDDQU V,M16", "f2 0f f0 /r", "sse3", load(false)),
  x86("MASKMOVDQU V,U", "66 0f f7 /r", "sse2", storeMasked, { addressSized: true }),
  x86("MOVNTDQA V,M16", "66 0f 38 2a /r", "sse4_1", load(true)),
  x86("MOVMSKPS Gd,U", "NP 0f 50 /r", "sse", mask((b) => b.i32x4_bitmask())),
  x86("MOVMSKPD Gd,U", "66 0f 50 /r", "sse2", mask((b) => b.i64x2_bitmask())),
  x86("PMOVMSKB Gd,U", "66 0f d7 /r", "sse2", mask((b) => b.i8x16_bitmask())),
];

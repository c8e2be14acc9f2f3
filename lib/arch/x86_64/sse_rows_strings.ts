/** Rows of SSE4.2's string comparisons (SDM volume 1, 12.11). */
import type { Builder } from "../../engine/builder.ts";
import type { Operand as EngineOperand } from "../../engine/instruction.ts";
import { Flags } from "./flags.ts";
import { RAX, RCX, RDX } from "./implicit_registers.ts";
import type { Operands } from "./operands.ts";
import { x86, type X86Row, type X86RowOptions, type X86Semantics } from "./row.ts";
import { toLocals, XMM0 } from "./sse_operands.ts";
import { IMPLICIT_LENGTH, StringResult } from "./sse_strings.ts";

/** Bits of the immediate. */
const WORDS = 1;
/** The index of the last element, not the first; a mask of elements, not of bits. */
const OUTPUT = 0x40;

/** [] -> [i32] magnitude of EAX or RAX and the like, 16 at most. */
function explicitLength(b: Builder, o: Operands, register: EngineOperand): void {
  const length = b.temp("i64");
  if (o.size === 8) b.get(register);
  else {
    b.get32(register);
    b.i64_extend_i32_s();
  }
  // The magnitude of the lowest number is itself, as an unsigned number.
  b.local_set(length).i64_const32(0).local_get(length).i64_sub().local_get(length);
  b.local_get(length).i64_const32(0).i64_lt_s().select().local_set(length);
  b.i64_const32(16).local_get(length).local_get(length).i64_const32(16).i64_gt_u().select();
  b.i32_wrap_i64();
}

/** [] -> [] compares; gives locals with IntRes2 and the control. */
function compare(b: Builder, o: Operands, explicit: boolean): { mask: number; control: number } {
  const [result, mask, control] = [b.temp("i32"), b.temp("i32"), b.temp("i32")];
  o[1].probe(b, "r");
  o[0].getV(b);
  o[1].getV(b);
  const [x, y] = toLocals(b);
  for (const operand of [x, y]) {
    for (const half of [0, 1]) b.local_get(operand).i64x2_extract_lane(half);
  }
  for (const register of [RAX, RDX]) {
    if (explicit) explicitLength(b, o, register);
    else b.i32_const(IMPLICIT_LENGTH);
  }
  o[2].unsigned(b);
  b.local_tee(control);
  b.callHelper("sse.strings");
  b.local_tee(result).i32_const(StringResult.mask).i32_and().local_set(mask);
  // CF: any, ZF, SF: ends, OF: the first.
  b.local_get(mask).i32_const(0).i32_ne();
  b.local_get(result).i32_const(StringResult.secondEnds).i32_and().i32_const(10).i32_shr_u();
  b.local_get(result).i32_const(StringResult.firstEnds).i32_and().i32_const(10).i32_shr_u();
  b.local_get(mask).i32_const(1).i32_and().i32_const(11).i32_shl();
  b.i32_or().i32_or().i32_or().i64_extend_i32_u();
  b.setFlags(Flags.status);
  return { mask, control };
}

/** The index of an element in ECX: the number of elements if there is none. */
const index = (explicit: boolean): X86Semantics => (b, o) => {
  const { mask, control } = compare(b, o, explicit);
  b.i32_const(31).local_get(mask).i32_clz().i32_sub();
  b.local_get(mask).i32_ctz();
  b.local_get(control).i32_const(OUTPUT).i32_and().select();
  b.i32_const(16).local_get(control).i32_const(WORDS).i32_and().i32_shr_u();
  b.local_get(mask).select();
  b.set32(RCX);
};

/** The mask in XMM0. */
const mask = (explicit: boolean): X86Semantics => (b, o) => {
  const { mask, control } = compare(b, o, explicit);
  b.local_get(control).i32_const(OUTPUT).i32_and().if_("v128");
  {
    b.local_get(control).i32_const(WORDS).i32_and().if_("v128");
    b.local_get(mask).i16x8_splat().v128_const32(0x00020001, 0x00080004, 0x00200010, 0x00800040);
    b.v128_and().v128_const(0n, 0n).i16x8_ne();
    b.else_();
    // Byte 0 of the mask for the first eight elements, byte 1 for the others.
    b.local_get(mask).i32x4_splat().v128_const32(0, 0, 0x01010101, 0x01010101).i8x16_swizzle();
    b.v128_const32(0x08040201, 0x80402010 | 0, 0x08040201, 0x80402010 | 0);
    b.v128_and().v128_const(0n, 0n).i8x16_ne();
    b.end();
  }
  b.else_();
  b.v128_const(0n, 0n).local_get(mask).i32x4_replace_lane(0);
  b.end();
  b.setV(XMM0);
};

const SIZED: X86RowOptions = { sized: true };

/** All rows of this file. */
export const sseStringRows: readonly X86Row[] = [
  x86("PCMPESTRM V,W16,Ib", "66 0f 3a 60 /r", "sse4_2", mask(true), SIZED),
  x86("PCMPESTRI V,W16,Ib", "66 0f 3a 61 /r", "sse4_2", index(true), SIZED),
  x86("PCMPISTRM V,W16,Ib", "66 0f 3a 62 /r", "sse4_2", mask(false)),
  x86("PCMPISTRI V,W16,Ib", "66 0f 3a 63 /r", "sse4_2", index(false)),
];

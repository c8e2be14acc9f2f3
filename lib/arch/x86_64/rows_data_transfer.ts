/** Moves between general registers and memory (SDM volume 1, 5.1.1), SETcc, LEA, XLAT. */
import type { Builder } from "../../engine/builder.ts";
import { reverseBytes } from "../byte_order.ts";
import { AL, getPart, RAX, RBX, RDX, setPart } from "./implicit_registers.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { fromI32, local, signExtend, typeOf } from "./sized.ts";

const move: X86Semantics = (b, o) => {
  o[1].get(b);
  o[0].set(b);
};

const moveZeroExtended: X86Semantics = (b, o) => {
  o[1].get(b);
  fromI32(b, o.size);
  o[0].set(b);
};

const moveSignExtended: X86Semantics = (b, o) => {
  o[1].get(b);
  signExtend(b, o[1].size);
  if (o.size === 8) b.i64_extend_i32_s();
  o[0].set(b);
};

/** MOVBE, BSWAP. BSWAP of 16 bits, which is undefined, gives zero. */
function reversed(b: Builder, size: number): void {
  if (size === 2) b.i32_const(16).i32_shl();
  reverseBytes(b, typeOf(size));
}

const moveReversed: X86Semantics = (b, o) => {
  o[1].get(b);
  reversed(b, o.size);
  o[0].set(b);
};

const swapBytes: X86Semantics = (b, o) => {
  o[0].get(b);
  if (o.size === 2) b.i32_const(0).i32_and();
  reverseBytes(b, typeOf(o.size));
  o[0].set(b);
};

/** The source is read, and the high half of a 32-bit destination cleared, in any case. */
const moveIf: X86Semantics = (b, o) => {
  o[1].get(b);
  o[0].get(b);
  b.condition(o.cc);
  b.select();
  o[0].set(b);
};

const setIf: X86Semantics = (b, o) => {
  b.condition(o.cc);
  o[0].set(b);
};

const loadEffectiveAddress: X86Semantics = (b, o) => {
  o[1].offset(b);
  if (o.size < 8) b.i32_wrap_i64();
  o[0].set(b);
};

/** 90 is NOP: XCHG of RAX with itself leaves the high half. */
const exchangeAccumulator: X86Semantics = (b, o) => {
  const { size } = o;
  const [x, y] = [local(b, size), local(b, size)];
  o[1].get(b);
  b.local_set(y);
  if (size !== 4) {
    o[0].get(b);
    b.local_set(x).local_get(y);
    o[0].set(b);
    b.local_get(x);
    o[1].set(b);
    return;
  }
  const before = b.temp("i64");
  b.get(RAX);
  b.local_tee(before).i32_wrap_i64();
  o[1].set(b);
  // If RAX is another one now, it is the second operand too: back to what it was.
  b.local_get(y).i64_extend_i32_u().local_get(before);
  b.get(RAX);
  b.local_get(before).i64_eq().select();
  b.set(RAX);
};

/** CBW, CWDE, CDQE: the lower half of the accumulator, sign-extended. */
const convert: X86Semantics = (b, o) => {
  if (o.size === 2) {
    b.get8(AL);
    b.i32_extend8_s();
    b.set16(RAX);
  } else if (o.size === 4) {
    b.get16(RAX);
    b.i32_extend16_s();
    b.set32(RAX);
  } else {
    b.get32(RAX);
    b.i64_extend_i32_s();
    b.set(RAX);
  }
};

/** CWD, CDQ, CQO: rDX gets the accumulator's sign. */
const convertDouble: X86Semantics = (b, o) => {
  getPart(b, RAX, o.size);
  if (o.size === 8) b.i64_const32(63).i64_shr_s();
  else {
    signExtend(b, o.size);
    b.i32_const(31).i32_shr_s();
  }
  setPart(b, RDX, o.size);
};

/** AL gets the byte of a table at rBX. */
const translate: X86Semantics = (b, o) => {
  b.get(RBX);
  b.get8(AL);
  b.i64_extend_i32_u().i64_add();
  o.linear(b);
  b.readAddress(1);
  b.i32_load8_u();
  b.set8(AL);
};

export const dataTransferRows: readonly X86Row[] = [
  x86("MOV Eb,Gb", "88 /r", "base", move),
  x86("MOV Ev,Gv", "89 /r", "base", move),
  x86("MOV Gb,Eb", "8a /r", "base", move),
  x86("MOV Gv,Ev", "8b /r", "base", move),
  x86("MOV AL,Ob", "a0", "base", move),
  x86("MOV rAX,Ov", "a1", "base", move),
  x86("MOV Ob,AL", "a2", "base", move),
  x86("MOV Ov,rAX", "a3", "base", move),
  x86("MOV Zb,Ib", "b0+r", "base", move),
  x86("MOV Zv,Iv", "b8+r", "base", move),
  x86("MOV Eb,Ib", "c6 /0", "base", move),
  x86("MOV Ev,Iz", "c7 /0", "base", move),
  x86("MOVZX Gv,Eb", "0f b6 /r", "base", moveZeroExtended),
  x86("MOVZX Gv,Ew", "0f b7 /r", "base", moveZeroExtended),
  x86("MOVSX Gv,Eb", "0f be /r", "base", moveSignExtended),
  x86("MOVSX Gv,Ew", "0f bf /r", "base", moveSignExtended),
  x86("MOVSXD Gv,Ed", "63 /r", "base", moveSignExtended, { o64: true }),
  x86("MOVNTI My,Gy", "NP 0f c3 /r", "base", move),
  x86("MOVBE Gv,Mv", "NFx 0f 38 f0 /r", "movbe", moveReversed),
  x86("MOVBE Mv,Gv", "NFx 0f 38 f1 /r", "movbe", moveReversed),
  x86("BSWAP Zy", "0f c8+r", "base", swapBytes),
  x86("LEA Gv,M0", "8d /r", "base", loadEffectiveAddress),
  x86("XCHG rAX,Zv", "90+r", "base", exchangeAccumulator),
  x86("XLAT", "d7", "base", translate, { addressSized: true }),
  x86("CMOVcc Gv,Ev", "0f 40+cc /r", "base", moveIf),
  x86("SETcc Eb", "0f 90+cc /r", "base", setIf),
  x86("CBW", "98", "base", convert, { sized: true }),
  x86("CWD", "99", "base", convertDouble, { sized: true }),
];

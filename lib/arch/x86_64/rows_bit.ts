/**
 * Tests of single bits, bit scans and counts (SDM volume 1, 5.1.6). BMI1 and BMI2 are in rows_bmi.ts.
 * Flags that are undefined: after BT and its like OF is clear and the others stay; after scans they are
 * those of the source, after LZCNT and TZCNT those of the result.
 */
import type { Builder } from "../../engine/builder.ts";
import { Carries, flagKind, Flags } from "./flags.ts";
import { getPart } from "./implicit_registers.ts";
import type { Operands } from "./operands.ts";
import { modifyProbed } from "./read_modify_write.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { constant, fromI32, local, op, widen } from "./sized.ts";

// ---- tests of one bit

/** What makes the new value of the old one and the bit; for BTR all other bits. */
const CHANGES = { BTS: "or", BTR: "and", BTC: "xor" } as const;
type Change = keyof typeof CHANGES;

/** [] -> [] the number of the bit, within the operand, to a local. */
function takeNumber(b: Builder, o: Operands, number: number): void {
  const { size } = o[0];
  if (o[1].kind === "immediate") {
    o[1].unsigned(b);
    fromI32(b, size);
  } else o[1].get(b);
  constant(b, size, 8 * size - 1);
  op(b, size, "and");
  b.local_set(number);
}

/** [] -> [] A number in a register may lie beyond the operand, in either direction. */
function probe(b: Builder, o: Operands, access: "r" | "rw"): void {
  const { size } = o[0];
  if (!o[0].isMemory || o[1].kind === "immediate") {
    o[0].probe(b, access);
    return;
  }
  o[1].get(b);
  if (size === 2) b.i32_extend16_s();
  if (size < 8) b.i64_extend_i32_s();
  b.i64_const32(Math.log2(8 * size)).i64_shr_s().i64_const32(Math.log2(size)).i64_shl();
  o[0].probePlus(b, access);
}

/** [] -> [] CF is a bit of a value; both, value and number, are in locals. ZF stays. */
function setBitFlags(b: Builder, size: number, value: number, number: number): void {
  b.restingFlags();
  // OF is clear: both carries are the bit.
  b.i64_const_parts(-1, ~(Carries.out | Carries.into)).i64_and();
  b.local_get(value).local_get(number);
  op(b, size, "shr_u");
  widen(b, size);
  b.i64_const32(63).i64_shl().i64_const32(1).i64_shr_s();
  b.i64_const_parts(0, Carries.out | Carries.into).i64_and().i64_or();
  b.setFlags(Flags.mixed);
}

const testBit: X86Semantics = (b, o) => {
  const { size } = o[0];
  const [number, value] = [local(b, size), local(b, size)];
  takeNumber(b, o, number);
  probe(b, o, "r");
  o[0].get(b);
  b.local_set(value);
  setBitFlags(b, size, value, number);
};

const testAndChangeBit = (change: Change): X86Semantics => (b, o) => {
  const { size } = o[0];
  const number = local(b, size);
  const name = CHANGES[change];
  const mask = (): void => {
    constant(b, size, change === "BTR" ? -2 : 1);
    b.local_get(number);
    op(b, size, change === "BTR" ? "rotl" : "shl");
  };
  takeNumber(b, o, number);
  probe(b, o, "rw");
  const old = modifyProbed(b, o[0], (old) => {
    b.local_get(old);
    mask();
    op(b, size, name);
  }, o.lock ? { name, operand: mask } : undefined);
  setBitFlags(b, size, old, number);
};

/** Both encodings. */
function bitTest(name: string, opcode: string, number: number, semantics: X86Semantics): X86Row[] {
  const lock = name !== "BT";
  return [
    x86(`${name} Ev,Gv`, `0f ${opcode} /r`, "base", semantics, { lock }),
    x86(`${name} Ev,Ib`, `0f ba /${number}`, "base", semantics, { lock }),
  ];
}

// ---- scans and counts

/** [i32] -> [] flags of a result, with CF from the stack; OF and AF are clear. */
export function setResultFlags(b: Builder, size: number, result: number): void {
  const carry = b.temp("i32");
  b.local_set(carry).local_get(result);
  if (size < 8) b.i64_extend_i32_s();
  b.i64_const32(0).local_get(carry).i64_extend_i32_u().i64_sub();
  b.i64_const_parts(0, Carries.out | Carries.into).i64_and();
  b.setFlags(Flags.mixed);
}

/** Of zero, the whole destination stays. */
const scan = (name: "ctz" | "clz"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const source = local(b, size);
  o[1].get(b);
  b.local_tee(source);
  op(b, size, name);
  if (name === "clz") {
    // From the count of zeros above to the number of the bit.
    constant(b, size, size === 8 ? 63 : 31);
    op(b, size, "xor");
  }
  if (size === 4) b.i64_extend_i32_u();
  getPart(b, o[0].raw, size === 4 ? 8 : size);
  b.local_get(source);
  op(b, size, "eqz");
  b.i32_eqz().select();
  if (size === 4) b.set(o[0].raw);
  else o[0].set(b);
  b.local_get(source);
  widen(b, size);
  b.setFlags(flagKind(Flags.logic, size));
};

/** TZCNT, LZCNT. CF: the source is zero. */
const countZeros = (name: "ctz" | "clz"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const [source, result] = [local(b, size), local(b, size)];
  o[1].get(b);
  b.local_tee(source);
  if (size === 2) {
    // A bit beyond the sixteen ends the count.
    if (name === "ctz") b.i32_const(0x10000).i32_or();
    else b.i32_const(16).i32_shl().i32_const(0x8000).i32_or();
  }
  op(b, size, name);
  b.local_tee(result);
  o[0].set(b);
  b.local_get(source);
  op(b, size, "eqz");
  setResultFlags(b, size, result);
};

/** All flags but ZF are clear. */
const countOnes: X86Semantics = (b, o) => {
  const { size } = o[0];
  const source = local(b, size);
  o[1].get(b);
  b.local_tee(source);
  op(b, size, "popcnt");
  o[0].set(b);
  b.local_get(source);
  op(b, size, "eqz");
  b.i64_extend_i32_u().i64_const32(6).i64_shl();
  b.setFlags(Flags.status);
};

/** CRC32C of the source, continued from the destination. */
const checksum: X86Semantics = (b, o) => {
  const { size } = o[1];
  const source = local(b, size);
  o[1].get(b);
  b.local_set(source);
  if (o[0].size === 8) {
    o[0].get(b);
    b.i32_wrap_i64();
  } else o[0].get(b);
  b.local_get(source);
  if (size === 8) {
    b.i32_wrap_i64().local_get(source).i64_const32(32).i64_shr_u().i32_wrap_i64();
  }
  b.callHelper(`crc32c${{ 1: "b", 2: "h", 4: "w", 8: "x" }[size]}`);
  fromI32(b, o[0].size);
  o[0].set(b);
};

export const bitRows: readonly X86Row[] = [
  ...bitTest("BT", "a3", 4, testBit),
  ...bitTest("BTS", "ab", 5, testAndChangeBit("BTS")),
  ...bitTest("BTR", "b3", 6, testAndChangeBit("BTR")),
  ...bitTest("BTC", "bb", 7, testAndChangeBit("BTC")),
  x86("BSF Gv,Ev", "0f bc /r", "base", scan("ctz")),
  x86("BSR Gv,Ev", "0f bd /r", "base", scan("clz")),
  x86("TZCNT Gv,Ev", "f3 0f bc /r", "bmi1", countZeros("ctz")),
  x86("LZCNT Gv,Ev", "f3 0f bd /r", "lzcnt", countZeros("clz")),
  x86("POPCNT Gv,Ev", "f3 0f b8 /r", "popcnt", countOnes),
  x86("CRC32 Gy,Eb", "f2 0f 38 f0 /r", "crc32", checksum),
  x86("CRC32 Gy,Ev", "f2 0f 38 f1 /r", "crc32", checksum),
];

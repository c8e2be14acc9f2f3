/** Data processing with one, two and three source registers (Arm ARM, C4.1.89): bits, shifts, products, quotients, CRC32. */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type Row, row } from "../../engine/row.ts";
import { reverseBytes, swapBytes, swapGroups, swapHalfwords } from "../byte_order.ts";
import { multiplyHigh } from "../multiply_high.ts";
import { constant, getReg, op, setReg, temp } from "./datasize.ts";

const BASE = "FEAT_AA64";

// ---- one source

type Unary = (b: Builder, f: Fields<"sf" | "Rn" | "Rd">) => void;

const unary = (change: (b: Builder, sf: number) => void): Unary => (b, f) => {
  getReg(b, f.sf, f.Rn);
  change(b, f.sf);
  setReg(b, f.sf, f.Rd);
};

const typeOf = (sf: number): "i32" | "i64" => sf ? "i64" : "i32";

function reverseBits(b: Builder, sf: number): void {
  swapGroups(b, typeOf(sf), 1, 0x55555555);
  swapGroups(b, typeOf(sf), 2, 0x33333333);
  swapGroups(b, typeOf(sf), 4, 0x0f0f0f0f);
  reverseBytes(b, typeOf(sf));
}

/** Bits after the sign bit that equal it: leading zeros of x ^ (x >> 1), less one. */
function countLeadingSigns(b: Builder, sf: number): void {
  const value = temp(b, sf);
  b.local_tee(value);
  b.local_get(value);
  constant(b, sf, 1);
  op(b, sf, "shr_s");
  op(b, sf, "xor");
  op(b, sf, "clz");
  constant(b, sf, 1);
  op(b, sf, "sub");
}

const oneSourceRows: readonly Row[] = [
  row("sf 1 0 11010110 00000 000000 Rn:5 Rd:5", "RBIT", BASE, unary(reverseBits), {
    asm: "rbit {Rd}, {Rn}",
  }),
  row(
    "sf 1 0 11010110 00000 000001 Rn:5 Rd:5",
    "REV16",
    BASE,
    unary((b, sf) => swapBytes(b, typeOf(sf))),
    {
      asm: "rev16 {Rd}, {Rn}",
    },
  ),
  row("0 1 0 11010110 00000 000010 Rn:5 Rd:5", "REV (w)", BASE, (b, f) => {
    b.get32(f.Rn);
    reverseBytes(b, "i32");
    b.set32(f.Rd);
  }, { asm: "rev {Rd:w}, {Rn:w}" }),
  row("1 1 0 11010110 00000 000010 Rn:5 Rd:5", "REV32", BASE, (b, f) => {
    b.get(f.Rn);
    swapBytes(b, "i64");
    swapHalfwords(b, "i64");
    b.set(f.Rd);
  }, { asm: "rev32 {Rd:x}, {Rn:x}" }),
  row("1 1 0 11010110 00000 000011 Rn:5 Rd:5", "REV (x)", BASE, (b, f) => {
    b.get(f.Rn);
    reverseBytes(b, "i64");
    b.set(f.Rd);
  }, { asm: "rev {Rd:x}, {Rn:x}" }),
  row("sf 1 0 11010110 00000 000100 Rn:5 Rd:5", "CLZ", BASE, unary((b, sf) => op(b, sf, "clz")), {
    asm: "clz {Rd}, {Rn}",
  }),
  row("sf 1 0 11010110 00000 000101 Rn:5 Rd:5", "CLS", BASE, unary(countLeadingSigns), {
    asm: "cls {Rd}, {Rn}",
  }),
];

// ---- two sources

type BinaryFields = "sf" | "Rm" | "Rn" | "Rd";

/** Division by zero gives zero. */
function divideUnsigned(b: Builder, f: Fields<BinaryFields>): void {
  const divisor = temp(b, f.sf);
  getReg(b, f.sf, f.Rm);
  b.local_set(divisor);
  getReg(b, f.sf, f.Rn);
  b.local_get(divisor);
  constant(b, f.sf, 1);
  b.local_get(divisor);
  op(b, f.sf, "eqz");
  b.i32_eqz().select();
  op(b, f.sf, "div_u");
  constant(b, f.sf, 0);
  b.local_get(divisor);
  op(b, f.sf, "eqz");
  b.i32_eqz().select();
  setReg(b, f.sf, f.Rd);
}

/** For divisors 0 and -1 the quotient is 0 - (dividend & divisor): zero, and negation that may wrap. */
function divideSigned(b: Builder, f: Fields<BinaryFields>): void {
  const dividend = temp(b, f.sf);
  const divisor = temp(b, f.sf);
  const ordinary = b.temp("i32");
  getReg(b, f.sf, f.Rn);
  b.local_set(dividend);
  getReg(b, f.sf, f.Rm);
  b.local_set(divisor);
  b.local_get(divisor);
  constant(b, f.sf, 1);
  op(b, f.sf, "add");
  constant(b, f.sf, 1);
  op(b, f.sf, "gt_u");
  b.local_set(ordinary);
  b.local_get(dividend);
  b.local_get(divisor);
  constant(b, f.sf, 1);
  b.local_get(ordinary).select();
  op(b, f.sf, "div_s");
  constant(b, f.sf, 0);
  b.local_get(dividend).local_get(divisor);
  op(b, f.sf, "and");
  op(b, f.sf, "sub");
  b.local_get(ordinary).select();
  setReg(b, f.sf, f.Rd);
}

/** Shift amounts are taken modulo the width, by WebAssembly too. */
const variableShift =
  (name: "shl" | "shr_u" | "shr_s" | "rotr") => (b: Builder, f: Fields<BinaryFields>): void => {
    getReg(b, f.sf, f.Rn);
    getReg(b, f.sf, f.Rm);
    op(b, f.sf, name);
    setReg(b, f.sf, f.Rd);
  };

/** [] -> [] CRC of 1 << size bytes of Rm, continued from Rn. */
const checksum = (polynomial: "crc32" | "crc32c") =>
(
  b: Builder,
  f: Fields<"size" | "Rm" | "Rn" | "Rd">,
): void => {
  b.get32(f.Rn);
  b.get32(f.Rm);
  if (f.size === 3) {
    b.get(f.Rm);
    b.i64_const32(32).i64_shr_u().i32_wrap_i64();
  }
  b.callHelper(polynomial + "bhwx"[f.size]);
  b.set32(f.Rd);
};

const twoSourceRows: readonly Row[] = [
  row("sf 0 0 11010110 Rm:5 000010 Rn:5 Rd:5", "UDIV", BASE, divideUnsigned, {
    asm: "udiv {Rd}, {Rn}, {Rm}",
  }),
  row("sf 0 0 11010110 Rm:5 000011 Rn:5 Rd:5", "SDIV", BASE, divideSigned, {
    asm: "sdiv {Rd}, {Rn}, {Rm}",
  }),
  row("sf 0 0 11010110 Rm:5 001000 Rn:5 Rd:5", "LSLV", BASE, variableShift("shl"), {
    asm: "lsl {Rd}, {Rn}, {Rm}",
  }),
  row("sf 0 0 11010110 Rm:5 001001 Rn:5 Rd:5", "LSRV", BASE, variableShift("shr_u"), {
    asm: "lsr {Rd}, {Rn}, {Rm}",
  }),
  row("sf 0 0 11010110 Rm:5 001010 Rn:5 Rd:5", "ASRV", BASE, variableShift("shr_s"), {
    asm: "asr {Rd}, {Rn}, {Rm}",
  }),
  row("sf 0 0 11010110 Rm:5 001011 Rn:5 Rd:5", "RORV", BASE, variableShift("rotr"), {
    asm: "ror {Rd}, {Rn}, {Rm}",
  }),
  row(
    "rawSf 0 0 11010110 Rm:5 010 0 size:2 Rn:5 Rd:5",
    "CRC32B, CRC32H, CRC32W, CRC32X",
    "FEAT_CRC32",
    checksum("crc32"),
    {
      when: (f) => f.rawSf === (f.size === 3 ? 1 : 0),
      asm: "crc32{size:bhwx} {Rd:w}, {Rn:w}, {Rm}",
    },
  ),
  row(
    "rawSf 0 0 11010110 Rm:5 010 1 size:2 Rn:5 Rd:5",
    "CRC32CB, CRC32CH, CRC32CW, CRC32CX",
    "FEAT_CRC32",
    checksum("crc32c"),
    {
      when: (f) => f.rawSf === (f.size === 3 ? 1 : 0),
      asm: "crc32c{size:bhwx} {Rd:w}, {Rn:w}, {Rm}",
    },
  ),
];

// ---- three sources

/** [product] -> [Ra + product] or [Ra - product]; `sum` is 0 when Ra is the zero register. */
const multiply =
  (name: "add" | "sub") =>
  (b: Builder, f: Fields<"sf" | "sum" | "Rm" | "Ra" | "Rn" | "Rd">): void => {
    if (f.sum) getReg(b, f.sf, f.Ra);
    else if (name === "sub") constant(b, f.sf, 0);
    getReg(b, f.sf, f.Rn);
    getReg(b, f.sf, f.Rm);
    op(b, f.sf, "mul");
    if (f.sum || name === "sub") op(b, f.sf, name);
    setReg(b, f.sf, f.Rd);
  };

const multiplyLong = (name: "add" | "sub", signed: boolean) =>
(
  b: Builder,
  f: Fields<"sum" | "Rm" | "Ra" | "Rn" | "Rd">,
): void => {
  if (f.sum) b.get(f.Ra);
  else if (name === "sub") b.i64_const32(0);
  b.get32(f.Rn);
  signed ? b.i64_extend_i32_s() : b.i64_extend_i32_u();
  b.get32(f.Rm);
  signed ? b.i64_extend_i32_s() : b.i64_extend_i32_u();
  b.i64_mul();
  if (f.sum || name === "sub") op(b, 1, name);
  b.set(f.Rd);
};

const sum = (f: { readonly Ra: number }): number => f.Ra === 31 ? 0 : 1;

const multiplyLongHigh = (signed: boolean) => (b: Builder, f: Fields<"Rm" | "Rn" | "Rd">): void => {
  const [n, m] = [b.temp("i64"), b.temp("i64")];
  b.get(f.Rn);
  b.local_set(n);
  b.get(f.Rm);
  b.local_set(m);
  multiplyHigh(b, n, m, signed);
  b.set(f.Rd);
};

const threeSourceRows: readonly Row[] = [
  row("sf 00 11011 000 Rm:5 0 Ra:5 Rn:5 Rd:5", "MADD", BASE, multiply("add"), {
    derive: { sum },
    asm: "madd {Rd}, {Rn}, {Rm}, {Ra}",
  }),
  row("sf 00 11011 000 Rm:5 1 Ra:5 Rn:5 Rd:5", "MSUB", BASE, multiply("sub"), {
    derive: { sum },
    asm: "msub {Rd}, {Rn}, {Rm}, {Ra}",
  }),
  row("1 00 11011 001 Rm:5 0 Ra:5 Rn:5 Rd:5", "SMADDL", BASE, multiplyLong("add", true), {
    derive: { sum },
    asm: "smaddl {Rd:x}, {Rn:w}, {Rm:w}, {Ra:x}",
  }),
  row("1 00 11011 001 Rm:5 1 Ra:5 Rn:5 Rd:5", "SMSUBL", BASE, multiplyLong("sub", true), {
    derive: { sum },
    asm: "smsubl {Rd:x}, {Rn:w}, {Rm:w}, {Ra:x}",
  }),
  row("1 00 11011 010 Rm:5 0 rawRa:5 Rn:5 Rd:5", "SMULH", BASE, multiplyLongHigh(true), {
    asm: "smulh {Rd:x}, {Rn:x}, {Rm:x}",
  }),
  row("1 00 11011 101 Rm:5 0 Ra:5 Rn:5 Rd:5", "UMADDL", BASE, multiplyLong("add", false), {
    derive: { sum },
    asm: "umaddl {Rd:x}, {Rn:w}, {Rm:w}, {Ra:x}",
  }),
  row("1 00 11011 101 Rm:5 1 Ra:5 Rn:5 Rd:5", "UMSUBL", BASE, multiplyLong("sub", false), {
    derive: { sum },
    asm: "umsubl {Rd:x}, {Rn:w}, {Rm:w}, {Ra:x}",
  }),
  row("1 00 11011 110 Rm:5 0 rawRa:5 Rn:5 Rd:5", "UMULH", BASE, multiplyLongHigh(false), {
    asm: "umulh {Rd:x}, {Rn:x}, {Rm:x}",
  }),
];

/** One, two and three sources. */
export const dataProcessingSourcesRows: readonly Row[] = [
  ...oneSourceRows,
  ...twoSourceRows,
  ...threeSourceRows,
];

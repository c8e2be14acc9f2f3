/** Data processing, immediate (Arm ARM, C4.1.86): PC-relative, add/subtract, logical, move wide, bitfield, extract. */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type RawFields, type Row, row } from "../../engine/row.ts";
import { constant, getImm, getReg, op, setReg } from "./datasize.ts";
import type { IntegerOp } from "../integer_op.ts";
import { Flags } from "./flags.ts";
import { logicalImmediate } from "./logical_immediate.ts";

const BASE = "FEAT_AA64";

// ---- PC-relative addressing

/** Signed 21-bit immhi:immlo. */
const pcOffset = (f: RawFields<"rawImmhi" | "rawImmlo">): number =>
  (((f.rawImmhi << 2) | f.rawImmlo) << 11) >> 11;

// ---- add and subtract

const shiftedImm12 = (f: RawFields<"rawSh" | "rawImm12">): number => f.rawImm12 << (12 * f.rawSh);

const addSub = (name: "add" | "sub") =>
(
  b: Builder,
  f: Fields<"sf" | "imm" | "Rn_sp" | "Rd_sp">,
): void => {
  getReg(b, f.sf, f.Rn_sp);
  getImm(b, f.sf, f.imm);
  op(b, f.sf, name);
  setReg(b, f.sf, f.Rd_sp);
};

const addSubFlags = (name: "add" | "sub") =>
(
  b: Builder,
  f: Fields<"sf" | "imm" | "Rn_sp" | "Rd">,
): void => {
  const first = b.temp("i64");
  b.get(f.Rn_sp);
  b.local_tee(first);
  b.imm(f.imm);
  if (name === "add") b.setFlags(f.sf ? Flags.add64 : Flags.add32);
  else b.setFlags(f.sf ? Flags.sub64 : Flags.sub32);
  b.local_get(first);
  b.imm(f.imm);
  b[`i64_${name}`]();
  setLow(b, f.sf, f.Rd);
};

/** [i64] -> [] the result in the width of sf. */
function setLow(b: Builder, sf: number, rd: Fields<"Rd">["Rd"]): void {
  if (sf) b.set(rd);
  else {
    b.i32_wrap_i64();
    b.set32(rd);
  }
}

// ---- logical

type MaskFields = "sf" | "rawN" | "rawImmr" | "rawImms";
const maskValid = (f: RawFields<MaskFields>): boolean =>
  logicalImmediate(f.sf, f.rawN, f.rawImmr, f.rawImms) !== undefined;
const maskValue = (f: RawFields<MaskFields>): number | bigint =>
  logicalImmediate(f.sf, f.rawN, f.rawImmr, f.rawImms) ?? 0;

const logical = (name: "and" | "or" | "xor") =>
(
  b: Builder,
  f: Fields<"sf" | "imm" | "Rn" | "Rd_sp">,
): void => {
  getReg(b, f.sf, f.Rn);
  getImm(b, f.sf, f.imm);
  op(b, f.sf, name);
  setReg(b, f.sf, f.Rd_sp);
};

function andFlags(b: Builder, f: Fields<"sf" | "imm" | "Rn" | "Rd">): void {
  const result = b.temp("i64");
  b.get(f.Rn);
  b.imm(f.imm);
  b.i64_and().local_tee(result);
  b.setFlags(f.sf ? Flags.logic64 : Flags.logic32);
  b.local_get(result);
  setLow(b, f.sf, f.Rd);
}

// ---- move wide

type WideFields = "rawSf" | "rawHw" | "rawImm16";
const wideValid = (f: RawFields<"rawSf" | "rawHw">): boolean => f.rawSf === 1 || f.rawHw < 2;

/** imm16 shifted left by 16 * hw. */
function wide(f: RawFields<"rawHw" | "rawImm16">): number | bigint {
  if (f.rawHw < 3) return f.rawImm16 * 2 ** (16 * f.rawHw);
  return BigInt.asIntN(64, BigInt(f.rawImm16) << 48n);
}

function wideInverted(f: RawFields<WideFields>): number | bigint {
  if (f.rawHw === 3) return ~(wide(f) as bigint);
  const inverted = -(wide(f) as number) - 1;
  return f.rawSf === 1 ? inverted : inverted >>> 0;
}

function moveKeep(b: Builder, f: Fields<"sf" | "hw" | "imm" | "Rd">): void {
  const mask = ~(0xffff << (16 * (f.hw & 1)));
  getReg(b, f.sf, f.Rd);
  if (!f.sf) b.i32_const(mask);
  else if (f.hw < 2) b.i64_const_parts(mask, -1);
  else b.i64_const_parts(-1, mask);
  op(b, f.sf, "and");
  getImm(b, f.sf, f.imm);
  op(b, f.sf, "or");
  setReg(b, f.sf, f.Rd);
}

// ---- bitfield

type BitfieldFields = "sf" | "rawN" | "rawImmr" | "rawImms";
const bitfieldValid = (f: RawFields<BitfieldFields>): boolean =>
  f.sf === f.rawN && (f.sf === 1 || (f.rawImmr < 32 && f.rawImms < 32));

/**
 * SBFM and UBFM are `(x << left) >> right`: the field's top bit goes to the top, then down to its
 * place. Either shift may be by 0 (`form`: 1 only right, 2 only left): LSR, ASR, LSL and extensions.
 */
const left = (f: RawFields<BitfieldFields>): number => (f.sf ? 63 : 31) - f.rawImms;
const right = (f: RawFields<BitfieldFields>): number => (left(f) + f.rawImmr) & (f.sf ? 63 : 31);
const bitfieldShifts = {
  imm8left: left,
  imm8right: right,
  form: (f: RawFields<BitfieldFields>): number => left(f) === 0 ? 1 : right(f) === 0 ? 2 : 0,
};

const bitfieldMove = (shift: "shr_s" | "shr_u") =>
(
  b: Builder,
  f: Fields<"sf" | "Rn" | "Rd" | "imm8left" | "imm8right" | "form">,
): void => {
  getReg(b, f.sf, f.Rn);
  if (f.form !== 1) {
    getImm(b, f.sf, f.imm8left);
    op(b, f.sf, "shl");
  }
  if (f.form !== 2) {
    getImm(b, f.sf, f.imm8right);
    op(b, f.sf, shift);
  }
  setReg(b, f.sf, f.Rd);
};

/** The bits that BFM writes: imms - immr + 1 from bit 0, or imms + 1 from bit width - immr. */
function insertMask(f: RawFields<BitfieldFields>): number | bigint {
  const width = f.sf ? 64 : 32;
  const low = f.rawImms >= f.rawImmr ? 0 : width - f.rawImmr;
  const ones = f.rawImms >= f.rawImmr ? f.rawImms - f.rawImmr + 1 : f.rawImms + 1;
  if (low + ones < 53) return (2 ** ones - 1) * 2 ** low;
  return BigInt.asIntN(64, ((1n << BigInt(ones)) - 1n) << BigInt(low));
}

/** Rd ^ ((Rd ^ ROR(Rn, immr)) & mask). */
function bitfieldInsert(b: Builder, f: Fields<"sf" | "Rn" | "Rd" | "immr" | "imm">): void {
  getReg(b, f.sf, f.Rd);
  getReg(b, f.sf, f.Rd);
  getReg(b, f.sf, f.Rn);
  getImm(b, f.sf, f.immr);
  op(b, f.sf, "rotr");
  op(b, f.sf, "xor");
  getImm(b, f.sf, f.imm);
  op(b, f.sf, "and");
  op(b, f.sf, "xor");
  setReg(b, f.sf, f.Rd);
}

// ---- extract

/** (Rn:Rm) >> lsb. The left shift is done in two steps because lsb may be 0. */
function extract(b: Builder, f: Fields<"sf" | "rotate" | "Rm" | "Rn" | "Rd" | "imms">): void {
  const binary = (name: IntegerOp): void => op(b, f.sf, name);
  getReg(b, f.sf, f.Rn);
  if (f.rotate) {
    getImm(b, f.sf, f.imms);
    binary("rotr");
  } else {
    constant(b, f.sf, 1);
    binary("shl");
    getImm(b, f.sf, f.imms);
    constant(b, f.sf, f.sf ? 63 : 31);
    binary("xor");
    binary("shl");
    getReg(b, f.sf, f.Rm);
    getImm(b, f.sf, f.imms);
    binary("shr_u");
    binary("or");
  }
  setReg(b, f.sf, f.Rd);
}

/** Instructions whose second operand is an immediate. */
export const dataProcessingImmediateRows: readonly Row[] = [
  row("0 rawImmlo:2 10000 rawImmhi:19 Rd:5", "ADR", BASE, (b, f) => {
    b.pcRelative(f.imm);
    b.set(f.Rd);
  }, { derive: { imm: pcOffset }, asm: "adr {Rd:x}, {imm:label}" }),
  row("1 rawImmlo:2 10000 rawImmhi:19 Rd:5", "ADRP", BASE, (b, f) => {
    b.pc();
    b.i64_const32(-4096).i64_and();
    b.imm(f.imm);
    b.i64_add();
    b.set(f.Rd);
  }, { derive: { imm: (f) => pcOffset(f) * 4096 }, asm: "adrp {Rd:x}, {imm:page}" }),

  row("sf 0 0 100010 rawSh rawImm12:12 Rn_sp:5 Rd_sp:5", "ADD (immediate)", BASE, addSub("add"), {
    derive: { imm: shiftedImm12 },
    asm: "add {Rd_sp}, {Rn_sp}, {imm12}",
  }),
  row(
    "sf 0 1 100010 rawSh rawImm12:12 Rn_sp:5 Rd:5",
    "ADDS (immediate)",
    BASE,
    addSubFlags("add"),
    { derive: { imm: shiftedImm12 }, asm: "adds {Rd}, {Rn_sp}, {imm12}" },
  ),
  row("sf 1 0 100010 rawSh rawImm12:12 Rn_sp:5 Rd_sp:5", "SUB (immediate)", BASE, addSub("sub"), {
    derive: { imm: shiftedImm12 },
    asm: "sub {Rd_sp}, {Rn_sp}, {imm12}",
  }),
  row(
    "sf 1 1 100010 rawSh rawImm12:12 Rn_sp:5 Rd:5",
    "SUBS (immediate)",
    BASE,
    addSubFlags("sub"),
    { derive: { imm: shiftedImm12 }, asm: "subs {Rd}, {Rn_sp}, {imm12}" },
  ),

  row(
    "sf 00 100100 rawN rawImmr:6 rawImms:6 Rn:5 Rd_sp:5",
    "AND (immediate)",
    BASE,
    logical("and"),
    { when: maskValid, derive: { imm: maskValue }, asm: "and {Rd_sp}, {Rn}, {imm:mask}" },
  ),
  row(
    "sf 01 100100 rawN rawImmr:6 rawImms:6 Rn:5 Rd_sp:5",
    "ORR (immediate)",
    BASE,
    logical("or"),
    { when: maskValid, derive: { imm: maskValue }, asm: "orr {Rd_sp}, {Rn}, {imm:mask}" },
  ),
  row(
    "sf 10 100100 rawN rawImmr:6 rawImms:6 Rn:5 Rd_sp:5",
    "EOR (immediate)",
    BASE,
    logical("xor"),
    { when: maskValid, derive: { imm: maskValue }, asm: "eor {Rd_sp}, {Rn}, {imm:mask}" },
  ),
  row("sf 11 100100 rawN rawImmr:6 rawImms:6 Rn:5 Rd:5", "ANDS (immediate)", BASE, andFlags, {
    when: maskValid,
    derive: { imm: maskValue },
    asm: "ands {Rd}, {Rn}, {imm:mask}",
  }),

  row("rawSf 00 100101 rawHw:2 rawImm16:16 Rd:5", "MOVN", BASE, (b, f) => {
    b.imm(f.imm);
    b.set(f.Rd);
  }, { when: wideValid, derive: { imm: wideInverted }, asm: "movn {Rd}, {imm16}" }),
  row("rawSf 10 100101 rawHw:2 rawImm16:16 Rd:5", "MOVZ", BASE, (b, f) => {
    b.imm(f.imm);
    b.set(f.Rd);
  }, { when: wideValid, derive: { imm: wide }, asm: "movz {Rd}, {imm16}" }),
  row("sf 11 100101 hw:2 rawImm16:16 Rd:5", "MOVK", BASE, moveKeep, {
    when: (f) => f.sf === 1 || f.hw < 2,
    derive: { imm: (f) => wide({ rawHw: f.hw, rawImm16: f.rawImm16 }) },
    asm: "movk {Rd}, {imm16}",
  }),

  row(
    "sf 00 100110 rawN rawImmr:6 rawImms:6 Rn:5 Rd:5",
    "SBFM",
    BASE,
    bitfieldMove("shr_s"),
    { when: bitfieldValid, derive: bitfieldShifts, asm: "sbfm {Rd}, {Rn}, {rawImmr}, {rawImms}" },
  ),
  row("sf 01 100110 rawN immr:6 rawImms:6 Rn:5 Rd:5", "BFM", BASE, bitfieldInsert, {
    when: (f) => bitfieldValid({ ...f, rawImmr: f.immr }),
    derive: { imm: (f) => insertMask({ ...f, rawImmr: f.immr }) },
    asm: "bfm {Rd}, {Rn}, {immr}, {rawImms}",
  }),
  row(
    "sf 10 100110 rawN rawImmr:6 rawImms:6 Rn:5 Rd:5",
    "UBFM",
    BASE,
    bitfieldMove("shr_u"),
    { when: bitfieldValid, derive: bitfieldShifts, asm: "ubfm {Rd}, {Rn}, {rawImmr}, {rawImms}" },
  ),

  row("sf 00 100111 rawN 0 Rm:5 imms:6 Rn:5 Rd:5", "EXTR", BASE, extract, {
    when: (f) => f.sf === f.rawN && (f.sf === 1 || f.imms < 32),
    derive: { rotate: (f) => f.Rn === f.Rm ? 1 : 0 },
    asm: "extr {Rd}, {Rn}, {Rm}, {imms}",
  }),
];

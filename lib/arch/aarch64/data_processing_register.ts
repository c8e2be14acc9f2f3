/**
 * Data processing, register (Arm ARM, C4.1.89): logical, add/subtract, with carry, conditional
 * compare and select (in data_processing_conditional.ts). The one-, two- and three-source groups are in
 * data_processing_sources.ts.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type Operand, type RawFields, type Row, row } from "../../engine/row.ts";
import { constant, getReg, op, setReg, temp, widen } from "./datasize.ts";
import { conditionalRows } from "./data_processing_conditional.ts";
import { Flags } from "./flags.ts";

const BASE = "FEAT_AA64";

// ---- shifted register operand

/** Kinds of shift, as encoded; `none` when the amount is 0. */
const Shift = { lsl: 0, lsr: 1, asr: 2, ror: 3, none: 4 } as const;
const SHIFTS = ["shl", "shr_u", "shr_s", "rotr"] as const;

const shiftOf = (f: RawFields<"rawShift" | "imm6">): number =>
  f.imm6 === 0 ? Shift.none : f.rawShift;
const amountValid = (f: RawFields<"sf" | "imm6">): boolean => f.sf === 1 || f.imm6 < 32;

/** [] -> [i32 or i64] */
function shifted(b: Builder, f: Fields<"sf" | "shift" | "Rm" | "imm6">): void {
  getReg(b, f.sf, f.Rm);
  if (f.shift === Shift.none) return;
  if (f.sf) b.imm(f.imm6);
  else b.imm32(f.imm6);
  op(b, f.sf, SHIFTS[f.shift]);
}

// ---- extended register operand

/** [] -> [i32 or i64] Rm extended as `option` says, shifted left by imm3 (0..4). */
function extended(b: Builder, f: Fields<"sf" | "option" | "scaled" | "Rm" | "imm3">): void {
  extendLow(b, f.sf, f.option, f.Rm);
  if (!f.scaled) return;
  if (f.sf) b.imm(f.imm3);
  else b.imm32(f.imm3);
  op(b, f.sf, "shl");
}

/** [] -> [i32 or i64] UXTB, UXTH, UXTW, UXTX, SXTB, SXTH, SXTW, SXTX. */
function extendLow(b: Builder, sf: number, option: number, rm: Operand): void {
  const size = option & 3;
  if (size === 3 || (size === 2 && !sf)) return getReg(b, sf, rm);
  if (option & 4) {
    if (size === 2) {
      b.get32(rm);
      b.i64_extend_i32_s();
      return;
    }
    getReg(b, sf, rm);
    if (sf) size === 0 ? b.i64_extend8_s() : b.i64_extend16_s();
    else size === 0 ? b.i32_extend8_s() : b.i32_extend16_s();
    return;
  }
  if (size === 2) {
    b.get32(rm);
    b.i64_extend_i32_u();
    return;
  }
  getReg(b, sf, rm);
  constant(b, sf, size === 0 ? 0xff : 0xffff);
  op(b, sf, "and");
}

// ---- logical

const logical = (name: "and" | "or" | "xor", inverted: boolean) =>
(
  b: Builder,
  f: Fields<"sf" | "shift" | "Rm" | "imm6" | "Rn" | "Rd">,
): void => {
  getReg(b, f.sf, f.Rn);
  shifted(b, f);
  if (inverted) {
    constant(b, f.sf, -1);
    op(b, f.sf, "xor");
  }
  op(b, f.sf, name);
  setReg(b, f.sf, f.Rd);
};

const logicalFlags = (inverted: boolean) =>
(
  b: Builder,
  f: Fields<"sf" | "shift" | "Rm" | "imm6" | "Rn" | "Rd">,
): void => {
  const result = temp(b, f.sf);
  getReg(b, f.sf, f.Rn);
  shifted(b, f);
  if (inverted) {
    constant(b, f.sf, -1);
    op(b, f.sf, "xor");
  }
  op(b, f.sf, "and");
  b.local_tee(result);
  widen(b, f.sf);
  b.setFlags(f.sf ? Flags.logic64 : Flags.logic32);
  b.local_get(result);
  setReg(b, f.sf, f.Rd);
};

const logicalOptions = <const A extends string>(asm: A): {
  when: (f: RawFields<"sf" | "imm6">) => boolean;
  derive: { shift: (f: RawFields<"rawShift" | "imm6">) => number };
  asm: string;
} => ({
  when: amountValid,
  derive: { shift: shiftOf },
  asm: `${asm} {Rd}, {Rn}, {Rm}{shifted}`,
});

const logicalRows: readonly Row[] = [
  row(
    "sf 00 01010 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "AND (shifted register)",
    BASE,
    logical("and", false),
    logicalOptions("and"),
  ),
  row(
    "sf 00 01010 rawShift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",
    "BIC (shifted register)",
    BASE,
    logical("and", true),
    logicalOptions("bic"),
  ),
  row(
    "sf 01 01010 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "ORR (shifted register)",
    BASE,
    (b, f) => {
      // ORR with the zero register is MOV.
      if (!f.move) return logical("or", false)(b, f);
      shifted(b, f);
      setReg(b, f.sf, f.Rd);
    },
    {
      when: amountValid,
      derive: { shift: shiftOf, move: (f) => f.Rn === 31 ? 1 : 0 },
      asm: "orr {Rd}, {Rn}, {Rm}{shifted}",
    },
  ),
  row(
    "sf 01 01010 rawShift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",
    "ORN (shifted register)",
    BASE,
    logical("or", true),
    logicalOptions("orn"),
  ),
  row(
    "sf 10 01010 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "EOR (shifted register)",
    BASE,
    logical("xor", false),
    logicalOptions("eor"),
  ),
  row(
    "sf 10 01010 rawShift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",
    "EON (shifted register)",
    BASE,
    logical("xor", true),
    logicalOptions("eon"),
  ),
  row(
    "sf 11 01010 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "ANDS (shifted register)",
    BASE,
    logicalFlags(false),
    logicalOptions("ands"),
  ),
  row(
    "sf 11 01010 rawShift:2 1 Rm:5 imm6:6 Rn:5 Rd:5",
    "BICS (shifted register)",
    BASE,
    logicalFlags(true),
    logicalOptions("bics"),
  ),
];

// ---- add and subtract

type AddSub = "add" | "sub";

const addKind = (sf: number): number => sf ? Flags.add64 : Flags.add32;
const subKind = (sf: number): number => sf ? Flags.sub64 : Flags.sub32;

/** Writes Rd and the flags of first +/- second: both are pushed by the caller's functions. */
function withFlags(
  b: Builder,
  sf: number,
  name: AddSub,
  rn: Operand,
  pushSecond: () => void,
  rd: Operand,
): void {
  const first = temp(b, sf);
  const second = temp(b, sf);
  getReg(b, sf, rn);
  b.local_tee(first);
  widen(b, sf);
  pushSecond();
  b.local_tee(second);
  widen(b, sf);
  b.setFlags(name === "add" ? addKind(sf) : subKind(sf));
  b.local_get(first).local_get(second);
  op(b, sf, name);
  setReg(b, sf, rd);
}

type ShiftedFields = "sf" | "shift" | "Rm" | "imm6" | "Rn" | "Rd";

const addSubShifted = (name: AddSub) => (b: Builder, f: Fields<ShiftedFields>): void => {
  getReg(b, f.sf, f.Rn);
  shifted(b, f);
  op(b, f.sf, name);
  setReg(b, f.sf, f.Rd);
};

const addSubShiftedFlags = (name: AddSub) => (b: Builder, f: Fields<ShiftedFields>): void =>
  withFlags(b, f.sf, name, f.Rn, () => shifted(b, f), f.Rd);

const shiftedOptions = (mnemonic: string): {
  when: (f: RawFields<"sf" | "imm6" | "rawShift">) => boolean;
  derive: { shift: (f: RawFields<"rawShift" | "imm6">) => number };
  asm: string;
} => ({
  when: (f) => amountValid(f) && f.rawShift !== Shift.ror,
  derive: { shift: shiftOf },
  asm: `${mnemonic} {Rd}, {Rn}, {Rm}{shifted}`,
});

type ExtendedFields = "sf" | "option" | "scaled" | "Rm" | "imm3" | "Rn_sp";

const addSubExtended =
  (name: AddSub) => (b: Builder, f: Fields<ExtendedFields | "Rd_sp">): void => {
    getReg(b, f.sf, f.Rn_sp);
    extended(b, f);
    op(b, f.sf, name);
    setReg(b, f.sf, f.Rd_sp);
  };

const addSubExtendedFlags =
  (name: AddSub) => (b: Builder, f: Fields<ExtendedFields | "Rd">): void =>
    withFlags(b, f.sf, name, f.Rn_sp, () => extended(b, f), f.Rd);

const extendedOptions = (mnemonic: string): {
  when: (f: RawFields<"imm3">) => boolean;
  derive: { scaled: (f: RawFields<"imm3">) => number };
  asm: string;
} => ({
  when: (f) => f.imm3 <= 4,
  derive: { scaled: (f) => f.imm3 === 0 ? 0 : 1 },
  asm: `${mnemonic}, {Rn_sp}, {Rm:extended}{extension}`,
});

const addSubRows: readonly Row[] = [
  row(
    "sf 0 0 01011 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "ADD (shifted register)",
    BASE,
    addSubShifted("add"),
    shiftedOptions("add"),
  ),
  row(
    "sf 0 1 01011 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "ADDS (shifted register)",
    BASE,
    addSubShiftedFlags("add"),
    shiftedOptions("adds"),
  ),
  row(
    "sf 1 0 01011 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "SUB (shifted register)",
    BASE,
    addSubShifted("sub"),
    shiftedOptions("sub"),
  ),
  row(
    "sf 1 1 01011 rawShift:2 0 Rm:5 imm6:6 Rn:5 Rd:5",
    "SUBS (shifted register)",
    BASE,
    addSubShiftedFlags("sub"),
    shiftedOptions("subs"),
  ),
  row(
    "sf 0 0 01011 00 1 Rm:5 option:3 imm3:3 Rn_sp:5 Rd_sp:5",
    "ADD (extended register)",
    BASE,
    addSubExtended("add"),
    extendedOptions("add {Rd_sp}"),
  ),
  row(
    "sf 0 1 01011 00 1 Rm:5 option:3 imm3:3 Rn_sp:5 Rd:5",
    "ADDS (extended register)",
    BASE,
    addSubExtendedFlags("add"),
    extendedOptions("adds {Rd}"),
  ),
  row(
    "sf 1 0 01011 00 1 Rm:5 option:3 imm3:3 Rn_sp:5 Rd_sp:5",
    "SUB (extended register)",
    BASE,
    addSubExtended("sub"),
    extendedOptions("sub {Rd_sp}"),
  ),
  row(
    "sf 1 1 01011 00 1 Rm:5 option:3 imm3:3 Rn_sp:5 Rd:5",
    "SUBS (extended register)",
    BASE,
    addSubExtendedFlags("sub"),
    extendedOptions("subs {Rd}"),
  ),
];

// ---- add and subtract with carry

type CarryFields = "sf" | "Rm" | "Rn" | "Rd";

/** [] -> [i32 or i64] Rm, inverted for a subtraction: a - b - !C is a + ~b + C. */
function addend(b: Builder, f: Fields<CarryFields>, name: AddSub): void {
  getReg(b, f.sf, f.Rm);
  if (name === "add") return;
  constant(b, f.sf, -1);
  op(b, f.sf, "xor");
}

const withCarry = (name: AddSub) => (b: Builder, f: Fields<CarryFields>): void => {
  getReg(b, f.sf, f.Rn);
  addend(b, f, name);
  op(b, f.sf, "add");
  b.condition(2);
  widen(b, 1 - f.sf);
  op(b, f.sf, "add");
  setReg(b, f.sf, f.Rd);
};

const withCarryFlags = (name: AddSub) => (b: Builder, f: Fields<CarryFields>): void => {
  const first = b.temp("i64");
  const second = b.temp("i64");
  const partial = b.temp("i64");
  const sum = b.temp("i64");
  getReg(b, f.sf, f.Rn);
  widen(b, f.sf);
  b.local_set(first);
  addend(b, f, name);
  widen(b, f.sf);
  b.local_set(second);
  b.local_get(first).local_get(second).i64_add().local_tee(partial);
  b.condition(2);
  b.i64_extend_i32_u().i64_add().local_set(sum);
  // N and Z
  for (let i = 0; i < 2; i++) {
    b.local_get(sum);
    if (!f.sf) b.i64_extend32_s();
  }
  // C: either of the two additions carries out, never both
  if (f.sf) {
    b.local_get(partial).local_get(first).i64_lt_u();
    b.local_get(sum).local_get(partial).i64_lt_u();
    b.i32_or().i64_extend_i32_u();
  } else b.local_get(sum).i64_const32(32).i64_shr_u();
  // V: the operands' signs agree, the sum's differs
  b.local_get(first).local_get(sum).i64_xor();
  b.local_get(second).local_get(sum).i64_xor();
  b.i64_and();
  if (!f.sf) b.i64_extend32_s();
  b.setFlags(Flags.rest);
  b.local_get(sum);
  if (!f.sf) b.i32_wrap_i64();
  setReg(b, f.sf, f.Rd);
};

const carryRows: readonly Row[] = [
  row("sf 0 0 11010000 Rm:5 000000 Rn:5 Rd:5", "ADC", BASE, withCarry("add"), {
    asm: "adc {Rd}, {Rn}, {Rm}",
  }),
  row("sf 0 1 11010000 Rm:5 000000 Rn:5 Rd:5", "ADCS", BASE, withCarryFlags("add"), {
    asm: "adcs {Rd}, {Rn}, {Rm}",
  }),
  row("sf 1 0 11010000 Rm:5 000000 Rn:5 Rd:5", "SBC", BASE, withCarry("sub"), {
    asm: "sbc {Rd}, {Rn}, {Rm}",
  }),
  row("sf 1 1 11010000 Rm:5 000000 Rn:5 Rd:5", "SBCS", BASE, withCarryFlags("sub"), {
    asm: "sbcs {Rd}, {Rn}, {Rm}",
  }),
];

/** Logical, add and subtract, with carry, conditional compare, conditional select. */
export const dataProcessingRegisterRows: readonly Row[] = [
  ...logicalRows,
  ...addSubRows,
  ...carryRows,
  ...conditionalRows,
];

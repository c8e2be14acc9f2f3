/** Branches (Arm ARM, C4.1.87): conditional, compare, test, unconditional by immediate and by register. */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type RawFields, type Row, row } from "../../engine/row.ts";
import { getReg, op } from "./datasize.ts";

const BASE = "FEAT_AA64";

/** Byte distances of the three encodings: signed, in units of 4. */
const distance26 = (f: RawFields<"rawImm26">): number => (f.rawImm26 << 6) >> 4;
const distance19 = (f: RawFields<"rawImm19">): number => (f.rawImm19 << 13) >> 11;
const distance14 = (f: RawFields<"rawImm14">): number => (f.rawImm14 << 18) >> 16;

/** [] -> [] writes the return address to X30. */
function link(b: Builder, f: Fields<"R30">): void {
  b.pc();
  b.i64_const32(4).i64_add();
  b.set(f.R30);
}

const compareAndBranch = (zero: boolean) => (b: Builder, f: Fields<"sf" | "Rt" | "imm">): void => {
  getReg(b, f.sf, f.Rt);
  op(b, f.sf, "eqz");
  if (!zero) b.i32_eqz();
  b.jumpIf(f.imm);
};

/** The bit number is b5:b40; bit 5 is clear for W registers. */
const testedBit = (f: RawFields<"rawB5" | "rawB40">): number => (f.rawB5 << 5) | f.rawB40;

const testAndBranch =
  (zero: boolean) => (b: Builder, f: Fields<"Rt" | "imm8bit" | "imm">): void => {
    b.get(f.Rt);
    b.imm(f.imm8bit);
    b.i64_shr_u().i32_wrap_i64().i32_const(1).i32_and();
    if (zero) b.i32_eqz();
    b.jumpIf(f.imm);
  };

function branchRegister(b: Builder, f: Fields<"Rn">): void {
  b.get(f.Rn);
  b.jumpTo();
}

/** Instructions that end a block. */
export const branchRows: readonly Row[] = [
  row("0101010 0 rawImm19:19 0 cond:4", "B.cond", BASE, (b, f) => {
    b.condition(f.cond);
    b.jumpIf(f.imm);
  }, { flow: "branch", derive: { imm: distance19 }, asm: "b.{cond:cond} {imm:label}" }),

  row("0 00101 rawImm26:26", "B", BASE, (b, f) => b.jump(f.imm), {
    flow: "jump",
    derive: { imm: distance26 },
    asm: "b {imm:label}",
  }),
  row("1 00101 rawImm26:26", "BL", BASE, (b, f) => {
    link(b, f);
    b.jump(f.imm);
  }, { flow: "call", derive: { imm: distance26, R30: () => 30 }, asm: "bl {imm:label}" }),

  row("sf 011010 0 rawImm19:19 Rt:5", "CBZ", BASE, compareAndBranch(true), {
    flow: "branch",
    derive: { imm: distance19 },
    asm: "cbz {Rt}, {imm:label}",
  }),
  row("sf 011010 1 rawImm19:19 Rt:5", "CBNZ", BASE, compareAndBranch(false), {
    flow: "branch",
    derive: { imm: distance19 },
    asm: "cbnz {Rt}, {imm:label}",
  }),
  row("rawB5 011011 0 rawB40:5 rawImm14:14 Rt:5", "TBZ", BASE, testAndBranch(true), {
    flow: "branch",
    derive: { imm8bit: testedBit, imm: distance14 },
    asm: "tbz {Rt:tested}, {imm8bit}, {imm:label}",
  }),
  row("rawB5 011011 1 rawB40:5 rawImm14:14 Rt:5", "TBNZ", BASE, testAndBranch(false), {
    flow: "branch",
    derive: { imm8bit: testedBit, imm: distance14 },
    asm: "tbnz {Rt:tested}, {imm8bit}, {imm:label}",
  }),

  row("1101011 0000 11111 000000 Rn:5 00000", "BR", BASE, branchRegister, {
    flow: "indirect",
    asm: "br {Rn:x}",
  }),
  row("1101011 0001 11111 000000 Rn:5 00000", "BLR", BASE, (b, f) => {
    // The target may be X30 itself.
    const target = b.temp("i64");
    b.get(f.Rn);
    b.local_set(target);
    link(b, f);
    b.local_get(target);
    b.jumpTo();
  }, { flow: "indirect-call", derive: { R30: () => 30 }, asm: "blr {Rn:x}" }),
  row("1101011 0010 11111 000000 Rn:5 00000", "RET", BASE, branchRegister, {
    flow: "return",
    asm: "ret {Rn:x}",
  }),
];

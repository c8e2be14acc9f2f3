/**
 * Loads and stores of one general register (Arm ARM, C4.1.88) and prefetches. Every row probes its
 * memory before it changes anything.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type Operand, type RawFields, type Row, row } from "../../engine/row.ts";
import { checkStackAlignment } from "./stack_alignment.ts";

const BASE = "FEAT_AA64";
/** TLB of EL0 accesses: what LDTR and STTR use at EL1. */
const TLB_EL0 = 0;

/** What one combination of size and opc transfers. */
interface Transfer {
  readonly size: "00" | "01" | "10" | "11";
  readonly opc: "00" | "01" | "10" | "11";
  /** Mnemonic without LD or ST: R, RB, RSW, ... */
  readonly suffix: string;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly load: boolean;
  readonly signed: boolean;
  /** Register width as it is written. */
  readonly width: "w" | "x";
}

function transfer(
  size: Transfer["size"],
  opc: Transfer["opc"],
  suffix: string,
  width: Transfer["width"],
): Transfer {
  const bytes = ([1, 2, 4, 8] as const)[parseInt(size, 2)];
  return { size, opc, suffix, bytes, load: opc !== "00", signed: opc >= "10", width };
}

const transfers: readonly Transfer[] = [
  transfer("00", "00", "RB", "w"),
  transfer("00", "01", "RB", "w"),
  transfer("00", "10", "RSB", "x"),
  transfer("00", "11", "RSB", "w"),
  transfer("01", "00", "RH", "w"),
  transfer("01", "01", "RH", "w"),
  transfer("01", "10", "RSH", "x"),
  transfer("01", "11", "RSH", "w"),
  transfer("10", "00", "R", "w"),
  transfer("10", "01", "R", "w"),
  transfer("10", "10", "RSW", "x"),
  transfer("11", "00", "R", "x"),
  transfer("11", "01", "R", "x"),
];

/** [i32 host address] -> [i64] zero-extended, or sign-extended to 64 bits. */
export function loadValue(b: Builder, bytes: 1 | 2 | 4 | 8, signed: boolean): void {
  if (bytes === 8) b.i64_load();
  else if (bytes === 4) signed ? b.i64_load32_s() : b.i64_load32_u();
  else if (bytes === 2) signed ? b.i64_load16_s() : b.i64_load16_u();
  else signed ? b.i64_load8_s() : b.i64_load8_u();
}

/** [i32 host address, i64] -> [] */
export function storeValue(b: Builder, bytes: 1 | 2 | 4 | 8): void {
  if (bytes === 8) b.i64_store();
  else if (bytes === 4) b.i64_store32();
  else if (bytes === 2) b.i64_store16();
  else b.i64_store8();
}

/** [i64 va] -> [] loads to or stores from Rt. */
function access(b: Builder, t: Transfer, rt: Operand, tlb?: number): void {
  const options = tlb === undefined ? undefined : { tlb };
  if (!t.load) {
    b.writeAddress(t.bytes, options);
    b.get(rt);
    storeValue(b, t.bytes);
    return;
  }
  b.readAddress(t.bytes, options);
  if (t.signed && t.width === "w") {
    if (t.bytes === 1) b.i32_load8_s();
    else b.i32_load16_s();
    b.set32(rt);
  } else {
    loadValue(b, t.bytes, t.signed);
    b.set(rt);
  }
}

/** [] -> [i64] the base register, its alignment checked if it is SP. */
export function getBase(b: Builder, f: Fields<"base31" | "Rn_sp">): void {
  if (f.base31) checkStackAlignment(b, f.Rn_sp);
  b.get(f.Rn_sp);
}

/** 1 if the base is SP: a structural value, so that other bases need no check. */
export const base31 = (f: RawFields<"Rn_sp">): number => f.Rn_sp === 31 ? 1 : 0;

type OffsetFields = "base31" | "Rn_sp" | "imm" | "Rt";

const offsetAccess = (t: Transfer, tlb?: number) => (b: Builder, f: Fields<OffsetFields>): void => {
  getBase(b, f);
  b.imm(f.imm);
  b.i64_add();
  access(b, t, f.Rt, tlb);
};

/** With Rt = Rn the written back address wins, as in QEMU (CONSTRAINED UNPREDICTABLE). */
const preIndexAccess = (t: Transfer) => (b: Builder, f: Fields<OffsetFields>): void => {
  const address = b.temp("i64");
  getBase(b, f);
  b.imm(f.imm);
  b.i64_add().local_tee(address);
  access(b, t, f.Rt);
  b.local_get(address);
  b.set(f.Rn_sp);
};

const postIndexAccess = (t: Transfer) => (b: Builder, f: Fields<OffsetFields>): void => {
  const address = b.temp("i64");
  getBase(b, f);
  b.local_tee(address);
  access(b, t, f.Rt);
  b.local_get(address);
  b.imm(f.imm);
  b.i64_add();
  b.set(f.Rn_sp);
};

/** How the index register is extended: option 010, 011 or 111, 110. The others are unallocated. */
export const Extend = { uxtw: 0, x: 1, sxtw: 2 } as const;
export const extendOf = (f: RawFields<"rawOption">): number =>
  f.rawOption === 2 ? Extend.uxtw : f.rawOption === 6 ? Extend.sxtw : Extend.x;

/** [] -> [i64] base plus extended and shifted index. */
export function registerOffset(
  b: Builder,
  f: Fields<"base31" | "extend" | "Rm" | "Rn_sp" | "imm8shift">,
): void {
  getBase(b, f);
  if (f.extend === Extend.x) b.get(f.Rm);
  else {
    b.get32(f.Rm);
    if (f.extend === Extend.uxtw) b.i64_extend_i32_u();
    else b.i64_extend_i32_s();
  }
  b.imm(f.imm8shift);
  b.i64_shl().i64_add();
}

const signed9 = (f: RawFields<"rawImm9">): number => (f.rawImm9 << 23) >> 23;
const signed19 = (f: RawFields<"rawImm19">): number => (f.rawImm19 << 13) >> 11;
const indexed = { imm: signed9, base31 };

function transferRows(t: Transfer): Row[] {
  const { size, opc } = t;
  const stem = t.load ? "LD" : "ST";
  const mnemonic = (letters: string): string => {
    // LDR -> LDUR, LDTR: the letter goes before the R.
    return `${stem}${letters}${t.suffix}`;
  };
  const plain = mnemonic("");
  const asm = (letters: string, address: string): string =>
    `${mnemonic(letters).toLowerCase()} {Rt:${t.width}}, ${address}`;
  const scale = Math.log2(t.bytes);
  return [
    row(
      `${size} 111 0 00 ${opc} 0 rawImm9:9 00 Rn_sp:5 Rt:5`,
      `${mnemonic("U")} (${t.width})`,
      BASE,
      offsetAccess(t),
      { derive: indexed, asm: asm("U", "{offset}") },
    ),
    row(
      `${size} 111 0 00 ${opc} 0 rawImm9:9 01 Rn_sp:5 Rt:5`,
      `${plain} (immediate, post-index, ${t.width})`,
      BASE,
      postIndexAccess(t),
      { derive: indexed, asm: asm("", "{post}") },
    ),
    row(
      `${size} 111 0 00 ${opc} 0 rawImm9:9 10 Rn_sp:5 Rt:5`,
      `${mnemonic("T")} (${t.width})`,
      BASE,
      offsetAccess(t, TLB_EL0),
      { derive: indexed, asm: asm("T", "{offset}") },
    ),
    row(
      `${size} 111 0 00 ${opc} 0 rawImm9:9 11 Rn_sp:5 Rt:5`,
      `${plain} (immediate, pre-index, ${t.width})`,
      BASE,
      preIndexAccess(t),
      { derive: indexed, asm: asm("", "{pre}") },
    ),
    row(
      `${size} 111 0 00 ${opc} 1 Rm:5 rawOption:3 rawS 10 Rn_sp:5 Rt:5`,
      `${plain} (register, ${t.width})`,
      BASE,
      (b, f) => {
        registerOffset(b, f);
        access(b, t, f.Rt);
      },
      {
        when: (f) => (f.rawOption & 2) !== 0,
        derive: { extend: extendOf, imm8shift: (f) => f.rawS * scale, base31 },
        asm: asm("", "{index}"),
      },
    ),
    row(
      `${size} 111 0 01 ${opc} rawImm12:12 Rn_sp:5 Rt:5`,
      `${plain} (immediate, unsigned offset, ${t.width})`,
      BASE,
      offsetAccess(t),
      { derive: { imm: (f) => f.rawImm12 << scale, base31 }, asm: asm("", "{offset}") },
    ),
  ];
}

const literalAccess =
  (bytes: 4 | 8, signed: boolean) => (b: Builder, f: Fields<"imm" | "Rt">): void => {
    b.pcRelative(f.imm);
    b.readAddress(bytes);
    loadValue(b, bytes, signed);
    b.set(f.Rt);
  };

const literal = { imm: signed19 };
/** Prefetches are hints: nothing is done, and they never fault. */
const nothing = (): void => {};

/** Loads and stores of one register, and prefetches. */
export const loadStoreRows: readonly Row[] = [
  row("00 011 0 00 rawImm19:19 Rt:5", "LDR (literal, w)", BASE, literalAccess(4, false), {
    derive: literal,
    asm: "ldr {Rt:w}, {imm:label}",
  }),
  row("01 011 0 00 rawImm19:19 Rt:5", "LDR (literal, x)", BASE, literalAccess(8, false), {
    derive: literal,
    asm: "ldr {Rt:x}, {imm:label}",
  }),
  row("10 011 0 00 rawImm19:19 Rt:5", "LDRSW (literal)", BASE, literalAccess(4, true), {
    derive: literal,
    asm: "ldrsw {Rt:x}, {imm:label}",
  }),
  row("11 011 0 00 rawImm19:19 rawRt:5", "PRFM (literal)", BASE, nothing, {
    asm: "prfm {prfop}, {rawImm19:literal}",
  }),
  row("11 111 0 00 10 0 rawImm9:9 00 rawRn_sp:5 rawRt:5", "PRFUM", BASE, nothing, {
    asm: "prfum {prfop}, {offset}",
  }),
  row(
    "11 111 0 00 10 1 rawRm:5 rawOption:3 rawS 10 rawRn_sp:5 rawRt:5",
    "PRFM (register)",
    BASE,
    nothing,
    { when: (f) => (f.rawOption & 2) !== 0, asm: "prfm {prfop}, {index}" },
  ),
  row("11 111 0 01 10 rawImm12:12 rawRn_sp:5 rawRt:5", "PRFM (immediate)", BASE, nothing, {
    asm: "prfm {prfop}, {offset}",
  }),
  ...transfers.flatMap(transferRows),
];

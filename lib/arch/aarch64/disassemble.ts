/**
 * A64 assembler syntax as GNU objdump prints it: operand formats, and the aliases of Arm ARM C6.2
 * that are preferred over the instructions' own names.
 */
import {
  type AsmSyntax,
  Disassembler,
  type FieldValues,
  type Format,
} from "../../engine/disassembler.ts";
import type { InstructionTable } from "../../engine/table.ts";
import { aliases } from "./disassemble_aliases.ts";
import { systemFormats, systemTemplates } from "./disassemble_system.ts";
import { vectorAliases, vectorFormats } from "./disassemble_vector.ts";

const CONDITIONS: readonly string[] = "eq ne cs cc mi pl vs vc hi ls ge lt gt le al nv".split(" ");
const SHIFTS = ["lsl", "lsr", "asr", "ror"] as const;
const EXTENSIONS = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"] as const;

const hex = (value: number | bigint): string =>
  `#0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
const decimal = (value: number | bigint): string => `#${value}`;

/** Register name: width from `sf` unless a format names it. */
function register(number: number | bigint, width: "w" | "x", sp: boolean): string {
  if (number !== 31) return `${width}${number}`;
  if (sp) return width === "x" ? "sp" : "wsp";
  return `${width}zr`;
}

/** Operand size of the instruction: `sf`, or X registers if it has none. */
function widthOf(f: FieldValues): "w" | "x" {
  const sf = f.sf ?? f.rawSf ?? 1;
  return sf === 1 ? "x" : "w";
}

const target = (value: number | bigint, _: FieldValues, address: bigint): string =>
  `0x${BigInt.asUintN(64, address + BigInt(value)).toString(16)}`;

/** The base register of a load or store. */
const base = (f: FieldValues): string => register(f.Rn_sp ?? f.rawRn_sp, "x", true);

/** Byte offset; prefetches do not derive one. */
function offsetOf(f: FieldValues): number {
  if (f.imm !== undefined) return Number(f.imm);
  if (f.rawImm12 !== undefined) return Number(f.rawImm12) * 8;
  return (Number(f.rawImm9) << 23) >> 23;
}

/** Whether UXTX or UXTW is written LSL: when SP is an operand, and the width is the operation's. */
function extensionIsShift(f: FieldValues): boolean {
  const full = widthOf(f) === "x" ? 3 : 2;
  return f.option === full && (f.Rn_sp === 31 || f.Rd_sp === 31);
}

function prefetch(f: FieldValues): string {
  const rt = Number(f.rawRt);
  const type = ["pld", "pli", "pst"][rt >> 3];
  const level = ["l1", "l2", "l3"][(rt >> 1) & 3];
  if (type === undefined || level === undefined) return `#0x${rt.toString(16).padStart(2, "0")}`;
  return `${type}${level}${rt & 1 ? "strm" : "keep"}`;
}

/** Register offset, with the extension and amount that are not implied. */
function index(f: FieldValues): string {
  const option = Number(f.rawOption ?? f.option);
  const rm = register(f.Rm ?? f.rawRm, option & 1 ? "x" : "w", false);
  const amount = (f.rawS ?? f.S) === 1 ? ` #${f.imm8shift ?? f.scale ?? 3}` : "";
  if (option === 3) return `[${base(f)}, ${rm}${amount === "" ? "" : `, lsl${amount}`}]`;
  return `[${base(f)}, ${rm}, ${EXTENSIONS[option]}${amount}]`;
}

const formats: { readonly [name: string]: Format } = {
  ...systemFormats,
  ...vectorFormats,
  r: (value, f) => register(value, widthOf(f), false),
  rsp: (value, f) => register(value, widthOf(f), true),
  w: (value) => register(value, "w", false),
  x: (value) => register(value, "x", false),
  xsp: (value) => register(value, "x", true),
  hex,
  decimal,
  cond: (value) => CONDITIONS[Number(value)],
  inverted: (value) => CONDITIONS[Number(value) ^ 1],
  bhwx: (value) => "bhwx"[Number(value)],
  label: target,
  page: (value, f, address) => target(value, f, address & ~0xfffn),
  literal: (value, f, address) => target((Number(value) << 13) >> 11, f, address),
  imm12: (_, f) => hex(f.rawImm12) + (f.rawSh === 1 ? ", lsl #12" : ""),
  imm16: (_, f) => {
    const hw = Number(f.rawHw ?? f.hw);
    return hex(f.rawImm16) + (hw === 0 ? "" : `, lsl #${16 * hw}`);
  },
  mask: (value, f) => hex(widthOf(f) === "x" ? value : Number(value) >>> 0),
  shifted: (_, f) => {
    if (f.imm6 === 0 && f.rawShift === 0) return "";
    return `, ${SHIFTS[Number(f.rawShift)]} #${f.imm6}`;
  },
  extended: (value, f) => {
    const wide = widthOf(f) === "x" && (Number(f.option) & 3) === 3;
    return register(value, wide ? "x" : "w", false);
  },
  extension: (_, f) => {
    const amount = f.imm3 === 0 ? "" : ` #${f.imm3}`;
    if (!extensionIsShift(f)) return `, ${EXTENSIONS[Number(f.option)]}${amount}`;
    return amount === "" ? "" : `, lsl${amount}`;
  },
  tested: (value, f) => register(value, f.rawB5 === 1 ? "x" : "w", false),
  offset: (_, f) => {
    const offset = offsetOf(f);
    return offset === 0 ? `[${base(f)}]` : `[${base(f)}, #${offset}]`;
  },
  pre: (_, f) => `[${base(f)}, #${offsetOf(f)}]!`,
  post: (_, f) => `[${base(f)}], #${offsetOf(f)}`,
  index: (_, f) => index(f),
  prfop: (_, f) => prefetch(f),
  order: (_, f) => (f.rawA === 1 ? "a" : "") + (f.rawR === 1 ? "l" : ""),
  release: (_, f) => f.rawR === 1 ? "l" : "",
  barrier: (_, f) => f.rawCRm === 15 ? "" : ` ${hex(f.rawCRm)}`,
  // Aliases of bitfield moves
  lslAmount: (_, f) => `#${(widthOf(f) === "x" ? 63 : 31) - Number(f.rawImms)}`,
  fieldLsb: (_, f) => {
    const width = widthOf(f) === "x" ? 64 : 32;
    return `#${(width - Number(f.rawImmr ?? f.immr)) % width}`;
  },
  insertWidth: (_, f) => `#${Number(f.rawImms) + 1}`,
  extractWidth: (_, f) => `#${Number(f.rawImms) - Number(f.rawImmr ?? f.immr) + 1}`,
};

/** A64 operand formats and aliases. */
export const a64Syntax: AsmSyntax = {
  formats,
  formatOf: (field: string): string => {
    if (field.startsWith("R")) return field.endsWith("_sp") ? "rsp" : "r";
    if (field.startsWith("V")) return "v";
    return "decimal";
  },
  aliases: { ...aliases, ...systemTemplates, ...vectorAliases },
};

/** A disassembler for A64 over the rows of a table. */
export function a64Disassembler(table: InstructionTable): Disassembler {
  return new Disassembler(table, a64Syntax);
}

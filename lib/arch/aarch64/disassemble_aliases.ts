/** When an A64 alias is preferred (Arm ARM, C6.2, "Aliases"), by name of row. */
import type { FieldValues } from "../../engine/disassembler.ts";

type Alias = (f: FieldValues) => string | undefined;

const ZERO = 31;

const is64 = (f: FieldValues): boolean => (f.sf ?? f.rawSf) === 1;

/** MOVZ and MOVN of zero with a shift keep their names, so that the encoding survives. */
const plainWide = (f: FieldValues): boolean => f.rawImm16 !== 0 || f.rawHw === 0;

/** Whether MOVZ or MOVN can make the value of ORR (immediate) (MoveWidePreferred). Neither writes SP. */
function moveWidePreferred(f: FieldValues): boolean {
  const width = is64(f) ? 64 : 32;
  const value = BigInt.asUintN(width, BigInt(f.imm));
  const inverted = BigInt.asUintN(width, ~value);
  for (let shift = 0n; shift < width; shift += 16n) {
    const outside = ~(0xffffn << shift);
    if ((value & outside) === 0n || (inverted & outside) === 0n) return true;
  }
  return false;
}

/** CSINC, CSINV, CSNEG with equal sources and a condition that can be inverted. */
const invertible = (f: FieldValues): boolean => f.Rn === f.Rm && Number(f.cond) < 14;

function signedBitfield(f: FieldValues): string {
  const [immr, imms] = [Number(f.rawImmr), Number(f.rawImms)];
  if (imms === (is64(f) ? 63 : 31)) return "asr {Rd}, {Rn}, {rawImmr}";
  if (imms < immr) return "sbfiz {Rd}, {Rn}, {fieldLsb}, {insertWidth}";
  if (immr === 0 && imms === 7) return "sxtb {Rd}, {Rn:w}";
  if (immr === 0 && imms === 15) return "sxth {Rd}, {Rn:w}";
  if (immr === 0 && imms === 31) return "sxtw {Rd}, {Rn:w}";
  return "sbfx {Rd}, {Rn}, {rawImmr}, {extractWidth}";
}

function unsignedBitfield(f: FieldValues): string {
  const [immr, imms] = [Number(f.rawImmr), Number(f.rawImms)];
  if (imms === (is64(f) ? 63 : 31)) return "lsr {Rd}, {Rn}, {rawImmr}";
  if (imms + 1 === immr) return "lsl {Rd}, {Rn}, {lslAmount}";
  if (imms < immr) return "ubfiz {Rd}, {Rn}, {fieldLsb}, {insertWidth}";
  if (immr === 0 && imms === 7 && !is64(f)) return "uxtb {Rd}, {Rn}";
  if (immr === 0 && imms === 15 && !is64(f)) return "uxth {Rd}, {Rn}";
  return "ubfx {Rd}, {Rn}, {rawImmr}, {extractWidth}";
}

function bitfieldInsert(f: FieldValues): string {
  if (Number(f.rawImms) >= Number(f.immr)) return "bfxil {Rd}, {Rn}, {immr}, {extractWidth}";
  return f.Rn === ZERO
    ? "bfc {Rd}, {fieldLsb}, {insertWidth}"
    : "bfi {Rd}, {Rn}, {fieldLsb}, {insertWidth}";
}

/** The alias if register `field` is the zero register. */
const ifZero = (field: string, template: string): Alias => (f) =>
  f[field] === ZERO ? template : undefined;

/** ST<op> for LD<op> that discards the old value and does not acquire. */
const storeOperations: { readonly [row: string]: Alias } = Object.fromEntries(
  ["add", "clr", "eor", "set", "smax", "smin", "umax", "umin"].flatMap((operation) =>
    ([["b", "w"], ["h", "w"], ["", "w"], ["", "x"]] as const).map((
      [suffix, width],
    ): [string, Alias] => [
      `LD${operation}${suffix}`.toUpperCase() + ` (${width})`,
      (f) =>
        f.Rt === ZERO && f.rawA === 0
          ? `st${operation}{release}${suffix} {Rs:${width}}, [{Rn_sp:xsp}]`
          : undefined,
    ])
  ),
);

/** Preferred aliases. */
export const aliases: { readonly [row: string]: Alias } = {
  "ADD (immediate)": (f) =>
    f.imm === 0 && f.rawSh === 0 && (f.Rd_sp === 31 || f.Rn_sp === 31)
      ? "mov {Rd_sp}, {Rn_sp}"
      : undefined,
  "ADDS (immediate)": ifZero("Rd", "cmn {Rn_sp}, {imm12}"),
  "SUBS (immediate)": ifZero("Rd", "cmp {Rn_sp}, {imm12}"),
  "ORR (immediate)": (f) =>
    f.Rn === ZERO && (f.Rd_sp === 31 || !moveWidePreferred(f))
      ? "mov {Rd_sp}, {imm:mask}"
      : undefined,
  "ANDS (immediate)": ifZero("Rd", "tst {Rn}, {imm:mask}"),
  MOVZ: (f) => plainWide(f) ? "mov {Rd}, {imm:mask}" : undefined,
  MOVN: (f) =>
    plainWide(f) && (is64(f) || f.rawImm16 !== 0xffff) ? "mov {Rd}, {imm:mask}" : undefined,
  SBFM: signedBitfield,
  BFM: bitfieldInsert,
  UBFM: unsignedBitfield,
  EXTR: (f) => f.Rn === f.Rm ? "ror {Rd}, {Rn}, {imms}" : undefined,

  "ORR (shifted register)": (f) =>
    f.Rn === ZERO && f.imm6 === 0 && f.rawShift === 0 ? "mov {Rd}, {Rm}" : undefined,
  "ORN (shifted register)": ifZero("Rn", "mvn {Rd}, {Rm}{shifted}"),
  "ANDS (shifted register)": ifZero("Rd", "tst {Rn}, {Rm}{shifted}"),
  "ADDS (shifted register)": ifZero("Rd", "cmn {Rn}, {Rm}{shifted}"),
  "SUB (shifted register)": ifZero("Rn", "neg {Rd}, {Rm}{shifted}"),
  "SUBS (shifted register)": (f) =>
    f.Rd === ZERO
      ? "cmp {Rn}, {Rm}{shifted}"
      : f.Rn === ZERO
      ? "negs {Rd}, {Rm}{shifted}"
      : undefined,
  "ADDS (extended register)": ifZero("Rd", "cmn {Rn_sp}, {Rm:extended}{extension}"),
  "SUBS (extended register)": ifZero("Rd", "cmp {Rn_sp}, {Rm:extended}{extension}"),
  SBC: ifZero("Rn", "ngc {Rd}, {Rm}"),
  SBCS: ifZero("Rn", "ngcs {Rd}, {Rm}"),
  CSINC: (f) =>
    !invertible(f)
      ? undefined
      : f.Rn === ZERO
      ? "cset {Rd}, {cond:inverted}"
      : "cinc {Rd}, {Rn}, {cond:inverted}",
  CSINV: (f) =>
    !invertible(f)
      ? undefined
      : f.Rn === ZERO
      ? "csetm {Rd}, {cond:inverted}"
      : "cinv {Rd}, {Rn}, {cond:inverted}",
  CSNEG: (f) => invertible(f) ? "cneg {Rd}, {Rn}, {cond:inverted}" : undefined,

  MADD: ifZero("Ra", "mul {Rd}, {Rn}, {Rm}"),
  MSUB: ifZero("Ra", "mneg {Rd}, {Rn}, {Rm}"),
  SMADDL: ifZero("Ra", "smull {Rd:x}, {Rn:w}, {Rm:w}"),
  SMSUBL: ifZero("Ra", "smnegl {Rd:x}, {Rn:w}, {Rm:w}"),
  UMADDL: ifZero("Ra", "umull {Rd:x}, {Rn:w}, {Rm:w}"),
  UMSUBL: ifZero("Ra", "umnegl {Rd:x}, {Rn:w}, {Rm:w}"),

  RET: (f) => f.Rn === 30 ? "ret" : undefined,
  ...storeOperations,
};

/** Conditional compare and conditional select (Arm ARM, C4.1.89, "Data Processing -- Register"). */
import type { Builder } from "../../engine/builder.ts";
import { type Fields, type RawFields, type Row, row } from "../../engine/row.ts";
import { constant, getReg, op, setReg, widen } from "./datasize.ts";
import { flagModel, Flags } from "./flags.ts";

const BASE = "FEAT_AA64";

const addKind = (sf: number): number => sf ? Flags.add64 : Flags.add32;
const subKind = (sf: number): number => sf ? Flags.sub64 : Flags.sub32;

// ---- conditional compare

/**
 * Operands whose difference has the flags nzcv, in either width. Those with overflow are left out as
 * rare; those with Z but not C, or Z and N, are no flags of a subtraction.
 */
const EXAMPLES: { readonly [nzcv: number]: readonly [number, number] } = {
  0b0000: [1, -1],
  0b0010: [1, 0],
  0b0110: [0, 0],
  0b1000: [0, 1],
  0b1010: [-1, 0],
};

/** nzcv if the comparison can be given operands that yield it, else 16. */
const exampleOf = (f: RawFields<"immNzcv">): number => f.immNzcv in EXAMPLES ? f.immNzcv : 16;

/**
 * The flags are those of the comparison, or the immediate's if the condition fails. Where possible
 * the choice is one of operands, so that the flags stay lazy.
 */
function conditionalCompare(
  b: Builder,
  f: Fields<"sf" | "cond" | "Rn" | "immNzcv" | "example">,
  kind: number,
  pushSecond: () => void,
): void {
  const holds = b.temp("i32");
  b.condition(f.cond);
  b.local_set(holds);
  const example = EXAMPLES[f.example];
  if (example !== undefined && (kind === Flags.sub64 || kind === Flags.sub32)) {
    b.get(f.Rn);
    b.i64_const32(example[0]).local_get(holds).select();
    pushSecond();
    b.i64_const32(example[1]).local_get(holds).select();
    b.setFlags(kind);
    return;
  }
  const first = b.temp("i64");
  const second = b.temp("i64");
  const nzcv = b.temp("i64");
  b.get(f.Rn);
  b.local_set(first);
  pushSecond();
  b.local_set(second);
  b.imm(f.immNzcv);
  b.local_set(nzcv);
  const compared = restingFlags(b, kind, [first, second]);
  const given = restingFlags(b, Flags.nzcv, [nzcv]);
  for (let i = 0; i < 4; i++) {
    b.local_get(compared[i]).local_get(given[i]).local_get(holds).select();
  }
  b.setFlags(Flags.rest);
}

/** The four flags at rest, in locals. */
function restingFlags(b: Builder, kind: number, operands: readonly number[]): number[] {
  const flags = [0, 1, 2, 3].map(() => b.temp("i64"));
  flagModel.materialize(b, kind, operands);
  for (let i = 3; i >= 0; i--) b.local_set(flags[i]);
  return flags;
}

type CompareFields = "sf" | "cond" | "Rn" | "immNzcv" | "example";

const compareRegister =
  (kind: (sf: number) => number) => (b: Builder, f: Fields<CompareFields | "Rm">): void =>
    conditionalCompare(b, f, kind(f.sf), () => b.get(f.Rm));

const compareImmediate =
  (kind: (sf: number) => number) => (b: Builder, f: Fields<CompareFields | "imm5">): void =>
    conditionalCompare(b, f, kind(f.sf), () => b.imm(f.imm5));

const compareRows: readonly Row[] = [
  row(
    "sf 0 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 immNzcv:4",
    "CCMN (register)",
    BASE,
    compareRegister(addKind),
    { derive: { example: exampleOf }, asm: "ccmn {Rn}, {Rm}, {immNzcv:hex}, {cond:cond}" },
  ),
  row(
    "sf 1 1 11010010 Rm:5 cond:4 0 0 Rn:5 0 immNzcv:4",
    "CCMP (register)",
    BASE,
    compareRegister(subKind),
    { derive: { example: exampleOf }, asm: "ccmp {Rn}, {Rm}, {immNzcv:hex}, {cond:cond}" },
  ),
  row(
    "sf 0 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 immNzcv:4",
    "CCMN (immediate)",
    BASE,
    compareImmediate(addKind),
    { derive: { example: exampleOf }, asm: "ccmn {Rn}, {imm5:hex}, {immNzcv:hex}, {cond:cond}" },
  ),
  row(
    "sf 1 1 11010010 imm5:5 cond:4 1 0 Rn:5 0 immNzcv:4",
    "CCMP (immediate)",
    BASE,
    compareImmediate(subKind),
    { derive: { example: exampleOf }, asm: "ccmp {Rn}, {imm5:hex}, {immNzcv:hex}, {cond:cond}" },
  ),
];

// ---- conditional select

type Otherwise = "same" | "increment" | "invert" | "negate";

/** [] -> [i32 or i64] the second choice. */
function otherwise(b: Builder, f: Fields<"sf" | "Rm">, change: Otherwise): void {
  if (change === "negate") constant(b, f.sf, 0);
  getReg(b, f.sf, f.Rm);
  if (change === "increment") {
    constant(b, f.sf, 1);
    op(b, f.sf, "add");
  } else if (change === "invert") {
    constant(b, f.sf, -1);
    op(b, f.sf, "xor");
  } else if (change === "negate") op(b, f.sf, "sub");
}

const conditionalSelect =
  (change: Otherwise) =>
  (b: Builder, f: Fields<"sf" | "cond" | "zero" | "Rm" | "Rn" | "Rd">): void => {
    if (f.zero && change === "increment") {
      // CSET
      b.condition(f.cond);
      b.i32_eqz();
      widen(b, 1 - f.sf);
    } else {
      getReg(b, f.sf, f.Rn);
      otherwise(b, f, change);
      b.condition(f.cond);
      b.select();
    }
    setReg(b, f.sf, f.Rd);
  };

/** 1 if both choices start from the zero register. */
const selectOptions = (mnemonic: string): {
  derive: { zero: (f: RawFields<"Rn" | "Rm">) => number };
  asm: string;
} => ({
  derive: { zero: (f) => f.Rn === 31 && f.Rm === 31 ? 1 : 0 },
  asm: `${mnemonic} {Rd}, {Rn}, {Rm}, {cond:cond}`,
});

const selectRows: readonly Row[] = [
  row(
    "sf 0 0 11010100 Rm:5 cond:4 00 Rn:5 Rd:5",
    "CSEL",
    BASE,
    conditionalSelect("same"),
    selectOptions("csel"),
  ),
  row(
    "sf 0 0 11010100 Rm:5 cond:4 01 Rn:5 Rd:5",
    "CSINC",
    BASE,
    conditionalSelect("increment"),
    selectOptions("csinc"),
  ),
  row(
    "sf 1 0 11010100 Rm:5 cond:4 00 Rn:5 Rd:5",
    "CSINV",
    BASE,
    conditionalSelect("invert"),
    selectOptions("csinv"),
  ),
  row(
    "sf 1 0 11010100 Rm:5 cond:4 01 Rn:5 Rd:5",
    "CSNEG",
    BASE,
    conditionalSelect("negate"),
    selectOptions("csneg"),
  ),
];

/** Conditional compare, conditional select. */
export const conditionalRows: readonly Row[] = [...compareRows, ...selectRows];

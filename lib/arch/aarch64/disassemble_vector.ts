/**
 * A64 assembler syntax of SIMD&FP registers (Arm ARM, C1.2.6): scalars and vectors by the fields that
 * give their size, elements, lists, immediates; and the preferred aliases (C7.2).
 *
 * A `V` field without a format is a vector if the row has a `Q` of 0 or 1, else a scalar; its elements
 * have the instruction's size. The names of the other formats say what differs from that.
 */
import type { FieldValues, Format } from "../../engine/disassembler.ts";

type Value = number | bigint;

const LETTERS = "bhsdq";

/** log2 of the bytes of an element or scalar; of bytes if no field tells. */
function sizeOf(f: FieldValues): number {
  const size = f.scale ?? f.size ?? f.rawSize;
  if (size !== undefined) return Number(size);
  if (f.sz !== undefined) return 2 + Number(f.sz);
  const type = f.ftype ?? f.opc;
  if (type === undefined) return 0;
  return Number(type) === 3 ? 1 : 2 + Number(type);
}

/** Whether the operands are vectors. Loads and stores of registers have a `scale` instead. */
const isVector = (f: FieldValues): boolean => Number(f.Q) < 2;

const scalar = (value: Value, size: number): string => `${LETTERS[size]}${value}`;

/** "8b" to "2d": a register of 8 or (`Q`) 16 bytes. */
const arrangement = (Q: Value, size: number): string => `${8 << Number(Q) >> size}${LETTERS[size]}`;

const vector = (value: Value, Q: Value, size: number): string =>
  `v${value}.${arrangement(Q, size)}`;

const element = (value: Value, size: number, index: Value): string =>
  `v${value}.${LETTERS[size]}[${index}]`;

/** Index of a floating-point element: H for doubles, H:L for singles. */
const indexOf = (f: FieldValues): Value =>
  f.index ?? (f.sz === 1 ? f.H : Number(f.H) * 2 + Number(f.L));

/** Consecutive registers, modulo 32; more than two as a range unless they wrap round. */
function list(first: Value, count: number, suffix: string): string {
  const last = (Number(first) + count - 1) & 31;
  const name = (n: number): string => `v${n}.${suffix}`;
  if (count > 2 && last > Number(first)) return `{${name(Number(first))}-${name(last)}}`;
  const names = Array.from({ length: count }, (_, i) => name((Number(first) + i) & 31));
  return `{${names.join(", ")}}`;
}

const shiftField = (f: FieldValues): number => Number(f.rawImmh) << 3 | Number(f.rawImmb);

/** imm8 of floating-point moves as C's "%.18e" prints it. */
function floatImmediate(imm8: number): string {
  const exponent = (imm8 >> 4 & 7 ^ 4) - 3;
  const value = (imm8 & 0x80 ? -1 : 1) * (16 + (imm8 & 15)) / 16 * 2 ** exponent;
  return `#${value.toExponential(18).replace(/(e[+-])(\d)$/, "$10$2")}`;
}

const abcdefgh = (f: FieldValues): number => Number(f.rawAbc) << 5 | Number(f.rawDefgh);

/** log2 of the bytes of an element that a modified immediate fills. */
function modifiedSize(cmode: number): number {
  if (cmode >= 14) return cmode === 14 ? 0 : 2;
  return (cmode & 12) === 8 ? 1 : 2;
}

/** The shift of a modified immediate; LSL #0 is implied. */
function modifiedShift(cmode: number): string {
  if (cmode >= 14) return "";
  if (cmode >= 12) return `, msl #${cmode === 12 ? 8 : 16}`;
  const amount = (cmode >> 1 & (cmode >= 8 ? 1 : 3)) * 8;
  return amount === 0 ? "" : `, lsl #${amount}`;
}

const FUSED = ["fmadd", "fmsub", "fnmadd", "fnmsub"];

/** Formats of SIMD&FP operands. */
export const vectorFormats: { readonly [name: string]: Format } = {
  v: (value, f) => isVector(f) ? vector(value, f.Q, sizeOf(f)) : scalar(value, sizeOf(f)),
  // Elements of twice the size, in a whole register or a scalar; of as many as the others.
  wide: (value, f) => isVector(f) ? vector(value, 1, sizeOf(f) + 1) : scalar(value, sizeOf(f) + 1),
  long: (value, f) => vector(value, f.Q, sizeOf(f) + 1),
  // For rows whose size is that of the wide operand.
  full: (value, f) => vector(value, 1, sizeOf(f)),
  half: (value, f) => vector(value, f.Q, sizeOf(f) - 1),
  bytes: (value, f) => vector(value, f.Q, 0),
  singles: (value, f) => vector(value, f.Q, 2),
  doubles: (value, f) => vector(value, f.Q, 3),
  pair: (value, f) => `v${value}.2${LETTERS[sizeOf(f)]}`,
  scalar: (value, f) => scalar(value, sizeOf(f)),
  scalarWide: (value, f) => scalar(value, sizeOf(f) + 1),
  number: (value) => String(value),
  element: (value, f) => element(value, sizeOf(f), indexOf(f)),
  source: (value, f) => element(value, sizeOf(f), f.source),
  upper: (_, f) => f.Q === 1 ? "2" : "",

  // General registers beside vectors
  laneRegister: (value, f) => `${sizeOf(f) === 3 ? "x" : "w"}${value === 31 ? "zr" : value}`,
  signedLaneRegister: (value, f) => `${f.Q === 1 ? "x" : "w"}${value === 31 ? "zr" : value}`,

  // Lists
  registers: (value, f) => list(value, Number(f.registers), arrangement(f.Q, Number(f.rawSize))),
  lane: (value, f) => `${list(value, Number(f.count), LETTERS[sizeOf(f)])}[${f.lane}]`,
  replicated: (value, f) => list(value, Number(f.count), arrangement(f.Q, sizeOf(f))),
  table: (value, f) => list(value, Number(f.len) + 1, "16b"),
  registersBytes: (_, f) => `#${Number(f.registers) * (8 << Number(f.Q))}`,
  elementsBytes: (_, f) => `#${Number(f.count) << sizeOf(f)}`,

  // Immediates
  right: (_, f) => `#${(16 << sizeOf(f)) - shiftField(f)}`,
  left: (_, f) => `#${shiftField(f) - (8 << sizeOf(f))}`,
  bits: (_, f) => `#${8 << sizeOf(f)}`,
  float: (value) => floatImmediate(Number(value)),
  modified: (value, f) => vector(value, f.Q, modifiedSize(Number(f.rawCmode))),
  modifiedImmediate: (_, f) => `#0x${abcdefgh(f).toString(16)}${modifiedShift(Number(f.rawCmode))}`,
  modifiedFloat: (_, f) => floatImmediate(abcdefgh(f)),

  // Parts of mnemonics
  load: (value) => value === 1 ? "ld" : "st",
  lookup: (value) => value === 1 ? "tbx" : "tbl",
  fused: (_, f) => FUSED[Number(f.o1) * 2 + Number(f.o0)],
  signal: (value) => value === 1 ? "e" : "",
};

type Alias = (f: FieldValues) => string | undefined;

/** SSHLL and USHLL by 0 are extensions. */
const extension = (template: string): Alias => (f) =>
  shiftField(f) === 8 << sizeOf(f) ? template : undefined;

/** Preferred aliases, by name of row. */
export const vectorAliases: { readonly [row: string]: Alias } = {
  "ORR (vector, register)": (f) => f.Vn === f.Vm ? "mov {Vd}, {Vn}" : undefined,
  NOT: () => "mvn {Vd}, {Vn}",
  "DUP (element, scalar)": () => "mov {Vd}, {Vn:element}",
  "INS (general)": () => "mov {Vd:element}, {Rn:laneRegister}",
  "INS (element)": () => "mov {Vd:element}, {Vn:source}",
  UMOV: (f) => sizeOf(f) >= 2 ? "mov {Rd:laneRegister}, {Vn:element}" : undefined,
  "SSHLL, SSHLL2": extension("sxtl{upper} {Vd:wide}, {Vn}"),
  "USHLL, USHLL2": extension("uxtl{upper} {Vd:wide}, {Vn}"),
  // Each bit of the immediate stands for a byte of 64-bit elements.
  MOVI: (f) =>
    f.rawOp === 0 || f.rawCmode !== 14
      ? undefined
      : f.Q === 1
      ? "movi {Vd:doubles}, {imm:hex}"
      : "movi d{Vd:number}, {imm:hex}",
  "FMOV (vector, immediate)": (f) =>
    f.rawOp === 1 ? "fmov {Vd:doubles}, {modifiedFloat}" : undefined,
};

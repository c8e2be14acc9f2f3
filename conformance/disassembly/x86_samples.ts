/** The x86 instructions whose disassembly is compared with GNU objdump's, and what is left out. */
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { type Encoding, OpcodeMap, Prefix } from "../../lib/arch/x86_64/encoding.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { Mode } from "../../lib/arch/x86_64/mode.ts";
import type { X86Row } from "../../lib/arch/x86_64/row.ts";
import { Random } from "../a64/cases.ts";

/** Beginnings of the encodings of rows whose text is not objdump's, with the reason. */
export const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ...["0f 1a", "0f 1b", "0f 1c", "0f 18"].map((code): [string, string] => [
    code,
    "NOP here; prefetches and bounds of CPUs that have them",
  ]),
  ["0f c8", "BSWAP with an operand size of 16 bits is undefined: 32 bits here"],
  ["0f 0d", "PREFETCH here: some values of ModRM.reg have names of their own"],
  ["NP 0f ae", "fences with ModRM.rm that is not 0: undefined to objdump"],
  ...["dc d0", "dc d8", "de d0", "d9 d8", "df d0", "df d8", "dd c8", "df c8", "d6"].map((code): [
    string,
    string,
  ] => [code, "executed by CPUs, undefined to objdump"]),
  ...["db e0", "db e1", "db e4"].map((code): [string, string] => [
    code,
    "objdump says which CPU has had it",
  ]),
]);

/** Whether a row's text is not objdump's. */
export function isDifferent({ code }: X86Row): boolean {
  return [...DIFFERENT.keys()].some((start) => {
    if (!code.startsWith(start)) return false;
    return start !== "NP 0f ae" || code.includes("+x");
  });
}

export type Bits = 16 | 32 | 64;
export const BITS: readonly Bits[] = [64, 32, 16];

/** Bytes from one instruction to the next. */
export const SLOT = 16;
/** What fills a slot. */
export const FILLER = 0x90;

/** Instructions of one row in one kind of code. */
export interface Group {
  /** Bits, encoding and title. */
  readonly key: string;
  readonly bits: Bits;
  readonly instructions: readonly Uint8Array[];
}

const PER_ROW: Readonly<Record<Bits, number>> = { 64: 24, 32: 8, 16: 4 };
const TRIES = 12;
const MODES: Readonly<Record<Bits, number>> = {
  64: Mode.code64 | Mode.protected,
  32: Mode.code32 | Mode.stack32 | Mode.protected,
  16: Mode.code16 | Mode.protected,
};
const SEGMENTS = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;

/** Random instructions of each row. */
export function groups(): Group[] {
  const decoder = new X86Decoder(instructionRows);
  return BITS.flatMap((bits) =>
    decoder.encodings.flatMap((encoding, n) => {
      if (isDifferent(encoding.row)) return [];
      const random = new Random(n * 4 + bits);
      const instructions: Uint8Array[] = [];
      for (let i = 0; i < PER_ROW[bits] * TRIES && instructions.length < PER_ROW[bits]; i++) {
        const bytes = draw(encoding, bits, random);
        const decoded = decoder.decode(bytes, 0, bytes.length, MODES[bits]);
        if (decoded === undefined || decoded === "cut") continue;
        if (decoded.handler.encoding === encoding) {
          instructions.push(bytes.slice(0, decoded.length));
        }
      }
      const key = `${bits} ${encoding.row.code} ${encoding.row.title}`;
      return instructions.length === 0 ? [] : [{ key, bits, instructions }];
    })
  );
}

/** Bytes that most likely begin with an instruction of a row, with no prefix that does nothing. */
function draw(encoding: Encoding, bits: Bits, random: Random): Uint8Array {
  const { row, map, opcode, opcodes, prefix, wide, modrm, operands } = encoding;
  const bytes: number[] = [];
  const memory = operands.some(({ letter }) => "EMWQXO".includes(letter));
  const chance = (n: number): boolean => random.below(n) === 0;
  if (row.lock === true && chance(4)) bytes.push(0xf0);
  if (memory && chance(8)) {
    bytes.push(bits === 64 ? random.pick([0x64, 0x65]) : random.pick(SEGMENTS));
  }
  if (memory && bits !== 16 && chance(12)) bytes.push(0x67);
  const vex = map >= OpcodeMap.vexMaps;
  if (!vex) {
    const sized = encoding.sizedBy === "v" || encoding.sizedBy === "z";
    const narrow = sized && row.f64 !== true && prefix !== Prefix.data && chance(4);
    if (narrow) bytes.push(0x66);
    if (prefix === Prefix.repeat) bytes.push(random.pick([0xf2, 0xf3]));
    else if (prefix >= Prefix.data) bytes.push(prefix);
  }
  const reg = random.next() & 255;
  let byte = encoding.register === true || (encoding.register === undefined && chance(2))
    ? reg | 0xc0
    : reg % 0xc0;
  if (encoding.reg !== undefined) byte = (byte & ~0x38) | (encoding.reg << 3);
  if (encoding.rm !== undefined) byte = (byte & ~7) | encoding.rm;
  const last = opcode + (opcodes === 1 ? 0 : random.below(opcodes));
  if (vex) {
    const pp = prefix === Prefix.data ? 1 : prefix === Prefix.f3 ? 2 : prefix === Prefix.f2 ? 3 : 0;
    const high = bits === 64 ? random.below(8) << 5 : 0xe0;
    const vvvv = encoding.vvvv ? random.below(bits === 64 ? 16 : 8) ^ 15 : 15;
    const w = bits === 64 ? random.below(2) << 7 : 0;
    bytes.push(0xc4, high | (map - OpcodeMap.vexMaps), w | (vvvv << 3) | pp, last);
  } else {
    const rex = rexOf(encoding, wide, byte, random) & (bytes.includes(0x66) ? ~8 : ~0);
    if (bits === 64 && rex !== 0) bytes.push(0x40 | rex);
    if (map !== OpcodeMap.primary) bytes.push(0x0f);
    if (map === OpcodeMap["0F38"]) bytes.push(0x38);
    if (map === OpcodeMap["0F3A"]) bytes.push(0x3a);
    bytes.push(last);
  }
  if (modrm) bytes.push(byte);
  while (bytes.length < SLOT) bytes.push(random.next() & 255);
  return Uint8Array.from(bytes);
}

/** Bits of a REX prefix that all count. */
function rexOf(
  { operands, sizedBy, row }: Encoding,
  wide: boolean | undefined,
  modrm: number,
  random: Random,
): number {
  const letters = operands.map(({ letter }) => letter);
  const has = (some: string): boolean => letters.some((letter) => some.includes(letter));
  let rex = 0;
  if (wide === true) rex |= 8;
  else if (sizedBy !== undefined && sizedBy !== "z" && !row.d64 && !row.f64 && wide !== false) {
    rex |= random.below(2) << 3;
  }
  if (has("GVCD")) rex |= random.below(2) << 2;
  if (has("EMRWUQZ") && (modrm < 0xc0 || has("ERWUZ"))) rex |= random.below(2);
  return rex;
}

/** The words whose disassembly is compared with GNU objdump's, and what is left out. */
import { readFileSync } from "node:fs";
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { type CompiledRow, InstructionTable } from "../../lib/engine/table.ts";

const fpVectors = readFileSync(
  new URL("../../lib/arch/aarch64/testing/fp_vectors.txt", import.meta.url),
  "utf8",
);

/** Rows whose text is not objdump's for some words, with the reason. */
export const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ...["MRS", "MSR (register)", "SYS", "SYSL"].map((name): [string, string] => [
    name,
    "registers and operations of features that the CPU lacks keep their numbers",
  ]),
  ...["MSR (PAN)", "MSR (SPSel)"].map((name): [string, string] => [
    name,
    "CRm above 1: the CPU ignores the upper bits, objdump prints an unnamed register",
  ]),
  ["HINT", "DGH has its name"],
  ...["post-index", "pre-index", "signed offset"].map((form): [string, string] => [
    `LDPSW (${form}, x)`,
    "equal registers are unpredictable: executed here, undefined to objdump",
  ]),
  ...["LDARB (w)", "LDARH (w)", "LDAR (w)", "LDAR (x)"].map((name): [string, string] => [
    name,
    "bits that should be one are ignored here, undefined to objdump",
  ]),
]);

/** Words of one kind. */
export interface Group {
  /** Mask, value and name of the row, or what the words are the vectors of. */
  readonly key: string;
  readonly words: readonly number[];
}

const PER_ROW = 96;
const TRIES = 40 * PER_ROW;

/** Random words of each row, and the words of the recorded SIMD and floating-point results. */
export function groups(table: InstructionTable): Group[] {
  return [
    ...table.rows.filter(({ row }) => !DIFFERENT.has(row.name)).map((row) => ({
      key: `${hex(row.mask)} ${hex(row.value)} ${row.row.name}`,
      words: rowWords(table, row),
    })),
    {
      key: "simd vectors",
      words: recordedWords(readFileSync(new URL("../simd/vectors.txt", import.meta.url), "utf8")),
    },
    { key: "fp vectors", words: recordedWords(fpVectors) },
  ];
}

/** The words at the beginnings of lines. */
function recordedWords(text: string): number[] {
  return text.trim().split("\n").map((line) => parseInt(line.slice(0, 8), 16));
}

/** The table that is disassembled. */
export function allRows(): InstructionTable {
  return new InstructionTable(instructionRows);
}

function rowWords(table: InstructionTable, row: CompiledRow): number[] {
  let state = (row.value ^ row.mask ^ 0x2545f491) >>> 0 || 1;
  const found: number[] = [];
  for (let i = 0; i < TRIES && found.length < PER_ROW; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const word = (row.value | state & ~row.mask) >>> 0;
    if (table.matches(word)[0] === row) found.push(word);
  }
  return found;
}

/** Eight hexadecimal digits. */
export function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** FNV-1a of lines of text. */
export function checksum(lines: readonly string[]): string {
  let hash = 0x811c9dc5;
  for (const line of lines) {
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 10, 0x01000193);
  }
  return hex(hash);
}

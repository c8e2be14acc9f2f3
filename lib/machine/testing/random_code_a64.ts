/**
 * Random code and page tables of AArch64, for fuzzing whole machines. Words come from the instruction
 * table, so that every row is met; branches are kept short, so that code goes on.
 */
import { instructionRows } from "../../arch/aarch64/instruction_rows.ts";
import { type CompiledRow, InstructionTable } from "../../engine/table.ts";
import type { Random } from "./random_numbers.ts";

const table = new InstructionTable(instructionRows);
/** Rows that only the host executes: system registers, exceptions, waits. */
const hostRows = table.rows.filter(({ row }) => row.host !== undefined);
/** Loads, stores, atomics and cache maintenance by address, by their place in the encoding. */
const memoryRows = table.rows.filter(({ mask, value }) =>
  (mask & 0x08000000) !== 0 && (value & 0x0a000000) === 0x08000000
);
/** Direct branches: B, B.cond, CBZ, TBZ. */
const branchRows = table.rows.filter(({ row }) => row.flow === "branch" || row.flow === "jump");
/** Instructions of a branch's reach. */
const REACH = 48;

/** What code is made of. */
export type CodeKind = "mixed" | "memory" | "system" | "branches";

const rowsOf: Readonly<Record<CodeKind, readonly CompiledRow[]>> = {
  mixed: table.rows,
  memory: memoryRows,
  system: hostRows,
  branches: branchRows,
};

/** One instruction word. */
export function randomWord(random: Random, kind: CodeKind): number {
  if (random.oneIn(kind === "branches" ? 256 : 16)) return random.word();
  if (random.oneIn(4)) return randomWordOf(random, random.pick(table.rows));
  return randomWordOf(random, random.pick(rowsOf[kind]));
}

function randomWordOf(random: Random, row: CompiledRow): number {
  let word = 0;
  // Combinations of fields that are not allocated are tried as well, but seldom.
  for (let attempt = 0; attempt < 4; attempt++) {
    word = ((random.word() & ~row.mask) | row.value) >>> 0;
    if (table.decodeWord(word) !== undefined) break;
  }
  if (row.row.flow === undefined) return word;
  for (const { name, shift, width, mask } of row.bits) {
    if (!/^(raw|imm)/.test(name) || width < 14) continue;
    const distance = random.oneIn(8) ? 1 : random.below(2 * REACH) - REACH / 2;
    word = ((word & ~(mask << shift)) | ((distance & mask) << shift)) >>> 0;
  }
  return word;
}

/** Fills words with code. */
export function fillCode(random: Random, into: Uint32Array, kind: CodeKind): void {
  for (let i = 0; i < into.length; i++) into[i] = randomWord(random, kind);
}

/*
  mrs x28, ELR_EL1
  add x28, x28, #4
  msr ELR_EL1, x28
  eret
*/
const SKIP = [0xd538403c, 0x9100139c, 0xd518403c, 0xd69f03e0] as const;
/** Words of one entry of the vector table. */
const VECTOR_WORDS = 32;

/** Fills a vector table whose handlers, after some random words, return behind the instruction. */
export function fillVectors(random: Random, into: Uint32Array): void {
  for (let at = 0; at + VECTOR_WORDS <= into.length; at += VECTOR_WORDS) {
    const before = random.oneIn(4) ? random.below(VECTOR_WORDS - SKIP.length) : 0;
    for (let i = 0; i < before; i++) into[at + i] = randomWord(random, "mixed");
    into.set(SKIP, at + before);
  }
}

/**
 * Fills a page of translation tables: descriptors that lead to RAM, to devices, to tables in
 * `tables`, or anywhere.
 * @param tables guest-physical addresses of pages of tables.
 * @param targets guest-physical addresses of RAM and devices.
 */
export function fillTable(
  random: Random,
  into: Uint32Array,
  tables: readonly number[],
  targets: readonly number[],
): void {
  for (let i = 0; i < into.length; i += 2) {
    const toTable = random.oneIn(2);
    const address = random.oneIn(16) ? random.word() : random.pick(toTable ? tables : targets);
    // Valid, access flag set, mostly; AP, SH, AttrIndx, nG and XN as they come.
    const attributes = (random.word() & 0xbfc) | (random.oneIn(16) ? 0 : 0x400);
    into[i] = ((address & -4096) | attributes | (random.oneIn(12) ? random.below(4) : 3)) >>> 0;
    if (!toTable && random.oneIn(4)) into[i] = (into[i] & ~2) >>> 0;
    into[i + 1] = random.oneIn(3) ? random.word() & 0x7870ffff & ~random.word() : 0;
    if (!random.oneIn(16)) into[i + 1] &= 0xffff0000;
  }
}

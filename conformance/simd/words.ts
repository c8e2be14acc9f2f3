/** The words that the SIMD vectors cover: every row, every choice of its structural fields. */
import { cryptoRows } from "../../lib/arch/aarch64/crypto.ts";
import { simdAcrossPairwiseRows } from "../../lib/arch/aarch64/simd_across_pairwise.ts";
import { simdByElementRows } from "../../lib/arch/aarch64/simd_by_element.ts";
import { simdCopyRows } from "../../lib/arch/aarch64/simd_copy.ts";
import { simdLoadsStoresRows } from "../../lib/arch/aarch64/simd_loads_stores.ts";
import { simdModifiedImmediateRows } from "../../lib/arch/aarch64/simd_modified_immediate.ts";
import { simdPermuteRows } from "../../lib/arch/aarch64/simd_permute.ts";
import { simdScalarRows } from "../../lib/arch/aarch64/simd_scalar.ts";
import { simdShiftImmediateRows } from "../../lib/arch/aarch64/simd_shift_immediate.ts";
import { simdStructuresRows } from "../../lib/arch/aarch64/simd_structures.ts";
import { simdThreeDifferentRows } from "../../lib/arch/aarch64/simd_three_different.ts";
import { simdThreeSameRows } from "../../lib/arch/aarch64/simd_three_same.ts";
import { simdTwoMiscRows } from "../../lib/arch/aarch64/simd_two_misc.ts";
import type { Row } from "../../lib/engine/row.ts";
import { type CompiledRow, InstructionTable } from "../../lib/engine/table.ts";

/** All integer SIMD rows, their loads and stores, and the cryptographic ones. */
export const simdRows: readonly Row[] = [
  ...simdLoadsStoresRows,
  ...simdStructuresRows,
  ...simdCopyRows,
  ...simdModifiedImmediateRows,
  ...simdPermuteRows,
  ...simdThreeSameRows,
  ...simdThreeDifferentRows,
  ...simdTwoMiscRows,
  ...simdAcrossPairwiseRows,
  ...simdShiftImmediateRows,
  ...simdByElementRows,
  ...simdScalarRows,
  ...cryptoRows,
];

/** Words for each choice of structural fields: more where an immediate counts as well. */
const WORDS = 1;
const WORDS_WITH_IMMEDIATE = 5;

/** Words that the table decodes, in a fixed order. */
export function words(): number[] {
  const table = new InstructionTable(simdRows);
  const found = new Map<number, Set<number>>();
  let state = 0x12345678;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (const row of table.rows) {
    // Registers apart, what varies is structure and immediates.
    const varying = row.bits.filter((field) => !/^[RV]/.test(field.name))
      .reduce((bits, field) => bits + field.width, 0);
    const tries = 400 + 60 * 2 ** Math.min(varying, 11);
    for (let i = 0; i < tries; i++) {
      const word = choose(row, random);
      if (table.matches(word).length === 0) continue;
      const decoded = table.decodeWord(word);
      if (decoded === undefined) continue;
      const { handler } = decoded;
      const immediate = handler.operands.some((operand) => operand.kind === "imm");
      const limit = immediate ? WORDS_WITH_IMMEDIATE : WORDS;
      let set = found.get(handler.id);
      if (set === undefined) found.set(handler.id, set = new Set());
      if (set.size < limit) set.add(word);
    }
  }
  return [...found.values()].flatMap((set) => [...set]);
}

function choose(row: CompiledRow, random: () => number): number {
  let word = row.value;
  const values = new Map<string, number>();
  for (const { name, shift, mask } of row.bits) {
    let value = random() & mask;
    // Offsets must stay in the window of memory, which ends 0xc00 before the instruction.
    if (name === "rawImm12") value &= 0x3f;
    if (name === "rawImm19") value = -0x310 - (random() & 0x1ff) & mask;
    // Now and then two operands are one register.
    if (name === "Vd" && (random() & 3) === 0) value = values.get("Vn") ?? value;
    if (name === "Vn" && (random() & 7) === 0) value = values.get("Vm") ?? value;
    if (name === "Vt" && value === values.get("Vt2")) value ^= 1;
    if (name === "Rn_sp" && value === values.get("Rm")) value ^= 1;
    values.set(name, value);
    word |= value << shift;
  }
  return word >>> 0;
}

/** Words at which allocation is compared: any bits in the SIMD&FP encoding space. */
export function sampleWords(count: number): number[] {
  let state = 0x2545f491;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  /** Bits fixed to select a group, and their values. */
  const groups = [
    [0x0e000000, 0x0c000000], // loads and stores
    [0xbf000000, 0x0c000000], // multiple structures
    [0xbf000000, 0x0d000000], // single structures
    [0x9f000000, 0x0e000000], // vector: three registers, two registers, copy, permute
    [0x9f000000, 0x0f000000], // vector: by element, immediates
    [0xdf000000, 0x5e000000], // scalar
    [0xdf000000, 0x5f000000],
  ];
  return Array.from({ length: count }, (_, i) => {
    const [mask, value] = groups[i % groups.length];
    const word = random() & ~mask | value;
    // Keep unsigned offsets in the window of memory.
    return ((word & 0x3b000000) === 0x39000000 ? word & ~0x003f0000 : word) >>> 0;
  });
}

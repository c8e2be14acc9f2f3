import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  digest,
  isLiteral,
  isLoadStore,
  prepare,
  ROUNDS,
} from "../../../conformance/simd/cases.ts";
import { sampleWords, simdRows } from "../../../conformance/simd/words.ts";
import { InstructionTable } from "../../engine/table.ts";
import { instructionRows } from "./instruction_rows.ts";
import { field } from "./layout.ts";
import { simdHelpers } from "./simd_helpers.ts";
import { Ending, RowRig, WINDOW } from "./testing/row_rig.ts";

/** Words in one module. */
const BATCH = 400;

const fpsr = field("fpsr");
const hex = (word: number): string => word.toString(16).padStart(8, "0");
const read = (name: string): string[] =>
  readFileSync(new URL(`../../../conformance/simd/${name}`, import.meta.url), "utf8")
    .trimEnd().split("\n");
const vectors = read("vectors.txt").map((line) =>
  line.split(" ").map((text) => parseInt(text, 16))
);

/** Parts of the vectors, each a test of its own. */
const PARTS = 4;

for (let part = 0; part < PARTS; part++) {
  test(`SIMD rows leave the registers, memory and FPSR.QC that QEMU leaves (${part + 1} of ${PARTS})`, () => {
    const rig = new RowRig(simdRows, simdHelpers);
    const words = vectors.filter((_, i) => i % PARTS === part);
    rig.compile(words.map(([word]) => word));
    const wrong: string[] = [];
    for (const [word, expected] of words) {
      let hash = 0;
      for (let round = 0; round < ROUNDS; round++) {
        prepare(rig, word, round);
        const ending = rig.run(word);
        if (ending !== Ending.next) wrong.push(`${hex(word)} ended with ${ending}`);
        hash = digest(rig, rig.state.get32(fpsr), word, hash);
      }
      if (hash >>> 0 !== expected) {
        wrong.push(`${hex(word)} ${rig.table.matches(word)[0].row.name}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
}

test("the vectors cover every row", () => {
  const table = new InstructionTable(simdRows);
  const covered = new Set(vectors.map(([word]) => table.matches(word)[0]));
  assert.deepEqual(table.rows.filter((row) => !covered.has(row)).map(({ row }) => row.name), []);
});

test("exactly the allocated words of the SIMD&FP space have a row, and one only", () => {
  const table = new InstructionTable(instructionRows);
  const bits = read("allocation.txt").join("");
  const words = sampleWords(bits.length * 4);
  const wrong: string[] = [];
  words.forEach((word, i) => {
    const rows = table.matches(word).map(({ row }) => row);
    // The recorded CPU has no FEAT_RDM.
    const expected = parseInt(bits[i >> 2], 16) >> (i & 3) & 1 ||
      (rows[0]?.feature === "FEAT_RDM" ? 1 : 0);
    if (rows.length === expected) return;
    wrong.push(`${hex(word)}: ${rows.map((row) => row.name).join()}`);
  });
  assert.deepEqual(wrong, []);
});

test("no word of the vectors has two rows", () => {
  const table = new InstructionTable(instructionRows);
  const twice = vectors.filter(([word]) => table.matches(word).length !== 1);
  assert.deepEqual(twice.map(([word]) => hex(word)), []);
});

/** Loads and stores of the vectors with a base register. */
function loadsAndStores(): number[] {
  return vectors.map(([word]) => word).filter((word) => isLoadStore(word) && !isLiteral(word));
}

/** Everything that an instruction may change. */
const snapshot = (rig: RowRig, word: number): number => digest(rig, rig.state.get32(fpsr), word, 0);

test("a load or store that faults, even at its last byte, has changed nothing", () => {
  const rig = new RowRig(simdRows, simdHelpers);
  const words = loadsAndStores();
  for (let from = 0; from < words.length; from += BATCH) {
    const batch = words.slice(from, from + BATCH);
    rig.compile(batch);
    for (const word of batch) {
      prepare(rig, word, 0);
      const base = word >>> 5 & 31;
      /** Runs with the base moved on; how that ends. */
      const runAt = (address: bigint): Ending => {
        rig.x[base] = address;
        const before = snapshot(rig, word);
        const ending = rig.run(word);
        if (ending === Ending.miss) assert.equal(snapshot(rig, word), before, hex(word));
        else assert.equal(ending, Ending.next, hex(word));
        return ending;
      };
      // By steps to the end of the window, then byte by byte: the first miss is of the last byte.
      let address = rig.x[base];
      while (runAt(address + 64n) === Ending.next) address += 64n;
      while (runAt(address + 1n) === Ending.next) address += 1n;
      assert.ok(address < WINDOW.address + 2 * WINDOW.size, hex(word));
    }
  }
});

test("with SP as the base a misaligned SP faults if it is checked", () => {
  const rig = new RowRig(simdRows, simdHelpers);
  const words = loadsAndStores().filter((word) => (word >>> 5 & 31) === 31);
  const mask = field("stackAlignmentMask");
  rig.compile(words);
  for (const word of words) {
    for (const checked of [true, false]) {
      prepare(rig, word, 0);
      rig.state.set64(mask, checked ? 15n : 0n);
      rig.x[31] += 8n;
      const state = snapshot(rig, word);
      assert.equal(rig.run(word), checked ? Ending.fault : Ending.next, hex(word));
      if (checked) assert.equal(snapshot(rig, word), state, hex(word));
    }
  }
});

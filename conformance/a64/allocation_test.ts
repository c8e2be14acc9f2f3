import assert from "node:assert/strict";
import { test } from "node:test";
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { type CompiledRow, InstructionTable } from "../../lib/engine/table.ts";
import { readAllocation } from "./allocation.ts";
import { Random } from "./cases.ts";

const table = new InstructionTable(instructionRows);
const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
const matches = (row: CompiledRow, word: number): boolean => table.matches(word).includes(row);

/** Free bits of two rows up to which all their common words are tried, else as many at random. */
const EXHAUSTIVE_BITS = 9;

test("no word belongs to two rows", () => {
  const random = new Random(1);
  const twice: string[] = [];
  let pairs = 0;
  table.rows.forEach((a, i) => {
    for (const b of table.rows.slice(i + 1)) {
      // Rows whose fixed bits contradict one another have no word in common.
      if (((a.value ^ b.value) & a.mask & b.mask) !== 0) continue;
      pairs++;
      const mask = a.mask | b.mask;
      const value = a.value | b.value;
      const free = 32 - bitCount(mask);
      for (let n = 0; n < 2 ** Math.min(free, EXHAUSTIVE_BITS); n++) {
        const bits = free <= EXHAUSTIVE_BITS ? spread(n, ~mask) : random.next();
        const word = (value | (bits & ~mask)) >>> 0;
        if (matches(a, word) && matches(b, word)) {
          twice.push(`${hex(word)}: ${a.row.name}, ${b.row.name}`);
          return;
        }
      }
    }
  });
  assert.deepEqual(twice, []);
  assert.ok(pairs > 0, "conditions tell some rows apart");
});

/** The low bits of a number at the places of the bits that are set in a mask. */
function spread(number: number, mask: number): number {
  let result = 0;
  for (let bit = 0, n = number; bit < 32; bit++) {
    if (((mask >>> bit) & 1) === 0) continue;
    result |= (n & 1) << bit;
    n >>>= 1;
  }
  return result;
}

function bitCount(mask: number): number {
  let count = 0;
  for (let bit = 0; bit < 32; bit++) count += (mask >>> bit) & 1;
  return count;
}

test("exactly the words that another decoder knows have a row", async () => {
  const verdicts = await readAllocation();
  const wrong: string[] = [];
  let allocated = 0;
  for (const verdict of verdicts) {
    const rows = table.matches(verdict.word);
    allocated += rows.length;
    if (rows.length === (verdict.allocated ? 1 : 0)) continue;
    wrong.push(`${hex(verdict.word)}: ${rows.map(({ row }) => row.name).join() || "no row"}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(verdicts.length > 30000 && allocated > 15000);
});

test("a word decoded again has all its operands", () => {
  const random = new Random(2);
  const wrong: string[] = [];
  for (const { mask, value, row } of table.rows) {
    for (let i = 0; i < 8; i++) {
      const word = (value | (random.next() & ~mask)) >>> 0;
      const read = (): string => {
        const decoded = table.decodeWord(word);
        if (decoded === undefined) return "none";
        const { handler, slots, immLow, immHigh } = decoded;
        return `${handler.id} ${slots} ${immLow} ${immHigh}`;
      };
      const first = read();
      // Another instruction in between, with other operands.
      table.decodeWord(0xd503201f);
      table.decodeWord(0x48727fb2);
      if (read() !== first) wrong.push(`${hex(word)}: ${row.name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** Every row's assembler syntax is that of GNU objdump, but for the rows listed in words.ts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { a64Disassembler } from "../../lib/arch/aarch64/disassemble.ts";
import { instructionDocuments } from "./document_text.ts";
import { allRows, checksum, DIFFERENT, groups } from "./words.ts";

const table = allRows();
const disassembler = a64Disassembler(table);
const recorded = readFileSync(new URL("expected.txt", import.meta.url), "utf8").trim().split("\n")
  .filter((line) => !line.startsWith("#"));

test("recorded instructions are printed as objdump does", () => {
  const samples = recorded.filter((line) => line.startsWith(" "));
  assert.ok(samples.length > 1500);
  const wrong: string[] = [];
  for (const sample of samples) {
    const [word, address, ...text] = sample.trim().split(" ");
    const own = disassembler.disassemble(parseInt(word, 16), BigInt(`0x${address}`));
    if (own !== text.join(" ")) wrong.push(`${word}: ${own}, not ${text.join(" ")}`);
  }
  assert.deepEqual(wrong, []);
});

test("random words of every row are printed as objdump does", () => {
  const expected = new Map(
    recorded.filter((line) => !line.startsWith(" ")).map((line) => {
      const [, rest, key] = /^(\S+ \S+) (.*)$/.exec(line) ?? assert.fail(line);
      return [key, rest] as const;
    }),
  );
  const wrong: string[] = [];
  let at = 0;
  for (const { key, words } of groups(table)) {
    const texts = words.map((word) => disassembler.disassemble(word, BigInt(at++ * 4)));
    const found = `${words.length} ${checksum(texts)}`;
    if (words.length === 0 || found !== expected.get(key)) wrong.push(`${key}: ${texts[0]}`);
    expected.delete(key);
  }
  assert.deepEqual(wrong, [], "record.ts prints the differences");
  assert.deepEqual([...expected.keys()], [], "recorded rows that are not in the table");
});

test("every row has a template, and every exception is a row", () => {
  const names = new Set(table.rows.map(({ row }) => row.name));
  assert.deepEqual([...DIFFERENT.keys()].filter((name) => !names.has(name)), []);
  for (const { row, value } of table.rows) {
    if (row.when !== undefined) continue;
    assert.doesNotMatch(disassembler.disassemble(value), /^\.inst/, row.name);
  }
});

test("the documents of instructions are the tables'", () => {
  for (const { file, text } of instructionDocuments()) {
    assert.equal(readFileSync(file, "utf8"), text, "document.ts writes it");
  }
});

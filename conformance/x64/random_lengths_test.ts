import assert from "node:assert/strict";
import { test } from "node:test";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { readVerdicts } from "./random_code.ts";
import { compareLengths } from "./random_lengths.ts";

const verdicts = await readVerdicts();

/** Strings that are compared; random_lengths.ts compares all. */
const STRINGS = 100_000;

test("what is an instruction, and how long it is, agrees with the host CPU", () => {
  const wrong: number[] = [];
  const range = { from: 0, to: STRINGS };
  const decoder = new X86Decoder(instructionRows);
  const count = compareLengths(decoder, verdicts, range, (n) => wrong.push(n));
  assert.ok(count > 90_000, `${count}`);
  assert.deepEqual(wrong, []);
});

test("a row that is not there, and one that is too long, are found", () => {
  const wrong = (rows: typeof instructionRows): number => {
    let found = 0;
    compareLengths(new X86Decoder(rows), verdicts, { from: 0, to: 20_000 }, () => found++);
    return found;
  };
  assert.ok(wrong(instructionRows.filter(({ title }) => title !== "RET Iw")) > 5);
  assert.ok(
    wrong(
      instructionRows.map((row) => row.title === "RET Iw" ? { ...row, title: "RET Iw,Ib" } : row),
    ) > 5,
  );
});

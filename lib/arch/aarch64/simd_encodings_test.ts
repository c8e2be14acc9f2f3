/** Which words of the SIMD and floating-point group are instructions: those that QEMU executes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InstructionTable } from "../../engine/table.ts";
import { instructionRows } from "./instruction_rows.ts";

/** Allocated words, recorded with conformance/fp/encodings.c. */
const simdEncodings = readFileSync(
  new URL("./testing/simd_encodings.txt", import.meta.url),
  "utf8",
);

// The recorded core is an ARMv8.0-A one with the cryptographic extension.
const table = new InstructionTable(instructionRows.filter(({ feature }) => feature !== "FEAT_RDM"));

test("allocated words are QEMU's, each matches one row", () => {
  const recorded = new Map(
    simdEncodings.trim().split("\n").map((line) => [parseInt(line, 16), line] as const),
  );
  const wrong: string[] = [];
  for (let top = 0; top < 256; top++) {
    const base = ((top >> 4) << 28 | 7 << 25 | (top & 15) << 21) >>> 0;
    let hash = 0x811c9dc5;
    let count = 0;
    for (let i = 0; i < 2048; i++) {
      const word = (base | i << 10 | 1 << 5) >>> 0;
      const rows = table.matches(word);
      if (rows.length > 1) wrong.push(`${word.toString(16)} matches ${rows.length} rows`);
      if (rows.length === 0) continue;
      hash = Math.imul(hash ^ i, 16777619);
      hash ^= hash >>> 15;
      count++;
    }
    const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, "0");
    const line = count === 0 ? undefined : `${hex(base)} ${count} ${hex(hash)}`;
    if (line !== recorded.get(base)) wrong.push(`${hex(base)}: ${line}, not ${recorded.get(base)}`);
  }
  assert.deepEqual(wrong, [], "group, count, checksum; encodings.c lists what is right");
});

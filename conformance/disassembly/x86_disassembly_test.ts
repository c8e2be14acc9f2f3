/** Every x86 row's assembler syntax is that of GNU objdump, but for those listed in x86_samples.ts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { X86Disassembler } from "../../lib/arch/x86_64/disassemble.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { checksum } from "./words.ts";
import { BITS, type Bits, DIFFERENT, FILLER, groups, isDifferent, SLOT } from "./x86_samples.ts";

const decoder = new X86Decoder(instructionRows);
const recorded = readFileSync(new URL("x86_expected.txt", import.meta.url), "utf8").trim()
  .split("\n").filter((line) => !line.startsWith("#"));

test("recorded instructions are printed as objdump does", () => {
  const samples = recorded.filter((line) => line.startsWith(" "));
  assert.ok(samples.length > 2000, `${samples.length}`);
  const wrong: string[] = [];
  for (const sample of samples) {
    const [, bits, bytes, address, want] = /^ {2}(\d+) (\S+) (\S+) (.*)$/.exec(sample) ??
      assert.fail(sample);
    const code = Uint8Array.from(bytes.match(/../g) ?? [], (byte) => parseInt(byte, 16));
    const disassembler = new X86Disassembler(decoder, Number(bits) as Bits);
    const { text, length } = disassembler.disassemble(code, 0, BigInt(`0x${address}`));
    if (text !== want || length !== code.length) wrong.push(`${bytes}: ${text}, not ${want}`);
  }
  assert.deepEqual(wrong, []);
});

test("random instructions of every row are printed as objdump does", () => {
  const expected = new Map(
    recorded.filter((line) => !line.startsWith(" ")).map((line) => {
      const [, rest, key] = /^(\S+ \S+) (.*)$/.exec(line) ?? assert.fail(line);
      return [key, rest] as const;
    }),
  );
  const all = groups();
  const wrong: string[] = [];
  for (const bits of BITS) {
    const disassembler = new X86Disassembler(decoder, bits);
    let address = 0;
    for (const { key, instructions } of all.filter((group) => group.bits === bits)) {
      const texts = instructions.map((bytes) => {
        const code = new Uint8Array(SLOT).fill(FILLER);
        code.set(bytes);
        const { text } = disassembler.disassemble(code, 0, BigInt(address));
        address += SLOT;
        return text;
      });
      if (`${texts.length} ${checksum(texts)}` !== expected.get(key)) {
        wrong.push(`${key}: ${texts[0]}`);
      }
      expected.delete(key);
    }
  }
  assert.deepEqual(wrong, [], "x86_record.ts prints the differences");
  assert.deepEqual([...expected.keys()], [], "recorded rows that are not in the table");
});

test("every row is compared in some code, and every exception is of a row", () => {
  const compared = new Set(groups().map(({ key }) => key.slice(3)));
  const missing = instructionRows.filter((row) =>
    !isDifferent(row) && !compared.has(`${row.code} ${row.title}`)
  );
  assert.deepEqual(missing.map(({ title, code }) => `${code} ${title}`), []);
  const unused = [...DIFFERENT.keys()].filter((start) =>
    !instructionRows.some(({ code }) => code.startsWith(start))
  );
  assert.deepEqual(unused, []);
});

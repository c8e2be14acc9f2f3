/**
 * Records how GNU objdump prints x86 instructions, for x86_disassembly_test.ts, and prints where the
 * disassembler differs: node conformance/disassembly/x86_record.ts (needs objdump for x86). Exit code 1
 * if there is a difference.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { X86Disassembler } from "../../lib/arch/x86_64/disassemble.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { checksum } from "./words.ts";
import { BITS, type Bits, FILLER, groups, SLOT } from "./x86_samples.ts";

/** Lines of text that are kept of each row. */
const KEPT = 1;
const MACHINES: Readonly<Record<Bits, string>> = { 64: "i386:x86-64", 32: "i386", 16: "i8086" };

/** The text of each slot. */
function objdump(code: Uint8Array, bits: Bits): string[] {
  const folder = mkdtempSync(join(tmpdir(), "objdump-"));
  try {
    const file = join(folder, "code");
    writeFileSync(file, code);
    const text = execFileSync(
      "objdump",
      ["-D", "-z", "-w", "-b", "binary", "-m", MACHINES[bits], "-M", "intel", file],
      { encoding: "utf8", maxBuffer: 2 ** 30 },
    );
    const texts: string[] = [];
    for (
      const [, at, , line] of text.matchAll(/^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t?(.*)$/gm)
    ) {
      const address = parseInt(at, 16);
      if (address % SLOT === 0) texts[address / SLOT] = line.trimEnd();
    }
    return texts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const all = groups();
const lines: string[] = [];
let count = 0;
let different = 0;
for (const bits of BITS) {
  const own = all.filter((group) => group.bits === bits);
  const instructions = own.flatMap((group) => group.instructions);
  const code = new Uint8Array(instructions.length * SLOT).fill(FILLER);
  instructions.forEach((bytes, i) => code.set(bytes, i * SLOT));
  const texts = objdump(code, bits);
  const disassembler = new X86Disassembler(new X86Decoder(instructionRows), bits);
  let at = 0;
  for (const { key, instructions: { length } } of own) {
    const expected = texts.slice(at, at + length);
    lines.push(`${length} ${checksum(expected)} ${key}`);
    expected.forEach((want, i) => {
      const address = (at + i) * SLOT;
      const { text } = disassembler.disassemble(code, address, BigInt(address));
      const hex = [...instructions[at + i]].map((byte) => byte.toString(16).padStart(2, "0"));
      if (i < KEPT) lines.push(`  ${bits} ${hex.join("")} ${address.toString(16)} ${want}`);
      if (text === want) return;
      different++;
      console.log(`${key}: ${hex.join(" ")}: ${text}; objdump: ${want}`);
    });
    at += length;
  }
  count += instructions.length;
}
const head = `# How GNU objdump 2.40 prints instructions with -M intel, written by x86_record.ts.
# For each row: number of instructions (x86_samples.ts), checksum of their texts, bits, encoding,
# title; then some of them: bits, bytes, address, text.
`;
writeFileSync(new URL("x86_expected.txt", import.meta.url), `${head}${lines.join("\n")}\n`);
console.log(`${count} instructions, ${different} different`);
process.exitCode = different > 0 ? 1 : 0;

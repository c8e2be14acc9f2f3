/**
 * Records how GNU objdump prints instructions, for disassembly_test.ts, and prints where the
 * disassembler differs: node conformance/disassembly/record.ts (needs aarch64-linux-gnu-objdump).
 * Exit code 1 if there is a difference.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { a64Disassembler } from "../../lib/arch/aarch64/disassemble.ts";
import { allRows, checksum, groups, hex } from "./words.ts";

/** Lines of text that are kept of each group, of different forms. */
const FORMS = 3;

function objdump(words: readonly number[]): string[] {
  const bytes = new DataView(new ArrayBuffer(words.length * 4));
  words.forEach((word, i) => bytes.setUint32(i * 4, word, true));
  const folder = mkdtempSync(join(tmpdir(), "objdump-"));
  try {
    const file = join(folder, "words");
    writeFileSync(file, new Uint8Array(bytes.buffer));
    const text = execFileSync(
      "aarch64-linux-gnu-objdump",
      ["-D", "-z", "-b", "binary", "-m", "aarch64", file],
      { encoding: "utf8", maxBuffer: 2 ** 30 },
    );
    return [...text.matchAll(/^ *[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$/gm)].map(([, line]) =>
      line.replace(/\s*\/\/.*$/, "").replace(/\s+<.*>$/, "").replaceAll("\t", " ").trim()
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text without numbers of registers and values of immediates. */
function formOf(text: string): string {
  return text.replaceAll(/\b([bhsdqvwx])\d+/g, "$1").replaceAll(/[#[]?-?(0x)?\d[\d.a-f+-]*/g, "#");
}

const table = allRows();
const disassembler = a64Disassembler(table);
const all = groups(table);
const texts = objdump(all.flatMap(({ words }) => words));
const lines: string[] = [];
let at = 0;
let different = 0;
for (const { key, words } of all) {
  const expected = texts.slice(at, at + words.length);
  lines.push(`${words.length} ${checksum(expected)} ${key}`);
  const forms = new Set<string>();
  words.forEach((word, i) => {
    const address = (at + i) * 4;
    const text = disassembler.disassemble(word, BigInt(address));
    if (text !== expected[i]) {
      different++;
      console.log(`${hex(word)}: ${text}; objdump: ${expected[i]}`);
    }
    const form = formOf(expected[i]);
    if (forms.size === FORMS || forms.has(form)) return;
    forms.add(form);
    lines.push(`  ${hex(word)} ${address.toString(16)} ${expected[i]}`);
  });
  at += words.length;
}
const head = `# How GNU objdump 2.40 prints instructions (comments removed), written by record.ts.
# For each row: number of words (words.ts), checksum of their texts, mask, value, name;
# then some of them: word, address, text.
`;
writeFileSync(new URL("expected.txt", import.meta.url), `${head}${lines.join("\n")}\n`);
console.log(`${at} words, ${different} different`);
process.exitCode = different > 0 ? 1 : 0;

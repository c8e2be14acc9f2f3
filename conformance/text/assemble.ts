/**
 * Writes the instruction words beside the source of text tests, where they are missing or wrong:
 * node conformance/text/assemble.ts FILE... Needs aarch64-linux-gnu binutils.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseTests, type TextTest } from "./parse.ts";

const TOOLS = "aarch64-linux-gnu-";

/** Words of each code block. */
function assemble(test: TextTest, folder: string): Uint32Array[] {
  const path = (name: string): string => join(folder, name);
  const lines = [".arch armv8.1-a+crypto"];
  test.code.forEach(({ lines: source }, i) => {
    lines.push(`.section .block${i},"ax"`);
    for (const { text, isLabel, count } of source) {
      lines.push(isLabel ? `${text}:` : count === 1 ? text : `.rept ${count}\n${text}\n.endr`);
    }
  });
  writeFileSync(path("a.s"), lines.join("\n") + "\n");
  const run = (tool: string, ...args: string[]): void => {
    execFileSync(TOOLS + tool, args, { stdio: "inherit" });
  };
  run("as", path("a.s"), "-o", path("a.o"));
  const starts = test.code.map(({ virtual }, i) =>
    `--section-start=.block${i}=0x${virtual.toString(16)}`
  );
  run("ld", "-e", "0", "--no-warn-rwx-segments", ...starts, path("a.o"), "-o", path("a.elf"));
  return test.code.map((_, i) => {
    run("objcopy", "-O", "binary", "-j", `.block${i}`, path("a.elf"), path("a.bin"));
    const bytes = readFileSync(path("a.bin"));
    return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  });
}

function rewrite(file: string): void {
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n");
  const folder = mkdtempSync(join(tmpdir(), "assemble-"));
  for (const test of parseTests(text)) {
    const words = assemble(test, folder);
    test.code.forEach((block, i) => {
      for (const { line, text: source, isLabel, index, count } of block.lines) {
        if (isLabel) {
          lines[line] = `  ${source}:`;
          continue;
        }
        const word = words[i][index].toString(16).padStart(8, "0");
        lines[line] = `    ${word}  ${source}${count > 1 ? ` *${count}` : ""}`;
      }
    });
  }
  rmSync(folder, { recursive: true });
  writeFileSync(file, lines.join("\n"));
}

for (const file of process.argv.slice(2)) rewrite(file);

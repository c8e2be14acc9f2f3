import { a64ByName, byFeature } from "../../cmd/instructions.ts";
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";

/** The document of supported instructions. */
export const DOCUMENT: URL = new URL("../../lib/arch/aarch64/INSTRUCTIONS.md", import.meta.url);

/** Its text: encodings by feature. */
export function documentText(): string {
  const sections = byFeature(a64ByName(instructionRows)).map(({ feature, instructions }) =>
    `## ${feature}\n\n${
      table([
        ["Instruction", "Encoding"],
        ...instructions.map(({ name, pattern }) => [name, `\`${pattern}\``] as const),
      ])
    }`
  );
  return `# A64 instructions

What guests may execute: ${instructionRows.length} encodings by architectural feature.

Names are those of the Arm Architecture Reference Manual. Encodings are written from bit 31 down:
bits, and fields with their width if it is not 1. Some values of fields are undefined, or make it
another instruction of the list.

<!-- Written by conformance/disassembly/document.ts from the instruction table. -->

${sections.join("\n")}`;
}

/** A Markdown table, its columns aligned as the formatter wants them. */
function table(rows: readonly (readonly [string, string])[]): string {
  const [first, second] = [0, 1].map((i) => Math.max(...rows.map((row) => row[i].length)));
  const [head, ...body] = rows.map(([a, b]) => `| ${a.padEnd(first)} | ${b.padEnd(second)} |\n`);
  return `${head}| ${"-".repeat(first)} | ${"-".repeat(second)} |\n${body.join("")}`;
}

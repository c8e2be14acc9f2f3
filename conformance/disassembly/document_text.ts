import { a64ByName, byFeature, type Feature, x86ByName } from "../../cmd/instructions.ts";
import { instructionRows as a64Rows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { instructionRows as x86Rows } from "../../lib/arch/x86_64/instruction_rows.ts";

/** A document of supported instructions. */
export interface InstructionDocument {
  readonly file: URL;
  readonly text: string;
}

/** The documents of all architectures, made from their instruction tables. */
export function instructionDocuments(): InstructionDocument[] {
  return [
    { file: documentOf("aarch64"), text: a64Text() },
    { file: documentOf("x86_64"), text: x86Text() },
  ];
}

const documentOf = (arch: string): URL =>
  new URL(`../../lib/arch/${arch}/INSTRUCTIONS.md`, import.meta.url);

const WRITTEN =
  "<!-- Written by conformance/disassembly/document.ts from the instruction table. -->";

function a64Text(): string {
  return `# A64 instructions

What guests may execute: ${a64Rows.length} encodings by architectural feature.

Names are those of the Arm Architecture Reference Manual. Encodings are written from bit 31 down:
bits, and fields with their width if it is not 1. Some values of fields are undefined, or make it
another instruction of the list.

${WRITTEN}

${sections(byFeature(a64ByName(a64Rows)))}`;
}

function x86Text(): string {
  return `# x86 instructions

What guests may execute: ${x86Rows.length} encodings by feature of CPUID. Each processor model has some of the
features (\`cpu_models.ts\`).

Names are those of the Intel SDM. Operands and encodings are in its notation (volume 2, 3.1.1 and
appendix A.2), which [row.ts](row.ts) explains: \`Ev\` is a general register or memory of the operand
size, \`W16\` an XMM register or 16 bytes of memory, \`/r\` stands for ModRM, \`NP\` for none of the
prefixes 66, F2 and F3.

${WRITTEN}

${sections(byFeature(x86ByName(x86Rows)))}`;
}

function sections(features: readonly Feature[]): string {
  return features.map(({ feature, instructions }) =>
    `## ${feature}\n\n${
      table([
        ["Instruction", "Encoding"],
        ...instructions.map(({ name, pattern }) => [name, `\`${pattern}\``] as const),
      ])
    }`
  ).join("\n");
}

/** A Markdown table, its columns aligned as the formatter wants them. */
function table(rows: readonly (readonly [string, string])[]): string {
  const [first, second] = [0, 1].map((i) => Math.max(...rows.map((row) => row[i].length)));
  const [head, ...body] = rows.map(([a, b]) => `| ${a.padEnd(first)} | ${b.padEnd(second)} |\n`);
  return `${head}| ${"-".repeat(first)} | ${"-".repeat(second)} |\n${body.join("")}`;
}

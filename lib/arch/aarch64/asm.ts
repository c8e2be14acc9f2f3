/** Assembler templates of rows that are named after their mnemonic, as the manual's titles are. */
import type { Row } from "../../engine/row.ts";

/**
 * The rows with templates: the first word of a row's name, a "2" for the upper halves if the name
 * has such a form ("XTN, XTN2"), and the operands. A row with a template of its own keeps it.
 */
export function withAsm(operands: string, rows: readonly Row[]): Row[] {
  return rows.map((row): Row => {
    const [mnemonic, second = ""] = row.name.split(/[ ,]+/, 2);
    const upper = second === `${mnemonic}2` ? "{upper}" : "";
    return { ...row, asm: row.asm ?? `${mnemonic.toLowerCase()}${upper} ${operands}` };
  });
}

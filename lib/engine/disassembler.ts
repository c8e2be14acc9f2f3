/**
 * The disassembler that a table of rows gives. A row's `asm` template is text with `{field}`,
 * `{field:format}` and `{format}`; the architecture supplies the formats, and the aliases that
 * assemblers prefer.
 */
import { type CompiledRow, type InstructionTable, rawFields } from "./table.ts";

/** Fields of an instruction word and the values derived from them. */
export type FieldValues = { readonly [name: string]: number | bigint };

/** Text of a value; the other fields and the instruction's address are there for those that need them. */
export type Format = (value: number | bigint, fields: FieldValues, address: bigint) => string;

/** How an architecture writes its operands. */
export interface AsmSyntax {
  /** By name, as templates give it after the colon. */
  readonly formats: { readonly [name: string]: Format };
  /** Format of a field that names none. */
  formatOf(field: string): string;
  /** By name of row: the template of the preferred alias, undefined to keep the row's own. */
  readonly aliases: { readonly [row: string]: (fields: FieldValues) => string | undefined };
}

/** Literal text, or a value and its format. */
type Piece = string | { readonly field: string; readonly format: Format };

/** Turns instruction words into text. */
export class Disassembler {
  readonly #table: InstructionTable;
  readonly #syntax: AsmSyntax;
  readonly #templates = new Map<string, readonly Piece[]>();

  constructor(table: InstructionTable, syntax: AsmSyntax) {
    this.#table = table;
    this.#syntax = syntax;
  }

  /**
   * The instruction at `address` in assembler syntax; `.inst` with the row's name, if it has one, for
   * words without a template. Throws if a template asks for a format that does not exist.
   */
  disassemble(word: number, address: bigint = 0n): string {
    const row = this.#table.matches(word)[0];
    const fields = row === undefined ? {} : valuesOf(row, word);
    const template = row === undefined
      ? undefined
      : this.#syntax.aliases[row.row.name]?.(fields) ?? row.row.asm;
    if (template === undefined) {
      const hex = (word >>> 0).toString(16).padStart(8, "0");
      return `.inst 0x${hex} // ${row === undefined ? "undefined" : row.row.name}`;
    }
    let text = "";
    for (const piece of this.#pieces(template)) {
      if (typeof piece === "string") text += piece;
      else text += piece.format(fields[piece.field] ?? 0, fields, address);
    }
    return text;
  }

  #pieces(template: string): readonly Piece[] {
    let pieces = this.#templates.get(template);
    if (pieces === undefined) {
      pieces = template.split(/(\{[^}]*\})/).map((part): Piece => this.#piece(part));
      this.#templates.set(template, pieces);
    }
    return pieces;
  }

  #piece(part: string): Piece {
    if (!part.startsWith("{")) return part;
    const [field, named] = part.slice(1, -1).split(":");
    const { formats } = this.#syntax;
    const name = named ?? (field in formats ? field : this.#syntax.formatOf(field));
    const format = formats[name];
    if (format === undefined) throw new Error(`no format ${name} for ${part}`);
    return { field, format };
  }
}

function valuesOf(row: CompiledRow, word: number): FieldValues {
  const raw = rawFields(row, word);
  const values: Record<string, number | bigint> = { ...raw };
  for (const [name, derive] of Object.entries(row.row.derive ?? {})) values[name] = derive(raw);
  return values;
}

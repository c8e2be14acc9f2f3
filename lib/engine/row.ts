/**
 * One row of an instruction table: the encoding as the manual prints it, and what the instruction
 * does, stated once for the interpreter, the compiler and the disassembler.
 *
 * The name of a field decides its class:
 * - `R...`: general register number; 31 is the zero register, or the stack pointer if the name ends in `_sp`
 * - `V...`: vector register number
 * - `imm...`: immediate
 * - any other name: *structural*. Its value is a plain number while the semantics run; every value
 *   of it is an instruction of its own to the interpreter. Keep structural fields few and narrow.
 */
import type { Builder } from "./builder.ts";
import type { Flow, Instruction, Operand } from "./instruction.ts";

export type { Flow, Operand };

/** Raw bits of the fields of one instruction word, before they are sorted into classes. */
export type RawFields<F extends string = string> = { readonly [K in F]: number };

type Tokens<S extends string> = S extends `${infer Head} ${infer Tail}` ? Head | Tokens<Tail> : S;
type FieldName<T extends string> = T extends `${infer Name}:${string}` ? Name
  : T extends `${"0" | "1"}${string}` ? never
  : T;
/** The names of the fields in a bit pattern. */
export type FieldNames<P extends string> = FieldName<Tokens<P>>;

type OperandName = `R${string}` | `V${string}` | `imm${string}`;
/** What the semantics see: operands, and numbers for structural fields. */
export type Fields<F extends string> = {
  readonly [K in F]: K extends OperandName ? Operand : number;
};

/** Writes the effect of an instruction with the builder. All memory probes come before any change of state. */
export type Semantics<F extends string> = (b: Builder, f: Fields<F>) => void;

/** A row as the author writes it. Build it with {@linkcode row} or {@linkcode hostRow}. */
export interface Row extends Instruction {
  /** Most significant bit first: literal bits, `name` (1 bit) and `name:width`, separated by blanks. */
  readonly pattern: string;
  readonly semantics?: Semantics<string>;
  /** False for combinations of field values that are not this instruction (unallocated or another row's). */
  readonly when?: (f: RawFields) => boolean;
  /** Values computed at decode time; names obey the classes above and may replace a field. */
  readonly derive?: { readonly [name: string]: (f: RawFields) => number | bigint };
  /** Assembler template; see the disassembler. */
  readonly asm?: string;
}

/** Options of a row whose derived names are `D`. */
export interface RowOptions<P extends string, D extends string> {
  readonly flow?: Flow;
  readonly when?: (f: RawFields<FieldNames<P>>) => boolean;
  readonly derive?: { readonly [K in D]: (f: RawFields<FieldNames<P>>) => number | bigint };
  readonly asm?: string;
}

/** A row with semantics for both executors. */
export function row<P extends string, D extends string = never>(
  pattern: P,
  name: string,
  feature: string,
  semantics: Semantics<FieldNames<P> | NoInfer<D>>,
  options: RowOptions<P, D> = {},
): Row {
  return { pattern, name, feature, semantics, ...options } as unknown as Row;
}

/** A row that the host executes: rare, or with effects beyond registers and memory. Ends its block. */
export function hostRow<P extends string>(
  pattern: P,
  name: string,
  feature: string,
  host: string,
  options: Omit<RowOptions<P, never>, "flow" | "derive"> = {},
): Row {
  return { pattern, name, feature, host, flow: "stop", ...options } as unknown as Row;
}

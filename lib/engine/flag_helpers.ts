/**
 * Conditions on flags whose kind is known only at run time: a helper for each, called by regions where
 * several kinds meet. The interpreter lays flags to rest at once: calls cost it more.
 */
import type { FlagModel, Helper, HelperCode } from "./arch.ts";
import type { ValType } from "../wasm/types.ts";

/** Name of the helper for a condition: (kind: i32, a: i64, b: i64) -> i32. */
export function conditionHelper(condition: number): string {
  return `engine:condition ${condition}`;
}

/** Helper that lays flags to rest: (kind: i32, a: i64, b: i64) -> an i64 for each field. */
export const RESTING_FLAGS = "engine:resting flags";

const PARAMETERS: readonly ValType[] = ["i32", "i64", "i64"];
const [KIND, A, B] = [0, 1, 2];

/** The helpers for all conditions of an architecture, and the one that lays flags to rest. */
export function flagHelpers(flags: FlagModel): Helper[] {
  const conditions = Array.from({ length: flags.conditions }, (_, condition): Helper => ({
    name: conditionHelper(condition),
    params: PARAMETERS,
    results: ["i32"],
    emit: (code) =>
      byKind(code, flags, (kind) => {
        const operands = kind === 0 ? atRest(code, flags, flags.needed(condition)) : [A, B];
        flags.condition(code, kind, operands, condition);
      }),
  }));
  const resting: Helper = {
    name: RESTING_FLAGS,
    params: PARAMETERS,
    results: flags.fields.map(() => "i64"),
    emit: (code) =>
      byKind(code, flags, (kind) => {
        if (kind === 0) { for (const field of flags.fields) code.getState(field); }
        else flags.materialize(code, kind, [A, B]);
      }),
  };
  return [...conditions, resting];
}

/** Writes a body for each kind that flags may have. */
function byKind(code: HelperCode, flags: FlagModel, body: (kind: number) => void): void {
  const kinds = flags.operands.length;
  for (let kind = 0; kind < kinds; kind++) code.block();
  code.local_get(KIND);
  code.br_table(Array.from({ length: kinds - 1 }, (_, kind) => kind), kinds - 1);
  for (let kind = 0; kind < kinds; kind++) {
    code.end();
    body(kind);
    code.return_();
  }
  code.unreachable();
}

/** Locals with those flags at rest that are needed. */
function atRest(code: HelperCode, flags: FlagModel, needed: number): number[] {
  return flags.fields.map((field, n) => {
    if ((needed & (1 << n)) === 0) return -1;
    const local = code.local("i64");
    code.getState(field);
    code.local_set(local);
    return local;
  });
}

/**
 * Records vectors.bin.gz: `node conformance/x64/record.ts [cases [first [file]]]`. Needs Linux on
 * an x86-64 CPU with SSE4.2, BMI1, BMI2, ADX, AES, PCLMULQDQ, SHA, FSGSBASE, and a C compiler. The
 * committed ones come from an AMD EPYC (family 25, model 17).
 */
import { writeFileSync } from "node:fs";
import { incompleteConditions } from "./flags.ts";
import { type Draft, Generator } from "./generator.ts";
import { initialState } from "./initial_state.ts";
import { NativeExecutor, whyNotNative } from "./native.ts";
import { replay } from "./replay.ts";
import { rows } from "./rows.ts";
import { CODE, Ending, FIELDS, Flag, State } from "./state.ts";
import {
  type Case,
  type Change,
  type Encoding,
  type MemoryChange,
  packCases,
  type Tolerance,
} from "./vectors.ts";

/** Cases that store more are left out. */
const MOST_STORED = 512;

const encodings: readonly Encoding[] = rows.map(({ text, group, attributes }) => {
  const tolerance = (["near2", "estimate"] as const).find((name: Tolerance) =>
    attributes.has(name)
  );
  return tolerance === undefined ? { text, group } : { text, group, tolerance };
});

/**
 * Whether a case ends as this CPU, not the manual, wants it: what a faulting ENTER has stored; whether
 * a conversion of MMX registers that faults has switched to MMX; whether 16 bytes that are not
 * aligned are #AC with RFLAGS.AC.
 */
export function isUpToCpu({ rows: drawn }: Draft, before: State, after: State): boolean {
  if (after.vector !== Ending.end && drawn.some(({ attributes }) => attributes.has("partial"))) {
    return true;
  }
  if (((before.rflags | after.rflags) & Flag.AC) === 0) return false;
  return drawn.some(({ operands }) => operands.some((operand) => /^[WM]16$/.test(operand)));
}

/** What differs between two states. */
function changesOf(before: State, after: State): Change[] {
  const changes: Change[] = [];
  FIELDS.forEach(({ offset, size }, field) => {
    const value = after.bytes.slice(offset, offset + size);
    if (value.some((byte, i) => byte !== before.bytes[offset + i])) changes.push({ field, value });
  });
  return changes;
}

function memoryChangesOf(before: State, after: State): MemoryChange[] {
  const was = new Uint8Array(before.memory.buffer);
  const is = new Uint8Array(after.memory.buffer);
  const changes: MemoryChange[] = [];
  for (let at = 0; at < was.length; at++) {
    if (was[at] === is[at]) continue;
    let end = at + 1;
    while (end < was.length && was[end] !== is[end]) end++;
    changes.push({ offset: at, bytes: is.slice(at, end) });
    at = end;
  }
  return changes;
}

/** A case as its vectors have it; undefined if it is none for them. */
export function caseOf(index: number, draft: Draft, before: State, after: State): Case | undefined {
  if (after.vector === Ending.timeout || after.vector === Ending.call) return undefined;
  if (isUpToCpu(draft, before, after)) return undefined;
  const memory = memoryChangesOf(before, after);
  const stored = memory.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (stored > MOST_STORED || memory.length > 255) return undefined;
  let { undefinedConditions } = draft;
  for (const row of draft.rows) undefinedConditions |= incompleteConditions(row, after.fsw);
  return {
    index,
    encodings: draft.rows.map(({ id }) => encodings[id]),
    bytes: Uint8Array.from(draft.bytes),
    undefinedFlags: draft.undefinedFlags,
    undefinedConditions,
    changes: changesOf(before, after),
    memory,
  };
}

/**
 * Parts that cases are run in again: by the low and by the high digit of their numbers. Two cases of
 * different slots are not in the same part both times.
 */
const PARTS: readonly ((index: number) => number)[] = [
  (index) => index % 32,
  (index) => Math.floor(index % CODE.slots / 32),
];

/**
 * Draws cases `first` to `first + count - 1` and runs them three times: those that read code of others,
 * or that do not end the same each time, are left out.
 */
export function record(
  executor: NativeExecutor,
  generator: Generator,
  { first, count }: { readonly first: number; readonly count: number },
): Case[] {
  const cases: Case[] = [];
  const before = new State();
  for (let from = first; from < first + count; from += CODE.slots) {
    const drafts = new Map<number, Draft>();
    const most = Math.min(first + count, from + CODE.slots);
    for (let index = from; index < most; index++) drafts.set(index, generator.draw(index));
    const code = [...drafts].map(([index, { bytes }]) => ({
      index,
      bytes: Uint8Array.from(bytes),
    }));
    const batch: Case[] = [];
    executor.run(code, initialState, (index, after) => {
      initialState(index, before);
      const one = caseOf(index, drafts.get(index)!, before, after);
      if (one !== undefined) batch.push(one);
    });
    const unsteady = new Set<Case>();
    for (const partOf of PARTS) {
      for (const again of Map.groupBy(batch, ({ index }) => partOf(index)).values()) {
        replay(executor, again, (difference) => unsteady.add(difference.case));
      }
    }
    cases.push(...batch.filter((one) => !unsteady.has(one)));
  }
  return cases;
}

/** How many cases end how: counts by vector. */
export function endings(cases: readonly Case[]): Map<number, number> {
  const vector = FIELDS.findIndex(({ name }) => name === "vector");
  const counts = new Map<number, number>();
  for (const { changes } of cases) {
    const change = changes.find(({ field }) => field === vector);
    const value = change === undefined ? Ending.end : change.value[0] | (change.value[1] << 8);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

async function main(count: number, first: number, file: string | URL): Promise<void> {
  const reason = whyNotNative();
  if (reason !== undefined) throw new Error(reason);
  const executor = new NativeExecutor();
  const generator = new Generator();
  const cases = record(executor, generator, { first, count });
  executor.dispose();
  const packed = await packCases(cases);
  writeFileSync(file, packed);
  console.log(`${cases.length} of ${count} cases, ${packed.length} bytes`);
  for (const [vector, times] of endings(cases)) console.log(`vector ${vector}: ${times}`);
  const uses = rows.map((row) => generator.uses(row)).sort((a, b) => a - b);
  console.log(
    `${rows.length} encodings, uses of one: at least ${uses[0]}, median ${uses[uses.length >> 1]}`,
  );
}

if (import.meta.main) {
  const [count, first, file] = process.argv.slice(2);
  const standard = new URL("./vectors.bin.gz", import.meta.url);
  await main(Number(count ?? 204800), Number(first ?? 0), file ?? standard);
}

/**
 * Random code on the engine, some instructions after another: interpreter, regions and single steps
 * must end in the same state. `node conformance/x64/random_sequences.ts [sequences [first]]`.
 *
 * A sequence is made of random strings that the host CPU executes without an exception, cut to their
 * length. After the first they begin from other states, so that any of them may be the end.
 */
import process from "node:process";
import { WAYS } from "../../lib/arch/x86_64/testing/bare_engine.ts";
import { EngineExecutor } from "./engine_executor.ts";
import {
  End,
  randomString,
  readVerdicts,
  STATES,
  STRING_BYTES,
  stringState,
  type Verdict,
} from "./random_code.ts";
import type { CaseCode, Executor } from "./replay.ts";
import { CODE, Ending, FIELDS, slotAddress, State } from "./state.ts";

/** Strings that one sequence is taken from, and the bytes that it may have. */
const STRINGS = 32;
const MOST_BYTES = CODE.slotBytes - STRING_BYTES;
/** Sequences that are in memory, and compiled, at once. */
const BATCH = 256;

/** How many sequences there are. */
export const sequencesOf = ({ length }: readonly Verdict[]): number => Math.floor(length / STRINGS);

/** Sequence number `index`. All of its strings were recorded from the state that it begins with. */
export function randomSequence(verdicts: readonly Verdict[], index: number): CaseCode {
  const bytes: number[] = [];
  const first = STATES * STRINGS * Math.floor(index / STATES) + index % STATES;
  for (let i = 0; i < STRINGS; i++) {
    const n = first + i * STATES;
    const { length, end } = verdicts[n];
    if (end !== End.none || bytes.length + length > MOST_BYTES) continue;
    bytes.push(...randomString(n).subarray(0, length));
  }
  return { index, bytes: Uint8Array.from(bytes) };
}

function sequenceState(index: number, state: State): void {
  stringState(index, state);
  state.rip = BigInt(slotAddress(index));
}

/** A sequence that two executors end differently. */
export interface Split {
  readonly sequence: CaseCode;
  readonly executors: readonly [string, string];
  /** Names of what differs. */
  readonly fields: readonly string[];
}

/** Runs sequences `from` to `to - 1`; `report` gets those that do not end as with the first executor. */
export function compareSequences(
  executors: readonly Executor[],
  verdicts: readonly Verdict[],
  { from, to }: { readonly from: number; readonly to: number },
  report: (split: Split) => void,
): void {
  const [model, ...others] = executors;
  const ends = new Map(Array.from({ length: BATCH }, (_, n) => [n, new State()]));
  for (let at = from; at < to; at += BATCH) {
    const count = Math.min(BATCH, to - at);
    const code = Array.from({ length: count }, (_, n) => randomSequence(verdicts, at + n));
    model.run(code, sequenceState, (index, after) => ends.get(index - at)!.copy(after));
    for (const executor of others) {
      executor.run(code, sequenceState, (index, after) => {
        const fields = differences(ends.get(index - at)!, after);
        if (fields.length === 0) return;
        const sequence = code[index - at];
        report({ sequence, executors: [model.name, executor.name], fields });
      });
    }
  }
}

function differences(a: State, b: State): string[] {
  // How far an endless loop has come is up to the executor.
  if (a.vector === Ending.timeout && b.vector === Ending.timeout) return [];
  const fields = FIELDS.filter(({ offset, size }) => {
    for (let i = offset; i < offset + size; i++) if (a.bytes[i] !== b.bytes[i]) return true;
    return false;
  }).map(({ name }) => name);
  return a.memory.every((word, i) => word === b.memory[i]) ? fields : [...fields, "memory"];
}

async function main(count: number, from: number): Promise<number> {
  const verdicts = await readVerdicts();
  const executors = WAYS.map((way) => new EngineExecutor(way));
  const to = Math.min(sequencesOf(verdicts), from + count);
  let wrong = 0;
  compareSequences(executors, verdicts, { from, to }, ({ sequence, executors, fields }) => {
    if (wrong++ >= 20) return;
    const hex = [...sequence.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    console.log(`${sequence.index}: ${executors.join(", ")}: ${fields.join(", ")}\n  ${hex}`);
  });
  const inRegions = executors.reduce(
    (sum, { engine }) => sum + engine.statistics.regionInstructions,
    0,
  );
  console.log(`${to - from} sequences, ${wrong} differ, ${inRegions} instructions in regions`);
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) {
  const [count = Infinity, from = 0] = process.argv.slice(2).map(Number);
  process.exitCode = await main(count, from);
}

/**
 * Runs the recorded cases: `node conformance/a64/replay.ts [--all | --inline | --case N
 * [--record]] [--file F] [--limit N]`. Prints those that end otherwise than they should; `--record` also what a
 * case should have changed (needs what record.ts needs).
 */
import { readFileSync } from "node:fs";
import { a64Disassembler } from "../../lib/arch/aarch64/disassemble.ts";
import { commonWords } from "../../lib/arch/aarch64/common_words.ts";
import { instructionRows } from "../../lib/arch/aarch64/instruction_rows.ts";
import { InstructionTable } from "../../lib/engine/table.ts";
import {
  CODE,
  differences,
  type Digest,
  digest,
  Ending,
  initialState,
  slotAddress,
  State,
} from "./cases.ts";
import { CaseMachine, type Executor } from "./machine.ts";
import { type Case, unpackCases } from "./vectors.ts";

/** The cases of a file, by default the recorded ones. */
export function readCases(
  file: string | URL = new URL("./vectors.bin.gz", import.meta.url),
): Promise<Case[]> {
  return unpackCases(new Uint8Array(readFileSync(file)));
}

/** Cases of each handler that run inline. */
const INLINE_CASES = 3;

/** A case that ended otherwise than recorded. */
export interface Difference {
  readonly case: Case;
  readonly executor: Executor;
  /** What differs. */
  readonly names: readonly string[];
  readonly before: State;
  readonly after: State;
  readonly got: Digest;
}

/**
 * Runs cases that lie in one batch of slots; `code` are all words of the batch. Cases of which no end
 * is recorded (faults in loops) must end as with the first executor; all executors must count the
 * same number of instructions.
 */
function runBatch(
  machine: CaseMachine,
  code: readonly (readonly number[])[],
  cases: readonly Case[],
  executors: readonly Executor[],
  report: (difference: Difference) => void,
): void {
  const before = new State();
  const after = new State();
  const first = new Map<Case, Digest>();
  const counts = new Map<Case, number>();
  for (const executor of executors) {
    machine.loadCode(code);
    if (executor === "region" || executor === "sliced") {
      machine.compile(cases.map(({ index }) => index), executor === "region");
    }
    for (const test of cases) {
      initialState(test.index, before);
      copy(before, after);
      const ending = machine.run(after, executor);
      const got = digest(after, before.memory, ending);
      let { expected } = test;
      if (expected.ending === Ending.timeout) {
        // Where the budget ends is not the same for all.
        if (got.ending === Ending.timeout) continue;
        expected = first.get(test) ?? got;
        first.set(test, expected);
      }
      const names = differences(expected, got);
      const count = counts.get(test) ?? machine.executed;
      counts.set(test, count);
      if (machine.executed !== count) names.push(`executed ${machine.executed}, not ${count}`);
      if (names.length === 0) continue;
      const copies = { before: clone(before), after: clone(after) };
      report({ case: test, executor, names, ...copies, got });
    }
  }
}

function copy(from: State, to: State): void {
  to.x.set(from.x);
  to.v.set(from.v);
  to.pc.set(from.pc);
  to.tpidr.set(from.tpidr);
  to.memory.set(from.memory);
  to.nzcv = from.nzcv;
  to.fpcr = from.fpcr;
  to.fpsr = from.fpsr;
}

function clone(state: State): State {
  const result = new State();
  copy(state, result);
  return result;
}

/** Runs the cases for which `select` is true on a machine. Gives how many were run. */
export function replay(
  machine: CaseMachine,
  cases: readonly Case[],
  executors: readonly Executor[],
  select: (test: Case) => boolean,
  report: (difference: Difference) => void,
): number {
  let count = 0;
  for (let from = 0; from < cases.length; from += CODE.slots) {
    const batch = cases.slice(from, from + CODE.slots);
    const selected = batch.filter(select);
    if (selected.length === 0) continue;
    count += selected.length;
    runBatch(machine, batch.map(({ words }) => words), selected, executors, report);
  }
  return count;
}

/**
 * Cases such that every handler of the instruction table that occurs, occurs at least `times` in
 * them, or as often as there are cases with it.
 */
export function covering(cases: readonly Case[], times: number): Set<Case> {
  const table = new InstructionTable(instructionRows);
  const seen: number[] = [];
  const result = new Set<Case>();
  for (const test of cases) {
    const ids = test.words.map((word) => table.decodeWord(word)?.handler.id ?? 0);
    if (ids.every((id) => (seen[id] ?? 0) >= times)) continue;
    result.add(test);
    for (const id of ids) seen[id] = (seen[id] ?? 0) + 1;
  }
  return result;
}

/**
 * Runs cases in interpreters that have all their instructions inline, `size` handlers at a time.
 * Gives how many were run.
 */
export function replayInline(
  cases: readonly Case[],
  size: number,
  report: (difference: Difference) => void,
): number {
  const table = new InstructionTable(instructionRows);
  const byHandler = new Map<number, Case[]>();
  for (const test of cases) {
    for (const word of test.words) {
      const handler = table.decodeWord(word)?.handler;
      if (handler === undefined) continue;
      const list = byHandler.get(handler.id);
      if (list === undefined) byHandler.set(handler.id, [test]);
      else if (list.length < INLINE_CASES) list.push(test);
    }
  }
  const groups = [...byHandler.values()];
  let count = 0;
  for (let from = 0; from < groups.length; from += size) {
    const selected = new Set(groups.slice(from, from + size).flat());
    const machine = new CaseMachine({ inlineWords: [...selected].flatMap(({ words }) => words) });
    count += replay(machine, cases, ["interpreter"], (test) => selected.has(test), report);
  }
  return count;
}

const hex = (words: ArrayLike<number>, at: number, count: number): string => {
  let text = "";
  for (let i = count - 1; i >= 0; i--) text += words[at + i].toString(16).padStart(8, "0");
  return text;
};

/** The words of a case, disassembled, one line each. */
export function listing({ index, words }: Case): string[] {
  const disassembler = a64Disassembler(new InstructionTable(instructionRows));
  return words.map((word, i) => {
    const address = BigInt(slotAddress(index) + 4 * i);
    const text = disassembler.disassemble(word, address);
    return `${address.toString(16)}  ${word.toString(16).padStart(8, "0")}  ${text}`;
  });
}

/** Lines "name: before -> after" for what changed. */
export function changes(before: State, after: State): string[] {
  const lines: string[] = [];
  const line = (name: string, old: string, now: string): void => {
    if (old !== now) lines.push(`${name}: ${old} -> ${now}`);
  };
  for (let n = 0; n < 32; n++) {
    line(n === 31 ? "sp" : `x${n}`, hex(before.x, 2 * n, 2), hex(after.x, 2 * n, 2));
  }
  for (let n = 0; n < 32; n++) line(`v${n}`, hex(before.v, 4 * n, 4), hex(after.v, 4 * n, 4));
  line("pc", hex(before.pc, 0, 2), hex(after.pc, 0, 2));
  line("tpidr_el0", hex(before.tpidr, 0, 2), hex(after.tpidr, 0, 2));
  for (const name of ["nzcv", "fpcr", "fpsr"] as const) {
    line(name, before[name].toString(16), after[name].toString(16));
  }
  for (let i = 0; i < before.memory.length; i++) {
    if (before.memory[i] === after.memory[i]) continue;
    line(`window + ${(4 * i).toString(16)}`, hex(before.memory, i, 1), hex(after.memory, i, 1));
  }
  return lines;
}

/** Numbers of the registers that words name. */
function registersOf({ words }: Case): { general: number[]; vectors: number[] } {
  const table = new InstructionTable(instructionRows);
  const general = new Set<number>();
  const vectors = new Set<number>();
  for (const word of words) {
    const row = table.matches(word)[0];
    for (const { name, shift, mask } of row?.bits ?? []) {
      const value = (word >>> shift) & mask;
      if (name.startsWith("V")) { for (let i = 0; i < 4; i++) vectors.add((value + i) & 31); }
      if (name.startsWith("R")) general.add(value);
    }
  }
  const sorted = (set: Set<number>): number[] => [...set].sort((a, b) => a - b);
  return { general: sorted(general), vectors: sorted(vectors) };
}

/** A difference as text: words, registers that the words name, changes. */
export function describe(difference: Difference): string {
  const { case: test, executor, names, before, after, got } = difference;
  const { expected } = test;
  const { general, vectors } = registersOf(test);
  const inputs = general.map((n) => `${n === 31 ? "sp" : `x${n}`}=${hex(before.x, 2 * n, 2)}`);
  inputs.push(...vectors.map((n) => `v${n}=${hex(before.v, 4 * n, 4)}`));
  return [
    `case ${test.index} (${executor}): ${names}`,
    ...listing(test).map((text) => `  ${text}`),
    `  expected ${JSON.stringify(expected)}`,
    `  got      ${JSON.stringify(got)}`,
    `  before: ${inputs.join("\n          ")}`,
    `          nzcv=${before.nzcv} fpcr=${before.fpcr.toString(16)} fpsr=${
      before.fpsr.toString(16)
    }`,
    ...changes(before, after).map((text) => `  ${text}`),
  ].join("\n");
}

/** Records a case again and prints what it should change. */
async function showRecorded(cases: readonly Case[], index: number): Promise<void> {
  const { coreOf, Recorder } = await import("./record.ts");
  const { Generator } = await import("./generator.ts");
  const at = index - cases[0].index;
  const first = at - at % CODE.slots;
  const code = cases.slice(first, first + CODE.slots).map(({ words }) => words);
  const cpu = coreOf(new Generator(), cases[at].words);
  const recorder = new Recorder();
  recorder.run(code, { cpu, indexes: [index] }, (_, before, after) => {
    console.log(["recorded:", ...changes(before, after).map((text) => `  ${text}`)].join("\n"));
  });
  recorder.dispose();
}

/** All of them. */
export const EXECUTORS: readonly Executor[] = [
  "interpreter",
  "single",
  "uncached",
  "region",
  "sliced",
];

async function main(args: readonly string[]): Promise<number> {
  const option = (name: string): string | undefined =>
    args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
  const cases = await readCases(option("--file"));
  const only = Number(option("--case") ?? -1);
  const every = args.includes("--all") ? 1 : 16;
  const limit = Number(option("--limit") ?? 20);
  const found = new Map<number, Difference[]>();
  const start = performance.now();
  const machine = new CaseMachine({ inlineWords: commonWords });
  const select = ({ index }: Case): boolean => only >= 0 ? index === only : index % every === 0;
  const report = (difference: Difference): void => {
    const { index } = difference.case;
    found.set(index, [...found.get(index) ?? [], difference]);
  };
  const count = args.includes("--inline")
    ? replayInline(cases, 300, report)
    : replay(machine, cases, EXECUTORS, select, report);
  let shown = 0;
  const byFirst = [...found.values()].sort((a, b) =>
    a[0].case.words.length - b[0].case.words.length
  );
  for (const list of byFirst) {
    if (shown++ === limit) break;
    console.log(describe(list[0]));
    console.log(
      `  differs in: ${list.map(({ executor, names }) => `${executor} (${names})`).join(", ")}`,
    );
  }
  if (only >= 0 && args.includes("--record")) await showRecorded(cases, only);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${count} cases, ${found.size} differ, ${seconds} s, ${machine.regionInstructions} instructions in regions`,
  );
  return found.size === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

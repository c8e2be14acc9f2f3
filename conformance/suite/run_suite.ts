/** Runs conformance cases one after another and reports on each. */
import { Machine } from "../../lib/machine/machine.ts";
import { TRANSCRIPTS } from "../transcripts/mod.ts";
import type { ConformanceCase, MachineFactory } from "./case.ts";
import { CASES } from "./cases.ts";
import { type CaseResult, runCase } from "./run_case.ts";
import type { Transcript } from "./transcript.ts";

/** Milliseconds of the host after which a case counts as hung. */
export const CASE_MILLISECONDS = 60_000;

/** What {@linkcode runSuite} runs, and on what. All may be left out. */
export interface SuiteOptions {
  /** Makes the machines. @default Machine.create */
  readonly create?: MachineFactory;
  /** What is run. @default all of this project */
  readonly cases?: readonly ConformanceCase[];
  /** Transcripts by the name of their case. @default those of this project */
  readonly transcripts?: Readonly<Record<string, Transcript>>;
  /** Called before a case runs. */
  readonly onStart?: (test: ConformanceCase) => void;
  /** Called with its result. */
  readonly onResult?: (result: CaseResult, test: ConformanceCase) => void;
  /** Milliseconds of the host after which a case has failed. @default 60000 */
  readonly milliseconds?: number;
  /** Ends the run; the case that runs has failed, those behind it do not run. */
  readonly signal?: AbortSignal;
}

/**
 * Runs conformance cases: each boots a reference guest in virtual time and compares what it prints with
 * what it prints on QEMU's virt board. What a factory or an engine throws is a problem of the case.
 *
 * @example On a machine of one's own
 * ```ts ignore
 * const results = await runSuite({
 *   create: (options) => MyMachine.create({ ...options, memory: "128M" }),
 *   cases: CASES.filter(({ name }) => name.startsWith("gic")),
 * });
 * for (const { name, passed, problems } of results) console.log(name, passed, problems);
 * ```
 */
export async function runSuite(options: SuiteOptions = {}): Promise<CaseResult[]> {
  const { onStart, onResult, milliseconds = CASE_MILLISECONDS } = options;
  const create = options.create ?? ((machine) => Machine.create(machine));
  const transcripts = options.transcripts ?? TRANSCRIPTS;
  const results: CaseResult[] = [];
  for (const test of options.cases ?? CASES) {
    if (options.signal?.aborted) break;
    onStart?.(test);
    // Unlike that of AbortSignal.timeout, this timer ends with the case and holds no process.
    const limit = new AbortController();
    const late = new DOMException(`more than ${milliseconds} ms`, "TimeoutError");
    const timer = setTimeout(() => limit.abort(late), milliseconds);
    const signals = [limit.signal, ...(options.signal === undefined ? [] : [options.signal])];
    let result: CaseResult;
    try {
      const signal = AbortSignal.any(signals);
      result = await runCase(test, transcripts[test.name], { create, signal });
    } catch (error) {
      result = brokenResult(test.name, error);
    } finally {
      clearTimeout(timer);
    }
    results.push(result);
    onResult?.(result, test);
  }
  return results;
}

/** The cases whose names contain one of the texts; all if there is none. */
export function selectCases(
  cases: readonly ConformanceCase[],
  texts: readonly string[],
): readonly ConformanceCase[] {
  return texts.length === 0
    ? cases
    : cases.filter(({ name }) => texts.some((text) => name.includes(text)));
}

function brokenResult(name: string, error: unknown): CaseResult {
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    name,
    passed: false,
    problems: [problem],
    lines: [],
    tap: { planned: undefined, passed: 0, skipped: 0, failed: [], faults: [] },
    instructions: 0,
    guestNanoseconds: 0,
    hostMilliseconds: 0,
  };
}

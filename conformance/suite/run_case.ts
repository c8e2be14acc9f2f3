/** Runs one conformance case on a machine. */
import {
  type ConformanceCase,
  type HostSide,
  type MachineFactory,
  machineOptions,
} from "./case.ts";
import { readTap, type TapResult } from "./tap.ts";
import {
  expectedLines,
  firstMismatch,
  formatMismatch,
  type Transcript,
  transcriptLines,
} from "./transcript.ts";
import { MAX_OUTPUT, Typist } from "./typist.ts";

/** What a run printed and how it ended. */
export interface CaseRun {
  /** What the guest printed. */
  readonly lines: readonly string[];
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
  /** Instructions of all vCPUs. */
  readonly instructions: number;
  /** Guest time in nanoseconds. */
  readonly guestNanoseconds: number;
  /** Time that the host took, in milliseconds. */
  readonly hostMilliseconds: number;
}

/** A run that was compared with the expected transcript. */
export interface CaseResult extends CaseRun {
  /** Name of the case. */
  readonly name: string;
  /** Whether the transcript is the expected one, all its tests are good and the guest switched off. */
  readonly passed: boolean;
  /** What the transcript says. */
  readonly tap: TapResult;
}

/** Settings of a run. */
export interface RunCaseOptions {
  /** Makes the machine. */
  readonly create: MachineFactory;
  /** Ends the run. A signal of `AbortSignal.timeout` ends guests that hang. */
  readonly signal?: AbortSignal;
}

/** Runs a case without comparing what it prints. */
export async function executeCase(
  test: ConformanceCase,
  { create, signal }: RunCaseOptions,
): Promise<CaseRun> {
  const start = performance.now();
  const host: HostSide = test.host?.() ?? { devices: [] };
  const machine = await create(machineOptions(test, host.devices));
  const typist = new Typist(test.input ?? [], (keys) => machine.serialInput(keys));
  const problems: string[] = [];
  let instructions = 0;
  let guestNanoseconds = 0;
  try {
    const flood = new AbortController();
    machine.onSerial((bytes) => {
      typist.push(bytes);
      if (typist.full) flood.abort();
    });
    host.attach?.(machine);
    const signals = [flood.signal, ...(signal === undefined ? [] : [signal])];
    const result = await machine.run(AbortSignal.any(signals));
    instructions = result.instructions;
    guestNanoseconds = result.nanoseconds;
    if (typist.full) problems.push(`the guest printed more than ${MAX_OUTPUT} characters`);
    if (result.reason !== "power-off") problems.push(`the run ended with: ${result.reason}`);
    if (typist.left > 0) problems.push(`${typist.left} steps of input were not asked for`);
    problems.push(...host.check?.() ?? []);
  } finally {
    await machine[Symbol.asyncDispose]();
  }
  return {
    lines: transcriptLines(typist.output),
    problems,
    instructions,
    guestNanoseconds,
    hostMilliseconds: performance.now() - start,
  };
}

/** Compares what a run printed with the expected transcript, and reads it. */
export function judge(
  test: ConformanceCase,
  transcript: Transcript | undefined,
  run: CaseRun,
): CaseResult {
  const tap = readTap(run.lines);
  const problems = [...run.problems, ...tap.faults];
  for (const name of tap.failed) problems.push(`not ok ${name}`);
  if (transcript === undefined) {
    problems.push("there is no transcript to compare with");
  } else {
    const mismatch = firstMismatch(expectedLines(test, transcript.lines), run.lines);
    if (mismatch !== undefined) problems.push(formatMismatch(mismatch));
  }
  return { ...run, name: test.name, passed: problems.length === 0, problems, tap };
}

/** Runs a case and compares. Throws only if the machine's factory or the engine does. */
export async function runCase(
  test: ConformanceCase,
  transcript: Transcript | undefined,
  options: RunCaseOptions,
): Promise<CaseResult> {
  return judge(test, transcript, await executeCase(test, options));
}

/**
 * Runs the recorded cases on the rows alone, one instruction at a time and without the engine:
 *
 *     node conformance/x64/single_executor.ts [--match TEXT] [--group NAME] [--case N] [--limit N]
 *         [--missing] [--rows FILE]...
 *
 * `--match`: cases with an encoding whose text contains it ("ADD Ev"); `--group`: integer, refused,
 * sse, mmx, x87; `--limit`: differences that are printed; `--missing`: says which cases are left out. `--rows`: instead of all rows those that
 * a file exports, with its helpers; cases with other instructions are left out.
 */
import { pathToFileURL } from "node:url";
import type { Helper } from "../../lib/engine/arch.ts";
import { GuestFault, Vector } from "../../lib/arch/x86_64/guest_fault.ts";
import { hostInstructions } from "../../lib/arch/x86_64/host_instructions.ts";
import { instructionHelpers, instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { enabled } from "../../lib/arch/x86_64/mode.ts";
import type { X86Row } from "../../lib/arch/x86_64/row.ts";
import {
  type CaseCode,
  describe,
  type Executor,
  expectedState,
  NO_RESULT,
  readCases,
  replay,
} from "./replay.ts";
import { loadState, storeState } from "./cpu_state.ts";
import { SingleMachine, TwoPagesError } from "./single_machine.ts";
import { CODE, Ending, slotAddress, State } from "./state.ts";
import type { Case } from "./vectors.ts";

/** Instructions of a case at most: strings repeat themselves, byte by byte, up to the window's end. */
const MOST_STEPS = 0x4000;

/** Runs cases on a {@linkcode SingleMachine}. */
export class SingleExecutor implements Executor {
  readonly name = "single instructions";
  readonly machine: SingleMachine;

  constructor(rows: readonly X86Row[], helpers: readonly Helper[]) {
    this.machine = new SingleMachine(rows, helpers);
  }

  run(
    code: readonly CaseCode[],
    before: (index: number, state: State) => void,
    result: (index: number, after: State) => void,
  ): void {
    const { machine } = this;
    machine.code.fill(CODE.filler);
    for (const { index, bytes } of code) machine.code.set(bytes, slotAddress(index) - CODE.address);
    const state = new State();
    for (const { index } of code) {
      before(index, state);
      loadState(machine, state);
      try {
        this.#execute(state);
      } catch (error) {
        machine.afterFault();
        if (error instanceof TwoPagesError) continue;
        throw error;
      }
      storeState(machine, state);
      result(index, state);
    }
  }

  #execute(state: State): void {
    const { machine } = this;
    state.vector = Ending.timeout;
    state.error = 0;
    state.address = 0n;
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const at = machine.state.pcLow - CODE.address;
      if (machine.state.pcHigh === 0 && machine.code[at] === CODE.filler) {
        state.vector = Ending.end;
        return;
      }
      try {
        machine.step();
      } catch (error) {
        if (!(error instanceof GuestFault)) throw error;
        machine.afterFault();
        state.vector = error.vector;
        state.error = error.code ?? 0;
        if (error.vector === Vector.pageFault) {
          state.address = (BigInt(error.addressHigh) << 32n) | BigInt(error.addressLow);
        }
        return;
      }
    }
  }
}

/** Rows and helpers that modules export. */
export interface Exports {
  readonly rows: readonly X86Row[];
  readonly helpers: readonly Helper[];
}

/** Collects arrays of rows and of helpers. */
async function exportsOf(files: readonly string[]): Promise<Exports> {
  const rows = new Map<string, X86Row>();
  const helpers = new Map<string, Helper>();
  for (const file of files) {
    const module: Record<string, unknown> = await import(pathToFileURL(file).href);
    for (const value of Object.values(module)) {
      if (!Array.isArray(value) || typeof value[0] !== "object") continue;
      for (const one of value) {
        if ("title" in one) rows.set(`${one.title} ${one.code}`, one);
        else if ("params" in one) helpers.set(one.name, one);
      }
    }
  }
  return { rows: [...rows.values()], helpers: [...helpers.values()] };
}

/** Whether a case ends by an exception, of its instruction at an offset or of one before it. */
function endsAt(one: Case, at: number): boolean {
  const after = new State();
  expectedState(one, after);
  return after.vector < Ending.end && after.rip <= BigInt(slotAddress(one.index) + at);
}

/** Whether all instructions of a case can run: undefined, or what is missing. */
export function missing(machine: SingleMachine, one: Case): string | undefined {
  const bytes = new Uint8Array(one.bytes.length + 16).fill(CODE.filler);
  bytes.set(one.bytes);
  for (let at = 0; at < one.bytes.length;) {
    const decoded = machine.decoder.decode(bytes, at, bytes.length, machine.state.mode);
    if (decoded === "cut") return "cut";
    if (decoded === undefined) {
      return endsAt(one, at) ? undefined : "row";
    }
    const { instruction: { host, flow, feature } } = decoded.handler;
    const off = !enabled(feature, machine.state.mode);
    if (host !== undefined && !off && !hostInstructions.has(host)) return `host row "${host}"`;
    // What follows a jump is not executed.
    if (flow !== undefined && flow !== "stop" && flow !== "branch") break;
    at += decoded.length;
  }
  return undefined;
}

async function main(args: readonly string[]): Promise<number> {
  const all = (name: string): string[] =>
    args.flatMap((arg, i) => arg === name && i + 1 < args.length ? [args[i + 1]] : []);
  const [match = ""] = all("--match");
  const [group] = all("--group");
  const [only] = all("--case");
  const limit = Number(all("--limit")[0] ?? 10);
  const files = all("--rows");
  const { rows, helpers } = files.length > 0
    ? await exportsOf(files)
    : { rows: instructionRows, helpers: instructionHelpers };
  const executor = new SingleExecutor(rows, helpers);
  const cases = (await readCases()).filter(({ index, encodings }) =>
    (only === undefined || index === Number(only)) &&
    encodings.some((one) => one.text.includes(match) && (group ?? one.group) === one.group)
  );
  const left = new Map<string, number>();
  const ready = cases.filter((one) => {
    const what = missing(executor.machine, one);
    if (what !== undefined) {
      const key = `no ${what} for ${one.encodings.map(({ text }) => text).join("; ")}`;
      if (one.encodings.length === 1) left.set(key, (left.get(key) ?? 0) + 1);
    }
    return what === undefined;
  });
  const differing = new Map<string, number>();
  let found = 0;
  let twoPages = 0;
  const count = replay(executor, ready, (difference) => {
    if (difference.lines[0] === NO_RESULT) {
      twoPages++;
      return;
    }
    const [first] = difference.case.encodings;
    const more = difference.case.encodings.length > 1 ? "; ..." : "";
    differing.set(first.text + more, (differing.get(first.text + more) ?? 0) + 1);
    if (found++ < limit) console.log(describe(difference));
  });
  for (const [text, times] of [...differing].sort((a, b) => b[1] - a[1]).slice(0, limit)) {
    console.log(`${times} of ${text}`);
  }
  if (args.includes("--missing")) {
    for (const [text, times] of left) console.log(`${times} ${text}`);
  }
  console.log(
    `${count} cases, ${found} differ; ${
      cases.length - count
    } left out (--missing), ${twoPages} with two pages`,
  );
  return found === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

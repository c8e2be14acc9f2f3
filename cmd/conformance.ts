import process from "node:process";
import type { ConformanceCase } from "../conformance/suite/case.ts";
import {
  type CaseReport,
  caseReport,
  compareReports,
  formatReports,
  type ReportFormat,
} from "../conformance/suite/report.ts";
import {
  ownRuntime,
  runInProcess,
  SUITE_RUNTIMES,
  type SuiteRuntime,
  vmlCommand,
} from "../conformance/suite/runtimes.ts";
import type { Transcript } from "../conformance/suite/transcript.ts";
import { suggest } from "../lib/config/checks.ts";
import type { Arguments, Command } from "./command.ts";
import { EXIT, UsageError } from "./errors.ts";

/** What the command runs: guests, and what they must print. */
export interface Suite {
  readonly cases: readonly ConformanceCase[];
  readonly transcripts: Readonly<Record<string, Transcript>>;
}

/** The suite of this project; loaded when it is asked for, as it holds all guests. */
async function ownSuite(): Promise<Suite> {
  const [{ CASES }, { TRANSCRIPTS }] = await Promise.all([
    import("../conformance/suite/cases.ts"),
    import("../conformance/transcripts/mod.ts"),
  ]);
  return { cases: CASES, transcripts: TRANSCRIPTS };
}

/** `vml conformance`; `load` gives the cases that it runs. */
export function makeConformanceCommand(load: () => Promise<Suite>): Command {
  return {
    name: "conformance",
    summary: "Runs the reference guests and compares what they print with QEMU's board.",
    usage: "[options]",
    positionals: 0,
    options: [
      {
        name: "runtime",
        value: "LIST",
        help: `${SUITE_RUNTIMES.join(", ")}, by comma, or all of them that are here; this one.`,
      },
      {
        name: "filter",
        value: "TEXT",
        multiple: true,
        help: "Runs only cases with the text in their name.",
      },
      {
        name: "against",
        value: "MACHINE",
        choices: ["qemu"],
        help: "Runs the guests in QEMU too and compares that with the transcripts.",
      },
      { name: "list", help: "Lists the cases and runs none." },
      { name: "print", help: "Prints what the guests print." },
      { name: "json", help: "Prints a line of JSON per case and runtime." },
      { name: "tap", help: "Prints the results in the Test Anything Protocol." },
      { name: "junit", help: "Prints the results as JUnit XML." },
      {
        name: "timeout",
        value: "SECONDS",
        help: "A case that takes longer has failed; 60 if not given.",
      },
    ],
    examples: [
      ["vml conformance", "Runs all cases under this runtime; a table at the end."],
      ["vml conformance --runtime all --against qemu", "Under all runtimes and in QEMU."],
      ["vml conformance --filter gic --print", "Some cases, with what the guests say."],
      ["vml conformance --runtime node,bun --junit > report.xml", "For a CI system."],
    ],
    notes:
      `Guests run in virtual time: the same run, to the instruction, under each runtime. Progress goes to
standard error. Exit codes: 0 all cases passed, 1 one failed, 2 wrong usage.

Machines of one's own are tested by the same cases with runSuite of the module "vml/conformance".`,
    run: async (args) => await run(args, await load()),
  };
}

/** `vml conformance`. */
export const conformanceCommand: Command = makeConformanceCommand(ownSuite);

const FORMATS = ["json", "tap", "junit"] as const;

async function run(args: Arguments, suite: Suite): Promise<number> {
  const { selectCases } = await import("../conformance/suite/run_suite.ts");
  const formats = FORMATS.filter((name) => args.has(name));
  if (formats.length > 1) {
    throw new UsageError(`--${formats[0]}, --${formats[1]}: one format at a time; leave one out`);
  }
  const format: ReportFormat = formats[0] ?? "table";
  const cases = selectCases(suite.cases, args.all("filter"));
  if (cases.length === 0) {
    const names = suite.cases.map(({ name }) => name).join(", ");
    throw new UsageError(`--filter: no case is named so; there are ${names}`);
  }
  if (args.has("list")) {
    process.stdout.write(formatList(cases, format));
    return EXIT.ok;
  }
  const seconds = readSeconds(args.get("timeout") ?? "60");
  const runtimes = readRuntimes(args.get("runtime"));
  if (args.has("print") && (formats.length > 0 || runtimes.length > 1)) {
    throw new UsageError("--print: for one runtime and without --json, --tap and --junit");
  }
  const collector = new Collector(format);
  if (args.get("against") === "qemu") await runQemu(suite, cases, seconds, collector);
  for (const { runtime, command } of runtimes) {
    if (command === undefined) {
      await runHere(suite, cases, seconds, runtime, args.has("print"), collector);
      continue;
    }
    const names = cases.map(({ name }) => name);
    const child = [...args.all("filter").flatMap((text) => [`--filter=${text}`])];
    try {
      await runInProcess(
        runtime,
        command,
        [...child, `--timeout=${seconds}`],
        names,
        (report) => collector.add(report),
      );
    } catch (error) {
      collector.fail(runtime, names, error instanceof Error ? error.message : String(error));
    }
  }
  return collector.finish();
}

/** Reports as they come, with progress on standard error, and the text at the end. */
class Collector {
  readonly #format: ReportFormat;
  readonly #reports: CaseReport[] = [];

  constructor(format: ReportFormat) {
    this.#format = format;
  }

  add(given: CaseReport): void {
    const first = this.#reports.find(({ name, runtime }) =>
      name === given.name && runtime !== "qemu"
    );
    const report = given.runtime === "qemu" ? given : compareReports(first, given);
    this.#reports.push(report);
    const { runtime, name, status, tests, problems } = report;
    const end = { passed: `ok, ${tests} tests`, failed: "FAILED", skipped: "skipped" }[status];
    process.stderr.write(`vml: ${runtime}: ${name}: ${end}\n`);
    for (const problem of problems) process.stderr.write(`  ${problem}\n`);
    // Readers of JSON lines see them when they are there.
    if (this.#format === "json") process.stdout.write(formatReports([report], "json"));
  }

  /** Reports on the cases of a runtime that has reported on no more. */
  fail(runtime: SuiteRuntime, names: readonly string[], problem: string): void {
    for (const name of names) {
      if (this.#reports.some((report) => report.runtime === runtime && report.name === name)) {
        continue;
      }
      this.add({
        ...{ runtime, name, status: "failed", problems: [problem], tests: 0, skippedTests: 0 },
        ...{ instructions: 0, guestNanoseconds: 0, hostMilliseconds: 0 },
      });
    }
  }

  finish(): number {
    if (this.#format !== "json") process.stdout.write(formatReports(this.#reports, this.#format));
    return this.#reports.some(({ status }) => status === "failed") ? EXIT.failed : EXIT.ok;
  }
}

async function runHere(
  suite: Suite,
  cases: readonly ConformanceCase[],
  seconds: number,
  runtime: SuiteRuntime,
  print: boolean,
  collector: Collector,
): Promise<void> {
  const { runSuite } = await import("../conformance/suite/run_suite.ts");
  await runSuite({
    cases,
    transcripts: suite.transcripts,
    milliseconds: seconds * 1000,
    onResult: (result) => {
      if (print) process.stdout.write(`${result.lines.join("\n")}\n`);
      collector.add(caseReport(runtime, result));
    },
  });
}

async function runQemu(
  suite: Suite,
  cases: readonly ConformanceCase[],
  seconds: number,
  collector: Collector,
): Promise<void> {
  const { qemuProgram, qemuVersion } = await import("../conformance/suite/qemu.ts");
  const { reportOnQemu } = await import("../conformance/suite/against_qemu.ts");
  for (const program of new Set(cases.map(qemuProgram))) {
    const version = qemuVersion(program);
    if (version === undefined) {
      throw new UsageError(`--against qemu: ${program} is not in the path; install QEMU`);
    }
    process.stderr.write(`vml: ${version}\n`);
  }
  for (const test of cases) {
    collector.add(await reportOnQemu(test, suite.transcripts[test.name], seconds * 1000));
    for (const { qemu, vml, reason } of test.differences ?? []) {
      process.stderr.write(`  differs, as ${reason}\n`);
      for (const line of qemu) process.stderr.write(`    qemu: ${line}\n`);
      for (const line of vml) process.stderr.write(`    vml:  ${line}\n`);
    }
  }
}

/** A runtime of this run; without a command it is the one that executes this. */
interface ChosenRuntime {
  readonly runtime: SuiteRuntime;
  readonly command?: readonly string[];
}

function readRuntimes(text: string | undefined): ChosenRuntime[] {
  const own = ownRuntime();
  if (text === undefined) return [{ runtime: own }];
  const all = text === "all";
  const names = all ? SUITE_RUNTIMES : new Set(text.split(",").map((name) => name.trim()));
  const chosen: ChosenRuntime[] = [];
  for (const name of names) {
    const runtime = SUITE_RUNTIMES.find((candidate) => candidate === name);
    if (runtime === undefined) {
      throw new UsageError(
        `--runtime: "${name}" is not known; ${suggest(name, ["all", ...SUITE_RUNTIMES])}`,
      );
    }
    if (runtime === own) {
      chosen.push({ runtime });
      continue;
    }
    const found = vmlCommand(runtime);
    if ("command" in found) chosen.push({ runtime, command: found.command });
    else if (all) process.stderr.write(`vml: ${runtime}: ${found.missing}\n`);
    else throw new UsageError(`--runtime: ${runtime}: ${found.missing}`);
  }
  return chosen;
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds > 0) || seconds > 86_400) {
    throw new UsageError(`--timeout: "${text}" is no number of seconds from above 0 to 86400`);
  }
  return seconds;
}

function formatList(cases: readonly ConformanceCase[], format: ReportFormat): string {
  if (format === "json") {
    return cases.map(({ name, title }) => `${JSON.stringify({ name, title })}\n`).join("");
  }
  const width = Math.max(...cases.map(({ name }) => name.length));
  return cases.map(({ name, title }) => `${name.padEnd(width)}  ${title}\n`).join("");
}

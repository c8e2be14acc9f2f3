/**
 * Puts each of the faults (faults.ts) into a copy of the code and runs its tests: one must fail by
 * each change, and each must fail by a change. Beforehand all of them must pass.
 *
 * Usage: node conformance/acceptance/put_in.ts [NUMBER...]   (all faults if none is given)
 *
 * Prints a line for each change; exit code 1 if a fault is not found.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { needRuntime, ROOT } from "../checks/runtimes.ts";
import { applyChange, type Change, type Fault, testOf } from "./claim.ts";
import { FAULTS } from "./faults.ts";

/** What the tests need. */
const COPIED = ["lib", "platform", "guests", "package.json"];
const JOBS = 2;
/** What a run of tests may take. */
const MILLISECONDS = 60_000;
const MEGABYTES = 1024;

/** How a test ended: `stopped` by the limits of time or memory, `absent` if it did not begin. */
type Outcome = "passed" | "failed" | "stopped" | "absent";

const NODE = needRuntime("node").program;

/** Runs tests, all of one file, in the copy `tree`; gives the outcome of each. */
async function run(tree: string, file: string, names: readonly string[]): Promise<Outcome[]> {
  const patterns = names.map(patternOf);
  const child = spawn(NODE, [
    `--max-old-space-size=${MEGABYTES}`,
    "--test-reporter=tap",
    ...patterns.map((pattern) => `--test-name-pattern=${pattern}`),
    file,
  ], {
    cwd: tree,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: MILLISECONDS,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
  const signal = await new Promise((resolve) => child.on("close", (_, by) => resolve(by)));
  // What was skipped keeps its "# SKIP", is none of the names, and counts as absent.
  const results = [...output.matchAll(/^(not )?ok \d+ - (.*?)(?: # (?!SKIP).*)?$/gm)];
  return patterns.map((pattern): Outcome => {
    const own = results.filter(([, , name]) => new RegExp(pattern).test(unescapeTap(name)));
    if (own.some(([, not]) => not !== undefined)) return "failed";
    if (own.length > 0) return "passed";
    return signal === null ? "absent" : "stopped";
  });
}

/** A pattern for the name of a test, in which ${...} stands for anything. */
function patternOf(name: string): string {
  const literal = name.split(/\$\{\w+\}/)
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return `^${literal.join(".*")}$`;
}

const unescapeTap = (name: string): string => name.replaceAll(/\\([\\#])/g, "$1");

/** The outcomes of a fault's tests in the copy. */
async function runAll(tree: string, tests: readonly string[]): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const files = Map.groupBy(tests, (test) => testOf(test).file);
  for (const [file, own] of files) {
    const found = await run(tree, file, own.map((test) => testOf(test).name));
    own.forEach((test, i) => outcomes.set(test, found[i]));
  }
  return outcomes;
}

/** The outcomes with a change made, which is taken back. */
async function withChange(
  tree: string,
  change: Change,
  tests: readonly string[],
): Promise<Map<string, Outcome>> {
  const path = join(tree, change.file);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, applyChange(text, change));
  try {
    return await runAll(tree, tests);
  } finally {
    writeFileSync(path, text);
  }
}

/** What is wrong with the proof of a fault. */
async function prove(tree: string, fault: Fault, say: (line: string) => void): Promise<string[]> {
  const wrong: string[] = [];
  const idle = new Set(fault.tests);
  for (const [test, outcome] of await runAll(tree, fault.tests)) {
    if (outcome !== "passed") wrong.push(`${outcome} without the fault: ${test}`);
  }
  for (const change of fault.changes) {
    const outcomes = [...await withChange(tree, change, fault.tests)];
    const found = outcomes.filter(([, outcome]) => outcome === "failed");
    for (const [test] of found) idle.delete(test);
    for (const [test, outcome] of outcomes) {
      if (outcome === "stopped" || outcome === "absent") wrong.push(`${outcome}: ${test}`);
    }
    const place = `${change.file}: ${change.find.trim().split("\n")[0]}`;
    if (found.length === 0) wrong.push(`not found: ${place}`);
    say(`fault ${fault.number}: ${found.length} of ${outcomes.length} tests fail: ${place}`);
  }
  for (const test of idle) wrong.push(`fails by none of the changes: ${test}`);
  return wrong.map((text) => `fault ${fault.number}: ${text}`);
}

const numbers = process.argv.slice(2).map(Number);
const waiting = FAULTS.filter(({ number }) => numbers.length === 0 || numbers.includes(number));
const changes = waiting.reduce((sum, fault) => sum + fault.changes.length, 0);
const folder = mkdtempSync(join(tmpdir(), "vml-faults-"));
const wrong: string[] = [];

async function work(job: number): Promise<void> {
  const tree = join(folder, `${job}`);
  for (const name of COPIED) cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
    wrong.push(...await prove(tree, fault, console.log));
  }
}

try {
  await Promise.all(Array.from({ length: JOBS }, (_, job) => work(job)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const line of wrong) console.error(line);
console.log(wrong.length === 0 ? `all ${changes} changes are found` : "NOT PROVEN");
process.exitCode = wrong.length === 0 ? 0 : 1;

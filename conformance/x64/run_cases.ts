/**
 * Runs the recorded cases, all of them unless told otherwise, and prints what differs. Exit code 1 if
 * something does. `--help` says what can be chosen. Any of the three runtimes can execute this file.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { WAYS } from "../../lib/arch/x86_64/testing/bare_engine.ts";
import { EngineExecutor } from "./engine_executor.ts";
import { excludedCases } from "./exclusions.ts";
import { NativeExecutor, whyNotNative } from "./native.ts";
import { describe, type Executor, readCases, replay } from "./replay.ts";
import type { Case } from "./vectors.ts";

const HELP =
  `run_cases.ts: runs the recorded cases of x86-64, all of them in three ways: some minutes

  --on WAY        interpreter, region, steps; or host: the CPU of this machine, which says how it
                  differs from the recorded one. May be given more than once. Default: the first three
  --match TEXT    cases with an encoding whose text contains it ("ADD Ev,Gv")
  --group NAME    cases with instructions of one group only: integer, refused, sse, mmx, x87
  --case N        one case
  --every N       each Nth of what is left
  --limit N       differences that are printed (10)`;

const { values } = parseArgs({
  options: {
    on: { type: "string", multiple: true, default: [...WAYS] },
    match: { type: "string", default: "" },
    group: { type: "string" },
    case: { type: "string" },
    every: { type: "string", default: "1" },
    limit: { type: "string", default: "10" },
    help: { type: "boolean" },
  },
});

/** An executor by its name, and what puts it away. */
function makeExecutor(name: string): { executor: Executor; end: () => string } {
  if (name === "host") {
    const reason = whyNotNative();
    if (reason !== undefined) throw new Error(`no host CPU to compare with: ${reason}`);
    const executor = new NativeExecutor();
    return { executor, end: () => (executor.dispose(), "") };
  }
  const way = WAYS.find((way) => way === name);
  if (way === undefined) throw new Error(`--on ${name}: write ${WAYS.join(", ")} or host`);
  const executor = new EngineExecutor(way);
  const inRegions = (): string =>
    `, ${executor.engine.statistics.regionInstructions} instructions in regions`;
  return { executor, end: way === "region" ? inRegions : () => "" };
}

/** Runs cases; gives how many differ. */
function run(name: string, cases: readonly Case[], limit: number): number {
  const { executor, end } = makeExecutor(name);
  const differing = new Map<string, number>();
  let found = 0;
  const count = replay(executor, cases, (difference) => {
    const [first, second] = difference.case.encodings;
    const text = first.text + (second === undefined ? "" : "; ...");
    differing.set(text, (differing.get(text) ?? 0) + 1);
    if (found++ < limit) console.log(describe(difference));
  });
  for (const [text, times] of [...differing].sort((a, b) => b[1] - a[1]).slice(0, limit)) {
    console.log(`${times} of ${text}`);
  }
  console.log(`${name}: ${count} cases, ${found} differ${end()}`);
  return found;
}

if (values.help) {
  console.log(HELP);
  process.exit();
}
for (const [index, reason] of excludedCases) console.log(`left out: case ${index} ${reason}`);
const every = Number(values.every);
const cases = (await readCases()).filter(({ index, encodings }) =>
  (values.case === undefined || index === Number(values.case)) &&
  encodings.some(({ text }) => text.includes(values.match)) &&
  encodings.every(({ group }) => values.group === undefined || group === values.group)
).filter((_, n) => n % every === 0);
for (const name of values.on) {
  if (run(name, cases, Number(values.limit)) > 0) process.exitCode = 1;
}

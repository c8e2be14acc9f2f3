/**
 * Runs every `*_test.ts` under each runtime that is there: run_tests.ts [--runtime node|deno|bun]
 * [PATH...]. Any of the three can execute this file. Exit code 1 if a test fails.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { DENO_PACKAGES, findRuntime, LEAST_VERSION, ROOT, type RuntimeName } from "./runtimes.ts";

const CORES = availableParallelism();

/** What runs test files; their names come behind it. */
const ARGUMENTS: Record<RuntimeName, readonly string[]> = {
  node: ["--test", "--test-reporter=dot", `--test-concurrency=${CORES}`],
  deno: [
    ...["test", "--allow-all", "--no-check", "--quiet", "--parallel", "--reporter=dot"],
    ...DENO_PACKAGES,
  ],
  // Bun ends a test after 5 s unless told otherwise.
  bun: ["test", "--only-failures", "--timeout", "600000", `--parallel=${CORES}`],
};
const NAMES = Object.keys(ARGUMENTS) as RuntimeName[];

function testFiles(path: string): string[] {
  const full = join(ROOT, path);
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() || entry.name.endsWith("_test.ts")
      ? entry.name === "node_modules" ? [] : testFiles(join(path, entry.name))
      : []
  ).sort();
}

const { values, positionals } = parseArgs({
  options: { runtime: { type: "string", multiple: true } },
  allowPositionals: true,
});
const paths = positionals.length > 0
  ? positionals
  : ["lib", "platform", "guests", "cmd", "conformance"];
const files = paths.flatMap(testFiles).map((file) => `./${file}`);
const asked = values.runtime ?? NAMES;
const unknown = asked.filter((name) => !(name in ARGUMENTS));
if (unknown.length > 0) {
  console.error(`--runtime: ${unknown.join(", ")}: write node, deno or bun`);
  process.exit(2);
}
const results: string[] = [];
let failed = false;
let ran = 0;
for (const name of NAMES.filter((name) => asked.includes(name))) {
  const runtime = findRuntime(name);
  if (runtime === undefined) {
    const least = LEAST_VERSION[name].join(".");
    results.push(`${name}: no version from ${least} on found; npm install brings one`);
    // Who names a runtime wants it tested.
    failed ||= values.runtime !== undefined;
    continue;
  }
  ran++;
  const what = `${name} ${runtime.version}: ${files.length} files`;
  console.error(what);
  const start = performance.now();
  const { status } = spawnSync(runtime.program, [...ARGUMENTS[name], ...files], {
    cwd: ROOT,
    stdio: "inherit",
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  results.push(`${what} in ${seconds} s: ${status === 0 ? "ok" : "FAILED"}`);
  failed ||= status !== 0;
}
console.error(`\n${results.join("\n")}`);
process.exitCode = failed || ran === 0 ? 1 : 0;

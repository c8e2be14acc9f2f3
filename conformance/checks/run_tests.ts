/**
 * Runs every `*_test.ts` under each runtime that is there: run_tests.ts [--runtime node|deno|bun]
 * [PATH...]. Any of the three can execute this file. Exit code 1 if a test fails.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Without packages in node_modules, Deno takes them from its own cache: deno.json says so. */
const denoFlags = existsSync(join(root, "node_modules/yaml")) ? ["--node-modules-dir=manual"] : [];

interface Runtime {
  readonly name: string;
  /** First version that runs the tests. */
  readonly least: readonly [major: number, minor: number];
  /** Arguments in front of the test files. */
  readonly args: readonly string[];
}

const RUNTIMES: readonly Runtime[] = [
  {
    name: "node",
    least: [22, 18],
    args: ["--test", "--test-reporter=dot", `--test-concurrency=${availableParallelism()}`],
  },
  {
    name: "deno",
    least: [2, 0],
    args: [
      ...["test", "--allow-all", "--no-check", "--quiet", "--parallel", "--reporter=dot"],
      ...denoFlags,
    ],
  },
  // Bun ends a test after 5 s unless told otherwise.
  { name: "bun", least: [1, 4], args: ["test", "--only-failures", "--timeout", "600000"] },
];

/** The runtime's executable and version: the one installed here, in the path, or executing this. */
function find({ name, least }: Runtime): { program: string; version: string } | undefined {
  const folders = [join(root, "node_modules/.bin"), ...(process.env.PATH ?? "").split(delimiter)];
  const programs = folders.map((folder) => join(folder, name)).filter((file) => existsSync(file));
  const own = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  if (own === name) programs.push(process.execPath);
  for (const program of programs) {
    const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
    const [version, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout ?? "") ?? ["", 0, 0];
    if (+major > least[0] || +major === least[0] && +minor >= least[1]) return { program, version };
  }
  return undefined;
}

function testFiles(path: string): string[] {
  const full = join(root, path);
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
const files = paths.flatMap(testFiles);
const asked = values.runtime ?? RUNTIMES.map(({ name }) => name);
const unknown = asked.filter((name) => !RUNTIMES.some((runtime) => runtime.name === name));
if (unknown.length > 0) {
  console.error(`--runtime: ${unknown.join(", ")}: write node, deno or bun`);
  process.exit(2);
}
const results: string[] = [];
let failed = false;
let ran = 0;
for (const runtime of RUNTIMES.filter(({ name }) => asked.includes(name))) {
  const found = find(runtime);
  if (found === undefined) {
    const least = runtime.least.join(".");
    results.push(`${runtime.name}: no version from ${least} on found; npm install brings one`);
    // Who names a runtime wants it tested.
    failed ||= values.runtime !== undefined;
    continue;
  }
  ran++;
  console.error(`${runtime.name} ${found.version}: ${files.length} files`);
  const names = files.map((file) => `./${file}`);
  const start = performance.now();
  const { status } = spawnSync(found.program, [...runtime.args, ...names], {
    cwd: root,
    stdio: "inherit",
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  failed ||= status !== 0;
  results.push(
    `${runtime.name} ${found.version}: ${files.length} files in ${seconds} s: ${
      status === 0 ? "ok" : "FAILED"
    }`,
  );
}
console.error(`\n${results.join("\n")}`);
process.exitCode = failed || ran === 0 ? 1 : 0;

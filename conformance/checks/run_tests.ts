/**
 * Runs every `*_test.ts` under each runtime that is there: node conformance/checks/run_tests.ts
 * [--runtime node|deno|bun] [PATH...]. Exit code 1 if a test fails or no runtime is found.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** How each runtime runs test files. */
const COMMANDS: Record<string, readonly string[]> = {
  node: ["--test", "--test-reporter=dot"],
  deno: ["test", "--allow-all", "--no-check", "--quiet", "--parallel"],
  bun: ["test", "--timeout", "600000"],
};

/** The runtime's executable: the one installed here, or the first in the path. */
function find(name: string): string | undefined {
  const folders = [join(root, "node_modules/.bin"), ...(process.env.PATH ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
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
const paths = positionals.length > 0 ? positionals : ["lib", "platform", "cmd", "conformance"];
const files = paths.flatMap(testFiles);
let failed = 0;
let ran = 0;
for (const name of values.runtime ?? Object.keys(COMMANDS)) {
  const program = find(name);
  if (program === undefined || COMMANDS[name] === undefined) {
    console.error(`${name}: not found, its tests are not run (npm install brings all three)`);
    continue;
  }
  ran++;
  const names = name === "bun" ? files.map((file) => `./${file}`) : files;
  const start = performance.now();
  const { status } = spawnSync(program, [...COMMANDS[name], ...names], {
    cwd: root,
    stdio: "inherit",
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.error(`${name}: ${files.length} files in ${seconds} s: ${status === 0 ? "ok" : "FAILED"}`);
  if (status !== 0) failed++;
}
process.exitCode = failed > 0 || ran === 0 ? 1 : 0;

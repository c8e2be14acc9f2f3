/**
 * Builds the vml program as one executable per system into dist/: build.ts [TARGET...]. Targets are
 * linux-x64 and linux-arm64 (both if none is named), darwin-x64, darwin-arm64 and windows-x64.
 */
import { statSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { buildExecutable, type Target, TARGETS } from "./executables.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const asked = positionals.length > 0 ? positionals : ["linux-x64", "linux-arm64"];
const unknown = asked.filter((name) => !TARGETS.some((target) => target === name));
if (unknown.length > 0) {
  console.error(`${unknown.join(", ")}: no such target; there are ${TARGETS.join(", ")}`);
  process.exit(2);
}
for (const target of asked as Target[]) {
  const path = buildExecutable(target);
  console.log(`${path} (${(statSync(path).size / 1e6).toFixed(0)} MB)`);
}

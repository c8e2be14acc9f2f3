/**
 * Checks that imports run downwards only, that `lib` and `mod.ts` know no runtime, and engine and
 * devices no architecture: node conformance/checks/layers.ts. Prints each breach; exit code 1 if
 * there is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { findBreaches } from "./layer_rules.ts";
import { ROOT } from "./runtimes.ts";

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesIn(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

const paths = ["mod.ts", ...["lib", "platform", "guests", "cmd", "conformance"].flatMap(filesIn)];
const breaches = findBreaches(
  new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")])),
);
for (const breach of breaches) console.error(breach);
console.error(`layers: ${paths.length} files, ${breaches.length} breaches`);
process.exitCode = breaches.length > 0 ? 1 : 0;

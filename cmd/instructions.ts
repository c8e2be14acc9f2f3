import process from "node:process";
import { aarch64 } from "../lib/arch/aarch64/arch.ts";
import type { Row } from "../lib/engine/row.ts";
import type { Arguments } from "./command.ts";
import { EXIT } from "./errors.ts";

/** Instructions of one architectural feature. */
interface Feature {
  readonly feature: string;
  readonly instructions: readonly { readonly name: string; readonly pattern: string }[];
}

/** Prints the instructions that guests may use: by feature, with name and encoding. */
export function listInstructions(args: Arguments): number {
  const { name: arch, rows } = aarch64;
  const features = byFeature(rows);
  if (args.has("json")) {
    process.stdout.write(`${JSON.stringify({ arch, features })}\n`);
    return EXIT.ok;
  }
  const count = (n: number): string => `${n} ${n === 1 ? "encoding" : "encodings"}`;
  const sections = features.map(({ feature, instructions }) => {
    const width = Math.max(...instructions.map(({ name }) => name.length));
    const lines = instructions.map(({ name, pattern }) => `  ${name.padEnd(width)}  ${pattern}\n`);
    return `${feature}: ${count(instructions.length)}\n${lines.join("")}`;
  });
  process.stdout.write(`${arch}: ${count(rows.length)}\n\n${sections.join("\n")}`);
  return EXIT.ok;
}

/** Groups in the order of the features' first instructions; in a group by name. */
function byFeature(rows: readonly Row[]): Feature[] {
  const groups = new Map<string, { name: string; pattern: string }[]>();
  for (const { feature, name, pattern } of rows) {
    const group = groups.get(feature);
    if (group === undefined) groups.set(feature, [{ name, pattern }]);
    else group.push({ name, pattern });
  }
  return Array.from(groups, ([feature, instructions]) => ({
    feature,
    instructions: instructions.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  }));
}

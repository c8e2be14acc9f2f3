import process from "node:process";
import { aarch64 } from "../lib/arch/aarch64/arch.ts";
import { instructionRows } from "../lib/arch/aarch64/instruction_rows.ts";
import type { Row } from "../lib/engine/row.ts";
import type { Arguments } from "./command.ts";
import { EXIT } from "./errors.ts";

/** Instructions of one architectural feature. */
export interface Feature {
  readonly feature: string;
  readonly instructions: readonly { readonly name: string; readonly pattern: string }[];
}

/** Prints the instructions that guests may use: by feature, with name and encoding. */
export function listInstructions(args: Arguments): number {
  const arch = aarch64.name;
  const rows = instructionRows;
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
export function byFeature(rows: readonly Row[]): Feature[] {
  const groups = new Map<string, { name: string; pattern: string }[]>();
  for (const { feature: condition, name, pattern } of rows) {
    // The condition of some rows is a mode of the CPU.
    const feature = condition.startsWith("FEAT_") ? condition : "FEAT_AA64";
    const instruction = { name, pattern: fieldNames(pattern) };
    const group = groups.get(feature);
    if (group === undefined) groups.set(feature, [instruction]);
    else group.push(instruction);
  }
  return Array.from(groups, ([feature, instructions]) => ({
    feature,
    instructions: instructions.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  }));
}

/** A pattern with the manual's names of fields: without what they tell the engine. */
function fieldNames(pattern: string): string {
  return pattern.replaceAll(/\braw([A-Z])(\w*)/g, (_, first: string, rest: string) => {
    const kept = first === "R" || first === "V" || !/^[a-z0-9]/.test(rest);
    return (kept ? first : first.toLowerCase()) + rest;
  }).replaceAll("_sp", "");
}

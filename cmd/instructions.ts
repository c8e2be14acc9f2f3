import process from "node:process";
import type { Architecture } from "../lib/config/machine_config.ts";
import type { X86Row } from "../lib/arch/x86_64/row.ts";
import type { Row } from "../lib/engine/row.ts";
import type { Arguments } from "./command.ts";
import { EXIT } from "./errors.ts";

/** An encoding, as the manuals write it. */
interface Instruction {
  readonly feature: string;
  readonly name: string;
  readonly pattern: string;
}

/** Instructions of one architectural feature. */
export interface Feature {
  readonly feature: string;
  readonly instructions: readonly { readonly name: string; readonly pattern: string }[];
}

/** Prints the instructions that guests may use: by feature, with name and encoding. */
export async function listInstructions(args: Arguments): Promise<number> {
  const arch: Architecture = args.get("arch") === "x86_64" ? "x86_64" : "aarch64";
  const instructions = arch === "x86_64" ? await x86Instructions() : await a64Instructions();
  const features = byFeature(instructions);
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
  process.stdout.write(`${arch}: ${count(instructions.length)}\n\n${sections.join("\n")}`);
  return EXIT.ok;
}

async function x86Instructions(): Promise<Instruction[]> {
  const { instructionRows } = await import("../lib/arch/x86_64/instruction_rows.ts");
  return x86ByName(instructionRows);
}

async function a64Instructions(): Promise<Instruction[]> {
  const { instructionRows } = await import("../lib/arch/aarch64/instruction_rows.ts");
  return a64ByName(instructionRows);
}

/** Rows with the manual's names of features and fields. */
export function a64ByName(rows: readonly Row[]): Instruction[] {
  return rows.map(({ feature, name, pattern }) => ({
    // The condition of some rows is a mode of the CPU.
    feature: feature.startsWith("FEAT_") ? feature : "FEAT_AA64",
    name,
    pattern: fieldNames(pattern),
  }));
}

/** x86 rows, where only CPUID decides what is a feature. */
export function x86ByName(rows: readonly X86Row[]): Instruction[] {
  return rows.map(({ feature, title, code }) => ({
    feature: feature === "cpl0" ? "base" : feature,
    name: title,
    pattern: code,
  }));
}

/** Groups in the order of the features' first instructions; in a group by name. */
export function byFeature(all: readonly Instruction[]): Feature[] {
  const groups = new Map<string, { name: string; pattern: string }[]>();
  for (const { feature, name, pattern } of all) {
    const instruction = { name, pattern };
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

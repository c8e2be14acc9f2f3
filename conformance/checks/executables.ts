import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { needRuntime, ROOT, threadEntries } from "./runtimes.ts";

/** Systems for which an executable can be built on any of them; Bun fetches its part from npm. */
export const TARGETS = [
  "linux-x64",
  "linux-arm64",
  "darwin-x64",
  "darwin-arm64",
  "windows-x64",
] as const;

export type Target = (typeof TARGETS)[number];

/** Builds the program with Bun into dist/vml-TARGET and returns that path. Throws an Error. */
export function buildExecutable(target: Target): string {
  const folder = join(ROOT, "dist");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `vml-${target}${target.startsWith("windows") ? ".exe" : ""}`);
  const { status, stdout, stderr, error } = spawnSync(needRuntime("bun").program, [
    "build",
    "--compile",
    `--target=bun-${target}`,
    "--minify",
    // Byte code makes the start three times faster; without a format it would mean CommonJS.
    "--bytecode",
    "--format=esm",
    // All entries side by side, as they find each other by relative URLs.
    "--entry-naming=[name].[ext]",
    join(ROOT, "cmd/vml.ts"),
    ...threadEntries().map((path) => join(ROOT, path)),
    "--outfile",
    path,
  ], { cwd: folder, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`bun build for ${target} failed:\n${stdout}${stderr}`);
  return path;
}

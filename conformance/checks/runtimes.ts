import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The folder of the project, with a slash behind it. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** Name of a runtime's executable. */
export type RuntimeName = "node" | "deno" | "bun";

/** First versions that execute the project. */
export const LEAST_VERSION: Record<RuntimeName, readonly [major: number, minor: number]> = {
  node: [22, 18],
  deno: [2, 0],
  bun: [1, 4],
};

/** Without node_modules, Deno is told to take packages from its own cache. */
export const DENO_PACKAGES: readonly string[] = existsSync(join(ROOT, "node_modules/yaml"))
  ? []
  : ["--node-modules-dir=none"];

/** A runtime on this machine. */
export interface Runtime {
  /** Path of the executable. */
  readonly program: string;
  readonly version: string;
}

/** A runtime that is new enough: installed in the project, in the path, or executing this. */
export function findRuntime(name: RuntimeName): Runtime | undefined {
  const [leastMajor, leastMinor] = LEAST_VERSION[name];
  const folders = [join(ROOT, "node_modules/.bin"), ...(process.env.PATH ?? "").split(delimiter)];
  const programs = folders.map((folder) => join(folder, name)).filter((file) => existsSync(file));
  const own = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  if (own === name) programs.push(process.execPath);
  for (const program of programs) {
    const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
    const [version, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout ?? "") ?? ["", 0, 0];
    if (+major > leastMajor || +major === leastMajor && +minor >= leastMinor) {
      return { program, version };
    }
  }
  return undefined;
}

/** The same, or an Error that says what to do. */
export function needRuntime(name: RuntimeName): Runtime {
  const found = findRuntime(name);
  if (found !== undefined) return found;
  const least = LEAST_VERSION[name].join(".");
  throw new Error(`${name}: no version from ${least} on found; npm install brings one`);
}

/** Modules that threads begin with. No import names them, so bundlers have to be told. */
export function threadEntries(): string[] {
  return globSync("{lib,platform,cmd}/**/*_thread.ts", { cwd: ROOT })
    .filter((path) => !path.includes("/testing/"))
    .sort();
}

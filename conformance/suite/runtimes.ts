/** The runtimes that can run the suite, found on this machine, and runs in a process of theirs. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { DENO_PACKAGES, findRuntime, ROOT } from "../checks/runtimes.ts";
import type { CaseReport } from "./report.ts";

/** What executes the vml program. `binary`: the executable for this system. */
export const SUITE_RUNTIMES = ["node", "deno", "bun", "binary"] as const;
/** One of them. */
export type SuiteRuntime = (typeof SUITE_RUNTIMES)[number];

/** The runtime that executes this. */
export function ownRuntime(): SuiteRuntime {
  if ("Deno" in globalThis) return "deno";
  if ("Bun" in globalThis) return isExecutable() ? "binary" : "bun";
  return "node";
}

/** Modules of executables that Bun makes lie in a file system of their own. */
function isExecutable(): boolean {
  return /\/(\$bunfs|~BUN)\//.test(import.meta.url);
}

/** A runtime that starts vml. */
export interface VmlCommand {
  /** Program and first arguments. */
  readonly command: readonly string[];
  /** "24.21.0"; undefined for an executable. */
  readonly version?: string;
}

/** Why a runtime cannot be used, and what would help. */
export interface NoVmlCommand {
  /** In words. */
  readonly missing: string;
}

/** How vml is started in a process of a runtime. */
export function vmlCommand(runtime: SuiteRuntime): VmlCommand | NoVmlCommand {
  // The package has JavaScript.
  const entry = join(ROOT, import.meta.url.endsWith(".ts") ? "cmd/vml.ts" : "cmd/vml.js");
  if (isExecutable()) {
    return { missing: "this executable has no files for other runtimes; start vml under one" };
  }
  if (runtime === "binary") {
    const suffix = process.platform === "win32" ? "windows-x64.exe" : undefined;
    const name = `vml-${suffix ?? `${process.platform}-${process.arch}`}`;
    const program = join(ROOT, "dist", name);
    return existsSync(program)
      ? { command: [program] }
      : { missing: `there is no dist/${name}; in a checkout, npm run build makes it` };
  }
  const found = findRuntime(runtime);
  if (found === undefined) return { missing: "it is not in the path, or too old" };
  const flags = runtime === "deno" ? ["run", "-A", "--no-check", ...DENO_PACKAGES] : [];
  return { command: [found.program, ...flags, entry], version: found.version };
}

/**
 * Runs `vml conformance --json` with further arguments in a process of a runtime and passes its reports
 * on as they come. Throws an Error if the process ends before it has reported on all cases.
 */
export async function runInProcess(
  runtime: SuiteRuntime,
  command: readonly string[],
  args: readonly string[],
  cases: readonly string[],
  onReport: (report: CaseReport) => void,
): Promise<void> {
  const child = spawn(command[0], [...command.slice(1), "conformance", "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors += text);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const left = new Set(cases);
  for await (const line of createInterface({ input: child.stdout })) {
    const report: CaseReport = JSON.parse(line);
    if (left.delete(report.name)) onReport({ ...report, runtime });
  }
  const code = await ended;
  if (left.size === 0) return;
  throw new Error(
    `${runtime} ended (${code}) without reports on ${[...left].join(", ")}\n${errors.slice(-2000)}`,
  );
}

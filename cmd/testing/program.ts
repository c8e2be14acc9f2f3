/** Runs the vml program in tests, under the runtime that executes the test. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What a run of the program left behind. */
export interface Outcome {
  /** Exit code; -1 if a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Program and arguments that execute a TypeScript file of `cmd` in this runtime. */
export function commandLine(file: string): [program: string, args: string[]] {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const flags = "Deno" in globalThis ? denoRun() : "Bun" in globalThis ? ["run"] : [];
  return [process.execPath, [...flags, path]];
}

/** Without node_modules, Deno is told to take packages from its own cache. */
function denoRun(): string[] {
  const packages = existsSync(new URL("../../node_modules/yaml", import.meta.url));
  return ["run", "-A", ...(packages ? [] : ["--node-modules-dir=none"])];
}

/** Runs `vml` with arguments and nothing to read. */
export function vml(...args: string[]): Promise<Outcome> {
  const [program, head] = commandLine("vml.ts");
  return outcomeOf(program, [...head, ...args]);
}

/** Runs any program and gathers what it prints. */
export function outcomeOf(program: string, args: readonly string[], input = ""): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, NO_COLOR: "1" } });
    const out = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => out.stderr += text);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...out, code: code ?? -1 }));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** A folder for the files of a test. */
export class TestFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), "vml-test-"));

  /** Writes a file; returns its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

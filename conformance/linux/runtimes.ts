/** How vml is started in each runtime, and a run of it with a dialogue. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

export type RuntimeName = "node" | "deno" | "bun" | "binary";

const ARGUMENTS: Record<Exclude<RuntimeName, "binary">, readonly string[]> = {
  node: [],
  deno: ["run", "--allow-all", "--no-check"],
  bun: ["run"],
};

/** Program and first arguments that start vml; undefined if the runtime is not here. */
export function vmlCommand(runtime: RuntimeName, binary: string): string[] | undefined {
  if (runtime === "binary") return binary === "" ? undefined : [binary];
  const folders = [join(ROOT, "node_modules/.bin"), ...(process.env.PATH ?? "").split(delimiter)];
  const program = folders.map((folder) => join(folder, runtime)).find((path) => existsSync(path));
  return program === undefined
    ? undefined
    : [program, ...ARGUMENTS[runtime], join(ROOT, "cmd/vml.ts")];
}

/** What is typed once the guest has printed something. */
export interface DialogueStep {
  /** What to wait for, behind the step before. */
  readonly after: RegExp;
  readonly type: string;
}

/** How a run ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program; types a dialogue that follows its standard error. Killed after so many seconds. */
export function talk(
  command: readonly string[],
  dialogue: readonly DialogueStep[],
  seconds: number,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { cwd: ROOT });
    const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
    const out = { stdout: "", stderr: "" };
    let step = 0;
    let seen = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.stdout += text);
    child.stderr.setEncoding("latin1").on("data", (text: string) => {
      out.stderr += text;
      for (; step < dialogue.length; step++) {
        const match = dialogue[step].after.exec(out.stderr.slice(seen));
        if (match === null) return;
        seen += match.index + match[0].length;
        child.stdin.write(dialogue[step].type);
      }
    });
    child.stdin.on("error", () => {});
    if (dialogue.length === 0) child.stdin.end();
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ ...out, code: code ?? -1 });
    });
  });
}

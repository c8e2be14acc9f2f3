/** How vml is started in each runtime, and a run of it with a dialogue. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The runtimes. */
export const HOSTED = ["node", "deno", "bun"] as const;
/** The same, and the executable that brings its own. */
export const RUNTIME_NAMES = ["node", "deno", "bun", "binary"] as const;
export type RuntimeName = typeof RUNTIME_NAMES[number];

/**
 * Seconds after which a machine that hangs is ended: no guest takes so long, however busy the host is.
 * What is right never depends on it.
 */
export const PATIENCE = 1200;
/** Seconds more for a program that should have ended its machine by itself. */
const GRACE = 60;

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

/** Names from a comma-separated option. Ends the program with 2 and a line if one is not known. */
export function readNames<Name extends string>(
  option: string,
  text: string,
  known: readonly Name[],
): Name[] {
  return text.split(",").map((name) => {
    const found = known.find((one) => one === name);
    if (found !== undefined) return found;
    console.error(`${option}: "${name}" is none of ${known.join(", ")}`);
    process.exit(2);
  });
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
  /** Seconds that it took. */
  readonly seconds: number;
  /** When each step of the dialogue was typed, in seconds since it was started. */
  readonly moments: ReadonlyMap<DialogueStep, number>;
}

/** Runs a program; types a dialogue that follows its standard error. */
export function talk(
  command: readonly string[],
  dialogue: readonly DialogueStep[],
): Promise<Ended> {
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { cwd: ROOT });
    const timer = setTimeout(() => child.kill("SIGKILL"), (PATIENCE + GRACE) * 1000);
    const out = { stdout: "", stderr: "" };
    const moments = new Map<DialogueStep, number>();
    let step = 0;
    let seen = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.stdout += text);
    child.stderr.setEncoding("latin1").on("data", (text: string) => {
      out.stderr += text;
      for (; step < dialogue.length; step++) {
        const match = dialogue[step].after.exec(out.stderr.slice(seen));
        if (match === null) return;
        seen += match.index + match[0].length;
        moments.set(dialogue[step], elapsed());
        child.stdin.write(dialogue[step].type);
      }
    });
    child.stdin.on("error", () => {});
    if (dialogue.length === 0) child.stdin.end();
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ ...out, code: code ?? -1, seconds: elapsed(), moments });
    });
  });
}

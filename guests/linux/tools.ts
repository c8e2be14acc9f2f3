/** Programs of the host that the recipe needs. */
import { spawn } from "node:child_process";
import process from "node:process";

/** A program of the host is missing or failed; the message is one line with the remedy. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** Packages that bring a program, for messages. */
const PACKAGES: Record<string, string> = {
  "apt-get": "apt",
  "apt-cache": "apt",
  "dpkg-deb": "dpkg",
  xz: "xz-utils",
  lz4: "lz4",
  zstd: "zstd",
  mke2fs: "e2fsprogs",
};

/** How a program is run. */
export interface ToolOptions {
  readonly cwd?: string;
  /** What it reads. */
  readonly input?: Uint8Array;
  /** Called with each line of its standard error. */
  readonly onLine?: (line: string) => void;
  readonly env?: Readonly<Record<string, string>>;
}

/** Last lines of what a program says that are kept for a message. */
const KEPT_LINES = 3;

/** Runs a program; gives its standard output. Throws a {@linkcode ToolError}. */
export function tool(
  program: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      ...(options.env !== undefined && { env: { ...process.env, ...options.env } }),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const out: Uint8Array[] = [];
    const lines: string[] = [];
    let partial = "";
    child.stdout.on("data", (bytes: Uint8Array) => out.push(bytes));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const parts = (partial + text).split("\n");
      partial = parts.pop() ?? "";
      for (const line of parts) {
        options.onLine?.(line);
        lines.push(line);
      }
      lines.splice(0, lines.length - KEPT_LINES);
    });
    child.on("error", (error: Error & { code?: string }) => {
      reject(
        new ToolError(
          error.code === "ENOENT"
            ? `${program}: not found; install ${PACKAGES[program] ?? program}`
            : `${program}: ${error.message}`,
        ),
      );
    });
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(joined(out));
      const said = [...lines, partial].filter((line) => line.trim() !== "").join(" / ");
      reject(new ToolError(`${program} ${args[0] ?? ""}: ended with ${code ?? signal}: ${said}`));
    });
    // A program that does not read its input is no reason to fail: its exit code counts.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? new Uint8Array(0));
  });
}

/** The same, for programs that print text. */
export async function toolText(
  program: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  return new TextDecoder().decode(await tool(program, args, options));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

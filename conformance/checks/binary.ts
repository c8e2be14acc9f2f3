/**
 * Builds the executables for Linux and runs them where no file of the project is: the x64 or arm64
 * one of this host directly, the other one with QEMU's user emulation. Exit code 1 if one fails.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { makeImage } from "../../lib/boot/image.ts";
import { makePvhElf } from "../../lib/boot/x86_64/pvh_elf.ts";
import { echoProgram, helloProgram } from "../../lib/machine/testing/programs.ts";
import { helloProgram as x86HelloProgram } from "../../lib/machine/testing/programs_x86.ts";
import { buildExecutable, type Target } from "./executables.ts";
import { ROOT } from "./runtimes.ts";

/** How executables of another architecture run: Debian's qemu-user-static and libc6-*-cross. */
const EMULATORS: Partial<Record<Target, readonly string[]>> = {
  "linux-arm64": ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"],
  "linux-x64": ["qemu-x86_64-static", "-L", "/usr/x86_64-linux-gnu"],
};
/** Milliseconds after which a program hangs; emulated ones are slow. */
const LIMIT = 300_000;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The first line is typed at once if there is no prompt, the others when the program prints it. */
interface Typist {
  readonly prompt?: string;
  readonly lines: readonly string[];
}

function run(command: readonly string[], folder: string, typist?: Typist): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program, args, {
      cwd: folder,
      // Nothing of the developer's surroundings.
      env: { PATH: process.env.PATH, HOME: folder },
      timeout: LIMIT,
      killSignal: "SIGKILL",
    });
    const out = { stdout: "", stderr: "" };
    const lines = [...typist?.lines ?? []];
    let seen = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out.stdout += text;
      if (!typist?.prompt || !out.stdout.slice(seen).endsWith(typist.prompt)) return;
      seen = out.stdout.length;
      child.stdin.write(lines.shift() ?? "");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => out.stderr += text);
    child.stdin.on("error", () => {});
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...out, code }));
    if (typist === undefined) child.stdin.end();
    else if (typist.prompt === undefined) child.stdin.write(lines.shift() ?? "");
  });
}

async function check(target: Target, folder: string): Promise<void> {
  const native = `${process.platform}-${process.arch}` === target;
  const executable = join(folder, `vml-${target}`);
  copyFileSync(buildExecutable(target), executable);
  assert.ok(!readFileSync(executable).includes(ROOT), "it holds paths of the build machine");
  const vml = [...(native ? [] : EMULATORS[target] ?? []), executable];
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

  const shown = await run([...vml, "--version"], folder);
  assert.match(shown.stdout, new RegExp(`^vml ${version.replaceAll(".", "\\.")} \\(Bun `));
  assert.deepEqual([shown.code, shown.stderr], [0, ""]);

  const help = await run([...vml, "--help"], folder);
  assert.match(help.stdout, /Usage: vml <command>/);
  assert.deepEqual([help.code, help.stderr], [0, ""]);

  const hello = await run([...vml, "run", "--kernel", "hello"], folder);
  assert.deepEqual(hello, { stdout: "hello Y", stderr: "", code: 0 });

  const x86 = await run([...vml, "run", "--arch", "x86_64", "--kernel", "x86"], folder);
  assert.deepEqual(x86, { stdout: "hello Y", stderr: "", code: 0 });

  const echo = await run([...vml, "run", "-k", "echo"], folder, { lines: ["HALq"] });
  assert.deepEqual(echo, { stdout: "IBM", stderr: "", code: 0 });

  const yaml = await run([...vml, "run", "machine.yaml"], folder);
  assert.deepEqual(yaml, { stdout: "hello Y", stderr: "", code: 0 });

  const lines = ["help\r", "cpus\r", "poweroff\r"];
  const monitor = await run([...vml, "run", "--cpus", "2"], folder, { prompt: "vml> ", lines });
  assert.match(monitor.stdout, /vml monitor, aarch64: 2 CPUs, 512 MiB, GICv3/, monitor.stderr);
  assert.match(monitor.stdout, /vml> help\r?\n[^]*poweroff/);
  assert.match(monitor.stdout, /vml> poweroff\r?\nGoodbye\./);
  assert.deepEqual([monitor.code, monitor.stderr], [0, ""]);
  // The suite is in the executable with its images and transcripts. Emulated, a part of it will do.
  const part = native ? [] : ["--filter", "exceptions"];
  const suite = await run([...vml, "conformance", "--tap", "--timeout", "300", ...part], folder);
  assert.equal(suite.code, 0, suite.stdout + suite.stderr);
  const cases = suite.stdout.match(/^ok /gm)?.length;
  assert.equal(suite.stdout.split("\n")[1], `1..${cases}`);
  console.error(
    `${target}: version, help, programs of both architectures, input, a machine file, the monitor, the suite: ok`,
  );
}

const folder = mkdtempSync(join(tmpdir(), "vml-binary-"));
try {
  writeFileSync(join(folder, "hello"), makeImage(helloProgram));
  writeFileSync(join(folder, "x86"), makePvhElf(x86HelloProgram));
  writeFileSync(join(folder, "echo"), makeImage(echoProgram));
  writeFileSync(join(folder, "machine.yaml"), "kernel: hello\nmemory: 64M\ncpus: 1\n");
  for (const target of ["linux-x64", "linux-arm64"] as const) await check(target, folder);
} finally {
  rmSync(folder, { recursive: true });
}

/** Runs conformance cases on QEMU's boards: virt and microvm. */
import { spawn } from "node:child_process";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConformanceCase, DEFAULT_MEMORY_MIB, type QemuSetup } from "./case.ts";
import { transcriptLines } from "./transcript.ts";
import { Typist } from "./typist.ts";

/** The program that runs a case. */
export function qemuProgram({ arch = "aarch64" }: Pick<ConformanceCase, "arch">): string {
  return `qemu-system-${arch}`;
}

/** "QEMU emulator version 7.2.22 ...", or undefined if there is none in the path. */
export function qemuVersion(program: string): string | undefined {
  const { stdout, error } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return error === undefined ? stdout.split("\n")[0] : undefined;
}

/** The lines that a case prints on QEMU. Throws an Error if it does not switch off in time. */
export async function runOnQemu(
  test: ConformanceCase,
  setup: QemuSetup,
  milliseconds: number,
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "vml-conformance-"));
  const peer = await setup.peer?.();
  try {
    const values: Record<string, string> = { ...peer?.values };
    for (const [name, content] of Object.entries(setup.files ?? {})) {
      values[name] = join(folder, name);
      writeFileSync(values[name], content);
    }
    const kernel = join(folder, "Image");
    writeFileSync(kernel, test.image());
    return await start(qemuArguments(test, setup, kernel, values), test, milliseconds);
  } finally {
    await peer?.close();
    rmSync(folder, { recursive: true });
  }
}

function qemuArguments(
  test: ConformanceCase,
  setup: QemuSetup,
  kernel: string,
  values: Readonly<Record<string, string>>,
): string[] {
  const [board, cpu] = test.arch === "x86_64"
    ? ["microvm", "max,la57=off"]
    : [`virt,gic-version=${test.gic ?? 3}`, "neoverse-n1"];
  const machine = setup.machine === undefined ? board : `${board},${setup.machine}`;
  return [
    ...["-M", machine, "-cpu", setup.cpu ?? cpu, "-smp", `${test.cpus ?? 1}`],
    ...["-m", `${test.memoryMib ?? DEFAULT_MEMORY_MIB}M`, "-display", "none", "-nic", "none"],
    ...["-serial", "stdio", "-monitor", "none", "-global", "virtio-mmio.force-legacy=false"],
    // With a thread per CPU, QEMU 7.2 reports other syndromes for atomic instructions.
    ...(setup.countInstructions === false
      ? ["-accel", "tcg,thread=single"]
      : ["-icount", "shift=0,sleep=off"]),
    ...(setup.arguments ?? []).map((text) =>
      text.replaceAll(/\{([\w.-]+)\}/g, (whole, name: string) => values[name] ?? whole)
    ),
    ...["-kernel", kernel, "-append", test.parameters ?? ""],
  ];
}

function start(
  args: readonly string[],
  test: ConformanceCase,
  milliseconds: number,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const qemu = spawn(qemuProgram(test), args, { stdio: ["pipe", "pipe", "pipe"] });
    const typist = new Typist(test.input ?? [], (keys) => qemu.stdin.write(keys));
    const timer = setTimeout(() => qemu.kill("SIGKILL"), milliseconds);
    let errors = "";
    qemu.stdin.on("error", () => {});
    qemu.stdout.on("data", (bytes: Uint8Array) => typist.push(bytes));
    qemu.stderr.setEncoding("utf8").on("data", (text: string) => errors += text);
    qemu.on("error", reject);
    qemu.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(transcriptLines(typist.output));
      else {
        const reason = code === null
          ? `did not end in ${milliseconds / 1000} s`
          : `ended (${code})`;
        reject(new Error(`${test.name}: QEMU ${reason}\n${errors}${typist.output}`));
      }
    });
  });
}

/** Starts a machine in QEMU or under a runtime, and measures the CPU time that the process took. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { delimiter } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Architecture } from "../../lib/config/machine_config.ts";
import { qemuTscParameters } from "../microvm/qemu_tsc.ts";

/** A JavaScript runtime that executes the vml program. */
export type Runtime = "node" | "deno" | "bun";
/** All of them. */
export const RUNTIMES: readonly Runtime[] = ["node", "deno", "bun"];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LOCAL_PROGRAMS = `${ROOT}/node_modules/.bin`;

/** A machine with one vCPU. */
export interface Guest {
  /** @default "aarch64" */
  readonly arch?: Architecture;
  /** Name of the kernel's file. */
  readonly kernel: string;
  /** Name of the initial RAM disk's file. */
  readonly initrd?: string;
  /** Kernel command line. */
  readonly append: string;
  /** Memory in MiB. */
  readonly memoryMib: number;
  /**
   * Name of a disk's file. The machine has a virtio console too then: vml hands its output on, to nobody;
   * QEMU cannot do that and writes it to a file.
   */
  readonly disk?: string;
}

/** What a process printed and took. */
export interface Measurement {
  /** Its standard output. */
  readonly output: string;
  /** Seconds of all its threads in user mode. */
  readonly userSeconds: number;
  /** Seconds until it ended, or the text came that was waited for. */
  readonly wallSeconds: number;
}

/** What went wrong, in one line and the last output. */
export class MeasureError extends Error {}

/** QEMU's boards and processors that are compared with. */
const QEMU: Readonly<Record<Architecture, readonly string[]>> = {
  aarch64: ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57"],
  x86_64: ["qemu-system-x86_64", "-M", "microvm,rtc=on", "-cpu", "qemu64", "-nodefaults"],
};

/** Program and arguments of QEMU with one thread for the guest. */
export function qemuCommand(guest: Guest, append: string = guest.append): string[] {
  return [
    ...QEMU[guest.arch ?? "aarch64"],
    ...["-accel", "tcg,thread=single"],
    ...["-m", `${guest.memoryMib}M`, "-display", "none", "-monitor", "none"],
    ...["-chardev", "stdio,mux=on,signal=off,id=stdio", "-serial", "chardev:stdio"],
    ...["-no-reboot", "-kernel", guest.kernel, "-append", append],
    ...(guest.initrd === undefined ? [] : ["-initrd", guest.initrd]),
    ...(guest.disk === undefined ? [] : [
      ...["-global", "virtio-mmio.force-legacy=false"],
      ...["-drive", `if=none,id=disk,format=raw,file=${guest.disk}`],
      ...["-device", "virtio-blk-device,drive=disk", "-device", "virtio-serial-device"],
      ...["-device", "virtconsole,chardev=stdio"],
    ]),
  ];
}

/**
 * What Linux gets on its command line in QEMU only. Its arm64 board has a kaslr-seed, vml's has none;
 * its amd64 board does not tell the frequency of the TSC.
 */
export function qemuKernelParameters(arch: Architecture): string {
  return arch === "x86_64" ? qemuTscParameters() : "nokaslr";
}

/** Program and arguments of `vml run` under a runtime. */
export function vmlCommand(runtime: Runtime, guest: Guest): string[] {
  const flags = { node: [], deno: ["run", "-A"], bun: ["run"] }[runtime];
  return [
    ...[runtime, ...flags, `${ROOT}/cmd/vml.ts`, "run", "--no-reboot"],
    ...(guest.arch === "x86_64" ? ["--arch", guest.arch, "--cpu", "qemu64"] : []),
    ...["--memory", `${guest.memoryMib}M`, "--kernel", guest.kernel, "--append", guest.append],
    ...(guest.initrd === undefined ? [] : ["--initrd", guest.initrd]),
    ...(guest.disk === undefined ? [] : ["--disk", guest.disk]),
    ...(guest.disk === undefined ? [] : ["--device", "virtio-console", "--console", "virtio"]),
  ];
}

// `times` of the shell gives the time of its children after they are waited for, in "0m1.234s".
const SCRIPT = '[ -z "$OUT" ] || exec >"$OUT"; "$@" </dev/null & echo $! >&3; wait $!; times >&3';

/**
 * Runs a program to its end, or until its output has a text: then it is killed.
 * Throws a MeasureError if it takes too long or the text does not come.
 */
export function measure(
  command: readonly string[],
  limits: {
    readonly seconds: number;
    readonly until?: string;
    /** Where standard output goes, to be read at the end; else it is read as it comes. */
    readonly file?: string;
    /** Called with each piece of output. */
    readonly onText?: (text: string) => void;
  },
): Promise<Measurement> {
  const local = existsSync(LOCAL_PROGRAMS) ? `${LOCAL_PROGRAMS}${delimiter}` : "";
  const start = performance.now();
  const child = spawn("sh", ["-c", SCRIPT, "sh", ...command], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, PATH: `${local}${process.env.PATH}`, OUT: limits.file ?? "" },
  });
  const text = { output: "", errors: "", report: "" };
  const end = (): void => {
    const pid = Number(/^\d+/.exec(text.report)?.[0]);
    if (pid > 0 && child.exitCode === null) process.kill(pid, "SIGKILL");
  };
  // A program in the background of a shell does not see Ctrl-C.
  const interrupt = (): void => {
    end();
    process.exit(130);
  };
  process.once("SIGINT", interrupt);
  let wallSeconds = 0;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, limits.seconds * 1000);
  child.stdout?.on("data", (bytes: Uint8Array) => {
    const part = new TextDecoder().decode(bytes);
    text.output += part;
    limits.onText?.(part);
    if (wallSeconds > 0 || limits.until === undefined) return;
    if (!text.output.includes(limits.until)) return;
    wallSeconds = (performance.now() - start) / 1000;
    end();
  });
  child.stderr?.on("data", (bytes: Uint8Array) => text.errors += new TextDecoder().decode(bytes));
  child.stdio[3]?.on("data", (bytes: Uint8Array) => text.report += new TextDecoder().decode(bytes));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      process.off("SIGINT", interrupt);
      if (wallSeconds === 0) wallSeconds = (performance.now() - start) / 1000;
      if (limits.file !== undefined) text.output = readFileSync(limits.file, "latin1");
      const user = /(\d+)m([\d.]+)s +\d+m[\d.]+s\s*$/.exec(text.report);
      const missing = limits.until !== undefined && !text.output.includes(limits.until);
      if (user === null || late || missing) {
        const reason = late ? `took more than ${limits.seconds} s` : "failed";
        const last = text.output.slice(-500);
        reject(new MeasureError(`${command.join(" ")}: ${reason}\n${text.errors}${last}`));
        return;
      }
      const userSeconds = Number(user[1]) * 60 + Number(user[2]);
      resolve({ output: text.output, userSeconds, wallSeconds });
    });
  });
}

/** Says so if others use the processor: times in the guest are then as much theirs. */
export function warnIfBusy(): void {
  const [load] = loadavg();
  if (load <= cpus().length) return;
  console.error(`bench: the host is busy (load ${load.toFixed(1)}): only user CPU time tells`);
}

/** The middle value; the mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The geometric mean. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Lines of a table: the first column to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

/** An architecture from an option. Throws a MeasureError. */
export function readArch(text: string | undefined): Architecture {
  if (text === undefined || text === "aarch64") return "aarch64";
  if (text === "x86_64") return text;
  throw new MeasureError(`--arch: "${text}" is none of aarch64, x86_64`);
}

/** Runtimes from a comma-separated option. Throws a MeasureError. */
export function readRuntimes(text: string | undefined): Runtime[] {
  const names = (text ?? RUNTIMES.join(",")).split(",");
  return names.map((name) => {
    const runtime = RUNTIMES.find((known) => known === name);
    if (runtime === undefined) {
      throw new MeasureError(`--runtimes: "${name}" is none of ${RUNTIMES.join(", ")}`);
    }
    return runtime;
  });
}

/** A whole number from an option. Throws a MeasureError. */
export function readCount(option: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new MeasureError(`${option}: "${text}" is no whole number above 0`);
  }
  return value;
}

/** Runs a program of this folder: a MeasureError is one line and exit code 1. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof MeasureError) && (error as { code?: string }).code === undefined) {
      throw error;
    }
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

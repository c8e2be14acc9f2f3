import process from "node:process";
import type { Machine } from "../lib/machine/machine.ts";
import type { MachineStatistics } from "../lib/machine/machine_statistics.ts";
import { hostPlatform } from "../platform/host.ts";
import { ProcessTerminal } from "../platform/terminal.ts";
import type { Arguments, Command } from "./command.ts";
import {
  announcement,
  checkConsoleKind,
  type Console,
  fitConsoles,
  openConsole,
} from "./console.ts";
import { EXIT, UsageError } from "./errors.ts";
import { ESCAPE_HELP } from "./escape_keys.ts";
import { type Closable, makeMachine } from "./make_machine.ts";
import { NET_NOTES } from "./net_options.ts";
import { openPortFiles } from "./port_files.ts";
import { referenceGuest } from "./reference_guest.ts";
import { DEVICE_NOTES, MACHINE_OPTIONS, readMachineRequest } from "./run_options.ts";
import { readTrace, startTrace, TRACE_NOTES, TRACE_OPTIONS } from "./trace.ts";

/** Exit codes of a run by the reason for its end. */
const EXIT_CODES: Record<string, number> = {
  "power-off": EXIT.ok,
  stopped: EXIT.ok,
  crash: EXIT.failed,
  reset: EXIT.reset,
  timeout: EXIT.timeout,
};

/** `vml run`. */
export const runCommand: Command = {
  name: "run",
  summary: "Boots a machine and connects this terminal to its serial line.",
  usage: "[machine.yaml] [options]",
  positionals: 1,
  options: [
    ...MACHINE_OPTIONS,
    {
      name: "console",
      value: "stdio|virtio|none|file:PATH",
      help:
        "Where the serial line goes; stdio if not given. virtio: keys go to the virtio-console.",
    },
    { name: "timeout", value: "SECONDS", help: "Ends the run after so long, with exit code 124." },
    ...TRACE_OPTIONS,
    { name: "stats", help: "Prints statistics on standard error when the machine has stopped." },
    {
      name: "json",
      help: "Prints the result as JSON on standard output; the console goes to standard error.",
    },
  ],
  examples: [
    ["vml run", "Boots the guest that comes with vml."],
    [
      'vml run --kernel Image --initrd initrd.img --append "console=ttyAMA0" --memory 1G',
      "Boots Linux.",
    ],
    [
      'vml run --arch x86_64 --kernel vmlinuz --initrd initrd.img --append "console=ttyS0"',
      "The same for x86_64.",
    ],
    ["vml run machine.yaml --cpus 4 --timeout 60", "Boots what a file says, with more vCPUs."],
    ["vml run --trace gic,virtio:full", "Tells interrupts and what virtio devices do."],
    ["vml run --kernel Image --disk root.img --disk data.img,readonly", "With two disks."],
    [
      "vml run --kernel Image --disk root.img --net user --publish tcp:2222=22",
      "With the host's network; port 2222 of this host leads to ssh in the guest.",
    ],
    ["vml run --kernel Image --disk root.img,overlay=changes", "Leaves root.img as it is."],
    [
      "vml run --kernel Image --device virtio-sock,publish=tcp:127.0.0.1:2222=22",
      "Port 2222 of this host leads to port 22 of the guest's vsock.",
    ],
  ],
  notes:
    `A machine.yaml has the settings of the API: arch, memory, cpus, gic, cpu, kernel, initrd, cmdline,
devices, fwCfg, conduit, time, seed, onReset, onPanic. File names in it are relative to it; options prevail over it.

${NET_NOTES}

${DEVICE_NOTES}

On a terminal: ${ESCAPE_HELP}.

${TRACE_NOTES}

Exit codes: 0 power-off (or Ctrl-A x), 1 the guest crashed (a Linux kernel panicked) or vml failed, 2 wrong usage,
3 the guest asked for a reset under --no-reboot, 124 --timeout, 141 nobody reads the output.`,
  run,
};

async function run(args: Arguments): Promise<number> {
  const seconds = readTimeout(args.get("timeout"));
  const consoleKind = args.get("console") ?? "stdio";
  checkConsoleKind(consoleKind);
  readTrace(args);
  const request = await readMachineRequest(args);
  const platform = hostPlatform();
  let outputGone = false;
  const terminal = new ProcessTerminal(() => {
    outputGone = true;
    machine?.stop();
  });
  const opened: Closable[] = [];
  let machine: Machine | undefined;
  let console: Console | undefined;
  let timedOut = false;
  let stopFitting = (): void => {};
  let stopTrace = (): void => {};
  let stopPortFiles = (): void => {};
  const timer = { cancel: (): void => {} };
  try {
    machine = await makeMachine(request, opened, platform, referenceGuest);
    const running = machine;
    stopTrace = startTrace(running.debug, args, platform);
    stopPortFiles = openPortFiles(running, request, platform);
    const port = consoleKind === "virtio" ? running.consoles[0] : undefined;
    if (consoleKind === "virtio" && port === undefined) {
      throw new UsageError(
        "--console virtio: the machine has no such console; add --device virtio-console",
      );
    }
    console = openConsole({
      kind: consoleKind,
      terminal,
      platform,
      toStandardError: args.has("json"),
      input: (bytes) => port === undefined ? running.serialInput(bytes) : port.input(bytes),
      action: (action) => {
        if (action === "quit") running.stop();
        else if (action === "power-button") running.powerButton();
        else process.stderr.write(`\nvml: ${ESCAPE_HELP}\n`);
      },
    });
    running.onSerial(console.output, { lent: true });
    port?.onOutput(console.output, { lent: true });
    // In virtual time nothing of the host may show.
    if (running.config.time === "real") stopFitting = fitConsoles(terminal, running.consoles);
    const keys = announcement(terminal);
    if (keys !== undefined && (consoleKind === "stdio" || consoleKind === "virtio")) {
      process.stderr.write(`${keys}\n`);
    }
    if (seconds !== undefined) {
      const started = platform.after(seconds * 1000, () => {
        timedOut = true;
        running.stop();
      });
      timer.cancel = () => started.cancel();
    }
    const start = platform.monotonic();
    const result = await running.run();
    const elapsed = (platform.monotonic() - start) / 1e9;
    const reason = timedOut ? "timeout" : result.reason;
    const exitCode = outputGone ? EXIT.outputGone : EXIT_CODES[reason] ?? EXIT.failed;
    console.close();
    console = undefined;
    report(args, {
      reason,
      exitCode,
      ...(result.panic !== undefined && { panic: result.panic }),
      seconds: elapsed,
      statistics: running.statistics(),
    });
    return exitCode;
  } finally {
    timer.cancel();
    stopFitting();
    stopTrace();
    console?.close();
    await machine?.[Symbol.asyncDispose]();
    stopPortFiles();
    for (const file of opened) await file.close();
  }
}

function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() === "" || !(seconds > 0) || !Number.isFinite(seconds)) {
    throw new UsageError(`--timeout: "${text}" is no number of seconds above 0`);
  }
  return seconds;
}

interface RunReport {
  readonly reason: string;
  readonly exitCode: number;
  /** What the guest's kernel panicked about. */
  readonly panic?: string;
  /** Of the host. */
  readonly seconds: number;
  readonly statistics: MachineStatistics;
}

function report(args: Arguments, result: RunReport): void {
  if (args.has("json")) process.stdout.write(`${JSON.stringify(result)}\n`);
  else if (result.reason === "timeout") {
    process.stderr.write(`vml: --timeout: stopped after ${args.get("timeout")} s\n`);
  } else if (result.panic !== undefined) {
    process.stderr.write(`vml: the guest's kernel panicked: ${result.panic}\n`);
  } else if (result.reason !== "power-off" && result.reason !== "stopped") {
    process.stderr.write(`vml: the machine stopped: ${result.reason}\n`);
  }
  if (args.has("stats") && !args.has("json")) {
    const lines = [
      `reason: ${result.reason}`,
      `seconds: ${result.seconds.toFixed(3)}`,
      `mips: ${mips(result.statistics).toFixed(0)}`,
      ...statisticsLines("", result.statistics),
    ];
    process.stderr.write(lines.map((line) => `vml: ${line}\n`).join(""));
  }
}

/** Millions of guest instructions per second of host time spent on them. */
function mips({ engine, loop }: MachineStatistics): number {
  return loop.guestNanoseconds === 0 ? 0 : engine.instructions * 1000 / loop.guestNanoseconds;
}

/** "name.part: number" for all numbers and texts in an object of objects. */
function statisticsLines(name: string, value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [`${name}: ${String(value)}`];
  return Object.entries(value).flatMap(([key, part]) =>
    statisticsLines(name === "" ? key : `${name}.${key}`, part)
  );
}

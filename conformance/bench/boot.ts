/**
 * Compares the user CPU time from start to a line of the booted system with that of QEMU's TCG.
 *
 * Usage: node conformance/bench/boot.ts [--arch aarch64|x86_64] --kernel Image [--initrd FILE]
 *                    [--append "console=ttyAMA0"] [--until READY] [--memory 512] [--runtimes node,deno,bun] [--rounds 5]
 *
 * `--until`: what the system prints when it is ready; the machine is ended there. In each round, each
 * runtime's run comes right after one of QEMU. Needs qemu-system-aarch64 or
 * qemu-system-x86_64, and the runtimes.
 */
import { parseArgs } from "node:util";
import {
  formatTable,
  type Guest,
  measure,
  MeasureError,
  type Measurement,
  median,
  qemuCommand,
  qemuKernelParameters,
  readArch,
  readCount,
  readRuntimes,
  runProgram,
  vmlCommand,
  warnIfBusy,
} from "./measure.ts";

const SECONDS = 300;

/** The runs of one runtime, each with the one of QEMU before it. */
interface Pair {
  readonly qemu: Measurement;
  readonly vml: Measurement;
}

function row(name: string, pairs: readonly Pair[]): string[] {
  const of = (value: (pair: Pair) => number): string => median(pairs.map(value)).toFixed(2);
  return [
    name,
    of(({ vml }) => vml.userSeconds),
    of(({ qemu }) => qemu.userSeconds),
    of(({ vml, qemu }) => vml.userSeconds / qemu.userSeconds),
    of(({ vml }) => vml.wallSeconds),
    of(({ qemu }) => qemu.wallSeconds),
  ];
}

await runProgram(async () => {
  const { values } = parseArgs({
    options: {
      arch: { type: "string" },
      kernel: { type: "string" },
      initrd: { type: "string" },
      append: { type: "string" },
      until: { type: "string" },
      memory: { type: "string" },
      runtimes: { type: "string" },
      rounds: { type: "string" },
    },
  });
  if (values.kernel === undefined) throw new MeasureError("give a kernel: --kernel FILE");
  const arch = readArch(values.arch);
  const qemuOnly = qemuKernelParameters(arch);
  const guest: Guest = {
    arch,
    kernel: values.kernel,
    ...(values.initrd !== undefined && { initrd: values.initrd }),
    append: values.append ?? `console=${arch === "x86_64" ? "ttyS0" : "ttyAMA0"}`,
    memoryMib: readCount("--memory", values.memory, 512),
  };
  const limits = { seconds: SECONDS, until: values.until ?? "READY" };
  const rounds = readCount("--rounds", values.rounds, 5);
  const all = new Map(readRuntimes(values.runtimes).map((runtime) => [runtime, [] as Pair[]]));
  warnIfBusy();
  for (let round = 1; round <= rounds; round++) {
    for (const [runtime, pairs] of all) {
      console.error(`round ${round} of ${rounds}: QEMU, ${runtime}`);
      const qemu = await measure(qemuCommand(guest, `${guest.append} ${qemuOnly}`), limits);
      pairs.push({ qemu, vml: await measure(vmlCommand(runtime, guest), limits) });
    }
  }
  console.log(`From start to "${limits.until}", medians of ${rounds}, seconds\n`);
  console.log(formatTable([
    ["runtime", "user CPU", "QEMU's", "ratio", "wall", "QEMU's"],
    ...[...all].map(([runtime, pairs]) => row(runtime, pairs)),
  ]));
});

/**
 * Compares the speed of guest code, of its exits and of virtio devices, with that of QEMU's TCG: the
 * same image with kernels of fixed work runs in both, and the guest takes the time.
 *
 * Usage: node conformance/bench/kernels.ts [--arch aarch64|x86_64] [--runtimes node,deno,bun]
 *                                          [--rounds 3] [--scale 4] [--only sieve,crc]
 *
 * In each round, each runtime's run comes right after one of QEMU, and is compared with that one. A
 * ratio below 1 is faster than QEMU. Needs qemu-system-aarch64 or qemu-system-x86_64, and the
 * runtimes.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchImage as a64BenchImage } from "../../guests/bench/aarch64/image.ts";
import { benchImage as x86BenchImage } from "../../guests/bench/x86_64/image.ts";
import {
  formatTable,
  geometricMean,
  type Guest,
  measure,
  MeasureError,
  median,
  qemuCommand,
  readArch,
  readCount,
  readRuntimes,
  runProgram,
  type Runtime,
  vmlCommand,
  warnIfBusy,
} from "./measure.ts";

const MEMORY_MIB = 128;
/** What the kernels of the disk read and write. */
const DISK_BYTES = 64 * 2 ** 20;
const SECONDS_PER_SCALE = 60;

/** One line of the guest. */
interface Result {
  readonly set: string;
  readonly checksum: string;
  readonly microseconds: number;
}

type Results = ReadonlyMap<string, Result>;

function readResults(output: string): Results {
  const results = new Map<string, Result>();
  for (
    const [, name, set, checksum, time] of output.matchAll(/^(\w+) +(\w+) +(0x\w+) +(\d+) us/gm)
  ) {
    results.set(name, { set, checksum, microseconds: Number(time) });
  }
  if (results.size === 0 || !/^end\r?$/m.test(output)) {
    throw new MeasureError(`the guest did not finish:\n${output.slice(-500)}`);
  }
  return results;
}

/** Throws a MeasureError if the two did not compute the same. */
function checkSame(name: string, qemu: Result | undefined, vml: Result): Result {
  if (qemu?.checksum !== vml.checksum) {
    throw new MeasureError(`${name}: checksum ${vml.checksum}, in QEMU ${qemu?.checksum}`);
  }
  return qemu;
}

/** Ratios of one runtime, by kernel, and of the CPU time of the whole process. */
class Ratios {
  readonly byKernel = new Map<string, { readonly set: string; readonly ratios: number[] }>();
  readonly qemuMilliseconds = new Map<string, number[]>();
  readonly user: number[] = [];

  add(qemu: Results, vml: Results): void {
    for (const [name, result] of vml) {
      const other = checkSame(name, qemu.get(name), result);
      const entry = this.byKernel.get(name) ?? { set: result.set, ratios: [] };
      entry.ratios.push(result.microseconds / other.microseconds);
      this.byKernel.set(name, entry);
      const times = this.qemuMilliseconds.get(name) ?? [];
      times.push(other.microseconds / 1000);
      this.qemuMilliseconds.set(name, times);
    }
  }

  mean(set: string): number | undefined {
    const ratios = [...this.byKernel.values()].filter((entry) => entry.set === set)
      .map((entry) => median(entry.ratios));
    return ratios.length === 0 ? undefined : geometricMean(ratios);
  }
}

function printTable(all: ReadonlyMap<Runtime, Ratios>): void {
  const columns = [...all.values()];
  const first = columns[0];
  const cell = (ratio: number | undefined): string => ratio === undefined ? "-" : ratio.toFixed(2);
  const rows = [["kernel", "set", "QEMU ms", ...all.keys()]];
  for (const [name, { set }] of first.byKernel) {
    const milliseconds = median(
      columns.flatMap((ratios) => ratios.qemuMilliseconds.get(name) ?? []),
    );
    rows.push([
      name,
      set,
      milliseconds.toFixed(0),
      ...columns.map((ratios) => cell(median(ratios.byKernel.get(name)?.ratios ?? []))),
    ]);
  }
  for (const set of ["integer", "float", "exits", "devices"]) {
    if (first.mean(set) === undefined) continue;
    rows.push(["geometric mean", set, "", ...columns.map((ratios) => cell(ratios.mean(set)))]);
  }
  rows.push(["user CPU time", "all", "", ...columns.map((ratios) => cell(median(ratios.user)))]);
  console.log(formatTable(rows));
}

await runProgram(async () => {
  const { values } = parseArgs({
    options: {
      arch: { type: "string" },
      runtimes: { type: "string" },
      rounds: { type: "string" },
      scale: { type: "string" },
      only: { type: "string" },
    },
  });
  const arch = readArch(values.arch);
  const runtimes = readRuntimes(values.runtimes);
  const rounds = readCount("--rounds", values.rounds, 3);
  const scale = readCount("--scale", values.scale, 4);
  const folder = mkdtempSync(join(tmpdir(), "vml-bench-"));
  try {
    const disk = join(folder, "disk.img");
    writeFileSync(disk, "");
    const guest: Guest = {
      arch,
      kernel: join(folder, "bench.img"),
      append: `scale=${scale}${values.only === undefined ? "" : ` only=${values.only}`}`,
      memoryMib: MEMORY_MIB,
      disk,
    };
    writeFileSync(guest.kernel, arch === "x86_64" ? x86BenchImage() : a64BenchImage());
    truncateSync(disk, DISK_BYTES);
    warnIfBusy();
    // What the guest prints, much of it on the virtio-console, both write to a file.
    const limits = { seconds: SECONDS_PER_SCALE * scale, file: join(folder, "output.txt") };
    const all = new Map(runtimes.map((runtime) => [runtime, new Ratios()]));
    for (let round = 1; round <= rounds; round++) {
      for (const [runtime, ratios] of all) {
        console.error(`round ${round} of ${rounds}: QEMU, ${runtime}`);
        const qemu = await measure(qemuCommand(guest), limits);
        const vml = await measure(vmlCommand(runtime, guest), limits);
        ratios.add(readResults(qemu.output), readResults(vml.output));
        ratios.user.push(vml.userSeconds / qemu.userSeconds);
      }
    }
    console.log(
      `Time of vml / time of QEMU TCG (below 1: faster), median of ${rounds}, scale ${scale}, ` +
        `${cpus()[0]?.model ?? "unknown CPU"}\n`,
    );
    printTable(all);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/**
 * Stops machines by force while their Linux writes to an ext4 file system, and looks at what is on the
 * disk: node conformance/linux/power_cut.ts [--arch arm64|amd64] [--cuts 200] [--seed 1]
 * [--jobs 2] [--sets FOLDER]
 *
 * After each cut the file system has to be one that `e2fsck -p` calls clean or recovers by its journal
 * alone, and every file that the guest had flushed has to be there, whole. Virtual time: a seed gives
 * the same cuts. Needs what `vml image debian` needs, e2fsck, mke2fs and debugfs. Exit code 1 on a fault.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { DEBIAN, DEBIAN_ARCHES, type DebianArch } from "../../guests/linux/architectures.ts";
import { debianSet } from "../../guests/linux/debian.ts";
import { withScript } from "../../guests/linux/overlay.ts";
import { Machine } from "../../lib/machine/machine.ts";
import { CutDisk } from "./cut_disk.ts";
import { readNames, ROOT } from "./runtimes.ts";

const DISK_BYTES = 24 * 2 ** 20;
/** Requests of the disk after the mount among which the cut comes. */
const MOST_REQUESTS = 400;

/**
 * Writes, renames, overwrites and removes files. A line "ACK name md5" is printed once the file and its
 * name are flushed; "GONE name" before a file is touched again.
 */
const SCRIPT = String.raw`
load root-order
mount -t ext4 -o rw /dev/vda /mnt || { echo VML-CUT cannot mount; finish; }
echo VML-CUT mounted
n=0
while :; do
  n=$((n + 1))
  name=f$((n % 23))
  echo "VML-CUT GONE $name"
  case $((n % 7)) in
    3) rm -f /mnt/$name; continue ;;
    5) # Replaced by another one under its name, as editors do.
      dd if=/dev/urandom of=/mnt/new bs=1021 count=$((n % 37 + 1)) conv=fsync 2>/dev/null
      mv /mnt/new /mnt/$name
      sync ;;
    *) dd if=/dev/urandom of=/mnt/$name bs=1021 count=$((n * 7 % 61 + 1)) conv=fsync 2>/dev/null ;;
  esac
  sum=$(md5sum < /mnt/$name)
  echo "VML-CUT ACK $name $sum"
done
`;

/** What a worker is told. */
interface Task {
  readonly arch: DebianArch;
  readonly kernel: string;
  readonly initrd: string;
  readonly seed: number;
  /** Numbers of the cuts. */
  readonly cuts: readonly number[];
}

/** Numbers from 0 to 1 that depend on a seed alone (Marsaglia's xorshift32). */
function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ state << 5) >>> 0;
    return state / 2 ** 32;
  };
}

/** Runs until a random request; gives the console's text and the medium. */
async function runAndCut(task: Task, medium: Uint8Array, random: () => number): Promise<{
  console: string;
  medium: Uint8Array;
  stopped: boolean;
}> {
  const disk = new CutDisk(medium);
  const vm = await Machine.create({
    arch: DEBIAN[task.arch].arch,
    kernel: readFileSync(task.kernel),
    initrd: readFileSync(task.initrd),
    cmdline: `console=${DEBIAN[task.arch].console} quiet vml=script`,
    memory: "128M",
    devices: [{ type: "virtio-block", file: disk }],
    time: "virtual",
    seed: Math.floor(random() * 2 ** 32),
  });
  let text = "";
  let from = Infinity;
  const cutAfter = Math.floor(random() * MOST_REQUESTS);
  vm.onSerial((bytes) => {
    text += new TextDecoder("latin1").decode(bytes);
    if (from === Infinity && text.includes("VML-CUT mounted")) from = disk.requests;
  });
  disk.onRequest = () => {
    if (disk.requests >= from + cutAfter) vm.stop();
  };
  const { reason } = await vm.run();
  const after = disk.cut(random);
  await vm[Symbol.asyncDispose]();
  return { console: text, medium: after, stopped: reason === "stopped" };
}

/** Files that have to be there with their MD5. */
function acknowledged(text: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, what, name, sum] = /^VML-CUT (ACK|GONE) (\w+) ?(\w*)/.exec(line) ?? [];
    if (what === "ACK") files.set(name, sum);
    else if (what === "GONE") files.delete(name);
  }
  return files;
}

/** Faults of a disk after a cut. */
function diskFaults(image: string, files: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  const check = (options: readonly string[], good: readonly number[]): void => {
    const { status, stdout } = spawnSync("e2fsck", [...options, image], { encoding: "utf8" });
    if (!good.includes(status ?? -1)) {
      faults.push(`e2fsck ${options.join(" ")} ends with ${status}: ${stdout.slice(0, 500)}`);
    }
  };
  // 1: corrected, which by itself (-p) is the journal and what hangs on it.
  check(["-p"], [0, 1]);
  check(["-f", "-n"], [0]);
  for (const [name, sum] of files) {
    const { stdout } = spawnSync("debugfs", ["-R", `cat ${name}`, image], { maxBuffer: 2 ** 26 });
    const found = createHash("md5").update(stdout).digest("hex");
    if (found !== sum) faults.push(`${name}: ${stdout.length} bytes, MD5 ${found}, not ${sum}`);
  }
  return faults;
}

/** A worker's cuts, each on the disk that the one before left. */
async function work(task: Task): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "vml-cut-"));
  const image = join(folder, "disk.img");
  try {
    writeFileSync(image, "");
    truncateSync(image, DISK_BYTES);
    spawnSync("mke2fs", ["-q", "-t", "ext4", "-b", "1024", image]);
    for (const cut of task.cuts) {
      const random = randomNumbers(task.seed * 100_003 + cut);
      const run = await runAndCut(task, new Uint8Array(readFileSync(image)), random);
      writeFileSync(image, run.medium);
      const files = acknowledged(run.console);
      const faults = run.stopped ? diskFaults(image, files) : ["the guest ended by itself"];
      if (!run.console.includes("VML-CUT mounted")) faults.push("the disk was never mounted");
      parentPort?.postMessage({ cut, files: files.size, faults });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shares the cuts among workers; gives the exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", default: "arm64" },
      cuts: { type: "string", default: "200" },
      seed: { type: "string", default: "1" },
      jobs: { type: "string", default: `${Math.min(availableParallelism(), 4)}` },
      sets: { type: "string", default: join(ROOT, ".cache") },
    },
  });
  const [cuts, seed, jobs] = [values.cuts, values.seed, values.jobs].map(Number);
  const [arch] = readNames("--arch", values.arch, DEBIAN_ARCHES);
  const set = await debianSet({
    arch,
    kernel: "cloud",
    rootfs: "none",
    folder: values.sets,
    update: false,
    progress: (text) => console.error(text),
  });
  const folder = mkdtempSync(join(tmpdir(), "vml-cut-"));
  const initrd = join(folder, "initrd.cpio");
  writeFileSync(initrd, withScript(new Uint8Array(readFileSync(set.initrd)), SCRIPT));
  let [done, failed, files] = [0, 0, 0];
  const numbers = Array.from({ length: cuts }, (_, i) => i);
  await Promise.all(
    Array.from({ length: jobs }, (_, job) =>
      new Promise<void>((resolve, reject) => {
        const task: Task = {
          arch,
          kernel: set.vmlinux ?? set.kernel,
          initrd,
          seed,
          cuts: numbers.filter((cut) => cut % jobs === job),
        };
        const worker = new Worker(new URL(import.meta.url), { workerData: task });
        worker.on("message", (result: { cut: number; files: number; faults: string[] }) => {
          done++;
          files += result.files;
          if (result.faults.length > 0) failed++;
          for (const fault of result.faults) console.error(`cut ${result.cut}: ${fault}`);
          if (done % 20 === 0) console.error(`${done} of ${cuts} cuts, ${failed} with faults`);
        });
        worker.on("error", reject);
        worker.on("exit", () => resolve());
      })),
  );
  rmSync(folder, { recursive: true, force: true });
  console.error(
    `power cuts: ${done}, ${files} flushed files looked at, ${failed} cuts with faults`,
  );
  return failed > 0 || done !== cuts || files === 0 ? 1 : 0;
}

if (isMainThread) process.exitCode = await main();
else await work(workerData as Task);

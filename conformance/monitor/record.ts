/**
 * Records what QEMU prints in the sessions: gicv2.txt, gicv3.txt and microvm.txt beside this file.
 *
 * Usage: node conformance/monitor/record.ts [--check] [FILE ...]
 *
 * `--check` writes nothing and fails if QEMU prints something else than is committed. Needs
 * qemu-system-aarch64 and qemu-system-x86_64.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { monitorImage as aarch64 } from "../../guests/monitor/aarch64/image.ts";
import { monitorImage as x86_64 } from "../../guests/monitor/x86_64/image.ts";
import { mask, MICROVM_SESSION, SESSION, SESSION_CPUS, SESSION_MEMORY_MIB } from "./session.ts";
import { Typist } from "../suite/typist.ts";

const SECONDS = 60;

/** A board of QEMU, and what is typed there. */
const BOARDS = [
  ...([2, 3] as const).map((gic) => ({
    file: `gicv${gic}.txt`,
    program: "qemu-system-aarch64",
    board: ["-M", `virt,gic-version=${gic}`, "-cpu", "cortex-a53"],
    image: aarch64,
    session: SESSION,
  })),
  {
    file: "microvm.txt",
    program: "qemu-system-x86_64",
    board: ["-M", "microvm", "-cpu", "max,la57=off,vendor=GenuineIntel", "-nic", "none"],
    image: x86_64,
    session: MICROVM_SESSION,
  },
];

/** The transcript of QEMU's board. */
function record(
  kernel: string,
  { program, board, session }: typeof BOARDS[number],
): Promise<string> {
  const args = [
    ...[...board, "-smp", `${SESSION_CPUS}`],
    ...["-m", `${SESSION_MEMORY_MIB}M`, "-display", "none", "-serial", "stdio", "-monitor", "none"],
    // Time is counted in instructions, 64 ns each, so that a second takes 1000 ms. With less, it takes
    // minutes of the host: a CPU that waits by WFE is busy in QEMU.
    ...["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-rng-device"],
    ...["-icount", "shift=6,sleep=off", "-kernel", kernel],
  ];
  return new Promise((resolve, reject) => {
    const qemu = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const typist = new Typist(session, (keys) => qemu.stdin.write(keys));
    const timer = setTimeout(() => qemu.kill("SIGKILL"), SECONDS * 1000);
    qemu.stdin.on("error", () => {});
    qemu.stdout.on("data", (bytes: Uint8Array) => typist.push(bytes));
    qemu.on("error", reject);
    qemu.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0 && typist.left === 0) resolve(mask(typist.output));
      else {
        const how = code === null ? `did not end in ${SECONDS} s` : `ended (${code})`;
        reject(new Error(`QEMU ${how}, ${typist.left} steps are left:\n${typist.output}`));
      }
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), "vml-monitor-"));
try {
  const kernel = join(folder, "monitor.img");
  const { values: { check }, positionals: wanted } = parseArgs({
    options: { check: { type: "boolean" } },
    allowPositionals: true,
  });
  for (const board of BOARDS) {
    if (wanted.length > 0 && !wanted.includes(board.file)) continue;
    const path = fileURLToPath(new URL(board.file, import.meta.url));
    writeFileSync(kernel, board.image());
    const transcript = await record(kernel, board);
    if (check) assert.equal(transcript, readFileSync(path, "utf8"), board.file);
    else writeFileSync(path, transcript);
    console.log(`${board.file}: ${check ? "the same" : "recorded"}`);
  }
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * Records what QEMU prints in the session: gicv2.txt and gicv3.txt beside this file.
 *
 * Usage: node conformance/monitor/record.ts
 *
 * Needs qemu-system-aarch64.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { monitorImage } from "../../guests/monitor/aarch64/image.ts";
import { mask, SESSION_CPUS, SESSION_MEMORY_MIB, Typist } from "./session.ts";

const SECONDS = 60;

/** The transcript of QEMU's board. */
function record(kernel: string, gic: 2 | 3): Promise<string> {
  const args = [
    ...["-M", `virt,gic-version=${gic}`, "-cpu", "cortex-a53", "-smp", `${SESSION_CPUS}`],
    ...["-m", `${SESSION_MEMORY_MIB}M`, "-display", "none", "-serial", "stdio", "-monitor", "none"],
    // Time is counted in instructions, so that a second takes 1000 ms.
    ...["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-rng-device"],
    ...["-icount", "shift=0,sleep=off", "-kernel", kernel],
  ];
  return new Promise((resolve, reject) => {
    const qemu = spawn("qemu-system-aarch64", args, { stdio: ["pipe", "pipe", "inherit"] });
    const typist = new Typist((bytes) => qemu.stdin.write(bytes));
    const timer = setTimeout(() => qemu.kill(), SECONDS * 1000);
    qemu.stdout.on("data", (bytes: Uint8Array) => typist.output(bytes));
    qemu.on("error", reject);
    qemu.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0 && typist.left === 0) resolve(mask(typist.transcript));
      else reject(new Error(`QEMU ended (${code}) with:\n${typist.transcript}`));
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), "vml-monitor-"));
try {
  const kernel = join(folder, "monitor.img");
  writeFileSync(kernel, monitorImage());
  for (const gic of [2, 3] as const) {
    const path = fileURLToPath(new URL(`gicv${gic}.txt`, import.meta.url));
    writeFileSync(path, await record(kernel, gic));
    console.log(path);
  }
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

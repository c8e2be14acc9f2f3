/**
 * Records vectors.txt (words and digests) and allocation.txt (a bit for each word of `sampleWords`,
 * set if a CPU with ARMv8.0-A and the cryptographic extension has it): `node conformance/simd/generate.ts`. Needs aarch64-linux-gnu-gcc and
 * qemu-aarch64-static (or runs on AArch64).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleWords, words } from "./words.ts";

const SAMPLES = 8192;
const here = import.meta.dirname as string;
const work = mkdtempSync(join(tmpdir(), "simd-"));
try {
  const program = join(work, "record");
  execFileSync("aarch64-linux-gnu-gcc", [
    "-O1",
    "-static",
    "-o",
    program,
    join(here, "record.c"),
    join(here, "trampoline.S"),
  ]);
  const record = (cpu: string, list: readonly number[]): string[] =>
    execFileSync("qemu-aarch64-static", ["-cpu", cpu, program], {
      input: list.map((word) => word.toString(16).padStart(8, "0")).join("\n") + "\n",
      encoding: "utf8",
    }).trimEnd().split("\n");
  const vectors = record("max", words());
  writeFileSync(join(here, "vectors.txt"), vectors.join("\n") + "\n");
  const allocated = record("cortex-a57", sampleWords(SAMPLES));
  if (allocated.length !== SAMPLES) throw new Error("the recorder has died");
  let bits = "";
  for (let i = 0; i < SAMPLES; i += 4) {
    const nibble = allocated.slice(i, i + 4)
      .reduce((sum, line, bit) => sum | (line.endsWith("undefined") ? 0 : 1 << bit), 0);
    bits += nibble.toString(16);
  }
  writeFileSync(join(here, "allocation.txt"), (bits.match(/.{1,96}/g) ?? []).join("\n") + "\n");
  console.log(`${vectors.length} words, allocation of ${SAMPLES}`);
} finally {
  rmSync(work, { recursive: true });
}

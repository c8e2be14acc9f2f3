/**
 * Records vectors.txt: `node conformance/simd/generate.ts`. Needs aarch64-linux-gnu-gcc and
 * qemu-aarch64-static (or runs on AArch64).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { words } from "./words.ts";

const here = import.meta.dirname;
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
  const input = words().map((word) => word.toString(16).padStart(8, "0")).join("\n") + "\n";
  const output = execFileSync("qemu-aarch64-static", ["-cpu", "max", program], {
    input,
    encoding: "utf8",
  });
  writeFileSync(join(here, "vectors.txt"), output);
  console.log(`${output.trimEnd().split("\n").length} words`);
} finally {
  rmSync(work, { recursive: true });
}

/**
 * Records the checksums of the x86-64 guest by the CPU of this machine, into x86_64/*.S: the same
 * operations run as a program of Linux.
 *
 * Usage: node guests/fp/checksums.ts [--check]
 *
 * `--check` writes nothing and fails if the CPU gives others. Instructions that it does not have keep
 * theirs. Needs clang and an x86-64 Linux. Then build the guest and record its transcript.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const FOLDER = fileURLToPath(new URL("x86_64/", import.meta.url));
const MAIN = fileURLToPath(new URL("native/main.c", import.meta.url));
const TABLES = ["sse", "mmx", "x87"];
/** A row: macro, plain and full checksum, name. */
const ROW = /^(\w+) (0x[0-9a-f]{16}), (0x[0-9a-f]{16}), "(.*)"$/gm;

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined || status !== 0) throw new Error(`${program}: ${error ?? stderr}`);
  return stdout;
}

/** What the CPU says: checksums by kind and name. */
function measure(): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "vml-fp-"));
  try {
    const program = join(folder, "fp");
    const objects = TABLES.map((name) => {
      const object = join(folder, `${name}.o`);
      // As in the guest: the compiler leaves the registers alone.
      const flags = ["-O2", "-fno-builtin", "-mno-red-zone", "-mgeneral-regs-only"];
      run("clang", [...flags, "-c", "-o", object, join(FOLDER, `${name}.c`)]);
      return object;
    });
    const assembly = TABLES.map((name) => join(FOLDER, `${name}.S`));
    run("clang", ["-O2", "-no-pie", "-o", program, MAIN, ...objects, ...assembly]);
    const lines = run(program, []).matchAll(/^(plain|full) (0x\w+) (.*)$/gm);
    return new Map([...lines].map(([, kind, checksum, name]) => [`${kind} ${name}`, checksum]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
const measured = measure();
for (const name of TABLES) {
  const path = join(FOLDER, `${name}.S`);
  const before = readFileSync(path, "utf8");
  const after = before.replaceAll(ROW, (_, macro, plain, full, text) => {
    const [ofPlain, ofFull] = [measured.get(`plain ${text}`), measured.get(`full ${text}`)];
    // A row without the one or the other has the same twice.
    return `${macro} ${ofPlain ?? ofFull ?? plain}, ${ofFull ?? ofPlain ?? full}, "${text}"`;
  });
  if (!values.check) writeFileSync(path, after);
  const same = before === after;
  console.log(`${name}: ${same ? "as committed" : values.check ? "others" : "written"}`);
  if (!same && values.check) process.exitCode = 1;
}

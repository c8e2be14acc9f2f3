/**
 * Builds the reference guests into the image.ts beside their sources.
 *
 * Usage: node guests/build.ts [--check] [--keep FOLDER] [GUEST ...]
 *
 * A guest is a folder with sources, one of which is named as the folder. It is linked with what it uses
 * of common/ and aarch64/. A folder of linux/ is such a program for Linux, linked with nothing.
 *
 * `--check` writes nothing and fails if a committed image is not what its sources give. `--keep`
 * leaves ELF file (for a disassembler) and image in a folder. Needs clang, ld.lld and llvm-objcopy;
 * the image depends on their version, which image.ts names.
 */
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
/** What every guest may use of the runtime: an object file is linked if something refers to it. */
const LIBRARY_FOLDERS = ["common", "aarch64"];
/** Programs for Linux. */
const LINUX_FOLDER = "linux";
/** The one that is always linked; it holds the image's header. */
const START = "aarch64/start.S";
const TOOLS = ["clang", "ld.lld", "llvm-objcopy"];
const DEBIAN_PACKAGES = "clang lld llvm";
const LINE = 100;

const COMMON_FLAGS = [
  "--target=aarch64-none-elf",
  "-std=gnu11",
  "-O2",
  "-ffreestanding",
  "-fno-builtin",
  "-fpie",
  "-fvisibility=hidden",
  "-fno-ident",
  "-Wall",
  "-Wextra",
  "-Werror",
];
// Exceptions save no FP registers.
const WITHOUT_FP = ["-march=armv8-a", "-mgeneral-regs-only"];
const WITH_NEON = ["-march=armv8-a", "-O3", "-fno-math-errno", "-ffp-contract=on"];
const WITH_LSE = ["-march=armv8.1-a", "-mgeneral-regs-only"];
const WITH_CRYPTO = ["-march=armv8.1-a+crypto"];
/** Flags of guests and of single files that need others than {@linkcode WITHOUT_FP}. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  atomics: WITH_LSE,
  "bench/floating.c": WITH_NEON,
  fp: WITH_CRYPTO,
};

const LINUX_FLAGS = [
  "--target=aarch64-linux-gnu",
  "-std=gnu11",
  "-Os",
  "-march=armv8-a",
  "-ffreestanding",
  "-fno-builtin",
  "-fno-stack-protector",
  "-fno-pie",
  "-fno-asynchronous-unwind-tables",
  "-fno-ident",
  "-Wall",
  "-Wextra",
  "-Werror",
];

/** A folder with NAME.c in it; the file's first line says what the guest is. */
interface Guest {
  /** The folder: snake_case. */
  readonly name: string;
  /** Where it is: "virtio_blk", "linux/vsock". */
  readonly folder: string;
  /** Whether it is a program for Linux. */
  readonly linux: boolean;
  /** For the image's documentation. */
  readonly title: string;
}

function guests(): Guest[] {
  return [...guestsIn(""), ...guestsIn(LINUX_FOLDER)].sort((a, b) => a.name < b.name ? -1 : 1);
}

function guestsIn(parent: string): Guest[] {
  return readdirSync(join(FOLDER, parent), { withFileTypes: true }).flatMap((entry) => {
    const { name } = entry;
    const folder = join(parent, name);
    const main = join(FOLDER, folder, `${name}.c`);
    if (!entry.isDirectory() || LIBRARY_FOLDERS.includes(folder) || !existsSync(main)) return [];
    const title = /^\/\/ (.+?)\.?\n/.exec(readFileSync(main, "utf8"))?.[1];
    if (title === undefined) throw new BuildError(`${name}.c: the first line is no comment`);
    return [{ name, folder, linux: parent === LINUX_FOLDER, title }];
  });
}

class BuildError extends Error {}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (error !== undefined) throw new BuildError(`${program}: ${error.message}`);
  if (status !== 0) throw new BuildError(`${program} ${args.at(-1)}:\n${stderr}`);
  return stdout;
}

function checkTools(): void {
  const missing = TOOLS.filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);
  if (missing.length > 0) {
    throw new BuildError(
      `not found: ${missing.join(", ")}; install them (Debian: apt install ${DEBIAN_PACKAGES}) ` +
        "or go on with the committed images, which need no tools",
    );
  }
}

/** Compiles the sources of a folder; gives the object files. */
function compile(source: string, folder: string): string[] {
  return readdirSync(join(FOLDER, source)).sort().filter((file) => /\.[cS]$/.test(file)).map(
    (file) => {
      const object = join(folder, `${source}_${file}.o`);
      const flags = FLAGS[`${source}/${file}`] ?? FLAGS[source] ?? WITHOUT_FP;
      const input = join(FOLDER, source, file);
      run("clang", [...COMMON_FLAGS, ...flags, "-o", object, "-c", input]);
      return object;
    },
  );
}

/** Compiles and links a program that needs no more than Linux. */
function buildProgram(guest: Guest, folder: string): Uint8Array {
  const object = join(folder, `${guest.name}.o`);
  const elf = join(folder, `${guest.name}.elf`);
  run("clang", [...LINUX_FLAGS, "-o", object, "-c", join(FOLDER, guest.folder, `${guest.name}.c`)]);
  run("ld.lld", [
    ...["-static", "--gc-sections", "--strip-all", "-z", "norelro", "-z", "max-page-size=4096"],
    ...["-o", elf, object],
  ]);
  return readFileSync(elf);
}

/** Compiles, links and extracts the image. */
function build(guest: Guest, library: readonly string[], folder: string): Uint8Array {
  if (guest.linux) return buildProgram(guest, folder);
  const elf = join(folder, `${guest.name}.elf`);
  const image = join(folder, `${guest.name}.img`);
  const start = join(folder, `${START.replace("/", "_")}.o`);
  run("ld.lld", [
    "-pie",
    "--no-dynamic-linker",
    "--gc-sections",
    ...["-z", "norelro"],
    ...["-T", join(FOLDER, "aarch64/image.ld")],
    ...["-o", elf],
    start,
    ...compile(guest.folder, folder),
    "--start-lib",
    ...library.filter((object) => object !== start),
  ]);
  run("llvm-objcopy", ["-O", "binary", elf, image]);
  return readFileSync(image);
}

/** The text of image.ts. */
function imageFile(guest: Guest, image: Uint8Array): string {
  const base64 = Buffer.from(image).toString("base64").match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  const [kind, what, up] = guest.linux
    ? ["Program", "a program for Linux on arm64", "../.."]
    : ["Image", "a Linux arm64 Image", ".."];
  return `// Generated by guests/build.ts with ${compiler()}. Do not edit.
import { decodeImage } from "${up}/decode_image.ts";

/** ${guest.title}: ${what} of ${image.length} bytes. */
export function ${camelCase(guest.name)}${kind}(): Uint8Array<ArrayBuffer> {
  return decodeImage(IMAGE);
}

const IMAGE = \`
${base64.join("\n")}
\`;
`;
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

let version: string | undefined;

function compiler(): string {
  version ??= run("clang", ["--version"]).split("\n")[0];
  return version;
}

/** True if the file was as it should be. */
function finish(guest: Guest, image: Uint8Array, check: boolean): boolean {
  const path = join(FOLDER, guest.folder, "image.ts");
  const text = imageFile(guest, image);
  if (!check) {
    writeFileSync(path, text);
    console.log(`${guest.name}: ${image.length} bytes`);
    return true;
  }
  const committed = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (committed === text) {
    console.log(`${guest.name}: as committed`);
    return true;
  }
  const made = /with (.*)\. Do not edit/.exec(committed)?.[1];
  const other = made === compiler() ? "" : ` (committed: ${made}; here: ${compiler()})`;
  console.error(`${guest.name}: image.ts is not what the sources give${other}`);
  return false;
}

function main(): number {
  const { values, positionals } = parseArgs({
    options: { check: { type: "boolean" }, keep: { type: "string" } },
    allowPositionals: true,
  });
  const all = guests();
  const unknown = positionals.filter((name) => !all.some((guest) => guest.name === name));
  if (unknown.length > 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new BuildError(`no such guest: ${unknown.join(", ")}; there are ${names}`);
  }
  checkTools();
  const temporary = values.keep === undefined;
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), "vml-guests-"));
  mkdirSync(folder, { recursive: true });
  try {
    const library = LIBRARY_FOLDERS.flatMap((source) => compile(source, folder));
    const results = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
      .map((guest) => finish(guest, build(guest, library, folder), values.check === true));
    return results.every((good) => good) ? 0 : 1;
  } finally {
    if (temporary) rmSync(folder, { recursive: true });
  }
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
}

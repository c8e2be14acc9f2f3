/**
 * Builds the reference guests: image.json has the bytes, image.ts gives them to importers.
 *
 * Usage: node guests/build.ts [--check] [--keep FOLDER] [GUEST ...]
 *
 * A guest is a folder with a folder for each architecture that it is built for: aarch64/, x86_64/. There
 * both are put. Sources beside these folders are common, sources in them are of one architecture; one
 * is named as the guest. It is linked with what it uses of common/ and of the architecture's runtime. A
 * folder of linux/ is a program for Linux, of one source and linked with nothing.
 *
 * `--check` writes nothing and fails if a committed image is not what its sources give. `--keep`
 * leaves ELF file (for a disassembler) and image in a folder. Needs clang, ld.lld and llvm-objcopy;
 * the image depends on their version, which image.json names.
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
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Architecture, ARCHITECTURES } from "./architectures.ts";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
/** What guests of every architecture may use: an object file is linked if something refers to it. */
const COMMON_FOLDER = "common";
/** Programs for Linux. */
const LINUX_FOLDER = "linux";
/** Of an architecture's runtime: the image's header and entry. */
const START = "start.S";
const TOOLS = ["clang", "ld.lld", "llvm-objcopy"];
const DEBIAN_PACKAGES = "clang lld llvm";

const LINUX_FLAGS = [
  "-std=gnu11",
  "-Os",
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

/** An image to build; the first line of the guest's main source says what it is. */
interface Guest {
  /** The guest's folder: snake_case. */
  readonly name: string;
  /** Folders of its sources: "virtio_blk", "virtio_blk/aarch64". The last gets the image. */
  readonly folders: readonly string[];
  readonly architecture: Architecture;
  /** Whether it is a program for Linux. */
  readonly linux: boolean;
  /** For the image's documentation. */
  readonly title: string;
}

function guests(): Guest[] {
  const found = ["", LINUX_FOLDER].flatMap((parent) =>
    foldersIn(parent).flatMap((name) =>
      ARCHITECTURES.filter((architecture) =>
        existsSync(join(FOLDER, parent, name, architecture.name))
      ).map((architecture) => guest(name, parent, architecture))
    )
  );
  return found.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function foldersIn(parent: string): string[] {
  return readdirSync(join(FOLDER, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function hasSource(folder: string, name: string): boolean {
  return existsSync(join(FOLDER, folder, `${name}.c`));
}

function guest(name: string, parent: string, architecture: Architecture): Guest {
  const folders = [join(parent, name), join(parent, name, architecture.name)];
  const folder = folders.find((folder) => hasSource(folder, name));
  if (folder === undefined) throw new BuildError(`${name}: there is no ${name}.c`);
  const title = /^\/\/ (.+?)\.?\n/.exec(readFileSync(join(FOLDER, folder, `${name}.c`), "utf8"))
    ?.[1];
  if (title === undefined) throw new BuildError(`${name}.c: the first line is no comment`);
  return { name, folders, architecture, linux: parent === LINUX_FOLDER, title };
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
function compile(source: string, architecture: Architecture, folder: string): string[] {
  const { name, compile, instructions, special } = architecture;
  return readdirSync(join(FOLDER, source)).sort().filter((file) => /\.[cS]$/.test(file)).map(
    (file) => {
      const object = join(folder, `${name}_${source.replaceAll("/", "_")}_${file}.o`);
      const flags = special[`${source}/${file}`] ?? special[source] ?? instructions;
      run("clang", [...compile, ...flags, "-o", object, "-c", join(FOLDER, source, file)]);
      return object;
    },
  );
}

/** Compiles and links a program that needs no more than Linux. */
function buildProgram(guest: Guest, folder: string): Uint8Array {
  const name = `${guest.name}.${guest.architecture.name}`;
  const object = join(folder, `${name}.o`);
  const elf = join(folder, `${name}.elf`);
  const source = join(FOLDER, guest.folders[0], `${guest.name}.c`);
  const target = guest.architecture.linux.compile;
  run("clang", [...target, ...LINUX_FLAGS, "-o", object, "-c", source]);
  run("ld.lld", [
    ...["-static", "--gc-sections", "--strip-all", "-z", "norelro", "-z", "max-page-size=4096"],
    ...["-o", elf, object],
  ]);
  return readFileSync(elf);
}

/** Compiles, links and extracts the image. `library`: object files by architecture. */
function build(
  guest: Guest,
  library: ReadonlyMap<Architecture, readonly string[]>,
  folder: string,
): Uint8Array {
  const { name, folders, architecture } = guest;
  if (guest.linux) return buildProgram(guest, folder);
  const objects = library.get(architecture) ?? [];
  const elf = join(folder, `${name}.${architecture.name}.elf`);
  const image = join(folder, `${name}.${architecture.name}.img`);
  // Always linked, and first: it holds the entry.
  const start = objects.filter((object) => object.endsWith(`_${START}.o`));
  run("ld.lld", [
    ...architecture.link,
    ...["-T", join(FOLDER, architecture.name, "image.ld")],
    ...["-o", elf],
    ...start,
    ...folders.flatMap((source) => compile(source, architecture, folder)),
    "--start-lib",
    ...objects.filter((object) => !start.includes(object)),
  ]);
  run("llvm-objcopy", [...architecture.extract, elf, image]);
  return readFileSync(image);
}

/** What is generated, by the name of the file. */
function generated(guest: Guest, image: Uint8Array): Record<string, string> {
  const { architecture, folders } = guest;
  const [kind, what] = guest.linux
    ? ["Program", `a program for Linux on ${architecture.linux.name}`]
    : ["Image", architecture.image];
  const root = relative(folders.at(-1) ?? "", "").replaceAll("\\", "/");
  const base64 = Buffer.from(image).toString("base64");
  return {
    "image.json": JSON.stringify({ compiler: compiler(), base64 }, null, 2) + "\n",
    "image.ts": `// Generated by guests/build.ts. Do not edit.
import { decodeImage } from "${root}/decode_image.ts";
import image from "./image.json" with { type: "json" };

/** ${guest.title}: ${what} of ${image.length} bytes. */
export function ${camelCase(guest.name)}${kind}(): Uint8Array<ArrayBuffer> {
  return decodeImage(image.base64);
}
`,
  };
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

let version: string | undefined;

function compiler(): string {
  version ??= run("clang", ["--version"]).split("\n")[0];
  return version;
}

function label({ name, architecture }: Guest): string {
  return `${name} (${architecture.name})`;
}

/** True if the files were as they should be. */
function finish(guest: Guest, image: Uint8Array, check: boolean): boolean {
  const folder = join(FOLDER, guest.folders.at(-1) ?? "");
  const files = Object.entries(generated(guest, image));
  if (!check) {
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    console.log(`${label(guest)}: ${image.length} bytes`);
    return true;
  }
  const wrong = files.filter(([name, text]) => committed(join(folder, name)) !== text);
  if (wrong.length === 0) {
    console.log(`${label(guest)}: as committed`);
    return true;
  }
  const made = /"compiler": "(.*)"/.exec(committed(join(folder, "image.json")))?.[1];
  const other = made === compiler() ? "" : ` (committed: ${made}; here: ${compiler()})`;
  const names = wrong.map(([name]) => name).join(", ");
  console.error(`${label(guest)}: not what the sources give: ${names}${other}`);
  return false;
}

function committed(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function main(): number {
  const { values, positionals } = parseArgs({
    options: { check: { type: "boolean" }, keep: { type: "string" } },
    allowPositionals: true,
  });
  const all = guests();
  const unknown = positionals.filter((name) => !all.some((guest) => guest.name === name));
  if (unknown.length > 0) {
    const names = [...new Set(all.map(({ name }) => name))].join(", ");
    throw new BuildError(`no such guest: ${unknown.join(", ")}; there are ${names}`);
  }
  checkTools();
  const temporary = values.keep === undefined;
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), "vml-guests-"));
  mkdirSync(folder, { recursive: true });
  try {
    const wanted = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
    const library = new Map(
      ARCHITECTURES.filter((each) => wanted.some(({ architecture }) => architecture === each)).map(
        (each) => [
          each,
          [COMMON_FOLDER, each.name].flatMap((source) => compile(source, each, folder)),
        ],
      ),
    );
    const results = wanted.map((guest) =>
      finish(guest, build(guest, library, folder), values.check === true)
    );
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

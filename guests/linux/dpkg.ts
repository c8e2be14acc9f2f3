/**
 * Packages laid out as after `dpkg --unpack`, without running anything of them: files in place, and a
 * database (dpkg(1), deb-control(5), deb-triggers(5)) from which `dpkg --configure` can go on.
 */
import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unpack } from "./apt.ts";
import { toolText } from "./tools.ts";

/** A file as `dpkg-deb --contents` lists it. */
export interface PackedFile {
  /** As in ls: "-rwsr-xr-x". */
  readonly mode: string;
  /** "root/shadow". */
  readonly owner: string;
  /** "/usr/bin/passwd"; the root directory is "/.". */
  readonly path: string;
}

/** Reads a list in the form of `tar tv`. */
export function parseContents(text: string): PackedFile[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\S{10}) (\S+) +\d+ \S+ \S+ \.(.*)$/.exec(line);
    if (match === null) return [];
    const [, mode, owner, rest] = match;
    const name = mode.startsWith("l")
      ? rest.replace(/ -> .*$/, "")
      : mode.startsWith("h")
      ? rest.replace(/ link to .*$/, "")
      : rest;
    return [{ mode, owner, path: name === "/" ? "/." : name.replace(/\/$/, "") }];
  });
}

/** Commands that give back what unpacking by a user who is not root has lost. */
export function ownershipCommands(files: readonly PackedFile[]): string[] {
  return files.filter(({ mode }) => /^[-d]/.test(mode)).flatMap(({ mode, owner, path }) => {
    const special = /[sStT]/.test(mode) || owner !== "root/root";
    if (!special) return [];
    return [`chown ${owner.replace("/", ":")} '${path}'`, `chmod ${octal(mode)} '${path}'`];
  });
}

/** "-rwsr-xr-x" as "4755". */
function octal(mode: string): string {
  const digit = (at: number): number =>
    (mode[at] === "r" ? 4 : 0) + (mode[at + 1] === "w" ? 2 : 0) +
    (/[xst]/.test(mode[at + 2]) ? 1 : 0);
  const special = (/[sS]/.test(mode[3]) ? 4 : 0) + (/[sS]/.test(mode[6]) ? 2 : 0) +
    (/[tT]/.test(mode[9]) ? 1 : 0);
  return `${special}${digit(1)}${digit(4)}${digit(7)}`;
}

/** One package's name, version and commands for its owners. */
export interface UnpackedPackage {
  readonly name: string;
  readonly version: string;
  readonly ownership: readonly string[];
}

/** A tree of unpacked packages. */
export class DpkgTree {
  readonly #root: string;
  readonly #database: string;
  readonly #arch: string;

  constructor(root: string, arch: string) {
    this.#root = root;
    this.#database = join(root, "var/lib/dpkg");
    this.#arch = arch;
  }

  /** Makes the empty database. */
  async create(): Promise<void> {
    for (const name of ["info", "updates", "triggers", "alternatives", "parts"]) {
      await mkdir(join(this.#database, name), { recursive: true });
    }
    await writeFile(join(this.#database, "info/format"), "1\n");
    await writeFile(join(this.#database, "status"), "");
    await writeFile(join(this.#database, "available"), "");
  }

  /** Puts a package in its place. */
  async add(deb: string): Promise<UnpackedPackage> {
    await unpack(deb, this.#root);
    const control = join(this.#root, ".control");
    await rm(control, { recursive: true, force: true });
    await toolText("dpkg-deb", ["--control", deb, control]);
    const files = parseContents(await toolText("dpkg-deb", ["--contents", deb]));
    const fields = (await readFile(join(control, "control"), "utf8")).trimEnd();
    const field = (name: string): string =>
      new RegExp(`^${name}: (.*)$`, "m").exec(fields)?.[1] ?? "";
    const name = field("Package");
    const prefix = field("Multi-Arch") === "same" ? `${name}:${this.#arch}` : name;
    const info = join(this.#database, "info");
    for (const part of await readdir(control)) {
      if (part !== "control") await rename(join(control, part), join(info, `${prefix}.${part}`));
    }
    await rm(control, { recursive: true });
    await writeFile(join(info, `${prefix}.list`), files.map(({ path }) => `${path}\n`).join(""));
    await this.#interests(prefix);
    const status = fields.replace(/^Package: .*$/m, "$&\nStatus: install ok unpacked");
    await appendFile(
      join(this.#database, "status"),
      `${status}\n${await this.#conffiles(join(info, `${prefix}.conffiles`))}\n`,
    );
    return { name, version: field("Version"), ownership: ownershipCommands(files) };
  }

  /** The field of the status that names configuration files with their sums. */
  async #conffiles(list: string): Promise<string> {
    let text = "";
    for (const path of (await textOr(list)).split("\n").filter((line) => line.startsWith("/"))) {
      const content = await readFile(join(this.#root, path));
      text += ` ${path} ${createHash("md5").update(content).digest("hex")}\n`;
    }
    return text === "" ? "" : `Conffiles:\n${text}`;
  }

  /** Enters what the package wants to be told of. */
  async #interests(prefix: string): Promise<void> {
    const text = await textOr(join(this.#database, "info", `${prefix}.triggers`));
    for (const [, noawait, trigger] of text.matchAll(/^interest(-noawait|-await)? (\S+)/gm)) {
      const who = `${prefix}${noawait === "-noawait" ? "/noawait" : ""}`;
      const [file, line] = trigger.startsWith("/")
        ? ["File", `${trigger} ${who}\n`]
        : [trigger, `${who}\n`];
      await appendFile(join(this.#database, "triggers", file), line);
    }
  }
}

async function textOr(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}

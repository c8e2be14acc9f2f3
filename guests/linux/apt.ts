/**
 * Debian packages of another architecture, by the host's apt with state and cache of its own: the
 * host's package database and list of architectures are not touched, no root is needed. The host's
 * sources and keys say where packages come from and who signs them.
 */
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { tool, ToolError, toolText } from "./tools.ts";

export class AptRoot {
  readonly #folder: string;
  readonly #arch: string;
  readonly #options: readonly string[];
  #updated = false;

  /**
   * @param path folder where lists and packages are kept.
   * @param arch Debian's name of the architecture: "arm64".
   */
  constructor(path: string, arch: string) {
    // Apt takes relative names for names below its root folder.
    const folder = resolve(path);
    this.#folder = folder;
    this.#arch = arch;
    this.#options = Object.entries({
      "Dir::State": join(folder, "state"),
      "Dir::State::status": join(folder, "status"),
      "Dir::Cache": join(folder, "cache"),
      "APT::Architecture": arch,
      "APT::Architectures": arch,
      "APT::Install-Recommends": "false",
      // A list in the cache of a user is not for apt's own user to write.
      "APT::Sandbox::User": "",
      "Acquire::Languages": "none",
    }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  }

  /** Brings the lists of packages up to date; once. */
  async update(): Promise<void> {
    if (this.#updated) return;
    for (const path of ["state/lists/partial", "cache/archives/partial", "debs"]) {
      await mkdir(join(this.#folder, path), { recursive: true });
    }
    await writeFile(join(this.#folder, "status"), "");
    try {
      await tool("apt-get", [...this.#options, "--quiet", "update"]);
    } catch (error) {
      // One source without this architecture, of many, is no reason to give up.
      if (!(error instanceof ToolError) || error.message.includes("not found;")) throw error;
    }
    this.#updated = true;
  }

  /** The package that a meta-package stands for today: its first dependency. */
  async newest(metaPackage: string): Promise<string> {
    await this.update();
    const text = await this.#cache("depends", metaPackage);
    const name = /^\s*\|?Depends: (\S+)/m.exec(text)?.[1];
    if (name === undefined) throw new ToolError(`${metaPackage}: depends on nothing`);
    return name;
  }

  /** The version that would be installed: "6.1.192-2". */
  async version(name: string): Promise<string> {
    await this.update();
    const version = /^Version: (.*)$/m.exec(await this.#cache("show", "--no-all-versions", name));
    if (version === null) throw new ToolError(`${name}: has no version`);
    return version[1];
  }

  /** Downloads a package, checked by apt, if it is not there yet; gives the path of the .deb. */
  async download(name: string): Promise<string> {
    const version = await this.version(name);
    const debs = join(this.#folder, "debs");
    const file = `${name}_${version.replaceAll(":", "%3a")}_${this.#arch}.deb`;
    if (!(await readdir(debs)).includes(file)) {
      const incoming = join(this.#folder, "incoming");
      await mkdir(incoming, { recursive: true });
      await tool("apt-get", [...this.#options, "--quiet", "download", name], { cwd: incoming });
      for (const got of await readdir(incoming)) {
        if (got.startsWith(`${name}_`)) await rename(join(incoming, got), join(debs, file));
      }
    }
    return join(debs, file);
  }

  /** Debian's name of the architecture. */
  get arch(): string {
    return this.#arch;
  }

  get #archives(): string {
    return join(this.#folder, "cache/archives");
  }

  /** Downloads packages, named or by apt's patterns, and all that they depend on; gives the paths. */
  async downloadAll(names: readonly string[]): Promise<string[]> {
    await this.update();
    const arguments_ = ["install", "--quiet", "--yes", "--download-only", ...names];
    await tool("apt-get", [...this.#options, "autoclean"]);
    await tool("apt-get", [...this.#options, ...arguments_]);
    return (await readdir(this.#archives)).filter((name) => name.endsWith(".deb")).sort()
      .map((name) => join(this.#archives, name));
  }

  async #cache(...args: readonly string[]): Promise<string> {
    try {
      return await toolText("apt-cache", [...this.#options, ...args]);
    } catch (error) {
      if (error instanceof ToolError && /No packages found|Unable to locate/.test(error.message)) {
        throw new ToolError(
          `${args.at(-1)}: the host's apt sources have no such package for ${this.#arch}; ` +
            `they must be Debian's (see /etc/apt/sources.list.d)`,
        );
      }
      throw error;
    }
  }
}

/** Unpacks a package without running its scripts. */
export async function unpack(deb: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  await tool("dpkg-deb", ["-x", deb, into]);
}

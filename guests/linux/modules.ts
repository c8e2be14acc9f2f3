/** Kernel modules for an initramfs: which are needed, in the order in which they can be loaded. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { tool, ToolError } from "./tools.ts";

/** A module, ready for insmod. */
export interface KernelModule {
  /** As in lsmod: "virtio_mmio". */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Virtio transport and devices. */
export const DEVICE_MODULES: readonly string[] = [
  "virtio_mmio",
  "virtio_blk",
  "virtio_net",
  "virtio_console",
  "virtio_rng",
];
/** Virtual sockets, loaded by those who want them. */
export const VSOCK_MODULES: readonly string[] = ["vmw_vsock_virtio_transport"];
/** What an ext4 root needs; crc32c_generic is a dependency that only its softdep tells of. */
export const ROOT_MODULES: readonly string[] = ["crc32c_generic", "ext4"];

/** File names have "-" or "_" as their authors liked; module names have "_". */
function moduleName(path: string): string {
  return basename(path).replace(/\.ko(\.xz)?$/, "").replaceAll("-", "_");
}

/**
 * What a module's `.modinfo` section says under a key (include/linux/moduleinfo.h): entries
 * "key=value" with a zero byte at each end.
 */
export function moduleInfo(module: Uint8Array, key: string): string | undefined {
  const wanted = new TextEncoder().encode(`\0${key}=`);
  for (let at = module.indexOf(0); at >= 0; at = module.indexOf(0, at + 1)) {
    if (!wanted.every((byte, i) => module[at + i] === byte)) continue;
    const start = at + wanted.length;
    return new TextDecoder().decode(module.subarray(start, module.indexOf(0, start)));
  }
  return undefined;
}

/** The modules of one unpacked kernel package. */
export class ModuleTree {
  readonly #files: ReadonlyMap<string, string>;
  readonly #builtIn: ReadonlySet<string>;

  private constructor(files: ReadonlyMap<string, string>, builtIn: ReadonlySet<string>) {
    this.#files = files;
    this.#builtIn = builtIn;
  }

  /** @param folder lib/modules/VERSION of the package. */
  static async open(folder: string): Promise<ModuleTree> {
    const files = new Map<string, string>();
    for (const entry of await readdir(join(folder, "kernel"), { recursive: true })) {
      if (/\.ko(\.xz)?$/.test(entry)) files.set(moduleName(entry), join(folder, "kernel", entry));
    }
    const list = await readFile(join(folder, "modules.builtin"), "utf8");
    return new ModuleTree(files, new Set(list.trim().split("\n").map(moduleName)));
  }

  /** The named modules after those that they depend on; what is built into the kernel is left out. */
  async resolve(names: readonly string[]): Promise<KernelModule[]> {
    const found = new Map<string, KernelModule>();
    const add = async (name: string): Promise<void> => {
      if (found.has(name) || this.#builtIn.has(name)) return;
      const path = this.#files.get(name);
      if (path === undefined) throw new ToolError(`${name}: this kernel has no such module`);
      const bytes = path.endsWith(".xz")
        ? await tool("xz", ["--decompress", "--stdout", path])
        : new Uint8Array(await readFile(path));
      const depends = moduleInfo(bytes, "depends") ?? "";
      for (const other of depends.split(",").filter((part) => part !== "")) {
        await add(other.replaceAll("-", "_"));
      }
      found.set(name, { name, bytes });
    };
    for (const name of names) await add(name);
    return [...found.values()];
  }
}

/** Programs of Debian's packages for an initramfs, with the libraries that they need. */
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CpioEntry } from "../../lib/boot/cpio.ts";
import { AptRoot, unpack } from "./apt.ts";

/** Which programs. */
export interface ProgramOptions {
  /** Debian's name of the architecture: "arm64". */
  readonly arch: string;
  /** Folder of sets and downloads. */
  readonly folder: string;
  /** Packages; what they depend on is to be named, too. */
  readonly packages: readonly string[];
  /** Which of the packages' files are wanted, by their path without a leading "/". */
  readonly wanted: RegExp;
}

/** What makes and checks an ext4 file system. */
export const EXT4_PROGRAMS: Pick<ProgramOptions, "packages" | "wanted"> = {
  packages: [
    ...["e2fsprogs", "libext2fs2", "libcom-err2", "libblkid1", "libuuid1", "libc6"],
  ],
  wanted:
    /^sbin\/(mke2fs|mkfs\.ext4|e2fsck)$|\/(ld-linux-.*|lib(c|pthread|ext2fs|e2p|com_err|blkid|uuid))\.so[.\d]*$|^etc\/mke2fs\.conf$/,
};

/** The wanted files, and the folders in which they are. Throws a ToolError. */
export async function programFiles(options: ProgramOptions): Promise<CpioEntry[]> {
  const apt = new AptRoot(join(options.folder, "apt", options.arch), options.arch);
  const files: CpioEntry[] = [];
  const folders = new Set<string>();
  // Of its own: both architectures may be at it at once.
  const work = await mkdtemp(join(options.folder, "programs-"));
  try {
    for (const name of options.packages) await unpack(await apt.download(name), work);
    for (const entry of await readdir(work, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(work.length + 1);
      if (entry.isDirectory() || !options.wanted.test(name)) continue;
      for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
        folders.add(name.slice(0, at));
      }
      files.push(
        entry.isSymbolicLink()
          ? { name, mode: 0o120777, data: new TextEncoder().encode(await readlink(path)) }
          : { name, mode: 0o100755, data: new Uint8Array(await readFile(path)) },
      );
    }
  } finally {
    await rm(work, { recursive: true });
  }
  const made = [...folders].sort().map((name) => ({ name, mode: 0o40755 }));
  return [...made, ...files.sort((a, b) => a.name < b.name ? -1 : 1)];
}

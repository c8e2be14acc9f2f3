import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Arguments, Command } from "./command.ts";
import { DEBIAN_ARCHES } from "../guests/linux/architectures.ts";
import { DEBIAN_KERNELS, DEBIAN_ROOTS, debianSet } from "../guests/linux/debian.ts";
import { ToolError } from "../guests/linux/tools.ts";
import { EXIT, UsageError } from "./errors.ts";

/** `vml image`. */
export const imageCommand: Command = {
  name: "image",
  summary: "Makes a Linux guest from Debian's packages.",
  usage: "debian [options]",
  words: ["debian"],
  positionals: 1,
  options: [
    {
      name: "arch",
      value: "ARCH",
      choices: DEBIAN_ARCHES,
      help: "By Debian's names; arm64 if not given.",
    },
    {
      name: "kernel",
      value: "KERNEL",
      choices: DEBIAN_KERNELS,
      help: "The kernel for clouds (small, the default) or for everything.",
    },
    {
      name: "rootfs",
      value: "ROOTFS",
      choices: DEBIAN_ROOTS,
      help: "minbase: a root disk with Debian's smallest system; none: a BusyBox shell.",
    },
    {
      name: "out",
      value: "FOLDER",
      help: "Where it goes, with downloads; ~/.cache/vml if not given.",
    },
    { name: "update", help: "Looks for newer packages although it has been made before." },
  ],
  examples: [
    ["vml image debian", "Makes it and prints the name of its machine file."],
    ["vml run $(vml image debian)", "Makes it and boots it."],
    ["vml run $(vml image debian --arch amd64)", "The same for x86_64."],
    ["vml image debian --kernel standard --rootfs minbase", "With a root disk and login."],
  ],
  notes: `Needs Debian's apt-get, apt-cache, dpkg-deb and xz on the host, for minbase mke2fs.
It has lists and downloads of its own and needs no root. The last line printed, on standard output,
is the machine file, beside kernel (Image; for amd64 vmlinuz, and vmlinux unpacked from it, which
starts sooner), initrd.cpio, packages.txt and SHA256SUMS. Unpacking needs lz4 or zstd.

The initramfs obeys vml=shell|off|test|root and vmlreboot on the kernel command line.`,
  run,
};

async function run(args: Arguments): Promise<number> {
  const what = args.positionals[0];
  if (what !== "debian") {
    throw new UsageError(
      what === undefined
        ? "image: which one? write: vml image debian"
        : `${what}: no such image; write: vml image debian`,
    );
  }
  try {
    const set = await debianSet({
      arch: choice(args, "arch", DEBIAN_ARCHES),
      kernel: choice(args, "kernel", DEBIAN_KERNELS),
      rootfs: choice(args, "rootfs", DEBIAN_ROOTS),
      folder: args.get("out") ?? cacheFolder(),
      update: args.has("update"),
      progress: (text) => process.stderr.write(`vml: ${text}\n`),
    });
    for (const name of set.packages.slice(0, 2)) process.stderr.write(`vml: ${name}\n`);
    process.stdout.write(`${set.machine}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    process.stderr.write(`vml: image: ${error.message}\n`);
    return EXIT.failed;
  }
}

/** The value of an option whose values have been checked; the first is the default. */
function choice<T extends string>(args: Arguments, name: string, values: readonly T[]): T {
  return values.find((value) => value === args.get(name)) ?? values[0];
}

/** Where programs keep what they can make again (XDG Base Directory Specification). */
function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "vml");
}

/** A bootable set from Debian's packages: kernel, initramfs, machine file, and a root file system. */
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AptRoot, unpack } from "./apt.ts";
import { DEBIAN, type DebianArch } from "./architectures.ts";
import { INIT_SCRIPT } from "./init.ts";
import { makeInitramfs } from "./initramfs.ts";
import { DEVICE_MODULES, ModuleTree, ROOT_MODULES, VSOCK_MODULES } from "./modules.ts";
import { extractVmlinux } from "./vmlinux.ts";
import { makeRootDisk, ROOT_SETTINGS } from "./rootfs.ts";
import { vsockProgram as vsockArm64 } from "./vsock/aarch64/image.ts";
import { vsockProgram as vsockAmd64 } from "./vsock/x86_64/image.ts";

/** Kernels: the one for clouds is smaller and has fewer drivers. */
export const DEBIAN_KERNELS = ["cloud", "standard"] as const;
/** Root file systems; "none" is a shell in the initramfs. */
export const DEBIAN_ROOTS = ["none", "minbase"] as const;

export interface DebianOptions {
  readonly arch: DebianArch;
  readonly kernel: typeof DEBIAN_KERNELS[number];
  readonly rootfs: typeof DEBIAN_ROOTS[number];
  /** Folder of sets and downloads. */
  readonly folder: string;
  /** Looks for newer packages although the set is there. */
  readonly update: boolean;
  /** Called with what is being done. */
  readonly progress: (text: string) => void;
}

/** A set on disk. All but the machine file are named in SHA256SUMS beside them. */
export interface DebianSet {
  readonly folder: string;
  /** For `vml run`. */
  readonly machine: string;
  /** As the package has it: a Linux arm64 Image, an x86 bzImage. */
  readonly kernel: string;
  /** amd64: the kernel of the bzImage, unpacked. */
  readonly vmlinux?: string;
  readonly initrd: string;
  /** Names and versions of the packages. */
  readonly packages: readonly string[];
}

const META_PACKAGES: Record<DebianOptions["kernel"], string> = {
  cloud: "linux-image-cloud",
  standard: "linux-image",
};

const VSOCK_PROGRAMS: Readonly<Record<DebianArch, () => Uint8Array>> = {
  arm64: vsockArm64,
  amd64: vsockAmd64,
};

const VMLINUX = "vmlinux";
const SUMS = "SHA256SUMS";
const PACKAGE_LIST = "packages.txt";
/** Says by which version of this recipe a set was made. */
const RECIPE = "recipe.txt";

/**
 * Gives the set, made anew unless it is there and whole. Needs Debian's apt and dpkg, no root.
 * @throws ToolError if a program is missing or fails.
 */
export async function debianSet(options: DebianOptions): Promise<DebianSet> {
  const { arch, kernel, rootfs } = options;
  const name = ["debian", arch, kernel, ...(rootfs === "none" ? [] : [rootfs])].join("-");
  const folder = join(options.folder, name);
  if (options.update || !(await isWhole(folder, arch))) await make(options, folder);
  return {
    folder,
    machine: join(folder, "machine.yaml"),
    kernel: join(folder, DEBIAN[arch].kernel),
    ...(arch === "amd64" && { vmlinux: join(folder, VMLINUX) }),
    initrd: join(folder, "initrd.cpio"),
    packages: (await readFile(join(folder, PACKAGE_LIST), "utf8")).trim().split("\n"),
  };
}

async function make(options: DebianOptions, folder: string): Promise<void> {
  const { arch, kernel, rootfs, progress } = options;
  const apt = new AptRoot(join(options.folder, "apt", arch), arch);
  progress("reading the lists of packages");
  const kernelPackage = await apt.newest(`${META_PACKAGES[kernel]}-${arch}`);
  const packages = ["busybox-static", kernelPackage];
  // Made beside its place, so that a set is whole or not there.
  const work = `${folder}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const unpacked = join(work, "unpacked");
  const versions: string[] = [];
  for (const name of packages) {
    progress(`fetching ${name}`);
    await unpack(await apt.download(name), unpacked);
    versions.push(`${name} ${await apt.version(name)}`);
  }
  progress("making the initramfs");
  const [release] = await readdir(join(unpacked, "lib/modules"));
  const tree = await ModuleTree.open(join(unpacked, "lib/modules", release));
  const kernelFile = DEBIAN[arch].kernel;
  await cp(join(unpacked, "boot", `vmlinuz-${release}`), join(work, kernelFile));
  const read = async (file: string): Promise<Uint8Array> =>
    new Uint8Array(await readFile(join(work, file)));
  if (arch === "amd64") {
    await writeFile(join(work, VMLINUX), await extractVmlinux(await read(kernelFile)));
  }
  await writeFile(
    join(work, "initrd.cpio"),
    makeInitramfs({
      busybox: new Uint8Array(await readFile(join(unpacked, "bin/busybox"))),
      modules: await tree.resolve(DEVICE_MODULES),
      rootModules: await tree.resolve(ROOT_MODULES),
      vsockModules: await tree.resolve(VSOCK_MODULES),
      vsock: VSOCK_PROGRAMS[arch](),
    }),
  );
  if (rootfs === "minbase") {
    versions.push(
      ...await makeRootDisk({
        apt,
        path: join(work, "root.img"),
        arch,
        kernel: await read(arch === "amd64" ? VMLINUX : kernelFile),
        initrd: await read("initrd.cpio"),
        progress,
      }),
    );
  }
  await rm(unpacked, { recursive: true });
  await writeFile(join(work, PACKAGE_LIST), `${versions.join("\n")}\n`);
  await writeFile(join(work, "machine.yaml"), machineFile(options, kernelPackage));
  await writeFile(join(work, RECIPE), recipe(arch));
  await writeFile(join(work, SUMS), await sums(work));
  await rm(folder, { recursive: true, force: true });
  await rename(work, folder);
}

function machineFile({ arch, rootfs }: DebianOptions, kernelPackage: string): string {
  const root = rootfs === "none" ? "" : " vml=root";
  const target = DEBIAN[arch];
  return `# Debian: ${kernelPackage}
arch: ${target.arch}
kernel: ${arch === "amd64" ? VMLINUX : target.kernel}
initrd: initrd.cpio
cmdline: console=${target.console}${root}
memory: 512M
devices:
${rootfs === "none" ? "" : "  - { type: virtio-block, file: root.img }\n"}  - virtio-rng
  - virtio-net
`;
}

/** Files whose change the guest does not make itself. */
async function summedFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name !== SUMS && name !== "root.img").sort();
}

async function sums(folder: string): Promise<string> {
  const lines: string[] = [];
  for (const name of await summedFiles(folder)) {
    const hash = createHash("sha256").update(await readFile(join(folder, name))).digest("hex");
    lines.push(`${hash}  ${name}\n`);
  }
  return lines.join("");
}

/** A hash of what decides the content, besides the packages. */
function recipe(arch: DebianArch): string {
  const modules = [DEVICE_MODULES, ROOT_MODULES, VSOCK_MODULES];
  const program = createHash("sha256").update(VSOCK_PROGRAMS[arch]()).digest("hex");
  const parts = [INIT_SCRIPT, ...modules, ROOT_SETTINGS, program];
  return `${createHash("sha256").update(JSON.stringify(parts)).digest("hex")}\n`;
}

async function isWhole(folder: string, arch: DebianArch): Promise<boolean> {
  try {
    if (await readFile(join(folder, RECIPE), "utf8") !== recipe(arch)) return false;
    return await readFile(join(folder, SUMS), "utf8") === await sums(folder);
  } catch {
    return false;
  }
}

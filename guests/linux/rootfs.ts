/**
 * A root disk with Debian's smallest system. The packages are unpacked here, and installed by the
 * guest itself at the end: so no emulator of another kind and no root is needed on the host.
 */
import { mkdir, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Machine } from "../../lib/machine/machine.ts";
import { openBlockFile } from "../../platform/block_file.ts";
import { hostPlatform } from "../../platform/host.ts";
import { type AptRoot, unpack } from "./apt.ts";
import { tool, ToolError } from "./tools.ts";

/** Size of the disk in MiB; the file takes what is used of it. */
const DISK_MIB = 1024;

/** What is installed: patterns of apt and names. An init, and udev, which its login waits for. */
const WANTED = ["?essential", "?priority(required)", "apt", "systemd-sysv", "udev"];

/** Directories that are links since all of them are in /usr (Debian's usrmerge). */
const MERGED = ["bin", "sbin", "lib"];

const INSTALL = "vml-install";

/** Installs in the guest, where everything but the scripts of the packages is in its place. */
const INSTALL_SCRIPT: string = String.raw`#!/bin/sh
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
cd /${INSTALL}
force="--force-depends --force-unsafe-io --force-confold"
mkdir -p /var/lib/dpkg
touch /var/lib/dpkg/status /var/lib/dpkg/available
dpkg $force --install base-passwd_*.deb base-files_*.deb
dpkg $force --install dpkg_*.deb
dpkg $force --install libc6_*.deb
dpkg $force --install perl-base_*.deb mawk_*.deb debconf_*.deb
dpkg $force --unpack *.deb
dpkg $force --configure --pending
passwd -d root
echo vml > /etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 vml\n' > /etc/hosts
printf '/dev/vda / ext4 errors=remount-ro 0 1\n' > /etc/fstab
: > /etc/machine-id
cd /
rm -rf /${INSTALL}
`;

/** What decides the content, besides the packages. */
export const ROOT_SETTINGS: readonly string[] = [INSTALL_SCRIPT, `${DISK_MIB}`, ...WANTED];

/** What {@linkcode makeRootDisk} needs. */
export interface RootDiskOptions {
  readonly apt: AptRoot;
  /** The disk image that is made. */
  readonly path: string;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly progress: (text: string) => void;
}

/** Makes the disk; gives names and versions of the packages. Throws a {@linkcode ToolError}. */
export async function makeRootDisk(options: RootDiskOptions): Promise<string[]> {
  const { apt, path, progress } = options;
  progress("fetching the packages of the root file system");
  const debs = await apt.downloadAll(WANTED);
  const tree = `${path}.tree`;
  await rm(tree, { recursive: true, force: true });
  for (const name of MERGED) {
    await mkdir(join(tree, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(tree, name));
  }
  progress(`unpacking ${debs.length} packages`);
  for (const deb of debs) await unpack(deb, tree);
  const install = join(tree, INSTALL);
  await mkdir(install);
  for (const deb of debs) await tool("cp", [deb, install]);
  await writeFile(join(install, "install"), INSTALL_SCRIPT, { mode: 0o755 });
  await writeFile(path, "");
  await truncate(path, DISK_MIB * 2 ** 20);
  await tool("mke2fs", ["-q", "-F", "-t", "ext4", "-d", tree, "-E", "root_owner=0:0", path]);
  await rm(tree, { recursive: true, force: true });
  progress("installing them in the guest, which takes minutes");
  await installInGuest(options);
  return (await readdir(join(apt.archives))).filter((name) => name.endsWith(".deb")).map((name) =>
    name.replace(/_[^_]*\.deb$/, "").replace("_", " ").replaceAll("%3a", ":")
  );
}

/** Characters of the guest's output that are kept for a message. */
const KEPT_OUTPUT = 2000;

async function installInGuest({ path, kernel, initrd }: RootDiskOptions): Promise<void> {
  const disk = await openBlockFile(path);
  let output = "";
  try {
    await using machine = await Machine.create({
      kernel,
      initrd,
      cmdline: "console=ttyAMA0 quiet vml=install",
      memory: "1G",
      devices: [{ type: "virtio-block", file: disk }, "virtio-rng"],
    }, { platform: hostPlatform() });
    let done = false;
    machine.onSerial((bytes) => {
      output = (output + new TextDecoder().decode(bytes)).slice(-KEPT_OUTPUT);
      done ||= output.includes("VML-INSTALL ok");
    });
    const { reason } = await machine.run();
    if (reason !== "power-off" || !done) {
      throw new ToolError(`installation in the guest failed (${reason}): ${output}`);
    }
  } finally {
    await disk.close();
  }
}

/**
 * A root disk with Debian's smallest system. The packages are unpacked here, and configured by the
 * guest itself, once: so the host needs no emulator of another kind and no root.
 */
import { copyFile, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Machine } from "../../lib/machine/machine.ts";
import { openBlockFile } from "../../platform/block_file.ts";
import { hostPlatform } from "../../platform/host.ts";
import { DEBIAN, type DebianArch } from "./architectures.ts";
import type { AptRoot } from "./apt.ts";
import { DpkgTree } from "./dpkg.ts";
import { tool, ToolError } from "./tools.ts";

/** Size of the disk in MiB; the file takes what is used of it. */
const DISK_MIB = 1024;

/** What is installed: patterns of apt and names. An init, and udev, which its login waits for. */
const WANTED = ["?essential", "?priority(required)", "apt", "systemd-sysv", "udev"];

/** Directories that are links since all of them are in /usr (Debian's usrmerge). */
const MERGED = ["bin", "sbin", "lib"];

const INSTALL = "vml-install";
const OWNED_BY_ROOT = "root_owner=0:0";

/** Runs in the guest, with the disk as root file system. */
const INSTALL_SCRIPT: string = String.raw`#!/bin/sh
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
sh /${INSTALL}/owners
dpkg --force-depends --force-unsafe-io --force-confold --configure --pending
passwd -d root
rm -rf /${INSTALL}
`;

/** systemd gives up after 90 seconds by itself, in which a busy host may have given the guest ten. */
const SYSTEMD_SETTINGS = `[Manager]
DefaultTimeoutStartSec=15min
DefaultDeviceTimeoutSec=15min
`;

/** What decides the content, besides the packages. */
export const ROOT_SETTINGS: readonly string[] = [
  INSTALL_SCRIPT,
  SYSTEMD_SETTINGS,
  `${DISK_MIB}`,
  ...WANTED,
];

/** What {@linkcode makeRootDisk} needs. */
export interface RootDiskOptions {
  readonly apt: AptRoot;
  /** The disk image that is made. */
  readonly path: string;
  readonly arch: DebianArch;
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
  const dpkg = new DpkgTree(tree, apt.arch);
  await dpkg.create();
  const packages = [];
  for (const deb of debs) packages.push(await dpkg.add(deb));
  await settings(tree);
  const install = join(tree, INSTALL);
  await mkdir(install);
  await writeFile(join(install, "install"), INSTALL_SCRIPT);
  const owners = packages.flatMap(({ ownership }) => ownership);
  await writeFile(join(install, "owners"), `${owners.join("\n")}\n`);
  await writeFile(path, "");
  await truncate(path, DISK_MIB * 2 ** 20);
  await tool("mke2fs", ["-q", "-F", "-t", "ext4", "-d", tree, "-E", OWNED_BY_ROOT, path]);
  await rm(tree, { recursive: true, force: true });
  progress("configuring them in the guest, which takes a minute or two");
  await installInGuest(options);
  return packages.map(({ name, version }) => `${name} ${version}`);
}

/** What an administrator would write, and what the first package finds made by its preinst. */
async function settings(tree: string): Promise<void> {
  const etc = join(tree, "etc");
  await copyFile(join(tree, "usr/share/base-passwd/passwd.master"), join(etc, "passwd"));
  await copyFile(join(tree, "usr/share/base-passwd/group.master"), join(etc, "group"));
  await writeFile(join(etc, "hostname"), "vml\n");
  await writeFile(join(etc, "hosts"), "127.0.0.1 localhost\n127.0.1.1 vml\n");
  await writeFile(join(etc, "fstab"), "/dev/vda / ext4 errors=remount-ro 0 1\n");
  await writeFile(join(etc, "machine-id"), "");
  await mkdir(join(etc, "systemd/system.conf.d"), { recursive: true });
  await writeFile(join(etc, "systemd/system.conf.d/vml.conf"), SYSTEMD_SETTINGS);
}

/** Characters of the guest's output that are kept for a message. */
const KEPT_OUTPUT = 2000;

/** Packages after which one is named. */
const PROGRESS = 20;

async function installInGuest(
  { arch, path, kernel, initrd, progress }: RootDiskOptions,
): Promise<void> {
  const disk = await openBlockFile(path);
  let output = "";
  try {
    const machine = await Machine.create({
      arch: DEBIAN[arch].arch,
      kernel,
      initrd,
      cmdline: `console=${DEBIAN[arch].console} quiet vml=install`,
      memory: "1G",
      devices: [{ type: "virtio-block", file: disk }, "virtio-rng"],
    }, { platform: hostPlatform() });
    let done = false;
    let configured = 0;
    machine.onSerial((bytes) => {
      const text = new TextDecoder().decode(bytes);
      output = (output + text).slice(-KEPT_OUTPUT);
      for (const [line] of text.matchAll(/Setting up \S+/g)) {
        if (++configured % PROGRESS === 0) progress(`${configured}: ${line}`);
      }
      done ||= output.includes("VML-INSTALL ok");
    });
    const { reason } = await machine.run();
    await machine[Symbol.asyncDispose]();
    if (reason !== "power-off" || !done) {
      throw new ToolError(`configuring in the guest failed (${reason}): ${output}`);
    }
  } finally {
    await disk.close();
  }
}

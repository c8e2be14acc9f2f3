/** The initial file system: BusyBox, modules, our init, a program for vsock. */
import { type CpioEntry, writeCpio } from "../../lib/boot/cpio.ts";
import { INIT_SCRIPT } from "./init.ts";
import type { KernelModule } from "./modules.ts";

/** What goes into it. */
export interface InitramfsParts {
  /** Statically linked. */
  readonly busybox: Uint8Array;
  /** /bin/vsock, which uses virtio sockets. */
  readonly vsock: Uint8Array;
  /** Loaded at every start, in this order. */
  readonly modules: readonly KernelModule[];
  /** Loaded before a root file system is mounted. */
  readonly rootModules: readonly KernelModule[];
  /** Loaded before vsock is used. */
  readonly vsockModules: readonly KernelModule[];
}

const DIRECTORY = 0o40755;
const PROGRAM = 0o100755;
const FILE = 0o100644;
const DEVICE = 0o20600;

/** Packs it; the same parts give the same bytes. */
export function makeInitramfs(parts: InitramfsParts): Uint8Array<ArrayBuffer> {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const order = (modules: readonly KernelModule[]): Uint8Array =>
    text(modules.map(({ name }) => `${name}\n`).join(""));
  const { modules, rootModules, vsockModules } = parts;
  const unique = new Map([...modules, ...rootModules, ...vsockModules].map((m) => [m.name, m]));
  const entries: CpioEntry[] = [
    ...["bin", "dev", "etc", "lib", "lib/modules", "mnt", "proc", "root", "run", "sys", "tmp"].map((
      name,
    ) => ({ name, mode: DIRECTORY })),
    // The kernel opens them for init before devtmpfs is there.
    { name: "dev/console", mode: DEVICE, device: [5, 1] },
    { name: "dev/null", mode: DEVICE, device: [1, 3] },
    { name: "bin/busybox", mode: PROGRAM, data: parts.busybox },
    { name: "bin/vsock", mode: PROGRAM, data: parts.vsock },
    { name: "init", mode: PROGRAM, data: text(INIT_SCRIPT) },
    { name: "etc/passwd", mode: FILE, data: text("root:x:0:0:root:/root:/bin/sh\n") },
    { name: "etc/group", mode: FILE, data: text("root:x:0:\n") },
    { name: "lib/modules/order", mode: FILE, data: order(modules) },
    { name: "lib/modules/root-order", mode: FILE, data: order(rootModules) },
    { name: "lib/modules/vsock-order", mode: FILE, data: order(vsockModules) },
    ...[...unique.values()].map(({ name, bytes }) => ({
      name: `lib/modules/${name}.ko`,
      mode: FILE,
      data: bytes,
    })),
  ];
  return writeCpio(entries);
}

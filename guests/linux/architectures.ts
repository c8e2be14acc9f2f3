/** What differs between Debian's architectures. */
import type { Architecture } from "../../lib/config/machine_config.ts";

/** Architectures by Debian's names. */
export const DEBIAN_ARCHES = ["arm64", "amd64"] as const;
/** One of them. */
export type DebianArch = typeof DEBIAN_ARCHES[number];

/** One architecture. */
export interface DebianArchitecture {
  /** By our name. */
  readonly arch: Architecture;
  /** The serial line in Linux. */
  readonly console: string;
  /** What the file of the kernel's package is called in a set. */
  readonly kernel: string;
}

/** All of them. */
export const DEBIAN: Readonly<Record<DebianArch, DebianArchitecture>> = {
  arm64: { arch: "aarch64", console: "ttyAMA0", kernel: "Image" },
  amd64: { arch: "x86_64", console: "ttyS0", kernel: "vmlinuz" },
};

/** What is booted, and what has to come of it. */
import type { DebianArch } from "../../guests/linux/architectures.ts";
import type { DebianOptions, DebianSet } from "../../guests/linux/debian.ts";
import type { RuntimeName } from "./runtimes.ts";

export type KernelName = "cloud" | "standard";

/** A way to boot an architecture: a version of the GIC, a form of the kernel. */
export type SetupName = "gic2" | "gic3" | "bzimage" | "vmlinux";

/** What a setup means for `vml run`. */
export interface Setup {
  readonly arch: DebianArch;
  /** Options besides the kernel. */
  readonly options: readonly string[];
  /** The file of the kernel. */
  readonly kernel: (set: DebianSet) => string;
}

/** All setups. */
export const SETUPS: Readonly<Record<SetupName, Setup>> = {
  gic2: { arch: "arm64", options: ["--gic", "2"], kernel: ({ kernel }) => kernel },
  gic3: { arch: "arm64", options: ["--gic", "3"], kernel: ({ kernel }) => kernel },
  bzimage: { arch: "amd64", options: ["--arch", "x86_64"], kernel: ({ kernel }) => kernel },
  vmlinux: {
    arch: "amd64",
    options: ["--arch", "x86_64", "--cpu", "qemu64"],
    kernel: ({ kernel, vmlinux }) => vmlinux ?? kernel,
  },
};

/** The setups of each architecture: the usual one first. */
const BY_ARCH: Readonly<Record<DebianArch, readonly [SetupName, SetupName]>> = {
  arm64: ["gic3", "gic2"],
  amd64: ["vmlinux", "bzimage"],
};

/**
 * What a boot is for.
 *
 * test: the guest's self-test, in real time; virtual: up to the power-off, in virtual time, twice;
 * shell: clock, commands, Ctrl-C, a reboot and a power-off; login: Debian's smallest system from its
 * ext4 disk, a log-in, a reboot and a power-off; panic and panic-reset: a kernel without init.
 */
export type ScenarioKind = "test" | "virtual" | "shell" | "login" | "panic" | "panic-reset";

/** The root file system of each. */
export const ROOTS: Readonly<Record<ScenarioKind, DebianOptions["rootfs"]>> = {
  test: "none",
  virtual: "none",
  shell: "none",
  login: "minbase",
  panic: "none",
  "panic-reset": "none",
};

/** A boot of one kernel in one runtime. */
export interface Scenario {
  readonly runtime: RuntimeName;
  readonly kernel: KernelName;
  readonly setup: SetupName;
  readonly cpus: 1 | 4;
  readonly kind: ScenarioKind;
}

/** "node arm64 cloud gic3 1 cpu: test". */
export function scenarioName({ runtime, kernel, setup, cpus, kind }: Scenario): string {
  const { arch } = SETUPS[setup];
  return `${runtime} ${arch} ${kernel} ${setup} ${cpus} cpu${cpus > 1 ? "s" : ""}: ${kind}`;
}

/**
 * Of each architecture every kernel and every runtime through the self-test; in each runtime a shell with
 * both setups and both numbers of vCPUs, and virtual time; panics. In each runtime a log-in, with one
 * architecture after the other.
 */
export function someScenarios(
  arches: readonly DebianArch[],
  runtimes: readonly RuntimeName[],
): Scenario[] {
  return [
    ...logins(arches, runtimes),
    ...arches.flatMap((arch) => scenariosOf(arch, runtimes)),
  ];
}

/** They take longest. */
function logins(arches: readonly DebianArch[], runtimes: readonly RuntimeName[]): Scenario[] {
  return runtimes.map((runtime, i): Scenario => {
    const [setup] = BY_ARCH[arches[i % arches.length]];
    // systemd with four vCPUs takes longer still.
    const cpus = i < arches.length ? 4 : 1;
    return { runtime, kernel: "cloud", setup, cpus, kind: "login" };
  });
}

function scenariosOf(arch: DebianArch, runtimes: readonly RuntimeName[]): Scenario[] {
  const pick = (i: number): RuntimeName => runtimes[i % runtimes.length];
  const [usual, other] = BY_ARCH[arch];
  const inEach = (of: (runtime: RuntimeName, i: number) => Scenario): Scenario[] =>
    runtimes.map(of);
  const few = (i: number): 1 | 4 => i % 2 === 0 ? 1 : 4;
  const cloud = { kernel: "cloud" } as const;
  return [
    { runtime: pick(0), kernel: "standard", setup: other, cpus: 4, kind: "test" },
    { runtime: pick(1), ...cloud, setup: usual, cpus: 4, kind: "test" },
    { runtime: pick(2), kernel: "standard", setup: usual, cpus: 1, kind: "test" },
    { runtime: pick(3), ...cloud, setup: other, cpus: 1, kind: "test" },
    ...inEach((runtime) => ({ runtime, ...cloud, setup: usual, cpus: 4, kind: "virtual" })),
    ...inEach((runtime, i) => ({ runtime, ...cloud, setup: usual, cpus: few(i), kind: "shell" })),
    ...inEach((runtime, i) => (
      { runtime, ...cloud, setup: other, cpus: few(i + 1), kind: "shell" }
    )),
    { runtime: pick(1), ...cloud, setup: usual, cpus: 1, kind: "panic" },
    { runtime: pick(2), ...cloud, setup: other, cpus: 4, kind: "panic-reset" },
  ];
}

/** All of them. There are root file systems for the cloud kernel. */
export function allScenarios(
  arches: readonly DebianArch[],
  runtimes: readonly RuntimeName[],
): Scenario[] {
  const kinds = Object.keys(ROOTS) as ScenarioKind[];
  const kernels = (kind: ScenarioKind): readonly KernelName[] =>
    ROOTS[kind] === "none" ? ["cloud", "standard"] : ["cloud"];
  return arches.flatMap((arch) =>
    kinds.flatMap((kind) =>
      kernels(kind).flatMap((kernel) =>
        BY_ARCH[arch].flatMap((setup) =>
          ([1, 4] as const).flatMap((cpus) =>
            runtimes.map((runtime): Scenario => ({ runtime, kernel, setup, cpus, kind }))
          )
        )
      )
    )
  );
}

/** What is booted, and what has to come of it. */
import type { DebianArch } from "../../guests/linux/architectures.ts";
import type { DebianSet } from "../../guests/linux/debian.ts";
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

/** A boot of one kernel in one runtime. */
export interface Scenario {
  readonly runtime: RuntimeName;
  readonly kernel: KernelName;
  readonly setup: SetupName;
  readonly cpus: 1 | 4;
  /**
   * test: the guest's self-test, in real time; virtual: up to the power-off, in virtual time, twice;
   * shell: commands, Ctrl-C and a reboot; panic and panic-reset: a kernel without init.
   */
  readonly kind: "test" | "virtual" | "shell" | "panic" | "panic-reset";
}

/** "node arm64 cloud gic3 1 cpu: test". */
export function scenarioName({ runtime, kernel, setup, cpus, kind }: Scenario): string {
  const { arch } = SETUPS[setup];
  return `${runtime} ${arch} ${kernel} ${setup} ${cpus} cpu${cpus > 1 ? "s" : ""}: ${kind}`;
}

/** Every kernel, setup, number of vCPUs and runtime at least once. */
export function someScenarios(arch: DebianArch, runtimes: readonly RuntimeName[]): Scenario[] {
  const pick = (i: number): RuntimeName => runtimes[i % runtimes.length];
  const [usual, other] = BY_ARCH[arch];
  return [
    { runtime: pick(0), kernel: "standard", setup: other, cpus: 4, kind: "test" },
    { runtime: pick(1), kernel: "cloud", setup: usual, cpus: 4, kind: "test" },
    { runtime: pick(2), kernel: "standard", setup: usual, cpus: 1, kind: "test" },
    { runtime: pick(3), kernel: "cloud", setup: other, cpus: 1, kind: "test" },
    ...runtimes.map((runtime): Scenario => ({
      runtime,
      kernel: "cloud",
      setup: usual,
      cpus: 4,
      kind: "virtual",
    })),
    { runtime: pick(0), kernel: "cloud", setup: usual, cpus: 1, kind: "shell" },
    { runtime: pick(1), kernel: "cloud", setup: usual, cpus: 1, kind: "panic" },
    { runtime: pick(2), kernel: "cloud", setup: other, cpus: 4, kind: "panic-reset" },
  ];
}

/** All of them. */
export function allScenarios(arch: DebianArch, runtimes: readonly RuntimeName[]): Scenario[] {
  const kinds: readonly Scenario["kind"][] = ["test", "virtual", "shell", "panic", "panic-reset"];
  return kinds.flatMap((kind) =>
    (["cloud", "standard"] as const).flatMap((kernel) =>
      BY_ARCH[arch].flatMap((setup) =>
        ([1, 4] as const).flatMap((cpus) =>
          runtimes.map((runtime): Scenario => ({ runtime, kernel, setup, cpus, kind }))
        )
      )
    )
  );
}

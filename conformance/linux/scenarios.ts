/** What is booted, and what has to come of it. */
import type { RuntimeName } from "./runtimes.ts";

export type KernelName = "cloud" | "standard";

/** A boot of one kernel in one runtime. */
export interface Scenario {
  readonly runtime: RuntimeName;
  readonly kernel: KernelName;
  readonly gic: 2 | 3;
  readonly cpus: 1 | 4;
  /**
   * test: the guest's self-test, in real time; virtual: up to the power-off, in virtual time, twice;
   * shell: commands, Ctrl-C and a reboot; panic and panic-reset: a kernel without init.
   */
  readonly kind: "test" | "virtual" | "shell" | "panic" | "panic-reset";
}

/** "node cloud gic3 1 cpu: test". */
export function scenarioName({ runtime, kernel, gic, cpus, kind }: Scenario): string {
  return `${runtime} ${kernel} gic${gic} ${cpus} cpu${cpus > 1 ? "s" : ""}: ${kind}`;
}

/** Every kernel, GIC, number of vCPUs and runtime at least once. */
export function someScenarios(runtimes: readonly RuntimeName[]): Scenario[] {
  const pick = (i: number): RuntimeName => runtimes[i % runtimes.length];
  return [
    { runtime: pick(0), kernel: "standard", gic: 2, cpus: 4, kind: "test" },
    { runtime: pick(1), kernel: "cloud", gic: 3, cpus: 4, kind: "test" },
    { runtime: pick(2), kernel: "standard", gic: 3, cpus: 1, kind: "test" },
    { runtime: pick(3), kernel: "cloud", gic: 2, cpus: 1, kind: "test" },
    ...runtimes.map((runtime): Scenario => ({
      runtime,
      kernel: "cloud",
      gic: 3,
      cpus: 4,
      kind: "virtual",
    })),
    { runtime: pick(0), kernel: "cloud", gic: 3, cpus: 1, kind: "shell" },
    { runtime: pick(1), kernel: "cloud", gic: 3, cpus: 1, kind: "panic" },
    { runtime: pick(2), kernel: "cloud", gic: 2, cpus: 4, kind: "panic-reset" },
  ];
}

/** All of them. */
export function allScenarios(runtimes: readonly RuntimeName[]): Scenario[] {
  const kinds: readonly Scenario["kind"][] = ["test", "virtual", "shell", "panic", "panic-reset"];
  return kinds.flatMap((kind) =>
    (["cloud", "standard"] as const).flatMap((kernel) =>
      ([2, 3] as const).flatMap((gic) =>
        ([1, 4] as const).flatMap((cpus) =>
          runtimes.map((runtime): Scenario => ({ runtime, kernel, gic, cpus, kind }))
        )
      )
    )
  );
}

/**
 * The vCPUs of a machine as something that can be on, off, or waiting, and the order in which they
 * get their turns. Firmware reaches it as {@linkcode Lifecycle}.
 */
import type { Lifecycle, PowerState, StopReason } from "../vcpu/lifecycle/lifecycle.ts";

/** What a vCPU must be able to do. */
export interface VcpuCore {
  /** Puts the current vCPU into its power-on state at `entry` with `context` in its first register. */
  start(entry: bigint, context: bigint): void;
  /** Whether an interrupt or event is there that ends a wait. */
  wakes(): boolean;
}

/** What the vCPUs need from the machine. */
export interface VcpusOptions {
  readonly count: number;
  readonly affinity: (vcpu: number) => bigint;
  readonly core: (vcpu: number) => VcpuCore;
  /** Makes a vCPU's state the current one. */
  readonly select: (vcpu: number) => void;
  readonly isMemory: (address: bigint) => boolean;
  /** The running vCPU is to come back to the run loop soon. */
  readonly requestExit: () => void;
  readonly stop: (reason: StopReason) => void;
}

interface Vcpu {
  power: PowerState;
  waiting: boolean;
  /** Where it begins at its next turn, with a new state. */
  begin: { readonly entry: bigint; readonly context: bigint } | undefined;
}

export class Vcpus implements Lifecycle {
  readonly #options: VcpusOptions;
  readonly #vcpus: Vcpu[];
  #last: number;

  constructor(options: VcpusOptions) {
    this.#options = options;
    this.#vcpus = Array.from(
      { length: options.count },
      (): Vcpu => ({ power: "off", waiting: false, begin: undefined }),
    );
    this.#last = options.count - 1;
  }

  get cpuCount(): number {
    return this.#vcpus.length;
  }

  affinity(vcpu: number): bigint {
    return this.#options.affinity(vcpu);
  }

  powerState(vcpu: number): PowerState {
    return this.#vcpus[vcpu]?.power ?? "off";
  }

  turnOn(vcpu: number, entry: bigint, context: bigint): void {
    const target = this.#vcpus[vcpu];
    if (target === undefined || target.power !== "off") return;
    target.power = "on-pending";
    target.waiting = false;
    target.begin = { entry, context };
    this.#options.requestExit();
  }

  turnOff(vcpu: number): void {
    const target = this.#vcpus[vcpu];
    if (target === undefined) return;
    target.power = "off";
    target.begin = undefined;
    this.#options.requestExit();
  }

  suspend(vcpu: number, entry?: bigint, context?: bigint): void {
    const target = this.#vcpus[vcpu];
    if (target === undefined) return;
    target.waiting = true;
    if (entry !== undefined) target.begin = { entry, context: context ?? 0n };
    this.#options.requestExit();
  }

  isMemory(address: bigint): boolean {
    return this.#options.isMemory(address);
  }

  stop(reason: StopReason): void {
    this.#options.stop(reason);
  }

  /** All off; then vCPU 0 is to begin at `entry`. */
  reset(entry: bigint, context: bigint): void {
    for (const vcpu of this.#vcpus) {
      vcpu.power = "off";
      vcpu.waiting = false;
      vcpu.begin = undefined;
    }
    this.#last = this.#vcpus.length - 1;
    this.turnOn(0, entry, context);
  }

  /** A vCPU has executed an instruction that waits for an interrupt or event. */
  wait(vcpu: number): void {
    const target = this.#vcpus[vcpu];
    // With an entry point set it is suspend() that made it wait.
    if (target !== undefined) target.waiting = true;
  }

  /** The vCPU whose turn it is, in a state to run; -1 if all are off or wait. */
  next(): number {
    const count = this.#vcpus.length;
    for (let i = 1; i <= count; i++) {
      const number = (this.#last + i) % count;
      const vcpu = this.#vcpus[number];
      if (vcpu.power === "off") continue;
      if (vcpu.waiting) {
        if (!this.#options.core(number).wakes()) continue;
        vcpu.waiting = false;
      }
      if (vcpu.begin !== undefined) this.#begin(number, vcpu.begin);
      this.#last = number;
      return number;
    }
    return -1;
  }

  /** Whether another vCPU than `vcpu` could run now. */
  othersRun(vcpu: number): boolean {
    return this.#vcpus.some((other, number) =>
      number !== vcpu && other.power !== "off" &&
      (!other.waiting || this.#options.core(number).wakes())
    );
  }

  /** For snapshots. */
  state(): readonly { power: PowerState; waiting: boolean }[] {
    return this.#vcpus.map(({ power, waiting }) => ({ power, waiting }));
  }

  #begin(number: number, { entry, context }: { entry: bigint; context: bigint }): void {
    const vcpu = this.#vcpus[number];
    this.#options.select(number);
    this.#options.core(number).start(entry, context);
    vcpu.begin = undefined;
    vcpu.power = "on";
  }
}

/**
 * The vCPUs of a machine as something that can be on, off, or waiting, and the order in which they
 * get their turns. Firmware reaches it as {@linkcode Lifecycle}. A slice is a vCPU's turn in the sense
 * of {@linkcode CpuModel}: it begins none while it is paused or the world is stopped.
 */
import { hex, TraceLevel, type Tracer } from "../config/trace.ts";
import { CpuModel } from "../vcpu/cpu_model/cpu_model.ts";
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
  /** Ends a sleep of the run loop. @default nothing */
  readonly wake?: () => void;
  /** Tells what becomes of the vCPUs. @default nobody is told */
  readonly tracer?: Tracer;
}

interface Vcpu {
  power: PowerState;
  waiting: boolean;
}

export class Vcpus implements Lifecycle {
  readonly #options: VcpusOptions;
  readonly #vcpus: Vcpu[];
  /** Power, pauses and resets of each vCPU; for those who stop the world. */
  readonly models: readonly CpuModel[];
  #last: number;

  constructor(options: VcpusOptions) {
    this.#options = options;
    this.#vcpus = Array.from(
      { length: options.count },
      (): Vcpu => ({ power: "off", waiting: false }),
    );
    this.models = this.#vcpus.map((_, id) =>
      new CpuModel({ id, recall: () => options.requestExit() })
    );
    for (const model of this.models) model.request("off", "vmm", true);
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
    this.models[vcpu].reset({ entry, context });
    this.models[vcpu].request("off", "vmm", false);
    this.#tell("on", { vcpu, entry: hex(entry) });
  }

  turnOff(vcpu: number): void {
    const target = this.#vcpus[vcpu];
    if (target === undefined) return;
    target.power = "off";
    this.models[vcpu].takeReset();
    this.models[vcpu].request("off", "vmm", true);
    this.#tell("off", { vcpu });
  }

  suspend(vcpu: number, entry?: bigint, context?: bigint): void {
    const target = this.#vcpus[vcpu];
    if (target === undefined) return;
    target.waiting = true;
    if (entry !== undefined) this.models[vcpu].reset({ entry, context: context ?? 0n });
    this.#tell("suspend", { vcpu, ...(entry !== undefined && { entry: hex(entry) }) });
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
    this.#vcpus.forEach((vcpu, number) => {
      vcpu.power = "off";
      vcpu.waiting = false;
      this.models[number].takeReset();
      this.models[number].request("off", "vmm", true);
    });
    this.#last = this.#vcpus.length - 1;
    this.turnOn(0, entry, context);
  }

  /** A vCPU has executed an instruction that waits for an interrupt or event. */
  wait(vcpu: number): void {
    const target = this.#vcpus[vcpu];
    if (target === undefined) return;
    // With an entry point set it is suspend() that made it wait.
    target.waiting = true;
    this.#tell("wait", { vcpu }, TraceLevel.detailed);
  }

  /** The vCPU whose turn it is, in a state to run; -1 if all are off, paused or wait. */
  next(): number {
    const count = this.#vcpus.length;
    for (let i = 1; i <= count; i++) {
      const number = (this.#last + i) % count;
      if (!this.#ready(number) || !this.models[number].tryBeginEmulation()) continue;
      this.#last = number;
      this.#prepare(number);
      return number;
    }
    return -1;
  }

  /** Something has changed from outside that may let a vCPU run. */
  changed(): void {
    this.#options.wake?.();
  }

  /** Ends the turn that {@linkcode Vcpus.next} gave. */
  endTurn(vcpu: number): void {
    this.models[vcpu].endEmulation();
  }

  /**
   * Makes a vCPU ready for single instructions in a stopped world, without a turn; false if it is off
   * or waits.
   */
  prepareStep(vcpu: number): boolean {
    if (!this.#ready(vcpu)) return false;
    this.#prepare(vcpu);
    return true;
  }

  /** Whether it could run, were it not paused. */
  #ready(number: number): boolean {
    const { power, waiting } = this.#vcpus[number];
    return power !== "off" && (!waiting || this.#options.core(number).wakes());
  }

  #prepare(number: number): void {
    const vcpu = this.#vcpus[number];
    if (vcpu.waiting) {
      vcpu.waiting = false;
      this.#tell("wake", { vcpu: number }, TraceLevel.detailed);
    }
    const boot = this.models[number].takeReset();
    if (boot === undefined) return;
    this.#options.select(number);
    this.#options.core(number).start(boot.entry, boot.context);
    vcpu.power = "on";
    this.#tell("begin", { vcpu: number, entry: hex(boot.entry) });
  }

  /** Whether another vCPU than `vcpu` could run now. */
  othersRun(vcpu: number): boolean {
    return this.#vcpus.some((_, number) => number !== vcpu && this.#ready(number));
  }

  /** For snapshots. */
  state(): readonly { power: PowerState; waiting: boolean }[] {
    return this.#vcpus.map(({ power, waiting }) => ({ power, waiting }));
  }

  #tell(
    event: string,
    fields: { readonly vcpu: number; readonly entry?: string },
    level: TraceLevel = TraceLevel.condensed,
  ): void {
    const { tracer } = this.#options;
    if (tracer !== undefined && tracer.level >= level) tracer.emit(event, fields);
  }
}

/**
 * Looking into a machine, and holding it, from the host: stop the world, read registers and memory,
 * single steps, traps. It asks as the second requestor (VMI) beside the machine itself, so it neither
 * ends the guest's own power states and the machine's pauses, nor is ended by them.
 */
import { AddressSpace } from "../devices/simple_as/address_space.ts";
import { PagePermission } from "../devices/simple_as/page_permission.ts";
import type { GuestMemory } from "../engine/guest_memory.ts";
import { PAGE_SIZE } from "../engine/memory_map.ts";
import type { CpuFeatureName } from "../vcpu/cpu_model/features.ts";
import type { CpuStateName } from "../vcpu/cpu_model/cpu_state.ts";
import type { RegisterDump } from "../vcpu/register_dump.ts";
import type { VcpuRoundup } from "../vcpu/vcpu_roundup/vcpu_roundup.ts";
import type { PowerState } from "../vcpu/lifecycle/lifecycle.ts";
import type { Vcpus } from "./vcpus.ts";

/** What a trap tells. Register values and arguments are those of the moment before. */
export type Trap =
  /** HVC or SMC that reaches the firmware: X0 to X7. */
  | { readonly kind: "hypercall"; readonly vcpu: number; readonly args: readonly bigint[] }
  /** A write of a register that controls translation, those that HCR_EL2.TVM names. */
  | {
    readonly kind: "register";
    readonly vcpu: number;
    readonly register: string;
    readonly value: bigint;
  }
  /** An instruction was executed, or an exception taken in its place. */
  | { readonly kind: "step"; readonly vcpu: number };

/** What {@linkcode Debugger.trap} tells. */
export interface TrapOptions {
  /** Numbers of the vCPUs to tell of. @default all vCPUs */
  readonly vcpus?: readonly number[];
  /** Firmware calls. @default false */
  readonly hypercalls?: boolean;
  /** Writes of registers that control translation. @default false */
  readonly registers?: boolean;
  /** Every instruction; the vCPU is then some thousand times slower. @default false */
  readonly steps?: boolean;
}

/** A machine that stands still. */
export interface StoppedMachine extends AsyncDisposable {
  /** Lets it go on, unless others hold it, too; resolves when it does. Again does nothing. */
  resume(): Promise<void>;
}

const KINDS: readonly Trap["kind"][] = ["hypercall", "register", "step"];
/** What traps ask of a vCPU. */
const FEATURES: Readonly<Record<Trap["kind"], CpuFeatureName>> = {
  hypercall: "hypercall-trap",
  register: "register-trap",
  step: "single-step",
};

/** What a {@linkcode Debugger} works on. */
export interface DebuggerParts {
  readonly vcpus: Vcpus;
  readonly roundup: VcpuRoundup;
  readonly ram: GuestMemory;
  /** Whether guest code has called the host, which has not returned yet. */
  readonly inSlice: () => boolean;
  readonly registers: (vcpu: number) => RegisterDump;
  /** Executes one instruction of a vCPU. */
  readonly step: (vcpu: number) => void;
  /** Has a vCPU tell each instruction, or no longer. */
  readonly observeSteps: (vcpu: number, callback: (() => void) | undefined) => void;
}

/**
 * The debugger of a machine.
 *
 * @example
 * ```ts ignore
 * const stopped = await vm.debugger.stop();
 * const before = vm.debugger.registers(0).pc;
 * vm.debugger.step(0);
 * console.log(before, vm.debugger.registers(0).pc);
 * await stopped.resume();
 * ```
 */
export class Debugger {
  /** Guest-physical RAM, to be read and written; code that is overwritten is executed anew. */
  readonly memory: AddressSpace = new AddressSpace();
  readonly #parts: DebuggerParts;
  readonly #traps = new Map<(trap: Trap) => void, TrapOptions>();

  /** Made by the machine. */
  constructor(parts: DebuggerParts) {
    this.#parts = parts;
    const { ram } = parts;
    const rights = { guest: PagePermission.all, host: PagePermission.all };
    const written = (address: number, length: number): void => ram.written(address, length);
    this.memory.add({ base: ram.base, bytes: ram.bytes, ...rights, written });
  }

  /**
   * Stops all vCPUs and guest time. When the result resolves, no guest code runs until `resume`; the
   * machine's own pauses and other calls share the stopped world. With `exclusive` the caller has it
   * alone: it waits until the others have resumed, and they wait for it.
   */
  async stop(options: { readonly exclusive?: boolean } = {}): Promise<StoppedMachine> {
    const { roundup } = this.#parts;
    const world = await (options.exclusive === true ? roundup.exclusive() : roundup.parallel());
    const resume = (): Promise<void> => world.resume();
    return { resume, [Symbol.asyncDispose]: resume };
  }

  /** One vCPU gets no turns until {@linkcode Debugger.resumeVcpu}; the others go on, and so does time. */
  pauseVcpu(vcpu: number): void {
    this.#model(vcpu).request("off", "vmi", true);
  }

  /** Ends {@linkcode Debugger.pauseVcpu}. */
  resumeVcpu(vcpu: number): void {
    this.#model(vcpu).request("off", "vmi", false);
    this.#parts.vcpus.changed();
  }

  /** Whether a vCPU has its turn, and whether the guest has switched it on. */
  state(vcpu: number): { readonly state: CpuStateName; readonly power: PowerState } {
    return { state: this.#model(vcpu).state, power: this.#parts.vcpus.powerState(vcpu) };
  }

  /**
   * All registers of a vCPU. From within a trap those of the trapping vCPU only.
   *
   * @throws {Error} if guest code of another vCPU is under way.
   */
  registers(vcpu: number): RegisterDump {
    this.#checkReachable(vcpu);
    return this.#parts.registers(vcpu);
  }

  /**
   * Executes one instruction of a vCPU in the stopped world, or takes the exception that is due.
   * False if the vCPU is off or waits for an interrupt: then nothing happens.
   *
   * @throws {Error} if the world is not stopped.
   */
  step(vcpu: number): boolean {
    this.#model(vcpu);
    const { vcpus, roundup, inSlice, step } = this.#parts;
    if (!roundup.active || inSlice()) throw new Error("stop the machine before you step");
    if (!vcpus.prepareStep(vcpu)) return false;
    step(vcpu);
    return true;
  }

  /**
   * Switches the log of dirty pages on, with all pages clean, or off. While it is on, a page's first
   * store after each {@linkcode Debugger.takeDirtyPages} is slow; while it is off, it costs nothing.
   */
  logDirtyPages(on: boolean): void {
    this.#parts.ram.logDirtyPages(on);
  }

  /**
   * Guest-physical addresses of the 4 KiB pages of RAM that guest or devices have written since the
   * log was switched on or this was last called, in rising order.
   */
  takeDirtyPages(): number[] {
    const { ram } = this.#parts;
    return Array.from(ram.takeDirtyPages(), (page) => ram.base + page * PAGE_SIZE);
  }

  /**
   * Calls back when a vCPU does what `options` name, in the middle of its turn: the callback may read
   * its registers, and stop or pause the machine, which then takes effect before its next slice. The
   * result ends it.
   */
  trap(options: TrapOptions, callback: (trap: Trap) => void): () => void {
    for (const vcpu of options.vcpus ?? []) this.#model(vcpu);
    const handler = (trap: Trap): void => callback(trap);
    this.#traps.set(handler, options);
    this.#request();
    return () => {
      this.#traps.delete(handler);
      this.#request();
    };
  }

  /** By the machine: tells a trap that a vCPU's features ask for. */
  tell(trap: Trap): void {
    for (const [callback, options] of this.#traps) {
      if (wants(options, trap.kind, trap.vcpu)) callback(trap);
    }
  }

  /** By the machine: whether a vCPU has to tell. */
  wants(kind: Trap["kind"], vcpu: number): boolean {
    return this.#parts.vcpus.models[vcpu].feature(FEATURES[kind]).enabled;
  }

  /** Puts what the traps want into the features of the vCPUs. */
  #request(): void {
    for (const model of this.#parts.vcpus.models) {
      const any = (kind: Trap["kind"]): boolean =>
        [...this.#traps.values()].some((options) => wants(options, kind, model.id));
      for (const kind of KINDS) model.request(FEATURES[kind], "vmi", any(kind));
      this.#parts.observeSteps(
        model.id,
        any("step") ? () => this.tell({ kind: "step", vcpu: model.id }) : undefined,
      );
    }
  }

  #model(vcpu: number): Vcpus["models"][number] {
    const model = this.#parts.vcpus.models[vcpu];
    if (model === undefined) throw new RangeError(`there is no vCPU ${vcpu}`);
    return model;
  }

  #checkReachable(vcpu: number): void {
    if (this.#parts.inSlice() && !this.#model(vcpu).emulating) {
      throw new Error(`another vCPU is running: stop the machine to look at vCPU ${vcpu}`);
    }
    this.#model(vcpu);
  }
}

function wants(options: TrapOptions, kind: Trap["kind"], vcpu: number): boolean {
  if (options.vcpus !== undefined && !options.vcpus.includes(vcpu)) return false;
  const { hypercalls = false, registers = false, steps = false } = options;
  return kind === "hypercall" ? hypercalls : kind === "register" ? registers : steps;
}

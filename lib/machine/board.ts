/** What a machine asks of its board: the part that depends on the architecture of the guest. */
import type { Fdt } from "../boot/fdt.ts";
import type { FirmwareStatistics } from "../devices/firmware/firmware.ts";
import type { RegisterBus } from "../devices/msr/register_bus.ts";
import type { Bus } from "../devices/vbus/bus.ts";
import type { VirtioMmio } from "../devices/virtio/mmio.ts";
import type { Uart } from "../devices/vuart/uart.ts";
import type { Engine, SliceResult } from "../engine/engine.ts";
import type { Clock } from "../platform/platform.ts";
import type { BootParameters } from "../vcpu/cpu_model/cpu_model.ts";
import type { Lifecycle } from "../vcpu/lifecycle/lifecycle.ts";
import type { RegisterDump } from "../vcpu/register_dump.ts";
import type { VcpuCore } from "./vcpus.ts";
import type { VirtioParts } from "./virtio_devices.ts";

/** A vCPU as the machine sees it. */
export interface BoardCpu extends VcpuCore {
  /** While it is set, instructions run one by one, and it is called after each. For debuggers. */
  onStep: (() => void) | undefined;
}

/** A board with its vCPUs, devices and engine; a kernel is loaded by {@linkcode Board.load}. */
export interface Board {
  /** Executes guest code. */
  readonly engine: Engine;
  /** Devices by guest-physical address. */
  readonly bus: Bus;
  /** Devices by I/O port, where the architecture has these. */
  readonly ports?: Bus;
  /** System registers that devices answer. */
  readonly registers: RegisterBus;
  readonly cpus: readonly BoardCpu[];
  /** The serial line. */
  readonly uart: Uart;
  readonly powerButton: { press(): void };
  /** In the order of the configuration. */
  readonly virtio: readonly VirtioMmio[];
  /** Firmware calls so far, where the host answers any. */
  readonly firmwareStatistics?: FirmwareStatistics;
  /** The device tree that the kernel was given, where it gets one. */
  readonly fdt?: Fdt;
  /** Name of one of {@linkcode Board.registers}, for people. */
  registerName(id: number): string;
  /** All registers of a vCPU; it becomes the engine's current one. */
  dumpRegisters(vcpu: number): RegisterDump;
  /** Puts the kernel and what goes with it into RAM. Gives where vCPU 0 begins. Throws a BootError. */
  load(): BootParameters;
  /** Runs a vCPU for at most so many instructions. */
  run(vcpu: number, instructions: number): SliceResult;
  /** Everything but vCPUs back to power-on state; RAM stays as it is, unless the guest asked otherwise. */
  reset(): void;
  /** Lets go of timers and back ends. */
  shutdown(): void;
}

/** Who hears of what vCPUs do. */
export interface BoardTraps {
  /** A firmware call with its arguments. */
  hypercall(vcpu: number, args: readonly bigint[]): void;
  /** A write of a register that controls translation. */
  controlWrite(vcpu: number, register: string, value: bigint): void;
}

/** What a board gets from the machine. */
export interface BoardOptions extends Omit<VirtioParts, "name" | "index" | "path"> {
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  /** Fills with entropy. */
  readonly random: (into: Uint8Array) => void;
  /** An interrupt or event has come for a vCPU: it may have to run. */
  readonly wake: (vcpu: number) => void;
  /** Hears of what debuggers trap, before it is done. @default nobody hears */
  readonly traps?: BoardTraps;
  /** A device gave up on its driver. */
  readonly onFailure: (device: string, reason: string) => void;
}

/** Makes the board of a configuration whose files have been read. Throws a ConfigError or RangeError. */
export type MakeBoard = (options: BoardOptions) => Board;

/** By what guests know a vCPU: MPIDR affinity (one cluster of up to eight), APIC id. */
export function vcpuId(vcpu: number): bigint {
  return BigInt(vcpu);
}

/** What a conformance case is, and the machines it runs on. */
import type { DeviceOptions } from "../../lib/config/device_config.ts";
import type { Architecture, MachineOptions } from "../../lib/config/machine_config.ts";
import type { Machine, RunResult } from "../../lib/machine/machine.ts";

/** Keys that are typed when the serial output ends with a text. */
export interface Step {
  /** The end of the output. */
  readonly after: string;
  /** The keys. */
  readonly type: string;
}

/** Lines in which this machine is right not to print what QEMU's board prints. */
export interface Difference {
  /** Lines of QEMU's transcript, one behind the other; the first place that has them counts. */
  readonly qemu: readonly string[];
  /** What stands there instead. */
  readonly vml: readonly string[];
  /** Why that is right. */
  readonly reason: string;
}

/** A test that fails on QEMU and not here. `found`: its line of diagnostics, "" if there is none. */
export function failsOnQemu(
  number: number,
  name: string,
  found: string,
  reason: string,
): Difference {
  return {
    qemu: [`not ok ${number} - ${name}`, ...(found === "" ? [] : [`# ${found}`])],
    vml: [`ok ${number} - ${name}`],
    reason,
  };
}

/** A test that QEMU's guest skips, and this one does not. `why`: what it says there. */
export function skippedOnQemu(
  number: number,
  name: string,
  why: string,
  reason: string,
): Difference {
  return {
    qemu: [`ok ${number} - ${name} # SKIP ${why}`],
    vml: [`ok ${number} - ${name}`],
    reason,
  };
}

/** How QEMU is started for a case. */
export interface QemuSetup {
  /** QEMU's name of the CPU. @default "neoverse-n1"; x86_64: "max,la57=off" */
  readonly cpu?: string;
  /** Further properties of the board: "its=off". */
  readonly machine?: string;
  /**
   * Further arguments: the devices. `{name}` stands for the path of the file of that name, `{port}`
   * for that of the peer.
   */
  readonly arguments?: readonly string[];
  /** Contents of files that the arguments name, by name. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /**
   * Whether guest time counts instructions (`-icount shift=0,sleep=off`), as here. Not with devices
   * that wait for the host: idle time is skipped. @default true
   */
  readonly countInstructions?: boolean;
  /** What QEMU's devices are connected to. */
  readonly peer?: () => Promise<QemuPeer>;
}

/** Servers and clients at the other end of QEMU's devices. */
export interface QemuPeer {
  /** Text that stands for `{port}` and the like in the arguments. */
  readonly values?: Readonly<Record<string, string>>;
  /** To be called when QEMU has ended. */
  close(): Promise<void>;
}

/** Why a case does not run on QEMU; its transcript is written by hand or recorded here and read. */
export interface NoQemu {
  /** The reason. */
  readonly reason: string;
}

/** What a case needs of a machine, some only with the devices; {@linkcode Machine} has it. */
export type ConformanceMachine =
  & Pick<Machine, "onSerial" | "serialInput">
  & Partial<Pick<Machine, "consoles" | "port" | "vsock">>
  & AsyncDisposable
  & { run(signal?: AbortSignal): Promise<RunResult> };

/** Makes a machine for a case, with its kernel loaded: as `Machine.create`. */
export type MachineFactory = (options: MachineOptions) => Promise<ConformanceMachine>;

/** The host's side of a case, made anew for each run. */
export interface HostSide {
  /** Devices of the machine. */
  readonly devices: readonly DeviceOptions[];
  /** Called with the machine before it runs, to connect to its devices. */
  readonly attach?: (machine: ConformanceMachine) => void;
  /** Called when the guest has switched off: what is wrong on the host's side, a line each. */
  readonly check?: () => readonly string[];
}

/** A guest on a board, with the transcript that it must print. */
export interface ConformanceCase {
  /** Name of case and transcript: the guest's, and what is special: "gicv3-its". */
  readonly name: string;
  /** What it shows, in a line. */
  readonly title: string;
  /** Architecture of the guest. @default "aarch64" */
  readonly arch?: Architecture;
  /** The guest: a Linux arm64 Image, or for x86_64 an ELF program with a PVH entry. */
  readonly image: () => Uint8Array;
  /** Kernel command line: the guest's parameters. @default "" */
  readonly parameters?: string;
  /** aarch64: version of the interrupt controller. @default 3 */
  readonly gic?: 2 | 3;
  /** vCPUs. @default 1 */
  readonly cpus?: number;
  /** Guest RAM in MiB. @default 64 */
  readonly memoryMib?: number;
  /** Other settings of the machine. */
  readonly options?: Partial<MachineOptions>;
  /** Devices and what they are connected to. */
  readonly host?: () => HostSide;
  /** What is typed on the serial line. */
  readonly input?: readonly Step[];
  /** The same on QEMU. */
  readonly qemu: QemuSetup | NoQemu;
  /** Where the two may differ; each must be found in QEMU's transcript. @default [] */
  readonly differences?: readonly Difference[];
}

/** The configuration of a case's machine. */
export function machineOptions(
  test: ConformanceCase,
  devices: readonly DeviceOptions[],
): MachineOptions {
  return {
    kernel: test.image(),
    cmdline: test.parameters ?? "",
    ...(test.arch === "x86_64" ? { arch: test.arch, cpu: "max" } : { gic: test.gic ?? 3 }),
    cpus: test.cpus ?? 1,
    memory: `${test.memoryMib ?? DEFAULT_MEMORY_MIB}M`,
    devices,
    time: "virtual",
    ...test.options,
  };
}

/**
 * Cases of a guest that is built for both architectures: those of aarch64 with their names, and the same
 * for x86_64, whose names begin with "x86_64-".
 */
export function forBoth(
  images: Readonly<Record<Architecture, () => Uint8Array>>,
  cases: readonly Omit<ConformanceCase, "arch" | "image" | "gic">[],
): readonly ConformanceCase[] {
  return [
    ...cases.map((test) => ({ ...test, image: images.aarch64 })),
    ...cases.map((test) => ({
      ...test,
      name: `x86_64-${test.name}`,
      arch: "x86_64" as const,
      image: images.x86_64,
    })),
  ];
}

/** Memory of cases that name none. */
export const DEFAULT_MEMORY_MIB = 64;

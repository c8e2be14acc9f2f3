/**
 * The configuration of a machine: one object, the same in TypeScript and in YAML.
 */
import {
  checkBytes,
  checkChoice,
  checkInteger,
  checkObject,
  checkText,
  describeValue,
  type PlainObject,
} from "./checks.ts";
import { ConfigError } from "./config_error.ts";
import { checkDevices, type DeviceConfig, type DeviceOptions } from "./device_config.ts";
import { checkFwCfg, type FwCfgConfig, type FwCfgOptions } from "./fw_cfg_config.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Least memory of a guest in bytes: a kernel at offset 2 MiB and a device tree have room. */
export const MIN_MEMORY: number = 8 * MIB;
/** Most memory of a guest in bytes. */
export const MAX_MEMORY: number = 3 * GIB;
/** Most vCPUs of a machine: what a GICv2 can serve. */
export const MAX_CPUS = 8;
/** virtio-mmio slots of the boards. */
const VIRTIO_SLOTS: Readonly<Record<Architecture, number>> = { aarch64: 32, x86_64: 24 };
/** Longest kernel command line of Linux, without its end (COMMAND_LINE_SIZE of arm64 and x86). */
export const MAX_CMDLINE = 2047;

/** Architectures of guests. */
export type Architecture = "aarch64" | "x86_64";

/** What configurations of all architectures have, with every default filled in. */
export interface CommonConfig {
  /** Guest RAM in bytes, a multiple of 1 MiB. */
  readonly memory: number;
  /** Number of vCPUs, 1..8. */
  readonly cpus: number;
  /** The kernel; text is the name of a file, for programs that resolve it. */
  readonly kernel?: Uint8Array | string;
  /** Initial RAM disk. */
  readonly initrd?: Uint8Array | string;
  /** Kernel command line. */
  readonly cmdline: string;
  /** Virtio devices; a guest finds them in this order. */
  readonly devices: readonly DeviceConfig[];
  /** Whether time is the host's, or instructions counted: then every run is the same, bit by bit. */
  readonly time: "real" | "virtual";
  /** Seed of all randomness in virtual time, 0..2^32-1. */
  readonly seed: number;
  /** What a reset by the guest does: start again, or end the run. */
  readonly onReset: "restart" | "stop";
  /** Whether a panic of a Linux guest, told by its consoles, ends the run as `crash`. */
  readonly onPanic: "stop" | "continue";
}

/** A checked configuration of an AArch64 machine (board virt). */
export interface AArch64Config extends CommonConfig {
  /** Architecture of the guest. */
  readonly arch: "aarch64";
  /** Version of the interrupt controller. */
  readonly gic: 2 | 3;
  /** Files of the firmware configuration device (QEMU's fw_cfg). */
  readonly fwCfg: readonly FwCfgConfig[];
  /** The instruction that calls the firmware (PSCI). */
  readonly conduit: "hvc" | "smc";
}

/** Models of x86_64 processors: what CPUID tells. `max` is all that is implemented. */
export type X86CpuName = "qemu64" | "x86-64-v2" | "max";

/** All of these. */
export const X86_CPUS: readonly X86CpuName[] = ["qemu64", "x86-64-v2", "max"];

/** A checked configuration of an x86_64 machine (board microvm). */
export interface X86Config extends CommonConfig {
  /** Architecture of the guest. */
  readonly arch: "x86_64";
  /** Model of the processor. */
  readonly cpu: X86CpuName;
}

/** A checked configuration: every default is filled in. */
export type MachineConfig = AArch64Config | X86Config;

/** A configuration as it is written: all but the kernel may be left out, sizes may be text. */
export interface MachineOptions {
  /** Architecture of the guest. @default "aarch64" */
  readonly arch?: Architecture;
  /** Guest RAM: "512M", "3G" or bytes; at most 3 GiB. @default "512M" */
  readonly memory?: string | number;
  /** Number of vCPUs, 1..8. @default 1 */
  readonly cpus?: number;
  /** aarch64: version of the interrupt controller. @default 3 */
  readonly gic?: 2 | 3;
  /** x86_64: model of the processor. @default "x86-64-v2" */
  readonly cpu?: X86CpuName;
  /**
   * aarch64: Linux Image or an ELF program. x86_64: Linux bzImage, vmlinux, or an ELF program with a
   * PVH entry. Each plain or packed by gzip.
   */
  readonly kernel?: Uint8Array | string;
  /** Initial RAM disk. */
  readonly initrd?: Uint8Array | string;
  /** Kernel command line, at most 2047 characters. @default "" */
  readonly cmdline?: string;
  /** Virtio devices. @default [] */
  readonly devices?: readonly DeviceOptions[];
  /** aarch64: files of the firmware configuration device (QEMU's fw_cfg). @default [] */
  readonly fwCfg?: readonly FwCfgOptions[];
  /** aarch64: the instruction that calls the firmware (PSCI). @default "hvc" */
  readonly conduit?: "hvc" | "smc";
  /** The host's time, or instructions counted. @default "real" */
  readonly time?: "real" | "virtual";
  /** Seed of all randomness in virtual time, 0..2^32-1. @default 0 */
  readonly seed?: number;
  /** What a reset by the guest does. @default "restart" */
  readonly onReset?: "restart" | "stop";
  /** Whether a panic of a Linux guest, told by its consoles, ends the run as `crash`. @default "stop" */
  readonly onPanic?: "stop" | "continue";
}

/** All architectures, the default first. */
export const ARCHITECTURES: readonly Architecture[] = ["aarch64", "x86_64"];

const COMMON_KEYS: readonly (keyof CommonConfig)[] = [
  "memory",
  "cpus",
  "kernel",
  "initrd",
  "cmdline",
  "devices",
  "time",
  "seed",
  "onReset",
  "onPanic",
];
/** Settings of some architectures only. */
const OWN_KEYS: Readonly<Record<Architecture, readonly (keyof MachineOptions)[]>> = {
  aarch64: ["gic", "fwCfg", "conduit"],
  x86_64: ["cpu"],
};
const KEYS: readonly string[] = ["arch", ...COMMON_KEYS, ...Object.values(OWN_KEYS).flat()];

/**
 * Checks a configuration from anywhere and fills in the defaults. Throws a {@linkcode ConfigError}
 * that names the setting, what is wrong with it and what would be right.
 */
export function validateMachineConfig(value: unknown): MachineConfig {
  const settings = checkObject(value, "", KEYS);
  const or = (key: keyof MachineOptions, fallback: unknown): unknown => settings[key] ?? fallback;
  const arch = checkChoice(or("arch", "aarch64"), "arch", ARCHITECTURES);
  checkOwnKeys(settings, arch);
  const common = checkCommon(settings, arch);
  if (arch === "x86_64") {
    return { arch, ...common, cpu: checkChoice(or("cpu", "x86-64-v2"), "cpu", X86_CPUS) };
  }
  return {
    arch,
    ...common,
    gic: checkChoice(or("gic", 3), "gic", [2, 3]),
    fwCfg: checkFwCfg(or("fwCfg", []), "fwCfg"),
    conduit: checkChoice(or("conduit", "hvc"), "conduit", ["hvc", "smc"]),
  };
}

function checkCommon(settings: PlainObject, arch: Architecture): CommonConfig {
  const or = (key: keyof CommonConfig, fallback: unknown): unknown => settings[key] ?? fallback;
  const kernel = checkFile(settings.kernel, "kernel");
  const initrd = checkFile(settings.initrd, "initrd");
  if (initrd !== undefined && kernel === undefined) {
    throw new ConfigError(
      "conflict",
      "initrd",
      "an initrd needs a kernel; give one, or leave it out",
    );
  }
  const config: CommonConfig = {
    memory: checkMemory(or("memory", "512M")),
    cpus: checkInteger(or("cpus", 1), "cpus", 1, MAX_CPUS),
    ...(kernel !== undefined && { kernel }),
    ...(initrd !== undefined && { initrd }),
    cmdline: checkText(or("cmdline", ""), "cmdline", MAX_CMDLINE),
    devices: checkDevices(or("devices", []), "devices", VIRTIO_SLOTS[arch]),
    time: checkChoice(or("time", "real"), "time", ["real", "virtual"]),
    seed: checkInteger(or("seed", 0), "seed", 0, 2 ** 32 - 1),
    onReset: checkChoice(or("onReset", "restart"), "onReset", ["restart", "stop"]),
    onPanic: checkChoice(or("onPanic", "stop"), "onPanic", ["stop", "continue"]),
  };
  if (config.time === "virtual") checkVirtual(config.devices);
  return config;
}

/** Settings of another architecture must not be given. */
function checkOwnKeys(settings: PlainObject, arch: Architecture): void {
  for (const other of ARCHITECTURES) {
    if (other === arch) continue;
    const key = OWN_KEYS[other].find((key) =>
      settings[key] !== undefined && settings[key] !== null
    );
    if (key === undefined) continue;
    throw new ConfigError(
      "conflict",
      key,
      `machines of ${arch} do not have this; leave it out, or set arch to ${other}`,
    );
  }
}

/** In virtual time every run is the same, so nothing may come from other programs of the host. */
function checkVirtual(devices: readonly DeviceConfig[]): void {
  for (const [i, device] of devices.entries()) {
    if (device.type !== "virtio-sock") continue;
    const key = device.socket !== undefined
      ? "socket"
      : device.connect.length > 0
      ? "connect"
      : device.publish.length > 0
      ? "publish"
      : undefined;
    if (key === undefined) continue;
    throw new ConfigError(
      "conflict",
      `devices[${i}].${key}`,
      "in virtual time nothing may depend on sockets of the host; leave it out (Machine.vsock works)",
    );
  }
}

function checkMemory(value: unknown): number {
  const bytes = checkBytes(value, "memory");
  const asked = typeof value === "string" ? value : `${bytes} bytes`;
  if (bytes > MAX_MEMORY) {
    throw new ConfigError(
      "out-of-range",
      "memory",
      `${asked} are more than a guest can have; give at most 3G (the guest's memory lies in one 4 GiB WebAssembly memory)`,
    );
  }
  if (bytes < MIN_MEMORY) {
    throw new ConfigError(
      "out-of-range",
      "memory",
      `${asked} are too little; give at least 8M (a bare number counts bytes)`,
    );
  }
  if (bytes % MIB !== 0) {
    throw new ConfigError("out-of-range", "memory", `${asked} are not a whole number of MiB`);
  }
  return bytes;
}

function checkFile(value: unknown, path: string): Uint8Array | string | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string" && value !== "") return value;
  throw new ConfigError(
    "wrong-type",
    path,
    `expected a file's bytes (Uint8Array) or name, found ${describeValue(value)}`,
  );
}

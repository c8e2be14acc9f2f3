import { ARCHITECTURES, type MachineOptions, X86_CPUS } from "../lib/config/machine_config.ts";
import { ConfigError } from "../lib/config/config_error.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { parseDevice, parseDisk, resolveDeviceFiles } from "./device_options.ts";
import { UsageError } from "./errors.ts";
import { FW_CFG_OPTION, parseFwCfg } from "./fw_cfg_options.ts";
import { type MachineFile, readMachineFile } from "./machine_file.ts";
import { captureCard, NET_OPTIONS, netSettings, readNetOptions } from "./net_options.ts";

/** Options that describe the machine; they prevail over those of a machine file. */
export const MACHINE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "arch",
    value: "ARCH",
    choices: [...ARCHITECTURES],
    help: "Architecture of the guest; aarch64 if not given.",
  },
  {
    name: "kernel",
    short: "k",
    value: "FILE",
    help:
      "Linux Image (aarch64), bzImage or vmlinux (x86_64), also packed by gzip; or a program in ELF.",
  },
  { name: "initrd", value: "FILE", help: "Initial RAM disk." },
  { name: "append", value: "TEXT", help: "Kernel command line." },
  { name: "memory", short: "m", value: "SIZE", help: "Guest memory, 8M to 3G; 512M if not given." },
  { name: "cpus", value: "N", help: "Number of vCPUs, 1 to 8; 1 if not given." },
  {
    name: "gic",
    value: "VERSION",
    choices: ["2", "3"],
    help: "aarch64: interrupt controller; 3 if not given.",
  },
  {
    name: "cpu",
    value: "MODEL",
    choices: [...X86_CPUS],
    help: "x86_64: what CPUID tells; x86-64-v2 if not given.",
  },
  {
    name: "disk",
    value: "FILE[,SETTING]",
    multiple: true,
    help: "Raw disk image on a virtio-block device; settings below.",
  },
  ...NET_OPTIONS,
  {
    name: "device",
    value: "TYPE",
    choices: ["virtio-console", "virtio-rng", "virtio-sock"],
    settings: "SETTING=VALUE",
    multiple: true,
    help: "Another device; settings below.",
  },
  FW_CFG_OPTION,
  {
    name: "conduit",
    value: "INSTRUCTION",
    choices: ["hvc", "smc"],
    help: "aarch64: what calls the firmware (PSCI); hvc if not given.",
  },
  { name: "virtual-time", help: "Counts instructions as time: every run is the same." },
  { name: "seed", value: "N", help: "Seed of all randomness in virtual time; 0 if not given." },
  { name: "no-reboot", help: "Ends the run when the guest asks for a reset." },
  {
    name: "on-panic",
    value: "WHAT",
    choices: ["stop", "continue"],
    help: "When a Linux kernel says that it panicked: stop, with exit code 1, if not given.",
  },
];

/** The settings of disks and devices, for the help of commands that take {@linkcode MACHINE_OPTIONS}. */
export const DEVICE_NOTES = `Settings of --disk:
  readonly        The guest cannot write.
  overlay=FILE    Writes go to this file, which is made if there is none; the disk image stays as it
                  is. overlay=memory: to memory, up to 1 GiB, and are lost at the end.
  queues=N        Request queues, 1 to 8; guests use one per vCPU. 1 if not given.
  id=TEXT         Serial number, up to 20 characters.

Settings of --device:
  virtio-console  columns=N, rows=N: the terminal's size; port=NAME or port=NAME=FILE, several times:
                  further ports (/dev/virtio-ports/NAME in Linux), whose output goes to the file.
  virtio-sock     cid=N: the guest's context id, 3 if not given. socket=PATH: a unix socket that leads
                  to any port of the guest (write "CONNECT PORT", a line); PATH_N gets what the guest
                  connects to port N. connect=PORT=ADDRESS: where a port of the host leads.
                  publish=ADDRESS=PORT: an address of the host that leads to a port of the guest.
                  An ADDRESS is tcp:HOST:PORT or unix:PATH.
  all             packed=on: offer queues in the packed format; guests use it if they know it.`;

/** What a machine is made of, and where each setting came from. */
export interface MachineRequest {
  /** Settings by the names of the configuration, unchecked; files by name. */
  readonly value: Record<string, unknown>;
  /** "--memory", or "machine.yaml:3: memory". */
  where(path: string): string;
}

/** Joins machine file and options. Throws a UsageError. */
export async function readMachineRequest(args: Arguments): Promise<MachineRequest> {
  const path = args.positionals[0];
  const file = path === undefined ? undefined : await readMachineFile(path);
  const value: Record<string, unknown> = file === undefined ? {} : settingsOf(file);
  const origins = new Map<string, string>();
  const set = (key: keyof MachineOptions, option: string, setting: unknown): void => {
    value[key] = setting;
    origins.set(key, `--${option}`);
  };
  for (const [option, key] of SIMPLE_OPTIONS) {
    const given = args.get(option);
    if (given !== undefined) set(key, option, given);
  }
  if (args.has("virtual-time")) set("time", "virtual-time", "virtual");
  if (args.has("no-reboot")) set("onReset", "no-reboot", "stop");
  const devices = [
    ...args.all("disk").map((text) => ["disk", parseDisk(text)] as const),
    ...readNetOptions(args),
    ...args.all("device").map((text) => ["device", parseDevice(text)] as const),
  ];
  if (devices.length > 0) {
    // A wrong list is left as it is, for the check of the whole.
    const before: unknown[] = Array.isArray(value.devices) ? value.devices : [];
    if (value.devices === undefined || value.devices === null || Array.isArray(value.devices)) {
      value.devices = [...before, ...devices.map(([, device]) => device)];
    }
    for (const [i, [option, device]] of devices.entries()) {
      const path = `devices[${before.length + i}]`;
      origins.set(path, `--${option}`);
      if (option !== "net") continue;
      for (const setting of netSettings(device)) {
        origins.set(`${path}.${setting}`, `--net: ${setting.replace(/^backend\./, "")}`);
      }
    }
  }
  addFwCfg(value, args.all("fw-cfg"), origins);
  const capture = args.get("capture");
  if (capture !== undefined) {
    const index = captureCard(value, capture);
    origins.set(`devices[${index}].capture`, "--capture");
  }
  return {
    value,
    where(setting) {
      for (let at = setting; at !== ""; at = at.replace(/(^|[.[])[^.[]*$/, "")) {
        const origin = origins.get(at);
        if (origin !== undefined) return origin;
      }
      return file === undefined ? setting : file.where(setting);
    },
  };
}

/** Adds the files of --fw-cfg to those of the machine file. */
function addFwCfg(
  value: Record<string, unknown>,
  options: readonly string[],
  origins: Map<string, string>,
): void {
  if (options.length === 0) return;
  // A wrong list is left as it is, for the check of the whole.
  const before = value.fwCfg ?? [];
  if (!Array.isArray(before)) return;
  value.fwCfg = [...before, ...options.map(parseFwCfg)];
  if (before.length === 0) origins.set("fwCfg", "--fw-cfg");
  options.forEach((_, i) => origins.set(`fwCfg[${before.length + i}]`, "--fw-cfg"));
}

/** Options whose value is the setting's. */
const SIMPLE_OPTIONS: readonly (readonly [string, keyof MachineOptions])[] = [
  ["arch", "arch"],
  ["kernel", "kernel"],
  ["initrd", "initrd"],
  ["append", "cmdline"],
  ["memory", "memory"],
  ["cpus", "cpus"],
  ["gic", "gic"],
  ["cpu", "cpu"],
  ["conduit", "conduit"],
  ["seed", "seed"],
  ["on-panic", "onPanic"],
];

/** One line for a ConfigError, with the option or line that caused it. */
export function describeConfigError(request: MachineRequest, error: ConfigError): UsageError {
  const prefix = `${error.path}: `;
  const text = error.path !== "" && error.message.startsWith(prefix)
    ? error.message.slice(prefix.length)
    : error.message;
  const where = request.where(error.path);
  return new UsageError(where === "" ? text : `${where}: ${text}`);
}

/** The settings of a file, in which file names are relative to it. */
function settingsOf(file: MachineFile): Record<string, unknown> {
  const value = { ...file.value };
  const resolve = (path: unknown): unknown =>
    typeof path === "string" && path !== "" ? file.resolve(path) : path;
  if ("kernel" in value) value.kernel = resolve(value.kernel);
  if ("initrd" in value) value.initrd = resolve(value.initrd);
  if (Array.isArray(value.fwCfg)) {
    value.fwCfg = value.fwCfg.map((entry: unknown) =>
      typeof entry === "object" && entry !== null && "file" in entry
        ? { ...entry, file: resolve(entry.file) }
        : entry
    );
  }
  if (Array.isArray(value.devices)) {
    value.devices = value.devices.map((device: unknown) =>
      resolveDeviceFiles(device, (path) => file.resolve(path))
    );
  }
  return value;
}

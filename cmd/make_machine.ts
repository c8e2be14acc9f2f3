import { BootError } from "../lib/boot/boot_error.ts";
import { ConfigError } from "../lib/config/config_error.ts";
import {
  type Architecture,
  type MachineConfig,
  validateMachineConfig,
} from "../lib/config/machine_config.ts";
import type { Machine } from "../lib/machine/machine.ts";
import { overlayFileSize } from "../lib/machine/overlay_store.ts";
import type { BlockFile, Platform } from "../lib/platform/platform.ts";
import { openBlockFile } from "../platform/block_file.ts";
import { fileReason, UsageError } from "./errors.ts";
import { readInput } from "./files.ts";
import { openCapture } from "./capture_file.ts";
import { describeConfigError, type MachineRequest } from "./run_options.ts";

/** Gives a kernel for an architecture. */
export type KernelOf = (arch: Architecture) => Uint8Array;

/**
 * Makes a machine with all its files. Throws a UsageError that names the option or line at fault.
 * @param opened files that were opened are put here, also when the machine cannot be made.
 * @param kernel what is booted when the request names none.
 */
export async function makeMachine(
  request: MachineRequest,
  opened: Closable[],
  platform: Platform,
  kernel: KernelOf,
): Promise<Machine> {
  let config: MachineConfig | undefined;
  try {
    const checked = validateMachineConfig(request.value);
    config = openCaptures(
      await resolveFiles(checked, request, opened, kernel),
      request,
      opened,
      platform,
    );
    // Loaded when everything else is right: the engine's tables take their time.
    const { Machine } = await import("../lib/machine/machine.ts");
    return await Machine.create(config, { platform });
  } catch (error) {
    if (error instanceof ConfigError) throw describeConfigError(request, error);
    if (error instanceof BootError) throw describeBootError(request, error);
    if (error instanceof RangeError && config !== undefined) {
      throw new UsageError(
        `${request.where("memory")}: the host does not give ${
          config.memory / 2 ** 20
        } MiB; give less (${error.message})`,
      );
    }
    throw error;
  }
}

/** A file of a machine. */
export interface Closable {
  /** Writes what is left and lets go. */
  close(): Promise<void>;
}

/** Opens the capture files of network cards. */
function openCaptures(
  config: MachineConfig,
  request: MachineRequest,
  opened: Closable[],
  platform: Platform,
): MachineConfig {
  const devices = config.devices.map((device, i) => {
    if (device.type !== "virtio-net" || typeof device.capture !== "string") return device;
    const file = openCapture(request.where(`devices[${i}].capture`), device.capture, platform);
    opened.push(file);
    return { ...device, capture: (bytes: Uint8Array) => file.write(bytes) };
  });
  return { ...config, devices };
}

/** Reads kernel, initrd and the files of fw_cfg, and opens the disks. */
async function resolveFiles(
  config: MachineConfig,
  request: MachineRequest,
  disks: Closable[],
  otherKernel: KernelOf,
): Promise<MachineConfig> {
  const read = async (key: "kernel" | "initrd"): Promise<Uint8Array | undefined> => {
    const file = config[key];
    return typeof file === "string" ? await readInput(request.where(key), file) : file;
  };
  const kernel = await read("kernel");
  const initrd = await read("initrd");
  const fwCfg = [];
  for (const [i, { name, file }] of (config.arch === "aarch64" ? config.fwCfg : []).entries()) {
    const where = request.where(`fwCfg[${i}].file`);
    fwCfg.push({ name, file: typeof file === "string" ? await readInput(where, file) : file });
  }
  const devices = [];
  for (const [i, device] of config.devices.entries()) {
    if (device.type !== "virtio-block" || typeof device.file !== "string") {
      devices.push(device);
      continue;
    }
    const { overlay } = device;
    const where = request.where(`devices[${i}].file`);
    // With an overlay the disk itself is only read.
    const disk = await openDisk(where, device.file, device.readOnly || overlay !== undefined);
    disks.push(disk);
    if (typeof overlay !== "string" || overlay === "memory") {
      devices.push({ ...device, file: disk });
      continue;
    }
    const place = request.where(`devices[${i}].overlay`);
    const changes = await openDisk(place, overlay, false, overlayFileSize(disk.size));
    disks.push(changes);
    devices.push({ ...device, file: disk, overlay: changes });
  }
  const files = {
    kernel: kernel ?? otherKernel(config.arch),
    ...(initrd !== undefined && { initrd }),
    devices,
  };
  return config.arch === "aarch64" ? { ...config, ...files, fwCfg } : { ...config, ...files };
}

/** @param create bytes of a file that is made if there is none. */
async function openDisk(
  where: string,
  path: string,
  readOnly: boolean,
  create?: number,
): Promise<BlockFile> {
  try {
    return await openBlockFile(path, { readOnly, ...(create !== undefined && { create }) });
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    const protectedFile = ["EACCES", "EPERM", "EROFS", "ETXTBSY"].includes(code) && !readOnly;
    const remedy = !protectedFile
      ? ""
      : where.startsWith("--")
      ? `; write ${path},readonly to only read it`
      : "; set readOnly: true to only read it";
    throw new UsageError(
      `${where}: cannot open ${path}${readOnly ? "" : " for writing"}: ${
        fileReason(error)
      }${remedy}`,
    );
  }
}

/** One line for a BootError, with the option or line, and the file, that caused it. */
function describeBootError(request: MachineRequest, error: BootError): UsageError {
  const [, key, text] = /^(kernel|initrd|memory): (.*)$/s.exec(error.message) ??
    ["", "", error.message];
  const file = key === "" ? undefined : request.value[key];
  const name = typeof file === "string" && key !== "memory" ? `${file}: ` : "";
  return new UsageError(key === "" ? text : `${request.where(key)}: ${name}${text}`);
}

/** Makes the virtio devices that a configuration names. */
import type { DeviceConfig } from "../config/device_config.ts";
import { ConfigError } from "../config/config_error.ts";
import { VirtioBlock } from "../devices/virtio_block/virtio_block.ts";
import type { VirtioDevice } from "../devices/virtio/device.ts";
import type { Clock } from "../platform/platform.ts";
import { type DiskHost, MachineDisk, MemoryDisk } from "./disk.ts";

/** What devices get from the board. */
export interface VirtioParts {
  /** For people: "virtio-net.0". */
  readonly name: string;
  readonly clock: Clock;
  /** Whether the clock's time is virtual. */
  readonly virtual: boolean;
  readonly host: DiskHost;
  /** Fills with entropy. */
  readonly random: (into: Uint8Array) => void;
  /** Hears of failures of back ends. */
  readonly onFailure: (device: string, reason: string) => void;
}

/** Makes a device. Throws a ConfigError if its file has not been opened. */
export function makeVirtioDevice(config: DeviceConfig, parts: VirtioParts): VirtioDevice {
  switch (config.type) {
    case "virtio-block":
      return makeBlock(config, parts);
    default:
      throw new ConfigError("unknown-value", "devices", `${config.type} is not there yet`);
  }
}

function makeBlock(
  config: Extract<DeviceConfig, { type: "virtio-block" }>,
  { name, clock, virtual, host, onFailure }: VirtioParts,
): VirtioDevice {
  const { file, readOnly, id } = config;
  if (typeof file === "string") {
    throw new ConfigError(
      "wrong-type",
      "devices",
      `"${file}" is the name of a file; open it first (openBlockFile of a platform) or give its bytes`,
    );
  }
  const opened = file instanceof Uint8Array ? new MemoryDisk(file, readOnly) : file;
  return new VirtioBlock(new MachineDisk(opened, host, virtual ? clock : undefined), {
    name,
    readOnly,
    ...(id !== undefined && { serial: id }),
    onError: (error) => onFailure(name, error instanceof Error ? error.message : String(error)),
  });
}

/** The `devices` of a machine's configuration. */
import type { BlockFile } from "../platform/platform.ts";
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkText,
  describeValue,
  suggest,
} from "./checks.ts";
import { ConfigError } from "./config_error.ts";
import { checkConsole, type ConsoleConfig, type ConsoleOptions } from "./console_config.ts";
import { checkNet, type NetConfig, type NetOptions } from "./net_config.ts";
import { checkQueues, type QueueConfig } from "./queue_config.ts";
import { checkSock, type SockConfig, type SockOptions } from "./sock_config.ts";

/** A disk (virtio 1.2, 5.2). */
export interface BlockConfig {
  /** A disk. */
  readonly type: "virtio-block";
  /** The disk: a file opened by a platform, bytes in memory, or (in YAML) the name of a file. */
  readonly file: BlockFile | Uint8Array | string;
  /** Whether writes are refused. @default false */
  readonly readOnly: boolean;
  /**
   * Where writes go instead of the disk, which stays as it is: "memory" (up to 1 GiB, lost at the
   * end), an overlay file opened by a platform, or (in YAML) the name of one.
   */
  readonly overlay?: BlockFile | string;
  /** Request queues, 1..8; guests use one per vCPU. @default 1 */
  readonly queues: number;
  /** Serial number that the guest sees, at most 20 characters. */
  readonly id?: string;
}

/** A source of entropy (virtio 1.2, 5.4). */
export interface RngConfig {
  /** A source of entropy. */
  readonly type: "virtio-rng";
}

/** A device of a checked configuration. */
export type DeviceConfig =
  & (NetConfig | BlockConfig | ConsoleConfig | RngConfig | SockConfig)
  & QueueConfig;
/** Names of devices. */
export type DeviceType = DeviceConfig["type"];

/** A disk as it is written. */
export type BlockOptions = Partial<BlockConfig> & Pick<BlockConfig, "type" | "file">;
/** A device as it is written: its settings, or its name alone. */
export type DeviceOptions =
  | DeviceType
  | ((NetOptions | BlockOptions | ConsoleOptions | RngConfig | SockOptions) & QueueConfig);

const DEVICES: { readonly [T in DeviceType]: (value: unknown, path: string) => DeviceConfig } = {
  "virtio-net": checkNet,
  "virtio-block": checkBlock,
  "virtio-console": checkConsole,
  "virtio-rng": (value, path) => {
    checkObject(value, path, ["type"]);
    return { type: "virtio-rng" };
  },
  "virtio-sock": checkSock,
};

/** Most request queues of a disk: one per vCPU. */
const MAX_BLOCK_QUEUES = 8;

/** Checks the list of devices, for a board with so many virtio-mmio slots. Throws a ConfigError. */
export function checkDevices(
  value: unknown,
  path: string,
  slots: number,
): readonly DeviceConfig[] {
  if (!Array.isArray(value)) {
    throw new ConfigError("wrong-type", path, `expected a list, found ${describeValue(value)}`);
  }
  if (value.length > slots) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value.length} devices are too many; the board has ${slots} slots`,
    );
  }
  const devices = value.map((device, i) => checkDevice(device, `${path}[${i}]`));
  checkTogether(devices, path);
  return devices;
}

/** What no device can see by itself. */
function checkTogether(devices: readonly DeviceConfig[], path: string): void {
  const names = new Set<string>();
  let sock = -1;
  for (const [i, device] of devices.entries()) {
    if (device.type === "virtio-sock") {
      if (sock >= 0) {
        throw new ConfigError(
          "conflict",
          `${path}[${i}]`,
          `a guest has one virtio-sock; ${path}[${sock}] is one already`,
        );
      }
      sock = i;
    }
    if (device.type !== "virtio-console") continue;
    for (const [j, { name }] of (device.ports ?? []).entries()) {
      if (names.has(name)) {
        throw new ConfigError(
          "conflict",
          `${path}[${i}].ports[${j}].name`,
          `another port is named "${name}"`,
        );
      }
      names.add(name);
    }
  }
}

function checkDevice(value: unknown, path: string): DeviceConfig {
  // A bare name is a device with its defaults.
  const settings: unknown = typeof value === "string" ? { type: value } : value;
  const types = Object.keys(DEVICES) as DeviceType[];
  const type = typeof settings === "object" && settings !== null && "type" in settings
    ? settings.type
    : undefined;
  if (type === undefined) {
    throw new ConfigError(
      "missing",
      `${path}.type`,
      `say which device; known: ${types.join(", ")}`,
    );
  }
  const known = types.find((name) => name === type);
  if (known === undefined) {
    throw new ConfigError(
      "unknown-value",
      `${path}.type`,
      `there is no device ${describeValue(type)}; ${suggest(String(type), types)}`,
    );
  }
  const { queues, others } = checkQueues(settings as object, path);
  return { ...DEVICES[known](others, path), ...queues };
}

function checkBlock(value: unknown, path: string): BlockConfig {
  const keys = ["type", "file", "readOnly", "overlay", "queues", "id"];
  const { file, readOnly, overlay, queues, id } = checkObject(value, path, keys);
  const isFile = (typeof file === "string" && file !== "") || file instanceof Uint8Array ||
    isBlockFile(file);
  if (!isFile) {
    throw new ConfigError(
      file === undefined ? "missing" : "wrong-type",
      `${path}.file`,
      `say which disk: a file name, bytes, or an open BlockFile`,
    );
  }
  const isOverlay = overlay === undefined || (typeof overlay === "string" && overlay !== "") ||
    isBlockFile(overlay);
  if (!isOverlay) {
    throw new ConfigError(
      "wrong-type",
      `${path}.overlay`,
      `expected "memory" or an overlay file, found ${describeValue(overlay)}`,
    );
  }
  if (overlay !== undefined && readOnly === true) {
    throw new ConfigError(
      "conflict",
      `${path}.overlay`,
      "a disk that refuses writes needs no overlay; leave readOnly out: the disk's file is not written",
    );
  }
  return {
    type: "virtio-block",
    file,
    readOnly: readOnly === undefined ? false : checkBoolean(readOnly, `${path}.readOnly`),
    ...(overlay !== undefined && { overlay }),
    queues: checkInteger(queues ?? 1, `${path}.queues`, 1, MAX_BLOCK_QUEUES),
    ...(id !== undefined && { id: checkText(id, `${path}.id`, 20) }),
  };
}

function isBlockFile(value: unknown): value is BlockFile {
  return typeof value === "object" && value !== null && "size" in value && "read" in value &&
    typeof value.read === "function";
}

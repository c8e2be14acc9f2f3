/** The `devices` of a machine's configuration. */
import type { NetBackend } from "../net/backend.ts";
import type { BlockFile } from "../platform/platform.ts";
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkObject,
  checkText,
  describeValue,
  suggest,
} from "./checks.ts";
import { ConfigError } from "./config_error.ts";

/** Built-in networks: nothing, or every frame comes back. */
export type NetBackendName = "null" | "loopback";
const NET_BACKENDS: readonly NetBackendName[] = ["null", "loopback"];

/** A network card (virtio 1.2, 5.1). */
export interface NetConfig {
  /** A network card. */
  readonly type: "virtio-net";
  /** What the card is connected to. @default "null" */
  readonly backend: NetBackendName | NetBackend;
  /** "52:54:00:12:34:56"; one is chosen by position when left out. */
  readonly mac?: string;
  /** Bytes, 68..65535. */
  readonly mtu?: number;
}

/** A disk (virtio 1.2, 5.2). */
export interface BlockConfig {
  /** A disk. */
  readonly type: "virtio-block";
  /** The disk: a file opened by a platform, bytes in memory, or (in YAML) the name of a file. */
  readonly file: BlockFile | Uint8Array | string;
  /** Whether writes are refused. @default false */
  readonly readOnly: boolean;
  /** Serial number that the guest sees, at most 20 characters. */
  readonly id?: string;
}

/** A console (virtio 1.2, 5.3). */
export interface ConsoleConfig {
  /** A console. */
  readonly type: "virtio-console";
  /** Width that the guest is told, in characters. @default 80 */
  readonly columns?: number;
  /** Height that the guest is told, in characters. @default 25 */
  readonly rows?: number;
}

/** A source of entropy (virtio 1.2, 5.4). */
export interface RngConfig {
  /** A source of entropy. */
  readonly type: "virtio-rng";
}

/** A device of a checked configuration. */
export type DeviceConfig = NetConfig | BlockConfig | ConsoleConfig | RngConfig;
/** Names of devices. */
export type DeviceType = DeviceConfig["type"];

/** A network card as it is written. */
export type NetOptions = Partial<NetConfig> & Pick<NetConfig, "type">;
/** A disk as it is written. */
export type BlockOptions = Partial<BlockConfig> & Pick<BlockConfig, "type" | "file">;
/** A device as it is written: its settings, or its name alone. */
export type DeviceOptions = DeviceType | NetOptions | BlockOptions | ConsoleConfig | RngConfig;

const DEVICES: { readonly [T in DeviceType]: (value: unknown, path: string) => DeviceConfig } = {
  "virtio-net": checkNet,
  "virtio-block": checkBlock,
  "virtio-console": checkConsole,
  "virtio-rng": (value, path) => {
    checkObject(value, path, ["type"]);
    return { type: "virtio-rng" };
  },
};

/** Most virtio devices of a board: one per virtio-mmio slot. */
export const MAX_DEVICES = 32;

/** Checks the list of devices. Throws a ConfigError. */
export function checkDevices(value: unknown, path: string): readonly DeviceConfig[] {
  if (!Array.isArray(value)) {
    throw new ConfigError("wrong-type", path, `expected a list, found ${describeValue(value)}`);
  }
  if (value.length > MAX_DEVICES) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value.length} devices are too many; the board has ${MAX_DEVICES} slots`,
    );
  }
  return value.map((device, i) => checkDevice(device, `${path}[${i}]`));
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
  return DEVICES[known](settings, path);
}

function checkNet(value: unknown, path: string): NetConfig {
  const { backend, mac, mtu } = checkObject(value, path, ["type", "backend", "mac", "mtu"]);
  return {
    type: "virtio-net",
    backend: isNetBackend(backend)
      ? backend
      : checkChoice(backend ?? "null", `${path}.backend`, NET_BACKENDS),
    ...(mac !== undefined && { mac: checkMac(mac, `${path}.mac`) }),
    ...(mtu !== undefined && { mtu: checkInteger(mtu, `${path}.mtu`, 68, 65535) }),
  };
}

function checkMac(value: unknown, path: string): string {
  if (typeof value !== "string" || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value)) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected six bytes such as "52:54:00:12:34:56", found ${describeValue(value)}`,
    );
  }
  if (parseInt(value.slice(0, 2), 16) & 1) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value} is a group address; clear the lowest bit of the first byte`,
    );
  }
  return value.toLowerCase();
}

function checkBlock(value: unknown, path: string): BlockConfig {
  const { file, readOnly, id } = checkObject(value, path, ["type", "file", "readOnly", "id"]);
  const isFile = (typeof file === "string" && file !== "") || file instanceof Uint8Array ||
    isBlockFile(file);
  if (!isFile) {
    throw new ConfigError(
      file === undefined ? "missing" : "wrong-type",
      `${path}.file`,
      `say which disk: a file name, bytes, or an open BlockFile`,
    );
  }
  return {
    type: "virtio-block",
    file,
    readOnly: readOnly === undefined ? false : checkBoolean(readOnly, `${path}.readOnly`),
    ...(id !== undefined && { id: checkText(id, `${path}.id`, 20) }),
  };
}

function checkConsole(value: unknown, path: string): ConsoleConfig {
  const { columns, rows } = checkObject(value, path, ["type", "columns", "rows"]);
  return {
    type: "virtio-console",
    ...(columns !== undefined && { columns: checkInteger(columns, `${path}.columns`, 1, 65535) }),
    ...(rows !== undefined && { rows: checkInteger(rows, `${path}.rows`, 1, 65535) }),
  };
}

function isNetBackend(value: unknown): value is NetBackend {
  return typeof value === "object" && value !== null && "send" in value &&
    typeof value.send === "function" && "onReceive" in value;
}

function isBlockFile(value: unknown): value is BlockFile {
  return typeof value === "object" && value !== null && "size" in value && "read" in value &&
    typeof value.read === "function";
}

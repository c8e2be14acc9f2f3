/** The configuration of a virtio console. */
import { checkBoolean, checkInteger, checkObject, checkText, describeValue } from "./checks.ts";
import { ConfigError } from "./config_error.ts";

/** A port of a console besides the console itself. */
export interface ConsolePortConfig {
  /** Name in the guest, at most 63 characters of ASCII: /dev/virtio-ports/NAME in Linux. */
  readonly name: string;
  /** Whether the guest is to use it as a console (/dev/hvc1 in Linux). */
  readonly console: boolean;
  /** Name of a file that gets what the guest sends, for programs that open it. */
  readonly file?: string;
}

/** A port as it is written: its settings, or "NAME", or "NAME=FILE". */
export type ConsolePortOptions =
  | string
  | (Partial<ConsolePortConfig> & Pick<ConsolePortConfig, "name">);

/** A console (virtio 1.2, 5.3). */
export interface ConsoleConfig {
  /** A console. */
  readonly type: "virtio-console";
  /** Width that the guest is told, in characters. @default 80 */
  readonly columns?: number;
  /** Height that the guest is told, in characters. @default 25 */
  readonly rows?: number;
  /** Further ports; the device has several ports only if this is given. */
  readonly ports?: readonly ConsolePortConfig[];
}

/** A console as it is written. */
export interface ConsoleOptions extends Omit<ConsoleConfig, "ports"> {
  /** Further ports. The device has several ports only if this is given, at most 30. */
  readonly ports?: readonly ConsolePortOptions[];
}

/** Most ports besides the console itself. */
const MAX_PORTS = 30;
const MAX_NAME = 63;

/** Checks it. Throws a ConfigError. */
export function checkConsole(value: unknown, path: string): ConsoleConfig {
  const { columns, rows, ports } = checkObject(value, path, ["type", "columns", "rows", "ports"]);
  return {
    type: "virtio-console",
    ...(columns !== undefined && { columns: checkInteger(columns, `${path}.columns`, 1, 65535) }),
    ...(rows !== undefined && { rows: checkInteger(rows, `${path}.rows`, 1, 65535) }),
    ...(ports !== undefined && { ports: checkPorts(ports, `${path}.ports`) }),
  };
}

function checkPorts(value: unknown, path: string): readonly ConsolePortConfig[] {
  if (!Array.isArray(value)) {
    throw new ConfigError("wrong-type", path, `expected a list, found ${describeValue(value)}`);
  }
  if (value.length > MAX_PORTS) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value.length} ports are too many; a console has at most ${MAX_PORTS} besides itself`,
    );
  }
  return value.map((port, i) => checkPort(port, `${path}[${i}]`));
}

function checkPort(value: unknown, path: string): ConsolePortConfig {
  const match = typeof value === "string" ? /^([^=]*)(?:=(.*))?$/s.exec(value) : null;
  const settings = match === null ? value : {
    name: match[1],
    ...(match[2] !== undefined && { file: match[2] }),
  };
  const { name, console, file } = checkObject(settings, path, ["name", "console", "file"]);
  const text = checkText(name, `${path}.name`, MAX_NAME);
  if (!/^[!-~]+$/.test(text) || text.includes("/")) {
    throw new ConfigError(
      "wrong-type",
      `${path}.name`,
      `expected a name such as "org.example.agent", found ${describeValue(name)}`,
    );
  }
  if (file !== undefined && (typeof file !== "string" || file === "")) {
    throw new ConfigError(
      "wrong-type",
      `${path}.file`,
      `expected the name of a file, found ${describeValue(file)}`,
    );
  }
  return {
    name: text,
    console: console === undefined ? false : checkBoolean(console, `${path}.console`),
    ...(file !== undefined && { file }),
  };
}

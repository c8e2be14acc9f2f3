/** The `fwCfg` of a machine's configuration: named files that the guest's firmware can read. */
import { checkObject, checkText, describeValue } from "./checks.ts";
import { ConfigError } from "./config_error.ts";

/** Most files, as in QEMU (FW_CFG_FILE_SLOTS). */
export const MAX_FW_CFG_FILES = 0x20;
/** Longest name of a file in characters; the guest sees it in 56 bytes with a zero at the end. */
export const MAX_FW_CFG_NAME = 55;

/** A file of a checked configuration. */
export interface FwCfgConfig {
  /**
   * Printable ASCII without spaces, at most 55 characters. Names of the user's begin with "opt/" and
   * a domain: "opt/org.example/key".
   */
  readonly name: string;
  /** The content; text is the name of a file, for programs that resolve it. */
  readonly file: Uint8Array | string;
}

/** A file as it is written: with the content itself (`string`), or a file. */
export interface FwCfgOptions {
  /** Printable ASCII without spaces, at most 55 characters: "opt/org.example/key". */
  readonly name: string;
  /** The content as text. */
  readonly string?: string;
  /** The content: bytes, or (in YAML) the name of a file. */
  readonly file?: Uint8Array | string;
}

/** Checks the list of files. Throws a ConfigError. */
export function checkFwCfg(value: unknown, path: string): readonly FwCfgConfig[] {
  if (!Array.isArray(value)) {
    throw new ConfigError("wrong-type", path, `expected a list, found ${describeValue(value)}`);
  }
  if (value.length > MAX_FW_CFG_FILES) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value.length} files are too many; give at most ${MAX_FW_CFG_FILES}`,
    );
  }
  const files = value.map((file, i) => checkFile(file, `${path}[${i}]`));
  files.forEach(({ name }, i) => {
    if (files.findIndex((other) => other.name === name) < i) {
      throw new ConfigError("conflict", `${path}[${i}].name`, `there is another file "${name}"`);
    }
  });
  return files;
}

/** Whether a file can have this name. */
export function isFwCfgName(name: string): boolean {
  return name.length <= MAX_FW_CFG_NAME && /^[\x21-\x7e]+$/.test(name);
}

function checkFile(value: unknown, path: string): FwCfgConfig {
  const { name: given, string, file } = checkObject(value, path, ["name", "string", "file"]);
  const name = checkText(given, `${path}.name`, MAX_FW_CFG_NAME);
  if (!isFwCfgName(name)) {
    throw new ConfigError(
      "unknown-value",
      `${path}.name`,
      `"${name}" cannot be a name; use printable ASCII without spaces, such as "opt/org.example/key"`,
    );
  }
  if ((string === undefined) === (file === undefined)) {
    throw new ConfigError(
      string === undefined ? "missing" : "conflict",
      path,
      "give the content as either string or file",
    );
  }
  if (string !== undefined) {
    const text = checkText(string, `${path}.string`, Infinity);
    return { name, file: new TextEncoder().encode(text) };
  }
  if (file instanceof Uint8Array || (typeof file === "string" && file !== "")) {
    return { name, file };
  }
  throw new ConfigError(
    "wrong-type",
    `${path}.file`,
    `expected a file's bytes (Uint8Array) or name, found ${describeValue(file)}`,
  );
}

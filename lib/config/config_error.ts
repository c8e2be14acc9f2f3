/** What can be wrong with a configuration. */
export type ConfigErrorCode =
  | "wrong-type"
  | "unknown-key"
  | "unknown-value"
  | "out-of-range"
  | "missing"
  | "conflict";

/** A configuration that no machine can be made of. One fault per error. */
export class ConfigError extends Error {
  /** Always "ConfigError". */
  override readonly name = "ConfigError";
  /** For programs; the message is for people and names the path. */
  readonly code: ConfigErrorCode;
  /** Where the fault is: "memory", "devices[1].mac". Empty for the whole. */
  readonly path: string;

  /** Makes an error; the path is put before the message. */
  constructor(code: ConfigErrorCode, path: string, message: string) {
    super(path === "" ? message : `${path}: ${message}`);
    this.code = code;
    this.path = path;
  }
}

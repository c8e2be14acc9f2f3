/** What can be wrong with the files that a machine boots from. */
export type BootErrorCode =
  | "bad-magic"
  | "wrong-architecture"
  | "unsupported"
  | "truncated"
  | "damaged"
  | "too-little-memory"
  | "overlap"
  | "bad-device-tree"
  | "too-large";

/** A kernel, initrd or device tree that cannot be booted. The message names the thing and the remedy. */
export class BootError extends Error {
  /** Always "BootError". */
  override readonly name = "BootError";
  /** For programs; the message is for people. */
  readonly code: BootErrorCode;

  /** Makes an error. */
  constructor(code: BootErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A fault of whoever called the program: one line on standard error, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Exit codes. Those of a signal are 128 plus its number. */
export const EXIT = {
  ok: 0,
  /** The guest failed, or something did that is no fault of the caller. */
  failed: 1,
  usage: 2,
  /** The guest asked for a reset under `--no-reboot`. */
  reset: 3,
  /** `--timeout` ended the run, as in timeout(1). */
  timeout: 124,
  /** Nobody reads standard output any more: 128 + SIGPIPE. */
  outputGone: 141,
} as const;

const REASONS: Record<string, string> = {
  ENOENT: "no such file",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory, not a file",
  ENOTDIR: "a part of the path is not a directory",
  ENODEV: "is not a regular file",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  ETXTBSY: "is being executed",
  ENOSPC: "no space left on the device",
  ENXIO: "is no regular file",
};

/** Why a call of the file system failed, in words: "no such file". */
export function fileReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return (code !== undefined && REASONS[code]) || (message ?? String(error));
}

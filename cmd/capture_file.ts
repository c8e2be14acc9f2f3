import { closeSync, openSync } from "node:fs";
import type { Platform } from "../lib/platform/platform.ts";
import { CollectedOutput, writeAll } from "./collected_output.ts";
import { fileReason, UsageError } from "./errors.ts";

/** A capture of a network that is being written. */
export interface CaptureFile {
  write(bytes: Uint8Array): void;
  /** Writes what is left and closes it; what comes later is lost. */
  close(): Promise<void>;
}

/** Makes the file, or empties it. Throws a UsageError. @param where the setting, for messages. */
export function openCapture(
  where: string,
  path: string,
  platform: Pick<Platform, "yield">,
): CaptureFile {
  let file: number | undefined;
  try {
    file = openSync(path, "w");
  } catch (error) {
    throw new UsageError(`${where}: cannot write ${path}: ${fileReason(error)}`);
  }
  const out = new CollectedOutput((bytes) => {
    if (file !== undefined) writeAll(file, bytes);
  }, platform);
  return {
    write: (bytes) => out.push(bytes),
    close: () => {
      out.flush();
      if (file !== undefined) closeSync(file);
      file = undefined;
      return Promise.resolve();
    },
  };
}

import { UsageError } from "./errors.ts";

/** The guest that is booted when no kernel is named. Throws a UsageError while there is none. */
export function referenceGuest(): Uint8Array {
  throw new UsageError("--kernel: no kernel; write --kernel FILE (a Linux arm64 Image)");
}

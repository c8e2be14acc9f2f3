import { monitorImage as a64Monitor } from "../guests/monitor/aarch64/image.ts";
import { monitorImage as x86Monitor } from "../guests/monitor/x86_64/image.ts";
import type { Architecture } from "../lib/config/machine_config.ts";

/** The guest that is booted when no kernel is named: the monitor, for every number of vCPUs. */
export function referenceGuest(arch: Architecture): Uint8Array {
  return arch === "x86_64" ? x86Monitor() : a64Monitor();
}

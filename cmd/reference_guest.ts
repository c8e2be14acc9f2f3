import { monitorImage } from "../guests/monitor/aarch64/image.ts";

/** The guest that is booted when no kernel is named: the monitor, for every number of vCPUs and GIC. */
export function referenceGuest(): Uint8Array {
  return monitorImage();
}

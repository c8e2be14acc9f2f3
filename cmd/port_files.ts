import { closeSync, openSync } from "node:fs";
import type { Machine } from "../lib/machine/machine.ts";
import type { Platform } from "../lib/platform/platform.ts";
import { CollectedOutput, writeAll } from "./collected_output.ts";
import { fileReason, UsageError } from "./errors.ts";
import type { MachineRequest } from "./run_options.ts";

/**
 * Writes what the guest sends through console ports to the files that the configuration names.
 * Returns the function that writes what is left and closes them. Throws a UsageError.
 */
export function openPortFiles(
  machine: Machine,
  request: MachineRequest,
  platform: Pick<Platform, "yield">,
): () => void {
  const closers: (() => void)[] = [];
  const close = (): void => closers.splice(0).forEach((closer) => closer());
  for (const [i, device] of machine.config.devices.entries()) {
    if (device.type !== "virtio-console") continue;
    for (const [j, { name, file: path }] of (device.ports ?? []).entries()) {
      if (path === undefined) continue;
      let file: number;
      try {
        file = openSync(path, "w");
      } catch (error) {
        close();
        const where = request.where(`devices[${i}].ports[${j}].file`);
        throw new UsageError(`${where}: cannot write ${path}: ${fileReason(error)}`);
      }
      const out = new CollectedOutput((bytes) => writeAll(file, bytes), platform);
      machine.port(name)?.onOutput((bytes) => out.push(bytes), { lent: true });
      closers.push(() => {
        out.flush();
        closeSync(file);
      });
    }
  }
  return close;
}

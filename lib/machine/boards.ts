/** Finds the board for a configuration. */
import type { MachineConfig } from "../config/machine_config.ts";
import type { MakeBoard } from "./board.ts";

/**
 * Reads the kernel and initrd of a configuration. The result makes the board. Each board is imported
 * when it is asked for, because the instruction tables of its architecture take their time.
 *
 * @throws {ConfigError} if no machine can be made of the configuration.
 * @throws {BootError} if the kernel or initrd cannot be booted.
 */
export async function openBoard(config: MachineConfig): Promise<MakeBoard> {
  if (config.arch === "x86_64") {
    const { openMicrovm } = await import("./microvm.ts");
    return await openMicrovm(config);
  }
  const { openVirt } = await import("./virt.ts");
  return await openVirt(config);
}

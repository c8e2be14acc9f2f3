/** Files that a configuration holds: by now they are bytes. */
import { ConfigError } from "../config/config_error.ts";
import type { MachineConfig } from "../config/machine_config.ts";
import { checkInitrd } from "../boot/initrd.ts";

/** The bytes of a setting. Throws a ConfigError if it is still a name. */
export function bytesOf(file: Uint8Array | string, path: string): Uint8Array {
  if (typeof file !== "string") return file;
  throw new ConfigError(
    "wrong-type",
    path,
    `"${file}" is the name of a file; read it first and give its bytes`,
  );
}

/** The kernel. `remedy`: what to give if there is none. Throws a ConfigError. */
export function kernelOf({ kernel }: MachineConfig, remedy: string): Uint8Array {
  if (kernel === undefined) throw new ConfigError("missing", "kernel", remedy);
  return bytesOf(kernel, "kernel");
}

/** The initrd, if there is one. Throws a ConfigError, or a BootError if no kernel could take it. */
export async function initrdOf(
  { initrd, memory }: MachineConfig,
): Promise<Uint8Array | undefined> {
  if (initrd === undefined) return undefined;
  const bytes = bytesOf(initrd, "initrd");
  await checkInitrd(bytes, memory);
  return bytes;
}

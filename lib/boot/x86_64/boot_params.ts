/** Linux' struct boot_params, the "zero page" (Documentation/arch/x86/zero-page.rst). */
import type { BzImage } from "./bzimage.ts";
import type { MemoryMap } from "./memory_map.ts";
import { LOADER_UNDEFINED, setField, SETUP_HEADER_START, SetupField } from "./setup_header.ts";

/** Bytes of the struct. */
export const BOOT_PARAMS_BYTES = 4096;

const E820_TABLE = 0x2d0;
const E820_ENTRY_BYTES = 20;
/** Most ranges that the struct has room for. */
export const E820_MAX_ENTRIES = 128;

/** SETUP_RNG_SEED of struct setup_data (Linux 6.0; older kernels pass over it). */
const SETUP_RNG_SEED = 9;

/** What the kernel is told; addresses are guest-physical, 0 where there is none. */
export interface BootParams {
  /** At most {@linkcode E820_MAX_ENTRIES}. */
  readonly memory: MemoryMap;
  /** The ACPI root pointer. */
  readonly rsdp: number;
  /** Of a NUL-terminated string. */
  readonly cmdline: number;
  readonly initrd: { readonly address: number; readonly size: number };
  /** Of the first struct setup_data. */
  readonly setupData: number;
}

/** The struct for a kernel. */
export function makeBootParams(kernel: BzImage, params: BootParams): Uint8Array {
  const bytes = new Uint8Array(BOOT_PARAMS_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(kernel.header, SETUP_HEADER_START);
  const set = (field: SetupField, value: number): void => setField(view, field, value);
  const setSplit = (low: SetupField, high: SetupField, value: number): void => {
    set(low, value % 2 ** 32);
    set(high, Math.floor(value / 2 ** 32));
  };
  set(SetupField.type_of_loader, LOADER_UNDEFINED);
  set(SetupField.acpi_rsdp_addr, params.rsdp);
  set(SetupField.setup_data, params.setupData);
  setSplit(SetupField.cmd_line_ptr, SetupField.ext_cmd_line_ptr, params.cmdline);
  setSplit(SetupField.ramdisk_image, SetupField.ext_ramdisk_image, params.initrd.address);
  setSplit(SetupField.ramdisk_size, SetupField.ext_ramdisk_size, params.initrd.size);
  set(SetupField.e820_entries, params.memory.length);
  params.memory.forEach(({ address, size, type }, i) => {
    const at = E820_TABLE + i * E820_ENTRY_BYTES;
    view.setBigUint64(at, BigInt(address), true);
    view.setBigUint64(at + 8, BigInt(size), true);
    view.setUint32(at + 16, type, true);
  });
  return bytes;
}

/** A list of one struct setup_data: next, type, length, then the seed for the kernel's generator. */
export function makeRngSeed(seed: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + seed.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, SETUP_RNG_SEED, true);
  view.setUint32(12, seed.length, true);
  bytes.set(seed, 16);
  return bytes;
}

/**
 * What a firmware configuration device offers: items by number, among them named files and their
 * directory (QEMU, docs/specs/fw_cfg). Numbers in the directory are big-endian, all others little.
 */

import { isFwCfgName, MAX_FW_CFG_FILES } from "../../config/fw_cfg_config.ts";

/** Numbers of the items that have one of their own. */
export const FwCfgKey = {
  SIGNATURE: 0x00,
  ID: 0x01,
  UUID: 0x02,
  RAM_SIZE: 0x03,
  NOGRAPHIC: 0x04,
  NB_CPUS: 0x05,
  KERNEL_SIZE: 0x08,
  INITRD_SIZE: 0x0b,
  BOOT_MENU: 0x0e,
  MAX_CPUS: 0x0f,
  KERNEL_DATA: 0x11,
  INITRD_DATA: 0x12,
  CMDLINE_SIZE: 0x14,
  CMDLINE_DATA: 0x15,
  FILE_DIR: 0x19,
  /** The first file; others follow. */
  FILE_FIRST: 0x20,
} as const;

/** A named file. Names of the user's begin with "opt/", then a domain name turned round. */
export interface FwCfgFile {
  /** 1 to 55 printable ASCII characters, no spaces. */
  readonly name: string;
  /** Its content; kept, not copied. */
  readonly bytes: Uint8Array;
}

/** Items by number. */
export type FwCfgItems = ReadonlyMap<number, Uint8Array>;

/** Bytes of a directory entry: size, number, reserved, name. */
const ENTRY_BYTES = 64;
const ENTRY_NAME = 8;
/** Bits of ID: the registers, and DMA. */
const FEATURES = 0b11;

/**
 * The items of a device with these files: signature, feature bits, number of vCPUs, and the
 * directory, in which files are in the order of their names.
 * @throws {RangeError} if there are too many files, or a name is too long, empty, not ASCII or twice.
 */
export function fwCfgItems(cpus: number, files: readonly FwCfgFile[]): FwCfgItems {
  if (files.length > MAX_FW_CFG_FILES) {
    throw new RangeError(`${files.length} files are too many; at most ${MAX_FW_CFG_FILES}`);
  }
  const sorted = files.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const directory = new Uint8Array(4 + sorted.length * ENTRY_BYTES);
  const view = new DataView(directory.buffer);
  view.setUint32(0, sorted.length);
  const items = new Map<number, Uint8Array>([
    [FwCfgKey.SIGNATURE, new TextEncoder().encode("QEMU")],
    [FwCfgKey.ID, little(FEATURES, 4)],
    [FwCfgKey.UUID, new Uint8Array(16)],
    [FwCfgKey.NOGRAPHIC, little(1, 2)],
    [FwCfgKey.NB_CPUS, little(cpus, 2)],
    [FwCfgKey.BOOT_MENU, little(0, 2)],
    [FwCfgKey.MAX_CPUS, little(cpus, 2)],
    [FwCfgKey.FILE_DIR, directory],
  ]);
  sorted.forEach(({ name, bytes }, i) => {
    if (name === sorted[i + 1]?.name) throw new RangeError(`two files are called "${name}"`);
    if (!isFwCfgName(name)) throw new RangeError(`"${name}" cannot be the name of a file`);
    const at = 4 + i * ENTRY_BYTES;
    view.setUint32(at, bytes.length);
    view.setUint16(at + 4, FwCfgKey.FILE_FIRST + i);
    directory.set(new TextEncoder().encode(name), at + ENTRY_NAME);
    items.set(FwCfgKey.FILE_FIRST + i, bytes);
  });
  return items;
}

/** A little-endian number. */
function little(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);
}

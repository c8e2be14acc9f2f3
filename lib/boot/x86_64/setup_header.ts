/**
 * Fields of Linux' setup header and of struct boot_params around it (Documentation/arch/x86/boot.rst,
 * "The real-mode kernel header"; zero-page.rst). In a bzImage they stand at the same offsets as in
 * boot_params.
 */

/** Offset and bytes of a field. */
export interface SetupField {
  readonly offset: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

/** Names are those of Linux' struct boot_params and struct setup_header; little-endian numbers. */
export const SetupField = {
  /** Guest-physical; 0 if the kernel is to search for it. */
  acpi_rsdp_addr: { offset: 0x070, bytes: 8 },
  ext_ramdisk_image: { offset: 0x0c0, bytes: 4 },
  ext_ramdisk_size: { offset: 0x0c4, bytes: 4 },
  ext_cmd_line_ptr: { offset: 0x0c8, bytes: 4 },
  e820_entries: { offset: 0x1e8, bytes: 1 },
  /** Sectors of 512 bytes before the protected-mode code, less one; 0 means 4. */
  setup_sects: { offset: 0x1f1, bytes: 1 },
  /** The protected-mode code in units of 16 bytes. */
  syssize: { offset: 0x1f4, bytes: 4 },
  /** 0xaa55. */
  boot_flag: { offset: 0x1fe, bytes: 2 },
  /** End of the header, from 0x202: the second byte of a jump over it. */
  jump: { offset: 0x201, bytes: 1 },
  /** "HdrS". */
  header: { offset: 0x202, bytes: 4 },
  /** Boot protocol: major * 256 + minor. */
  version: { offset: 0x206, bytes: 2 },
  type_of_loader: { offset: 0x210, bytes: 1 },
  loadflags: { offset: 0x211, bytes: 1 },
  ramdisk_image: { offset: 0x218, bytes: 4 },
  ramdisk_size: { offset: 0x21c, bytes: 4 },
  cmd_line_ptr: { offset: 0x228, bytes: 4 },
  /** Highest address of an initrd's last byte. */
  initrd_addr_max: { offset: 0x22c, bytes: 4 },
  xloadflags: { offset: 0x236, bytes: 2 },
  /** Most bytes of the command line, without the NUL. */
  cmdline_size: { offset: 0x238, bytes: 4 },
  /** The packed kernel in the protected-mode code, and its bytes. */
  payload_offset: { offset: 0x248, bytes: 4 },
  payload_length: { offset: 0x24c, bytes: 4 },
  /** List of struct setup_data. */
  setup_data: { offset: 0x250, bytes: 8 },
  /** Where the kernel wants to be. */
  pref_address: { offset: 0x258, bytes: 8 },
  /** Memory from its first byte that it takes before it knows the memory map. */
  init_size: { offset: 0x260, bytes: 4 },
} as const;

/** Where the setup header begins. */
export const SETUP_HEADER_START = 0x1f1;

/** "HdrS". */
export const SETUP_MAGIC = 0x5372_6448;
/** boot_flag's value. */
export const BOOT_FLAG = 0xaa55;
/** loadflags: the protected-mode code belongs at 1 MiB or above. */
export const LOADED_HIGH = 1;
/** xloadflags: the kernel has the 64-bit entry, 0x200 bytes into the protected-mode code. */
export const XLF_KERNEL_64 = 1;
/** type_of_loader: none that has a number. */
export const LOADER_UNDEFINED = 0xff;

/** Reads a field. */
export function getField(view: DataView, { offset, bytes }: SetupField): number {
  switch (bytes) {
    case 1:
      return view.getUint8(offset);
    case 2:
      return view.getUint16(offset, true);
    case 4:
      return view.getUint32(offset, true);
    case 8:
      return Number(view.getBigUint64(offset, true));
  }
}

/** Writes a field; what does not fit is cut off. */
export function setField(view: DataView, { offset, bytes }: SetupField, value: number): void {
  for (let i = 0; i < bytes; i++) {
    view.setUint8(offset + i, Math.floor(value / 2 ** (8 * i)) % 256);
  }
}

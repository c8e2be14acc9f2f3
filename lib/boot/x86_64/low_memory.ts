/**
 * Where what goes with a kernel lies in the first MiB of a PC. Kernels copy or reserve it before they
 * use that memory; page 0 stays free for what they write there (the BIOS data area).
 */

/** Guest-physical addresses, each up to the next. */
export const LowMemory = {
  gdt: 0x1000,
  /** Linux: struct boot_params. */
  bootParams: 0x2000,
  /** Linux: struct setup_data. */
  setupData: 0x3000,
  /** PVH: struct hvm_start_info, the modules and the memory map. */
  startInfo: 0x4000,
  /** Six pages: the page tables of a boot state. */
  pageTables: 0x8000,
  /** A stack of 8 KiB grows down from here. */
  stackTop: 0x1_0000,
  commandLine: 0x2_0000,
  end: 0x3_0000,
} as const;

/** Bytes of {@linkcode LowMemory}.commandLine's place, with the NUL at the end. */
export const COMMAND_LINE_ROOM: number = LowMemory.end - LowMemory.commandLine;

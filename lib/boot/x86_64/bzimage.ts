/** Linux bzImages of x86 (Documentation/arch/x86/boot.rst), boot protocol 2.06 and later. */
import { BootError } from "../boot_error.ts";
import {
  BOOT_FLAG,
  getField,
  LOADED_HIGH,
  SETUP_HEADER_START,
  SETUP_MAGIC,
  SetupField,
  XLF_KERNEL_64,
} from "./setup_header.ts";

const SECTOR = 512;
/** Up to the end of protocol 2.06's header. */
const SMALLEST_HEADER_END = 0x23c;
/** Largest header that the second byte of a short jump can span. */
const LARGEST_HEADER_END = 0x202 + 0x7f;
/** Linux 2.6.22: cmdline_size. */
const OLDEST_VERSION = 0x206;
/** Linux 2.6.31: pref_address, init_size. */
const VERSION_WITH_PLACE = 0x20a;
/** Linux 3.8: xloadflags. */
const VERSION_WITH_XLOADFLAGS = 0x20c;
const ONE_MIB = 0x10_0000;
/** The 64-bit entry's distance from the protected-mode code's start. */
const ENTRY_64 = 0x200;

/** A kernel to be loaded. */
export interface BzImage {
  /** Boot protocol: major * 256 + minor. */
  readonly version: number;
  /** The setup header as the file has it, to be copied into boot_params at {@linkcode SETUP_HEADER_START}. */
  readonly header: Uint8Array;
  /** The protected-mode code. */
  readonly code: Uint8Array;
  /** Where the code goes: guest-physical. */
  readonly address: number;
  /** Memory that the kernel takes from there while it unpacks itself; at least `code.length`. */
  readonly memorySize: number;
  /** The entry's distance from `address`. */
  readonly entryOffset: number;
  /** Whether the entry is 64-bit code; else the kernel starts in 32-bit protected mode. */
  readonly long: boolean;
  /** Highest address that the last byte of an initrd may have. */
  readonly initrdMax: number;
  /** Most bytes of the command line, without the NUL. */
  readonly cmdlineMax: number;
}

/** Whether the bytes hold the setup header of an x86 Linux. */
export function isBzImage(bytes: Uint8Array): boolean {
  return bytes.length >= 0x206 && getField(viewOf(bytes), SetupField.header) === SETUP_MAGIC;
}

/** Reads a bzImage. Throws a BootError that says what is wrong with it. */
export function parseBzImage(bytes: Uint8Array): BzImage {
  const view = viewOf(bytes);
  if (bytes.length < SMALLEST_HEADER_END) throw truncated(SMALLEST_HEADER_END, bytes.length);
  const get = (field: SetupField): number => getField(view, field);
  if (get(SetupField.boot_flag) !== BOOT_FLAG) {
    throw damaged(`the boot sector ends in 0x${get(SetupField.boot_flag).toString(16)}`);
  }
  const version = get(SetupField.version);
  const name = `${version >> 8}.${String(version & 0xff).padStart(2, "0")}`;
  if (version < OLDEST_VERSION) {
    throw new BootError(
      "unsupported",
      `kernel: a bzImage of boot protocol ${name}; give one of Linux 2.6.22 (2.06) or later`,
    );
  }
  if ((get(SetupField.loadflags) & LOADED_HIGH) === 0) {
    throw new BootError(
      "unsupported",
      "kernel: this is a zImage, which runs below 1 MiB; build a bzImage",
    );
  }
  const headerEnd = 0x202 + get(SetupField.jump);
  const hasPlace = version >= VERSION_WITH_PLACE;
  const neededEnd = hasPlace ? SetupField.init_size.offset + 4 : SMALLEST_HEADER_END;
  if (headerEnd < neededEnd || headerEnd > LARGEST_HEADER_END) {
    throw damaged(`the header of protocol ${name} ends at 0x${headerEnd.toString(16)}`);
  }
  const codeStart = ((get(SetupField.setup_sects) || 4) + 1) * SECTOR;
  const codeSize = get(SetupField.syssize) * 16;
  if (codeSize === 0) throw damaged("the header tells of no code");
  if (bytes.length < codeStart + codeSize) throw truncated(codeStart + codeSize, bytes.length);
  const address = hasPlace ? get(SetupField.pref_address) : ONE_MIB;
  const initSize = hasPlace ? get(SetupField.init_size) : 0;
  if (address < ONE_MIB || address + initSize > 2 ** 32 || address % 4096 !== 0) {
    throw damaged(`it asks for ${initSize} bytes at 0x${address.toString(16)}`);
  }
  const long = version >= VERSION_WITH_XLOADFLAGS &&
    (get(SetupField.xloadflags) & XLF_KERNEL_64) !== 0;
  return {
    version,
    header: bytes.subarray(SETUP_HEADER_START, headerEnd),
    code: bytes.subarray(codeStart, codeStart + codeSize),
    address,
    memorySize: Math.max(initSize, codeSize),
    entryOffset: long ? ENTRY_64 : 0,
    long,
    initrdMax: get(SetupField.initrd_addr_max),
    cmdlineMax: get(SetupField.cmdline_size),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function truncated(expected: number, actual: number): BootError {
  return new BootError(
    "truncated",
    `kernel: the bzImage should have ${expected} bytes but has ${actual}; get the file again`,
  );
}

function damaged(what: string): BootError {
  return new BootError("damaged", `kernel: in the bzImage ${what}; get the file again`);
}

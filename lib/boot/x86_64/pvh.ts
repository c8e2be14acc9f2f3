/**
 * PVH: a kernel's note with its entry, and what it is told (Xen, docs/misc/pvh.pandoc and
 * xen/include/public/arch-x86/hvm/start_info.h).
 */
import { cutOff, ELF_X86_64, type ElfProgram, openElf, programHeaders, readElf } from "../elf.ts";
import { BootError } from "../boot_error.ts";
import type { MemoryMap } from "./memory_map.ts";

const PT_NOTE = 4;
/** "Xen", NUL. */
const XEN_NAME = [0x58, 0x65, 0x6e, 0];
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** Reads an x86-64 program with a PVH entry, which becomes its `entry`. Throws a BootError. */
export function readPvhElf(bytes: Uint8Array): ElfProgram {
  const program = readElf(bytes, ELF_X86_64);
  const entry = pvhEntry(bytes);
  if (entry === undefined) {
    throw new BootError(
      "unsupported",
      "kernel: the ELF file has no PVH entry; build the kernel with CONFIG_PVH, or give the program a Xen note PHYS32_ENTRY, or give the bzImage",
    );
  }
  const inside = program.segments.some(({ address, memorySize }) =>
    entry >= address && entry < address + memorySize
  );
  if (!inside) {
    throw new BootError(
      "damaged",
      `kernel: the ELF file's PVH entry 0x${
        entry.toString(16)
      } lies in none of its segments; link it again`,
    );
  }
  return { entry, segments: program.segments };
}

/** Guest-physical address from the first note XEN_ELFNOTE_PHYS32_ENTRY. */
function pvhEntry(bytes: Uint8Array): number | undefined {
  const view = openElf(bytes, ELF_X86_64);
  for (const { offset, fileSize } of programHeaders(view, PT_NOTE)) {
    const end = offset + fileSize;
    if (end > bytes.length) throw cutOff();
    // Words of namesz, descsz, type; name and content are padded to words (ELF-64, section 8).
    for (let at = offset; at + 12 <= end;) {
      const nameSize = view.getUint32(at, true);
      const size = view.getUint32(at + 4, true);
      const content = at + 12 + alignUp(nameSize);
      if (content + size > end) break;
      const isEntry = view.getUint32(at + 8, true) === XEN_ELFNOTE_PHYS32_ENTRY &&
        nameSize === XEN_NAME.length &&
        XEN_NAME.every((byte, i) => bytes[at + 12 + i] === byte);
      // Linux gives 8 bytes, of which the upper half is zero.
      if (isEntry && (size === 4 || size === 8)) return view.getUint32(content, true);
      at = content + alignUp(size);
    }
  }
  return undefined;
}

function alignUp(value: number): number {
  return Math.ceil(value / 4) * 4;
}

const START_MAGIC = 0x336e_c578;
const START_VERSION = 1;
const START_INFO_BYTES = 56;
const MODULE_BYTES = 32;
const MEMMAP_ENTRY_BYTES = 24;

/** What the kernel is told; addresses are guest-physical, 0 where there is none. */
export interface StartInfo {
  readonly memory: MemoryMap;
  /** The ACPI root pointer. */
  readonly rsdp: number;
  /** Of a NUL-terminated string. */
  readonly cmdline: number;
  /** The first is the initrd. */
  readonly modules: readonly { readonly address: number; readonly size: number }[];
}

/** struct hvm_start_info for `address`, followed by the modules and the memory map. */
export function makeStartInfo(address: number, info: StartInfo): Uint8Array {
  const { memory, rsdp, cmdline, modules } = info;
  const modulesAt = START_INFO_BYTES;
  const memmapAt = modulesAt + modules.length * MODULE_BYTES;
  const bytes = new Uint8Array(memmapAt + memory.length * MEMMAP_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  const set64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  view.setUint32(0, START_MAGIC, true);
  view.setUint32(4, START_VERSION, true);
  view.setUint32(12, modules.length, true);
  set64(16, modules.length > 0 ? address + modulesAt : 0);
  set64(24, cmdline);
  set64(32, rsdp);
  set64(40, address + memmapAt);
  view.setUint32(48, memory.length, true);
  modules.forEach(({ address, size }, i) => {
    set64(modulesAt + i * MODULE_BYTES, address);
    set64(modulesAt + i * MODULE_BYTES + 8, size);
  });
  memory.forEach(({ address, size, type }, i) => {
    const at = memmapAt + i * MEMMAP_ENTRY_BYTES;
    set64(at, address);
    set64(at + 8, size);
    view.setUint32(at + 16, type, true);
  });
  return bytes;
}

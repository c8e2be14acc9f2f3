/** x86 kernels for tests, and for what puts ours into QEMU. */
import type { Segment } from "../elf.ts";
import { setField, SetupField } from "./setup_header.ts";

/** Fields of the header that differ from those of a 64-bit kernel of protocol 2.15. */
export type Header = Partial<Record<keyof typeof SetupField, number>>;

/** A bzImage of two setup sectors and `code`, filled up to 16 bytes. */
export function makeBzImage(code: Uint8Array, header: Header = {}): Uint8Array<ArrayBuffer> {
  const codeBytes = Math.ceil(code.length / 16) * 16;
  const bytes = new Uint8Array(3 * 512 + codeBytes);
  bytes.set(code, 3 * 512);
  const view = new DataView(bytes.buffer);
  const fields: Header = {
    setup_sects: 2,
    syssize: codeBytes / 16,
    boot_flag: 0xaa55,
    jump: 0x6a,
    header: 0x5372_6448,
    version: 0x20f,
    loadflags: 1,
    initrd_addr_max: 0x7fff_ffff,
    xloadflags: 0x7f,
    cmdline_size: 2047,
    pref_address: 0x100_0000,
    init_size: 0x20_0000,
    ...header,
  };
  for (const name of Object.keys(SetupField) as (keyof typeof SetupField)[]) {
    const value = fields[name];
    if (value !== undefined) setField(view, SetupField[name], value);
  }
  return bytes;
}

/** A note of an ELF file. */
export interface TestNote {
  readonly name: string;
  readonly type: number;
  readonly content: Uint8Array;
}

/** XEN_ELFNOTE_PHYS32_ENTRY as Linux writes it. */
export function entryNote(entry: number): TestNote {
  const content = new Uint8Array(8);
  new DataView(content.buffer).setUint32(0, entry, true);
  return { name: "Xen", type: 18, content };
}

/** An x86-64 executable of these segments and notes; its own entry is the first segment. */
export function makeNoteElf(
  segments: readonly Segment[],
  notes: readonly TestNote[],
): Uint8Array<ArrayBuffer> {
  const noteBytes = Uint8Array.from(notes.flatMap(({ name, type, content }) => {
    const head = new Uint8Array(12);
    const view = new DataView(head.buffer);
    view.setUint32(0, name.length + 1, true);
    view.setUint32(4, content.length, true);
    view.setUint32(8, type, true);
    return [...head, ...padded(new TextEncoder().encode(`${name}\0`)), ...padded(content)];
  }));
  const headers = [
    { type: 4, address: 0, bytes: noteBytes, memorySize: noteBytes.length },
    ...segments.map((segment) => ({ type: 1, ...segment })),
  ];
  let end = 64 + headers.length * 56;
  const size = headers.reduce((sum, { bytes }) => sum + bytes.length, end);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const set64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  set64(24, segments[0]?.address ?? 0); // entry
  set64(32, 64); // program headers
  view.setUint16(54, 56, true);
  view.setUint16(56, headers.length, true);
  headers.forEach(({ type, address, bytes, memorySize }, i) => {
    const at = 64 + i * 56;
    view.setUint32(at, type, true);
    set64(at + 8, end);
    set64(at + 24, address);
    set64(at + 32, bytes.length);
    set64(at + 40, memorySize);
    set64(at + 48, 4); // QEMU 7.2 divides by the notes' alignment
    file.set(bytes, end);
    end += bytes.length;
  });
  return file;
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  out.set(bytes);
  return out;
}

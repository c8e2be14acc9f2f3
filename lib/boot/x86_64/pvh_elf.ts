/** Writes ELF programs with a PVH entry. */
import type { Segment } from "../elf.ts";

/** Where {@linkcode makePvhElf} puts a program, guest-physical. */
const PROGRAM_ADDRESS = 0x10_0000;

/**
 * An ELF file around a bare program: `code` runs at 1 MiB from its first byte in 32-bit protected mode,
 * as PVH says (EBX: struct hvm_start_info).
 */
export function makePvhElf(code: Uint8Array): Uint8Array<ArrayBuffer> {
  const segment = { address: PROGRAM_ADDRESS, bytes: code, memorySize: code.length };
  return makeNoteElf([segment], [entryNote(PROGRAM_ADDRESS)]);
}

/** A note of an ELF file. */
export interface ElfNote {
  readonly name: string;
  readonly type: number;
  readonly content: Uint8Array;
}

/** XEN_ELFNOTE_PHYS32_ENTRY as Linux writes it. */
export function entryNote(entry: number): ElfNote {
  const content = new Uint8Array(8);
  new DataView(content.buffer).setUint32(0, entry, true);
  return { name: "Xen", type: 18, content };
}

/** An x86-64 executable of these segments and notes; its own entry is the first segment. */
export function makeNoteElf(
  segments: readonly Segment[],
  notes: readonly ElfNote[],
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
    view.setUint32(at + 4, type === 1 ? 7 : 4, true); // readable, writable, executable
    set64(at + 8, end);
    set64(at + 16, address);
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

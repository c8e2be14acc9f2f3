/** x86 kernels for tests. */
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

/** An x86-64 executable with one segment of `code` and 4096 bytes of memory, and notes. */
export function makeNoteElf(
  code: Uint8Array,
  address: number,
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
  const notesAt = 64 + 2 * 56;
  const codeAt = notesAt + noteBytes.length;
  const bytes = new Uint8Array(codeAt + code.length);
  const view = new DataView(bytes.buffer);
  const set64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  set64(24, address); // entry
  set64(32, 64); // program headers
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  [
    { type: 4, offset: notesAt, address: 0, size: noteBytes.length, memory: noteBytes.length },
    { type: 1, offset: codeAt, address, size: code.length, memory: 4096 },
  ].forEach(({ type, offset, address, size, memory }, i) => {
    const at = 64 + i * 56;
    view.setUint32(at, type, true);
    set64(at + 8, offset);
    set64(at + 24, address);
    set64(at + 32, size);
    set64(at + 40, memory);
  });
  bytes.set(noteBytes, notesAt);
  bytes.set(code, codeAt);
  return bytes;
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  out.set(bytes);
  return out;
}

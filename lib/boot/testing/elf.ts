/** ELF files for tests. */

/** An executable with one segment of `code` at 0x40100000 and 4096 bytes of memory, which begins at `start` in it. */
export function makeElf(code: Uint8Array, start = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(64 + 2 * 56 + code.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 183, true); // EM_AARCH64
  view.setBigUint64(24, 0x40100000n + BigInt(start), true); // entry
  view.setBigUint64(32, 64n, true); // program headers
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  view.setUint32(64, 6, true); // PT_PHDR, to be passed over
  view.setUint32(120, 1, true); // PT_LOAD
  view.setBigUint64(128, 176n, true); // offset
  view.setBigUint64(136, 0xffff800000000000n, true); // virtual address
  view.setBigUint64(144, 0x40100000n, true); // physical address
  view.setBigUint64(152, BigInt(code.length), true);
  view.setBigUint64(160, 4096n, true);
  bytes.set(code, 176);
  return bytes;
}

/** A symbol of {@linkcode makeCodeElf}. */
export interface TestSymbol {
  readonly name: string;
  readonly value: bigint;
  /** STT_...; 0 if not given. */
  readonly type?: number;
  /** Number of the section; .text if not given. */
  readonly section?: number;
}

/** What a file of {@linkcode makeCodeElf} holds. */
export interface CodeElf {
  readonly code: Uint8Array;
  readonly address: bigint;
  readonly symbols: readonly TestSymbol[];
  /** ET_...; 2 (linked) if not given. */
  readonly type?: number;
  /** Replaces the names' section; all symbols then have the name at offset 1. */
  readonly strings?: string;
}

/** Offset of a field in a header of {@linkcode makeCodeElf}'s sections, which end the file. */
export function sectionField(elf: Uint8Array, section: number, field: number): number {
  return elf.length + (section - 4) * 64 + field;
}

/** A file with the sections .text (1), .symtab (2) and .strtab (3), which also names the sections. */
export function makeCodeElf(content: CodeElf): Uint8Array<ArrayBuffer> {
  const { code, address, symbols } = content;
  const names = `\0.text\0${symbols.map(({ name }) => `${name}\0`).join("")}`;
  const strings = new TextEncoder().encode(content.strings ?? names);
  const symbolsAt = 64 + code.length;
  const stringsAt = symbolsAt + symbols.length * 24;
  const sectionsAt = stringsAt + strings.length;
  const bytes = new Uint8Array(sectionsAt + 4 * 64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, content.type ?? 2, true);
  view.setUint16(18, 183, true); // EM_AARCH64
  view.setBigUint64(40, BigInt(sectionsAt), true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 4, true); // sections
  view.setUint16(62, 3, true); // the one with their names
  bytes.set(code, 64);
  bytes.set(strings, stringsAt);
  let nameAt = 7;
  symbols.forEach(({ name, value, type = 0, section = 1 }, i) => {
    const at = symbolsAt + i * 24;
    view.setUint32(at, content.strings === undefined ? nameAt : 1, true);
    view.setUint8(at + 4, type);
    view.setUint16(at + 6, section, true);
    view.setBigUint64(at + 8, value, true);
    nameAt += name.length + 1;
  });
  /** name, type, flags, address, offset, size, link */
  const sections = [
    [1, 1, 6, address, 64, code.length, 0],
    [0, 2, 0, 0, symbolsAt, symbols.length * 24, 3],
    [0, 3, 0, 0, stringsAt, strings.length, 0],
  ] as const;
  sections.forEach(([name, type, flags, address, offset, size, link], i) => {
    const at = sectionsAt + (i + 1) * 64;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, type, true);
    for (const [field, value] of [[8, flags], [16, address], [24, offset], [32, size]] as const) {
      view.setBigUint64(at + field, BigInt(value), true);
    }
    view.setUint32(at + 40, link, true);
  });
  return bytes;
}

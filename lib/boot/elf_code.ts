/**
 * The code in an ELF file of any type, for people who read it: executable sections or segments at the
 * addresses they are linked to, symbols, and what in the code is data (ELF-64 Object File Format 1.5;
 * Arm IHI 0056, "Mapping symbols").
 */
import { BootError } from "./boot_error.ts";
import { cutOff, ELF_AARCH64, type ElfMachine, openElf } from "./elf.ts";

const SECTION_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SYMBOL_BYTES = 24;
const ET_REL = 1;
const PT_LOAD = 1;
const PF_X = 1;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const STT_SECTION = 3;
const STT_FILE = 4;
const STT_TLS = 6;
const SHN_UNDEF = 0;
const SHN_LORESERVE = 0xff00;
/** Linkers make less than ten. */
const MOST_SEGMENTS = 64;
/** Longer names are cut. */
const NAME_BYTES = 512;

/** A named address. */
export interface CodeSymbol {
  readonly address: bigint;
  /** At most 512 characters. */
  readonly name: string;
}

/** Executable bytes that lie together. */
export interface CodePiece {
  /** Name of the section; "segment N" if the file has no sections. */
  readonly name: string;
  /** Virtual; 0 in files that are not linked. */
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** By address. */
  readonly symbols: readonly CodeSymbol[];
  /** Where data (true) or code (false) begins, by address; code comes first if nothing says so. */
  readonly marks: readonly (readonly [address: bigint, data: boolean])[];
}

/** Executable pieces in the order of the file's headers. Throws a BootError. */
export function readElfCode(bytes: Uint8Array, machine: ElfMachine = ELF_AARCH64): CodePiece[] {
  const file = new ElfFile(bytes, machine);
  const sections = file.sections();
  const inSections = sections.some(isCode);
  const pieces = inSections ? sectionPieces(file, sections) : segmentPieces(file);
  const table = sections.find(({ type }) => type === SHT_SYMTAB) ??
    sections.find(({ type }) => type === SHT_DYNSYM);
  if (table !== undefined) addSymbols(file, sections, table, pieces);
  for (const { symbols, marks } of pieces) {
    symbols.sort((a, b) => order(a.address, b.address));
    marks.sort((a, b) => order(a[0], b[0]));
  }
  return pieces;
}

interface Section {
  readonly name: number;
  readonly type: number;
  readonly flags: bigint;
  readonly address: bigint;
  readonly offset: bigint;
  readonly size: bigint;
  readonly link: number;
}

/** A piece that is being filled. */
interface Piece extends CodePiece {
  /** Number of its section, -1 for segments. */
  readonly section: number;
  readonly symbols: CodeSymbol[];
  readonly marks: [bigint, boolean][];
}

const order = (a: bigint, b: bigint): number => a < b ? -1 : a > b ? 1 : 0;

const isCode = ({ type, flags, size }: Section): boolean =>
  type === SHT_PROGBITS && size > 0n &&
  (Number(flags & 0xffn) & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR);

/** Checked access to the file. */
class ElfFile {
  readonly view: DataView;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, machine: ElfMachine) {
    this.view = openElf(bytes, machine);
    this.#bytes = bytes;
  }

  /** Bytes of the file. Throws a BootError if it has not so many. */
  slice(offset: bigint, size: bigint): Uint8Array {
    if (offset + size > BigInt(this.#bytes.length)) throw cutOff();
    return this.#bytes.subarray(Number(offset), Number(offset + size));
  }

  /** Offsets of the entries of a table of the header, none if it is not there. */
  entries(tableAt: number, sizeAt: number, least: number): number[] {
    const table = this.view.getBigUint64(tableAt, true);
    const size = this.view.getUint16(sizeAt, true);
    const count = this.view.getUint16(sizeAt + 2, true);
    if (table === 0n || count === 0) return [];
    if (size < least) {
      throw new BootError("damaged", `kernel: the ELF file has table entries of ${size} bytes`);
    }
    this.slice(table, BigInt(count * size));
    return Array.from({ length: count }, (_, i) => Number(table) + i * size);
  }

  sections(): Section[] {
    const { view } = this;
    return this.entries(40, 58, SECTION_HEADER_BYTES).map((at) => ({
      name: view.getUint32(at, true),
      type: view.getUint32(at + 4, true),
      flags: view.getBigUint64(at + 8, true),
      address: view.getBigUint64(at + 16, true),
      offset: view.getBigUint64(at + 24, true),
      size: view.getBigUint64(at + 32, true),
      link: view.getUint32(at + 40, true),
    }));
  }

  /** A section that holds names; empty if there is none of that number. */
  strings(sections: readonly Section[], index: number): Uint8Array {
    const section = sections.at(index);
    return index === 0 || section === undefined
      ? new Uint8Array(0)
      : this.slice(section.offset, section.size);
  }
}

/** The string that begins at an offset; empty beyond the end. */
function stringAt(strings: Uint8Array, at: number): string {
  const bytes = strings.subarray(at, at + NAME_BYTES);
  const end = bytes.indexOf(0);
  // Copied: not every decoder takes memory that is shared.
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? bytes.length : end));
}

function sectionPieces(file: ElfFile, sections: readonly Section[]): Piece[] {
  const names = file.strings(sections, file.view.getUint16(62, true));
  return sections.flatMap((section, i) =>
    isCode(section)
      ? [{
        section: i,
        name: stringAt(names, section.name),
        address: section.address,
        bytes: file.slice(section.offset, section.size),
        symbols: [],
        marks: [],
      }]
      : []
  );
}

function segmentPieces(file: ElfFile): Piece[] {
  const { view } = file;
  const headers = file.entries(32, 54, PROGRAM_HEADER_BYTES);
  // Each symbol is looked for in each segment.
  if (headers.length > MOST_SEGMENTS) {
    throw new BootError("damaged", `kernel: the ELF file has ${headers.length} segments`);
  }
  return headers.flatMap((at, i) => {
    if (view.getUint32(at, true) !== PT_LOAD || (view.getUint32(at + 4, true) & PF_X) === 0) {
      return [];
    }
    const bytes = file.slice(view.getBigUint64(at + 8, true), view.getBigUint64(at + 32, true));
    const address = view.getBigUint64(at + 16, true);
    return [{ section: -1, name: `segment ${i}`, address, bytes, symbols: [], marks: [] }];
  });
}

function addSymbols(
  file: ElfFile,
  sections: readonly Section[],
  table: Section,
  pieces: readonly Piece[],
): void {
  const { view } = file;
  const strings = file.strings(sections, table.link);
  const bytes = file.slice(table.offset, table.size);
  const start = Number(table.offset);
  // Values are offsets in files that are not linked, addresses in others.
  const relative = view.getUint16(16, true) === ET_REL;
  const inSegments = pieces.some(({ section }) => section < 0);
  const bySection = new Map(pieces.map((piece) => [piece.section, piece]));
  for (let at = start; at + SYMBOL_BYTES <= start + bytes.length; at += SYMBOL_BYTES) {
    const type = view.getUint8(at + 4) & 15;
    const index = view.getUint16(at + 6, true);
    if (type === STT_SECTION || type === STT_FILE || type === STT_TLS) continue;
    if (index === SHN_UNDEF || index >= SHN_LORESERVE) continue;
    const value = view.getBigUint64(at + 8, true);
    const piece = inSegments ? pieces.find((p) => holds(p, value)) : bySection.get(index);
    if (piece === undefined) continue;
    const nameAt = view.getUint32(at, true);
    const address = BigInt.asUintN(64, relative ? piece.address + value : value);
    const first = strings[nameAt];
    if (first === undefined || first === 0) continue;
    const mark = markOf(strings, nameAt);
    if (mark !== undefined) piece.marks.push([address, mark]);
    // Names are many and seldom asked for.
    else {piece.symbols.push({
        address,
        get name(): string {
          return stringAt(strings, nameAt);
        },
      });}
  }
}

const holds = ({ address, bytes }: CodePiece, value: bigint): boolean =>
  value >= address && value < address + BigInt(bytes.length);

/** Whether data begins at the mapping symbol: "$d" or "$x", alone or with a dot and anything behind. */
function markOf(strings: Uint8Array, at: number): boolean | undefined {
  const [dollar, letter, end = 0] = strings.subarray(at, at + 3);
  if (dollar !== 0x24 || (end !== 0 && end !== 0x2e)) return undefined;
  return letter === 0x64 ? true : letter === 0x78 ? false : undefined;
}

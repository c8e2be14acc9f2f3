/** Prefixes as GNU objdump prints them: in front of the mnemonic, where nothing else tells of them. */
import { ignoresWide, TABLES } from "./disassemble_names.ts";
import { OpcodeMap, Prefix } from "./encoding.ts";
import type { X86Handler } from "./handler.ts";
import type { InstructionReader } from "./instruction_reader.ts";

const SEGMENT_NAMES: Readonly<Record<number, string>> = {
  ...{ 0x26: "es", 0x2e: "cs", 0x36: "ss", 0x3e: "ds", 0x64: "fs", 0x65: "gs" },
};
/** Near branches, which F2 has a meaning for. */
const BRANCHES = /^(J(MP|cc)|CALL|RET)$/;
/** Operands that ModRM.reg encodes. */
const REG_OPERANDS = /^[GVSCDP]/;

/** Prefixes that are not told by mnemonic and operands, in the order of the bytes. */
export function prefixWords(code: Uint8Array, i: InstructionReader, handler: X86Handler): string[] {
  const { encoding, memory } = handler;
  const words: string[] = [];
  let data = dataIsUsed(i, handler) ? 1 : 0;
  let repeat = encoding.prefix >= Prefix.f2 ? 1 : 0;
  const addressed = memory !== undefined && memory.form.kind !== "absolute";
  let address = addressed || encoding.addressSized ? 1 : 0;
  let segment = memory !== undefined && i.segment !== 0 ? 1 : 0;
  // In 64-bit code the source of a string has a segment whichever it is.
  const source = encoding.operands.some(({ letter }) => letter === "X") ||
    encoding.mnemonic === "XLAT";
  if (source) segment = 1;
  const end = prefixLength(code, i);
  // The last of a kind is the one that counts.
  for (let at = end - 1; at >= 0; at--) {
    const byte = code[at];
    if (byte === 0x66) {
      if (--data < 0) words.push(i.codeSize === 2 ? "data32" : "data16");
    } else if (byte === 0x67) {
      if (--address < 0) words.push(i.codeSize === 4 ? "addr16" : "addr32");
    } else if (byte === 0xf0) words.push("lock");
    else if (byte === 0xf2 || byte === 0xf3) {
      if (--repeat < 0) words.push(repeatName(byte, handler));
    } else if (i.codeSize === 8 && (byte & 0xf0) === 0x40) {
      if (at !== end - 1 || !rexIsUsed(byte, i, handler)) words.push(rexName(byte));
    } else if (byte === 0x3e && isIndirect(handler)) words.push("notrack");
    else if ((i.codeSize === 8 && byte < 0x64 && !source) || --segment < 0) {
      words.push(SEGMENT_NAMES[byte]);
    }
  }
  return words.reverse();
}

/** Bytes before the opcode. */
function prefixLength(code: Uint8Array, i: InstructionReader): number {
  let at = 0;
  while (isPrefix(code[at], i)) at++;
  return at;
}

const isPrefix = (byte: number, { codeSize }: InstructionReader): boolean =>
  SEGMENT_NAMES[byte] !== undefined || byte === 0x66 || byte === 0x67 || byte === 0xf0 ||
  byte === 0xf2 || byte === 0xf3 || (codeSize === 8 && (byte & 0xf0) === 0x40);

/** Whether 66 belongs to the opcode, or changes the operand size. */
function dataIsUsed(i: InstructionReader, { encoding, row }: X86Handler): boolean {
  if (encoding.prefix === Prefix.data) return true;
  if (i.codeSize === 8 && TABLES.test(encoding.mnemonic)) return false;
  if (/^SYS(RET|EXIT)$/.test(encoding.mnemonic)) return false;
  if (encoding.sizedBy !== "v" && encoding.sizedBy !== "z") return false;
  return i.codeSize !== 8 || (!i.wide && row.f64 !== true);
}

function repeatName(byte: number, { encoding }: X86Handler): string {
  const { mnemonic } = encoding;
  if (byte === 0xf2) return BRANCHES.test(mnemonic) ? "bnd" : "repnz";
  return /^REP (MOVS|STOS|LODS|INS|OUTS)/.test(mnemonic) ? "rep" : "repz";
}

const isIndirect = ({ row }: X86Handler): boolean =>
  row.flow === "indirect" || row.flow === "indirect-call";

const rexName = (byte: number): string =>
  byte === 0x40 ? "rex" : `rex.${[..."WRXB"].filter((_, n) => (byte & (8 >> n)) !== 0).join("")}`;

/** Whether each bit of a REX prefix changes the instruction. */
function rexIsUsed(
  byte: number,
  i: InstructionReader,
  { encoding, view, row }: X86Handler,
): boolean {
  let used = 0;
  const texts = encoding.operands.map(({ text }) => text);
  const sized = encoding.sizedBy !== undefined && row.d64 !== true && row.f64 !== true;
  const nop = i.map === OpcodeMap.primary && i.opcode === 0x90 && i.b === 0;
  if ((sized && !nop && !ignoresWide(encoding.mnemonic)) || encoding.wide !== undefined) used |= 8;
  if (texts.some((text) => REG_OPERANDS.test(text) && !/^(CS|DS|CL|DX)$/.test(text))) used |= 4;
  if (i.mod !== 3 && encoding.modrm) used |= i.index === 32 ? 1 : 3;
  else if (encoding.modrm || texts.some((text) => text[0] === "Z")) used |= 1;
  let bytes = false;
  for (let n = 0; n < view.length; n++) {
    const { kind, size, raw } = view[n];
    // SPL, BPL, SIL, DIL
    bytes ||= kind === "general" && size === 1 && raw.value >= 4 && raw.value < 8;
  }
  const rest = byte & 15 & ~used;
  return rest === 0 && ((byte & 15) !== 0 || bytes);
}

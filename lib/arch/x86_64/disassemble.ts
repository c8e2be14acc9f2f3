/**
 * x86 assembler syntax as GNU objdump prints it with `-M intel`: prefixes, mnemonic, operands. Names
 * that differ from the rows' stand in disassemble_names.ts.
 *
 * Deviation: what no row has is `(bad)`, one byte long; objdump knows instructions that guests have
 * not, and takes more bytes together.
 */
import { bindOperands, Slot } from "../../engine/instruction.ts";
import { TOO_LONG, type X86Decoder } from "./decoder.ts";
import { IMPLIED, pointerOf, registerSize, SIGNED, spell } from "./disassemble_names.ts";
import { operandText, registerName, segmentText } from "./disassemble_operands.ts";
import { prefixWords } from "./disassemble_prefixes.ts";
import type { X86Handler } from "./handler.ts";
import type { InstructionReader } from "./instruction_reader.ts";
import { Mode } from "./mode.ts";
import type { Operand } from "./operands.ts";

/** An instruction as text. */
export interface Disassembled {
  /** "mov    eax,DWORD PTR [rbx+0x8]" */
  readonly text: string;
  /** Bytes that it has. */
  readonly length: number;
}

const MODES = {
  16: Mode.code16 | Mode.protected,
  32: Mode.code32 | Mode.stack32 | Mode.protected,
  64: Mode.code64 | Mode.protected,
} as const;

/** Columns of a mnemonic with its prefixes. */
const MNEMONIC_WIDTH = 6;

/** Writes instructions of one decoder, 16-, 32- or 64-bit code, as text. */
export class X86Disassembler {
  readonly #decoder: X86Decoder;
  readonly #mode: number;

  constructor(decoder: X86Decoder, bits: 16 | 32 | 64 = 64) {
    this.#decoder = decoder;
    this.#mode = MODES[bits];
  }

  /** The instruction at `code[at]`, which the guest has at `address`. */
  disassemble(code: Uint8Array, at: number, address: bigint): Disassembled {
    const decoded = this.#decoder.decode(code, at, code.length, this.#mode);
    if (decoded === undefined || decoded === "cut" || decoded.handler.row.host === TOO_LONG) {
      return { text: "(bad)", length: 1 };
    }
    bindOperands(decoded);
    const { handler, length } = decoded;
    const { reader } = this.#decoder;
    const operands = Array.from({ length: handler.view.length }, (_, n) => handler.view[n]);
    const last = operands.at(-1);
    const immediate = last?.kind === "immediate" ? last.raw.value : undefined;
    const { name, told } = spell(handler, immediate);
    operands.length -= told;
    const words = [...prefixWords(code.subarray(at, at + length), reader, handler), name];
    const texts = operandsText(operands, reader, handler, address);
    const mnemonic = words.join(" ");
    const text = texts === "" ? mnemonic : `${mnemonic.padEnd(MNEMONIC_WIDTH)} ${texts}`;
    return { text: text + pcComment(handler, address), length };
  }
}

function operandsText(
  operands: readonly Operand[],
  i: InstructionReader,
  { view, encoding }: X86Handler,
  address: bigint,
): string {
  const { mnemonic } = encoding;
  const texts = operands.map((operand) => {
    const { raw: { name }, size } = operand;
    const own = name === "Iw" || (name === "Ib" && !SIGNED.has(mnemonic));
    return operandText(operand, i, {
      pointer: pointerOf(mnemonic, name, size, view),
      immediate: own ? size : view.size || size,
      general: registerSize(mnemonic, name, size, view),
    }, address);
  });
  if (mnemonic === "XCHG" && operands[0]?.raw.slot === Slot.fixed) texts.reverse();
  if (mnemonic === "XLAT") {
    texts.push(`BYTE PTR ${segmentText(i)}:[${registerName(3, i.addressSize)}]`);
  }
  return [...texts, ...IMPLIED[mnemonic] ?? []].join(",");
}

/** "        # 0x1234": where an address relative to the pc leads. */
function pcComment({ memory }: X86Handler, address: bigint): string {
  if (memory?.form.kind !== "pc") return "";
  const target = BigInt.asUintN(64, address + BigInt(memory.displacement));
  return `        # 0x${target.toString(16)}`;
}

/** Instructions of each architecture as lines of `vml inspect disassemble`. */
import { instructionRows as a64Rows } from "../lib/arch/aarch64/instruction_rows.ts";
import { a64Disassembler } from "../lib/arch/aarch64/disassemble.ts";
import { X86Decoder } from "../lib/arch/x86_64/decoder.ts";
import { X86Disassembler } from "../lib/arch/x86_64/disassemble.ts";
import { instructionRows as x86Rows } from "../lib/arch/x86_64/instruction_rows.ts";
import type { Architecture } from "../lib/config/machine_config.ts";
import { InstructionTable } from "../lib/engine/table.ts";

/** One instruction. */
export interface Line {
  /** Bytes that it has. */
  readonly length: number;
  /** The encoding in hexadecimal. */
  readonly code: string;
  readonly text: string;
}

/** Reads the code of an architecture. */
export interface AssemblerText {
  /** Instructions begin at multiples of so many bytes. */
  readonly alignment: number;
  /** The instruction at `bytes[at]`, which the guest has at `address`. Undefined: it is cut off. */
  instruction(bytes: Uint8Array, at: number, address: bigint): Line | undefined;
  /** What stands there, when it is known to be data. Undefined: it is cut off. */
  data(bytes: Uint8Array, at: number): Line | undefined;
  /** Matches a text that ends in an address of code or data; the first group is the address. */
  readonly target: RegExp;
}

/** Sizes of x86 code. */
export const CODE_BITS = ["64", "32", "16"] as const;
/** One of these. */
export type CodeBits = typeof CODE_BITS[number];

/** The reader of an architecture's code. `bits`: of x86 code. */
export function assemblerText(arch: Architecture, bits: CodeBits): AssemblerText {
  return arch === "x86_64" ? x86Text(bits) : a64Text();
}

/** Columns of an x86 instruction's bytes, as objdump has them. */
const X86_CODE_WIDTH = 21;

function x86Text(bits: CodeBits): AssemblerText {
  const disassembler = new X86Disassembler(
    new X86Decoder(x86Rows),
    bits === "16" ? 16 : bits === "32" ? 32 : 64,
  );
  const show = (bytes: Uint8Array, at: number, length: number): string =>
    Array.from(bytes.subarray(at, at + length), (byte) => hex(byte, 2)).join(" ")
      .padEnd(X86_CODE_WIDTH);
  return {
    alignment: 1,
    instruction(bytes, at, address) {
      const { text, length } = disassembler.disassemble(bytes, at, address);
      return { length, code: show(bytes, at, length), text };
    },
    data: (bytes, at) => ({
      length: 1,
      code: show(bytes, at, 1),
      text: `.byte 0x${hex(bytes[at], 2)}`,
    }),
    target: /^(?:(?:\S+ )?(?:call|jmp|j\w+|loop\w*) +|.*# )0x([0-9a-f]+)$/,
  };
}

function a64Text(): AssemblerText {
  const disassembler = a64Disassembler(new InstructionTable(a64Rows));
  const wordAt = (bytes: Uint8Array, at: number): number | undefined =>
    at + 4 > bytes.length
      ? undefined
      : new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
  const line = (word: number, text: string): Line => ({ length: 4, code: hex(word, 8), text });
  return {
    alignment: 4,
    instruction(bytes, at, address) {
      const word = wordAt(bytes, at);
      return word === undefined ? undefined : line(word, disassembler.disassemble(word, address));
    },
    data(bytes, at) {
      const word = wordAt(bytes, at);
      return word === undefined ? undefined : line(word, `.inst 0x${hex(word, 8)} // data`);
    },
    target: /[ ,]0x([0-9a-f]+)$/,
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

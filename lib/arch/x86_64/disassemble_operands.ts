/** Operands of x86 instructions as GNU objdump prints them with `-M intel`. */
import { isMemory, type MemoryOperand, NO_REGISTER, Slot } from "../../engine/instruction.ts";
import type { InstructionReader } from "./instruction_reader.ts";
import type { Operand } from "./operands.ts";
import { Segment } from "./state.ts";

const WORDS = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"] as const;
const LOW_BYTES = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"] as const;
const HIGH_BYTES = ["ah", "ch", "dh", "bh"] as const;
const SEGMENTS = ["", "es", "cs", "ss", "ds", "fs", "gs"] as const;
const POINTERS: Readonly<Record<number, string>> = {
  ...{ 1: "BYTE", 2: "WORD", 4: "DWORD", 6: "FWORD", 8: "QWORD", 10: "TBYTE", 16: "XMMWORD" },
};

/** X and Y operands: their address belongs to the handler. */
export const isString = ({ slot }: MemoryOperand): boolean => slot === Slot.fixed;

/** Name of a general register. `size` in bytes; bytes from 16 on are AH, CH, DH, BH. */
export function registerName(number: number, size: number): string {
  if (size === 1 && number >= 16) return HIGH_BYTES[number - 16];
  if (number >= 8) return `r${number}${{ 1: "b", 2: "w", 4: "d" }[size] ?? ""}`;
  if (size === 1) return LOW_BYTES[number];
  return `${{ 4: "e", 8: "r" }[size] ?? ""}${WORDS[number]}`;
}

/** Name of the segment of a string's source: DS or an override. */
export const segmentText = ({ segment }: InstructionReader): string => SEGMENTS[segment] || "ds";

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const signedHex = (value: number): string =>
  value < 0 ? `-0x${(-value).toString(16)}` : `+0x${value.toString(16)}`;

/** An immediate's value, as many bytes of it as `size`. */
function immediate({ raw }: Operand, size: number): bigint {
  const value = (BigInt(raw.high) << 32n) | BigInt(raw.value >>> 0);
  return BigInt.asUintN(8 * size, value);
}

/** What a row's operand does not say about how it is printed. */
export interface OperandStyle {
  /** What memory is called: "DWORD"; "" for nothing. */
  readonly pointer: string;
  /** Bytes of an immediate that are printed. */
  readonly immediate: number;
  /** Bytes that a general register's name stands for. */
  readonly general: number;
}

/** Text of an operand whose values are bound. `address` is the instruction's. */
export function operandText(
  operand: Operand,
  i: InstructionReader,
  style: OperandStyle,
  address: bigint,
): string {
  const { raw, kind, number } = operand;
  switch (kind) {
    case "general":
      return registerName(raw.value, style.general);
    case "xmm":
      return `xmm${raw.value}`;
    case "mmx":
      return `mm${number}`;
    case "memory":
      if (!isMemory(raw)) throw new Error("memory without an address");
      return pointerText(style.pointer) + (isString(raw) ? stringText(raw) : memoryText(raw, i));
    case "number":
      return numberText(raw.name, number);
    case "immediate":
      if (raw.name[0] === "J") {
        const target = address + BigInt(raw.value);
        return hex(BigInt.asUintN(8 * i.codeSize, target));
      }
      if (raw.name[0] === "A") return `0x${raw.high.toString(16)}:${hex(immediate(operand, 4))}`;
      return hex(immediate(operand, style.immediate));
  }
}

function numberText(name: string, number: number): string {
  switch (name[0]) {
    case "S":
      return name === "STi" ? `st(${number})` : name === "ST" ? "st" : SEGMENTS[number + 1];
    case "C":
      return name === "CS" ? "cs" : `cr${number}`;
    case "D":
      return name === "DS" ? "ds" : `dr${number}`;
    default:
      return /^\d/.test(name) ? String(number) : SEGMENTS[number + 1];
  }
}

const pointerText = (pointer: string): string => pointer === "" ? "" : `${pointer} PTR `;

/** The name of so many bytes of memory; "" if they have none. */
export const pointerName = (size: number): string => POINTERS[size] ?? "";

/** An address, with its segment where that is not implied. */
export function memoryText(raw: MemoryOperand, i: InstructionReader): string {
  const { form, base, index, scale, segment, displacement } = raw;
  const { size } = form;
  const given = i.segment !== 0 ? `${SEGMENTS[segment]}:` : "";
  if (form.kind === "absolute") {
    const value = (BigInt(raw.high) << 32n) | BigInt(raw.value >>> 0);
    return `${given || "ds:"}${hex(BigInt.asUintN(8 * size, value))}`;
  }
  if (form.kind === "pc") {
    // From the next instruction, as it is encoded.
    const distance = BigInt.asUintN(64, BigInt((displacement - i.length) | 0));
    return `${given}[${size === 8 ? "r" : "e"}ip+${hex(distance)}]`;
  }
  // A SIB that could have been left out is shown by a register that is always zero.
  const shown = size !== 2 && i.rm === 4 && (scale !== 0 || showsNoIndex(base, size, i));
  const scaled = index !== NO_REGISTER || shown;
  if (base === NO_REGISTER && !scaled) {
    return `${given || "ds:"}${
      hex(BigInt.asUintN(8 * (size === 4 && i.codeSize === 8 ? 4 : size), BigInt(displacement)))
    }`;
  }
  const parts: string[] = [];
  if (base !== NO_REGISTER) parts.push(registerName(base, size));
  if (scaled) {
    const name = index === NO_REGISTER ? `${size === 8 ? "r" : "e"}iz` : registerName(index, size);
    parts.push(size === 2 ? name : `${name}*${1 << scale}`);
  }
  const text = parts.join("+");
  return `${given}[${text}${i.displacementSize === 0 ? "" : signedHex(displacement)}]`;
}

/** Whether a SIB without an index could have been left out. */
function showsNoIndex(base: number, size: number, { codeSize }: InstructionReader): boolean {
  return base === NO_REGISTER ? codeSize === 8 && size === 4 : (base & 7) !== 4;
}

/** The address of a string instruction: [rSI] or [rDI], always with its segment. */
function stringText({ segment, base, form }: MemoryOperand): string {
  const name = segment === Segment.none ? (base === 7 ? "es" : "ds") : SEGMENTS[segment];
  return `${name}:[${registerName(base, form.size)}]`;
}

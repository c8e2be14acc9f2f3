/** Puts an instruction of a row together: prefixes, opcode, ModRM, SIB, displacement, immediate. */
import type { Row } from "./rows.ts";

/** A memory operand. */
export interface Memory {
  /** Number of a general register, "rip", or undefined. */
  readonly base: number | "rip" | undefined;
  /** Number of a general register other than RSP, or undefined. */
  readonly index: number | undefined;
  /** 0..3: the index is shifted by it. */
  readonly scale: number;
  /** Signed, 32 bits. For "rip" relative to the instruction's start, not to its end. */
  readonly displacement: number;
  /** Bytes that the displacement has at least: 0, 1, 4. */
  readonly least: number;
}

/** What is filled into a row. */
export interface Operands {
  /** 16, 32 or 64: the operand size, where the row has one that varies. */
  readonly size: number | undefined;
  /** Registers: ModRM.reg, VEX.vvvv, of the opcode's low bits. */
  readonly reg: number;
  readonly vvvv: number;
  readonly low: number;
  /** ModRM.rm: a register or memory. */
  readonly rm: number | Memory;
  /** Bytes behind all else. */
  readonly immediate: readonly number[];
  /** Legacy prefixes besides those of size and opcode: LOCK, REP, segments, 67. */
  readonly prefixes: readonly number[];
  /** Forces a REX prefix, with these bits where nothing else sets them. */
  readonly rex: number | undefined;
}

const signed = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >> shift) & 255);

/** ModRM, SIB and displacement, with the bits that go into REX.X and REX.B. */
function encodeRm(reg: number, rm: number | Memory): { bytes: number[]; x: number; b: number } {
  const field = (reg & 7) << 3;
  if (typeof rm === "number") return { bytes: [0xc0 | field | (rm & 7)], x: 0, b: rm >> 3 };
  const { base, index, scale, displacement } = rm;
  if (base === "rip") return { bytes: [field | 5, ...signed(displacement)], x: 0, b: 0 };
  const sib = index !== undefined || base === undefined || (base & 7) === 4;
  const x = (index ?? 4) >> 3;
  const sibByte = (scale << 6) | (((index ?? 4) & 7) << 3);
  if (base === undefined) {
    return { bytes: [field | 4, sibByte | 5, ...signed(displacement)], x, b: 0 };
  }
  let bytes = displacement === 0 && (base & 7) !== 5
    ? 0
    : displacement === (displacement << 24) >> 24
    ? 1
    : 4;
  bytes = Math.max(bytes, rm.least);
  const mod = { 0: 0, 1: 1, 4: 2 }[bytes] ?? 2;
  const low = sib
    ? [(mod << 6) | field | 4, sibByte | (base & 7)]
    : [(mod << 6) | field | (base & 7)];
  return { bytes: [...low, ...signed(displacement).slice(0, bytes)], x, b: base >> 3 };
}

/** The bytes of an instruction. */
export function encode(row: Row, operands: Operands): number[] {
  const { size, immediate } = operands;
  const reg = typeof row.reg === "number" ? row.reg : operands.reg;
  const modrm = row.reg === undefined ? undefined : encodeRm(reg, operands.rm);
  const bytes = [...operands.prefixes];
  const wide = row.attributes.has("w64") || (size === 64 && !row.attributes.has("d64"));
  const r = row.reg === "r" ? reg >> 3 : 0;
  if (row.vex !== undefined) {
    const { bytes: rest, x, b } = modrm!;
    const first = ((r ^ 1) << 7) | ((x ^ 1) << 6) | ((b ^ 1) << 5) | row.vex.map;
    const second = ((wide ? 1 : 0) << 7) | ((operands.vvvv ^ 15) << 3) | row.vex.pp;
    bytes.push(0xc4, first, second, row.opcode[0], ...rest, ...immediate);
    return relocate(bytes, operands.rm, immediate.length);
  }
  if (size === 16) bytes.push(0x66);
  if (row.mandatory !== 0) bytes.push(row.mandatory);
  const b = modrm?.b ?? operands.low >> 3;
  const rex = ((wide ? 1 : 0) << 3) | (r << 2) | ((modrm?.x ?? 0) << 1) | b;
  if (rex !== 0 || operands.rex !== undefined) bytes.push(0x40 | rex | (operands.rex ?? 0));
  const last = row.opcode.length - 1;
  row.opcode.forEach((byte, i) => bytes.push(i === last ? byte + (operands.low & 7) : byte));
  bytes.push(...modrm?.bytes ?? [], ...immediate);
  return relocate(bytes, operands.rm, immediate.length);
}

/** Makes a displacement from the instruction's start one from its end. */
function relocate(bytes: number[], rm: number | Memory, behind: number): number[] {
  if (typeof rm === "number" || rm.base !== "rip") return bytes;
  const at = bytes.length - behind - 4;
  const value = (rm.displacement - bytes.length) | 0;
  signed(value).forEach((byte, i) => bytes[at + i] = byte);
  return bytes;
}

/**
 * Decoded instructions, in the form that all architectures share.
 *
 * A *handler* is an instruction with everything structural fixed: what the interpreter has one piece
 * of code for. Its *operands* (registers, immediates, addresses) differ from instruction to
 * instruction: they are constants to the compiler, and fields of a record to the interpreter.
 */
import type { Builder } from "./builder.ts";

/**
 * How an instruction ends a block. The record's immediate is the byte distance to the target.
 * - jump, call: always to pc + imm
 * - branch: to pc + imm or to the next instruction
 * - indirect, return: to a computed address
 * - stop: leaves to the host, which sets the pc or lets it go on
 */
export type Flow = "jump" | "call" | "branch" | "indirect" | "indirect-call" | "return" | "stop";

/** What an operand is. `reg8` is a byte of a general register, see {@linkcode Operand.value}. */
export type OperandKind = "reg" | "sp" | "reg8" | "vec" | "imm" | "mem";

/** Register, immediate or address of one instruction. */
export interface Operand {
  /** For messages and the disassembler. */
  readonly name: string;
  readonly kind: OperandKind;
  /** Where the decoded instruction has it, see {@linkcode Slot}. */
  readonly slot: number;
  /**
   * Register number, or low 32 bits of the immediate (signed). Byte registers: 0 to 15 are bits 7:0
   * of a general register, 16 to 31 bits 15:8 of registers 0 to 15. Only the compiler and the host
   * may look at it, unless the operand is fixed.
   */
  value: number;
  /** High 32 bits of the immediate (signed). */
  high: number;
}

/** Places of operands besides the bytes 0 to 3, and 6 and 7 if there is no 64-bit immediate. */
export const Slot = {
  /** The 64-bit immediate. */
  imm: -1,
  /** Nowhere: the operand's value belongs to the handler. */
  fixed: -2,
  /** Base, index, scale and segment of the address are the four bytes from here on. */
  address: 8,
} as const;
/** Bytes of {@linkcode Decoded.slots}. */
export const SLOTS = 12;

/** Register number of an address without base or index: it reads as zero. */
export const NO_REGISTER = 32;

/** What of an address is structural: the interpreter has one piece of code for each form. */
export interface AddressForm {
  /**
   * What the offset is the sum of.
   * - base: a general register (or none) and the displacement
   * - indexed: the same and an index register, shifted left by the scale
   * - pc: the address of the instruction and the displacement
   * - absolute: the 64-bit immediate alone
   */
  readonly kind: "base" | "indexed" | "pc" | "absolute";
  /** Bytes of the offset, which wraps there. */
  readonly size: 2 | 4 | 8;
  /** Whether the base of a segment is added to the offset. */
  readonly segmented: boolean;
  /** The address with the segment's base wraps at 4 GiB. */
  readonly linear32: boolean;
}

/** Address of an operand in memory; an instruction has one at most, and perhaps fixed ones. */
export interface MemoryOperand extends Operand {
  readonly kind: "mem";
  readonly form: AddressForm;
  /** General register, or {@linkcode NO_REGISTER}. */
  base: number;
  index: number;
  /** 0 to 3. */
  scale: number;
  /** Element of the architecture's segment bases; 0 is always 0. */
  segment: number;
  /** Signed, 32 bits. */
  displacement: number;
}

/** What the engine must know of an instruction's row. */
export interface Instruction {
  /** Title in the manual. */
  readonly name: string;
  /** Name of the architectural feature that brings it. */
  readonly feature: string;
  /** Name of the host handler that executes it instead of semantics. */
  readonly host?: string | undefined;
  readonly flow?: Flow | undefined;
}

/** A row with one choice of everything structural. */
export interface Handler {
  /** Number, unique in its decoder; in order of first use. */
  readonly id: number;
  readonly instruction: Instruction;
  /** All that are not fixed. */
  readonly operands: readonly Operand[];
  /** Writes the semantics; for the host's instructions nothing. All probes come before any change of state. */
  emit(b: Builder): void;
}

/** One decoded instruction. A decoder may reuse the object: copy what must live longer. */
export interface Decoded {
  readonly handler: Handler;
  /** {@linkcode SLOTS} bytes, see {@linkcode Slot}. */
  readonly slots: Uint8Array;
  /** The 64-bit immediate. */
  readonly immLow: number;
  readonly immHigh: number;
  /** Of the address. */
  readonly displacement: number;
  /** Bytes. */
  readonly length: number;
}

/** Turns bytes into instructions. Makes handlers as it meets them. */
export interface Decoder {
  /**
   * The instruction at `code[at]`, whose bytes must lie below `limit`. Undefined: there is none.
   * "cut": that cannot be told from the bytes below `limit`.
   */
  decode(code: Uint8Array, at: number, limit: number, mode: number): Decoded | undefined | "cut";
}

/** Gives a handler's operands the values of one instruction, for the compiler and the host. */
export function bindOperands(decoded: Decoded): void {
  const { operands } = decoded.handler;
  for (let i = 0; i < operands.length; i++) bindOperand(operands[i], decoded);
}

function bindOperand(
  operand: Operand,
  { slots, immLow, immHigh, displacement }: Decoded,
): void {
  const { slot } = operand;
  if (slot === Slot.imm || isMemory(operand)) {
    operand.value = immLow;
    operand.high = immHigh;
  } else {
    operand.value = slots[slot];
    operand.high = 0;
  }
  if (!isMemory(operand)) return;
  operand.base = slots[Slot.address];
  operand.index = slots[Slot.address + 1];
  operand.scale = slots[Slot.address + 2];
  operand.segment = slots[Slot.address + 3];
  operand.displacement = displacement;
}

export function isMemory(operand: Operand): operand is MemoryOperand {
  return operand.kind === "mem";
}

/** An operand that is the same in every instruction of a handler: a register that has no field. */
export function fixedOperand(kind: "reg" | "reg8" | "vec", value: number): Operand {
  return { name: `${kind}${value}`, kind, slot: Slot.fixed, value, high: 0 };
}

/** An address that is the same sum in every instruction of a handler. */
export function fixedAddress(
  form: AddressForm,
  { base = NO_REGISTER, index = NO_REGISTER, scale = 0, segment = 0, displacement = 0 }: {
    readonly base?: number;
    readonly index?: number;
    readonly scale?: number;
    readonly segment?: number;
    readonly displacement?: number;
  },
): MemoryOperand {
  return {
    name: "address",
    kind: "mem",
    slot: Slot.fixed,
    value: 0,
    high: 0,
    form,
    base,
    index,
    scale,
    segment,
    displacement,
  };
}

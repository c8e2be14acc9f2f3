/** Handlers of x86 instructions: a row with everything structural fixed, and its operands. */
import type { Builder } from "../../engine/builder.ts";
import {
  type AddressForm,
  fixedAddress,
  fixedOperand,
  type Handler,
  type Instruction,
  type MemoryOperand,
  NO_REGISTER,
  type Operand as EngineOperand,
  Slot,
} from "../../engine/instruction.ts";
import { type Encoding, Prefix, type VaryingSize } from "./encoding.ts";
import type { InstructionReader } from "./instruction_reader.ts";
import { field } from "./layout.ts";
import { Mode } from "./mode.ts";
import {
  cutAddress,
  GeneralOperand,
  ImmediateOperand,
  MemoryForm,
  MmxOperand,
  NumberOperand,
  type OperandForm,
  XmmOperand,
} from "./operand_forms.ts";
import type { Operand, Operands } from "./operands.ts";
import type { X86Row } from "./row.ts";
import { Segment } from "./state.ts";

/** Slots of register operands by what encodes them, and of a second immediate. */
export const Place = { reg: 0, rm: 1, vvvv: 2, immediate: 3 } as const;

/** Effective sizes and numbers that a handler is made for. */
export interface Choice {
  /** Operand sizes, see `VaryingSize`, and the row's. */
  readonly v: number;
  readonly y: number;
  readonly size: number;
  /** Condition or structural immediate. */
  readonly constant: number;
  /** Registers that are structural: of ModRM.reg in bits 3:0, the other in 6:4. */
  readonly numbers: number;
}

/** What of an instruction is structural besides its operands. */
export type Structure = Pick<
  Operands,
  | "size"
  | "addressSize"
  | "segment"
  | "codeSize"
  | "stackSize"
  | "cc"
  | "lock"
  | "repeat"
>;

class OperandList implements Operands {
  [index: number]: Operand;
  readonly length: number;
  readonly size: number;
  readonly addressSize: number;
  readonly segment: number;
  readonly codeSize: number;
  readonly stackSize: number;
  readonly cc: number;
  readonly lock: boolean;
  readonly repeat: number;

  constructor(operands: readonly Operand[], structure: Structure) {
    operands.forEach((operand, i) => this[i] = operand);
    this.length = operands.length;
    this.size = structure.size;
    this.addressSize = structure.addressSize;
    this.segment = structure.segment;
    this.codeSize = structure.codeSize;
    this.stackSize = structure.stackSize;
    this.cc = structure.cc;
    this.lock = structure.lock;
    this.repeat = structure.repeat;
  }

  linear(b: Builder): void {
    cutAddress(b, this.addressSize);
    if (this.segment === Segment.none) return;
    b.getState(field("segmentBase"), this.segment);
    b.i64_add();
    if (this.codeSize !== 8) cutAddress(b, 4);
  }

  nextIp(b: Builder): void {
    b.nextPc();
    if (this.codeSize === 8) return;
    b.getState(field("segmentBase"), Segment.cs);
    b.i64_sub();
    cutAddress(b, this.codeSize);
  }

  jumpTo(b: Builder): void {
    if (this.codeSize !== 8) {
      cutAddress(b, this.size === 2 ? 2 : 4);
      b.getState(field("segmentBase"), Segment.cs);
      b.i64_add();
      cutAddress(b, 4);
    }
    b.jumpTo();
  }
}

/** A row with everything structural fixed. */
export class X86Handler implements Handler {
  readonly id: number;
  readonly encoding: Encoding;
  readonly row: X86Row;
  readonly instruction: Instruction;
  readonly operands: readonly EngineOperand[];
  /** What semantics see. */
  readonly view: Operands;
  /** The operand that the record has an address of. */
  readonly memory: MemoryOperand | undefined;
  readonly #forms: readonly OperandForm[];

  constructor(
    id: number,
    encoding: Encoding,
    operands: readonly EngineOperand[],
    forms: readonly OperandForm[],
    structure: Structure,
  ) {
    const { row } = encoding;
    this.id = id;
    this.encoding = encoding;
    this.row = row;
    this.instruction = { name: row.title, feature: row.feature, host: row.host, flow: row.flow };
    this.operands = operands;
    this.memory = operands.find((operand): operand is MemoryOperand => operand.kind === "mem");
    this.view = new OperandList(forms, structure);
    this.#forms = forms;
  }

  emit(b: Builder): void {
    for (const form of this.#forms) form.begin();
    this.row.semantics?.(b, this.view);
  }
}

/** Bytes of an operand. */
export function sizeOf(size: number | VaryingSize, v: number, y: number): number {
  if (typeof size === "number") return size;
  return size === "v" ? v : size === "y" ? y : size === "z" ? Math.min(v, 4) : v + 2;
}

/** The segment of an address, as an index of the bases: an override, or the base register's. */
export function segmentOf(i: InstructionReader): number {
  if (i.segment !== 0 || i.codeSize === 8) return i.segment;
  return i.base === 4 || i.base === 5 ? Segment.ss : Segment.ds;
}

const KINDS: readonly AddressForm["kind"][] = ["base", "indexed", "pc", "absolute"];

function kindOf(i: InstructionReader): number {
  return i.absolute ? 3 : i.pcRelative ? 2 : i.index === NO_REGISTER ? 0 : 1;
}

/** A number for what is structural about the address of the instruction; never 0. */
export function addressKey(i: InstructionReader): number {
  return (kindOf(i) << 5) | (i.addressSize << 1) | (segmentOf(i) === 0 ? 0 : 1);
}

function addressForm(i: InstructionReader): AddressForm {
  return {
    kind: KINDS[kindOf(i)],
    size: i.addressSize as 2 | 4 | 8,
    segmented: segmentOf(i) !== 0,
    linear32: i.codeSize !== 8,
  };
}

/** X and Y: the address in rSI or rDI. */
function stringAddress(i: InstructionReader, letter: string): MemoryOperand {
  const long = i.codeSize === 8;
  const segment = letter === "X" ? segmentOf(i) : long ? Segment.none : Segment.es;
  const form: AddressForm = {
    kind: "base",
    size: i.addressSize as 2 | 4 | 8,
    segmented: segment !== 0,
    linear32: !long,
  };
  return fixedAddress(form, { base: letter === "X" ? 6 : 7, segment });
}

const REGISTER_PLACES: Readonly<Record<string, number>> = {
  ...{ G: Place.reg, V: Place.reg, E: Place.rm, R: Place.rm, M: Place.rm, W: Place.rm },
  ...{ U: Place.rm, Z: Place.rm, B: Place.vvvv },
};

/** Makes the handler of what the decoder has read. */
export function makeHandler(
  id: number,
  encoding: Encoding,
  i: InstructionReader,
  choice: Choice,
): X86Handler {
  const { row, addressSized, operands, prefix } = encoding;
  const engineOperands: EngineOperand[] = [];
  const take = <T extends EngineOperand>(operand: T): T => {
    engineOperands.push(operand);
    return operand;
  };
  let immediates = 0;
  const forms = operands.map(({ letter, size: form, fixed, text }): OperandForm => {
    const size = sizeOf(form, choice.v, choice.y);
    const make = (kind: "reg" | "reg8" | "vec" | "imm", slot: number): EngineOperand =>
      take({ name: text, kind, slot, value: 0, high: 0 });
    const number = (value: number): NumberOperand => {
      const raw = { name: text, kind: "imm", slot: Slot.fixed, value, high: 0 } as const;
      return new NumberOperand(size, raw, value);
    };
    const memory = "EMRWUQN".includes(letter) && i.mod !== 3;
    const general = (slot: number): GeneralOperand =>
      new GeneralOperand(size, make(size === 1 ? "reg8" : "reg", slot));
    if (memory || letter === "O") {
      const raw = { ...fixedAddress(addressForm(i), {}), name: text, slot: Slot.address };
      return new MemoryForm(size, take(raw));
    }
    switch (letter) {
      case "G":
      case "E":
      case "R":
      case "Z":
      case "B":
      case "M":
        return general(REGISTER_PLACES[letter]);
      case "V":
      case "W":
      case "U":
        return new XmmOperand(size, make("vec", REGISTER_PLACES[letter]));
      case "P":
      case "Q":
      case "N": {
        const value = (letter === "P" ? choice.numbers : choice.numbers >> 4) & 7;
        return new MmxOperand(size, number(value).raw, value);
      }
      case "r":
        return new GeneralOperand(size, fixedOperand(size === 1 ? "reg8" : "reg", fixed));
      case "X":
      case "Y":
        return new MemoryForm(size, stringAddress(i, letter));
      case "I": {
        const slot = immediates++ === 0 ? Slot.imm : Place.immediate;
        const value = row.constant === undefined || slot !== Slot.imm ? -1 : choice.constant;
        return new ImmediateOperand(size, make("imm", slot), choice.size, value);
      }
      case "J":
      case "A":
        return new ImmediateOperand(size, make("imm", Slot.imm), 8, -1);
      case "T":
        return number(choice.numbers >> 4);
      case "n":
        return number(fixed);
      default:
        return number(choice.numbers & 15);
    }
  });
  const stack = (i.mode & Mode.stack32) !== 0 ? 4 : 2;
  const repeat = prefix === Prefix.f2 || prefix === Prefix.f3
    ? prefix
    : prefix === Prefix.repeat
    ? i.repeat
    : 0;
  return new X86Handler(id, encoding, engineOperands, forms, {
    size: choice.size,
    addressSize: addressSized ? i.addressSize : 0,
    segment: addressSized ? segmentOf(i) : 0,
    codeSize: i.codeSize,
    stackSize: i.codeSize === 8 ? 8 : stack,
    cc: encoding.cc ? choice.constant : 0,
    lock: i.lock,
    repeat,
  });
}

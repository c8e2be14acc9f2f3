/**
 * The decoder: from bytes to a row, and from there to a handler with operands. What the rows do not
 * say stands here: defaults of sizes and segments, LOCK, VEX.vvvv, the length limit.
 *
 * Deviations: 66 before a near branch of 64-bit code does nothing, as on Intel's processors. Direct
 * jumps of 16- and 32-bit code do not wrap at the end of their segment, and 66 does not cut EIP.
 */
import { bindOperands, type Decoded, type Decoder, Slot, SLOTS } from "../../engine/instruction.ts";
import { type Encoding, MAPS, parseRow, Prefix } from "./encoding.ts";
import {
  addressKey,
  type Choice,
  makeHandler,
  Place,
  segmentOf,
  sizeOf,
  type X86Handler,
} from "./handler.ts";
import { InstructionReader, LONGEST } from "./instruction_reader.ts";
import { Mode } from "./mode.ts";
import type { Operands } from "./operands.ts";
import { x86Host, type X86Row } from "./row.ts";

/** Host handler of instructions that are longer than 15 bytes: #GP(0). */
export const TOO_LONG = "too long";
const tooLong: X86Row = x86Host("(too long)", "f0", "base", TOO_LONG);

/** Rows of one opcode. */
interface Bucket {
  readonly modrm: boolean;
  readonly modIgnored: boolean;
  /** By ModRM.reg, registers (mod 3) from 8 on; without ModRM only the first. */
  readonly rows: readonly (readonly Candidate[])[];
}

/** A row and its handlers. What decoding asks of a row stands here: all of these have one shape. */
export interface Candidate extends Encoding {
  readonly handlers: Map<number, X86Handler>;
  readonly d64: boolean;
  readonly f64: boolean;
  readonly i64: boolean;
  readonly o64: boolean;
  readonly protectedOnly: boolean;
  readonly mayLock: boolean;
}

/** The instruction that was decoded last. */
class X86Decoded implements Decoded {
  handler!: X86Handler;
  readonly slots: Uint8Array = new Uint8Array(SLOTS);
  immLow = 0;
  immHigh = 0;
  displacement = 0;
  length = 0;
}

export class X86Decoder implements Decoder {
  /** All handlers met so far, by id. */
  readonly handlers: X86Handler[] = [];
  readonly encodings: readonly Candidate[];
  /** What the bytes of the last instruction are. */
  readonly reader: InstructionReader = new InstructionReader();
  /** By opcode map and opcode, and made ready from them when the first is met. */
  readonly #candidates: (Candidate[] | undefined)[] = new Array(MAPS << 8).fill(undefined);
  readonly #buckets: (Bucket | undefined)[] = new Array(MAPS << 8).fill(undefined);
  readonly #decoded: X86Decoded = new X86Decoded();
  #tooLong: X86Handler | undefined;

  constructor(rows: readonly X86Row[]) {
    this.encodings = rows.map(candidateOf);
    for (const encoding of this.encodings) {
      for (let n = 0; n < encoding.opcodes; n++) {
        const at = (encoding.map << 8) | (encoding.opcode + n);
        const candidates = this.#candidates[at];
        if (candidates === undefined) this.#candidates[at] = [encoding];
        else candidates.push(encoding);
      }
    }
  }

  /** The instruction at `code[at]`: see Decoder. Valid until the next call. */
  decode(
    code: Uint8Array,
    at: number,
    limit: number,
    mode: number,
  ): X86Decoded | undefined | "cut" {
    const i = this.reader;
    const begun = i.begin(code, at, limit, mode);
    if (i.overrun) return this.#overrun(limit);
    if (!begun) return undefined;
    const bucket = this.#bucket((i.map << 8) | i.opcode);
    if (bucket === undefined) return undefined;
    let rows = bucket.rows[0];
    if (bucket.modrm) {
      i.modRm(bucket.modIgnored);
      if (i.overrun && limit - at < LONGEST) return "cut";
      rows = bucket.rows[(i.mod === 3 ? 8 : 0) | (i.reg & 7)];
    }
    for (let n = 0; n < rows.length; n++) {
      if (matches(rows[n], i)) return this.#fill(rows[n], i, limit);
    }
    return this.#undefined(bucket, i, limit);
  }

  /** No row matches. If an instruction with the opcode would be too long, that is what is wrong. */
  #undefined(
    { rows }: Bucket,
    i: InstructionReader,
    limit: number,
  ): X86Decoded | undefined | "cut" {
    if (limit - i.start < LONGEST) return undefined;
    const similar = rows.find((list) => list.length > 0)?.[0];
    if (similar !== undefined && i.length + immediateBytes(similar, i) > LONGEST) i.overrun = true;
    return i.overrun ? this.#overrun(limit) : undefined;
  }

  #bucket(at: number): Bucket | undefined {
    const candidates = this.#candidates[at];
    if (candidates === undefined) return undefined;
    return this.#buckets[at] ??= bucketOf(candidates);
  }

  /** Bytes were missing: below the limit, or the instruction is too long. */
  #overrun(limit: number): X86Decoded | "cut" {
    if (limit - this.reader.start < LONGEST) return "cut";
    const out = this.#decoded;
    this.#tooLong ??= this.#newHandler(candidateOf(tooLong), NO_CHOICE);
    out.handler = this.#tooLong;
    out.length = LONGEST;
    return out;
  }

  /** Reads what follows the opcode, and ModRM if there is one. */
  #fill(candidate: Candidate, i: InstructionReader, limit: number): X86Decoded | undefined | "cut" {
    const { operands } = candidate;
    const out = this.#decoded;
    const { slots } = out;
    const v = operandSize(candidate, i);
    const y = i.codeSize === 8 && (i.wide || candidate.f64) ? 8 : 4;
    const size = rowSize(candidate, v, y);
    for (let n = 0; n < SLOTS; n++) slots[n] = 0;
    out.immLow = out.immHigh = out.displacement = 0;
    let numbers = 0;
    let address = 0;
    let distance = false;
    let refused = false;
    let immediates = 0;
    for (let n = 0; n < operands.length; n++) {
      const form = operands[n];
      switch (form.letter) {
        case "G":
          slots[Place.reg] = register(i, i.reg, form.size);
          break;
        case "V":
          slots[Place.reg] = i.reg;
          break;
        case "B":
          slots[Place.vvvv] = i.vvvv;
          break;
        case "Z":
          slots[Place.rm] = register(i, (i.opcode & 7) | i.b, form.size);
          break;
        case "E":
        case "R":
        case "M":
        case "W":
        case "U":
          if (i.mod !== 3) address = addressKey(i);
          else slots[Place.rm] = register(i, i.rm, form.size);
          break;
        case "Q":
        case "N":
          if (i.mod !== 3) address = addressKey(i);
          else numbers |= (i.rm & 7) << 4;
          break;
        case "O":
          readAbsolute(i, out);
          address = addressKey(i);
          break;
        case "S":
          refused = (i.reg & 7) > 5;
          numbers |= i.reg & 7;
          break;
        case "P":
          numbers |= i.reg & 7;
          break;
        case "C":
        case "D":
          numbers |= i.reg;
          break;
        case "T":
          numbers |= ((candidate.modrm ? i.rm : i.opcode) & 7) << 4;
          break;
        case "I":
          if (immediates++ === 0) readImmediate(i, out, sizeOf(form.size, v, y), size);
          else slots[Place.immediate] = i.signed(1);
          break;
        case "J":
          out.immLow = i.signed(sizeOf(form.size, v, y));
          distance = true;
          break;
        case "A":
          out.immLow = v === 2 ? i.signed(2) & 0xffff : i.signed(4);
          out.immHigh = i.signed(2) & 0xffff;
          break;
      }
    }
    if (i.overrun) return this.#overrun(limit);
    // That it is refused comes after that it is too long.
    if (refused || (i.lock && !(candidate.mayLock && i.mod !== 3))) return undefined;
    out.length = i.length;
    if (distance) {
      const sum = out.immLow + out.length;
      out.immLow = sum | 0;
      out.immHigh = Math.floor(sum / 2 ** 32);
    }
    if (address !== 0) {
      slots[Slot.address] = i.base;
      slots[Slot.address + 1] = i.index;
      slots[Slot.address + 2] = i.scale;
      slots[Slot.address + 3] = segmentOf(i);
      out.displacement = i.pcRelative ? (i.displacement + out.length) | 0 : i.displacement;
    }
    if (candidate.addressSized) address = (i.addressSize << 3) | segmentOf(i);
    const constant = candidate.cc
      ? i.opcode & 15
      : structural(candidate.row.constant, out.immLow, size);
    const key = (candidate.sizedBy === undefined ? 0 : SIZE_KEYS[size]) |
      (i.mode & (Mode.code | Mode.stack32)) | (i.lock ? 0x20 : 0) |
      (candidate.prefix === Prefix.repeat && i.repeat === 0xf2 ? 0x40 : 0) | (address << 7) |
      (constant << 14) | (numbers << 22);
    let handler = candidate.handlers.get(key);
    if (handler === undefined) {
      handler = this.#newHandler(candidate, { v, y, size, constant, numbers });
      candidate.handlers.set(key, handler);
    }
    out.handler = handler;
    return out;
  }

  #newHandler(candidate: Candidate, choice: Choice): X86Handler {
    const handler = makeHandler(this.handlers.length, candidate, this.reader, choice);
    this.handlers.push(handler);
    return handler;
  }
}

/**
 * The operands of a decoded instruction with their values, for host rows: as semantics see them, and
 * in `raw` what the instruction has. Valid until the next call.
 */
export function operandsOf(decoded: Decoded): Operands {
  bindOperands(decoded);
  return (decoded as X86Decoded).handler.view;
}

const candidateOf = (row: X86Row): Candidate => ({
  ...parseRow(row),
  handlers: new Map(),
  d64: row.d64 === true,
  f64: row.f64 === true,
  i64: row.i64 === true,
  o64: row.o64 === true,
  protectedOnly: row.protectedOnly === true,
  mayLock: row.lock === true,
});

/** Key of an operand size. */
const SIZE_KEYS: Readonly<Record<number, number>> = { 2: 1, 4: 2, 8: 3 };

function bucketOf(candidates: Candidate[]): Bucket {
  // Those that want a prefix go before those that take what is left.
  const rows = candidates.toSorted((a, b) =>
    Number(a.prefix === Prefix.any) - Number(b.prefix === Prefix.any)
  );
  const { modrm, modIgnored } = rows[0];
  if (rows.some((row) => row.modrm !== modrm || row.modIgnored !== modIgnored)) {
    throw new Error(`only some have ModRM: ${rows.map(({ row }) => row.title).join(", ")}`);
  }
  const lists = Array.from(
    { length: modrm ? 16 : 1 },
    (_, n) =>
      rows.filter(({ reg, register }) =>
        !modrm ||
        ((reg === undefined || reg === (n & 7)) && (register === undefined || register === n > 7))
      ),
  );
  return { modrm, modIgnored, rows: lists };
}

/** Whether the bytes are of this row. ModRM.reg and mod are known to be. */
function matches(candidate: Candidate, i: InstructionReader): boolean {
  const { prefix, wide, rm } = candidate;
  switch (prefix) {
    case Prefix.any:
      break;
    case Prefix.none:
      if (i.data || i.repeat !== 0) return false;
      break;
    case Prefix.data:
      if (!i.data || i.repeat !== 0) return false;
      break;
    case Prefix.repeat:
      if (i.repeat === 0) return false;
      break;
    case Prefix.noRepeat:
      if (i.repeat !== 0) return false;
      break;
    default:
      if (i.repeat !== prefix) return false;
  }
  if (wide !== undefined && wide !== i.wide) return false;
  if (rm !== undefined && rm !== (i.rm & 7)) return false;
  if (i.codeSize === 8 ? candidate.i64 : candidate.o64) return false;
  if (candidate.protectedOnly && (i.mode & Mode.protected) === 0) return false;
  return !i.vex || (!i.long && (candidate.vvvv || i.vvvv === 0));
}

/** The effective operand size in bytes (SDM volume 1, 3.6): 2, 4 or 8. */
function operandSize({ prefix, d64, f64 }: Candidate, i: InstructionReader): number {
  const data = i.data && prefix !== Prefix.data && !i.vex;
  if (i.codeSize !== 8) return (i.codeSize === 2) === data ? 4 : 2;
  if (f64 || i.wide) return 8;
  return data ? 2 : d64 ? 8 : 4;
}

/** Bytes behind opcode and ModRM. */
function immediateBytes(candidate: Candidate, i: InstructionReader): number {
  const v = operandSize(candidate, i);
  return candidate.operands.reduce(
    (sum, { letter, size }) =>
      "IJ".includes(letter)
        ? sum + sizeOf(size, v, 4)
        : sum + (letter === "A" ? Math.min(v, 4) + 2 : letter === "O" ? i.addressSize : 0),
    0,
  );
}

/** `Operands.size` */
function rowSize({ sizedBy, operands }: Candidate, v: number, y: number): number {
  if (sizedBy === "v") return v;
  if (sizedBy === "y") return y;
  if (sizedBy === "z") return Math.min(v, 4);
  return operands.length === 0 ? 0 : operands[0].size as number;
}

/** Number of a general register; without REX, bytes 4 to 7 are AH, CH, DH, BH. XMM are like these. */
function register(i: InstructionReader, n: number, size: number | string): number {
  return size === 1 && !i.rex && n >= 4 && n < 8 ? n + 12 : n;
}

/** Reads the address of a MOV with AL or rAX. */
function readAbsolute(i: InstructionReader, out: X86Decoded): void {
  i.absolute = true;
  if (i.addressSize === 2) out.immLow = i.signed(2) & 0xffff;
  else out.immLow = i.signed(4);
  if (i.addressSize === 8) out.immHigh = i.signed(4);
}

/** Reads an immediate, and extends it to the operand size: by its sign, and above that by zeros. */
function readImmediate(
  i: InstructionReader,
  out: X86Decoded,
  size: number,
  operandSize: number,
): void {
  const value = i.signed(Math.min(size, 4));
  if (size === 8) out.immHigh = i.signed(4);
  else if (operandSize >= 4 || operandSize === 0) out.immHigh = value >> 31;
  out.immLow = operandSize === 1 ? value & 0xff : operandSize === 2 ? value & 0xffff : value;
}

function structural(constant: X86Row["constant"], value: number, size: number): number {
  return typeof constant === "function" ? constant(value, size) : value & (constant ?? 0);
}

const NO_CHOICE: Choice = { v: 0, y: 0, size: 0, constant: 0, numbers: 0 };

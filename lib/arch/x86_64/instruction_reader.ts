/**
 * Takes the bytes of one instruction apart: prefixes, opcode, ModRM, SIB, displacement (SDM volume
 * 2, chapter 2). Knows no instruction: the decoder says which opcodes have a ModRM, and how long
 * immediates are.
 */
import { NO_REGISTER } from "../../engine/instruction.ts";
import { OpcodeMap } from "./encoding.ts";
import { Mode } from "./mode.ts";
import { Segment } from "./state.ts";

/** Bytes that an instruction may have. */
export const LONGEST = 15;

/** What a byte is before the opcode: 0 not a prefix, else one of these. */
const Class = { segment: 1, data: 2, address: 3, lock: 4, repeat: 5 } as const;
const CLASSES: Uint8Array = new Uint8Array(256);
for (const byte of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]) CLASSES[byte] = Class.segment;
CLASSES[0x66] = Class.data;
CLASSES[0x67] = Class.address;
CLASSES[0xf0] = Class.lock;
CLASSES[0xf2] = Class.repeat;
CLASSES[0xf3] = Class.repeat;

const SEGMENTS: Readonly<Record<number, number>> = {
  0x26: Segment.es,
  0x2e: Segment.cs,
  0x36: Segment.ss,
  0x3e: Segment.ds,
  0x64: Segment.fs,
  0x65: Segment.gs,
};

/** Base and index of 16-bit addressing by ModRM.rm: BX+SI, BX+DI, BP+SI, BP+DI, SI, DI, BP, BX. */
const BASES_16 = [3, 3, 5, 5, 6, 7, 5, 3] as const;
const INDEXES_16 = [6, 7, 6, 7, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER] as const;

/** The parts of the instruction that was read last. */
export class InstructionReader {
  #code: Uint8Array = new Uint8Array(0);
  #end = 0;
  /** Where the instruction begins, and the next byte. */
  start = 0;
  position = 0;
  /** Bytes were asked for that are not there, or beyond the fifteenth. */
  overrun = false;
  mode = 0;
  /** Size of code in bytes: 2, 4, 8. */
  codeSize = 8;

  // ---- prefixes
  data = false;
  lock = false;
  /** The last of F2 and F3, or 0. */
  repeat = 0;
  /** The last segment override that counts, or 0. */
  segment = 0;
  /** Address size in bytes. */
  addressSize = 8;
  /** There is a REX prefix: no AH, CH, DH, BH. */
  rex = false;
  wide = false;
  /** High bits of ModRM.reg, SIB.index, and ModRM.rm, SIB.base or the opcode's register: 8 or 0. */
  r = 0;
  x = 0;
  b = 0;
  vex = false;
  /** VEX.L: 256 bits. */
  long = false;
  vvvv = 0;

  // ---- opcode
  map = 0;
  opcode = 0;

  // ---- ModRM and what follows from it
  mod = 0;
  reg = 0;
  rm = 0;
  /** Of the address: registers or `NO_REGISTER`. */
  base: number = NO_REGISTER;
  index: number = NO_REGISTER;
  scale = 0;
  displacement = 0;
  /** Bytes of the displacement. */
  displacementSize = 0;
  /** The displacement is relative to the next instruction. */
  pcRelative = false;
  /** The address is in the instruction, not in ModRM. The decoder knows. */
  absolute = false;

  get length(): number {
    return this.position - this.start;
  }

  /** Reads up to the opcode. False: these bytes are no instruction. */
  begin(code: Uint8Array, at: number, limit: number, mode: number): boolean {
    this.#code = code;
    this.#end = Math.min(limit, at + LONGEST);
    this.start = at;
    this.position = at;
    this.overrun = false;
    this.mode = mode;
    const size = mode & Mode.code;
    this.codeSize = size === Mode.code64 ? 8 : size === Mode.code32 ? 4 : 2;
    this.addressSize = this.codeSize;
    this.data =
      this.lock =
      this.rex =
      this.wide =
      this.vex =
      this.long =
        false;
    this.repeat =
      this.segment =
      this.r =
      this.x =
      this.b =
      this.vvvv =
        0;
    this.mod =
      this.reg =
      this.rm =
      this.scale =
      this.displacement =
      this.displacementSize =
        0;
    this.base = this.index = NO_REGISTER;
    this.pcRelative = this.absolute = false;
    return this.#opcode(this.#prefixes());
  }

  #byte(): number {
    if (this.position < this.#end) return this.#code[this.position++];
    this.overrun = true;
    return 0;
  }

  /** Reads the prefixes and gives the byte behind them. */
  #prefixes(): number {
    const long = this.codeSize === 8;
    let rex = 0;
    let byte = this.#byte();
    while (!this.overrun) {
      const kind = CLASSES[byte];
      if (kind !== 0) {
        // A REX that is not right before the opcode does nothing.
        rex = 0;
        if (kind === Class.data) this.data = true;
        else if (kind === Class.repeat) this.repeat = byte;
        else if (kind === Class.lock) this.lock = true;
        else if (kind === Class.address) this.addressSize = this.codeSize === 4 ? 2 : 4;
        else if (!long || byte >= 0x64) this.segment = SEGMENTS[byte];
      } else if (long && (byte & 0xf0) === 0x40) rex = byte;
      else break;
      byte = this.#byte();
    }
    if (rex !== 0) {
      this.rex = true;
      this.wide = (rex & 8) !== 0;
      this.r = (rex & 4) << 1;
      this.x = (rex & 2) << 2;
      this.b = (rex & 1) << 3;
    }
    return byte;
  }

  #opcode(first: number): boolean {
    this.map = OpcodeMap.primary;
    this.opcode = first;
    if (first === 0x0f) {
      this.map = OpcodeMap["0F"];
      this.opcode = this.#byte();
      if (this.opcode === 0x38 || this.opcode === 0x3a) {
        this.map = this.opcode === 0x38 ? OpcodeMap["0F38"] : OpcodeMap["0F3A"];
        this.opcode = this.#byte();
      }
    } else if (first === 0xc4 || first === 0xc5) return this.#vex(first);
    return true;
  }

  /** VEX prefix (SDM volume 2, 2.3.5), or LES and LDS. */
  #vex(first: number): boolean {
    const long = this.codeSize === 8;
    if (!long) {
      const next = this.position < this.#end ? this.#code[this.position] : 0;
      if (next < 0xc0 || (this.mode & Mode.protected) === 0) return true;
    }
    if (this.data || this.repeat !== 0 || this.lock || this.rex) return false;
    let byte = this.#byte();
    this.r = (byte & 0x80) === 0 ? 8 : 0;
    let map: number = OpcodeMap["0F"];
    if (first === 0xc4) {
      this.x = (byte & 0x40) === 0 ? 8 : 0;
      this.b = (byte & 0x20) === 0 ? 8 : 0;
      map = byte & 31;
      byte = this.#byte();
      this.wide = long && (byte & 0x80) !== 0;
    }
    this.vvvv = (~byte >> 3) & 15;
    if (!long) {
      this.r = this.x = this.b = 0;
      this.vvvv &= 7;
    }
    this.long = (byte & 4) !== 0;
    const pp = byte & 3;
    this.data = pp === 1;
    this.repeat = pp === 0 ? 0 : pp === 2 ? 0xf3 : pp === 3 ? 0xf2 : 0;
    this.vex = true;
    this.map = map + OpcodeMap.vexMaps;
    this.opcode = this.#byte();
    return map >= OpcodeMap["0F"] && map <= OpcodeMap["0F3A"];
  }

  /** Reads ModRM, SIB and displacement. */
  modRm(modIgnored: boolean): void {
    const byte = this.#byte();
    this.mod = modIgnored ? 3 : byte >> 6;
    this.reg = ((byte >> 3) & 7) | this.r;
    this.rm = byte & 7;
    if (this.mod === 3) {
      this.rm |= this.b;
      return;
    }
    if (this.addressSize === 2) this.#address16();
    else this.#address();
    if (this.displacementSize !== 0) this.displacement = this.signed(this.displacementSize);
  }

  #address16(): void {
    this.displacementSize = this.mod;
    if (this.mod === 0 && this.rm === 6) {
      this.displacementSize = 2;
      return;
    }
    this.base = BASES_16[this.rm];
    this.index = INDEXES_16[this.rm];
  }

  #address(): void {
    let base = this.rm;
    this.displacementSize = this.mod === 2 ? 4 : this.mod;
    if (base === 4) {
      const sib = this.#byte();
      this.scale = sib >> 6;
      const index = ((sib >> 3) & 7) | this.x;
      if (index !== 4) this.index = index;
      base = sib & 7;
      if (base === 5 && this.mod === 0) {
        this.displacementSize = 4;
        return;
      }
    } else if (base === 5 && this.mod === 0) {
      this.displacementSize = 4;
      this.pcRelative = this.codeSize === 8;
      return;
    }
    this.base = base | this.b;
  }

  /** Reads 1, 2 or 4 bytes, little endian, sign-extended. */
  signed(size: number): number {
    let value = this.#byte();
    if (size === 1) return (value << 24) >> 24;
    value |= this.#byte() << 8;
    if (size === 2) return (value << 16) >> 16;
    value |= this.#byte() << 16;
    return value | (this.#byte() << 24);
  }
}

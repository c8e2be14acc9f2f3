/**
 * Draws cases from the rows: one to six instructions, with operands that fit the initial state of
 * the case (effective addresses in the window, jumps to where HLT is). Used when the vectors are
 * recorded, never when they are replayed.
 */
import { Random } from "../a64/cases.ts";
import { encode, type Memory, type Operands } from "./encode.ts";
import { conditionEffect, countedFlags, flagEffect, isCounted } from "./flags.ts";
import { ENVIRONMENT_AT, initialState, MXCSR_AT, pointer } from "./initial_state.ts";
import { type Row, rows } from "./rows.ts";
import { CODE, SLOT_ROOM, slotAddress, State, WINDOW } from "./state.ts";

/** Instructions of a case, with what is undefined after them. */
export interface Draft {
  readonly rows: readonly Row[];
  readonly bytes: readonly number[];
  /** Masks of RFLAGS and of the x87 status word. */
  readonly undefinedFlags: number;
  readonly undefinedConditions: number;
}

/** How many instructions of a hundred are of a group. */
const SHARES: readonly (readonly [string, number])[] = [
  ["integer", 43],
  ["refused", 1],
  ["sse", 32],
  ["x87", 16],
  ["mmx", 8],
];

/**
 * Registers that rows with the attribute `implicit` may change: RAX, RCX, RDX, RBX, RSP, RBP, RSI,
 * RDI.
 */
const IMPLICIT = [0, 1, 2, 3, 4, 5, 6, 7];

const MIDDLE = WINDOW.address + 0x1000;

const little = (value: bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));

/** Draws cases; each row about as often as the others of its group. */
export class Generator {
  readonly #used: number[] = rows.map(() => 0);
  readonly #queues = new Map<string, Row[]>();
  readonly #state: State = new State();

  /** How often a row was drawn. */
  uses(row: Row): number {
    return this.#used[row.id];
  }

  /** The instructions of case number `index`. */
  draw(index: number): Draft {
    initialState(index, this.#state);
    return new Sequence(this, new Random(index ^ 0x2b3a91c7), this.#state, slotAddress(index))
      .draw();
  }

  /** A row that was used little, of the group if one is given. */
  choose(random: Random, group: string | undefined): Row {
    let name = group;
    if (name === undefined) {
      let share = random.below(100);
      name = SHARES.find(([, part]) => (share -= part) < 0)![0];
    }
    let queue = this.#queues.get(name);
    if (queue === undefined || queue.length === 0) {
      queue = rows.filter((row) => row.group === name);
      queue.sort((a, b) => this.#used[a.id] - this.#used[b.id]);
      queue.length = (queue.length + 1) >> 1;
      this.#queues.set(name, queue);
    }
    const at = random.below(queue.length);
    const row = queue[at];
    queue[at] = queue[queue.length - 1];
    queue.pop();
    return row;
  }

  /** Counts a use. */
  use(row: Row): void {
    this.#used[row.id]++;
  }
}

class Sequence {
  readonly #generator: Generator;
  readonly #random: Random;
  readonly #state: State;
  readonly #address: number;
  readonly #bytes: number[] = [];
  readonly #rows: Row[] = [];
  /** General registers that may not hold what they held at the start. */
  readonly #written = new Set<number>();
  #undefinedFlags = 0;
  #undefinedConditions = 0;

  constructor(generator: Generator, random: Random, state: State, address: number) {
    this.#generator = generator;
    this.#random = random;
    this.#state = state;
    this.#address = address;
  }

  draw(): Draft {
    const random = this.#random;
    const length = random.pick([1, 1, 1, 1, 2, 2, 2, 3, 4, 6]);
    let group: string | undefined;
    for (let tries = 0; this.#rows.length < length && tries < 40; tries++) {
      const row = this.#generator.choose(random, random.below(4) === 0 ? undefined : group);
      const last = this.#rows.length === length - 1;
      if (row.attributes.has("alone") && (length > 1 || !last)) {
        if (this.#rows.length > 0) continue;
        this.#append(row);
        break;
      }
      if (row.attributes.has("jump") && !last) continue;
      if (this.#append(row)) group = row.group;
    }
    if (this.#rows.length === 0) return this.draw();
    return {
      rows: this.#rows,
      bytes: this.#bytes,
      undefinedFlags: this.#undefinedFlags,
      undefinedConditions: this.#undefinedConditions,
    };
  }

  #append(row: Row): boolean {
    const effect = flagEffect(row);
    if ((effect.reads & this.#undefinedFlags) !== 0) return false;
    if (/^FN?ST(SW|ENV)$|^FNSAVE$/.test(row.mnemonic) && this.#undefinedConditions !== 0) {
      return false;
    }
    const size = this.#size(row);
    const operands = this.#operands(row, size);
    if (operands === undefined) return false;
    const bytes = encode(row, operands);
    if (bytes.length > 15 || this.#bytes.length + bytes.length > SLOT_ROOM) return false;
    this.#bytes.push(...bytes);
    this.#rows.push(row);
    this.#generator.use(row);
    const repeats = operands.prefixes.some((byte) => byte === 0xf2 || byte === 0xf3);
    let undefinedNow = effect.undefined;
    if (isCounted(row)) {
      const count = this.#count(row, operands.immediate);
      undefinedNow = count === undefined ? undefinedNow : countedFlags(row, count, size ?? 8);
    }
    if (!repeats) this.#undefinedFlags &= ~effect.defines;
    this.#undefinedFlags |= undefinedNow;
    const conditions = conditionEffect(row);
    this.#undefinedConditions = (this.#undefinedConditions & ~conditions.defines) |
      conditions.undefined;
    this.#note(row, operands);
    return true;
  }

  /** Bits by which a shift shifts; undefined if that is not known. */
  #count(row: Row, immediate: readonly number[]): number | undefined {
    const kind = row.operands[row.operands.length - 1];
    if (kind === "1") return 1;
    if (kind === "Ib") return immediate[0];
    return this.#written.has(1) ? undefined : this.#state.general[2] & 255;
  }

  /** Marks registers as written. */
  #note(row: Row, { reg, rm, vvvv, low }: Operands): void {
    const mark = (n: number): void => {
      this.#written.add(n);
      // AH, CH, DH, BH
      this.#written.add(n & 3);
    };
    for (const operand of row.operands) {
      if (operand[0] === "G") mark(reg);
      if (operand[0] === "B") mark(vvvv);
      if (operand[0] === "Z") mark(low);
      if ((operand[0] === "E" || operand[0] === "R") && typeof rm === "number") mark(rm);
    }
    if (row.attributes.has("implicit")) { for (const n of IMPLICIT) mark(n); }
  }

  #size(row: Row): number | undefined {
    const random = this.#random;
    if (row.attributes.has("w64")) return 64;
    if (row.attributes.has("jump")) return undefined;
    if (row.attributes.has("d64")) return random.below(4) === 0 ? 16 : 64;
    const kinds = row.operands.map((operand) => operand.slice(1));
    if (kinds.includes("z") || kinds.includes("v")) return random.pick([16, 32, 32, 64, 64]);
    if (row.operands.includes("rAX")) return random.pick([16, 32, 32, 64, 64]);
    if (kinds.includes("y")) return random.pick([32, 64]);
    if (/^(CBW|CWD|MOVS|CMPS|STOS|LODS|SCAS)$/.test(row.mnemonic)) return random.pick([16, 32, 64]);
    return undefined;
  }

  #operands(row: Row, size: number | undefined): Operands | undefined {
    const random = this.#random;
    const narrow = /^SH[LR]D$/.test(row.mnemonic) && size === 16;
    if (narrow && row.operands[2] === "CL") {
      if (this.#written.has(1) || (this.#state.general[2] & 31) > 16) return undefined;
    }
    const prefixes: number[] = [];
    const simd = row.group === "sse" ? 16 : 8;
    const pickGeneral = (): number => random.below(16);
    let reg = 0;
    let rm: number | Memory = 0;
    let vvvv = 0;
    let low = 0;
    let memory = 0;
    const immediate: number[] = [];
    for (const operand of row.operands) {
      const kind = operand.slice(1);
      switch (operand[0]) {
        case "G":
          reg = pickGeneral();
          break;
        case "V":
          reg = random.below(16);
          break;
        case "P":
          reg = random.below(8);
          break;
        case "B":
          vvvv = pickGeneral();
          break;
        case "Z":
          low = pickGeneral();
          break;
        case "R":
          rm = pickGeneral();
          break;
        case "U":
          rm = random.below(16);
          break;
        case "N":
          rm = random.below(8);
          break;
        case "E":
        case "W":
        case "Q":
          if (random.below(2) === 0) memory = this.#bytesOf(kind, size, simd);
          else rm = random.below(operand[0] === "Q" ? 8 : 16);
          break;
        case "M":
          memory = this.#bytesOf(kind, size, simd) || 8;
          break;
        case "O":
          if (/^[bv]$/.test(kind)) memory = -1;
          break;
      }
    }
    if (row.attributes.has("jump") && memory > 0) memory = 8;
    const address32 = (memory !== 0 || row.attributes.has("rep")) && random.below(16) === 0;
    let segmentBase = 0n;
    if ((memory !== 0 || row.attributes.has("rep")) && random.below(16) === 0) {
      const fs = random.below(2) === 0;
      prefixes.push(fs ? 0x64 : 0x65);
      if (row.mnemonic !== "LEA") segmentBase = fs ? this.#state.fsBase : this.#state.gsBase;
      if (/FSBASE|GSBASE/.test(this.#rows.map(({ mnemonic }) => mnemonic).join())) return undefined;
    } else if (random.below(24) === 0) {
      prefixes.push(random.pick([0x26, 0x2e, 0x36, 0x3e]));
    }
    if (address32) prefixes.push(0x67);
    if (row.attributes.has("rep") && random.below(4) !== 0) {
      prefixes.push(row.attributes.has("repz") && random.below(2) === 0 ? 0xf2 : 0xf3);
    }
    if (memory > 0 && row.attributes.has("lock") && random.below(5) === 0) prefixes.push(0xf0);
    if (memory > 0) {
      const found = this.#memory(this.#target(row, memory, size, reg) - segmentBase, address32);
      if (found === undefined) return undefined;
      rm = found;
    }
    for (const operand of row.operands) {
      if (operand[0] === "I") immediate.push(...this.#immediate(operand[1], size, narrow));
      if (operand[0] === "J") {
        immediate.push(...little(BigInt(this.#distance()), operand[1] === "b" ? 1 : 4));
      }
      if (operand[0] === "O") {
        const target = BigInt(pointer(random)) - segmentBase;
        immediate.push(...little(target, address32 ? 4 : 8));
      }
    }
    const rex = row.vex === undefined && random.below(16) === 0 ? 0 : undefined;
    return { size, reg, vvvv, low, rm, immediate, prefixes, rex };
  }

  /** Bytes of a memory operand. */
  #bytesOf(kind: string, size: number | undefined, simd: number): number {
    const fixed: Record<string, number> = { b: 1, w: 2, d: 4, q: 8 };
    if (/^\d+$/.test(kind)) return Number(kind) || 1;
    return fixed[kind] ?? (size === undefined ? simd : size / 8);
  }

  /** An address for a memory operand. */
  #target(row: Row, bytes: number, size: number | undefined, reg: number): bigint {
    const random = this.#random;
    if (row.attributes.has("mxcsr") && random.below(8) !== 0) {
      return BigInt(MIDDLE + MXCSR_AT + 4 * random.below(4));
    }
    if (row.attributes.has("env") && random.below(8) !== 0) return BigInt(MIDDLE + ENVIRONMENT_AT);
    // What faults half-way may have stored half of it.
    if (bytes > 16) return BigInt(MIDDLE - 0x100 + random.below(0x180));
    let target = BigInt(pointer(random));
    if (bytes === 16 && row.mnemonic !== "MOVDQU" && random.below(6) !== 0) target &= ~15n;
    if (/^BT/.test(row.mnemonic) && row.operands[1] === "Gv" && !this.#written.has(reg)) {
      // The bit's number moves the address.
      const bits = size ?? 32;
      const value = BigInt.asIntN(bits, this.#value(reg));
      target -= (value >> BigInt(Math.log2(bits))) * BigInt(bits / 8);
    }
    return BigInt.asIntN(64, target);
  }

  #value(n: number): bigint {
    return this.#state.view.getBigUint64(8 * n, true);
  }

  /**
   * A memory operand that leads to an address; with registers that were not written, if there are
   * such.
   */
  #memory(target: bigint, address32: boolean): Memory | undefined {
    const random = this.#random;
    const bits = address32 ? 32 : 64;
    const wild = random.below(40) === 0;
    for (let tries = 0; tries < 12; tries++) {
      const form = random.below(8);
      const scale = random.below(4);
      const base = form < 5 ? random.below(16) : undefined;
      let index = form >= 3 && form < 6 ? random.below(16) : undefined;
      if (index === 4) index = undefined;
      if (!wild && [base, index].some((n) => n !== undefined && this.#written.has(n))) continue;
      const least = random.pick([0, 0, 1, 4]);
      if (form === 7) {
        const distance = target - BigInt(this.#address + this.#bytes.length);
        if (distance !== BigInt.asIntN(32, distance)) continue;
        // The end of the instruction is not known yet; see encode.
        return { base: "rip", index: undefined, scale, displacement: Number(distance), least };
      }
      let sum = base === undefined ? 0n : this.#value(base);
      if (index !== undefined) sum += this.#value(index) << BigInt(scale);
      let displacement = BigInt.asIntN(bits, target - sum);
      if (wild) displacement = BigInt(random.next() | 0);
      if (displacement !== BigInt.asIntN(32, displacement)) continue;
      return { base, index, scale, displacement: Number(displacement), least };
    }
    return undefined;
  }

  /**
   * From the instruction's end to a HLT behind what a case may hold. The jump is the last
   * instruction.
   */
  #distance(): number {
    const room = CODE.slotBytes - SLOT_ROOM - 15;
    return SLOT_ROOM - this.#bytes.length + this.#random.below(room);
  }

  #immediate(kind: string, size: number | undefined, narrow: boolean): number[] {
    const random = this.#random;
    if (kind === "b") {
      if (narrow) return [(random.next() & 0xe0) | random.below(17)];
      return [
        random.below(3) === 0
          ? random.pick([0, 1, 2, 7, 8, 31, 32, 63, 64, 0x7f, 0x80, 255])
          : random.next() & 255,
      ];
    }
    if (kind === "c") return [random.below(8)];
    // Levels of ENTER: what faults half-way has stored half of it.
    if (kind === "l") return [random.below(3) === 0 ? random.below(4) : 0];
    if (kind === "i") return [random.pick([0, 1, 2, 5, 6, 13, 14, 32, 64, 129, 255])];
    if (kind === "w") {
      return little(BigInt(random.below(2) === 0 ? random.below(64) : random.next()), 2);
    }
    const bytes = size === 16 ? 2 : kind === "v" && size === 64 ? 8 : 4;
    const edge = random.pick([
      0n,
      1n,
      -1n,
      127n,
      128n,
      -128n,
      0x7fffn,
      -0x8000n,
      0x7fffffffn,
      -0x80000000n,
    ]);
    const any = (BigInt(random.next()) << 32n) | BigInt(random.next());
    return little(random.below(3) === 0 ? edge : any, bytes);
  }
}

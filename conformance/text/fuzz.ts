/**
 * Random programs for the engine: valid instructions and random branches in a few pages, with loads,
 * stores, faults, supervisor calls and stores into code. They never end by themselves.
 */
import { RAM, type TestMachine, VECTORS } from "./machine.ts";

/** A generator of numbers (xorshift32): the same for the same seed everywhere. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let i = 0; i < 8; i++) this.next();
  }
  /** 32 bits, unsigned. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
  /** 0 <= result < limit */
  below(limit: number): number {
    return this.next() % limit;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** Instructions that lie one after the other. */
interface Chunk {
  readonly address: number;
  readonly length: number;
}

/** First page of code. */
export const CODE: number = RAM + 0x10000;
/** Two pages of data. */
export const DATA: number = RAM + 0x20000;
/** X16 holds code addresses, X20 data, X23 nothing that is mapped, X25 code that is changed; X21 and X22 are the handler's. */
const DATA_BASE = 20;
const HOLE_BASE = 23;
const CODE_BASE = 25;
const WORD = 24;
const POINTER = 16;

/** Goes on behind the instruction that faulted, or behind the SVC. */
const HANDLER = [
  0xd5384036, // mrs x22, elr_el1
  0xd5385215, // mrs x21, esr_el1
  0xd35afeb5, // lsr x21, x21, #26
  0xf10056bf, // cmp x21, #0x15
  0x54000040, // b.eq +8
  0x910012d6, // add x22, x22, #4
  0xd5184036, // msr elr_el1, x22
  0xd69f03e0, // eret
];

/** What a program is made of. */
export interface FuzzOptions {
  /** Stores into the program's own code. */
  readonly modifies: boolean;
}

export class FuzzProgram {
  readonly #random: Random;
  readonly #chunks: Chunk[] = [];
  readonly #options: FuzzOptions;
  readonly words: Map<number, number> = new Map();
  /** Instruction that the program stores into its code. */
  readonly #patch: number;

  constructor(seed: number, options: FuzzOptions) {
    const random = this.#random = new Random(seed);
    this.#options = options;
    const pages = 1 + random.below(3);
    for (let page = 0; page < pages; page++) {
      const base = CODE + page * 0x1000;
      this.#chunks.push({ address: base + 4 * random.below(16), length: 8 + random.below(50) });
      if (random.below(2) === 0) {
        // To the end of the page, or over it.
        this.#chunks.push({ address: base + 0xfd0, length: 8 + random.below(8) });
      }
      this.#chunks.push({ address: base + 0x400, length: 4 + random.below(200) });
    }
    this.#patch = this.#alu();
    for (const { address, length } of this.#chunks) {
      for (let i = 0; i < length; i++) {
        const at = address + 4 * i;
        this.words.set(at, i === length - 1 ? this.#branch(at) : this.#any(at));
      }
    }
  }

  get entry(): number {
    return this.#chunks[0].address;
  }

  /** Puts the program into a machine that was reset. */
  load(machine: TestMachine): void {
    const { memory } = machine.engine;
    for (const [address, word] of this.words) memory.write32(address, word);
    HANDLER.forEach((word, i) => memory.write32(VECTORS + 0x200 + 4 * i, word));
    const random = new Random(this.words.size);
    for (let i = 0; i < 0x2000; i += 4) memory.write32(DATA + i, random.next());
    for (let n = 0; n < 31; n++) {
      machine.set("x", (BigInt(random.next()) << 32n) | BigInt(random.next()), n);
      machine.setV(n, BigInt(random.next()) * BigInt(random.next()) << BigInt(random.below(60)));
    }
    for (let n = 0; n < 8; n++) machine.set("x", BigInt(random.below(64)), n);
    machine.set("x", BigInt(DATA + 0x800), DATA_BASE);
    machine.set("x", 0xc0000000n, HOLE_BASE);
    machine.set("x", BigInt(this.entry), CODE_BASE);
    machine.set("x", BigInt(this.#patch), WORD);
    machine.set("x", BigInt(this.entry), POINTER);
    machine.set("x", BigInt(this.entry), 30);
    machine.set("x", BigInt(DATA + 0x1000), 31);
    machine.set("pc", BigInt(this.entry));
  }

  /** Goes on somewhere else, with other values: most programs end up in a small loop. */
  kick(random: Random, machines: readonly TestMachine[]): void {
    const { address, length } = random.pick(this.#chunks);
    const pc = BigInt(address + 4 * random.below(length));
    const n = random.below(15);
    const value = BigInt(random.next()) << BigInt(random.below(33));
    for (const machine of machines) {
      machine.set("pc", pc);
      machine.set("x", value, n);
    }
  }

  /** An address of an instruction, mostly near. */
  #target(from: number): number {
    const random = this.#random;
    const near = from + 4 * (random.below(24) - 12);
    if (random.below(3) !== 0 && this.#holds(near)) return near;
    const { address, length } = random.pick(this.#chunks);
    return address + 4 * random.below(length);
  }

  #holds(address: number): boolean {
    return this.#chunks.some((chunk) =>
      address >= chunk.address && address < chunk.address + 4 * chunk.length
    );
  }

  /** A register that anything may be written to. */
  #reg(): number {
    return this.#random.below(12) === 0 ? 31 : this.#random.below(15);
  }

  #any(at: number): number {
    const choice = this.#random.below(100);
    if (choice < 45) return this.#alu();
    if (choice < 65) return this.#memory();
    if (choice < 88) return this.#branch(at);
    if (choice < 94) return this.#vector();
    return this.#special(at);
  }

  #alu(): number {
    const random = this.#random;
    const [d, n, m] = [this.#reg(), this.#reg(), this.#reg()];
    const size = random.below(2) * 0x80000000;
    const three = d | (n << 5) | (m << 16);
    const condition = random.below(16) << 12;
    const word = random.pick([
      0x0b000000, // add
      0x2b000000, // adds
      0x4b000000, // sub
      0x6b000000, // subs
      0x0a000000, // and
      0x6a000000, // ands
      0x2a000000, // orr
      0xca000000 & 0x7fffffff, // eor
      0x1a000000, // adc
      0x3a000000, // adcs
      0x5a000000, // sbc
      0x7a000000, // sbcs
      0x1b007c00, // mul
      0x1ac02000, // lslv
      0x1ac02400, // lsrv
      0x1ac00800, // udiv
      0x1a800000 | condition, // csel
      0x1a800400 | condition, // csinc
      0x5a800400 | condition, // csneg
    ]);
    switch (random.below(4)) {
      case 0: {
        // add, adds, sub, subs (immediate): 31 would be the stack pointer.
        const op = random.pick([0x11000000, 0x31000000, 0x51000000, 0x71000000]);
        return (size +
          (op | (random.below(4096) << 10) | (random.below(15) << 5) | random.below(15))) >>> 0;
      }
      case 1: {
        const flags = random.below(16);
        const op = random.pick([0x3a400000, 0x7a400000, 0x3a400800, 0x7a400800]);
        if (random.below(2) === 0) {
          return (size + (op | (m << 16) | condition | (n << 5) | flags)) >>> 0;
        }
        return (size + (word | three)) >>> 0;
      }
      default:
        return (size + (word | three)) >>> 0;
    }
  }

  #memory(): number {
    const random = this.#random;
    const t = this.#reg();
    const base = (random.below(60) === 0 ? HOLE_BASE : DATA_BASE) << 5;
    const offset = (random.below(512) << 12) | base | t;
    const near = base | t | ((random.below(64) - 32) & 0x7f) << 15 | (random.below(15) << 10);
    const vector = base | random.below(31) | (random.below(512) << 12);
    return random.pick([
      0x38000000 | offset, // sturb
      0x38400000 | offset, // ldurb
      0x78000000 | offset, // sturh
      0x78c00000 | offset, // ldursh
      0xb8000000 | offset, // stur
      0xb8400000 | offset,
      0xb8800000 | offset, // ldursw
      0xf8000000 | offset,
      0xf8400000 | offset,
      0x29000000 | near, // stp
      0x29400000 | (near & ~31) | ((near >>> 10 & 31) + 1) % 15, // ldp
      0xa9000000 | near,
      0x3c800000 | vector, // stur q
      0x3cc00000 | vector, // ldur q
      0xfc400000 | vector, // ldur d
      0xf8200000 | (DATA_BASE << 5) | (t === 31 ? 3 : t) | (2 << 16), // ldadd x2
    ]) >>> 0;
  }

  #branch(at: number): number {
    const random = this.#random;
    const distance = (this.#target(at) - at) >> 2;
    const imm19 = (distance & 0x7ffff) << 5;
    const r = random.below(15);
    switch (random.below(12)) {
      case 0:
        return (0x14000000 | (distance & 0x3ffffff)) >>> 0;
      case 1:
        return (0x94000000 | (distance & 0x3ffffff)) >>> 0;
      case 2:
        return 0xd65f03c0; // ret
      case 3:
        return (random.pick([0xd61f0000, 0xd63f0000]) | (POINTER << 5)) >>> 0; // br, blr
      case 4:
      case 5:
        return (random.pick([0x34000000, 0x35000000, 0xb4000000, 0xb5000000]) | imm19 | r) >>> 0;
      case 6:
      case 7: {
        const bit = random.below(32) << 19;
        return (random.pick([0x36000000, 0x37000000, 0xb6000000]) | bit |
          ((distance & 0x3fff) << 5) | r) >>> 0;
      }
      default:
        return (0x54000000 | imm19 | random.below(14)) >>> 0;
    }
  }

  #vector(): number {
    const random = this.#random;
    const three = random.below(31) | (random.below(31) << 5) | (random.below(31) << 16);
    const two = random.below(15) | (random.below(31) << 5);
    return random.pick([
      0x4ee08400 | three, // add 2d
      0x6e208400 | three, // sub 16b
      0x4e201c00 | three, // and
      0x1e602800 | three, // fadd d
      0x1e600800 | three, // fmul d
      0x1e602000 | (three & ~31), // fcmp
      0x9e660000 | two, // fmov x, d
      0x9e670000 | random.below(31) | (random.below(15) << 5), // fmov d, x
      0x6f00e400 | random.below(31), // movi
      0x1e780000 | two, // fcvtzs
    ]) >>> 0;
  }

  #special(at: number): number {
    const random = this.#random;
    const distance = this.#target(at) - at;
    const adr = 0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5);
    switch (random.below(8)) {
      case 0:
        return (0xd4000001 | (random.below(256) << 5)) >>> 0; // svc
      case 1:
        return (0xd53b4200 | random.below(15)) >>> 0; // mrs nzcv
      case 2:
        return (0xd51b4200 | random.below(15)) >>> 0; // msr nzcv
      case 3:
        return 0x00000000;
      case 4:
        if (!this.#options.modifies) return 0xd503201f;
        // stur w24, [x25, #n]
        return (0xb8000000 | ((random.below(64) & ~3) << 12) | (CODE_BASE << 5) | WORD) >>> 0;
      case 5:
        return 0xd503201f;
      default:
        return (adr | POINTER) >>> 0;
    }
  }
}

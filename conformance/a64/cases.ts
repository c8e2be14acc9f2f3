/**
 * The state from which a case starts: registers and a window of memory, drawn from the number of the
 * case. The vectors hold no initial state: whoever changes what is drawn here must record them anew.
 */
import { EDGES } from "../edges.ts";

/** The data that cases access: two pages, of which the middle is filled. What lies around is not mapped. */
export const WINDOW = {
  address: 0x50000000,
  size: 0x2000,
  centre: 0xe00,
  centreSize: 0x400,
} as const;
/**
 * Code: readable, not writable. Each case has a slot of words, the unused ones zero (UDF). Pages are no
 * multiple of slots: some cases go from one page to the next.
 */
export const CODE = { address: 0x50010000, slots: 1024, slotWords: 17 } as const;
/** Bytes of a slot. */
export const SLOT_BYTES: number = CODE.slotWords * 4;

/** Address of the first instruction of a case. */
export function slotAddress(index: number): number {
  return CODE.address + (index % CODE.slots) * SLOT_BYTES;
}

/** How a case ended. */
export const Ending = {
  /** At a word of zeros. */
  end: 0,
  /** An access to memory that is not there. */
  fault: 1,
  /** An access that must be aligned was not. */
  alignment: 2,
  /** A branch to where no code is. */
  fetch: 3,
  /** No instruction. */
  undefined: 4,
  /** Still running. */
  timeout: 5,
} as const;
export type Ending = typeof Ending[keyof typeof Ending];

/** Registers and memory. */
export class State {
  /** X0..X30, SP: low, high. */
  readonly x: Uint32Array = new Uint32Array(64);
  /** V0..V31, lowest word first. */
  readonly v: Uint32Array = new Uint32Array(128);
  /** Low, high. */
  readonly tpidr: Uint32Array = new Uint32Array(2);
  /** Low, high. */
  readonly pc: Uint32Array = new Uint32Array(2);
  /** Bits 3:0. */
  nzcv = 0;
  fpcr = 0;
  fpsr = 0;
  readonly memory: Uint32Array<ArrayBuffer> = new Uint32Array(WINDOW.size / 4);
}

/** A sequence of unsigned 32-bit numbers: xorshift, its words xored (the low bits of one are poor). */
export class Random {
  #a: number;
  #b: number;

  constructor(seed: number) {
    this.#a = Math.imul(seed + 1, 0x9e3779b1) | 1;
    this.#b = Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b) ^ 0x2545f491;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 0..2^32 - 1 */
  next(): number {
    let a = this.#a;
    a ^= a << 13;
    a ^= a >>> 17;
    a ^= a << 5;
    this.#a = a;
    this.#b = (Math.imul(this.#b, 0x915f77f5) + 0x6a09e667) | 0;
    const b = this.#b;
    return (a ^ b ^ (b >>> 15)) >>> 0;
  }

  /** 0..limit - 1 */
  below(limit: number): number {
    return this.next() % limit;
  }

  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)];
  }
}

const OPERANDS: readonly (readonly [low: number, high: number])[] = [
  ...EDGES,
  [0xff, 0],
  [-2, -1],
];

const PAGE_BOUNDARY = WINDOW.address + 0x1000;

/** An address in the filled part of the window. */
function pointer(random: Random): number {
  const place = random.next();
  const kind = place & 15;
  const offset = ((place >>> 8) & 0x1ff) - 0x100;
  if (kind < 9) return PAGE_BOUNDARY + (offset & -16);
  if (kind < 12) return PAGE_BOUNDARY + (offset >> 4);
  // At the ends of the window, where part of an access may lie outside.
  if (kind === 12) return WINDOW.address + WINDOW.size - ((place >>> 8) & 31);
  if (kind === 13) return WINDOW.address - 8 + ((place >>> 8) & 15);
  return PAGE_BOUNDARY + offset;
}

function fillGeneral(random: Random, x: Uint32Array): void {
  for (let n = 0; n < 31; n++) {
    const at = 2 * n;
    const kind = random.below(16);
    if (kind < 5) {
      x[at] = pointer(random);
      // Address tags are ignored.
      x[at + 1] = random.below(20) === 0 ? random.next() << 24 : 0;
    } else if (kind < 7) {
      const small = (random.next() & 127) - 64;
      x[at] = small;
      x[at + 1] = small >> 31;
    } else if (kind < 10) {
      const [low, high] = random.pick(OPERANDS);
      x[at] = low;
      x[at + 1] = high;
    } else if (kind === 10) {
      const bit = random.below(64);
      x[at] = bit < 32 ? 1 << bit : 0;
      x[at + 1] = bit < 32 ? 0 : 1 << (bit - 32);
      if (random.below(2) === 0) x[at] -= 1;
    } else {
      x[at] = random.next();
      x[at + 1] = random.next();
    }
  }
  x[62] = random.below(8) === 0 ? pointer(random) : pointer(random) & -16;
  x[63] = 0;
}

const DOUBLES: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 0x80000000],
  [0, 0x3ff00000],
  [0, 0xbff00000],
  [0, 0x7ff00000],
  [0, 0xfff00000],
  [0x12345, 0x7ff80000],
  [0x54321, 0xfff00001],
  [1, 0x7ff00000],
  [1, 0],
  [1, 0x80000000],
  [-1, 0x000fffff],
  [0, 0x00100000],
  [1, 0x00200000],
  [-1, 0x7fefffff],
  [-1, 0xffefffff],
  [1, 0x3ff00000],
  [-1, 0x3fefffff],
  [0, 0x3fe00000],
  [0, 0x3ff80000],
  [0, 0x40040000],
  [0xffc00000, 0x41dfffff],
  [0xffe00000, 0x41dfffff],
  [0, 0x41e00000],
  [0, 0xc1e00000],
  [0x00200000, 0xc1e00000],
  [0xffe00000, 0x41efffff],
  [0, 0x43e00000],
  [0, 0xc3e00000],
  [-1, 0x43dfffff],
  [0, 0x43f00000],
  [-1, 0x43efffff],
  [1, 0x43300000],
  [1, 0x43200000],
  [0x54442d18, 0x400921fb],
  // Edges of single and half precision
  [0xe0000000, 0x47efffff],
  [0xf0000000, 0x47efffff],
  [0, 0x36a00000],
  [0, 0x38100000],
  [0xfc000000 | 0, 0x380fffff],
  [0, 0x40effc00],
  [0, 0x40effe00],
  [0, 0x3e700000],
  [0, 0x3f100000],
];

const SINGLES: readonly number[] = [
  0,
  0x80000000,
  0x3f800000,
  0xbf800000,
  0x7f800000,
  0xff800000,
  0x7fc12345,
  0xffc00000,
  0x7f800001,
  0xffa54321,
  1,
  0x80000001,
  0x007fffff,
  0x00800000,
  0x01000001,
  0x7f7fffff,
  0xff7fffff,
  0x3f800001,
  0x3f7fffff,
  0x3f000000,
  0x3fc00000,
  0x40200000,
  0x4effffff,
  0x4f000000,
  0xcf000000,
  0xcf000001,
  0x4f7fffff,
  0x4f800000,
  0x5f000000,
  0xdf000000,
  0x5effffff,
  0x5f800000,
  0x4b000001,
  0x4b7fffff,
  0x40490fdb,
  0x477fe000,
  0x477ff000,
  0x477fefff,
  0x33800000,
  0x33000001,
  0x38800000,
  0x387fffff,
];

const HALVES: readonly number[] = [
  0,
  0x8000,
  0x3c00,
  0xbc00,
  0x7c00,
  0xfc00,
  0x7e01,
  0xfd55,
  0x7c01,
  1,
  0x8001,
  0x03ff,
  0x0400,
  0x7bff,
  0xfbff,
  0x7fff,
  0x3555,
];

/** Elements at the edges of integer ranges, sign-extended. */
const ELEMENTS = [
  0,
  1,
  -1,
  0x7f,
  -128,
  0x7fff,
  -32768,
  0x7fffffff,
  -0x80000000,
  2,
  -2,
  0x55,
] as const;

/** Numbers whose exponents are near to one another, so that sums cancel and products stay normal. */
function nearDouble(random: Random): [number, number] {
  const exponent = random.below(8) === 0
    ? random.pick([1, 2, 0x7fd, 0x7fe, 0x3ff - 60, 0x3ff + 60])
    : 0x3ff - 4 + random.below(9);
  const low = random.below(2) === 0 ? 0 : random.next();
  return [low, ((random.next() & 0x800fffff) | (exponent << 20)) >>> 0];
}

function nearSingle(random: Random): number {
  const exponent = random.below(8) === 0
    ? random.pick([1, 2, 0xfd, 0xfe, 127 - 30, 127 + 30])
    : 127 - 4 + random.below(9);
  const mask = random.below(2) === 0 ? 0x807ff000 : 0x807fffff;
  return ((random.next() & mask) | (exponent << 23)) >>> 0;
}

/** Fills the 128 bits of vector `n` with elements of one of many kinds, most of them at some edge. */
export function fillVector(random: Random, v: Uint32Array, n: number): void {
  const at = 4 * n;
  const kind = random.below(16);
  switch (kind) {
    case 0:
    case 1:
      for (let i = 0; i < 4; i += 2) {
        const [low, high] = random.pick(DOUBLES);
        v[at + i] = low;
        v[at + i + 1] = high;
      }
      return;
    case 2:
    case 3:
      for (let i = 0; i < 4; i++) v[at + i] = random.pick(SINGLES);
      return;
    case 4:
    case 5:
      for (let i = 0; i < 4; i += 2) [v[at + i], v[at + i + 1]] = nearDouble(random);
      return;
    case 6:
    case 7:
      for (let i = 0; i < 4; i++) v[at + i] = nearSingle(random);
      return;
    case 8:
      for (let i = 0; i < 4; i++) v[at + i] = random.pick(HALVES) | (random.pick(HALVES) << 16);
      return;
    case 9: {
      // Shift counts in elements of any size.
      const size = 1 << random.below(4);
      const bytes = new Uint8Array(v.buffer, v.byteOffset + 4 * at, 16);
      for (let i = 0; i < 16; i += size) {
        const count = random.below(140) - 70;
        bytes.fill(count >> 31, i, i + size);
        bytes[i] = count;
      }
      return;
    }
    case 10:
    case 11: {
      const size = 1 << random.below(4);
      const bytes = new Uint8Array(v.buffer, v.byteOffset + 4 * at, 16);
      for (let i = 0; i < 16; i += size) {
        const edge: number = random.pick(ELEMENTS);
        for (let j = 0; j < size; j++) bytes[i + j] = j < 4 ? edge >> (8 * j) : edge >> 31;
        if (size < 4 && edge < 0) bytes[i + size - 1] |= 0x80;
      }
      return;
    }
    case 12:
      // The same as another one.
      if (n === 0) v.fill(0, 0, 4);
      else {
        const other = 4 * random.below(n);
        v.copyWithin(at, other, other + 4);
      }
      return;
    default:
      for (let i = 0; i < 4; i++) v[at + i] = random.next();
  }
}

/** FPCR: AHP, DN, FZ, RMode. FPSR: QC and the cumulative exception bits. */
const FPCR_MASK = 0x07c00000;
const FPSR_MASK = 0x0800009f;

/** Fills `state` with what case number `index` starts from. */
export function initialState(index: number, state: State): void {
  const random = new Random(index);
  fillGeneral(random, state.x);
  for (let n = 0; n < 32; n++) fillVector(random, state.v, n);
  state.nzcv = random.next() & 15;
  const control = random.below(8);
  state.fpcr = control < 3 ? 0 : (random.next() & FPCR_MASK) >>> 0;
  if (control === 3) state.fpcr &= ~0x00c00000;
  const flags = random.below(4);
  state.fpsr = flags === 0 ? 0 : flags === 1 ? 0x10 : (random.next() & FPSR_MASK) >>> 0;
  if (flags === 3) state.fpsr |= 0x10;
  state.tpidr[0] = random.next();
  state.tpidr[1] = random.next();
  state.pc[0] = slotAddress(index);
  state.pc[1] = 0;
  const { memory } = state;
  memory.fill(0);
  const first = WINDOW.centre / 4;
  const values = random.below(4);
  for (let i = 0; i < WINDOW.centreSize / 4; i++) {
    // Some of what is loaded is to be interesting as a number too.
    memory[first + i] = values === 0 ? random.pick(SINGLES) : random.next();
  }
}

const mix = (hash: number, word: number): number => {
  const turned = Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1);
  return turned ^ (turned >>> 15);
};

/** What is kept of the state after a case. */
export interface Digest {
  ending: number;
  nzcv: number;
  /** FPSR: QC in bit 6, IDC in bit 5, IXC..IOC in bits 4:0. */
  fpsr: number;
  /** X0..X30, SP, pc, FPCR, TPIDR_EL0 */
  general: number;
  vector: number;
  /** Changed words of the window, 16 bits. */
  memory: number;
}

/** FPSR in 7 bits. */
export function packFpsr(fpsr: number): number {
  return (fpsr & 31) | ((fpsr >>> 2) & 32) | ((fpsr >>> 21) & 64);
}

/** Digest of a state whose memory was `before`. */
export function digest(state: State, before: Uint32Array, ending: number): Digest {
  let general = 1;
  for (let i = 0; i < 64; i++) general = mix(general, state.x[i]);
  general = mix(mix(general, state.pc[0]), state.pc[1]);
  general = mix(general, state.fpcr);
  general = mix(mix(general, state.tpidr[0]), state.tpidr[1]);
  let vector = 1;
  for (let i = 0; i < 128; i++) vector = mix(vector, state.v[i]);
  let memory = 1;
  for (let i = 0; i < before.length; i++) {
    if (state.memory[i] !== before[i]) memory = mix(mix(memory, i), state.memory[i]);
  }
  return {
    ending,
    nzcv: state.nzcv,
    fpsr: packFpsr(state.fpsr),
    general: general >>> 0,
    vector: vector >>> 0,
    memory: (memory ^ (memory >>> 16)) & 0xffff,
  };
}

/** Names of what differs between two digests. */
export function differences(a: Digest, b: Digest): string[] {
  return (["ending", "nzcv", "fpsr", "general", "vector", "memory"] as const)
    .filter((name) => a[name] !== b[name]);
}

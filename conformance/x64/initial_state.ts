/**
 * The state from which a case starts, drawn from the number of the case. The vectors hold no initial
 * state: whoever changes what is drawn here must record them anew.
 */
import { EDGES } from "../edges.ts";
import { fillVector, Random } from "../a64/cases.ts";
import { CODE, Ending, Flag, SLOT_ROOM, slotAddress, type State, WINDOW } from "./state.ts";

const PAGE_BOUNDARY = WINDOW.address + 0x1000;

/** An address in the filled part of the window, or at the window's ends. */
export function pointer(random: Random): number {
  const place = random.next();
  const kind = place & 31;
  const offset = ((place >>> 8) & 0x1ff) - 0x100;
  if (kind < 20) return PAGE_BOUNDARY + (offset & -16);
  if (kind < 23) return PAGE_BOUNDARY + (offset >> 4);
  // Where part of an access may lie on the read-only page, or before the window.
  if (kind === 23) return WINDOW.address + WINDOW.size - ((place >>> 8) & 31);
  if (kind === 24) return WINDOW.address - 8 + ((place >>> 8) & 15);
  return PAGE_BOUNDARY + offset;
}

const OPERANDS: readonly (readonly [low: number, high: number])[] = [
  ...EDGES,
  [0x7f, 0],
  [0xffffff80, -1],
  [0xff, 0],
  [0x0f, 0],
  [0xffff, 0],
  [-2, -1],
];

const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSP = 4;
const RBP = 5;
const RSI = 6;
const RDI = 7;

function fillGeneral(random: Random, general: Uint32Array, landing: number): void {
  const set = (n: number, low: number, high: number): void => {
    general[2 * n] = low;
    general[2 * n + 1] = high;
  };
  for (let n = 0; n < 16; n++) {
    let kind = random.below(16);
    if (n === RSP || ((n === RSI || n === RDI) && kind >= 4)) kind = 0;
    if ((n === RBX || n === RBP) && kind >= 10) kind = 0;
    if (n === RCX && kind >= 10) kind = 4;
    if (kind < 4) {
      set(n, pointer(random), 0);
    } else if (kind < 6) {
      const small = n === RCX ? random.below(68) : (random.next() & 127) - 64;
      set(n, small, small >> 31);
    } else if (kind < 9) {
      set(n, ...random.pick(OPERANDS));
    } else if (kind === 9) {
      const bit = random.below(64);
      set(n, bit < 32 ? 1 << bit : 0, bit < 32 ? 0 : 1 << (bit - 32));
      if (random.below(2) === 0) general[2 * n] -= 1;
    } else if (kind === 10 && n > 0) {
      // Equal operands.
      const other = random.below(n);
      set(n, general[2 * other], general[2 * other + 1]);
    } else if (kind === 11) {
      set(n, landing, 0);
    } else {
      set(n, random.next(), random.next());
    }
  }
  // Dividends whose quotients have a chance to fit.
  const high = random.below(8);
  if (high < 2) set(RDX, 0, 0);
  if (high === 2) set(RDX, general[1] >> 31, general[1] >> 31);
  if (high === 3) set(RDX, random.below(200), 0);
}

/** Sign and exponent, high word and low word of numbers that x87 registers hold. */
const EXTENDED: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [0x8000, 0, 0],
  [0x3fff, 0x80000000, 0],
  [0xbfff, 0x80000000, 0],
  [0x7fff, 0x80000000, 0],
  [0xffff, 0x80000000, 0],
  [0x7fff, 0xc0000000, 0x12345],
  [0xffff, 0xc0000000, 0],
  [0x7fff, 0x80000000, 1],
  [0xffff, 0xa0000000, 0x54321],
  [0, 0, 1],
  [0x8000, 0x7fffffff, -1],
  // Pseudo-denormal, unnormal, pseudo-infinity, pseudo-NaN
  [0, 0x80000000, 0],
  [0x4000, 0x40000000, 0],
  [0x7fff, 0, 0],
  [0x7fff, 0x40000000, 1],
  [1, 0x80000000, 0],
  [0x7ffe, -1, -1],
  [0xfffe, -1, -1],
  [0x3ffe, -1, -1],
  [0x3fff, 0x80000000, 1],
  [0x3ffe, 0x80000000, 0],
  [0x3fff, 0xc0000000, 0],
  [0x4000, 0xa0000000, 0],
  // Edges of 16, 32 and 64-bit integers
  [0x400d, 0xfffe0000, 0],
  [0xc00e, 0x80000000, 0],
  [0x400e, 0x80000000, 0],
  [0x401d, 0xfffffffe, 0],
  [0xc01e, 0x80000000, 0],
  [0x401e, 0x80000000, 0],
  [0x403d, -1, -2],
  [0xc03e, 0x80000000, 0],
  [0x403e, 0x80000000, 0],
  // Edges of single and double precision, and of packed decimals
  [0x407e, 0xffffff00, 0],
  [0x407e, 0xffffff80, 0],
  [0x3f81, 0x80000000, 0],
  [0x3f80, -1, -1],
  [0x3f6a, 0x80000000, 0],
  [0x43fe, -1, 0xfffff800],
  [0x43fe, -1, 0xfffffc00],
  [0x3c01, 0x80000000, 0],
  [0x3bcd, 0x80000000, 0],
  [0x403a, 0xde0b6b3a, 0x763fff00],
  [0x403a, 0xde0b6b3a, 0x76400000],
  // pi, pi / 4
  [0x4000, 0xc90fdaa2, 0x2168c235],
  [0x3ffe, 0xc90fdaa2, 0x2168c235],
];

function fillX87(random: Random, state: State): void {
  const { view } = state;
  for (let n = 0; n < 8; n++) {
    const kind = random.below(16);
    let sign = random.next() & 0x8000;
    let exponent = 0x3fff - 4 + random.below(9);
    let high = random.next() | 0x80000000;
    let low = random.next();
    if (kind < 4) {
      const [first, second, third] = random.pick(EXTENDED);
      sign = first & 0x8000;
      exponent = first & 0x7fff;
      high = second;
      low = third;
    } else if (kind < 6) {
      // Integers
      exponent = 0x3fff + random.below(66);
      low = 0;
      if (kind === 4) high &= 0xffff0000;
    } else if (kind < 8) {
      exponent = random.next() & 0x7fff;
    } else if (kind === 8) {
      // What an MMX instruction leaves
      sign = 0x8000;
      exponent = 0x7fff;
      high = random.next();
    } else if (kind < 11) {
      low = 0;
      high &= 0xffffff00;
    } else if (kind === 11) {
      // Near the edges of what is normal, so that results underflow and overflow
      exponent = random.pick([0, 1, 2, 63, 0x7ffd, 0x7ffe, 0x3fff - 0x1fff, 0x3fff + 0x1fff]);
      if (exponent === 0) high &= 0x7fffffff;
    }
    view.setUint32(176 + 16 * n, low, true);
    view.setUint32(180 + 16 * n, high, true);
    view.setUint16(184 + 16 * n, sign | exponent, true);
  }
  const control = random.below(4);
  // Precision 1 (bits 9:8) is reserved.
  const precision = random.pick([0, 2, 3, 3]);
  state.fcw = control < 2 ? 0x037f : 0x40 | 0x3f | (precision << 8) | (random.below(4) << 10) |
    (random.below(8) === 0 ? 0x1000 : 0);
  const top = random.below(8);
  const conditions = random.below(2) === 0 ? 0 : random.next() & 0x4700;
  const flags = random.below(3) === 0 ? random.next() & 0x3f : 0;
  state.fsw = (top << 11) | conditions | flags | (random.below(24) === 0 ? 0x41 : 0);
  // Most often full but for the register that a push takes.
  const tags = random.below(12);
  state.ftw = 0xff & ~(1 << ((top - 1) & 7));
  if (tags === 0) state.ftw = 0;
  if (tags === 1) state.ftw = 0xff;
  if (tags === 2 || tags === 3) state.ftw = random.next() & 0xff;
  if (random.below(12) === 0) {
    // Exceptions that are not masked, some of which are pending.
    state.fcw &= ~(random.next() & 0x3f);
    if (random.below(2) === 0) state.fsw &= ~0x3f;
  }
  if ((state.fsw & ~state.fcw & 0x3f) !== 0) state.fsw |= 0x8080;
}

/** DAZ, rounding, FTZ; the sticky flags. */
function drawMxcsr(random: Random): number {
  const kind = random.below(8);
  let mxcsr = kind < 4 ? 0x1f80 : 0x1f80 | (random.next() & 0xe040);
  if (kind === 7) mxcsr &= ~(random.next() & 0x1f80);
  const flags = random.below(4);
  if (flags === 0) mxcsr |= random.next() & 0x3f;
  if (flags === 1) mxcsr |= 0x20;
  return mxcsr;
}

/** Values of MXCSR for LDMXCSR, at this offset from the middle of the window. */
export const MXCSR_AT = 0x180;
/** Images of the x87 environment in 32-bit format for FLDENV and FRSTOR: control, status, tags. */
export const ENVIRONMENT_AT = 0x120;

function fillMemory(random: Random, state: State, landing: number): void {
  const { memory, general } = state;
  memory.fill(0);
  const first = WINDOW.centre / 4;
  const words = WINDOW.centreSize / 4;
  const vector = new Uint32Array(4);
  const filling = random.below(3);
  for (let i = 0; i < words; i += 4) {
    if (filling === 0 || random.below(4) === 0) {
      fillVector(random, vector, 0);
      memory.set(vector, first + i);
    } else {
      for (let j = 0; j < 4; j++) memory[first + i + j] = random.next();
    }
    const special = random.below(8);
    if (special === 0) {
      // A number in the x87 format.
      const [sign, high, low] = random.pick(EXTENDED);
      memory.set([low, high, (memory[first + i + 2] & 0xffff0000) | sign], first + i);
    } else if (special === 1) {
      // Equal to a register.
      const n = random.below(4);
      memory.set(general.subarray(2 * n, 2 * n + 2), first + i);
      memory.set(general.subarray(4, 6), first + i + 2);
    }
  }
  const middle = 0x1000 / 4;
  for (let i = 0; i < 4; i++) memory[middle + MXCSR_AT / 4 + i] = drawMxcsr(random);
  const environment = middle + ENVIRONMENT_AT / 4;
  memory[environment] = 0xffff037f &
    ~((random.next() & 0xc00) | (random.below(4) === 0 ? random.next() & 0x3f : 0));
  memory[environment + 1] = 0xffff0000 | (random.next() & 0x7f7f);
  memory[environment + 2] = 0xffff0000 | random.next();
  // A place to return to. The window is zero outside of its centre.
  if (random.below(2) === 0 && general[2 * RSP] % 4 === 0) {
    const at = (general[2 * RSP] - WINDOW.address) / 4;
    if (inCentre(at)) memory[at] = landing;
    if (inCentre(at + 1)) memory[at + 1] = 0;
  }
}

/** Whether a word of the window, by its number, is in the part that is filled. */
const inCentre = (word: number): boolean =>
  word >= WINDOW.centre / 4 && word < (WINDOW.centre + WINDOW.centreSize) / 4;

/** Fills `state` with what case number `index` starts from. */
export function initialState(index: number, state: State): void {
  const random = new Random(index ^ 0x78363400);
  state.bytes.fill(0);
  const landing = slotAddress(index) + SLOT_ROOM + random.below(CODE.slotBytes - SLOT_ROOM);
  fillGeneral(random, state.general, landing);
  for (let n = 0; n < 16; n++) fillVector(random, state.xmm, n);
  fillX87(random, state);
  state.mxcsr = drawMxcsr(random);
  state.rflags = random.next() & 0x8d5;
  if (random.below(4) === 0) state.rflags |= Flag.DF;
  if (random.below(32) === 0) state.rflags |= Flag.AC;
  state.rip = BigInt(slotAddress(index));
  state.fsBase = BigInt(0x1000 + 16 * random.below(0x1000));
  state.gsBase = BigInt(0x20000 + random.below(0x10000));
  state.vector = Ending.end;
  fillMemory(random, state, landing);
}

/**
 * Inputs and digest of the SIMD vectors, the same here as in record.c: from a word and the number of
 * a round to registers and memory, and from those afterwards to 32 bits.
 */
import { WINDOW } from "../../lib/arch/aarch64/testing/row_rig.ts";

/** Operand sets for each word. */
export const ROUNDS = 24;

/** What executes instructions. */
export interface Machine {
  /** V0..V31 as 32-bit elements. */
  readonly vectors: Uint32Array;
  /** X0..X30, SP. */
  readonly x: BigUint64Array;
  /** The window of memory. */
  readonly memory: Uint8Array;
  /** Clears FPSR, FPCR and whatever else an instruction may look at. */
  clear(): void;
}

/** xorshift32 */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed === 0 ? 1 : seed;
  }
  next(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s;
    return s >>> 0;
  }
}

/** Elements at the edges of signed and unsigned ranges, cut to the element's size. */
const EDGES = [0, 1, -1, 0x7fffffff, 0x80000000, 0x7fffffff - 1, 0x80000001, 2];

/** Fills four words with one of several kinds of operands. */
function fillVector(random: Random, out: Uint32Array, at: number): void {
  const style = random.next() & 7;
  const bytes = new Uint8Array(out.buffer, out.byteOffset + at * 4, 16);
  for (let i = 0; i < 4; i++) out[at + i] = random.next();
  if (style < 3) return;
  const choice = random.next();
  if (style === 3) {
    // Shift counts: small signed bytes in elements of any size, sign-extended.
    const size = 1 << (choice & 3);
    for (let i = 0; i < 16; i += size) {
      const count = (random.next() % 140) - 70;
      for (let j = 0; j < size; j++) bytes[i + j] = j === 0 ? count : count >> 31;
    }
    return;
  }
  // Edges of elements of 8, 16, 32 or 64 bits.
  const size = style - 4;
  for (let i = 0; i < 16; i += 1 << size) {
    const edge = EDGES[random.next() & 7];
    const top = edge >>> 24;
    // The top byte, what fills the middle, the lowest byte.
    const fill = (edge >>> 8) & 0xff;
    for (let j = 0; j < 1 << size; j++) bytes[i + j] = fill;
    bytes[i] = edge & 0xff;
    if (size === 0) bytes[i] = (top & 0x80) | (edge & 0x7f);
    else bytes[i + (1 << size) - 1] = top;
  }
}

/** A word whose base register addresses memory. */
export function isLoadStore(word: number): boolean {
  return (word & 0x0a000000) === 0x08000000;
}

/** A load relative to the pc. */
export const isLiteral = (word: number): boolean => (word & 0x3b000000) === 0x18000000;
const isRegisterOffset = (word: number): boolean => (word & 0x3b200c00) === 0x38200800;

/** Sets up registers and memory for a round. */
export function prepare(machine: Machine, word: number, round: number): void {
  const random = new Random((word ^ Math.imul(round + 1, 0x9e3779b1)) >>> 0);
  random.next();
  random.next();
  machine.clear();
  for (let i = 0; i < 32; i++) fillVector(random, machine.vectors, i * 4);
  for (let i = 0; i < 31; i++) {
    const low = random.next();
    machine.x[i] = BigInt(random.next()) << 32n | BigInt(low);
  }
  machine.x[31] = BigInt(WINDOW.address + 0x800);
  if (!isLoadStore(word)) return;
  const words = new Uint32Array(machine.memory.buffer, machine.memory.byteOffset, WINDOW.size / 4);
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  if (isLiteral(word)) return;
  const rn = word >>> 5 & 31;
  const rm = word >>> 16 & 31;
  if (isRegisterOffset(word) && rm !== 31) {
    const small = BigInt(random.next() & 63);
    const high = machine.x[rm] >> 32n << 32n;
    const option = word >>> 13 & 7;
    if (option === 2) machine.x[rm] = high | small;
    else if (option === 6) machine.x[rm] = high | BigInt.asUintN(32, small - 32n);
    else machine.x[rm] = BigInt.asUintN(64, small - 32n);
  }
  if (rn !== 31) machine.x[rn] = BigInt(WINDOW.address + 0x7e0 + (random.next() & 63));
}

const mix = (hash: number, word: number): number =>
  Math.imul((hash << 5 | hash >>> 27) ^ word, 0x9e3779b1);

/** Adds what is in registers and memory, and FPSR.QC, to a digest. */
export function digest(machine: Machine, fpsr: number, word: number, start: number): number {
  let hash = start;
  for (let i = 0; i < 128; i++) hash = mix(hash, machine.vectors[i]);
  const general = new Uint32Array(machine.x.buffer, machine.x.byteOffset, 64);
  for (let i = 0; i < 64; i++) hash = mix(hash, general[i]);
  hash = mix(hash, fpsr & 1 << 27);
  if (!isLoadStore(word)) return hash;
  const words = new Uint32Array(machine.memory.buffer, machine.memory.byteOffset, WINDOW.size / 4);
  for (let i = 0; i < words.length; i++) hash = mix(hash, words[i]);
  return hash;
}

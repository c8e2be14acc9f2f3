/** Values on a stack that system code pushes and pops: not committed to RSP before all is done. */
import { GuestFault, Vector } from "./guest_fault.ts";
import type { LinearMemory } from "./linear_memory.ts";
import type { ProcessorState } from "./processor_state.ts";
import { Gpr } from "./registers.ts";
import { Segment } from "./state.ts";

/** Halves of a 64-bit address as a number; NaN if it is not canonical. */
export function canonical(high: number, low: number): number {
  return (high << 16) >> 16 === (high | 0) ? (high | 0) * 2 ** 32 + low : NaN;
}

/** A stack pointer that moves. */
export class Stack {
  readonly #memory: LinearMemory;
  #base = 0;
  /** SP, ESP, or RSP as a number. */
  pointer = 0;
  #bits: 16 | 32 | 64 = 64;
  /** The value popped last, unsigned halves. */
  high = 0;
  low = 0;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
  }

  /** Begins at the current stack pointer. */
  beginCurrent(state: ProcessorState): void {
    const bits = state.stackSize;
    const low = state.low(Gpr.rsp);
    if (bits !== 64) {
      this.begin(state.segmentBase(Segment.ss), bits === 32 ? low : low & 0xffff, bits);
      return;
    }
    const pointer = canonical(state.high(Gpr.rsp), low);
    if (Number.isNaN(pointer)) throw new GuestFault(Vector.stackFault, 0);
    this.begin(0, pointer, 64);
  }

  /** Begins at a stack pointer of a segment with that base. */
  begin(base: number, pointer: number, bits: 16 | 32 | 64): void {
    this.#base = base;
    this.pointer = pointer;
    this.#bits = bits;
  }

  /** Pushes 2, 4 or 8 bytes. */
  push(size: number, low: number, high = 0): void {
    this.pointer = this.#wrap(this.pointer - size);
    const at = this.address;
    if (size === 8) this.#memory.writePair(at, high, low);
    else this.#memory.write(at, size, low);
  }

  /** Pops 2, 4 or 8 bytes: the low half, zero-extended; both halves stay in `low` and `high`. */
  pop(size: number): number {
    const at = this.address;
    const memory = this.#memory;
    if (size === 8) {
      memory.readPair(at);
      this.low = memory.pairLow;
      this.high = memory.pairHigh;
    } else {
      this.low = size === 2 ? memory.read16(at) : memory.read32(at);
      this.high = 0;
    }
    this.pointer = this.#wrap(this.pointer + size);
    return this.low;
  }

  /** Leaves out bytes: RET n. */
  release(bytes: number): void {
    this.pointer = this.#wrap(this.pointer + bytes);
  }

  /** Makes it the vCPU's stack pointer. */
  commit(state: ProcessorState): void {
    if (this.#bits === 16) state.setLow16(Gpr.rsp, this.pointer);
    else state.setRegister(Gpr.rsp, Math.floor(this.pointer / 2 ** 32), this.pointer);
  }

  #wrap(pointer: number): number {
    if (this.#bits === 64) return pointer;
    return this.#bits === 32 ? pointer >>> 0 : pointer & 0xffff;
  }

  /** Linear address of what it points to. */
  get address(): number {
    return this.#bits === 64 ? this.pointer : (this.#base + this.pointer) % 2 ** 32;
  }
}

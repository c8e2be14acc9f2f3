/**
 * Values of operands for instructions that the host executes. The operands must be bound
 * (`operandsOf`). Accesses to memory fault by throwing a {@linkcode GuestFault}: read and probe before
 * anything changes.
 */
import { isMemory, type MemoryOperand } from "../../engine/instruction.ts";
import { generalProtection, GuestFault, Vector } from "./guest_fault.ts";
import type { LinearMemory } from "./linear_memory.ts";
import type { Operand } from "./operands.ts";
import type { ProcessorState } from "./processor_state.ts";
import { Gpr } from "./registers.ts";
import { canonical } from "./stack.ts";

/** A 64-bit value in unsigned halves. */
export interface Halves {
  readonly high: number;
  readonly low: number;
}

/** Reads and writes general registers and memory. */
export class HostOperands {
  readonly #state: ProcessorState;
  readonly #memory: LinearMemory;

  constructor(state: ProcessorState, memory: LinearMemory) {
    this.#state = state;
    this.#memory = memory;
  }

  /** Offset in its segment of a memory operand, cut to the address size. */
  offset(operand: Operand): Halves {
    const { form, base, index, scale, displacement, value, high } = memoryOf(operand);
    const state = this.#state;
    let low = displacement;
    let top = displacement < 0 ? -1 : 0;
    if (form.kind === "absolute") {
      low = value;
      top = high;
    } else if (form.kind === "pc") {
      low = (low >>> 0) + state.pcLow;
      top += state.pcHigh;
    } else {
      low = (low >>> 0) + state.low(base);
      top += state.high(base);
      if (form.kind === "indexed") {
        const shifted = state.low(index) * 2 ** scale;
        low += shifted;
        top += state.high(index) * 2 ** scale;
      }
    }
    if (low < 0) low += 2 ** 32;
    top = (top + Math.floor(low / 2 ** 32)) >>> 0;
    low >>>= 0;
    if (form.size === 2) return { high: 0, low: low & 0xffff };
    return { high: form.size === 4 ? 0 : top, low };
  }

  /** Linear address of a memory operand. Faults with #SS or #GP if it is not canonical. */
  address(operand: Operand): number {
    const { form, base, segment } = memoryOf(operand);
    const { high, low } = this.offset(operand);
    if (form.linear32) return (low + this.#state.segmentBase(segment)) >>> 0;
    let address = canonical(high, low);
    if (form.segmented) {
      const at = this.#state.segmentBase(segment);
      const sum = low + (at >>> 0);
      address = canonical(
        (high + Math.floor(at / 2 ** 32) + (sum > 0xffffffff ? 1 : 0)) >>> 0,
        sum >>> 0,
      );
    }
    if (!Number.isNaN(address)) return address;
    const onStack = !form.segmented && (base === Gpr.rsp || base === Gpr.rbp);
    throw onStack ? new GuestFault(Vector.stackFault, 0) : generalProtection();
  }

  /** Value of a register or memory operand of 1, 2 or 4 bytes; the low half of one of 8. */
  readLow(operand: Operand): number {
    if (operand.isMemory) {
      return this.#memory.read(this.address(operand), Math.min(operand.size, 4));
    }
    const { value } = operand.raw;
    if (operand.kind === "immediate") return value >>> 0;
    if (operand.size === 1) {
      return value < 16
        ? this.#state.low(value) & 0xff
        : (this.#state.low(value - 16) >>> 8) & 0xff;
    }
    const low = this.#state.low(value);
    return operand.size === 2 ? low & 0xffff : low;
  }

  /** Value of an operand of any size up to 8 bytes, zero-extended. */
  read(operand: Operand): Halves {
    if (operand.size !== 8) return { high: 0, low: this.readLow(operand) };
    if (operand.isMemory) {
      const address = this.address(operand);
      this.#memory.readPair(address);
      return { low: this.#memory.pairLow, high: this.#memory.pairHigh };
    }
    const { value } = operand.raw;
    return { low: this.#state.low(value), high: this.#state.high(value) };
  }

  /** Writes a register as instructions do (32 bits clear the upper half), or memory. */
  write(operand: Operand, low: number, high = 0): void {
    const { size, isMemory: memory } = operand;
    if (memory) {
      const address = this.address(operand);
      if (size === 8) this.#memory.writePair(address, high, low);
      else this.#memory.write(address, size, low);
      return;
    }
    const { value } = operand.raw;
    if (size === 8) this.#state.setRegister(value, high, low);
    else if (size === 4) this.#state.setLow(value, low);
    else if (size === 2) this.#state.setLow16(value, low);
    else this.#writeByte(value, low);
  }

  #writeByte(register: number, byte: number): void {
    const shift = register < 16 ? 0 : 8;
    const number = register & 15;
    const kept = this.#state.low(number) & ~(0xff << shift);
    this.#state.setRegister(number, this.#state.high(number), kept | ((byte & 0xff) << shift));
  }
}

function memoryOf({ raw }: Operand): MemoryOperand {
  if (!isMemory(raw)) throw new Error(`${raw.name} is not in memory`);
  return raw;
}

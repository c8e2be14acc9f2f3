/**
 * The typed builder in which instruction semantics are written: a WebAssembly instruction sink
 * (`b.i64_add()`, named as in the text format) with access to guest registers, flags, memory and
 * control flow. Two classes implement it: the compiler (operands are constants, registers live in
 * locals) and the interpreter generator (operands come from a pre-decoded record, registers live in
 * memory). Comments give the stack effect as `[before] -> [after]`.
 */
import { Code } from "../wasm/code.ts";
import type { ValType } from "../wasm/types.ts";
import type { StateField } from "./layout.ts";
import type { MemoryOperand, Operand } from "./instruction.ts";

/** How a memory access is checked. */
export interface AccessOptions {
  /** Misaligned addresses fault (exclusives, acquire and release, locked operations). */
  readonly aligned?: boolean;
  /** Number of the TLB to use instead of the current mode's (unprivileged loads and stores). */
  readonly tlb?: number;
}

/** Sizes in bytes of one probe: the access must lie in [va, va + size). */
export type ProbeSize = 1 | 2 | 3 | 4 | 6 | 8 | 12 | 16 | 24 | 32 | 48 | 64;

export abstract class Builder extends Code {
  // ---- operands

  /** [] -> [i64] general register. */
  abstract get(r: Operand): void;
  /** [] -> [i32] low half of a general register. */
  abstract get32(r: Operand): void;
  /** [i64] -> [] */
  abstract set(r: Operand): void;
  /** [i32] -> [] writes the low half, clears the high half. */
  abstract set32(r: Operand): void;
  /** [] -> [i32] bits 15:0 of a general register, zero-extended. */
  abstract get16(r: Operand): void;
  /** [i32] -> [] writes bits 15:0; the others stay. */
  abstract set16(r: Operand): void;
  /** [] -> [i32] a byte register (kind `reg8`), zero-extended. */
  abstract get8(r: Operand): void;
  /** [i32] -> [] writes a byte register; the register's other bits stay. */
  abstract set8(r: Operand): void;
  /** [] -> [v128] vector register (n + plus) mod 32. */
  abstract getV(v: Operand, plus?: number): void;
  /** [v128] -> [] */
  abstract setV(v: Operand, plus?: number): void;
  /** [] -> [f64] lane 0. */
  abstract getD(v: Operand): void;
  /** [] -> [f32] lane 0. */
  abstract getS(v: Operand): void;
  /** [f64] -> [] writes lane 0, clears the rest. */
  abstract setD(v: Operand): void;
  /** [f32] -> [] writes lane 0, clears the rest. */
  abstract setS(v: Operand): void;
  /** [] -> [i64] immediate: zero-extended if at most 8 bits wide, else the signed 64-bit value. */
  abstract imm(i: Operand): void;
  /** [] -> [i32] low half of an immediate. */
  abstract imm32(i: Operand): void;
  /** [] -> [i64] address of this instruction. */
  abstract pc(): void;
  /** [] -> [i64] address of the instruction that follows. */
  abstract nextPc(): void;
  /** [] -> [i64] address of this instruction plus an immediate. */
  abstract pcRelative(i: Operand): void;
  /** [] -> [i64] address of an operand in memory. */
  abstract address(m: MemoryOperand): void;
  /** [] -> [i64] the same without the segment's base. */
  abstract offset(m: MemoryOperand): void;

  // ---- scratch and state

  /** A local for use until the end of this instruction. Two calls never give the same one. */
  abstract temp(type: ValType): number;
  /** [] -> [value] a field of the vCPU's state block, in the field's type (u64: i64, others: i32). */
  abstract getState(field: StateField, index?: number): void;
  /** [value] -> [] */
  abstract setState(field: StateField, index?: number): void;
  /** [arguments] -> [results] of a helper function that the architecture defines. */
  abstract callHelper(name: string): void;

  // ---- flags (kinds and conditions are the architecture's)

  /** [operands of the kind] -> [] flags as result of an operation; evaluated when somebody asks. */
  abstract setFlags(kind: number): void;
  /** [operands of the kind, i32] -> [] the same if not zero; else the flags stay as they are. */
  abstract setFlagsIf(kind: number): void;
  /** [] -> [i32] 0 or 1. */
  abstract condition(code: number): void;
  /** [] -> [i64 for each field] the flags as they rest: what `setFlags` of kind 0 takes. */
  abstract restingFlags(): void;

  // ---- memory (guest RAM; a miss or fault leaves before any state has changed). An instruction has
  // at most one probe that reads and one that writes, or one that does both.

  /** [i64 va] -> [i32 host address] for reading. */
  abstract readAddress(size: ProbeSize, options?: AccessOptions): void;
  /** [i64 va] -> [i32 host address] for writing. */
  abstract writeAddress(size: ProbeSize, options?: AccessOptions): void;
  /** [i64 va] -> [i32 host address] for reading and writing. */
  abstract readWriteAddress(size: ProbeSize, options?: AccessOptions): void;

  /**
   * [] -> [i32] whether the host address in a local, which a probe has given, is in guest RAM: the rest of
   * its page is there, too, for the same kind of access.
   */
  abstract isRam(hostAddress: number): void;

  // ---- control flow (the last thing that the semantics of a row with `flow` do)

  /** Goes to pc + imm. */
  abstract jump(distance: Operand): void;
  /** [i32] -> [] goes to pc + imm if not zero. */
  abstract jumpIf(distance: Operand): void;
  /** [i64] -> [] goes to an address. */
  abstract jumpTo(): void;
  /** [i32] -> [] if not zero: leaves, unchanged, to the architecture's fault handler `fault`. */
  abstract faultIf(fault: number): void;
}

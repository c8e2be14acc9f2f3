/**
 * What the semantics of a handler touch, found by running them once into a sink that only takes
 * notes. Depends on structural fields alone, so once per handler is enough.
 */
import type { ValType } from "../wasm/types.ts";
import { Builder } from "./builder.ts";
import type { Handler, MemoryOperand, Operand } from "./instruction.ts";

/** Flags of one kind, or as they were before. */
export const EITHER_FLAGS = -2;

/** A vector register named by an operand, `plus` further. */
export interface VectorUse {
  readonly operand: Operand;
  readonly plus: number;
}

/** Registers, flags and memory that a handler touches. */
export interface Meta {
  readonly reads: ReadonlySet<Operand>;
  readonly writes: ReadonlySet<Operand>;
  /** Operands in memory whose addresses are computed. */
  readonly addresses: ReadonlySet<MemoryOperand>;
  readonly vectorReads: readonly VectorUse[];
  readonly vectorWrites: readonly VectorUse[];
  /** Kind of flags left behind, -1 if they are not written, or {@linkcode EITHER_FLAGS}. */
  readonly flags: number;
  readonly readsFlags: boolean;
  /** Memory accesses that are checked on their own. */
  readonly probes: number;
  /** Whether one of them reads, or writes. */
  readonly loads: boolean;
  readonly stores: boolean;
  /** Whether it may fault when an access has been done. */
  readonly faultsLate: boolean;
}

/** The sink that takes the notes. */
export class MetaBuilder extends Builder {
  readonly reads: Set<Operand> = new Set();
  readonly writes: Set<Operand> = new Set();
  readonly addresses: Set<MemoryOperand> = new Set();
  readonly vectorReads: VectorUse[] = [];
  readonly vectorWrites: VectorUse[] = [];
  flags = -1;
  readsFlags = false;
  probes = 0;
  loads = false;
  stores = false;
  faultsLate = false;
  #temps = 0;

  override get(r: Operand): void {
    this.reads.add(r);
  }
  override get32(r: Operand): void {
    this.reads.add(r);
  }
  override set(r: Operand): void {
    this.writes.add(r);
  }
  override set32(r: Operand): void {
    this.writes.add(r);
  }
  override get16(r: Operand): void {
    this.reads.add(r);
  }
  override set16(r: Operand): void {
    this.writes.add(r);
  }
  override get8(r: Operand): void {
    this.reads.add(r);
  }
  override set8(r: Operand): void {
    this.writes.add(r);
  }
  override address(m: MemoryOperand): void {
    this.addresses.add(m);
  }
  override offset(m: MemoryOperand): void {
    this.addresses.add(m);
  }
  override getV(operand: Operand, plus = 0): void {
    this.vectorReads.push({ operand, plus });
  }
  override setV(operand: Operand, plus = 0): void {
    this.vectorWrites.push({ operand, plus });
  }
  override getD(operand: Operand): void {
    this.vectorReads.push({ operand, plus: 0 });
  }
  override getS(operand: Operand): void {
    this.vectorReads.push({ operand, plus: 0 });
  }
  override setD(operand: Operand): void {
    this.vectorWrites.push({ operand, plus: 0 });
  }
  override setS(operand: Operand): void {
    this.vectorWrites.push({ operand, plus: 0 });
  }
  override temp(_type: ValType): number {
    return this.#temps++;
  }
  override setFlags(kind: number): void {
    this.flags = kind;
  }
  override setFlagsIf(_kind: number): void {
    this.flags = EITHER_FLAGS;
  }
  override condition(_code: number): void {
    if (this.flags === -1) this.readsFlags = true;
  }
  override restingFlags(): void {
    if (this.flags === -1) this.readsFlags = true;
  }
  override imm(): void {}
  override imm32(): void {}
  override pc(): void {}
  override nextPc(): void {}
  override pcRelative(): void {}
  override getState(): void {}
  override setState(): void {}
  override callHelper(): void {}
  override readAddress(): void {
    this.probes++;
    this.loads = true;
  }
  override writeAddress(): void {
    this.probes++;
    this.stores = true;
  }
  override readWriteAddress(): void {
    this.probes++;
    this.loads = this.stores = true;
  }
  override isRam(): void {}
  override jump(): void {}
  override jumpIf(): void {}
  override jumpTo(): void {}
  override faultIf(): void {
    if (this.probes > 0) this.faultsLate = true;
  }
}

const known = new WeakMap<Handler, Meta>();

/** Notes about a handler that has semantics. */
export function metaOf(handler: Handler): Meta {
  let meta = known.get(handler);
  if (meta === undefined) {
    const notes = new MetaBuilder();
    handler.emit(notes);
    meta = notes;
    known.set(handler, meta);
  }
  return meta;
}

/**
 * Whether an instruction can have the host do its access while a region goes on: its only one, and a
 * store must have changed nothing else when a device refuses it.
 */
export function mayAskHost(handler: Handler): boolean {
  const { probes, stores, loads, writes, vectorWrites, flags, faultsLate } = metaOf(handler);
  if (handler.instruction.flow !== undefined || probes !== 1 || faultsLate) return false;
  return !stores || (!loads && writes.size === 0 && vectorWrites.length === 0 && flags < 0);
}

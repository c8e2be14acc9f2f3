/**
 * Instructions whose destination is also a source, in their three forms: register, memory, memory with
 * LOCK. Locked ones are atomic operations of WebAssembly, except at misaligned addresses, which those
 * do not take, and where there is no such operation: these are atomic because vCPUs take turns in one
 * thread.
 */
import type { Builder } from "../../engine/builder.ts";
import type { Operand, Operands } from "./operands.ts";
import { local } from "./sized.ts";

/** An atomic operation of WebAssembly that does the same. */
export interface Atomic {
  readonly name: "add" | "sub" | "and" | "or" | "xor" | "xchg";
  /** [] -> [value] its operand. */
  readonly operand: () => void;
}

/** The atomic form, if the instruction is locked. */
export function atomicIf(
  o: Operands,
  name: Atomic["name"],
  operand: Atomic["operand"],
): Atomic | undefined {
  return o.lock ? { name, operand } : undefined;
}

/**
 * [] -> [] Reads an operand into a local, and writes what `change` makes of it ([] -> [value], bits
 * above the size do not matter). With `atomic`, memory changes in one step. Gives the local with the
 * value before.
 */
export function modify(
  b: Builder,
  target: Operand,
  change: (old: number) => void,
  atomic: Atomic | undefined,
): number {
  target.probe(b, "rw");
  return modifyProbed(b, target, change, atomic);
}

/** The same of an operand that was probed. */
export function modifyProbed(
  b: Builder,
  target: Operand,
  change: (old: number) => void,
  atomic: Atomic | undefined,
): number {
  const old = local(b, target.size);
  if (target.isMemory && atomic !== undefined) lockedModify(b, target, old, change, atomic);
  else {
    target.get(b);
    b.local_set(old);
    change(old);
    target.set(b);
  }
  return old;
}

function lockedModify(
  b: Builder,
  target: Operand,
  old: number,
  change: (old: number) => void,
  { name, operand }: Atomic,
): void {
  const { size } = target;
  ifAligned(b, target, () => {
    target.place(b);
    operand();
    if (size === 8) b[`i64_atomic_rmw_${name}`]();
    else if (size === 4) b[`i32_atomic_rmw_${name}`]();
    else if (size === 2) b[`i32_atomic_rmw16_${name}_u`]();
    else b[`i32_atomic_rmw8_${name}_u`]();
    b.local_set(old);
  }, () => {
    target.get(b);
    b.local_set(old);
    change(old);
    target.set(b);
  });
}

/** [] -> [] one of two ways, depending on where memory that was probed is. */
export function ifAligned(
  b: Builder,
  target: Operand,
  aligned: () => void,
  misaligned: () => void,
): void {
  if (target.size === 1) {
    aligned();
    return;
  }
  target.place(b);
  b.i32_const(target.size - 1).i32_and().i32_eqz().if_();
  aligned();
  b.else_();
  misaligned();
  b.end();
}

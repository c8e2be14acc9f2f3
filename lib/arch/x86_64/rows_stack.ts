/** PUSH, POP, stack frames, PUSHF (SDM volume 1, 6.2, 6.5). POPF is with the flags. */
import type { Builder, ProbeSize } from "../../engine/builder.ts";
import { getPart, RBP, RSP, setPart } from "./implicit_registers.ts";
import type { Operands } from "./operands.ts";
import { x86, x86Host, type X86Row, type X86Semantics } from "./row.ts";
import { local } from "./sized.ts";
import { addToStackPointer, load, slotAddress, store } from "./stack_slots.ts";

/**
 * [] -> [] pushes what `value` gives ([] -> [value]). `check` writes what may fault after the access to
 * the stack.
 */
export function push(
  b: Builder,
  o: Operands,
  size: number,
  value: () => void,
  check?: () => void,
): void {
  const [pushed, place] = [local(b, size), b.temp("i32")];
  value();
  b.local_set(pushed);
  slotAddress(b, o, RSP, -size);
  b.writeAddress(size as ProbeSize);
  b.local_set(place);
  check?.();
  b.local_get(place).local_get(pushed);
  store(b, size);
  addToStackPointer(b, o, -size);
}

/** [] -> [value] what is on top of the stack; the stack pointer stays. */
export function top(b: Builder, o: Operands, size: number): void {
  slotAddress(b, o, RSP, 0);
  b.readAddress(size as ProbeSize);
  load(b, size);
}

const pushOperand: X86Semantics = (b, o) => push(b, o, o.size, () => o[0].get(b));

/** Of the stack pointer, what was popped stays. */
const popRegister: X86Semantics = (b, o) => {
  top(b, o, o.size);
  addToStackPointer(b, o, o.size);
  o[0].set(b);
};

/** An address with the stack pointer has what it is afterwards. */
const popOperand: X86Semantics = (b, o) => {
  if (!o[0].isMemory) {
    popRegister(b, o);
    return;
  }
  const [value, before] = [local(b, o.size), b.temp("i64")];
  top(b, o, o.size);
  b.local_set(value);
  b.get(RSP);
  b.local_set(before);
  addToStackPointer(b, o, o.size);
  o[0].address(b);
  // If the probe faults, nothing has changed.
  b.local_get(before);
  b.set(RSP);
  b.writeAddress(o.size as ProbeSize);
  b.local_get(value);
  store(b, o.size);
  addToStackPointer(b, o, o.size);
};

/** LEAVE: the stack ends where rBP points to, and rBP comes from there. */
const leave: X86Semantics = (b, o) => {
  const value = local(b, o.size);
  slotAddress(b, o, RBP, 0);
  b.readAddress(o.size as ProbeSize);
  load(b, o.size);
  b.local_set(value);
  getPart(b, RBP, o.stackSize);
  setPart(b, RSP, o.stackSize);
  addToStackPointer(b, o, o.size);
  b.local_get(value);
  setPart(b, RBP, o.size);
};

export const stackRows: readonly X86Row[] = [
  x86("PUSH Zv", "50+r", "base", pushOperand, { d64: true }),
  x86("PUSH Iz", "68", "base", pushOperand, { d64: true }),
  x86("PUSH Ib", "6a", "base", pushOperand, { d64: true, sized: true }),
  x86("PUSH Ev", "ff /6", "base", pushOperand, { d64: true }),
  x86("POP Zv", "58+r", "base", popRegister, { d64: true }),
  x86("POP Ev", "8f /0", "base", popOperand, { d64: true }),
  x86Host("PUSHA", "60", "base", "pusha", { i64: true, sized: true }),
  x86Host("POPA", "61", "base", "popa", { i64: true, sized: true }),
  x86Host("ENTER Iw,Ib", "c8", "base", "enter", { d64: true, sized: true }),
  x86("LEAVE", "c9", "base", leave, { d64: true, sized: true }),
];

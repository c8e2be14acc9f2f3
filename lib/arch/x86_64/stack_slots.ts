/** Places on the stack, by the width of its pointer, and accesses of one operand to them. */
import type { Builder } from "../../engine/builder.ts";
import { fixedAddress, type Operand } from "../../engine/instruction.ts";
import { getPart, RSP, setPart } from "./implicit_registers.ts";
import type { Operands } from "./operands.ts";
import { Segment } from "./state.ts";

/** [] -> [i64] linear address on the stack, some bytes from what RSP or RBP points to. */
export function slotAddress(b: Builder, o: Operands, base: Operand, distance: number): void {
  const segmented = o.codeSize !== 8;
  const size = o.stackSize as 2 | 4 | 8;
  b.address(
    fixedAddress({ kind: "base", size, segmented, linear32: segmented }, {
      base: base.value,
      segment: segmented ? Segment.ss : Segment.none,
      displacement: distance,
    }),
  );
}

/** [] -> [] moves the stack pointer. */
export function addToStackPointer(b: Builder, o: Operands, bytes: number): void {
  const size = o.stackSize;
  getPart(b, RSP, size);
  if (size === 8) b.i64_const32(bytes).i64_add();
  else b.i32_const(bytes).i32_add();
  setPart(b, RSP, size);
}

/** [i32 host address] -> [value] */
export function load(b: Builder, size: number): void {
  if (size === 8) b.i64_load();
  else if (size === 4) b.i32_load();
  else b.i32_load16_u();
}

/** [i32 host address, value] -> [] */
export function store(b: Builder, size: number): void {
  if (size === 8) b.i64_store();
  else if (size === 4) b.i32_store();
  else b.i32_store16();
}

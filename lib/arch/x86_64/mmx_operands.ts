/**
 * What the rows of MMX share. Registers MM0..MM7 are the low 64 bits of the x87 registers R0..R7. An
 * instruction sets TOP to 0, marks all registers as not empty, and fills bits 79:64 of what it writes
 * with ones (SDM volume 1, 9.5).
 */
import type { Builder } from "../../engine/builder.ts";
import { lanes } from "../simd/lanes.ts";
import { Fault } from "./fault_numbers.ts";
import { field } from "./layout.ts";
import type { X86Semantics } from "./row.ts";
import { toLocal, type VectorOp } from "./sse_operands.ts";
import { Status, TOP } from "./x87_unit.ts";

const FSW = field("fsw");
const FTW = field("ftw");
/** All registers are not empty. */
const ALL = 0xff;

/** Raises #MF if an x87 exception is pending. */
export function checkPending(b: Builder): void {
  b.getState(FSW);
  b.i32_const(Status.summary).i32_and();
  b.faultIf(Fault.x87Exception);
}

/** Makes the x87 registers the MMX registers. */
export function enterMmx(b: Builder): void {
  b.getState(FSW);
  b.i32_const(~TOP).i32_and();
  b.setState(FSW);
  b.i32_const(ALL);
  b.setState(FTW);
}

/** An instruction with MMX registers. */
export function mmx(semantics: X86Semantics): X86Semantics {
  return (b, o) => {
    checkPending(b);
    semantics(b, o);
    enterMmx(b);
  };
}

const LOW_HALVES = lanes(3, (i) => 2 * i);

/**
 * An operation that takes 128 bits from both operands, as one on MMX registers: of the destination's
 * bits, with the source's above them, twice. The low half of the result counts.
 */
export function joined(op: VectorOp): VectorOp {
  return (b) => {
    b.i8x16_shuffle(LOW_HALVES);
    const both = toLocal(b);
    b.local_get(both).local_get(both);
    op(b);
  };
}

/** What the rows of SSE share: operands in vectors, alignment, locals. */
import type { AccessOptions, Builder } from "../../engine/builder.ts";
import { fixedOperand, type Operand as EngineOperand } from "../../engine/instruction.ts";
import type { Operand } from "./operands.ts";
import type { X86Semantics } from "./row.ts";

/** Memory operands of 16 bytes must be aligned, or #GP (SDM volume 1, 4.6.2 and 11.3). */
export const ALIGNED: AccessOptions = { aligned: true };

/** XMM0, which BLENDV, SHA256RNDS2 and PCMPxSTRM use without naming it. */
export const XMM0: EngineOperand = fixedOperand("vec", 0);

/** [operands] -> [v128] */
export type VectorOp = (b: Builder) => void;

/** Probes a source; 16 bytes must be aligned. */
export function probeSource(b: Builder, p: Operand): void {
  p.probe(b, "r", p.size === 16 ? ALIGNED : undefined);
}

/** Destination and source are the operands of `op`: [v128, v128] -> [v128]. */
export function binary(op: VectorOp): X86Semantics {
  return (b, o) => {
    probeSource(b, o[1]);
    o[0].getV(b);
    o[1].getV(b);
    op(b);
    o[0].setV(b);
  };
}

/** {@linkcode binary} with a source in memory that need not be aligned. */
export function binaryUnaligned(op: VectorOp): X86Semantics {
  return (b, o) => {
    o[1].probe(b, "r");
    o[0].getV(b);
    o[1].getV(b);
    op(b);
    o[0].setV(b);
  };
}

/** The source is the operand of `op`: [v128] -> [v128]. */
export function unary(op: VectorOp): X86Semantics {
  return (b, o) => {
    probeSource(b, o[1]);
    o[1].getV(b);
    op(b);
    o[0].setV(b);
  };
}

/** [v128] -> [] into a new local. */
export function toLocal(b: Builder): number {
  const local = b.temp("v128");
  b.local_set(local);
  return local;
}

/** [v128 x, v128 y] -> [] into new locals. */
export function toLocals(b: Builder): readonly [x: number, y: number] {
  const y = toLocal(b);
  return [toLocal(b), y];
}

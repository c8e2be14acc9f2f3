/** Exceptions of the guest while the host executes something for it (SDM volume 3, chapter 6). */

/** Vectors of exceptions. */
export const Vector = {
  divideError: 0,
  debug: 1,
  nmi: 2,
  breakpoint: 3,
  overflow: 4,
  boundRange: 5,
  invalidOpcode: 6,
  deviceNotAvailable: 7,
  doubleFault: 8,
  invalidTss: 10,
  segmentNotPresent: 11,
  stackFault: 12,
  generalProtection: 13,
  pageFault: 14,
  x87: 16,
  alignmentCheck: 17,
  machineCheck: 18,
  simd: 19,
} as const;
/** One of {@linkcode Vector}. */
export type Vector = typeof Vector[keyof typeof Vector];

/**
 * Thrown by what executes an instruction for the guest when the instruction faults; caught by
 * {@linkcode X86Cpu} and where exceptions are delivered, never seen by others. No Error: nobody reads
 * a stack of it, and it is made often.
 */
export class GuestFault {
  readonly vector: Vector;
  /** Error code, undefined for vectors that have none. */
  readonly code: number | undefined;
  /** Linear address that a page fault leaves in CR2, in halves. */
  readonly addressHigh: number;
  readonly addressLow: number;

  constructor(vector: Vector, code?: number, addressHigh = 0, addressLow = 0) {
    this.vector = vector;
    this.code = code;
    this.addressHigh = addressHigh;
    this.addressLow = addressLow;
  }
}

/** #GP with a selector or 0 as its error code. */
export function generalProtection(selector = 0): GuestFault {
  return new GuestFault(Vector.generalProtection, selector & 0xfffc);
}

/** #UD. */
export function invalidOpcode(): GuestFault {
  return new GuestFault(Vector.invalidOpcode);
}

/** #NP, #SS or #TS with a selector. */
export function selectorFault(vector: Vector, selector: number): GuestFault {
  return new GuestFault(vector, selector & 0xfffc);
}

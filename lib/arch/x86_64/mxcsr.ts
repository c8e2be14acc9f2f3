/**
 * MXCSR, and when the host's floating point is the guest's: MXCSR selects round to nearest, PE is set
 * already and masked, so that an inexact result changes nothing. What operands and result have to be
 * like, `sse_float_code.ts` tests (SDM volume 1, 10.2.3 and 11.5).
 */
import type { StateField, StateView } from "../../engine/layout.ts";
import { FAST_BOUND_64, FAST_BOUNDS } from "../fp/fast_result.ts";
import { field } from "./layout.ts";

/** Bits of MXCSR. The flags are those of `Exception` (../fp/softfloat_format.ts). */
export const MXCSR = {
  IE: 0x01,
  DE: 0x02,
  ZE: 0x04,
  OE: 0x08,
  UE: 0x10,
  PE: 0x20,
  flags: 0x3f,
  /** Subnormal operands are zeros. */
  DAZ: 0x40,
  OM: 0x0400,
  UM: 0x0800,
  PM: 0x1000,
  masks: 0x1f80,
  /** A flag shifted left by this is its mask. */
  MASK_SHIFT: 7,
  /** 0 nearest, 1 down, 2 up, 3 to zero. */
  RC: 0x6000,
  RC_SHIFT: 13,
  /** Tiny results become zeros, if UM is set. */
  FTZ: 0x8000,
  /** Bits that exist; the others are reserved. */
  valid: 0xffff,
  /** After reset. */
  initial: 0x1f80,
} as const;

/** Bits that decide whether the host's result may stand, and how they must be. */
export const NATIVE_BITS: number = MXCSR.RC | MXCSR.PM | MXCSR.PE;
export const NATIVE_VALUE: number = MXCSR.PM | MXCSR.PE;

export const mxcsrField: StateField = field("mxcsr");
/** Bounds of results in single and double precision, or 0: see `fast_result.ts`. */
export const sseFastField: StateField = field("sseFast");
export const sseFast64Field: StateField = field("sseFast64");
/**
 * Bounds of sums, or 0. Sums that are subnormal are exact, and so is zero: if nothing is flushed and
 * UM is set, a sum stands unless it is infinite or a NaN: `bits << 1` is below the bound then.
 */
export const sseSumField: StateField = field("sseSum");
export const sseSum64Field: StateField = field("sseSum64");
/** Bits that decide about sums, and how they must be. */
export const SUM_BITS: number = NATIVE_BITS | MXCSR.FTZ | MXCSR.UM;
export const SUM_VALUE: number = NATIVE_VALUE | MXCSR.UM;
/** The bounds: infinity in single precision, high word of that in double precision. */
export const SUM_BOUNDS = { single: 0xff000000, doubleHigh: 0xffe00000 } as const;
/** Exceptions not masked that the instruction on its way has raised; 0 between instructions. */
export const sseTrapField: StateField = field("sseTrap");

/** Writes MXCSR and what follows from it. Reserved bits are the caller's business. */
export function writeMxcsr(view: StateView, value: number): void {
  const fast = (value & NATIVE_BITS) === NATIVE_VALUE;
  view.set32(mxcsrField, value);
  view.set32(sseFastField, fast ? FAST_BOUNDS.single : 0);
  view.set64(sseFast64Field, fast ? FAST_BOUND_64 : 0n);
  const sums = (value & SUM_BITS) === SUM_VALUE;
  view.set32(sseSumField, sums ? SUM_BOUNDS.single : 0);
  view.set64(sseSum64Field, sums ? BigInt(SUM_BOUNDS.doubleHigh) << 32n : 0n);
  view.set32(sseTrapField, 0);
}

/**
 * When the host's floating point is the guest's: FPCR selects round to nearest without flush to
 * zero, and FPSR.IXC is set already, so that an inexact result changes nothing. A normal result
 * that is not next to the subnormals then needs no further look (Arm ARM, A1.5 and C5.2.7, C5.2.8).
 */
import type { StateField, StateView } from "../../engine/layout.ts";
import { field } from "./layout.ts";

/** Bits of FPCR (Arm ARM, C5.2.7). RMode: 0 nearest, 1 to plus, 2 to minus infinity, 3 to zero. */
export const FPCR = {
  AHP: 0x04000000,
  DN: 0x02000000,
  FZ: 0x01000000,
  RMODE_SHIFT: 22,
  RMODE: 0x00c00000,
} as const;

/** Cumulative exception bits of FPSR (Arm ARM, C5.2.8). */
export const FPSR = { IOC: 1, DZC: 2, OFC: 4, UFC: 8, IXC: 16, IDC: 128 } as const;

/** FPCR bits with which the host's arithmetic is not the guest's. */
export const FPCR_NOT_NATIVE: number = FPCR.RMODE | FPCR.FZ;

/**
 * A 32-bit result with bits `r` is normal, with a biased exponent of at least 2, if
 * `(r << 1) - FAST_BIAS` is below `fpFast` as unsigned numbers. The bound is odd so that its bit 0
 * tells whether it is set.
 */
export const FAST_BIAS = 0x02000000;
const FAST_BOUND = 0xfcffffff;

/** The same for 64 bits: high words of the bias and of `fpFast64` (low words 0 and all ones). */
export const FAST_BIAS_64_HIGH = 0x00400000;
const FAST_BOUND_64 = 0xff9fffff_ffffffffn;

/** FPCR. */
export const fpcrField: StateField = field("fpcr");
/** FPSR. */
export const fpsrField: StateField = field("fpsr");
/** Bound for results in single precision. */
export const fpFastField: StateField = field("fpFast");
/** Bound for results in double precision. */
export const fpFast64Field: StateField = field("fpFast64");

/** Low word, high word and 32-bit form of the bounds, for code that sets them. */
export const FAST_BOUNDS = {
  single: 0xfcffffff,
  doubleLow: 0xffffffff,
  doubleHigh: 0xff9fffff,
} as const;

/** Derives `fpFast` and `fpFast64` anew. To be called after every write of FPCR or FPSR, and at reset. */
export function updateFpFast(view: StateView): void {
  const fast = (view.get32(fpcrField) & FPCR_NOT_NATIVE) === 0 &&
    (view.get32(fpsrField) & FPSR.IXC) !== 0;
  view.set32(fpFastField, fast ? FAST_BOUND : 0);
  view.set64(fpFast64Field, fast ? FAST_BOUND_64 : 0n);
}

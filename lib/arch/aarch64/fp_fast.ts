/**
 * When the host's floating point is the guest's: FPCR selects round to nearest without flush to
 * zero, and FPSR.IXC is set already, so that an inexact result changes nothing. A normal result
 * that is not next to the subnormals then needs no further look (Arm ARM, A1.5 and C5.2.7, C5.2.8).
 */
import type { StateField, StateView } from "../../engine/layout.ts";
import { FAST_BOUND_64, FAST_BOUNDS } from "../fp/fast_result.ts";
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

/** FPCR. */
export const fpcrField: StateField = field("fpcr");
/** FPSR. */
export const fpsrField: StateField = field("fpsr");
/** Bound for results in single precision. */
export const fpFastField: StateField = field("fpFast");
/** Bound for results in double precision. */
export const fpFast64Field: StateField = field("fpFast64");

/** Derives `fpFast` and `fpFast64` anew. To be called after every write of FPCR or FPSR, and at reset. */
export function updateFpFast(view: StateView): void {
  const fast = (view.get32(fpcrField) & FPCR_NOT_NATIVE) === 0 &&
    (view.get32(fpsrField) & FPSR.IXC) !== 0;
  view.set32(fpFastField, fast ? FAST_BOUNDS.single : 0);
  view.set64(fpFast64Field, fast ? FAST_BOUND_64 : 0n);
}

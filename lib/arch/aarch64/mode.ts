/**
 * Translation modes: what the meaning of code depends on besides its bytes. Code is translated once
 * per mode in which it runs.
 */

/** Bits of a mode. */
export const Mode = {
  /** Number of the TLB, see {@linkcode Tlb}. */
  tlb: 3,
  /** Floating point and SIMD are not trapped (CPACR_EL1.FPEN). */
  fp: 0x4,
  /** CTR_EL0 may be read (always at EL1, by SCTLR_EL1.UCT at EL0). */
  ctr: 0x8,
  /** DC ZVA may be executed (always at EL1, by SCTLR_EL1.DZE at EL0). */
  zero: 0x10,
  /** EL1 with PSTATE.SP = 1, where SP_EL0 can be accessed. */
  el1h: 0x20,
} as const;

/** TLBs: one for each set of access rights. */
export const Tlb = {
  /** EL0, and unprivileged accesses (LDTR, STTR) from EL1. */
  el0: 0,
  /** EL1 with PSTATE.PAN = 1: pages that EL0 can access are refused. */
  el1Pan: 1,
  /** EL1 with PSTATE.PAN = 0. */
  el1: 2,
} as const;

export const TLB_COUNT = 3;

/** Features of rows that a mode can switch off; all others are always on. */
const needed: Readonly<Record<string, number>> = {
  FEAT_FP: Mode.fp,
  FEAT_AdvSIMD: Mode.fp,
  FEAT_RDM: Mode.fp,
  FEAT_AES: Mode.fp,
  FEAT_PMULL: Mode.fp,
  FEAT_SHA1: Mode.fp,
  FEAT_SHA256: Mode.fp,
  UCT: Mode.ctr,
  DZE: Mode.zero,
  EL1h: Mode.el1h,
};

/** Whether rows of a feature run as they stand in a mode. */
export function enabled(feature: string, mode: number): boolean {
  if (feature === "EL1") return (mode & Mode.tlb) !== Tlb.el0;
  const bit = needed[feature];
  return bit === undefined || (mode & bit) !== 0;
}

/** Whether a feature is floating point or SIMD: its rows trap with EC 0x07 when they are off. */
export function isFloatingPoint(feature: string): boolean {
  return needed[feature] === Mode.fp;
}

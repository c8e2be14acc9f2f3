/**
 * What stays in the TLBs when another vCPU's turn comes. All vCPUs of a machine have the same ones,
 * which hold only what is true for the one that runs.
 */

/** How far two vCPUs translate alike. */
export const Common = {
  nothing: 0,
  /** What is global and in the upper half of the address space. */
  upper: 1,
  all: 2,
} as const;
export type Common = typeof Common[keyof typeof Common];

/** What the TLBs may hold of things that are global; each architecture knows more of them. */
export interface SharedTlbs {
  /** Something is in the lower half of the address space. */
  lowerGlobal: boolean;
  /**
   * Something may be from tables that the running vCPU had before: right for the one that has changed
   * them without an invalidation, not for the others.
   */
  staleGlobal: boolean;
}

/** What a vCPU may keep of the one before it, if the two translate alike so far. */
export function whatStays(common: Common, { lowerGlobal, staleGlobal }: SharedTlbs): Common {
  return staleGlobal || (common === Common.upper && lowerGlobal) ? Common.nothing : common;
}

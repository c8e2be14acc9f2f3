/** Syndromes: the contents of ESR_EL1 (Arm ARM, D17.2.37). */

/** Exception classes, ESR_EL1.EC. Those "from EL0" have the one from EL1 next to them. */
export const EC = {
  unknown: 0x00,
  wfx: 0x01,
  floatingPoint: 0x07,
  illegalState: 0x0e,
  svc: 0x15,
  systemRegister: 0x18,
  instructionAbort: 0x20,
  pcAlignment: 0x22,
  dataAbort: 0x24,
  spAlignment: 0x26,
  breakpoint: 0x30,
  softwareStep: 0x32,
  watchpoint: 0x34,
  brk: 0x3c,
} as const;

/** Fault status codes, DFSC and IFSC. Those "level 0" take the level in bits 1:0. */
export const FSC = {
  addressSize: 0x00,
  translation: 0x04,
  accessFlag: 0x08,
  permission: 0x0c,
  externalAbort: 0x10,
  externalAbortOnWalk: 0x14,
  alignment: 0x21,
  debug: 0x22,
} as const;

/** ESR_EL1.IL: set for every exception that a 32-bit instruction can take. */
const IL = 1 << 25;

/** ISS of a data abort: the access was a write. */
export const ISS_WRITE: number = 1 << 6;
/** ISS of a data abort: the access was cache maintenance or address translation. */
export const ISS_CACHE_MAINTENANCE: number = 1 << 8;
/** ISS of a software step: EX is valid / the stepped instruction was a load-exclusive. */
export const ISS_STEP_VALID: number = 1 << 24;
export const ISS_STEP_EXCLUSIVE: number = 1 << 6;

/** ISS of a trapped floating-point instruction or WFI: condition valid, "always". */
export const ISS_CONDITION_ALWAYS = 0x1e00000;

/** Value of ESR_EL1, unsigned. */
export function syndrome(ec: number, iss: number): number {
  return ((ec << 26) | IL | iss) >>> 0;
}

/**
 * ISS of a trapped MSR, MRS or system instruction from its word: op0, op2, op1, CRn, Rt, CRm and
 * direction (1 is a read) from the top.
 */
export function systemIss(word: number): number {
  const op0 = (word >>> 19) & 3;
  const op1 = (word >>> 16) & 7;
  const crn = (word >>> 12) & 15;
  const crm = (word >>> 8) & 15;
  const op2 = (word >>> 5) & 7;
  const rt = word & 31;
  const read = (word >>> 21) & 1;
  return (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (rt << 5) | (crm << 1) | read;
}

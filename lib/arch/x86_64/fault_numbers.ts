/** Numbers of `Builder.faultIf`: exceptions that semantics raise, at the instruction's start. */

/** What `ArchCpu.fault` gets; the exception is the CPU's business (SDM volume 3, 6.15). */
export const Fault = {
  /** #DE: division by zero, or a quotient that does not fit. */
  divideError: 0,
  /** #BR: an index is not within the bounds of BOUND. */
  boundRange: 1,
  /** #GP(0): a memory operand of 16 bytes is not aligned; a target is not canonical. */
  generalProtection: 2,
  /** #UD */
  invalidOpcode: 3,
  /** #OF: INTO with OF set. */
  overflow: 4,
} as const;

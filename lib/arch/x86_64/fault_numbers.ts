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
  /** #XM, or #UD if CR4.OSXMMEXCPT is 0: an SSE exception that is not masked; MXCSR has it. */
  simdException: 5,
  /** #AC(0): what probes do not see, because it is larger than what they check. */
  alignmentCheck: 6,
  /**
   * No exception: the instruction is done and lets a pending interrupt through. It has put the address
   * of the next one into the state field `shadow`.
   */
  interruptUnmasked: 7,
  /** #MF: an x87 exception is pending. */
  x87Exception: 8,
  /** No exception: the host executes the instruction, by the handler that has the title of its row. */
  byHost: 9,
} as const;

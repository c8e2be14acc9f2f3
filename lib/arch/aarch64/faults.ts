/** Numbers of the faults that instruction semantics raise with `Builder.faultIf`. */
export const Fault = {
  /** SP not 16-byte aligned when used as a base (Arm ARM, D1.8.2; ESR_EL1.EC 0x26). */
  stackAlignment: 1,
  /** PSTATE.DAIF was written and lets a pending interrupt through: take it after the instruction. */
  interruptUnmasked: 2,
} as const;

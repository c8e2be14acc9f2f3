/** The architectural state of an AArch64 vCPU as fields of the state block (Arm ARM, D1.2). */
import type { StateFieldSpec } from "../../engine/layout.ts";

/** Registers that live in the state block under their architectural names. */
const systemRegisters = [
  "SP_EL0",
  "SP_EL1",
  "ELR_EL1",
  "SPSR_EL1",
  "ESR_EL1",
  "FAR_EL1",
  "VBAR_EL1",
  "SCTLR_EL1",
  "ACTLR_EL1",
  "CPACR_EL1",
  "TTBR0_EL1",
  "TTBR1_EL1",
  "TCR_EL1",
  "MAIR_EL1",
  "AMAIR_EL1",
  "AFSR0_EL1",
  "AFSR1_EL1",
  "CONTEXTIDR_EL1",
  "TPIDR_EL0",
  "TPIDRRO_EL0",
  "TPIDR_EL1",
  "PAR_EL1",
  "CSSELR_EL1",
  "CNTKCTL_EL1",
  "MDSCR_EL1",
  "OSLSR_EL1",
  "OSDLR_EL1",
  "OSDTRRX_EL1",
  "OSDTRTX_EL1",
  "OSECCR_EL1",
  "MDCCINT_EL1",
  "DBGCLAIM_EL1",
  "PMUSERENR_EL0",
] as const;

/**
 * Fields of the state block.
 * - `x`: X0..X30, 31 the current stack pointer, 32 reads as zero, 33 takes writes to XZR
 * - `v`: V0..V31
 * - `flagN`, `flagV`: sign bit is the flag; `flagZ`: zero means Z is set; `flagC`: 0 or 1
 * - `daif`: D, A, I, F in bits 9:6 as in PSTATE; `currentEl`: 0 or 1; `spSel`: 0 or 1; `pan`: 0 or 1;
 *   `singleStep`: PSTATE.SS; `illegal`: PSTATE.IL
 * - `fpFast`, `fpFast64`: zero unless a floating-point result that is a normal number may be taken as
 *   the host computes it; then the bounds of `fp_fast.ts` (derived from `fpcr` and `fpsr`)
 * - `stackAlignmentMask`: 15 while SP alignment is checked (SCTLR_EL1.SA, or SA0 at EL0), else 0
 * - `interrupts`: inputs that are high, IRQ in bit 7 and FIQ in bit 6 (as their masks in `daif`); a copy
 * - `exclusive*`: the local monitor: address (all ones when open) and the value that was loaded
 */
export const aarch64State: readonly StateFieldSpec[] = [
  { name: "x", type: "u64", count: 34 },
  { name: "v", type: "v128", count: 32 },
  { name: "flagN", type: "u64" },
  { name: "flagZ", type: "u64" },
  { name: "flagV", type: "u64" },
  { name: "flagC", type: "u64" },
  { name: "daif", type: "u32" },
  { name: "currentEl", type: "u32" },
  { name: "spSel", type: "u32" },
  { name: "pan", type: "u32" },
  { name: "singleStep", type: "u32" },
  { name: "illegal", type: "u32" },
  { name: "interrupts", type: "u32" },
  { name: "fpcr", type: "u32" },
  { name: "fpsr", type: "u32" },
  { name: "fpFast", type: "u32" },
  { name: "fpFast64", type: "u64" },
  { name: "stackAlignmentMask", type: "u64" },
  { name: "exclusiveAddress", type: "u64" },
  { name: "exclusiveLow", type: "u64" },
  { name: "exclusiveHigh", type: "u64" },
  { name: "DBGBVR_EL1", type: "u64", count: 16 },
  { name: "DBGBCR_EL1", type: "u64", count: 16 },
  { name: "DBGWVR_EL1", type: "u64", count: 16 },
  { name: "DBGWCR_EL1", type: "u64", count: 16 },
  ...systemRegisters.map((name): StateFieldSpec => ({ name, type: "u64" })),
];

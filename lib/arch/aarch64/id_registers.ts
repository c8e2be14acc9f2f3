/**
 * Identification registers (Arm ARM, D17.2): an in-order ARMv8.0-A core, so that kernels apply no
 * speculation mitigations, with CRC32, cryptography, LSE, RDM and PAN, without EL2, EL3 and AArch32.
 */

/** An identification register of the space op0 = 3, op1 = 0, CRn = 0. */
export interface IdRegister {
  readonly name: string;
  readonly crm: number;
  readonly op2: number;
  readonly value: bigint;
}

/** Cortex-A53 r0p4: in-order, not affected by Spectre variants 2 and 4. */
export const MIDR: bigint = 0x410fd034n;
/** Erratum 843419 is fixed. */
export const REVIDR: bigint = 0x100n;

/**
 * CTR_EL0: lines of 64 bytes, PIPT, exclusives and write-back granule of 64 bytes. IDC and DIC: a
 * store is seen by instruction fetch without cache maintenance, because stores to code drop it.
 */
export const CTR: number = 0xb444c004;
/** DCZID_EL0: DC ZVA clears 4 << 4 bytes. Bit 4 (DZP) is set where it is prohibited. */
export const DCZID = 4;
export const DCZID_DZP: number = 1 << 4;
/** Bytes that DC ZVA clears. */
export const ZVA_BYTES = 64;

/** CLIDR_EL1: separate level 1, unified level 2; coherency at 2, unification at 1. */
export const CLIDR: bigint = 0x0a200023n;
/** CCSIDR_EL1 by CSSELR_EL1 (Level:InD): 32 KiB 4-way data, 32 KiB 2-way instruction, 1 MiB 16-way. */
export const CCSIDR: readonly number[] = [0x700fe01a, 0x201fe00a, 0x707fe07a];

/** GICv3 system registers, ID_AA64PFR0_EL1.GIC. */
export const PFR0_GIC: bigint = 1n << 24n;

/** All others of CRm 1..7 read as zero. */
export const idRegisters: readonly IdRegister[] = [
  // CSV3 = 1, CSV2 = 1; FP and AdvSIMD without half precision; EL1 and EL0 in AArch64 only.
  { name: "ID_AA64PFR0_EL1", crm: 4, op2: 0, value: 0x11000000_00000011n },
  // CTX_CMPs 2, WRPs 4, BRPs 6, no PMU, ARMv8 debug.
  { name: "ID_AA64DFR0_EL1", crm: 5, op2: 0, value: 0x10305006n },
  // RDM, Atomic (LSE), CRC32, SHA2 (SHA256), SHA1, AES with PMULL.
  { name: "ID_AA64ISAR0_EL1", crm: 6, op2: 0, value: 0x10211120n },
  // 4, 16 and 64 KiB granules, 16-bit ASIDs, 48-bit physical addresses.
  { name: "ID_AA64MMFR0_EL1", crm: 7, op2: 0, value: 0x00100025n },
  // PAN.
  { name: "ID_AA64MMFR1_EL1", crm: 7, op2: 1, value: 0x00100000n },
];

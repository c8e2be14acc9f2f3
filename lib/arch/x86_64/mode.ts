/**
 * Translation modes: what the meaning of code depends on besides its bytes. Code is translated once
 * per mode in which it runs. What is not here (CR4.TSD, IOPL, ...) is asked by host rows.
 */

/** Bits of a mode. */
export const Mode = {
  /** Number of the TLB, see {@linkcode Tlb}. */
  tlb: 0x3,
  /** Size of code: one of the three below. */
  code: 0xc,
  code16: 0x0,
  /** 32-bit protected mode and compatibility mode. */
  code32: 0x4,
  code64: 0x8,
  /** PUSH, POP, CALL, RET use ESP, not SP (SS.B). Not set in 64-bit code, which uses RSP. */
  stack32: 0x10,
  /** CR0.PE: VEX prefixes exist. */
  protected: 0x20,
  /** CPL is 0. */
  cpl0: 0x40,
  /** x87 and MMX do not trap (CR0.EM and TS are 0). */
  fpu: 0x80,
  /** SSE does not trap (CR0.EM and TS are 0, CR4.OSFXSR is 1). */
  sse: 0x100,
  /** RDFSBASE and its like may be executed (CR4.FSGSBASE). */
  fsgsbase: 0x200,
} as const;

/** TLBs: one for each set of access rights. */
export const Tlb = {
  /** CPL 0 to 2, user pages accessible. */
  supervisor: 0,
  /** CPL 3. */
  user: 1,
  /** CPL 0 to 2, user pages refused (CR4.SMAP and not RFLAGS.AC). */
  supervisorSmap: 2,
  /** CPL 3 with alignment checks (CR0.AM and RFLAGS.AC). */
  userAligned: 3,
} as const;
/** One of {@linkcode Tlb}. */
export type Tlb = typeof Tlb[keyof typeof Tlb];

export const TLB_COUNT = 4;

/** Size of code in bits: 16, 32 or 64. */
export function codeSize(mode: number): 16 | 32 | 64 {
  const code = mode & Mode.code;
  return code === Mode.code64 ? 64 : code === Mode.code32 ? 32 : 16;
}

/** Features of rows that a mode can switch off; all others are always on. */
const needed: Readonly<Record<string, number>> = {
  cpl0: Mode.cpl0,
  fsgsbase: Mode.fsgsbase,
  x87: Mode.fpu,
  mmx: Mode.fpu,
  sse: Mode.sse,
  sse2: Mode.sse,
  sse3: Mode.sse,
  ssse3: Mode.sse,
  sse4_1: Mode.sse,
  sse4_2: Mode.sse,
  aes: Mode.sse,
  pclmul: Mode.sse,
  sha: Mode.sse,
};

/** Whether rows of a feature run as they stand in a mode. */
export function enabled(feature: string, mode: number): boolean {
  const bit = needed[feature];
  return bit === undefined || (mode & bit) !== 0;
}

/** Whether a feature is x87, MMX or SSE: when off, its rows raise #NM or #UD by CR0 and CR4. */
export function isFloatingPoint(feature: string): boolean {
  return ((needed[feature] ?? 0) & (Mode.fpu | Mode.sse)) !== 0;
}

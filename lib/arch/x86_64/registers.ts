/** Bits of control registers, RFLAGS, debug registers and segment attributes (SDM volume 3, chapter 2). */

/** CR0. */
export const CR0 = {
  PE: 0x1,
  MP: 0x2,
  EM: 0x4,
  TS: 0x8,
  ET: 0x10,
  NE: 0x20,
  WP: 0x10000,
  AM: 0x40000,
  NW: 0x20000000,
  CD: 0x40000000,
  PG: 0x80000000,
} as const;

/** CR4. */
export const CR4 = {
  VME: 0x1,
  PVI: 0x2,
  TSD: 0x4,
  DE: 0x8,
  PSE: 0x10,
  PAE: 0x20,
  MCE: 0x40,
  PGE: 0x80,
  PCE: 0x100,
  OSFXSR: 0x200,
  OSXMMEXCPT: 0x400,
  UMIP: 0x800,
  FSGSBASE: 0x10000,
  PCIDE: 0x20000,
  OSXSAVE: 0x40000,
  SMEP: 0x100000,
  SMAP: 0x200000,
} as const;

/** IA32_EFER. */
export const EFER = {
  SCE: 0x1,
  LME: 0x100,
  LMA: 0x400,
  NXE: 0x800,
} as const;

/** RFLAGS without the status flags, which are `Status` in flags.ts. */
export const RFLAGS = {
  fixed: 0x2,
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  IOPL: 0x3000,
  NT: 0x4000,
  RF: 0x10000,
  VM: 0x20000,
  AC: 0x40000,
  VIF: 0x80000,
  VIP: 0x100000,
  ID: 0x200000,
} as const;

/** DR6: what a debug exception was for. DR6_FIXED bits are always one. */
export const DR6 = { BD: 0x2000, BS: 0x4000 } as const;
export const DR6_FIXED = 0xffff0ff0;
/** DR7. */
export const DR7 = { GD: 0x2000, fixed: 0x400 } as const;

/** Segment attributes: bits 55:40 of a descriptor without those of the limit. */
export const Attribute = {
  type: 0xf,
  accessed: 0x1,
  /** Data: writable. Code: readable. */
  writable: 0x2,
  /** Data: expand-down. Code: conforming. */
  conforming: 0x4,
  code: 0x8,
  /** Code or data, not a system segment. */
  nonSystem: 0x10,
  dplShift: 5,
  present: 0x80,
  long: 0x2000,
  /** D of code, B of stacks: 32 bits. */
  big: 0x4000,
  granular: 0x8000,
} as const;

/** Types of system segments and gates (SDM volume 3, table 3-2). */
export const SystemType = {
  tss16: 1,
  ldt: 2,
  tss16Busy: 3,
  callGate16: 4,
  taskGate: 5,
  interruptGate16: 6,
  trapGate16: 7,
  tss: 9,
  tssBusy: 11,
  callGate: 12,
  interruptGate: 14,
  trapGate: 15,
} as const;

/** General registers by number. */
export const Gpr = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r11: 11,
} as const;

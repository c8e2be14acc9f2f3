/** Registers of the local APIC (Intel SDM vol. 3, tables 11-1 and 11-6). */

/** Index: offset / 16 in the 4 KiB page, and MSR number - 0x800 in x2APIC mode. */
export const Lapic = {
  ID: 0x02,
  VERSION: 0x03,
  TPR: 0x08,
  APR: 0x09,
  PPR: 0x0a,
  EOI: 0x0b,
  RRD: 0x0c,
  LDR: 0x0d,
  DFR: 0x0e,
  SVR: 0x0f,
  /** Eight words each of 32 vectors. */
  ISR: 0x10,
  TMR: 0x18,
  IRR: 0x20,
  ESR: 0x28,
  ICR_LOW: 0x30,
  ICR_HIGH: 0x31,
  LVT_TIMER: 0x32,
  LVT_THERMAL: 0x33,
  LVT_PERFORMANCE: 0x34,
  LVT_LINT0: 0x35,
  LVT_LINT1: 0x36,
  LVT_ERROR: 0x37,
  INITIAL_COUNT: 0x38,
  CURRENT_COUNT: 0x39,
  DIVIDE: 0x3e,
  SELF_IPI: 0x3f,
} as const;

/** Number of registers. */
export const LAPIC_REGISTERS = 0x40;

/** What may be done with a register. */
export type Access = "r" | "w" | "rw" | "";

/** A register of the local APIC. */
export interface LapicRegister {
  /** In its page. */
  readonly xapic: Access;
  /** As an MSR. */
  readonly x2apic: Access;
  /** Value after reset; the ID's is the APIC's. */
  readonly reset: number;
  /** Bits that can be written; the others keep their value. As an MSR, writing others is refused. */
  readonly bits: number;
}

/** Bits of LVT entries. */
export const Lvt = {
  vector: 0xff,
  mode: 0x700,
  polarity: 0x2000,
  /** Remote IRR of a level-triggered LINT (RO). */
  remoteIrr: 0x4000,
  level: 0x8000,
  masked: 0x10000,
  /** Timer mode: 0 one-shot, 1 periodic, 2 TSC deadline. */
  periodic: 0x20000,
  deadline: 0x40000,
} as const;

/** Bits of SVR. */
export const Svr = {
  vector: 0xff,
  enabled: 0x100,
  /** The end of a level-triggered interrupt is not told to I/O APICs. */
  suppressEoi: 0x1000,
} as const;

/** Bits of ESR. */
export const ApicError = {
  sendIllegalVector: 0x20,
  receivedIllegalVector: 0x40,
  illegalRegister: 0x80,
} as const;

/** Bits of ICR 31:0. */
export const Icr = {
  logical: 0x800,
  /** Delivery status: never set here, ignored as an MSR. */
  pending: 0x1000,
  assert: 0x4000,
  level: 0x8000,
  bits: 0xcfff,
  /** 19:18: no shorthand, self, all, all but self. */
  shorthandShift: 18,
} as const;

/** DFR 31:28 of the flat model; the cluster model has zeros. */
export const FLAT = 0xf;

/** Integrated APIC, six LVT entries, EOI broadcasts can be suppressed. */
const VERSION = 0x01050014;

const LVT_SIMPLE = Lvt.vector | Lvt.masked;
const LVT_MODE = LVT_SIMPLE | Lvt.mode;
const LVT_LINT = LVT_MODE | Lvt.polarity | Lvt.level;

type Row = readonly [number, Access, Access, number, number];
const ROWS: readonly Row[] = [
  //index, xAPIC, x2APIC, reset, bits
  [Lapic.ID, "rw", "r", 0, 0xff000000],
  [Lapic.VERSION, "r", "r", VERSION, 0],
  [Lapic.TPR, "rw", "rw", 0, 0xff],
  [Lapic.APR, "r", "", 0, 0],
  [Lapic.PPR, "r", "r", 0, 0],
  [Lapic.EOI, "w", "w", 0, 0],
  [Lapic.RRD, "r", "", 0, 0],
  [Lapic.LDR, "rw", "r", 0, 0xff000000],
  [Lapic.DFR, "rw", "", 0xffffffff, 0xf0000000],
  [Lapic.SVR, "rw", "rw", 0xff, Svr.vector | Svr.enabled | Svr.suppressEoi],
  ...[Lapic.ISR, Lapic.TMR, Lapic.IRR].flatMap((first) =>
    Array.from({ length: 8 }, (_, word): Row => [first + word, "r", "r", 0, 0])
  ),
  [Lapic.ESR, "rw", "rw", 0, 0],
  [Lapic.ICR_LOW, "rw", "rw", 0, Icr.bits | (3 << Icr.shorthandShift)],
  [Lapic.ICR_HIGH, "rw", "", 0, 0xff000000],
  [Lapic.LVT_TIMER, "rw", "rw", Lvt.masked, LVT_SIMPLE | Lvt.periodic | Lvt.deadline],
  [Lapic.LVT_THERMAL, "rw", "rw", Lvt.masked, LVT_MODE],
  [Lapic.LVT_PERFORMANCE, "rw", "rw", Lvt.masked, LVT_MODE],
  [Lapic.LVT_LINT0, "rw", "rw", Lvt.masked, LVT_LINT],
  [Lapic.LVT_LINT1, "rw", "rw", Lvt.masked, LVT_LINT],
  [Lapic.LVT_ERROR, "rw", "rw", Lvt.masked, LVT_SIMPLE],
  [Lapic.INITIAL_COUNT, "rw", "rw", 0, 0xffffffff],
  [Lapic.CURRENT_COUNT, "r", "r", 0, 0],
  [Lapic.DIVIDE, "rw", "rw", 0, 0xb],
  [Lapic.SELF_IPI, "", "w", 0, 0xff],
];

/** The registers by index; undefined where there is none. */
export const REGISTERS: readonly (LapicRegister | undefined)[] = Array.from(
  { length: LAPIC_REGISTERS },
  (_, index) => {
    const row = ROWS.find(([at]) => at === index);
    if (row === undefined) return undefined;
    const [, xapic, x2apic, reset, bits] = row;
    return { xapic, x2apic, reset, bits };
  },
);

/** The LVT entries. */
export const LVT_INDICES: readonly number[] = [
  Lapic.LVT_TIMER,
  Lapic.LVT_THERMAL,
  Lapic.LVT_PERFORMANCE,
  Lapic.LVT_LINT0,
  Lapic.LVT_LINT1,
  Lapic.LVT_ERROR,
];

/** Model-specific registers of the local APIC. */
export const ApicMsr = {
  /** IA32_APIC_BASE. */
  base: 0x1b,
  /** IA32_TSC_DEADLINE. */
  tscDeadline: 0x6e0,
  /** The first of {@linkcode LAPIC_REGISTERS} registers in x2APIC mode. */
  x2apic: 0x800,
} as const;

/** Bits of IA32_APIC_BASE. */
export const ApicBase = {
  bootstrap: 0x100,
  x2apic: 0x400,
  enabled: 0x800,
} as const;

/** Physical address of the page of registers. */
export const APIC_ADDRESS = 0xfee00000;

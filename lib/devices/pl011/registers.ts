/** Registers of the PL011 and their bits (DDI 0183, table 3-1 and section 3.3). */

/** Byte offsets. */
export const Register = {
  /** Data; reads show error bits in 11:8. */
  DR: 0x00,
  /** Receive status (read); any write, ECR, clears it. */
  RSR: 0x04,
  /** Flags (RO). */
  FR: 0x18,
  /** IrDA low-power counter. */
  ILPR: 0x20,
  /** Integer baud rate divisor. */
  IBRD: 0x24,
  /** Fractional baud rate divisor. */
  FBRD: 0x28,
  /** Line control. */
  LCR_H: 0x2c,
  /** Control. */
  CR: 0x30,
  /** Interrupt FIFO levels: receive in 5:3, transmit in 2:0. */
  IFLS: 0x34,
  /** Interrupt mask: 1 lets an interrupt through. */
  IMSC: 0x38,
  /** Raw interrupt status (RO). */
  RIS: 0x3c,
  /** Masked interrupt status (RO). */
  MIS: 0x40,
  /** Interrupt clear (WO). */
  ICR: 0x44,
  /** DMA control. */
  DMACR: 0x48,
} as const;

/** A register that shows what was written to it. */
export interface StoredRegister {
  /** Byte offset. */
  readonly offset: number;
  /** Value after reset. */
  readonly reset: number;
  /** Bits that exist; the others read as zero. */
  readonly bits: number;
}

/** Error bits of a received character, as DR shows them; RSR shows them 8 bits lower. */
export const Received = {
  framing: 0x100,
  parity: 0x200,
  break: 0x400,
  overrun: 0x800,
} as const;

/** Bits of FR. */
export const Flag = {
  cts: 0x1,
  dsr: 0x2,
  dcd: 0x4,
  busy: 0x8,
  rxEmpty: 0x10,
  txFull: 0x20,
  rxFull: 0x40,
  txEmpty: 0x80,
  ri: 0x100,
} as const;

/** Bits of LCR_H. */
export const LineControl = { break: 0x01, fifoEnable: 0x10 } as const;

/** Bits of CR. */
export const Control = {
  loopback: 0x80,
  txEnable: 0x100,
  rxEnable: 0x200,
  dtr: 0x400,
  rts: 0x800,
  out1: 0x1000,
  out2: 0x2000,
  ctsEnable: 0x8000,
} as const;

/** Bits of IMSC, RIS, MIS and ICR. */
export const Interrupt = {
  ri: 0x1,
  cts: 0x2,
  dcd: 0x4,
  dsr: 0x8,
  rx: 0x10,
  tx: 0x20,
  rxTimeout: 0x40,
  framing: 0x80,
  parity: 0x100,
  break: 0x200,
  overrun: 0x400,
  all: 0x7ff,
} as const;

/** All registers that remember. */
export const STORED: readonly StoredRegister[] = [
  { offset: Register.ILPR, reset: 0, bits: 0xff },
  { offset: Register.IBRD, reset: 0, bits: 0xffff },
  { offset: Register.FBRD, reset: 0, bits: 0x3f },
  { offset: Register.LCR_H, reset: 0, bits: 0xff },
  // Transmitter and receiver enabled.
  { offset: Register.CR, reset: 0x300, bits: 0xffff },
  // Both at half.
  { offset: Register.IFLS, reset: 0o22, bits: 0o77 },
  { offset: Register.IMSC, reset: 0, bits: Interrupt.all },
  { offset: Register.DMACR, reset: 0, bits: 0x7 },
];

/** Words of the window in which registers lie that are no identification. */
export const REGISTER_WORDS = 0x13;

/** Registers of the 16550D (National Semiconductor PC16550D, table II and section 8). */

/** Offsets. Where two names share one, the first is read and the second written. */
export const Register = {
  /** Receiver buffer (RO); divisor's low byte while LCR.DLAB. */
  RBR: 0,
  /** Transmitter holding register (WO). */
  THR: 0,
  /** Interrupt enable; divisor's high byte while LCR.DLAB. */
  IER: 1,
  /** Interrupt identification (RO). */
  IIR: 2,
  /** FIFO control (WO). */
  FCR: 2,
  /** Line control. */
  LCR: 3,
  /** Modem control. */
  MCR: 4,
  /** Line status (RO). */
  LSR: 5,
  /** Modem status (RO). */
  MSR: 6,
  /** Scratch: remembers. */
  SCR: 7,
} as const;

/** Bits of IER. */
export const Enable = { received: 1, empty: 2, lineStatus: 4, modem: 8 } as const;

/** Values of IIR 3:0, the most urgent first. */
export const Identification = {
  lineStatus: 0x6,
  received: 0x4,
  timeout: 0xc,
  empty: 0x2,
  modem: 0x0,
  none: 0x1,
  /** Bits 7:6: the FIFOs are enabled. */
  fifos: 0xc0,
} as const;

/** Bits of FCR; 7:6 are the receiver's trigger level. */
export const FifoControl = { enable: 1, clearReceiver: 2, clearTransmitter: 4 } as const;

/** Characters at which the receiver interrupts, by FCR 7:6. */
export const TRIGGER_LEVELS: readonly number[] = [1, 4, 8, 14];

/** Bits of LCR. The format of characters in 5:0 has no effect. */
export const LineControl = { break: 0x40, divisor: 0x80 } as const;

/** Bits of MCR. */
export const ModemControl = { dtr: 1, rts: 2, out1: 4, out2: 8, loopback: 0x10 } as const;

/** Bits of LSR. */
export const LineStatus = {
  ready: 0x01,
  overrun: 0x02,
  parity: 0x04,
  framing: 0x08,
  break: 0x10,
  holdingEmpty: 0x20,
  transmitterEmpty: 0x40,
  fifoError: 0x80,
} as const;

/** Bits of MSR: changes since the last read in 3:0, lines in 7:4. */
export const ModemStatus = {
  ctsChanged: 0x01,
  dsrChanged: 0x02,
  ringEnded: 0x04,
  dcdChanged: 0x08,
  cts: 0x10,
  dsr: 0x20,
  ri: 0x40,
  dcd: 0x80,
} as const;

/** A register that shows what was written to it. */
export interface StoredRegister {
  /** Value at power-on. */
  readonly reset: number;
  /** Bits that exist; the others read as zero. */
  readonly bits: number;
}

/** Names of the registers that remember. FCR is not read back, but decides. */
export type Stored = "divisor" | "ier" | "fcr" | "lcr" | "mcr" | "scr";

/** The registers that remember. */
export const STORED: Readonly<Record<Stored, StoredRegister>> = {
  /** Divisor of the 1.8432 MHz clock by 16; at power-on as firmware leaves it, for 9600 bit/s. */
  divisor: { reset: 12, bits: 0xffff },
  ier: { reset: 0, bits: 0x0f },
  fcr: { reset: 0, bits: 0xc1 },
  lcr: { reset: 0, bits: 0xff },
  mcr: { reset: 0, bits: 0x1f },
  scr: { reset: 0, bits: 0xff },
};

/** Registers of the MC146818 (Motorola ADI-1086), and of the CMOS RAM around it on the PC. */

/** Indices of the time of day; alarms stand behind seconds, minutes and hours. */
export const Register = {
  seconds: 0x00,
  secondsAlarm: 0x01,
  minutes: 0x02,
  minutesAlarm: 0x03,
  hours: 0x04,
  hoursAlarm: 0x05,
  /** 1 is Sunday. */
  dayOfWeek: 0x06,
  dayOfMonth: 0x07,
  month: 0x08,
  /** 0 to 99. */
  year: 0x09,
  A: 0x0a,
  B: 0x0b,
  /** Flags (RO): reading clears them. */
  C: 0x0c,
  /** Valid RAM and time (RO). */
  D: 0x0d,
  /** What firmware does after a reset: of the guest's making, no effect here. */
  shutdown: 0x0f,
  /** Century, told by the FADT. */
  century: 0x32,
} as const;

/** Registers that hold the time. */
export const TIME_REGISTERS: readonly number[] = [
  Register.seconds,
  Register.minutes,
  Register.hours,
  Register.dayOfWeek,
  Register.dayOfMonth,
  Register.month,
  Register.year,
  Register.century,
];

/** Fields of register A: DV in 6:4, RS in 3:0. */
export const A = {
  /** An update begins within 244 us (RO). */
  updating: 0x80,
  /** DV of a divider that is held in reset: 6 and 7. */
  dividerReset: 0x60,
  rate: 0x0f,
} as const;

/** Bits of register B. */
export const B = {
  /** Updates stand still, so that the time can be set. */
  set: 0x80,
  periodic: 0x40,
  alarm: 0x20,
  updateEnded: 0x10,
  squareWave: 0x08,
  /** Binary, else BCD. */
  binary: 0x04,
  /** 24 hours, else 12 with PM in bit 7. */
  hours24: 0x02,
} as const;

/** Bits of register C; the lower three match their enables in B. */
export const C = { irq: 0x80, periodic: 0x40, alarm: 0x20, updateEnded: 0x10 } as const;

/** Register D: the battery is good. */
export const D_VALID = 0x80;

/** An alarm of this and above matches every value. */
export const ALARM_ANY = 0xc0;

/** Bytes of time and RAM. */
export const CMOS_BYTES = 128;

/** Where a PC keeps the sum of 0x10..0x2d, high byte first. */
const CHECKSUM = { from: 0x10, to: 0x2d, at: 0x2e } as const;

/** RAM as the firmware of a PC leaves it: sizes of memory, and the checksum over the old part. */
export function firmwareContents(ram: Uint8Array, memory: number): void {
  const word = (at: number, value: number): void => {
    ram[at] = value;
    ram[at + 1] = value >>> 8;
  };
  const KIB = 1024, MIB = 1024 * KIB;
  /** Units of memory between two addresses, at most what 16 bits hold. */
  const units = (from: number, unit: number): number =>
    Math.min(0xffff, Math.floor(Math.max(0, memory - from) / unit));
  ram[0x14] = 0x02; // equipment: a coprocessor
  word(0x15, 640); // KiB below 1 MiB
  word(0x17, units(MIB, KIB));
  word(0x30, units(MIB, KIB));
  word(0x34, units(16 * MIB, 64 * KIB));
  let sum = 0;
  for (let at = CHECKSUM.from; at <= CHECKSUM.to; at++) sum += ram[at];
  ram[CHECKSUM.at] = sum >>> 8;
  ram[CHECKSUM.at + 1] = sum;
}

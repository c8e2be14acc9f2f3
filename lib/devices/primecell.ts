/** What all Arm PrimeCell peripherals have in common: the identification registers. */

/** Offset of the first identification register; eight of one byte each, one per word. */
export const PRIMECELL_ID = 0xfe0;

const DESIGNER_ARM = 0x41;

/** Which peripheral it is. */
export interface PrimeCell {
  /** Part number: 0x011 of the PL011. */
  readonly part: number;
  /** Revision in 7:4 of PeriphID2. */
  readonly revision: number;
}

/**
 * Values of PeriphID0 to PeriphID3 and PCellID0 to PCellID3, for example DDI 0183, 3.3.13 and
 * 3.3.14: part number in 11:0, designer in 19:12, revision in 23:20, and 0xB105F00D.
 */
export function primeCellIds({ part, revision }: PrimeCell): readonly number[] {
  const word = part | (DESIGNER_ARM << 12) | (revision << 20);
  const byte = (n: number): number => (word >>> (8 * n)) & 0xff;
  return [byte(0), byte(1), byte(2), 0, 0x0d, 0xf0, 0x05, 0xb1];
}

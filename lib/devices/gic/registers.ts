/**
 * Registers that GICv2 and GICv3 have at the same offsets of the distributor and of a redistributor's
 * SGI frame: one bit, byte or pair of bits per interrupt (IHI 0048B, 4.3; IHI 0069, 12.9).
 */
import type { InterruptTable } from "./interrupt_table.ts";

/** Offsets; the bit registers have 32 words each. */
export const GICD = {
  CTLR: 0x000,
  TYPER: 0x004,
  IIDR: 0x008,
  SETSPI_NSR: 0x040,
  CLRSPI_NSR: 0x048,
  IGROUPR: 0x080,
  ISENABLER: 0x100,
  ICENABLER: 0x180,
  ISPENDR: 0x200,
  ICPENDR: 0x280,
  ISACTIVER: 0x300,
  ICACTIVER: 0x380,
  IPRIORITYR: 0x400,
  ITARGETSR: 0x800,
  ICFGR: 0xc00,
  SGIR: 0xf00,
  CPENDSGIR: 0xf10,
  SPENDSGIR: 0xf20,
  IROUTER: 0x6000,
} as const;

/** Offset of the identification registers (PIDR4 first) in a 64 KiB frame. */
export const ID_REGISTERS = 0xffd0;

/** Reads a register with one bit per interrupt, at `offset` 0x080 to 0x3ff. */
export function readBits(table: InterruptTable, offset: number, row: number): number {
  switch (offset & 0xf80) {
    case GICD.IGROUPR:
      return table.group[row];
    case GICD.ISENABLER:
    case GICD.ICENABLER:
      return table.enable[row];
    case GICD.ISPENDR:
    case GICD.ICPENDR:
      return table.pending(row);
    default:
      return table.active[row];
  }
}

/**
 * Writes such a register for the interrupts in `mask`. The result is a mask of those that may be
 * ready now or not any more.
 */
export function writeBits(
  table: InterruptTable,
  offset: number,
  row: number,
  value: number,
  mask: number,
): number {
  const bits = value & mask;
  switch (offset & 0xf80) {
    case GICD.IGROUPR:
      table.group[row] = (table.group[row] & ~mask) | bits;
      return 0;
    case GICD.ISENABLER:
      table.enable[row] |= bits;
      return bits;
    case GICD.ICENABLER:
      table.enable[row] &= ~bits;
      return bits;
    case GICD.ISPENDR:
      table.latch[row] |= bits;
      return bits;
    case GICD.ICPENDR:
      table.latch[row] &= ~bits;
      return bits;
    case GICD.ISACTIVER:
      table.active[row] |= bits;
      return bits;
    default:
      table.active[row] &= ~bits;
      return bits;
  }
}

/** Four priorities, the first in bits 7:0. */
export function readPriorities(table: InterruptTable, slot: number): number {
  const { priority } = table;
  return (priority[slot] | (priority[slot + 1] << 8) | (priority[slot + 2] << 16) |
    (priority[slot + 3] << 24)) >>> 0;
}

/** Writes `count` priorities from `value`. */
export function writePriorities(
  table: InterruptTable,
  slot: number,
  count: number,
  value: number,
): void {
  for (let i = 0; i < count; i++) table.priority[slot + i] = value >>> (8 * i);
}

/** Half an ICFGR row: bit 2n+1 is set if interrupt n is edge-triggered. */
export function readTriggers(edge: number, upper: boolean): number {
  let bits = upper ? edge >>> 16 : edge & 0xffff;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  bits = (bits | (bits << 1)) & 0x55555555;
  return (bits << 1) >>> 0;
}

/** The reverse: `edge` with the half replaced that `value` describes. */
export function writeTriggers(edge: number, upper: boolean, value: number): number {
  let bits = (value >>> 1) & 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  bits = (bits | (bits >>> 8)) & 0x0000ffff;
  return upper ? (edge & 0xffff) | (bits << 16) : (edge & ~0xffff) | bits;
}

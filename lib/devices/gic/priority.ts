/**
 * Priority grouping (IHI 0048B, 3.3; IHI 0069, 4.8). Five bits of a priority decide preemption, so
 * that the active priorities fit one 32-bit word, bit n for group priority 8 * n.
 */
import { lowestBit } from "./interrupt_table.ts";

/** Bits of a priority that the CPU interface implements. */
export const PRIORITY_BITS = 5;
/** Those bits. */
export const PRIORITY_MASK = 0xf8;
/** Smallest binary point of group 0; that of group 1 is one more. */
export const MIN_BINARY_POINT = 2;
/** Running priority when nothing is active. */
export const IDLE_PRIORITY = 0xff;

/** Priority of the most urgent active interrupt, {@linkcode IDLE_PRIORITY} if there is none. */
export function runningPriority(activePriorities: number): number {
  return activePriorities === 0 ? IDLE_PRIORITY : lowestBit(activePriorities) << 3;
}

/** The bits of a priority that take part in preemption for binary point `bpr` of group 0. */
export function groupMask(bpr: number): number {
  return (0xff << (bpr + 1)) & 0xff;
}

/** The bit of an active priorities register that stands for a priority. */
export function activeBit(priority: number): number {
  return 1 << (priority >>> 3);
}

/** What lies where in the physical memory of a PC, as firmware tells it (ACPI 6.5, section 15). */

/** Types of address ranges (ACPI 6.5, table 15.5); e820 and PVH use the same numbers. */
export const MemoryType = { ram: 1, reserved: 2, acpi: 3 } as const;

/** A range of guest-physical addresses; bytes. */
export interface MemoryRange {
  readonly address: number;
  readonly size: number;
  /** One of {@linkcode MemoryType}. */
  readonly type: number;
}

/** Ascending, without overlaps. Addresses that no range holds are not memory. */
export type MemoryMap = readonly MemoryRange[];

/** Whether a single range of usable RAM holds all of `size` bytes at `address`. */
export function isRam(map: MemoryMap, address: number, size: number): boolean {
  return map.some((range) =>
    range.type === MemoryType.ram && address >= range.address &&
    address + size <= range.address + range.size
  );
}

/**
 * The highest address, a multiple of `alignment`, at which `size` bytes of usable RAM lie below
 * `limit` and not below `floor`. Undefined if there is none.
 */
export function highestRam(
  map: MemoryMap,
  size: number,
  { floor, limit, alignment }: {
    readonly floor: number;
    readonly limit: number;
    readonly alignment: number;
  },
): number | undefined {
  for (const range of [...map].reverse()) {
    const end = Math.min(range.address + range.size, limit);
    const start = Math.floor((end - size) / alignment) * alignment;
    if (start >= floor && isRam(map, start, size)) return start;
  }
  return undefined;
}

/** Bytes of usable RAM in all. */
export function ramBytes(map: MemoryMap): number {
  return map.reduce((sum, { size, type }) => type === MemoryType.ram ? sum + size : sum, 0);
}

/** Translation tables for the tests: 4 KiB granule, 48-bit addresses, built in RAM. */
import type { GuestMemory } from "../../lib/engine/guest_memory.ts";
import type { Mapping } from "./parse.ts";

/** TCR_EL1: T0SZ and T1SZ 16, 4 KiB granules, 48-bit physical addresses, 16-bit ASIDs. */
export const TCR: bigint = 16n | (16n << 16n) | (2n << 30n) | (5n << 32n) | (1n << 36n);
/** MAIR_EL1: attribute 0 is Normal, 1 is Device. */
export const MAIR = 0x00ffn;

const SHIFT: Record<Mapping["size"], number> = { "4K": 12, "2M": 21, "1G": 30 };

/** A page or block descriptor (see parse.ts for the letters). */
export function descriptor(physical: number, rights: string, isPage: boolean): bigint {
  const has = (letter: string): boolean => rights.includes(letter);
  if (has("-")) return 0n;
  const low = (isPage ? 3n : 1n) | (has("d") ? 1n << 2n : 0n) | (has("u") ? 1n << 6n : 0n) |
    (has("w") ? 0n : 1n << 7n) | (has("f") ? 0n : 1n << 10n) | (has("n") ? 1n << 11n : 0n);
  const never = (has("x") ? 0n : 1n << 53n) | (has("y") ? 0n : 1n << 54n);
  return BigInt(physical) | low | never;
}

/** Tables of both halves of the address space. */
export class Tables {
  readonly #memory: GuestMemory;
  #next: number;
  /** First tables, for TTBR0_EL1 and TTBR1_EL1. */
  readonly lower: number;
  readonly upper: number;

  /** Tables are taken from `start` on. */
  constructor(memory: GuestMemory, start: number) {
    this.#memory = memory;
    this.lower = start;
    this.upper = start + 4096;
    this.#next = start + 8192;
  }

  map({ virtual, physical, rights, size }: Mapping): void {
    const at = this.place(virtual, size);
    this.#memory.write64(at, descriptor(physical, rights, size === "4K"));
  }

  /** Address of the descriptor of a page or block; tables on the way are made. */
  place(virtual: number, size: Mapping["size"] = "4K"): number {
    const address = BigInt.asUintN(48, BigInt(virtual));
    let table = virtual > 2 ** 48 ? this.upper : this.lower;
    for (let shift = 39;; shift -= 9) {
      const at = table + Number((address >> BigInt(shift)) & 511n) * 8;
      if (shift === SHIFT[size]) return at;
      let next = this.#memory.read64(at) as bigint;
      if (next === 0n) {
        next = BigInt(this.#next) | 3n;
        this.#next += 4096;
        this.#memory.write64(at, next);
      }
      table = Number(next & 0xfffffffff000n);
    }
  }
}

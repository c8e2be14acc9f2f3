import { mmuImage } from "../../../guests/mmu/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** Translation. Blocks at levels that have none are left out: QEMU 7.2 takes them. */
export const mmuCases: readonly ConformanceCase[] = [
  {
    name: "mmu",
    title: "Access rights, faults by level, granules, TLB maintenance, code that changes",
    image: mmuImage,
    qemu: {},
  },
];

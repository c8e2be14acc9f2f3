import { atomicsImage } from "../../../guests/atomics/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** Atomic accesses. Without a timer, QEMU that counts instructions leaves a CPU only when it waits. */
export const atomicsCases: readonly ConformanceCase[] = [
  {
    name: "atomics",
    title: "Exclusives, read-modify-write instructions, locks and barriers of four CPUs",
    image: atomicsImage,
    cpus: 4,
    qemu: { countInstructions: false },
  },
];

import { atomicsImage } from "../../../guests/atomics/aarch64/image.ts";
import { atomicsImage as x86_64 } from "../../../guests/atomics/x86_64/image.ts";
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
  {
    name: "x86_64-atomics",
    title: "Locked instructions, exchanges of 16 bytes, locks and barriers of four CPUs",
    arch: "x86_64",
    image: x86_64,
    cpus: 4,
    qemu: { countInstructions: false },
  },
];

import { smpImage } from "../../../guests/smp/x86_64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** CPUs that are started by others. */
export const smpCases: readonly ConformanceCase[] = [
  {
    name: "x86_64-smp",
    title: "INIT and start-up IPIs, interrupts between four CPUs, mappings, code",
    arch: "x86_64",
    image: smpImage,
    cpus: 4,
    qemu: { countInstructions: false },
  },
];

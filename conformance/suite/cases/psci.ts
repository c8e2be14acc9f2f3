import { psciImage } from "../../../guests/psci/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** Firmware calls. */
export const psciCases: readonly ConformanceCase[] = [
  {
    name: "psci",
    title: "PSCI: versions, CPU_ON, CPU_OFF, AFFINITY_INFO, CPU_SUSPEND",
    image: psciImage,
    cpus: 3,
    qemu: {},
  },
  {
    name: "psci-extensions",
    title: "PSCI: power-down, statistics, memory protection; SMCCC, TRNG, stolen time",
    image: psciImage,
    parameters: "tests=extensions",
    cpus: 3,
    qemu: { reason: "QEMU 7.2 answers none of these calls, and takes a power-down for a standby" },
  },
];

import { gicv2Image } from "../../../guests/gicv2/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** GICv2. */
export const gicv2Cases: readonly ConformanceCase[] = [
  {
    name: "gicv2",
    title: "GICv2: groups, priorities, preemption, levels and edges, EOImode, SGIs, GICv2m",
    image: gicv2Image,
    gic: 2,
    cpus: 3,
    qemu: {},
  },
  {
    name: "gicv2-extensions",
    title: "GICv2: aliased registers, private interrupts made pending by software, targets",
    image: gicv2Image,
    parameters: "tests=extensions",
    gic: 2,
    cpus: 3,
    qemu: {
      reason: "QEMU 7.2 has no GICC_AIAR, GICC_AEOIR, GICC_AHPPIR; GICD_ISPENDR0 is without " +
        "effect, an edge is taken by each of several targets, and does not follow GICD_ITARGETSR",
    },
  },
];

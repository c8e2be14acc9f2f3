import { ioapicImage } from "../../../guests/ioapic/x86_64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** The I/O APICs. */
export const ioapicCases: readonly ConformanceCase[] = [
  {
    name: "x86_64-ioapic",
    title: "I/O APICs: entries, edges, levels, destinations, delivery modes",
    arch: "x86_64",
    image: ioapicImage,
    host: () => ({ devices: ["virtio-rng"] }),
    qemu: { arguments: ["-device", "virtio-rng-device"] },
  },
];

import { itsImage } from "../../../guests/its/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** LPIs and ITS of a GICv3. */
export const itsCases: readonly ConformanceCase[] = [
  {
    name: "its",
    title: "GICv3 LPIs and ITS: delivery, configuration, all commands, tables, errors",
    image: itsImage,
    cpus: 3,
    qemu: { machine: "its=on" },
  },
];

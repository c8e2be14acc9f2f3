import { timerImage } from "../../../guests/timer/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** The generic timer. */
export const timerCases: readonly ConformanceCase[] = [
  {
    name: "timer",
    title: "Generic timer: counter, CVAL, TVAL, CTL, output lines, access from EL0",
    image: timerImage,
    cpus: 2,
    qemu: {},
  },
];

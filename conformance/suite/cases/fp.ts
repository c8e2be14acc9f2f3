import { fpImage } from "../../../guests/fp/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** Floating point and SIMD. */
export const fpCases: readonly ConformanceCase[] = [
  {
    name: "fp",
    title: "Floating point and SIMD: arithmetic, rounding, exceptions, conversions, lanes",
    image: fpImage,
    qemu: {},
  },
];

import { exceptionsImage } from "../../../guests/exceptions/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/**
 * Exceptions. Left out of the guest are cases where QEMU 7.2 departs from the architecture: cache
 * maintenance of unmapped addresses, the syndrome of MSR DAIFSet at EL0, stack alignment.
 */
export const exceptionsCases: readonly ConformanceCase[] = [
  {
    name: "exceptions",
    title: "Traps at EL0 and EL1, exception returns, debug exceptions, pending interrupts",
    image: exceptionsImage,
    gic: 2,
    qemu: {},
  },
];

/** The conformance cases: one import and one entry per guest. */
import type { ConformanceCase } from "./case.ts";
import { apicCases } from "./cases/apic.ts";
import { atomicsCases } from "./cases/atomics.ts";
import { exceptionsCases } from "./cases/exceptions.ts";
import { fpCases } from "./cases/fp.ts";
import { gicv2Cases } from "./cases/gicv2.ts";
import { gicv3Cases } from "./cases/gicv3.ts";
import { ioapicCases } from "./cases/ioapic.ts";
import { itsCases } from "./cases/its.ts";
import { mmuCases } from "./cases/mmu.ts";
import { msrCases } from "./cases/msr.ts";
import { pl011Cases } from "./cases/pl011.ts";
import { psciCases } from "./cases/psci.ts";
import { smpCases } from "./cases/smp.ts";
import { timerCases } from "./cases/timer.ts";
import { virtioBlkCases } from "./cases/virtio_blk.ts";
import { virtioConsoleCases } from "./cases/virtio_console.ts";
import { virtioNetCases } from "./cases/virtio_net.ts";
import { virtioRngCases } from "./cases/virtio_rng.ts";
import { virtioSockCases } from "./cases/virtio_sock.ts";

/** All, in the order in which they run. */
export const CASES: readonly ConformanceCase[] = [
  ...mmuCases,
  ...exceptionsCases,
  ...gicv2Cases,
  ...gicv3Cases,
  ...itsCases,
  ...apicCases,
  ...ioapicCases,
  ...msrCases,
  ...psciCases,
  ...smpCases,
  ...timerCases,
  ...pl011Cases,
  ...fpCases,
  ...atomicsCases,
  ...virtioRngCases,
  ...virtioBlkCases,
  ...virtioConsoleCases,
  ...virtioNetCases,
  ...virtioSockCases,
];

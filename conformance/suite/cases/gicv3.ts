import { gicv3Image } from "../../../guests/gicv3/aarch64/image.ts";
import type { ConformanceCase } from "../case.ts";

/** GICv3. */
export const gicv3Cases: readonly ConformanceCase[] = [
  {
    name: "gicv3",
    title: "GICv3: groups, priorities, preemption, levels and edges, EOImode, SGIs, routing",
    image: gicv3Image,
    cpus: 3,
    qemu: {},
    differences: [
      {
        qemu: ["not ok 105 - group 0 disabled at the CPU", "# found 0x0, expected 0x80"],
        vml: ["ok 105 - group 0 disabled at the CPU"],
        reason: "in QEMU 7.2 a pending interrupt of a group that ICC_IGRPEN0_EL1 disables hides " +
          "the other group's",
      },
      {
        qemu: ["# failed 1 of 127 tests"],
        vml: [],
        reason: "for that",
      },
    ],
  },
  {
    name: "gicv3-extensions",
    title: "GICv3: 1-of-N interrupts, message-based SPIs, range selector of SGIs",
    image: gicv3Image,
    parameters: "tests=extensions",
    cpus: 3,
    qemu: { reason: "QEMU 7.2 has none of them (GICD_TYPER: No1N = 1, MBIS = 0, RSS = 0)" },
  },
];

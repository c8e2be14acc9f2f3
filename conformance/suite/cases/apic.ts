import { apicImage } from "../../../guests/apic/x86_64/image.ts";
import { type ConformanceCase, failsOnQemu, skippedOnQemu } from "../case.ts";

/** Tests that fail on QEMU: number, name, what it says, and what the architecture says instead. */
const FAILURES: readonly (readonly [number, string, string, string])[] = [
  [
    33,
    "and LVT entries stay masked",
    "found 0x20041, expected 0x30041",
    "software-disabled, mask bits cannot be cleared (Intel SDM vol. 3, 10.4.7.2)",
  ],
  [34, "what came meanwhile is lost", "found 0x1, expected 0x0", "nor are interrupts accepted"],
];
/** Tests that it skips: TSC deadlines and x2APIC need hardware there. */
const SKIPPED: readonly (readonly [number, string, string, string])[] = [
  [
    60,
    "deadline: comes when the TSC is there",
    "there is no TSC deadline",
    "this machine's local APIC has them",
  ],
  [61, "the deadline is 0 then", "there is no TSC deadline", "this machine's local APIC has them"],
  [
    62,
    "a deadline that has passed comes at once",
    "there is no TSC deadline",
    "this machine's local APIC has them",
  ],
  [63, "0 disarms", "there is no TSC deadline", "this machine's local APIC has them"],
  [64, "the initial count is 0", "there is no TSC deadline", "this machine's local APIC has them"],
  [65, "it is enabled", "there is none", "this machine's local APIC has them"],
  [66, "the id has 32 bits", "there is none", "this machine's local APIC has them"],
  [67, "the version", "there is none", "this machine's local APIC has them"],
  [
    68,
    "the logical destination is made of the id",
    "there is none",
    "this machine's local APIC has them",
  ],
  [
    69,
    "the destination format is no register: #GP",
    "there is none",
    "this machine's local APIC has them",
  ],
  [70, "the task priority", "there is none", "this machine's local APIC has them"],
  [71, "a reserved bit of it: #GP", "there is none", "this machine's local APIC has them"],
  [72, "an interrupt to itself by ICR", "there is none", "this machine's local APIC has them"],
  [73, "by the register for that", "there is none", "this machine's local APIC has them"],
  [74, "ICR has 64 bits", "there is none", "this machine's local APIC has them"],
  [75, "EOI of something else than 0: #GP", "there is none", "this machine's local APIC has them"],
  [76, "EOI cannot be read: #GP", "there is none", "this machine's local APIC has them"],
  [77, "a register that there is not: #GP", "there is none", "this machine's local APIC has them"],
  [78, "back to registers in memory: #GP", "there is none", "this machine's local APIC has them"],
  [
    79,
    "disabled, then back: the old way works",
    "there is none",
    "this machine's local APIC has them",
  ],
];

/** The local APIC. */
export const apicCases: readonly ConformanceCase[] = [
  {
    name: "x86_64-apic",
    title: "Local APIC: registers, priorities, destinations, timer, x2APIC",
    arch: "x86_64",
    image: apicImage,
    qemu: {},
    differences: [
      ...FAILURES.map((failure) => failsOnQemu(...failure)),
      ...SKIPPED.map((skipped) => skippedOnQemu(...skipped)),
    ],
  },
  {
    name: "x86_64-apic-extensions",
    title: "Local APIC: vectors that are none",
    arch: "x86_64",
    image: apicImage,
    parameters: "tests=extensions",
    qemu: { reason: "QEMU delivers vectors below 16 as exceptions" },
  },
];

import { timerImage } from "../../../guests/timer/aarch64/image.ts";
import { timerImage as x86_64 } from "../../../guests/timer/x86_64/image.ts";
import { type ConformanceCase, failsOnQemu } from "../case.ts";

/** The generic timer. */
export const timerCases: readonly ConformanceCase[] = [
  {
    name: "timer",
    title: "Generic timer: counter, CVAL, TVAL, CTL, output lines, access from EL0",
    image: timerImage,
    cpus: 2,
    qemu: {},
  },
  {
    name: "x86_64-timer",
    title: "TSC, sleep by the local APIC's timer, PIT, CMOS clock",
    arch: "x86_64",
    image: x86_64,
    qemu: { arguments: ["-rtc", "clock=vm"] },
    differences: [
      failsOnQemu(2, "the MSR is the same counter", "", "IA32_TIME_STAMP_COUNTER is the counter"),
    ],
  },
];

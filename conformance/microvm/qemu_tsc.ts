/** The time stamp counter of QEMU's microvm. */
import { readFileSync } from "node:fs";

/**
 * What Linux must be told on its command line: QEMU's processors do not tell the frequency of their TSC,
 * which is the host's, and a board with hardware-reduced ACPI has no other clock to measure it by.
 */
export function qemuTscParameters(): string {
  const mhz = /^cpu MHz\s*: ([\d.]+)/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return `tsc=nowatchdog tsc_early_khz=${Math.round(Number(mhz ?? "2000") * 1000)}`;
}

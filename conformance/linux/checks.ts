/** What a transcript of a guest has to show. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { TEST_FILE_BYTES, TEST_FILE_MD5 } from "../../guests/linux/init.ts";

/** Lines of warnings, without time, that may be printed; from a file with "#" comments. */
export function readAllowed(path: URL): RegExp[] {
  return readFileSync(path, "utf8").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => new RegExp(`^${line}$`));
}

/** Faults of a self-test's transcript. */
export function selfTestFaults(transcript: string, allowed: readonly RegExp[]): string[] {
  const lines = transcript.replaceAll("\r", "").split("\n");
  const faults = lines.filter((line) => line.startsWith("VML-TEST FAIL"));
  const passed = lines.filter((line) => line.startsWith("VML-TEST ok")).length;
  if (passed < 17) faults.push(`only ${passed} parts of the self-test passed`);
  if (!lines.includes("VML-SELFTEST PASS")) faults.push("no VML-SELFTEST PASS");
  if (!/reboot: Power down/.test(transcript)) faults.push("no power-off by the kernel");
  for (const line of lines) {
    const warning = /^VML-DMESG (.*)$/.exec(line)?.[1];
    if (warning === undefined || allowed.some((pattern) => pattern.test(warning))) continue;
    faults.push(`warning that QEMU's guest does not print: ${warning}`);
  }
  return faults;
}

/** Faults of the disk that a self-test wrote. */
export function diskFaults(path: string): string[] {
  const bytes = readFileSync(path);
  const md5 = createHash("md5").update(bytes.subarray(0, TEST_FILE_BYTES)).digest("hex");
  const faults = md5 === TEST_FILE_MD5 ? [] : ["the disk does not hold what the guest wrote"];
  if (bytes.subarray(TEST_FILE_BYTES).some((byte) => byte !== 0)) {
    faults.push("the disk was written where the guest did not write");
  }
  return faults;
}

/** The guest's time at the end of its self-test, in seconds since its start. */
export function endUptime(transcript: string): number {
  return Number(/VML-INFO end uptime=([\d.]+)/.exec(transcript)?.[1]);
}

/**
 * Faults of the machine's clock, which goes from its making to its end: that is longer than the run, and
 * shorter than the program's life. The guest's clock began later. In seconds; `uptime` is the guest's.
 */
export function machineClockFaults(result: RunJson, life: number, uptime?: number): string[] {
  const machine = result.statistics.nanoseconds / 1e9;
  const faults: string[] = [];
  if (!(result.seconds <= machine && machine <= life)) {
    faults.push(
      `the machine's clock says ${machine} s, its run took ${result.seconds} s of ${life} s`,
    );
  }
  if (uptime !== undefined && !(uptime <= machine)) {
    faults.push(`the guest's clock says ${uptime} s, the machine's only ${machine} s`);
  }
  return faults;
}

/** The parts of the result that are used. */
export interface RunJson {
  readonly reason: string;
  readonly seconds: number;
  readonly panic?: string;
  readonly statistics: { readonly nanoseconds: number; readonly resets: number };
}

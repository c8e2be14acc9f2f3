/**
 * The conformance suite: reference guests, what they must print, and their runs on machines of one's own.
 *
 * @example All cases on this project's machine
 * ```ts ignore
 * import { runSuite } from "vml/conformance";
 *
 * const results = await runSuite({ onResult: ({ name, passed }) => console.log(name, passed) });
 * if (results.some(({ passed }) => !passed)) throw new Error("not conformant");
 * ```
 *
 * @example A guest and a device of one's own
 * ```ts ignore
 * import { runSuite } from "vml/conformance";
 *
 * const [{ passed, problems }] = await runSuite({
 *   cases: [{
 *     name: "my-guest",
 *     title: "Reads its parameter and finds the second disk",
 *     image: () => image, // a Linux arm64 Image, or of arch "x86_64" a PVH ELF program, that prints TAP and powers off
 *     parameters: "disks=2",
 *     cpus: 2,
 *     host: () => ({ devices: [{ type: "virtio-block", file: new Uint8Array(1 << 20) }] }),
 *     qemu: { reason: "it is compared with what the test's author wrote" },
 *   }],
 *   transcripts: { "my-guest": { machine: "by hand", lines: ["ok 1 - two disks", "1..1", ""] } },
 *   create: (options) => MyMachine.create(options), // anything with onSerial, serialInput and run
 * });
 * ```
 *
 * @module
 */
export { CASE_MILLISECONDS, runSuite, selectCases } from "./suite/run_suite.ts";
export type { SuiteOptions } from "./suite/run_suite.ts";
export { CASES } from "./suite/cases.ts";
export { machineOptions } from "./suite/case.ts";
export type {
  ConformanceCase,
  ConformanceMachine,
  Difference,
  HostSide,
  MachineFactory,
  NoQemu,
  QemuPeer,
  QemuSetup,
  Step,
} from "./suite/case.ts";
export { executeCase, judge, runCase } from "./suite/run_case.ts";
export type { CaseResult, CaseRun, RunCaseOptions } from "./suite/run_case.ts";
export { caseReport, compareReports, formatReports } from "./suite/report.ts";
export type { CaseReport, ReportFormat } from "./suite/report.ts";
export { readTap } from "./suite/tap.ts";
export type { TapResult } from "./suite/tap.ts";
export { TRANSCRIPTS } from "./transcripts/mod.ts";
export type { Transcript } from "./suite/transcript.ts";

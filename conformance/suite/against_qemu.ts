/** Compares QEMU as it is installed here with the committed transcripts. */
import type { ConformanceCase } from "./case.ts";
import { runOnQemu } from "./qemu.ts";
import type { CaseReport } from "./report.ts";
import { readTap } from "./tap.ts";
import { firstMismatch, formatMismatch, type Transcript } from "./transcript.ts";

/** Runs a case on QEMU; its report fails if the transcript is not the committed one. */
export async function reportOnQemu(
  test: ConformanceCase,
  transcript: Transcript | undefined,
  milliseconds: number,
): Promise<CaseReport> {
  const start = performance.now();
  let lines: readonly string[] = [];
  let status: CaseReport["status"] = "passed";
  const problems: string[] = [];
  if ("reason" in test.qemu) {
    status = "skipped";
    problems.push(test.qemu.reason);
  } else {
    try {
      lines = await runOnQemu(test, test.qemu, milliseconds);
      const mismatch = firstMismatch(transcript?.lines ?? [], lines);
      if (mismatch !== undefined) problems.push(formatMismatch(mismatch));
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
    if (problems.length > 0) status = "failed";
  }
  const tap = readTap(lines);
  return {
    runtime: "qemu",
    name: test.name,
    status,
    problems,
    tests: tap.passed + tap.failed.length,
    skippedTests: tap.skipped,
    instructions: 0,
    guestNanoseconds: 0,
    hostMilliseconds: Math.round(performance.now() - start),
  };
}

/** Reader of the guests' transcripts: the Test Anything Protocol, versions 13 and 14, without subtests. */

/** What a TAP transcript says. */
export interface TapResult {
  /** Number of tests by the plan; undefined if there is none. */
  readonly planned: number | undefined;
  /** Tests that were good or skipped. */
  readonly passed: number;
  /** Those of them that were skipped. */
  readonly skipped: number;
  /** Numbers and names of tests that failed. */
  readonly failed: readonly string[];
  /** What breaks the protocol, or "Bail out! ...". Empty if the transcript is complete. */
  readonly faults: readonly string[];
}

// "\#" is a "#" of the name.
const TEST = /^(not )?ok\b(?: +(\d+))?(?: *-)? *(.*?)(?: *(?<!\\)# *(skip|todo)\b *(.*))?$/i;

/** Reads a transcript. Anything may stand between the lines that TAP knows. */
export function readTap(lines: readonly string[]): TapResult {
  const failed: string[] = [];
  const faults: string[] = [];
  let planned: number | undefined;
  let done = 0;
  let skipped = 0;
  for (const line of lines) {
    const plan = /^1\.\.(\d+)(?: *#.*)?$/.exec(line);
    if (plan !== null) {
      if (planned !== undefined) faults.push("two plans");
      planned = Number(plan[1]);
      continue;
    }
    if (/^Bail out!/i.test(line)) {
      faults.push(line);
      continue;
    }
    const test = TEST.exec(line);
    if (test === null) continue;
    const [, not, number, name, directive] = test;
    done++;
    if (number !== undefined && Number(number) !== done) {
      faults.push(`test ${done} has the number ${number}`);
    }
    if (directive?.toLowerCase() === "skip") skipped++;
    // A test that is still to be done may fail.
    if (not !== undefined && directive?.toLowerCase() !== "todo") failed.push(`${done} - ${name}`);
  }
  if (planned === undefined) faults.push("no plan: the guest did not come to its end");
  else if (planned !== done) faults.push(`${planned} tests planned, ${done} ran`);
  return { planned, passed: done - failed.length, skipped, failed, faults };
}

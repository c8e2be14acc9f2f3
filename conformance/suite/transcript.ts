/** Transcripts: what a guest prints, as committed, as expected, and how two compare. */
import type { ConformanceCase } from "./case.ts";

/** A transcript as it is committed. */
export interface Transcript {
  /** What printed it: "QEMU emulator version 7.2.22 ..." or "vml". */
  readonly machine: string;
  /** Its lines; they were sent with CR LF between them. */
  readonly lines: readonly string[];
}

const LINE_END = "\r\n";

/** Lines of serial output, one character per byte. */
export function transcriptLines(output: string): string[] {
  return output.split(LINE_END);
}

/**
 * The lines that a case must print here: those of QEMU but for its differences. The guest's count of
 * failed tests goes when differences leave no test failed.
 *
 * @throws {Error} if a difference is not found.
 */
export function expectedLines(
  test: Pick<ConformanceCase, "name" | "differences">,
  qemu: readonly string[],
): string[] {
  const lines = [...qemu];
  for (const { qemu: from, vml } of test.differences ?? []) {
    const at = lines.findIndex((_, i) => from.every((line, k) => lines[i + k] === line));
    if (from.length === 0 || at < 0) {
      throw new Error(
        `${test.name}: a difference is not in QEMU's transcript: ${from.join(" / ")}`,
      );
    }
    lines.splice(at, from.length, ...vml);
  }
  return lines.some((line) => line.startsWith("not ok"))
    ? lines
    : lines.filter((line) => !/^# failed \d+ of \d+ tests$/.test(line));
}

/** Where a transcript leaves what was expected. */
export interface Mismatch {
  /** Number of the line, from 1. */
  readonly line: number;
  /** Undefined behind the end. */
  readonly expected: string | undefined;
  /** Undefined behind the end. */
  readonly found: string | undefined;
}

/** The first line in which two transcripts differ; undefined if they are the same. */
export function firstMismatch(
  expected: readonly string[],
  found: readonly string[],
): Mismatch | undefined {
  const length = Math.max(expected.length, found.length);
  for (let i = 0; i < length; i++) {
    if (expected[i] !== found[i]) return { line: i + 1, expected: expected[i], found: found[i] };
  }
  return undefined;
}

/** "line 3: expected ..., found ...". */
export function formatMismatch({ line, expected, found }: Mismatch): string {
  const show = (text: string | undefined): string =>
    text === undefined ? "the end" : JSON.stringify(text);
  return `line ${line}: expected ${show(expected)}, found ${show(found)}`;
}

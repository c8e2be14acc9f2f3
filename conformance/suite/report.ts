/** Reports of conformance runs: a table for people, JSON lines, TAP and JUnit XML for programs. */
import type { CaseResult } from "./run_case.ts";

/** How a case went under one runtime. */
export interface CaseReport {
  /** "node", "deno", "bun", "binary" or "qemu". */
  readonly runtime: string;
  /** Name of the case. */
  readonly name: string;
  /** `skipped`: the case cannot run there; `problems` has the reason. */
  readonly status: "passed" | "failed" | "skipped";
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
  /** Tests that the guest ran, skipped ones among them. */
  readonly tests: number;
  /** Tests that the guest skipped. */
  readonly skippedTests: number;
  /** Instructions of all vCPUs. */
  readonly instructions: number;
  /** Guest time in nanoseconds. */
  readonly guestNanoseconds: number;
  /** Time that the host took, in milliseconds. */
  readonly hostMilliseconds: number;
}

/** Formats in which reports are written. */
export type ReportFormat = "table" | "json" | "tap" | "junit";

/** The report on a result. */
export function caseReport(runtime: string, result: CaseResult): CaseReport {
  const { tap } = result;
  return {
    runtime,
    name: result.name,
    status: result.passed ? "passed" : "failed",
    problems: result.problems,
    tests: tap.passed + tap.failed.length,
    skippedTests: tap.skipped,
    instructions: result.instructions,
    guestNanoseconds: result.guestNanoseconds,
    hostMilliseconds: Math.round(result.hostMilliseconds),
  };
}

/**
 * A report compared with the first one on the same case: in virtual time, every runtime executes the
 * same instructions and comes to the same guest time.
 */
export function compareReports(first: CaseReport | undefined, report: CaseReport): CaseReport {
  // A case that did not come to run has counted nothing.
  if (!first?.instructions || report.instructions === 0) return report;
  const problems = COUNTS.flatMap(([key, unit]) =>
    first[key] === report[key]
      ? []
      : [`${report[key]} ${unit}, under ${first.runtime} ${first[key]}: runs are not the same`]
  );
  return problems.length === 0
    ? report
    : { ...report, status: "failed", problems: [...report.problems, ...problems] };
}

const COUNTS = [
  ["instructions", "instructions"],
  ["guestNanoseconds", "ns of guest time"],
] as const;

/** Writes reports in a format; the text ends with a newline. */
export function formatReports(reports: readonly CaseReport[], format: ReportFormat): string {
  return FORMATS[format](reports);
}

const FORMATS: Readonly<Record<ReportFormat, (reports: readonly CaseReport[]) => string>> = {
  table: formatTable,
  json: (reports) => reports.map((report) => `${JSON.stringify(report)}\n`).join(""),
  tap: formatTap,
  junit: formatJunit,
};

/** One row per case, one column per runtime; problems below. */
function formatTable(reports: readonly CaseReport[]): string {
  const runtimes = unique(reports.map(({ runtime }) => runtime));
  const rows = [["case", "tests", "instructions", "guest ms", ...runtimes]];
  for (const name of unique(reports.map((report) => report.name))) {
    const own = reports.filter((report) => report.name === name);
    // QEMU counts nothing.
    const run = own.find(({ instructions }) => instructions > 0) ?? own[0];
    rows.push([
      name,
      `${run.tests}`,
      `${run.instructions}`,
      (run.guestNanoseconds / 1e6).toFixed(3),
      ...runtimes.map((runtime) => {
        const report = own.find((candidate) => candidate.runtime === runtime);
        if (report === undefined) return "";
        if (report.status === "skipped") return "-";
        const seconds = (report.hostMilliseconds / 1000).toFixed(2);
        return `${report.status === "passed" ? "ok" : "FAILED"} ${seconds} s`;
      }),
    ]);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ")
      .trimEnd()
  );
  const failed = reports.filter(({ status }) => status === "failed");
  for (const report of failed) {
    lines.push("", `${report.name} (${report.runtime}):`, ...report.problems.map((p) => `  ${p}`));
  }
  const passed = reports.filter(({ status }) => status === "passed").length;
  const skipped = reports.length - passed - failed.length;
  const rest = skipped > 0 ? `, ${skipped} skipped` : "";
  lines.push("", `${passed} passed, ${failed.length} failed${rest}`);
  return `${lines.join("\n")}\n`;
}

/** Test Anything Protocol, version 13: a test is a case under a runtime. */
function formatTap(reports: readonly CaseReport[]): string {
  const lines = ["TAP version 13", `1..${reports.length}`];
  reports.forEach((report, i) => {
    // "#" would begin a directive.
    const name = `${report.name} (${report.runtime})`.replaceAll("#", "\\#");
    const skip = report.status === "skipped" ? ` # SKIP ${report.problems.join("; ")}` : "";
    lines.push(`${report.status === "failed" ? "not ok" : "ok"} ${i + 1} - ${name}${skip}`);
    if (report.status !== "failed") return;
    for (const problem of report.problems) lines.push(`# ${problem.replaceAll("\n", "\n# ")}`);
  });
  return `${lines.join("\n")}\n`;
}

/** The XML of JUnit's reports, as CI systems read it: a test suite per runtime. */
function formatJunit(reports: readonly CaseReport[]): string {
  const lines = [`<?xml version="1.0" encoding="UTF-8"?>`, `<testsuites${totals(reports)}>`];
  for (const runtime of unique(reports.map((report) => report.runtime))) {
    const own = reports.filter((report) => report.runtime === runtime);
    lines.push(`  <testsuite name="${xmlAttribute(`vml.${runtime}`)}"${totals(own)}>`);
    for (const report of own) {
      const { name, status, problems, hostMilliseconds } = report;
      const head = `    <testcase classname="${xmlAttribute(`vml.${runtime}`)}" name="${
        xmlAttribute(name)
      }" time="${seconds(hostMilliseconds)}"`;
      if (status === "passed") {
        lines.push(`${head}/>`);
        continue;
      }
      const message = xmlAttribute(problems[0] ?? "");
      const body = status === "skipped"
        ? `<skipped message="${message}"/>`
        : `<failure message="${message}">${xmlText(problems.join("\n"))}</failure>`;
      lines.push(`${head}>`, `      ${body}`, "    </testcase>");
    }
    lines.push("  </testsuite>");
  }
  lines.push("</testsuites>");
  return `${lines.join("\n")}\n`;
}

function totals(reports: readonly CaseReport[]): string {
  const count = (status: CaseReport["status"]): number =>
    reports.filter((report) => report.status === status).length;
  const time = reports.reduce((sum, { hostMilliseconds }) => sum + hostMilliseconds, 0);
  return ` tests="${reports.length}" failures="${count("failed")}" errors="0" skipped="${
    count("skipped")
  }" time="${seconds(time)}"`;
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3);

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;",
};
const entity = (character: string): string => ENTITIES[character];

/** XML 1.0 cannot have unpaired surrogates, most control characters, U+FFFE and U+FFFF at all. */
function printable(text: string): string {
  return text.toWellFormed().replaceAll(/(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/gu, "\ufffd");
}

function xmlText(text: string): string {
  return printable(text).replaceAll(/[&<>\r]/g, entity);
}

/** The same between double quotes, where white space would be read as spaces. */
function xmlAttribute(text: string): string {
  return printable(text).replaceAll(/[&<>"\n\r\t]/g, entity);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

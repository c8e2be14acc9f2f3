import assert from "node:assert/strict";
import { test } from "node:test";
import { readTap } from "../conformance/suite/tap.ts";
import { commandLine, type Outcome, outcomeOf, vml } from "./testing/program.ts";

/** `vml conformance` with the guests of testing/conformance_program.ts: pass, fail, hang. */
function conformance(...args: string[]): Promise<Outcome> {
  const [program, head] = commandLine("testing/conformance_program.ts");
  return outcomeOf(program, [...head, ...args]);
}

test("a case that passes: exit code 0, progress on standard error, a table", async () => {
  const { code, stdout, stderr } = await conformance("--filter", "pass");
  assert.match(stdout, /^case +tests .*\npass +0 +\d+ .* ok \d+\.\d\d s\n\n1 passed, 0 failed\n$/);
  assert.match(stderr, /^vml: (node|deno|bun): pass: ok, 0 tests\n$/);
  assert.equal(code, 0);
});

test("a case that must fail is reported as failing, with exit code 1, in each format", async () => {
  const problem = "no plan: the guest did not come to its end";
  const table = await conformance("--filter", "fail");
  assert.match(table.stdout, /FAILED[^]*fail \(\w+\):\n {2}no plan[^]*0 passed, 1 failed/);
  assert.match(table.stderr, /fail: FAILED\n {2}no plan/);
  const json = await conformance("--json", "--filter", "fail", "--filter", "pass");
  const [pass, fail] = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([pass.status, fail.status, fail.problems], ["passed", "failed", [problem]]);
  assert.ok(fail.instructions > 0 && fail.guestNanoseconds > 0);
  const tap = await conformance("--tap", "--filter", "fail");
  assert.match(readTap(tap.stdout.split("\n")).failed[0], /^1 - fail/);
  const junit = await conformance("--junit", "--filter", "fail");
  assert.match(junit.stdout, /failures="1"[^]*<failure message="no plan/);
  assert.deepEqual([table, json, tap, junit].map(({ code }) => code), [1, 1, 1, 1]);
});

test("a guest that hangs is ended by --timeout and has failed", async () => {
  const { code, stderr } = await conformance("--filter", "hang", "--timeout", "0.5");
  assert.match(stderr, /the run ended with: timeout/);
  assert.equal(code, 1);
});

test("--print shows what the guest says, --list what there is", async () => {
  const printed = await conformance("--print", "--filter", "fail");
  assert.match(printed.stdout, /^hello Y\ncase/);
  const list = await conformance("--list");
  assert.deepEqual(list, {
    stdout: "pass  A guest that is to pass\nfail  A guest that is to fail\n" +
      "hang  A guest that is to hang\n",
    stderr: "",
    code: 0,
  });
});

test("--runtime all runs every runtime that is here, to the same instruction", async () => {
  const { code, stdout, stderr } = await vml(
    ...["conformance", "--runtime", "all", "--filter", "gicv2-extensions", "--json"],
  );
  const reports = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const runtimes = reports.map(({ runtime }) => runtime);
  const own = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  // An old executable may lie in dist: it is not this test's affair.
  const checked = reports.filter(({ runtime }) => runtime !== "binary");
  assert.ok(runtimes.includes(own), stderr);
  assert.deepEqual([...new Set(runtimes)], runtimes);
  assert.deepEqual(checked.map(({ problems }) => problems), checked.map(() => []));
  assert.equal(new Set(checked.map(({ instructions }) => instructions)).size, 1);
  if (checked.length === reports.length) assert.equal(code, 0, stderr);
});

test("a runtime that ends without reports has failed in all cases", async () => {
  // The other runtimes start the program itself, which has no case of this name.
  const other = "Deno" in globalThis ? "bun" : "deno";
  const { code, stdout, stderr } = await conformance(
    ...["--runtime", other, "--filter", "pass", "--json"],
  );
  if (stdout === "") {
    assert.match(stderr, new RegExp(`--runtime: ${other}: it is not in the path`));
    return;
  }
  const report = JSON.parse(stdout);
  assert.deepEqual([report.runtime, report.status], [other, "failed"]);
  assert.match(report.problems[0], /ended \(2\) without reports on pass[^]*no case is named so/);
  assert.equal(code, 1);
});

const USAGE: [args: string[], names: RegExp][] = [
  [["--runtime", "deon"], /--runtime: "deon" is not known; .*deno/],
  [["--filter", "nothing"], /--filter: .*named so/],
  [["--json", "--tap"], /--json, --tap: one format/],
  [["--against", "kvm"], /--against: "kvm"/],
  [["--timeout", "0"], /--timeout: "0" is no number/],
  [["--print", "--json"], /--print: for one runtime/],
  [["extra"], /extra: one argument too many/],
];
for (const [args, names] of USAGE) {
  test(`wrong usage has exit code 2 and one line: conformance ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await vml("conformance", ...args);
    assert.match(stderr, names);
    assert.deepEqual([code, stdout, stderr.trimEnd().split("\n").length], [2, "", 1]);
  });
}

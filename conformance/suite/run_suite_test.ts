import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunResult } from "../../lib/machine/machine.ts";
import type { ConformanceCase, ConformanceMachine } from "./case.ts";
import type { CaseResult } from "./run_case.ts";
import { runSuite, selectCases } from "./run_suite.ts";

const GOOD = ["TAP version 13", "ok 1 - a", "1..1", ""];

const fakeCase = (changes: Partial<ConformanceCase> = {}): ConformanceCase => ({
  name: "fake",
  title: "A guest that is none",
  image: () => new Uint8Array(4),
  qemu: {},
  ...changes,
});

/** A machine whose guest prints a text and ends. */
class FakeMachine implements ConformanceMachine {
  disposed = false;
  readonly typed: string[] = [];
  readonly #text: string;
  readonly #reason: RunResult["reason"];
  #receive: (bytes: Uint8Array) => void = () => {};

  constructor(text: string, reason: RunResult["reason"] = "power-off") {
    this.#text = text;
    this.#reason = reason;
  }

  onSerial(receive: (bytes: Uint8Array) => void): () => void {
    this.#receive = receive;
    return () => {};
  }

  serialInput(bytes: Uint8Array): number {
    this.typed.push(new TextDecoder().decode(bytes));
    return bytes.length;
  }

  run(): Promise<RunResult> {
    this.#receive(new TextEncoder().encode(this.#text));
    return Promise.resolve({ reason: this.#reason, instructions: 5, nanoseconds: 7 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }
}

/** The result of one case on a machine. */
async function resultOf(
  machine: ConformanceMachine,
  changes: Partial<ConformanceCase> = {},
  lines: readonly string[] = GOOD,
): Promise<CaseResult> {
  const [result] = await runSuite({
    cases: [fakeCase(changes)],
    transcripts: { fake: { machine: "none", lines } },
    create: () => Promise.resolve(machine),
  });
  return result;
}

test("a guest that prints what it must has passed, and its machine is disposed of", async () => {
  const machine = new FakeMachine(GOOD.join("\r\n"));
  const { passed, problems, instructions, guestNanoseconds, lines } = await resultOf(machine);
  assert.deepEqual([passed, problems, instructions, guestNanoseconds], [true, [], 5, 7]);
  assert.deepEqual(lines, GOOD);
  assert.ok(machine.disposed);
});

test("one byte that differs fails the case", async () => {
  for (const text of [GOOD.join("\n"), GOOD.join("\r\n") + " ", GOOD.slice(1).join("\r\n")]) {
    const { passed, problems } = await resultOf(new FakeMachine(text));
    assert.equal(passed, false, JSON.stringify(text));
    assert.match(problems.at(-1) ?? "", /^line \d: expected "/);
  }
});

test("a failed test fails the case also where the transcript has it", async () => {
  const lines = ["not ok 1 - a", "1..1", ""];
  const { passed, problems } = await resultOf(new FakeMachine(lines.join("\r\n")), {}, lines);
  assert.deepEqual([passed, problems], [false, ["not ok 1 - a"]]);
});

test("a guest that does not switch off has failed", async () => {
  const { passed, problems } = await resultOf(new FakeMachine(GOOD.join("\r\n"), "timeout"));
  assert.deepEqual([passed, problems], [false, ["the run ended with: timeout"]]);
});

test("keys are typed when the output asks for them; steps that are left fail the case", async () => {
  const machine = new FakeMachine(GOOD.join("\r\n"));
  const input = [
    { after: "ok 1", type: "x" },
    { after: "no such", type: "y" },
  ];
  const { problems } = await resultOf(machine, { input });
  assert.deepEqual(machine.typed, ["x"]);
  assert.deepEqual(problems, ["1 steps of input were not asked for"]);
});

test("a guest that prints without end is stopped", async () => {
  const aborted: (boolean | undefined)[] = [];
  class Flood extends FakeMachine {
    override async run(signal?: AbortSignal): Promise<RunResult> {
      const { instructions, nanoseconds } = await super.run();
      aborted.push(signal?.aborted);
      return { reason: "stopped", instructions, nanoseconds };
    }
  }
  const { problems, lines } = await resultOf(new Flood("x".repeat(3 * 2 ** 20)));
  assert.deepEqual(aborted, [true]);
  assert.equal(lines[0].length, 2 ** 20);
  assert.equal(problems[0], "the guest printed more than 1048576 characters");
});

test("the host's side is connected before the run and asked after it", async () => {
  const machine = new FakeMachine(GOOD.join("\r\n"));
  const seen: unknown[] = [];
  const { problems } = await resultOf(machine, {
    host: () => ({
      devices: [],
      attach: (attached) => seen.push(attached),
      check: () => ["sector 3 was not written"],
    }),
  });
  assert.deepEqual([seen, problems], [[machine], ["sector 3 was not written"]]);
});

test("what a factory throws, no transcript and a stale difference are problems of the case", async () => {
  const results = await runSuite({
    cases: [fakeCase(), fakeCase({ name: "other" })],
    transcripts: {},
    create: ({ cpus }) => {
      assert.equal(cpus, 1);
      return Promise.reject(new RangeError("no memory"));
    },
  });
  assert.deepEqual(results.map(({ passed, problems }) => [passed, problems]), [
    [false, ["RangeError: no memory"]],
    [false, ["RangeError: no memory"]],
  ]);
  const [unknown] = await runSuite({
    cases: [fakeCase()],
    transcripts: {},
    create: () => Promise.resolve(new FakeMachine(GOOD.join("\r\n"))),
  });
  assert.deepEqual(unknown.problems, ["there is no transcript to compare with"]);
  const differences = [{ qemu: ["never"], vml: [], reason: "none" }];
  const stale = await resultOf(new FakeMachine(GOOD.join("\r\n")), { differences });
  assert.match(stale.problems[0], /not in QEMU's transcript: never/);
});

test("an aborted suite runs no further case", async () => {
  const stop = new AbortController();
  const results = await runSuite({
    cases: [fakeCase(), fakeCase({ name: "other" })],
    create: () => Promise.resolve(new FakeMachine("")),
    signal: stop.signal,
    onResult: () => stop.abort(),
  });
  assert.deepEqual(results.map(({ name }) => name), ["fake"]);
});

test("cases are selected by parts of their names", () => {
  const cases = ["gicv2", "gicv3", "timer"].map((name) => fakeCase({ name }));
  const names = (...texts: string[]): string[] => selectCases(cases, texts).map((c) => c.name);
  assert.deepEqual(names(), ["gicv2", "gicv3", "timer"]);
  assert.deepEqual(names("gic"), ["gicv2", "gicv3"]);
  assert.deepEqual(names("v3", "time"), ["gicv3", "timer"]);
  assert.deepEqual(names("x"), []);
});

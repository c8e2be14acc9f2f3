import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ACCEPTANCE, type Claim, FAULTS } from "./acceptance.ts";

const ROOT = new URL("../", import.meta.url);

/** Names of the tests in a file: literals of calls of `test`, lines of a transcript. */
function testNames(file: string): Set<string> {
  const url = new URL(file, ROOT);
  if (!/(_test\.ts|\.json)$/.test(file) || !existsSync(url)) return new Set();
  const text = readFileSync(url, "utf8");
  if (file.endsWith(".json")) {
    const { lines }: { lines: string[] } = JSON.parse(text);
    return new Set(lines.flatMap((line) => /^(?:not )?ok \d+ - (.*)$/.exec(line)?.[1] ?? []));
  }
  const calls = text.matchAll(/\btest\(\s*(["`])((?:\\.|(?!\1)[^])*)\1/g);
  return new Set([...calls].map(([, , name]) => name.replaceAll("\\", "")));
}

function missing(claims: readonly Claim[]): string[] {
  return claims.flatMap(({ number, tests }) =>
    tests.filter((proof) => {
      const [, file, name] = /^(\S+): (.*)$/.exec(proof) ?? ["", "", ""];
      return !testNames(file).has(name);
    }).map((proof) => `${number}: ${proof}`)
  );
}

const LISTS: readonly [name: string, claims: readonly Claim[], length: number][] = [
  ["FAULTS", FAULTS, 37],
  ["ACCEPTANCE", ACCEPTANCE, 29],
];
for (const [name, claims, length] of LISTS) {
  test(`${name}: all numbers are there, and every test that they name`, (t) => {
    assert.deepEqual(claims.map(({ number }) => number), Array.from({ length }, (_, i) => i + 1));
    assert.deepEqual(missing(claims), []);
    const open = claims.filter(({ tests }) => tests.length === 0).map(({ number }) => number);
    if (open.length > 0) t.diagnostic(`${name} without a test: ${open.join(", ")}`);
  });
}

test("a test that is not there is found out", () => {
  const own = "conformance/acceptance_test.ts: a test that is not there is found out";
  const claim = { number: 1, what: "", tests: [own, `${own}!`, "no/such_test.ts: x", "x"] };
  assert.deepEqual(missing([claim]), [`1: ${own}!`, "1: no/such_test.ts: x", "1: x"]);
  const guest = ["conformance/transcripts/atomics.json: caspal that is equal"];
  assert.deepEqual(missing([{ number: 2, what: "", tests: guest }]), []);
});

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { applyChange, type Claim, testOf } from "./claim.ts";
import { FAULTS } from "./faults.ts";
import { ACCEPTANCE } from "./points.ts";

const ROOT = new URL("../../", import.meta.url);

/** Names of the tests in a file: literals of calls of `test`. */
function testNames(file: string): Set<string> {
  const url = new URL(file, ROOT);
  if (!file.endsWith("_test.ts") || !existsSync(url)) return new Set();
  const calls = readFileSync(url, "utf8").matchAll(/\btest\(\s*(["`])((?:\\.|(?!\1)[^])*)\1/g);
  return new Set([...calls].map(([, , name]) => name.replaceAll("\\", "")));
}

function missing(claims: readonly Claim[]): string[] {
  return claims.flatMap(({ number, tests }) =>
    tests.filter((proof) => {
      const { file, name } = testOf(proof);
      return !testNames(file).has(name);
    }).map((proof) => `${number}: ${proof}`)
  );
}

const LISTS: readonly [name: string, claims: readonly Claim[], length: number][] = [
  ["FAULTS", FAULTS, 37],
  ["ACCEPTANCE", ACCEPTANCE, 29],
];
for (const [name, claims, length] of LISTS) {
  test(`${name}: all numbers are there, each with tests that are there`, () => {
    assert.deepEqual(claims.map(({ number }) => number), Array.from({ length }, (_, i) => i + 1));
    assert.deepEqual(claims.filter(({ tests }) => tests.length === 0), []);
    assert.deepEqual(missing(claims), []);
  });
}

test("a test that is not there is found out", () => {
  const own = "conformance/acceptance/acceptance_test.ts: a test that is not there is found out";
  const claim = { number: 1, what: "", tests: [own, `${own}!`, "no/such_test.ts: x"] };
  assert.deepEqual(missing([claim]), [`1: ${own}!`, "1: no/such_test.ts: x"]);
  assert.throws(() => testOf("x"), /not FILE: NAME: x/);
});

test("every fault can be put in: its changes fit the code", () => {
  for (const { number, changes } of FAULTS) {
    assert.ok(changes.length > 0, `fault ${number}`);
    for (const change of changes) {
      const text = readFileSync(new URL(change.file, ROOT), "utf8");
      assert.notEqual(applyChange(text, change), text, `fault ${number}`);
    }
  }
});

test("a change that fits no place, or two, is an error", () => {
  const change = { file: "x.ts", find: "a$1", replace: "$&$$" };
  assert.equal(applyChange("-a$1-", change), "-$&$$-");
  assert.throws(() => applyChange("a$1a$1", change), /x\.ts: 2 places/);
  assert.throws(() => applyChange("a", change), /x\.ts: 0 places/);
});

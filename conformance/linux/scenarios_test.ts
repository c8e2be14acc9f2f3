import assert from "node:assert/strict";
import { test } from "node:test";
import { DEBIAN_ARCHES } from "../../guests/linux/architectures.ts";
import { RUNTIME_NAMES } from "./runtimes.ts";
import { allScenarios, ROOTS, type Scenario, SETUPS, someScenarios } from "./scenarios.ts";

/** How often each value of what `of` gives occurs. */
function count(scenarios: readonly Scenario[], of: (scenario: Scenario) => unknown): number {
  return new Set(scenarios.map(of)).size;
}

for (const arch of DEBIAN_ARCHES) {
  test(`${arch}: some scenarios are of all, each once`, () => {
    const some = someScenarios([arch], RUNTIME_NAMES).map((scenario) =>
      JSON.stringify(sorted(scenario))
    );
    const all = new Set(
      allScenarios([arch], RUNTIME_NAMES).map((scenario) => JSON.stringify(sorted(scenario))),
    );
    assert.equal(new Set(some).size, some.length);
    assert.deepEqual(some.filter((scenario) => !all.has(scenario)), []);
  });

  test(`${arch}: some scenarios have each kind, and each runtime with each form and number of vCPUs`, () => {
    const some = someScenarios([arch], RUNTIME_NAMES);
    assert.equal(count(some, ({ kind }) => kind), Object.keys(ROOTS).length);
    for (const kind of ["test", "login", "virtual", "shell"]) {
      const runtimes = count(
        some.filter((scenario) => scenario.kind === kind),
        ({ runtime }) => runtime,
      );
      assert.equal(runtimes, RUNTIME_NAMES.length, kind);
    }
    for (const name of RUNTIME_NAMES) {
      const shells = some.filter(({ kind, runtime }) => kind === "shell" && runtime === name);
      assert.equal(count(shells, ({ setup }) => setup), 2, name);
      assert.equal(count(shells, ({ cpus }) => cpus), 2, name);
    }
    const tests = some.filter(({ kind }) => kind === "test");
    assert.equal(count(tests, ({ kernel, setup }) => `${kernel} ${setup}`), 4);
  });
}

test("a log-in in each runtime, with each architecture", () => {
  const some = someScenarios(DEBIAN_ARCHES, RUNTIME_NAMES).filter(({ kind }) => kind === "login");
  assert.deepEqual(some.map(({ runtime }) => runtime), RUNTIME_NAMES);
  for (const cpus of [1, 4]) {
    const arches = count(
      some.filter((scenario) => scenario.cpus === cpus),
      ({ setup }) => SETUPS[setup].arch,
    );
    assert.equal(arches, DEBIAN_ARCHES.length, `${cpus} vCPUs`);
  }
});

function sorted({ runtime, kernel, setup, cpus, kind }: Scenario): unknown[] {
  return [runtime, kernel, setup, cpus, kind];
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOCK_DIALOGUE, clockFaults } from "./clock.ts";
import type { DialogueStep } from "./runtimes.ts";

const said = (first: string, second: string): string =>
  `/ # VML-CLOCK ${first}\r\n/ # PASSED\r\n/ # VML-CLOCK ${second}\r\n/ # `;

/** When the steps were typed. */
function moments(...seconds: number[]): Map<DialogueStep, number> {
  return new Map(CLOCK_DIALOGUE.map((step, i) => [step, seconds[i]]));
}

test("time that passes in the guest as here is right, with any delays of questions and answers", () => {
  assert.deepEqual(clockFaults(said("1.00", "5.00"), moments(10, 10, 14, 14)), []);
  // Asked 5 s before the answer came, twice.
  assert.deepEqual(clockFaults(said("1.00", "9.00"), moments(10, 15, 18, 23)), []);
  assert.deepEqual(clockFaults(said("6.00", "9.00"), moments(10, 15, 18, 23)), []);
});

test("a guest's clock that goes too fast or too slow is a fault", () => {
  const fault = (
    guest: string,
  ): string[] => [`${guest} s passed in the guest, 4.00 to 4.50 s here`];
  assert.deepEqual(
    clockFaults(said("1.00", "4.98"), moments(10, 10.25, 14.25, 14.5)),
    fault("3.98"),
  );
  assert.deepEqual(
    clockFaults(said("1.00", "5.52"), moments(10, 10.25, 14.25, 14.5)),
    fault("4.52"),
  );
});

test("a guest that does not answer is a fault", () => {
  assert.equal(clockFaults("/ # ", new Map()).length, 1);
  assert.equal(clockFaults(said("1.00", "5.00"), moments(10, 10, 14)).length, 1);
});

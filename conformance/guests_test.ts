/** The reference guests print here what they print on QEMU's board (suite/cases.ts). */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { CASES } from "./suite/cases.ts";
import { runSuite } from "./suite/run_suite.ts";
import { TRANSCRIPTS } from "./transcripts/mod.ts";

for (const guest of CASES) {
  test(`guest ${guest.name}: ${guest.title}`, async () => {
    const [{ problems, lines }] = await runSuite({ cases: [guest] });
    assert.deepEqual(problems, [], lines.join("\n"));
  });
}

test("a run in virtual time is the same run each time, with requests that need no disk", async () => {
  const cases = CASES.filter(({ name }) => name === "virtio-blk");
  const [first] = await runSuite({ cases });
  const [second] = await runSuite({ cases });
  const counts = ({ instructions, guestNanoseconds }: typeof first): number[] => [
    instructions,
    guestNanoseconds,
  ];
  assert.deepEqual(counts(second), counts(first));
});

test("every case has a name of its own, and every transcript a case", () => {
  const names = CASES.map(({ name }) => name).sort();
  assert.deepEqual(names, [...new Set(names)]);
  assert.deepEqual(Object.keys(TRANSCRIPTS).sort(), names);
  const files = readdirSync(new URL("transcripts/", import.meta.url))
    .filter((file) => file.endsWith(".json"));
  assert.deepEqual(files.sort(), names.map((name) => `${name}.json`).sort());
});

test("a case without QEMU and each difference from it give a reason", () => {
  for (const { name, qemu, differences = [] } of CASES) {
    const reasons = differences.map(({ reason }) => reason);
    if ("reason" in qemu) reasons.push(qemu.reason);
    for (const reason of reasons) assert.match(reason, /\w \w/, name);
  }
});

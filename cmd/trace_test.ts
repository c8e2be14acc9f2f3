import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { TestFolder, vml } from "./testing/program.ts";
import { HELLO } from "./testing/guests.ts";

const folder = new TestFolder();
after(() => folder.remove());
const RUN = ["run", "--virtual-time", "--memory", "16M", "--kernel", folder.file("hello", HELLO)];

test("--trace tells on standard error what the guest did", async () => {
  const { code, stdout, stderr } = await vml(...RUN, "--trace", "psci,vbus:full");
  assert.deepEqual([code, stdout], [0, "hi\n"]);
  const lines = stderr.trimEnd().split("\n");
  assert.match(
    lines[0],
    /^0\.0000\d+ vbus write device=pl011 address=0x9000000 size=\d value=0x68 /,
  );
  assert.match(lines.at(-1) ?? "", /^0\.0000\d+ psci call vcpu=0 function=0x84000008 /);
});

test("--trace-file: one JSON object per line, the same in each run of virtual time", async () => {
  const files = ["a.jsonl", "b.jsonl"].map((name) => join(folder.path, name));
  for (const file of files) {
    const { code, stderr } = await vml(...RUN, "--trace", "*", "--trace-file", file);
    assert.deepEqual([code, stderr], [0, ""]);
  }
  const [first, second] = files.map((file) => readFileSync(file, "utf8"));
  assert.equal(first, second);
  const events = first.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(events.some(({ component, event }) => component === "psci" && event === "call"));
});

test("what cannot be traced is refused by name", async () => {
  for (
    const [options, message] of [
      [["--trace", "gcc"], /--trace: "gcc" is not known; [^\n]*gic/],
      [["--trace", "gic:fully"], /--trace: "fully" is no level; [^\n]*full/],
      [["--trace-file", "x"], /--trace-file: nothing is traced/],
      [["--trace", "gic", "--trace-file", "/no/such/x"], /--trace-file: cannot write/],
    ] as const
  ) {
    const { code, stderr } = await vml(...RUN, ...options);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpioEntry, readCpio, writeCpio } from "./cpio.ts";

const ENTRIES: readonly CpioEntry[] = [
  { name: "dev", mode: 0o40755 },
  { name: "dev/console", mode: 0o20600, device: [5, 1] },
  { name: "init", mode: 0o100755, data: new TextEncoder().encode("#!/bin/sh\n") },
  { name: "bin/sh", mode: 0o120777, data: new TextEncoder().encode("busybox") },
];

test("entries come back as they were written", () => {
  assert.deepEqual(readCpio(writeCpio(ENTRIES)), ENTRIES);
  assert.deepEqual(readCpio(writeCpio([])), []);
});

test("headers are the 110 characters of newc, names and data padded to four bytes", () => {
  const bytes = writeCpio([ENTRIES[2]]);
  const text = new TextDecoder().decode(bytes);
  assert.equal(
    text.slice(0, 128),
    "070701" + "00000001" + "000081ed" + "00000000" + "00000000" + "00000001" + "00000000" +
      "0000000a" + "00000000" + "00000000" + "00000000" + "00000000" + "00000005" + "00000000" +
      "init\0" + "\0" + "#!/bin/sh\n\0\0",
  );
  assert.equal(bytes.length % 4, 0);
});

test("an archive cut anywhere is not read", () => {
  const bytes = writeCpio(ENTRIES);
  const trailerNameEnd = bytes.length - 2;
  for (let length = 0; length < trailerNameEnd - 1; length++) {
    assert.equal(readCpio(bytes.slice(0, length)), undefined, `length ${length}`);
  }
});

test("sizes without sense are refused", () => {
  for (const field of [6, 11]) {
    const bytes = writeCpio(ENTRIES);
    bytes.set(new TextEncoder().encode("fffffffc"), 6 + field * 8);
    assert.equal(readCpio(bytes), undefined);
  }
});

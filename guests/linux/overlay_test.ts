import assert from "node:assert/strict";
import { test } from "node:test";
import { readCpio, writeCpio } from "../../lib/boot/cpio.ts";
import { withScript } from "./overlay.ts";

test("the script's archive begins at a multiple of 512 bytes behind the first one", () => {
  const first = writeCpio([{ name: "init", mode: 0o100755, data: new Uint8Array(700) }]);
  const both = withScript(first, "echo hello\n", [{ name: "vml/file", mode: 0o100644 }]);
  assert.deepEqual(both.subarray(0, first.length), first);
  const start = Math.ceil(first.length / 512) * 512;
  assert.ok(both.subarray(first.length, start).every((byte) => byte === 0));
  const entries = readCpio(both.slice(start)) ?? [];
  assert.deepEqual(entries.map(({ name }) => name), ["vml", "vml/script", "vml/file"]);
  assert.equal(new TextDecoder().decode(entries[1].data), "echo hello\n");
});

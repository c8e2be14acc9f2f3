/**
 * Exceptions, translation, traps, exception returns, TLB maintenance, debug exceptions and interrupt
 * masking as a bare-metal guest sees them (guest/). What it prints must be what QEMU's virt board
 * prints (build.sh). Left out of the guest are cases where QEMU 7.2 departs from the architecture:
 * blocks at levels that have none, cache maintenance of unmapped addresses, the syndrome of MSR
 * DAIFSet at EL0, stack alignment.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Machine } from "../../lib/machine/machine.ts";

test("a guest that provokes exceptions prints what it prints on QEMU", async (t) => {
  const kernel = new Uint8Array(readFileSync(new URL("system.bin", import.meta.url)));
  const expected = readFileSync(new URL("expected.txt", import.meta.url), "utf8");
  const machine = await Machine.create({ kernel, memory: "128M", gic: 2, time: "virtual" });
  t.after(() => machine[Symbol.asyncDispose]());
  const decoder = new TextDecoder();
  let printed = "";
  machine.onSerial((bytes) => {
    printed += decoder.decode(bytes, { stream: true });
  });
  const { reason } = await machine.run();
  assert.equal(reason, "power-off");
  // Line by line: the first difference says more than both texts.
  const lines = expected.split("\n");
  printed.split("\n").forEach((text, i) => {
    assert.equal(
      text,
      lines[i],
      `line ${i + 1}, after ${lines.slice(Math.max(0, i - 3), i).join(" / ")}`,
    );
  });
  assert.equal(printed.length, expected.length);
});

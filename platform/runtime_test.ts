import assert from "node:assert/strict";
import test from "node:test";
import { hostPlatform } from "./host.ts";

test("the platform of this runtime is found", () => {
  const expected = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  assert.equal(hostPlatform().name, expected);
});

test("monotonic time is in whole nanoseconds and never goes back", () => {
  const { monotonic } = hostPlatform();
  let last = monotonic();
  const start = last;
  for (let i = 0; i < 1000 || last === start; i++) {
    const now = monotonic();
    assert.ok(Number.isSafeInteger(now) && now >= last);
    last = now;
  }
});

test("monotonic time is in nanoseconds, wall-clock time in seconds", async () => {
  const { monotonic, wallSeconds, after } = hostPlatform();
  const start = monotonic();
  await new Promise<void>((resolve) => after(20, resolve));
  // Timers may be a millisecond early by this clock.
  assert.ok(monotonic() - start >= 19e6);
  assert.ok(Math.abs(wallSeconds() - Date.now() / 1000) <= 1);
});

test("yield lets timers, and what came before it, run", async () => {
  const platform = hostPlatform();
  let timer = false;
  platform.after(0, () => {
    timer = true;
  });
  while (!timer) await platform.yield();
  assert.ok(timer);
});

test("a cancelled timer does not run", async () => {
  const platform = hostPlatform();
  let ran = false;
  const timer = platform.after(1, () => {
    ran = true;
  });
  timer.cancel();
  timer.cancel();
  await new Promise<void>((resolve) => platform.after(5, resolve));
  assert.equal(ran, false);
});

test("random fills shared and large arrays to the last byte", () => {
  const { random } = hostPlatform();
  const large = new Uint8Array(new SharedArrayBuffer(200_000));
  random(large);
  for (let at = 0; at < large.length; at += 50_000) {
    assert.ok(large.subarray(at, at + 64).some((byte) => byte !== 0), `at ${at}`);
  }
  assert.ok(large.subarray(-64).some((byte) => byte !== 0));
  random(new Uint8Array(0));
});

test("log lines below the level are dropped", () => {
  const lines: string[] = [];
  const { log } = hostPlatform({
    logLevel: "info",
    log: (level, component, message) => lines.push(`${level} ${component} ${message}`),
  });
  log("debug", "gic", "hidden");
  log("info", "gic", "shown");
  log("error", "mmu", "shown, too");
  assert.deepEqual(lines, ["info gic shown", "error mmu shown, too"]);
});

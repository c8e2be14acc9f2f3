import assert from "node:assert/strict";
import { test } from "node:test";
import { Frequency } from "./frequency.ts";

test("ticks and times agree to the nanosecond over 104 days", () => {
  for (const hertz of [1, 32768, 1_193_182, 3_579_545, 9_000_000]) {
    const frequency = new Frequency(hertz);
    assert.equal(frequency.ticks(1e9), hertz);
    assert.equal(frequency.time(hertz), 1e9);
    for (const start of [0, 1, 12345, hertz * 86400, hertz * 86400 * 103 + 1]) {
      for (let tick = start; tick < start + 100; tick++) {
        const time = frequency.time(tick);
        assert.equal(frequency.ticks(time), tick);
        if (time > 0) assert.ok(frequency.ticks(time - 1) < tick || tick === 0);
        // The exact quotient, rounded up.
        const exact = (BigInt(tick) * 1_000_000_000n + BigInt(hertz) - 1n) / BigInt(hertz);
        assert.equal(BigInt(time), exact);
      }
    }
  }
});

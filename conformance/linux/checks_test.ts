import assert from "node:assert/strict";
import { test } from "node:test";
import { endUptime, machineClockFaults } from "./checks.ts";

test("the machine's clock goes from its making to its end", () => {
  const faults = (machine: number, uptime?: number): number => {
    const statistics = { nanoseconds: machine * 1e9, resets: 0 };
    return machineClockFaults({ reason: "power-off", seconds: 10, statistics }, 20, uptime).length;
  };
  assert.equal(faults(10.5, 9), 0);
  // The host was busy while it started, or Linux while it counted ticks.
  assert.equal(faults(19.9, 2), 0);
  assert.equal(faults(9.9, 9), 1, "too slow");
  assert.equal(faults(20.1, 9), 1, "too fast");
  assert.equal(faults(10.5, 10.6), 1, "the guest's too fast");
  assert.equal(faults(10.5, endUptime("nothing")), 1, "the guest says nothing");
  assert.equal(faults(10.5, endUptime("VML-INFO end uptime=9.25\r\n")), 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../vbus/bus.ts";
import { ACPI_POWER_BYTES, AcpiPower } from "./acpi_power.ts";

function make() {
  const events: string[] = [];
  const power = new AcpiPower({
    powerOff: () => events.push("off"),
    reset: () => events.push("reset"),
  });
  const bus = new Bus();
  bus.register(power, 0x1000, ACPI_POWER_BYTES);
  return { power, bus, events };
}

test("S5 with SLP_EN powers off, the value of the FADT resets, nothing else acts", () => {
  const { bus, events } = make();
  for (let value = 0; value < 256; value++) {
    bus.write(0x1000, 1, value);
    // SLP_EN and type 5; reserved bits do not count.
    assert.equal(events.splice(0).includes("off"), (value & 0x3c) === 0x34, String(value));
    bus.write(0x1001, 1, value);
    assert.deepEqual(events, []);
    bus.write(0x1002, 1, value);
    assert.deepEqual(events.splice(0), value === 0x42 ? ["reset"] : []);
  }
});

test("registers read as zero: SLEEP_STATUS tells no wake", () => {
  const { bus } = make();
  const value = { low: 1, high: 0 };
  for (const at of [0x1000, 0x1001, 0x1002]) {
    bus.write(at, 1, 0x80);
    bus.read(at, 1, value);
    assert.equal(value.low, 0);
  }
});

test("a wide write reaches each register", () => {
  const { bus, events } = make();
  bus.write(0x1001, 2, 0x4200);
  bus.write(0x1000, 2, 0x4234);
  assert.deepEqual(events, ["reset", "off"]);
});

test("there is no state", () => {
  const { power } = make();
  power.restore(power.state());
  power.reset();
  power.shutdown();
  assert.throws(() => power.restore({}), TypeError);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { StolenTime } from "./stolen_time.ts";
import { makeFirmware } from "./testing/rig.ts";

const ADDRESS = 0x90a0000;

function make() {
  const clock = { time: 0, now: (): number => clock.time };
  const device = new StolenTime({ cpus: 2, address: ADDRESS, clock });
  const bus = new Bus();
  bus.register(device, 0, 0x10000);
  const value = { low: 0, high: 0 };
  const read = (offset: number, size: 1 | 2 | 4 | 8): number => {
    bus.read(offset, size, value);
    return value.high * 2 ** 32 + value.low;
  };
  return { clock, device, bus, read };
}

test("a vCPU that is ready and does not run loses time, one that waits does not", () => {
  const { clock, device, read } = make();
  device.begin(0);
  clock.time = 1000;
  device.end(0, true);
  device.begin(1);
  clock.time = 3500;
  device.end(1, false);
  device.begin(0);
  assert.deepEqual([read(8, 8), read(64 + 8, 8)], [2500, 0]);
  clock.time = 10_000;
  device.end(0, false);
  clock.time = 20_000;
  device.begin(1);
  device.begin(0);
  assert.deepEqual([device.stolen(0), device.stolen(1)], [2500, 0]);
});

test("the structure: revision and attributes 0, any size of access, zeros elsewhere, read-only", () => {
  const { clock, device, bus, read } = make();
  device.end(1, true);
  clock.time = 0x1234_5678_9abc;
  device.begin(1);
  assert.equal(read(64, 8), 0);
  assert.equal(read(72, 8), 0x1234_5678_9abc);
  const bytes = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => read(72 + n, 1));
  assert.deepEqual(bytes, [0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, 0, 0]);
  assert.equal(read(76, 2), 0x1234);
  for (const offset of [80, 128 + 8, 0xfff8]) assert.equal(read(offset, 8), 0);
  bus.write(72, 8, 1, 1);
  assert.equal(read(72, 8), 0x1234_5678_9abc);
});

test("the calls tell where each vCPU's structure is", () => {
  const { call, callAs } = makeFirmware({ stolenTimeAddress: ADDRESS });
  assert.deepEqual(call(0x80000001, 0xc5000020n), [0n]);
  assert.deepEqual(call(0xc5000020, 0xc5000021n), [0n]);
  assert.deepEqual(call(0xc5000020, 0xc5000020n), [0n]);
  assert.deepEqual(call(0xc5000020, 0xc5000022n), [-1n]);
  assert.deepEqual(callAs(3, 0xc5000021), [BigInt(ADDRESS + 3 * 64)]);
  const without = makeFirmware();
  assert.deepEqual(without.call(0x80000001, 0xc5000020n), [-1n]);
  assert.deepEqual(without.call(0xc5000021), [-1n]);
});

test("a vCPU that is off, waits or is suspended loses nothing", () => {
  const { firmware, callAs, states, time } = makeFirmware({ stolenTimeAddress: ADDRESS });
  const stolen = (): number => firmware.stolenTime?.stolen(0) ?? NaN;
  const lost = (end: () => void): number => {
    const before = stolen();
    firmware.begin(0);
    end();
    time.now += 5000;
    firmware.begin(0);
    return stolen() - before;
  };
  assert.equal(lost(() => firmware.end(0, false)), 5000);
  assert.equal(lost(() => firmware.end(0, true)), 0);
  const suspended = (): void => {
    callAs(0, 0xc4000001, 0n);
    firmware.end(0, false);
  };
  assert.equal(lost(suspended), 0);
  states[0] = "off";
  assert.equal(lost(() => firmware.end(0, false)), 0);
});

test("state and restore keep what was stolen; the time between is not", () => {
  const first = make();
  first.device.end(0, true);
  first.clock.time = 700;
  first.device.begin(0);
  first.device.end(0, true);
  const saved = structuredClone(first.device.state());
  const second = make();
  second.clock.time = 1e9;
  second.device.restore(saved);
  second.device.begin(0);
  assert.equal(second.read(8, 8), 700);
  assert.deepEqual(second.device.state(), saved);
  const negative = { stolen: new Uint8Array(new Float64Array([-1, 0]).buffer) };
  const refused: DeviceState[] = [null, {}, { stolen: new Uint8Array(8) }, negative];
  for (const bad of refused) assert.throws(() => second.device.restore(bad), TypeError);
  assert.deepEqual(second.device.state(), saved);
  second.device.reset();
  assert.equal(second.read(8, 8), 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus, type BusTrace } from "./bus.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "./device.ts";

/** Remembers what it was asked; reads give the offset unless `silent`. */
class Probe implements Device {
  readonly name: string;
  readonly log: string[];
  silent = false;
  refuse = false;

  constructor(name: string, log: string[] = []) {
    this.name = name;
    this.log = log;
  }

  access(access: BusAccess): AccessResult {
    const { write, offset, size, value, vcpu } = access;
    this.log.push(`${write ? "w" : "r"}${size}@${offset}=${value} cpu${vcpu}`);
    if (this.refuse) return AccessResult.refused;
    if (!write && !this.silent) access.value = 0x8877_6600 + offset;
    return AccessResult.ok;
  }

  reset(): void {
    this.log.push(`reset ${this.name}`);
  }

  shutdown(): void {
    this.log.push(`shutdown ${this.name}`);
  }

  state(): DeviceState {
    return null;
  }

  restore(): void {}
}

const access = (write: boolean, size: number, value = 0): BusAccess =>
  ({ write, offset: -1, size, value, vcpu: 3 }) as BusAccess;

test("register refuses empty, wrapping and overlapping ranges", () => {
  const bus = new Bus();
  assert.ok(bus.register(new Probe("a"), 0x1000, 0x100));
  for (
    const [address, bytes] of [
      [0x2000, 0],
      [0x2000, -1],
      [-1, 4],
      [0.5, 4],
      [NaN, 4],
      [2 ** 53 - 2, 4],
      [0xf80, 0x81],
      [0x10ff, 1],
      [0x1000, 0x100],
      [0x1010, 1],
      [0, 0x10000],
    ]
  ) {
    assert.equal(bus.register(new Probe("b"), address, bytes), false, `${address}+${bytes}`);
  }
  assert.ok(bus.register(new Probe("below"), 0xf80, 0x80));
  assert.ok(bus.register(new Probe("above"), 0x1100, 0x80));
  assert.deepEqual(bus.regions.map((region) => region.device.name), ["below", "a", "above"]);
});

test("an access that is not wholly inside one region finds no device", () => {
  const bus = new Bus();
  const device = new Probe("a");
  bus.register(device, 0x1000, 8);
  bus.register(new Probe("b", device.log), 0x1008, 8);
  for (const [address, size] of [[0xffe, 4], [0xfff, 1], [0x1006, 4], [0x100e, 4], [0x1010, 1]]) {
    assert.equal(bus.access(address, access(false, size)), AccessResult.noDevice);
  }
  for (const size of [0, -4, 3, 5, 8, 16, NaN, Infinity]) {
    assert.equal(bus.access(0x1000, access(false, size)), AccessResult.noDevice, `${size}`);
    // The same behind the cache of the last hit.
    assert.equal(bus.access(0x1000, access(true, 4)), AccessResult.ok);
    assert.equal(bus.access(0x1000, access(false, size)), AccessResult.noDevice, `${size}`);
    device.log.pop();
  }
  assert.deepEqual(device.log, []);
});

test("offsets count from the start of the region, the last hit does not leak to a neighbour", () => {
  const bus = new Bus();
  const log: string[] = [];
  bus.register(new Probe("a", log), 0x1000, 0x10);
  bus.register(new Probe("b", log), 0x1010, 0x10);
  const request = access(true, 4, 7);
  for (const address of [0x1000, 0x100c, 0x1010, 0x101c, 0x1004]) bus.access(address, request);
  assert.deepEqual(log, [0, 12, 0, 12, 4].map((offset) => `w4@${offset}=7 cpu3`));
  assert.ok(bus.unregister(0x1000));
  assert.equal(bus.access(0x1004, request), AccessResult.noDevice);
  assert.equal(bus.unregister(0x1000), false);
  assert.equal(bus.unregister(0x1011), false);
});

test("a read gives zero when the device sets nothing, and never more than its size", () => {
  const bus = new Bus();
  const device = new Probe("a");
  bus.register(device, 0, 0x10);
  device.silent = true;
  const stale = access(false, 4, 0xdead);
  assert.equal(bus.access(4, stale), AccessResult.ok);
  assert.equal(stale.value, 0);
  device.silent = false;
  const byte = access(false, 1);
  bus.access(4, byte);
  assert.equal(byte.value, 0x04);
  const half = access(false, 2);
  bus.access(4, half);
  assert.equal(half.value, 0x6604);
  const missing = access(false, 4, 0xdead);
  bus.access(0x100, missing);
  assert.equal(missing.value, 0);
  bus.access(0, access(true, 1, 0x1234));
  bus.access(0, access(true, 4, -1));
  assert.deepEqual(device.log.slice(-2), ["w1@0=52 cpu3", "w4@0=4294967295 cpu3"]);
});

test("eight bytes are two accesses of four, low half first, or none", () => {
  const bus = new Bus();
  const device = new Probe("a");
  bus.register(device, 0x1000, 0x10);
  const value = { low: 1, high: 1 };
  assert.equal(bus.read(0x1008, 8, value), AccessResult.ok);
  assert.deepEqual(value, { low: 0x8877_6608, high: 0x8877_660c });
  assert.equal(bus.write(0x1000, 8, 5, 6, 2), AccessResult.ok);
  assert.equal(bus.read(0x100c, 8, value), AccessResult.noDevice);
  assert.equal(bus.write(0x100c, 8, 1, 2), AccessResult.noDevice);
  assert.deepEqual(value, { low: 0, high: 0 });
  assert.equal(bus.read(0x1001, 2, value, 1), AccessResult.ok);
  assert.deepEqual(value, { low: 0x6601, high: 0 });
  assert.deepEqual(device.log, [
    "r4@8=0 cpu-1",
    "r4@12=0 cpu-1",
    "w4@0=5 cpu2",
    "w4@4=6 cpu2",
    "r2@1=0 cpu1",
  ]);
  device.refuse = true;
  assert.equal(bus.write(0x1000, 8, 5, 6), AccessResult.refused);
  assert.equal(device.log.length, 6);
});

test("devices are reset before interrupt controllers, each once", () => {
  const bus = new Bus();
  const log: string[] = [];
  const uart = new Probe("uart", log);
  const gic = new Probe("gic", log);
  bus.register(gic, 0x1000, 0x100, "interrupt-controller");
  bus.register(gic, 0x9000, 0x100, "interrupt-controller");
  bus.register(uart, 0x2000, 0x100);
  bus.register(uart, 0x3000, 0x100);
  bus.register(new Probe("rtc", log), 0x1100, 0x100);
  bus.reset();
  assert.deepEqual(log.splice(0), ["reset rtc", "reset uart", "reset gic"]);
  bus.shutdown();
  assert.deepEqual(log, ["shutdown gic", "shutdown rtc", "shutdown uart"]);
});

test("statistics count per device while switched on", () => {
  const bus = new Bus();
  const device = new Probe("a");
  bus.register(device, 0, 0x10);
  bus.register(device, 0x100, 0x10);
  bus.access(0, access(false, 4));
  bus.countAccesses(true);
  bus.access(0, access(false, 4));
  bus.access(0x100, access(true, 4));
  device.refuse = true;
  bus.access(0x100, access(true, 4));
  bus.access(0x200, access(true, 4));
  assert.deepEqual(bus.statistics, [{ device: "a", reads: 1, writes: 2, refused: 1 }]);
  bus.countAccesses(false);
  assert.deepEqual(bus.statistics, []);
});

test("tracing folds runs on one device", () => {
  const bus = new Bus();
  bus.register(new Probe("a"), 0, 0x10);
  bus.register(new Probe("b"), 0x10, 0x10);
  const lines: string[] = [];
  const sink = (t: BusTrace): void => {
    lines.push(`${t.device} ${t.write ? "w" : "r"} ${t.address}+${t.size} ${t.result} ${t.folded}`);
  };
  bus.trace(sink, { fold: true });
  for (const address of [0, 4, 8, 0x10, 0, 0x40, 0x44]) bus.access(address, access(true, 4));
  bus.trace(undefined);
  bus.access(0, access(true, 4));
  assert.deepEqual(lines, [
    "a w 0+4 0 0",
    "a w 8+4 0 2",
    "b w 16+4 0 0",
    "a w 0+4 0 0",
    "undefined w 64+4 2 0",
    "undefined w 68+4 2 1",
  ]);
  bus.trace(sink);
  lines.length = 0;
  bus.access(0, access(false, 2));
  bus.access(0, access(false, 2));
  assert.deepEqual(lines, ["a r 0+2 0 0", "a r 0+2 0 0"]);
});

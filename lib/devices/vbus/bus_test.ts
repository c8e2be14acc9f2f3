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
  assert.deepEqual(bus.statistics, [{
    device: "a",
    reads: 1,
    writes: 2,
    refused: 1,
    nanoseconds: 0,
  }]);
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

test("the time spent in a device is counted with a clock", () => {
  const bus = new Bus();
  let time = 0;
  bus.register(device("slow", () => time += 7), 0, 0x10);
  bus.countAccesses(true, () => time);
  bus.access(0, access(false, 4));
  bus.access(0, access(false, 4));
  assert.equal(bus.statistics[0].nanoseconds, 14);
});

/** A device that does something in each access. */
function device(name: string, act: (access: BusAccess) => void): Device {
  return {
    name,
    access(request): AccessResult {
      act(request);
      return AccessResult.ok;
    },
    reset: () => act(access(true, 4)),
    shutdown(): void {},
    state: () => null,
    restore(): void {},
  };
}

test("offsets are addresses on a bus with absolute ones", () => {
  const bus = new Bus({ absolute: true });
  const probe = new Probe("a");
  bus.register(probe, 0x1000, 0x10);
  bus.write(0x1004, 8, 1, 2);
  assert.deepEqual(probe.log, ["w4@4100=1 cpu-1", "w4@4104=2 cpu-1"]);
});

test("the space of I/O ports ends at 64 KiB", () => {
  const bus = new Bus({ space: "ports" });
  const probe = new Probe("uart");
  assert.ok(bus.register(probe, 0xfff8, 8));
  assert.equal(bus.register(probe, 0xfff0, 0x20), false);
  assert.equal(bus.register(probe, 0x10000, 1), false);
  assert.equal(bus.access(0xfffc, access(false, 4)), AccessResult.ok);
  assert.equal(bus.access(0xfffe, access(false, 4)), AccessResult.noDevice);
  assert.equal(bus.access(0x10000, access(false, 1)), AccessResult.noDevice);
});

test("a device that is taken out during its own access finishes it", () => {
  const bus = new Bus();
  const offsets: number[] = [];
  const leaving = device("leaving", ({ offset }) => {
    offsets.push(offset);
    bus.unregister(0x1000);
  });
  bus.register(leaving, 0x1000, 0x10);
  assert.equal(bus.write(0x1000, 8, 1, 2), AccessResult.ok);
  assert.deepEqual(offsets, [0, 4]);
  assert.equal(bus.write(0x1000, 4, 1), AccessResult.noDevice);
});

test("devices may come and go while the bus is walked or reset", () => {
  const bus = new Bus();
  const seen: string[] = [];
  const fickle = (name: string, at: number): Device =>
    device(name, () => {
      seen.push(name);
      bus.unregister(at);
      bus.register(device("new", () => seen.push("new")), at, 0x10);
      bus.unregister(0x2000);
    });
  for (const [name, at] of [["a", 0x1000], ["b", 0x2000], ["c", 0x3000]] as const) {
    bus.register(fickle(name, at), at, 0x10);
  }
  bus.reset();
  assert.deepEqual(seen, ["a", "b", "c"], "those that there were when the reset began");
  const walked: string[] = [];
  for (const region of bus.regions) {
    walked.push(region.device.name);
    bus.unregister(region.address);
  }
  assert.deepEqual(walked, ["new", "new"]);
  assert.equal(bus.regions.length, 0);
});

test("a device that uses the bus in its access disturbs neither access", () => {
  const bus = new Bus();
  const value = { low: 0, high: 0 };
  const written: number[] = [];
  const outer = device("outer", (request) => {
    const inner = { low: 0, high: 0 };
    bus.read(0x2000, 8, inner);
    bus.write(0x2000, 2, 0xffff);
    if (request.write) written.push(request.value);
    else request.value = inner.high;
  });
  bus.register(outer, 0x1000, 0x10);
  bus.register(new Probe("inner"), 0x2000, 0x10);
  assert.equal(bus.read(0x1000, 8, value), AccessResult.ok);
  assert.deepEqual(value, { low: 0x8877_6604, high: 0x8877_6604 });
  bus.write(0x1000, 8, 3, 4);
  assert.deepEqual(written, [3, 4]);
});

test("every device is found among a thousand, also when many share a place in the cache", () => {
  const bus = new Bus();
  const request = access(false, 4);
  let last = "";
  for (let i = 0; i < 1000; i++) {
    bus.register(device(`d${i}`, () => last = `d${i}`), i * 0x40000, 0x1000);
  }
  for (let i = 0; i < 3000; i++) {
    const at = (i * 7919) % 1000;
    assert.equal(bus.access(at * 0x40000 + 4, request), AccessResult.ok);
    assert.equal(last, `d${at}`);
    assert.equal(bus.access(at * 0x40000 + 0x1000, request), AccessResult.noDevice);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccessSize, DeviceState } from "../vbus/device.ts";
import { featureMask, VirtioFeature } from "./device.ts";
import { EmptyVirtioSlot } from "./empty_slot.ts";
import type { MockSplitQueue } from "./mock_split_queue.ts";
import { Register } from "./registers.ts";
import {
  ALL_FEATURES,
  type Bench,
  bench,
  type BenchOptions,
  EchoDevice,
  fuzzRegisters,
  generator,
  hostileRing,
  RAM_BASE,
} from "./testing/bench.ts";

const STATUS = 0x70, READY = 0x44, NUM_MAX = 0x34, SEL = 0x30, NUM = 0x38;

function make(requireVersion1 = true, more: BenchOptions = {}): Bench & { echo: EchoDevice } {
  const echo = new EchoDevice();
  return { ...bench(echo, 1 << 16, requireVersion1, more), echo };
}

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

test("an empty slot shows magic, version 2, device 0 and takes any write", () => {
  const slot = new EmptyVirtioSlot();
  const read = (offset: number, size: AccessSize): number => {
    const access = { write: false, offset, size, value: 0, vcpu: 0 };
    slot.access(access);
    return access.value;
  };
  const words = [0, 4, 8, 12, 0x10, 0x70, 0x100].map((offset) => read(offset, 4));
  assert.deepEqual(words, [0x74726976, 2, 0, 0x554d4551, 0, 0, 0]);
  assert.equal(read(0, 1), 0);
  fuzzRegisters(slot, generator(1), 500, 0x200);
});

// As QEMU 7.2 answers with force-legacy=false.
test("identification, selectors and accesses of other sizes", () => {
  const { driver } = make();
  assert.equal(driver.read(0), 0x74726976);
  assert.equal(driver.read(0, 1), 0);
  assert.equal(driver.read(0, 2), 0);
  assert.equal(driver.read(4), 2);
  assert.equal(driver.read(8), 42);
  assert.equal(driver.read(12), 0x554d4551);
  driver.write(0x14, 0);
  assert.equal(driver.read(0x10), 0x30000008);
  driver.write(0x14, 1);
  assert.equal(driver.read(0x10), 0x101);
  driver.write(0x14, 2);
  assert.equal(driver.read(0x10), 0);
  assert.equal(driver.read(0x14), 0);
  for (const shm of [0xb0, 0xb4, 0xb8, 0xbc]) assert.equal(driver.read(shm), 0xffffffff);
  assert.equal(driver.read(0xc0), 0);
});

test("a queue that does not exist has size 0 and does not show another one", () => {
  const { driver } = make();
  const sizes = [0, 1, 2, 3, 0xffffffff].map((index) => {
    driver.write(SEL, index);
    return driver.read(NUM_MAX);
  });
  assert.deepEqual(sizes, [8, 4, 0, 0, 0]);
  driver.write(SEL, 5);
  driver.write(READY, 1);
  driver.write(0x80, 0x1000);
  assert.equal(driver.read(READY), 0);
});

test("FEATURES_OK is refused for a bit that was not offered and without VERSION_1", () => {
  const { driver } = make();
  assert.equal(driver.negotiate(featureMask(32, 5)), false);
  assert.equal(driver.status, 3);
  assert.equal(driver.negotiate(featureMask(3)), false);
  assert.equal(driver.negotiate(featureMask(32)), true);
  assert.equal(driver.status, 0xb);
  assert.equal(make(false).driver.negotiate(featureMask(3)), true);
});

test("features are fixed after FEATURES_OK", () => {
  const { driver, echo } = make();
  driver.negotiate(featureMask(32));
  driver.write(0x24, 0);
  driver.write(0x20, 1 << 3);
  assert.equal(echo.transport.has(3), false);
  assert.equal(echo.transport.has(32), true);
});

test("the device is activated once, and only with features", () => {
  const { driver, echo } = make();
  driver.write(STATUS, 7);
  driver.write(0x50, 0);
  assert.deepEqual(echo.log, []);
  driver.negotiate();
  driver.start();
  driver.start();
  driver.write(STATUS, 4);
  assert.equal(driver.status, 0xf);
  assert.deepEqual(echo.log, ["reset", "activate"]);
});

test("notify needs an active device and a ready queue", () => {
  const { driver, echo } = make();
  driver.negotiate();
  driver.addQueue(0);
  driver.write(0x50, 0);
  driver.start();
  for (const index of [1, 2, 7, 0xffffffff]) driver.write(0x50, index);
  assert.deepEqual(echo.log, ["reset", "activate"]);
  driver.write(0x50, 0);
  assert.equal(echo.log.at(-1), "notify 0");
});

test("a request goes through, the line follows status and acknowledge", () => {
  const { driver, line } = make();
  driver.negotiate();
  const queue = driver.addQueue(0);
  driver.start();
  queue.add({ readable: [text("hel"), text("lo")], writable: [2, 6] });
  assert.equal(queue.kick(), true);
  assert.equal(line.level, true);
  assert.equal(driver.read(0x60), 1);
  driver.write(0x64, 2);
  assert.equal(line.level, true);
  driver.write(0x64, 1);
  assert.equal(line.level, false);
  const { written, data } = queue.poll()!;
  assert.equal(written, 5);
  assert.deepEqual(data, Uint8Array.of(...text("hello"), 0, 0, 0));
});

test("queue registers are fixed while the queue is ready", () => {
  const { driver, slot } = make();
  driver.negotiate();
  const queue = driver.addQueue(0, 4);
  driver.start();
  const before = JSON.stringify(slot.state());
  driver.write(NUM, 8);
  for (const register of [0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4]) driver.write(register, 0xfff0);
  assert.equal(JSON.stringify(slot.state()), before);
  queue.add({ readable: [text("x")], writable: [1] });
  queue.kick();
  assert.equal(queue.poll()!.written, 1);
});

test("rings that are misaligned, outside RAM or of a wrong size do not become ready", () => {
  const { driver, memory } = make();
  const end = RAM_BASE + memory.size;
  const ready = (size: number, desc: number, avail: number, used: number, high = 0): number => {
    driver.negotiate();
    driver.write(SEL, 0);
    driver.write(NUM, size);
    [desc, avail, used].forEach((address, i) => driver.write(0x80 + 16 * i, address));
    driver.write(0x94, high);
    driver.write(READY, 1);
    return driver.read(READY);
  };
  const [d, a, u] = [RAM_BASE, RAM_BASE + 0x1000, RAM_BASE + 0x2000];
  assert.equal(ready(8, d, a, u), 1);
  assert.equal(ready(8, end - 128, end - 22, end - 72), 1);
  assert.equal(ready(8, end - 112, a, u), 0);
  assert.equal(ready(8, d, end - 20, u), 0);
  assert.equal(ready(8, d, a, end - 68), 0);
  assert.equal(ready(8, d + 8, a, u), 0);
  assert.equal(ready(8, d, a + 1, u), 0);
  assert.equal(ready(8, d, a, u + 2), 0);
  assert.equal(ready(8, RAM_BASE - 16, a, u), 0);
  assert.equal(ready(8, d, a, u, 1), 0);
  assert.equal(ready(8, d, a, u, 0xffffffff), 0);
  assert.equal(ready(6, d, a, u), 0);
  assert.equal(ready(0, d, a, u), 0);
  assert.equal(ready(16, d, a, u), 1, "16 is too large and ignored: the size stays 8");
});

test("reset at any point returns everything to power-on state", () => {
  const steps: ((b: ReturnType<typeof make>) => void)[] = [
    ({ driver }) => driver.negotiate(),
    ({ driver }) => void driver.addQueue(0, 4),
    ({ driver }) => driver.start(),
    ({ driver }) => driver.write(0x50, 0),
    ({ echo }) => echo.transport.configChanged(),
    ({ echo }) => echo.transport.fail("test"),
  ];
  for (let count = 0; count <= steps.length; count++) {
    const b = make();
    const fresh = JSON.stringify(b.slot.state());
    for (const step of steps.slice(0, count)) step(b);
    const generation = b.driver.read(0xfc);
    b.driver.write(STATUS, 0);
    assert.equal(b.driver.status, 0);
    assert.equal(b.line.level, false);
    assert.equal(b.echo.log.at(-1), "reset");
    const { configGeneration, ...rest } = b.slot.state() as { [key: string]: DeviceState };
    assert.equal(configGeneration, generation);
    assert.equal(JSON.stringify({ ...rest, configGeneration: 0 }).length, fresh.length);
    b.slot.reset();
    assert.equal(JSON.stringify(b.slot.state()), fresh);
  }
});

test("a chain that is held across a reset is not returned", () => {
  const { driver, echo, memory } = make();
  driver.negotiate();
  const queue = driver.addQueue(1);
  driver.start();
  queue.add({ writable: [16] });
  const held = echo.transport.queue(1).pop()!;
  driver.write(STATUS, 0);
  assert.equal(echo.transport.queue(1).push(held, 16), false);
  assert.equal(memory.read32(queue.deviceArea), 0);
  // Nor to the driver that comes next.
  driver.negotiate();
  const next = driver.addQueue(1);
  driver.start();
  assert.equal(echo.transport.queue(1).held, 0);
  assert.equal(echo.transport.queue(1).push(held, 16), false);
  assert.equal(next.poll(), undefined);
});

test("QueueReady 0 takes a queue away and 1 gives it back from the start", () => {
  const { driver, echo } = make();
  driver.negotiate();
  const queue = driver.addQueue(1, 4);
  driver.start();
  queue.add({ writable: [16] });
  const held = echo.transport.queue(1).pop()!;
  driver.write(SEL, 1);
  driver.write(READY, 0);
  assert.equal(driver.read(READY), 0);
  assert.equal(echo.transport.queue(1).push(held, 1), false);
  assert.equal(echo.transport.queue(1).pop(), undefined);
  driver.write(READY, 1);
  assert.notEqual(echo.transport.queue(1).pop(), undefined);
});

test("configuration: byte granular, bounds, generation and interrupt bit 1", () => {
  const { driver, echo, line } = make();
  assert.equal(driver.read(0x100), 0x04030201);
  assert.equal(driver.read(0x101, 2), 0x0302);
  assert.equal(driver.read(0x104, 1), 5);
  assert.equal(driver.read(0x104), 0xffffffff);
  assert.equal(driver.read(0x105, 1), 0xff);
  driver.write(0x102, 7, 2);
  driver.write(0x104, 7, 4);
  assert.deepEqual(echo.log, ["config 2/2=7"]);
  echo.transport.configChanged();
  assert.equal(driver.read(0xfc), 1);
  assert.equal(line.level, false);
  driver.negotiate();
  driver.start();
  echo.transport.configChanged();
  assert.equal(driver.read(0xfc), 2);
  assert.equal(driver.acknowledge(), 2);
  assert.equal(line.level, false);
});

test("NEEDS_RESET: told by interrupt, nothing is served, reset heals", () => {
  const { driver, echo, failures } = make();
  driver.negotiate();
  const queue = driver.addQueue(0);
  driver.start();
  (queue as MockSplitQueue).offer(100);
  queue.kick();
  assert.deepEqual(failures, ["queue 0: head 100 is outside the descriptor table"]);
  assert.equal(driver.status, 0x4f);
  assert.equal(driver.acknowledge(), 2);
  const before = echo.log.length;
  driver.write(0x50, 0);
  driver.write(STATUS, 0xf);
  assert.equal(driver.status, 0x4f);
  assert.equal(echo.log.length, before);
  driver.negotiate();
  const again = driver.addQueue(0);
  driver.start();
  again.add({ readable: [text("x")], writable: [1] });
  again.kick();
  assert.equal(again.poll()!.written, 1);
});

test("a failure before DRIVER_OK shows in the status, without an interrupt", () => {
  const { driver, echo, line } = make();
  driver.negotiate();
  echo.transport.fail("test");
  assert.deepEqual([driver.status, driver.read(0x60), line.level], [0x4b, 0, false]);
});

test("the driver cannot set NEEDS_RESET", () => {
  const { driver } = make();
  driver.write(STATUS, 0x41);
  assert.equal(driver.status, 1);
});

test("work for later is dropped by a reset", () => {
  const { driver, echo, turn } = make();
  driver.negotiate();
  driver.start();
  let runs = 0;
  echo.transport.later(() => runs++);
  assert.equal(turn(), 1);
  assert.equal(runs, 1);
  echo.transport.later(() => runs++);
  driver.negotiate();
  driver.start();
  turn();
  assert.equal(runs, 1);
});

test("state and restore in the middle of work", () => {
  const first = make();
  first.driver.negotiate();
  const queue = first.driver.addQueue(0);
  first.driver.start();
  for (let i = 0; i < 3; i++) queue.add({ readable: [text("abc")], writable: [3] });
  queue.kick();
  queue.add({ readable: [text("later")], writable: [9] });
  const saved = structuredClone(first.slot.state());

  const second = make();
  second.memory.bytes.set(first.memory.bytes);
  second.slot.restore(saved);
  assert.equal(second.line.level, true);
  second.driver.write(0x50, 0);
  assert.equal(second.memory.read16(queue.deviceArea + 2), 4);
  assert.deepEqual(second.slot.restore(saved), undefined);
  const record = saved as { [key: string]: DeviceState };
  for (
    const bad of [null, {}, { ...record, queues: [] }, { ...record, status: 256 }, {
      ...record,
      queues: [
        { ...(record.queues as DeviceState[])[0] as object, areas: [0, 0, 0, 0, 0, 0] },
        (
          record.queues as DeviceState[]
        )[1],
      ],
    }] as DeviceState[]
  ) assert.throws(() => second.slot.restore(bad), TypeError);
  assert.equal(second.driver.status, 0, "a refused state leaves a reset device");
});

test("a state that no driver could have made is refused", () => {
  const first = make(true, { features: ALL_FEATURES });
  first.driver.negotiate();
  first.driver.addQueue(0);
  first.driver.start();
  const saved = first.slot.state() as { [key: string]: DeviceState };
  assert.throws(() => make().slot.restore(saved), /does not offer/);
  const { slot, driver } = make(true, { features: ALL_FEATURES });
  assert.throws(() => slot.restore({ ...saved, status: 3 }), TypeError);
  assert.throws(() => slot.restore({ ...saved, status: 0x4f }), /cannot be ready/);
  assert.throws(() => slot.restore({ ...saved, driverFeatures: [0, 0] }), /does not offer/);
  assert.equal(driver.status, 0);
  slot.restore(saved);
  assert.equal(driver.status, 0xf);
});

test("fuzz: registers at random", () => {
  const { slot, line, driver } = make();
  const random = generator(2024);
  for (let i = 0; i < 50; i++) {
    fuzzRegisters(slot, random, 400, 0x200);
    assert.equal(line.level, driver.read(0x60) !== 0);
  }
});

test("fuzz: hostile rings never leave RAM, throw or hang", () => {
  const b = make();
  hostileRing(b, generator(77), 2, 150);
  assert.ok(b.failures.length > 50, "the rings were not hostile");
  assert.ok(b.echo.transport.queue(0).statistics.returned > 20, "no ring was good");
});

test("EVENT_IDX and INDIRECT_DESC are offered to every device", () => {
  const { driver } = make();
  const bits = featureMask(VirtioFeature.EVENT_IDX, VirtioFeature.INDIRECT_DESC, 32);
  assert.equal(driver.offered() & bits, bits);
});

test("the legacy interface is not there", () => {
  const { driver, slot } = make();
  const before = JSON.stringify(slot.state());
  // GuestPageSize, QueueAlign, QueuePFN.
  for (const offset of [0x28, 0x3c, 0x40]) {
    driver.write(offset, 0x1000);
    assert.equal(driver.read(offset), 0);
  }
  assert.equal(JSON.stringify(slot.state()), before);
});

test("a queue does not become ready before FEATURES_OK, nor after a failure", () => {
  const { driver, echo } = make();
  driver.write(STATUS, 0);
  driver.write(STATUS, 3);
  assert.throws(() => driver.addQueue(0), /does not become ready/);
  driver.negotiate();
  driver.addQueue(0);
  echo.transport.fail("test");
  assert.equal(driver.read(READY), 0);
  assert.throws(() => driver.addQueue(0), /does not become ready/);
});

test("RING_RESET: one queue goes back to its defaults, the other lives on", () => {
  const { driver, echo, line, memory } = make();
  driver.negotiate();
  const other = driver.addQueue(0);
  const queue = driver.addQueue(1, 2);
  driver.start();
  queue.add({ writable: [16] });
  const held = echo.transport.queue(1).pop()!;
  driver.resetQueue(1);
  assert.equal(echo.log.at(-1), "stopped 1");
  assert.equal(echo.transport.queue(1).push(held, 16), false);
  echo.transport.queue(1).signal();
  assert.equal(line.level, false);
  assert.equal(memory.read16(queue.deviceArea + 2), 0);
  assert.equal(echo.transport.queue(1).size, 4);
  other.add({ readable: [text("x")], writable: [1] });
  other.kick();
  assert.equal(other.poll()!.written, 1);
  // The driver may set it up again, and otherwise.
  const again = driver.addQueue(1, 1);
  again.add({ writable: [4] });
  assert.equal(echo.transport.queue(1).pop()!.writableBytes, 4);
});

test("QueueReset does nothing without RING_RESET, for no queue, or with 0", () => {
  const { driver, echo } = make();
  driver.negotiate(featureMask(VirtioFeature.VERSION_1));
  driver.addQueue(1);
  driver.write(Register.QueueReset, 1);
  assert.equal(driver.read(READY), 1);
  driver.negotiate();
  driver.addQueue(1);
  driver.write(Register.QueueReset, 0);
  driver.write(SEL, 9);
  driver.write(Register.QueueReset, 1);
  driver.write(SEL, 1);
  assert.equal(driver.read(READY), 1);
  assert.ok(!echo.log.some((line) => line.startsWith("stopped")));
});

test("QueueReady 0 tells the device, once", () => {
  const { driver, echo } = make();
  driver.negotiate();
  driver.addQueue(0);
  driver.write(READY, 0);
  driver.write(READY, 0);
  assert.deepEqual(echo.log, ["reset", "stopped 0"]);
});

test("NOTIFICATION_DATA: the number of the queue is in the lower half", () => {
  const { driver, echo } = make(true, { features: ALL_FEATURES });
  driver.negotiate();
  driver.addQueue(0);
  const queue = driver.addQueue(1);
  driver.start();
  queue.add({ writable: [1] });
  queue.notify();
  assert.equal(echo.log.at(-1), "notify 1");
  driver.write(Register.QueueNotify, 0x1234_0000);
  assert.equal(echo.log.at(-1), "notify 0");
  const plain = make();
  plain.driver.negotiate();
  plain.driver.addQueue(0);
  plain.driver.start();
  plain.driver.write(Register.QueueNotify, 0x1234_0000);
  assert.equal(plain.echo.log.at(-1), "activate");
});

test("a slot offers what it is told to, and knows no other features", () => {
  assert.equal(make().driver.offered() & featureMask(VirtioFeature.RING_PACKED), 0n);
  const { driver } = make(true, { features: ALL_FEATURES });
  assert.equal(driver.offered(), ALL_FEATURES | featureMask(3));
  for (const bit of [3, 33, 37, 39, 41]) {
    assert.throws(() => make(true, { features: featureMask(bit) }), RangeError);
  }
});

test("packed queues may have any size, and take their areas in words", () => {
  const { driver } = make(true, { features: ALL_FEATURES });
  driver.negotiate();
  const end = RAM_BASE + (1 << 16);
  const ready = (size: number, desc: number, driverArea: number, deviceArea: number): number => {
    driver.negotiate();
    driver.write(SEL, 0);
    driver.write(NUM, size);
    [desc, driverArea, deviceArea].forEach((area, i) => driver.write(0x80 + 16 * i, area));
    driver.write(READY, 1);
    return driver.read(READY);
  };
  assert.equal(ready(5, RAM_BASE, RAM_BASE + 0x1000, RAM_BASE + 0x1004), 1);
  assert.equal(ready(8, end - 128, end - 132, end - 136), 1);
  assert.equal(ready(0, RAM_BASE, RAM_BASE, RAM_BASE), 0);
  assert.equal(ready(8, end - 112, RAM_BASE, RAM_BASE), 0);
  assert.equal(ready(8, RAM_BASE + 8, RAM_BASE, RAM_BASE), 0);
  assert.equal(ready(8, RAM_BASE, RAM_BASE + 2, RAM_BASE), 0);
  assert.equal(ready(8, RAM_BASE, RAM_BASE, RAM_BASE + 2), 0);
  assert.equal(ready(8, RAM_BASE, end, RAM_BASE), 0);
  assert.equal(ready(8, RAM_BASE, RAM_BASE, end - 2), 0);
});

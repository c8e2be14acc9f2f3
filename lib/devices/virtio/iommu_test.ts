import assert from "node:assert/strict";
import { test } from "node:test";
import { featureMask, VirtioFeature } from "./device.ts";
import { IoMappings, MAX_IO_MAPPINGS } from "./iommu.ts";
import {
  ALL_FEATURES,
  bench,
  EchoDevice,
  generator,
  hostileRing,
  RAM_BASE,
} from "./testing/bench.ts";

const rw = { read: true, write: true };
/** I/O address of the first byte of RAM in the tests with a device. */
const IO_BASE = 0x10_0000_0000;
const RAM_BYTES = 1 << 16;

test("a range is translated as a whole, over adjacent mappings too", () => {
  const io = new IoMappings();
  assert.equal(io.map({ address: 0x1000, length: 0x1000, target: 0x9000, ...rw }), true);
  assert.equal(io.map({ address: 0x2000, length: 0x1000, target: 0x5000, ...rw }), true);
  assert.equal(io.map({ address: 0x3000, length: 0x800, target: 0x6000, ...rw }), true);
  assert.deepEqual(io.translate(0x1010, 16, false), [{ address: 0x9010, length: 16 }]);
  assert.deepEqual(io.translate(0x1ff0, 0x20, true), [
    { address: 0x9ff0, length: 16 },
    { address: 0x5000, length: 16 },
  ]);
  // Adjacent on both sides: one piece.
  assert.deepEqual(io.translate(0x2ff0, 0x20, true), [{ address: 0x5ff0, length: 0x20 }]);
  assert.equal(io.translate(0xfff, 2, false), undefined);
  assert.equal(io.translate(0x3000, 0x801, false), undefined);
  assert.equal(io.translate(0x3800, 1, false), undefined);
  for (
    const [address, length] of [[0x1000, 0], [-1, 4], [0.5, 4], [2 ** 53, 4], [0x1000, 2 ** 53]]
  ) {
    assert.equal(io.translate(address, length, false), undefined);
  }
});

test("rights are checked for every byte", () => {
  const io = new IoMappings();
  io.map({ address: 0, length: 16, target: 0, read: true, write: false });
  io.map({ address: 16, length: 16, target: 16, ...rw });
  io.map({ address: 32, length: 16, target: 32, read: false, write: true });
  const may = (address: number, length: number, write: boolean): boolean =>
    io.translate(address, length, write) !== undefined;
  assert.deepEqual([may(0, 32, false), may(0, 32, true)], [true, false]);
  assert.deepEqual([may(16, 32, false), may(16, 32, true)], [false, true]);
  assert.deepEqual([may(15, 1, true), may(16, 1, true), may(32, 1, false)], [false, true, false]);
});

test("overlap and nonsense are refused, and nothing changes", () => {
  const io = new IoMappings();
  io.map({ address: 0x1000, length: 0x1000, target: 0, ...rw });
  const map = (address: number, length: number, target = 0): boolean =>
    io.map({ address, length, target, ...rw });
  assert.deepEqual(
    [map(0x1fff, 1), map(0x1000, 1), map(0, 0x1001), map(0, 0x10000), map(0x1800, 0x1000)],
    [false, false, false, false, false],
  );
  assert.deepEqual(
    [map(0, 0), map(-1, 2), map(2 ** 53, 1), map(0x8000, 1, -1), map(0x8000, NaN)],
    [false, false, false, false, false],
  );
  assert.equal(io.size, 1);
  assert.deepEqual([map(0, 0x1000), map(0x2000, 1)], [true, true]);
});

test("unmap removes whole mappings or nothing; both it and detach count as changes", () => {
  const io = new IoMappings();
  for (let i = 0; i < 4; i++) io.map({ address: 0x1000 * i, length: 0x1000, target: 0, ...rw });
  const before = io.generation;
  assert.equal(io.unmap(0x800, 0x1000), false);
  assert.equal(io.unmap(0x1000, 0x1800), false);
  assert.equal(io.unmap(0x9000, 0x1000), true);
  assert.deepEqual([io.size, io.generation], [4, before]);
  assert.equal(io.unmap(0x1000, 0x2000), true);
  assert.deepEqual([io.size, io.generation], [2, before + 1]);
  assert.equal(io.translate(0x1000, 1, false), undefined);
  assert.notEqual(io.translate(0x3000, 1, false), undefined);
  io.detach();
  assert.deepEqual([io.size, io.generation], [0, before + 2]);
});

test("the table has an end", () => {
  const io = new IoMappings();
  const list = Array.from({ length: MAX_IO_MAPPINGS }, (_, i) => ({
    address: i,
    length: 1,
    target: i,
    ...rw,
  }));
  io.restore(list);
  assert.equal(io.map({ address: MAX_IO_MAPPINGS, length: 1, target: 0, ...rw }), false);
  assert.equal(io.size, MAX_IO_MAPPINGS);
});

test("state and restore of mappings; a broken state changes nothing", () => {
  const io = new IoMappings();
  io.map({ address: 5, length: 7, target: 9, read: true, write: false });
  const saved = structuredClone(io.state());
  const other = new IoMappings();
  other.restore(saved);
  assert.deepEqual(other.state(), saved);
  const [one] = saved as object[];
  for (const bad of [null, [one, one], [{ ...one, length: 0 }], [{ ...one, read: 1 }], [3]]) {
    assert.throws(() => other.restore(bad as never), TypeError);
    assert.deepEqual(other.state(), saved);
  }
});

function behindIommu(features?: bigint) {
  const io = new IoMappings();
  // Scattered by pages, in reverse.
  const pages = RAM_BYTES / 0x1000;
  for (let i = 0; i < pages; i++) {
    const target = RAM_BASE + 0x1000 * (pages - 1 - i);
    io.map({ address: IO_BASE + 0x1000 * i, length: 0x1000, target, ...rw });
  }
  const toDevice = (address: number): number => {
    const page = Math.floor((address - RAM_BASE) / 0x1000);
    return IO_BASE + 0x1000 * (pages - 1 - page) + (address - RAM_BASE) % 0x1000;
  };
  const echo = new EchoDevice();
  const b = bench(echo, RAM_BYTES, true, {
    translator: io,
    driver: { toDevice },
    ...(features !== undefined && { features }),
  });
  return { ...b, io, echo };
}

test("ACCESS_PLATFORM is offered with a translator, and must be accepted then", () => {
  const { driver } = behindIommu();
  const feature = featureMask(VirtioFeature.ACCESS_PLATFORM);
  assert.equal(driver.offered() & feature, feature);
  assert.equal(driver.negotiate(driver.offered() & ~feature), false);
  assert.equal(driver.negotiate(), true);
  assert.equal(bench(new EchoDevice()).driver.offered() & feature, 0n);
});

for (const [format, features] of [["split", undefined], ["packed", ALL_FEATURES]] as const) {
  test(`rings, tables and buffers go through the translator: ${format}`, () => {
    const { driver, failures } = behindIommu(features);
    driver.negotiate();
    const queue = driver.addQueue(0);
    driver.start();
    const word = Uint8Array.of(1, 2, 3, 4, 5);
    for (const indirect of [false, true, false]) {
      queue.add({ readable: [word], writable: [2, 9], indirect });
      queue.kick();
      assert.deepEqual(queue.poll()?.data.subarray(0, 5), word);
    }
    assert.deepEqual(failures, []);
  });

  test(`a buffer without the right to it is refused: ${format}`, () => {
    const { driver, failures, io, memory } = behindIommu(features);
    driver.negotiate();
    const queue = driver.addQueue(0);
    driver.start();
    // The last page becomes read-only.
    driver.release(RAM_BASE + RAM_BYTES - 0x1000);
    io.unmap(IO_BASE, 0x1000);
    const target = RAM_BASE + RAM_BYTES - 0x1000;
    io.map({ address: IO_BASE, length: 0x1000, target, read: true, write: false });
    queue.add({ writable: [9] });
    queue.notify();
    assert.deepEqual(failures, ["queue 0: a buffer is not in RAM"]);
    assert.deepEqual(memory.slice(target, 9), new Uint8Array(9));
  });

  test(`detach takes rings and buffers away at once: ${format}`, () => {
    const { driver, failures, io, echo, memory } = behindIommu(features);
    driver.negotiate();
    const queue = driver.addQueue(1);
    driver.start();
    queue.add({ readable: [Uint8Array.of(7)], writable: [8] });
    const chain = echo.transport.queue(1).pop()!;
    io.detach();
    const before = memory.bytes.slice();
    assert.equal(chain.read(memory, 0, new Uint8Array(1)), 0);
    assert.equal(chain.write(memory, 0, Uint8Array.of(1, 2, 3)), 0);
    assert.equal(echo.transport.queue(1).push(chain, 3), false);
    assert.deepEqual(failures, ["queue 1: the ring is not mapped any more"]);
    assert.equal(driver.status & 0x40, 0x40);
    assert.deepEqual(memory.bytes, before);
  });
}

test("a copy ends at the first byte that is not mapped any more", () => {
  const { driver, io, echo, memory } = behindIommu();
  driver.negotiate();
  const queue = driver.addQueue(1);
  driver.start();
  // Two buffers on either side of the end of a page.
  driver.release(RAM_BASE + 0x5000 - 16);
  queue.add({ writable: [16, 16] });
  const chain = echo.transport.queue(1).pop()!;
  const page = (at: number): number => driver.toDevice(at);
  io.unmap(page(RAM_BASE + 0x4000), 0x1000);
  assert.equal(chain.write(memory, 0, new Uint8Array(32).fill(1)), 0);
  assert.equal(chain.written, 0);
  assert.deepEqual(memory.slice(RAM_BASE + 0x5000 - 16, 32), new Uint8Array(32));
  assert.equal(chain.write(memory, 16, new Uint8Array(16).fill(2)), 16);
});

test("a buffer whose second half is not mapped any more is not begun", () => {
  const { driver, io, echo, memory } = behindIommu();
  driver.negotiate();
  const queue = driver.addQueue(1);
  driver.start();
  // The second page is, for the device, where the first one ends.
  const [first, second] = [RAM_BASE + 0x6000, RAM_BASE + 0x5000];
  queue.add({ writable: [32] });
  memory.write32(queue.descriptors, driver.toDevice(first) + 0x1000 - 16);
  const chain = echo.transport.queue(1).pop()!;
  io.unmap(driver.toDevice(second), 0x1000);
  assert.equal(chain.write(memory, 0, new Uint8Array(32).fill(1)), 0);
  assert.equal(chain.written, 0);
  assert.deepEqual(memory.slice(first + 0x1000 - 16, 16), new Uint8Array(16));
});

test("unmapping other addresses does no harm, remapping the ring moves it", () => {
  const { driver, io, failures } = behindIommu();
  driver.negotiate();
  const queue = driver.addQueue(0);
  driver.start();
  io.unmap(IO_BASE, 0x1000);
  queue.add({ readable: [Uint8Array.of(7)], writable: [8] });
  queue.notify();
  assert.equal(queue.poll()?.data[0], 7);
  assert.deepEqual(failures, []);
});

test("a ring that is not contiguous in RAM does not become ready", () => {
  const { driver } = behindIommu();
  driver.negotiate();
  // 8 descriptors over the end of a page: mapped, but the next page is elsewhere.
  driver.release(RAM_BASE + 0x5000 - 64);
  assert.throws(() => driver.addQueue(0), /does not become ready/);
});

test("a ring is aligned where it is, and the device may write what it must", () => {
  const ready = (change: number, write: boolean): boolean => {
    const { driver, io } = behindIommu();
    const target = RAM_BASE + change;
    io.detach();
    io.map({ address: IO_BASE + 0xf000, length: 0x1000, target, read: true, write });
    driver.negotiate();
    try {
      driver.addQueue(0);
      return true;
    } catch {
      return false;
    }
  };
  assert.deepEqual(
    [ready(0, true), ready(8, true), ready(1, true), ready(0, false)],
    [true, false, false, false],
  );
});

test("a mapping to where there is no RAM leads nowhere", () => {
  const { driver, io, failures } = behindIommu();
  driver.negotiate();
  const queue = driver.addQueue(0);
  driver.start();
  io.unmap(IO_BASE, 0x1000);
  io.map({ address: IO_BASE, length: 0x1000, target: 0, ...rw });
  driver.release(RAM_BASE + RAM_BYTES - 0x1000);
  queue.add({ writable: [9] });
  queue.notify();
  assert.deepEqual(failures, ["queue 0: a buffer is not in RAM"]);
});

test("fuzz: hostile rings behind an IOMMU", () => {
  const b = behindIommu(ALL_FEATURES);
  hostileRing(b, generator(5), 1, 60);
  assert.ok(b.failures.length > 20);
});

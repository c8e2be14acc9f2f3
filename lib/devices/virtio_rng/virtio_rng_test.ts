import assert from "node:assert/strict";
import { test } from "node:test";
import { MockSplitQueue } from "../virtio/mock_split_queue.ts";
import { bench, fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import { MAX_ENTROPY_BYTES, VirtioRng } from "./virtio_rng.ts";

function make() {
  let next = 0;
  const device = new VirtioRng((into) => {
    for (let i = 0; i < into.length; i++) into[i] = ++next;
  });
  const b = bench(device);
  b.driver.negotiate();
  const queue = b.driver.addQueue(0);
  b.driver.start();
  return { ...b, device, queue };
}

test("fills buffers and says how far", () => {
  const { queue, line, device } = make();
  queue.add({ writable: [3, 2] });
  queue.add({ writable: [MAX_ENTROPY_BYTES + 100] });
  queue.kick();
  const first = queue.poll()!;
  assert.deepEqual([first.written, ...first.data], [5, 1, 2, 3, 4, 5]);
  const second = queue.poll()!;
  assert.equal(second.written, MAX_ENTROPY_BYTES);
  assert.deepEqual(second.data.subarray(MAX_ENTROPY_BYTES), new Uint8Array(100));
  assert.equal(line.level, true);
  assert.deepEqual(device.statistics, { requests: 2, bytes: 5 + MAX_ENTROPY_BYTES });
});

test("a driver that asks without end leaves the host its turn; nothing is left of what it got", () => {
  let ask = (): void => {};
  const device = new VirtioRng((into) => {
    assert.ok(into.every((byte) => byte === 0));
    into.fill(0xaa);
    ask();
  });
  const b = bench(device);
  b.driver.negotiate();
  const queue = b.driver.addQueue(0, 8);
  assert.ok(queue instanceof MockSplitQueue);
  b.driver.start();
  queue.writeDescriptor(0, b.driver.allocate(64), 64, 2, 0);
  // The driver, on another CPU, asks again as soon as it has an answer.
  ask = () => queue.offer(0);
  ask();
  queue.notify();
  assert.equal(device.statistics.requests, 8);
  b.turn();
  assert.equal(device.statistics.requests, 16);
  assert.deepEqual(b.failures, []);
});

test("a request without room needs a reset", () => {
  const { queue, driver, failures } = make();
  queue.add({ readable: [new Uint8Array(4)] });
  queue.kick();
  assert.equal(driver.status & 0x40, 0x40);
  assert.equal(failures.length, 1);
});

test("there is no configuration space", () => {
  const { driver } = make();
  assert.equal(driver.read(8), 4);
  assert.equal(driver.read(0x100), 0xffffffff);
  driver.write(0x100, 1);
});

test("a buffer that waited while the state was saved is served after restore", () => {
  const first = make();
  first.queue.add({ writable: [4] });
  const second = make();
  second.memory.bytes.set(first.memory.bytes);
  const saved = structuredClone(first.slot.state());
  second.slot.restore(saved);
  assert.deepEqual(second.slot.state(), saved, "nothing happens before the guest runs");
  second.turn();
  assert.equal(second.memory.read16(first.queue.deviceArea + 2), 1);
});

test("fuzz: registers and hostile rings", () => {
  const b = make();
  const random = generator(5);
  fuzzRegisters(b.slot, random, 3000, 0x200);
  hostileRing(b, random, 1, 150);
  assert.ok(b.failures.length > 30 && b.device.statistics.requests > 10);
});

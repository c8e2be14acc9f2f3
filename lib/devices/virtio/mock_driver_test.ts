import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "../../engine/guest_memory.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import { featureMask, VirtioFeature } from "./device.ts";
import { VirtioMmio } from "./mmio.ts";
import { MockDriver } from "./mock_driver.ts";
import { ALL_FEATURES, bench, EchoDevice, generator, RAM_BASE } from "./testing/bench.ts";

const { VERSION_1, INDIRECT_DESC, EVENT_IDX, RING_PACKED, IN_ORDER, NOTIFICATION_DATA } =
  VirtioFeature;

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

test("every combination of features carries requests of every shape, many times around the ring", () => {
  const random = generator(12);
  const bits = [INDIRECT_DESC, EVENT_IDX, RING_PACKED, IN_ORDER, NOTIFICATION_DATA];
  for (let choice = 0; choice < 1 << bits.length; choice++) {
    const features = bits.filter((_, i) => (choice >> i & 1) !== 0);
    const b = bench(new EchoDevice(), 1 << 18, true, { features: ALL_FEATURES });
    assert.equal(b.driver.negotiate(featureMask(VERSION_1, ...features)), true);
    const queue = b.driver.addQueue(0);
    b.driver.start();
    const mark = b.driver.mark();
    for (let round = 0; round < 60; round++) {
      const words: Uint8Array[] = [];
      while (queue.room >= 4 && words.length < 1 + random(4)) {
        const word = Uint8Array.from({ length: 2 + random(20) }, () => random(256));
        const cut = 1 + random(word.length - 1);
        const indirect = features.includes(INDIRECT_DESC) && random(2) === 0;
        words.push(word);
        const readable = [word.subarray(0, cut), word.subarray(cut)];
        queue.add({ readable, writable: [1 + random(10), 30], indirect });
      }
      queue.kick();
      const done = queue.pollAll();
      assert.deepEqual(
        done.map(({ data, written }) => [...data.subarray(0, written)]),
        words.map((word) => [...word]),
        `features ${features}, round ${round}`,
      );
      b.driver.release(mark);
    }
    assert.deepEqual([b.failures, queue.outstanding, queue.room], [[], 0, 8]);
  }
});

for (const [format, features] of [["split", 0n], ["packed", featureMask(RING_PACKED)]] as const) {
  const make = (more = 0n) => {
    const echo = new EchoDevice();
    const b = bench(echo, 1 << 16, true, { features: ALL_FEATURES });
    b.driver.negotiate(featureMask(VERSION_1, INDIRECT_DESC) | features | more);
    return { ...b, echo, queue: b.driver.addQueue(0, 4) };
  };

  test(`what there is no room for is refused, and nothing has changed: ${format}`, () => {
    const b = make();
    b.driver.start();
    b.queue.add({ writable: [1, 1, 1] });
    const before = b.memory.bytes.slice();
    const mark = b.driver.mark();
    assert.throws(() => b.queue.add({ writable: [1, 1] }), /the queue is full/);
    assert.throws(() => b.queue.add({}), /needs a buffer/);
    assert.throws(() => b.queue.add({ readable: [new Uint8Array(0)] }), /needs bytes/);
    assert.throws(() => b.queue.add({ writable: [0] }), /needs bytes/);
    assert.throws(() => b.queue.add({ writable: [NaN] }), /needs bytes/);
    const large = { writable: [1, 1 << 20], indirect: true };
    assert.throws(() => b.queue.add(large), /memory is used up/);
    assert.deepEqual([b.queue.outstanding, b.queue.room, b.driver.mark()], [1, 1, mark]);
    assert.deepEqual(b.memory.bytes, before);
    b.queue.add({ writable: [1, 1, 1, 1, 1], indirect: true });
    assert.equal(b.queue.room, 0);
    b.queue.kick();
    assert.equal(b.queue.pollAll().length, 2);
    assert.equal(b.queue.room, 4);
  });

  test(`with IN_ORDER one used entry can stand for all before it: ${format}`, () => {
    const b = make(featureMask(IN_ORDER));
    b.echo.notify = () => {};
    b.driver.start();
    const heads = [1, 2, 3].map((length) => b.queue.add({ writable: [length] }));
    // The device returns the third only, at the place of the first.
    if (format === "split") {
      b.memory.write32(b.queue.deviceArea + 4, heads[2]);
      b.memory.write32(b.queue.deviceArea + 8, 2);
      b.memory.write16(b.queue.deviceArea + 2, 3);
    } else {
      b.memory.write32(b.queue.descriptors + 8, 2);
      b.memory.write16(b.queue.descriptors + 12, heads[2]);
      b.memory.write16(b.queue.descriptors + 14, (1 << 7) | (1 << 15) | 2);
    }
    assert.deepEqual(b.queue.pollAll().map(({ head, written }) => [head, written]), [
      [heads[0], 1],
      [heads[1], 2],
      [heads[2], 2],
    ]);
    assert.equal(b.queue.room, 4);
  });

  test(`interrupts are switched by the driver: ${format}`, () => {
    for (const event of [0n, featureMask(EVENT_IDX)]) {
      const b = make(event);
      b.driver.start();
      const round = (): boolean => {
        b.queue.add({ readable: [text("x")], writable: [1] });
        b.queue.kick();
        assert.equal(b.queue.poll()?.written, 1);
        return b.driver.acknowledge() !== 0;
      };
      assert.equal(round(), true);
      b.queue.setInterrupts(false);
      assert.deepEqual([round(), round(), round(), round(), round()], Array(5).fill(false));
      b.queue.setInterrupts(true);
      assert.equal(round(), true);
    }
  });
}

test("a queue is set up once, and not without a device that takes it", () => {
  const { driver } = bench(new EchoDevice());
  assert.throws(() => driver.addQueue(0), /does not become ready/);
  driver.negotiate();
  driver.addQueue(0);
  assert.throws(() => driver.addQueue(0), /already/);
  driver.negotiate(featureMask(VERSION_1));
  driver.addQueue(0);
  assert.throws(() => driver.resetQueue(0), /is not reset/);
});

test("the driver keeps to its part of memory", () => {
  const memory = new GuestMemory(new Uint8Array(0x10000), RAM_BASE);
  const slot = new VirtioMmio(new EchoDevice(), { memory, irq: new LevelProbe() });
  const driver = new MockDriver(slot, memory, { base: RAM_BASE + 0x4000, length: 0x1000 });
  assert.equal(driver.allocate(16), RAM_BASE + 0x4000);
  assert.throws(() => driver.allocate(0x1000), /used up/);
  assert.equal(driver.allocate(0xff0), RAM_BASE + 0x4010);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { DescriptorChain } from "./chain.ts";
import { featureMask, VirtioFeature } from "./device.ts";
import type { MockQueue } from "./mock_queue.ts";
import { DEFAULT_TRANSPORT_FEATURES } from "./mmio.ts";
import { type Bench, bench, EchoDevice } from "./testing/bench.ts";
import { VirtQueue } from "./virt_queue.ts";

const { RING_PACKED, IN_ORDER } = VirtioFeature;
const FORMATS: readonly (readonly [string, bigint])[] = [
  ["split", 0n],
  ["packed", featureMask(RING_PACKED)],
  ["split, in order", featureMask(IN_ORDER)],
  ["packed, in order", featureMask(RING_PACKED, IN_ORDER)],
];

/** A device whose queue 1 is worked by the test. */
function make(
  features: bigint,
): Bench & { device: VirtQueue; ring: MockQueue; queue: MockQueue; echo: EchoDevice } {
  const echo = new EchoDevice();
  const b = bench(echo, 1 << 16, true, { features: DEFAULT_TRANSPORT_FEATURES | features });
  b.driver.negotiate();
  const ring = b.driver.addQueue(0);
  const queue = b.driver.addQueue(1);
  b.driver.start();
  return { ...b, ring, queue, echo, device: echo.transport.queue(1) };
}

for (const [format, features] of FORMATS) {
  const inOrder = format.includes("in order");

  test(`chains may end in any order; with IN_ORDER the driver sees the order of taking: ${format}`, () => {
    const { device, queue } = make(features);
    const heads = [1, 2, 3, 4].map((length) => queue.add({ writable: [length] }));
    const chains = heads.map(() => device.pop()!);
    const order = [2, 0, 3, 1];
    const seen: number[][] = [];
    for (const i of order) {
      assert.equal(device.push(chains[i], i + 1), true);
      assert.equal(device.push(chains[i], i + 1), false, "a second time");
      device.signal();
      seen.push(queue.pollAll().map(({ head, written }) => heads.indexOf(head) * 10 + written));
    }
    assert.deepEqual(seen, inOrder ? [[], [1], [], [12, 23, 34]] : [[23], [1], [34], [12]]);
    assert.equal(device.held, 0);
  });

  test(`used length: what was written, never more than the room for it: ${format}`, () => {
    const { device, queue } = make(features);
    for (const written of [0, 1, 5, 6, 2 ** 32 - 1, -1]) {
      queue.add({ readable: [Uint8Array.of(1)], writable: [3, 2] });
      device.push(device.pop()!, written);
      assert.equal(queue.poll()!.written, Math.max(0, Math.min(written, 5)));
    }
  });

  test(`the chain knows its used length: the written prefix, rewritten shorter or with gaps: ${format}`, () => {
    const { device, queue, memory } = make(features);
    const used = (...writes: [number, number][]): number => {
      queue.add({ writable: [20, 20] });
      const chain = device.pop()!;
      for (const [offset, bytes] of writes) chain.write(memory, offset, new Uint8Array(bytes));
      device.push(chain);
      return queue.poll()!.written;
    };
    assert.equal(used(), 0);
    assert.equal(used([0, 30]), 30);
    assert.equal(used([0, 30], [0, 4]), 30, "shorter");
    assert.equal(used([0, 30], [5, 10]), 30, "inside");
    assert.equal(used([0, 10], [10, 12]), 22, "behind");
    assert.equal(used([0, 10], [11, 5]), 10, "behind a gap");
    assert.equal(used([39, 1]), 0, "the end only");
    assert.equal(used([30, 100]), 0);
    assert.equal(used([0, 100]), 40, "more than there is room for");
  });

  test(`chains in flight survive state and restore: ${format}`, () => {
    const first = make(features);
    const send = (text: string): number =>
      first.queue.add({ readable: [Uint8Array.from(text, (c) => c.charCodeAt(0))], writable: [8] });
    // Around the ring first, so that positions and wrap counters are not those of a fresh queue.
    for (let i = 0; i < 3; i++) {
      send("ab");
      first.device.push(first.device.pop()!, 1);
      first.queue.pollAll();
    }
    const heads = [send("one"), send("two")];
    const [one, two] = [first.device.pop()!, first.device.pop()!];
    first.device.push(two, 2);
    first.device.signal();
    const saved = JSON.parse(JSON.stringify(first.slot.state())) as DeviceState;

    // Later writes by the driver to the ring are not seen: the chain itself is saved.
    const second = make(features);
    second.memory.bytes.set(first.memory.bytes);
    second.slot.restore(saved);
    assert.deepEqual(second.slot.state(), saved);
    const queue = second.echo.transport.queue(1);
    assert.equal(queue.held, 1);
    assert.equal(queue.retake(heads[1]), undefined, "it was returned");
    const again = queue.retake(heads[0])!;
    assert.equal(queue.retake(heads[0]), undefined, "it is given once");
    assert.deepEqual([again.addresses, again.lengths], [one.addresses, one.lengths]);
    const bytes = new Uint8Array(3);
    again.read(second.memory, 0, bytes);
    assert.equal(String.fromCharCode(...bytes), "one");
    again.write(second.memory, 0, Uint8Array.of(9, 8, 7));
    assert.equal(queue.push(again, 3), true);
    assert.equal(queue.held, 0);

    // The driver, whose memory is the second machine's now, goes on.
    first.memory.bytes.set(second.memory.bytes);
    const done = first.queue.pollAll().map(({ head, written }) => [heads.indexOf(head), written]);
    assert.deepEqual(done, inOrder ? [[0, 3], [1, 2]] : [[1, 2], [0, 3]]);
    send("next");
    second.memory.bytes.set(first.memory.bytes);
    assert.equal(queue.pop()!.readableBytes, 4);
  });

  test(`an interrupt that is due when the state is saved still comes: ${format}`, () => {
    const first = make(features);
    const send = (): number => first.queue.add({ writable: [1] });
    send();
    first.device.push(first.device.pop()!, 1);
    const second = make(features);
    second.memory.bytes.set(first.memory.bytes);
    second.slot.restore(first.slot.state());
    assert.equal(second.line.level, false);
    second.echo.transport.queue(1).signal();
    assert.equal(second.line.level, true);
    second.driver.acknowledge();
    second.echo.transport.queue(1).signal();
    assert.equal(second.line.level, false, "once");
  });

  test(`a state with an impossible chain is refused: ${format}`, () => {
    const b = make(features);
    b.queue.add({ readable: [Uint8Array.of(1)], writable: [4] });
    b.device.pop();
    const state = b.device.state() as { readonly [key: string]: DeviceState };
    const [held] = state.held as { readonly chain: { readonly [key: string]: DeviceState } }[];
    const chain = (change: object): DeviceState => ({
      ...state,
      held: [{ ...held, chain: { ...held.chain, ...change } }],
    });
    assert.doesNotThrow(() => b.device.restore(chain({})));
    const bad: DeviceState[] = [
      chain({ addresses: [0, b.memory.base] }),
      chain({ addresses: [b.memory.base], lengths: [0], readable: 1 }),
      chain({ addresses: [], lengths: [], readable: 0 }),
      chain({ lengths: [1] }),
      chain({ lengths: [0, 4] }),
      chain({ readable: 3 }),
      chain({ slots: 0 }),
      chain({ slots: 1000 }),
      chain({ head: 65536 }),
      chain({ written: 5 }),
      { ...state, held: Array(9).fill(held) },
      { ...state, held: [{ ...held, written: -2 }] },
      { ...state, ring: {} },
      { ...state, size: 5000 },
    ];
    for (const [i, value] of bad.entries()) {
      assert.throws(() => b.device.restore(value), TypeError, `${i}`);
    }
  });

  test(`a chain object that is still on its way is not used again: ${format}`, () => {
    const { device, queue } = make(features);
    queue.add({ writable: [1] });
    queue.add({ writable: [2] });
    const mine = new DescriptorChain();
    assert.equal(device.pop(mine), mine);
    const other = device.pop(mine)!;
    assert.notEqual(other, mine);
    assert.deepEqual([mine.writableBytes, other.writableBytes], [1, 2]);
  });

  test(`notifications are not lost over many requests: ${format}`, () => {
    const { driver, ring, echo } = make(features);
    let lost = 0;
    const mark = driver.mark();
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j <= i % 3; j++) ring.add({ readable: [Uint8Array.of(i)], writable: [1] });
      const before = echo.log.length;
      ring.kick();
      if (echo.log.length === before) lost++;
      assert.equal(ring.pollAll().length, 1 + i % 3, `round ${i}`);
      driver.release(mark);
    }
    assert.deepEqual([lost, ring.outstanding], [0, 0]);
  });
}

test("a queue has 1 to 32768 entries, a power of two", () => {
  const { memory } = make(0n);
  const host = { memory, interrupt: () => {}, fail: () => {} };
  for (const size of [0, 3, 65536, 1.5]) {
    assert.throws(() => new VirtQueue(0, size, host), RangeError);
  }
  assert.equal(new VirtQueue(0, 32768, host).maxSize, 32768);
  const queue = new VirtQueue(0, 4, host);
  queue.areas.set([memory.base, 0, memory.base + 0x1000, 0, memory.base + 0x2000, 0]);
  queue.size = 8;
  assert.equal(queue.enable(), false, "more than it can");
  queue.size = 4;
  assert.equal(queue.enable(), true);
});

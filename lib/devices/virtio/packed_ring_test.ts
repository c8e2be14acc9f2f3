import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "../../engine/guest_memory.ts";
import type { DescriptorChain } from "./chain.ts";
import { RAM_BASE } from "./testing/bench.ts";
import { VirtQueue } from "./virt_queue.ts";

const NEXT = 1, WRITE = 2, INDIRECT = 4, AVAIL = 1 << 7, USED = 1 << 15;
const RING = RAM_BASE, DRIVER = RAM_BASE + 0x1000, DEVICE = RAM_BASE + 0x1010;
const TABLE = RAM_BASE + 0x3000;
const BUFFER = RAM_BASE + 0x8000;
const END = RAM_BASE + 0x10000;
/** Not a power of two: positions wrap by comparison. */
const SIZE = 6;

interface Options {
  readonly eventIndex?: boolean;
  readonly indirect?: boolean;
}

function make({ eventIndex = false, indirect = true }: Options = {}) {
  const memory = new GuestMemory(new Uint8Array(0x10000), RAM_BASE);
  const failures: string[] = [];
  const counts = { interrupts: 0 };
  const queue: VirtQueue = new VirtQueue(0, 16, {
    memory,
    interrupt: () => counts.interrupts++,
    fail: (reason) => failures.push(reason.replace("queue 0: ", "")),
  });
  queue.size = SIZE;
  queue.areas.set([RING, 0, DRIVER, 0, DEVICE, 0]);
  queue.negotiate({ packed: true, inOrder: false, eventIndex, indirect });
  assert.equal(queue.enable(), true);
  const write = (at: number, address: number, length: number, id: number, flags: number): void => {
    memory.write32(at, address % 2 ** 32);
    memory.write32(at + 4, Math.floor(address / 2 ** 32));
    memory.write32(at + 8, length);
    memory.write16(at + 12, id);
    memory.write16(at + 14, flags);
  };
  let position = 0, wrap = true;
  /** The next descriptor, available. */
  const offer = (flags: number, id = 0, address = BUFFER, length = 16): void => {
    write(RING + 16 * position, address, length, id, flags | (wrap ? AVAIL : USED));
    if (++position === SIZE) [position, wrap] = [0, !wrap];
  };
  const entry = (i: number, flags: number, address = BUFFER, length = 4, id = 0): void =>
    write(TABLE + 16 * i, address, length, id, flags);
  const used = (i: number): number[] => [
    memory.read32(RING + 16 * i + 8)!,
    memory.read16(RING + 16 * i + 12)!,
    memory.read16(RING + 16 * i + 14)!,
  ];
  return { memory, queue, failures, counts, offer, entry, used };
}

type Bench = ReturnType<typeof make>;

/** What `prepare` offers must be refused for `reason`. */
function refused(reason: string, prepare: (b: Bench) => void, options?: Options): void {
  const b = make(options);
  prepare(b);
  assert.equal(b.queue.pop(), undefined);
  assert.deepEqual(b.failures, [reason]);
  assert.deepEqual([b.queue.held, b.queue.ready], [0, false]);
}

test("packed: a list of buffers, its id in the last descriptor", () => {
  const { queue, offer, used } = make();
  assert.equal(queue.pop(), undefined);
  offer(NEXT, 1, BUFFER, 1);
  offer(NEXT | WRITE, 2, BUFFER + 1, 2);
  offer(WRITE, 33, BUFFER + 3, 3);
  const chain = queue.pop()!;
  assert.deepEqual(
    [chain.head, chain.slots, chain.readable, chain.readableBytes, chain.writableBytes],
    [33, 3, 1, 1, 5],
  );
  assert.deepEqual(chain.addresses, [BUFFER, BUFFER + 1, BUFFER + 3]);
  assert.equal(queue.pop(), undefined);
  assert.equal(queue.push(chain, 4), true);
  assert.deepEqual(used(0), [4, 33, AVAIL | USED | WRITE]);
  offer(0, 7);
  const next = queue.pop()!;
  queue.push(next, 0);
  // Behind the three that the list took; nothing was written, so the length does not count.
  assert.deepEqual(used(3), [0, 7, AVAIL | USED]);
});

test("packed: chains come back in any order, used entries do not", () => {
  const { queue, offer, used } = make();
  offer(NEXT | WRITE, 0);
  offer(WRITE, 5);
  offer(WRITE, 6);
  const [first, second] = [queue.pop()!, queue.pop()!];
  queue.push(second, 1);
  queue.push(first, 2);
  assert.deepEqual(used(0).slice(0, 2), [1, 6]);
  assert.deepEqual(used(1).slice(0, 2), [2, 5]);
});

test("packed: wrap counters turn over at the end of the ring", () => {
  const { queue, offer, used, failures } = make();
  for (let i = 0; i < 50; i++) {
    const slots = 1 + i % 4;
    for (let j = 1; j < slots; j++) offer(NEXT | WRITE);
    offer(WRITE, i);
    const chain = queue.pop()!;
    assert.deepEqual([chain.head, chain.slots], [i, slots], `request ${i}`);
    assert.equal(queue.hasNext(), false);
    queue.push(chain, 1);
  }
  assert.deepEqual(failures, []);
  // 123 entries: 20 laps and 3; the last request took 2.
  assert.deepEqual(used(1), [1, 49, AVAIL | USED | WRITE]);
});

test("packed: used entries of an odd lap have both flags clear", () => {
  const { queue, offer, used } = make();
  for (let i = 0; i < SIZE + 1; i++) {
    offer(WRITE, i);
    queue.push(queue.pop()!, 2);
  }
  assert.deepEqual(used(0), [2, SIZE, WRITE]);
  assert.deepEqual(used(1), [2, 1, AVAIL | USED | WRITE]);
});

test("packed: an indirect table is all of its entries, NEXT and ids in it mean nothing", () => {
  const { queue, offer, entry } = make();
  entry(0, 0, BUFFER, 1, 99);
  entry(1, NEXT, BUFFER + 1, 2, 99);
  entry(2, WRITE, BUFFER + 3, 3, 99);
  offer(INDIRECT | WRITE, 4, TABLE, 48);
  const chain = queue.pop()!;
  assert.deepEqual([chain.head, chain.slots, chain.readable], [4, 1, 2]);
  assert.deepEqual(chain.lengths, [1, 2, 3]);
});

test("packed: the walker refuses what breaks the rules", () => {
  refused("a buffer is not in RAM", ({ offer }) => offer(0, 0, END - 15, 16));
  refused("a buffer is not in RAM", ({ offer }) => offer(0, 0, RAM_BASE - 1, 16));
  refused("a buffer is not in RAM", ({ offer }) => offer(0, 0, BUFFER + 2 ** 32, 16));
  refused("a buffer is not in RAM", ({ offer }) => offer(0, 0, BUFFER, 0xffffffff));
  refused("a buffer has no bytes", ({ offer }) => offer(WRITE, 0, BUFFER, 0));
  refused("a readable buffer after a writable one", ({ offer }) => {
    offer(WRITE | NEXT);
    offer(0);
  });
  refused("a chain that loops", ({ offer }) => {
    for (let i = 0; i < SIZE; i++) offer(NEXT);
  });
  const table = (b: Bench, length: number, flags = INDIRECT, at = TABLE): void => {
    b.entry(0, 0);
    b.offer(flags, 0, at, length);
  };
  refused("an indirect table without the feature", (b) => table(b, 16), { indirect: false });
  refused("an indirect table with half an entry", (b) => table(b, 24));
  refused("an indirect table without entries", (b) => table(b, 0));
  refused("an indirect table is not in RAM", (b) => table(b, 32, INDIRECT, END - 16));
  refused("an indirect table with a successor", (b) => table(b, 16, INDIRECT | NEXT));
  refused("an indirect table inside an indirect table", (b) => {
    b.entry(0, INDIRECT, TABLE, 16);
    b.offer(INDIRECT, 0, TABLE, 16);
  });
  refused("a chain of too many buffers", (b) => {
    for (let i = 0; i < 1025; i++) b.entry(i, 0);
    b.offer(INDIRECT, 0, TABLE, 16 * 1025);
  });
});

test("packed: the driver cannot have more entries in flight than the ring has", () => {
  const { queue, offer, failures } = make();
  for (let i = 0; i < SIZE; i++) offer(WRITE, i);
  for (let i = 0; i < SIZE; i++) assert.notEqual(queue.pop(), undefined);
  offer(WRITE, 9);
  assert.equal(queue.pop(), undefined);
  assert.deepEqual(failures, ["more buffers than the queue has"]);
  const long = make();
  for (let i = 0; i < SIZE - 1; i++) long.offer(WRITE, i);
  for (let i = 0; i < SIZE - 1; i++) assert.notEqual(long.queue.pop(), undefined);
  long.offer(NEXT, 9);
  long.offer(0, 9);
  assert.equal(long.queue.pop(), undefined);
  assert.deepEqual(long.failures, ["a chain that loops"]);
});

test("packed: every descriptor field is read once", () => {
  const { queue, offer, entry } = make();
  entry(0, WRITE);
  offer(NEXT, 0);
  offer(INDIRECT, 0, TABLE, 16);
  const reads: number[] = [];
  const { getUint32, getUint16 } = DataView.prototype;
  const { load } = Atomics;
  const note = (at: number): void => {
    if (at < 0x1000 || (at >= 0x3000 && at < 0x8000)) reads.push(at);
  };
  DataView.prototype.getUint32 = function (offset: number, little?: boolean): number {
    note(this.byteOffset + offset);
    return getUint32.call(this, offset, little);
  };
  DataView.prototype.getUint16 = function (offset: number, little?: boolean): number {
    note(this.byteOffset + offset);
    return getUint16.call(this, offset, little);
  };
  Object.assign(Atomics, {
    load(array: Uint16Array, index: number): number {
      note(array.byteOffset + array.BYTES_PER_ELEMENT * index);
      return load(array, index);
    },
  });
  let chain: DescriptorChain | undefined;
  try {
    chain = queue.pop();
  } finally {
    Object.assign(DataView.prototype, { getUint32, getUint16 });
    Object.assign(Atomics, { load });
  }
  assert.equal(chain?.count, 2);
  // The flags of the head come first. Ids of lists and of tables are not looked at, but the last.
  assert.deepEqual(reads[0], 14);
  assert.deepEqual(reads.toSorted((a, b) => a - b), [
    ...[0, 4, 8, 12, 14, 16, 20, 24, 28, 30],
    ...[0x3000, 0x3004, 0x3008, 0x300e],
  ]);
});

test("packed: interrupts follow the flags of the driver", () => {
  const { queue, offer, counts, memory } = make();
  const round = (flags: number): number => {
    memory.write16(DRIVER + 2, flags);
    offer(WRITE);
    queue.push(queue.pop()!, 1);
    const before = counts.interrupts;
    queue.signal();
    queue.signal();
    return counts.interrupts - before;
  };
  // 2 is for the event index only, 3 is reserved: better one interrupt too many.
  assert.deepEqual([0, 1, 0, 2, 3].map(round), [1, 0, 1, 1, 1]);
  assert.deepEqual([queue.statistics.interrupts, queue.statistics.suppressed], [4, 1]);
});

test("packed: event index, in batches, over the wrap, in the middle of a list", () => {
  const { queue, offer, counts, memory } = make({ eventIndex: true });
  const event = (position: number, wrap: number): void => {
    memory.write16(DRIVER, position | (wrap << 15));
    memory.write16(DRIVER + 2, 2);
  };
  const round = (...lists: number[]): number => {
    for (const slots of lists) {
      for (let i = 1; i < slots; i++) offer(NEXT | WRITE);
      offer(WRITE);
      queue.push(queue.pop()!, 1);
    }
    const before = counts.interrupts;
    queue.signal();
    return counts.interrupts - before;
  };
  event(0, 1);
  assert.equal(round(1), 1); // 0
  assert.equal(round(1), 0); // 1
  event(4, 1);
  assert.equal(round(2), 0); // 2, 3
  assert.equal(round(1), 1); // 4
  event(1, 0);
  assert.equal(round(1), 0); // 5
  assert.equal(round(1), 0); // lap 2: 0
  assert.equal(round(3), 1); // 1 in 1..3
  event(5, 0);
  assert.equal(round(1, 1, 1), 1); // 4, 5, lap 3: 0, with the wrap in between
  event(5, 0);
  assert.equal(round(1), 0); // long passed
  memory.write16(DRIVER + 2, 1);
  event(2, 1);
  memory.write16(DRIVER + 2, 1);
  assert.equal(round(1), 0); // switched off altogether
});

test("packed: the device says where it wants to be notified when the queue runs dry", () => {
  const { queue, offer, memory } = make({ eventIndex: true });
  const said = (): number[] => [memory.read16(DEVICE)!, memory.read16(DEVICE + 2)!];
  assert.deepEqual(said(), [0, 0]);
  offer(WRITE);
  queue.push(queue.pop()!, 1);
  assert.deepEqual(said(), [0, 0]);
  assert.equal(queue.pop(), undefined);
  assert.deepEqual(said(), [1 | 0x8000, 2]);
  queue.setNotify(false);
  assert.equal(said()[1], 1);
  for (let i = 1; i < SIZE; i++) offer(WRITE);
  for (let i = 1; i < SIZE; i++) queue.push(queue.pop()!, 1);
  assert.equal(queue.pop(), undefined);
  assert.equal(said()[1], 1, "silence is kept");
  queue.setNotify(true);
  assert.deepEqual(said(), [0, 2]);
});

test("packed: buffers that are too few and put back do not hide the next one", () => {
  const { queue, offer, memory } = make({ eventIndex: true });
  const flags = (): number => memory.read16(DEVICE + 2)!;
  queue.setNotify(false);
  offer(WRITE);
  const chain = queue.pop()!;
  assert.equal(queue.pop(), undefined);
  queue.unpop(chain);
  queue.setNotify(true);
  assert.equal(flags(), 0, "where the driver is cannot be named, so it notifies of all");
  queue.push(queue.pop()!, 1);
  assert.equal(queue.pop(), undefined);
  assert.equal(flags(), 2);
});

test("packed: without an event index notifications are switched by flags", () => {
  const { queue, memory } = make();
  queue.setNotify(false);
  assert.equal(memory.read16(DEVICE + 2), 1);
  queue.setNotify(true);
  assert.equal(memory.read16(DEVICE + 2), 0);
});

test("packed: no wake-up is lost: a buffer that arrives while the device asks is seen", () => {
  const { queue, offer, memory } = make({ eventIndex: true });
  offer(WRITE);
  queue.push(queue.pop()!, 0);
  let raced = false;
  memory.observe((address) => {
    if (raced || address !== DEVICE + 2) return;
    raced = true;
    offer(WRITE);
  });
  assert.notEqual(queue.pop(), undefined);
  assert.equal(raced, true);
});

test("packed: unpop goes back over the wrap", () => {
  const { queue, offer } = make();
  for (let i = 0; i < SIZE - 1; i++) {
    offer(WRITE, i);
    queue.push(queue.pop()!, 1);
  }
  offer(NEXT | WRITE);
  offer(WRITE, 77);
  const chain = queue.pop()!;
  assert.equal(queue.hasNext(), false);
  queue.unpop(chain);
  assert.equal(queue.held, 0);
  assert.equal(queue.pop()!.head, 77);
});

test("packed: used entry before its flags, all told to the code cache", () => {
  const { queue, offer, memory } = make();
  offer(WRITE, 3);
  const chain = queue.pop()!;
  const told: [number, number, number][] = [];
  memory.observe((address, length) => told.push([address, length, memory.read16(RING + 14)!]));
  queue.push(chain, 8);
  assert.deepEqual(told, [[RING + 8, 6, WRITE | AVAIL], [RING + 14, 2, WRITE | AVAIL | USED]]);
});

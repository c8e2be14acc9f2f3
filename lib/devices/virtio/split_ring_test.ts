import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "../../engine/guest_memory.ts";
import { DescriptorChain } from "./chain.ts";
import { VirtQueue } from "./virt_queue.ts";
import { RAM_BASE } from "./testing/bench.ts";

const NEXT = 1, WRITE = 2, INDIRECT = 4;
const TABLE = RAM_BASE, AVAIL = RAM_BASE + 0x1000, USED = RAM_BASE + 0x2000;
const INDIRECT_TABLE = RAM_BASE + 0x3000;
const BUFFER = RAM_BASE + 0x8000;
const SIZE = 8;

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
    fail: (reason) => {
      failures.push(reason.replace("queue 0: ", ""));
      queue.disable();
    },
  });
  queue.size = SIZE;
  queue.areas.set([TABLE, 0, AVAIL, 0, USED, 0]);
  queue.negotiate({ packed: false, inOrder: false, eventIndex, indirect });
  assert.equal(queue.enable(), true);
  let avail = 0;
  const offer = (head: number): void => {
    memory.write16(AVAIL + 4 + 2 * (avail % SIZE), head);
    avail = (avail + 1) & 0xffff;
    memory.write16(AVAIL + 2, avail);
  };
  const descriptor = (
    index: number,
    flags: number,
    next = 0,
    address = BUFFER + 0x100 * index,
    length = 0x10,
    table = TABLE,
  ): void => {
    memory.write32(table + 16 * index, address % 2 ** 32);
    memory.write32(table + 16 * index + 4, Math.floor(address / 2 ** 32));
    memory.write32(table + 16 * index + 8, length);
    memory.write16(table + 16 * index + 12, flags);
    memory.write16(table + 16 * index + 14, next);
  };
  const used = (): number => memory.read16(USED + 2)!;
  return { memory, queue, failures, counts, offer, descriptor, used };
}

type Bench = ReturnType<typeof make>;

/** The chain at descriptor 0 must be refused for `reason`. */
function refused(reason: string, prepare: (b: Bench) => void, options?: Options): void {
  const b = make(options);
  prepare(b);
  b.offer(0);
  assert.equal(b.queue.pop(), undefined);
  assert.deepEqual(b.failures, [reason]);
  assert.equal(b.queue.held, 0);
}

test("a chain of readable then writable buffers", () => {
  const { queue, descriptor, offer, memory } = make();
  descriptor(3, NEXT, 1);
  descriptor(1, NEXT | WRITE, 7);
  descriptor(7, WRITE, 99);
  offer(3);
  const chain = queue.pop()!;
  assert.deepEqual(
    [chain.head, chain.count, chain.readable, chain.readableBytes, chain.writableBytes],
    [3, 3, 1, 16, 32],
  );
  assert.deepEqual(chain.addresses, [BUFFER + 0x300, BUFFER + 0x100, BUFFER + 0x700]);
  memory.write(BUFFER + 0x300, Uint8Array.from({ length: 16 }, (_, i) => i));
  const bytes = new Uint8Array(20);
  assert.equal(chain.read(memory, 4, bytes), 12);
  assert.equal(bytes[0], 4);
  assert.equal(chain.write(memory, 10, Uint8Array.from({ length: 30 }, (_, i) => i + 1)), 22);
  assert.equal(memory.bytes[BUFFER + 0x100 + 10 - RAM_BASE], 1);
  assert.equal(memory.bytes[BUFFER + 0x700 + 15 - RAM_BASE], 22);
});

test("an indirect table, also after direct buffers", () => {
  const { queue, descriptor, offer } = make();
  descriptor(0, INDIRECT, 0, INDIRECT_TABLE, 48);
  descriptor(0, NEXT, 2, BUFFER, 1, INDIRECT_TABLE);
  descriptor(2, NEXT | WRITE, 1, BUFFER + 1, 2, INDIRECT_TABLE);
  descriptor(1, WRITE, 0, BUFFER + 3, 3, INDIRECT_TABLE);
  offer(0);
  assert.deepEqual(queue.pop()!.lengths, [1, 2, 3]);
  descriptor(4, NEXT, 0);
  offer(4);
  assert.deepEqual(queue.pop()!.lengths, [16, 1, 2, 3]);
});

test("the WRITE flag of an indirect descriptor means nothing", () => {
  const { queue, descriptor, offer } = make();
  descriptor(0, INDIRECT | WRITE, 0, INDIRECT_TABLE, 16);
  descriptor(0, 0, 0, BUFFER, 1, INDIRECT_TABLE);
  offer(0);
  assert.equal(queue.pop()!.readableBytes, 1);
});

test("the walker refuses what breaks the rules", () => {
  const end = RAM_BASE + 0x10000;
  refused("a buffer is not in RAM", ({ descriptor }) => descriptor(0, 0, 0, end - 15, 16));
  refused("a buffer is not in RAM", ({ descriptor }) => descriptor(0, 0, 0, RAM_BASE - 1, 16));
  refused("a buffer is not in RAM", ({ descriptor }) => descriptor(0, 0, 0, BUFFER, 0xffffffff));
  refused("a buffer is not in RAM", ({ descriptor }) => {
    descriptor(0, 0, 0, BUFFER + 2 ** 32, 16);
  });
  refused("a buffer is not in RAM", ({ descriptor, memory }) => {
    descriptor(0, 0, 0, 0xffffffff, 16);
    memory.write32(TABLE + 4, 0xffffffff);
  });
  refused("a buffer has no bytes", ({ descriptor }) => descriptor(0, 0, 0, BUFFER, 0));
  refused("descriptor 8 is outside its table", ({ descriptor }) => descriptor(0, NEXT, 8));
  refused("a chain that loops", ({ descriptor }) => descriptor(0, NEXT, 0));
  refused("a chain that loops", ({ descriptor }) => {
    descriptor(0, NEXT, 1);
    descriptor(1, NEXT, 0);
  });
  refused("a readable buffer after a writable one", ({ descriptor }) => {
    descriptor(0, NEXT | WRITE, 1);
    descriptor(1, 0);
  });
});

test("the walker refuses broken indirect tables", () => {
  const table = (b: Bench, length: number, flags = INDIRECT, at = INDIRECT_TABLE): void => {
    b.descriptor(0, flags, 0, at, length);
    b.descriptor(0, 0, 0, BUFFER, 4, INDIRECT_TABLE);
  };
  refused("an indirect table without the feature", (b) => table(b, 16), { indirect: false });
  refused("an indirect table with half an entry", (b) => table(b, 24));
  refused("an indirect table without entries", (b) => table(b, 0));
  refused(
    "an indirect table is not in RAM",
    (b) => table(b, 32, INDIRECT, RAM_BASE + 0x10000 - 16),
  );
  refused("an indirect table with a successor", (b) => table(b, 16, INDIRECT | NEXT));
  refused("an indirect table inside an indirect table", (b) => {
    table(b, 16);
    b.descriptor(0, INDIRECT, 0, INDIRECT_TABLE, 16, INDIRECT_TABLE);
  });
  refused("descriptor 1 is outside its table", (b) => {
    table(b, 16);
    b.descriptor(0, NEXT, 1, BUFFER, 4, INDIRECT_TABLE);
  });
  refused("a chain that loops", (b) => {
    table(b, 16);
    b.descriptor(0, NEXT, 0, BUFFER, 4, INDIRECT_TABLE);
  });
});

test("a chain is at most 1024 buffers and below 4 GiB", () => {
  const memory = new GuestMemory(new Uint8Array(1 << 23), RAM_BASE);
  const failures: string[] = [];
  const long = (count: number, length: number): DescriptorChain | undefined => {
    const queue = new VirtQueue(0, 2, {
      memory,
      interrupt: () => {},
      fail: (reason) => failures.push(reason),
    });
    queue.areas.set([TABLE, 0, AVAIL, 0, USED, 0]);
    queue.negotiate({ packed: false, inOrder: false, eventIndex: false, indirect: true });
    queue.enable();
    const at = RAM_BASE + 0x10000;
    memory.write32(TABLE, at);
    memory.write32(TABLE + 8, 16 * count);
    memory.write16(TABLE + 12, INDIRECT);
    for (let i = 0; i < count; i++) {
      memory.write32(at + 16 * i, RAM_BASE);
      memory.write32(at + 16 * i + 8, length);
      memory.write32(at + 16 * i + 12, i === count - 1 ? 0 : NEXT | ((i + 1) << 16));
    }
    memory.write16(AVAIL + 2, 1);
    return queue.pop();
  };
  assert.equal(long(1024, 1)!.count, 1024);
  assert.equal(long(1025, 1), undefined);
  assert.equal(long(1023, 1 << 22)!.readableBytes, 1023 * 2 ** 22);
  assert.equal(long(1024, 1 << 22), undefined);
  assert.deepEqual(failures, [
    "queue 0: a chain of too many buffers",
    "queue 0: a chain of more than 4 GiB",
  ]);
});

test("heads and the available index are checked", () => {
  const b = make();
  b.offer(8);
  assert.equal(b.queue.pop(), undefined);
  assert.deepEqual(b.failures, ["head 8 is outside the descriptor table"]);
  const jump = make();
  jump.memory.write16(AVAIL + 2, SIZE + 1);
  assert.equal(jump.queue.pop(), undefined);
  assert.deepEqual(jump.failures, ["the available index has jumped"]);
});

test("the driver cannot have more chains in flight than the queue has descriptors", () => {
  const { queue, descriptor, offer, failures } = make();
  descriptor(0, 0);
  for (let i = 0; i < SIZE; i++) {
    offer(0);
    assert.notEqual(queue.pop(), undefined);
  }
  offer(0);
  assert.equal(queue.pop(), undefined);
  assert.deepEqual(failures, ["more buffers than the queue has"]);
});

test("every descriptor field is read once", () => {
  const { queue, descriptor, offer, memory } = make();
  descriptor(0, NEXT, 1);
  descriptor(1, WRITE);
  offer(0);
  const reads = new Map<number, number>();
  const { getUint32, getUint16 } = DataView.prototype;
  const note = (view: DataView, offset: number): void => {
    const at = view.byteOffset + offset;
    if (at < 0x1000) reads.set(at, (reads.get(at) ?? 0) + 1);
  };
  DataView.prototype.getUint32 = function (offset: number, little?: boolean): number {
    note(this, offset);
    return getUint32.call(this, offset, little);
  };
  DataView.prototype.getUint16 = function (offset: number, little?: boolean): number {
    note(this, offset);
    return getUint16.call(this, offset, little);
  };
  try {
    queue.pop();
  } finally {
    Object.assign(DataView.prototype, { getUint32, getUint16 });
  }
  assert.equal(memory.base, RAM_BASE);
  assert.deepEqual([...reads.keys()].toSorted((a, b) => a - b), [
    0,
    4,
    8,
    12,
    14,
    16,
    20,
    24,
    28,
    30,
  ]);
  assert.deepEqual([...new Set(reads.values())], [1]);
});

test("later changes of the descriptors have no effect on a chain", () => {
  const { queue, descriptor, offer } = make();
  descriptor(0, WRITE);
  offer(0);
  const chain = queue.pop()!;
  descriptor(0, 0, 0, 0, 0xffffffff);
  assert.deepEqual([chain.addresses[0], chain.lengths[0], chain.readable], [BUFFER, 16, 0]);
});

test("used ring: entry before index, length never above the chain, wrap at 65536", () => {
  const { queue, descriptor, offer, memory, used } = make();
  descriptor(2, WRITE);
  const chain = new DescriptorChain();
  for (let i = 0; i < 65536 + 3; i++) {
    offer(2);
    assert.equal(queue.pop(chain), chain);
    assert.equal(queue.push(chain, i === 65538 ? 2 ** 32 : 5), true);
  }
  assert.equal(used(), 3);
  const last = USED + 4 + 8 * 2;
  assert.deepEqual([memory.read32(last), memory.read32(last + 4)], [2, 16]);
  assert.equal(memory.read32(last - 4), 5);
});

test("interrupts follow the flag of the driver", () => {
  const { queue, descriptor, offer, counts, memory } = make();
  descriptor(0, WRITE);
  const round = (): void => {
    offer(0);
    queue.push(queue.pop()!, 1);
    queue.signal();
  };
  round();
  assert.equal(counts.interrupts, 1);
  queue.signal();
  assert.equal(counts.interrupts, 1, "nothing new to tell");
  memory.write16(AVAIL, 1);
  round();
  assert.equal(counts.interrupts, 1);
  assert.equal(queue.statistics.suppressed, 1);
  memory.write16(AVAIL, 0);
  round();
  assert.equal(counts.interrupts, 2);
});

test("event index: an interrupt when used_event is passed, also in a batch and over the wrap", () => {
  const { queue, descriptor, offer, counts, memory } = make({ eventIndex: true });
  descriptor(0, WRITE);
  const usedEvent = (value: number): void => {
    memory.write16(AVAIL + 4 + 2 * SIZE, value & 0xffff);
  };
  const round = (count: number): number => {
    for (let i = 0; i < count; i++) {
      offer(0);
      queue.push(queue.pop()!, 1);
    }
    const before = counts.interrupts;
    queue.signal();
    return counts.interrupts - before;
  };
  assert.equal(round(1), 1); // 0 -> 1, event 0
  assert.equal(round(1), 0); // 1 -> 2
  usedEvent(4);
  assert.equal(round(2), 0); // 2 -> 4
  assert.equal(round(3), 1); // 4 -> 7
  usedEvent(6);
  assert.equal(round(2), 0); // 7 -> 9, already passed
  usedEvent(65535);
  for (let i = 9; i < 65530; i += 8) assert.equal(round(Math.min(8, 65530 - i)), 0);
  assert.equal(round(7), 1); // 65530 -> 1
});

test("event index: the available index is published when the queue runs dry", () => {
  const { queue, descriptor, offer, memory } = make({ eventIndex: true });
  const event = (): number => memory.read16(USED + 4 + 8 * SIZE)!;
  descriptor(0, WRITE);
  offer(0);
  offer(0);
  queue.push(queue.pop()!, 0);
  assert.equal(event(), 0);
  queue.push(queue.pop()!, 0);
  assert.equal(event(), 0);
  assert.equal(queue.pop(), undefined);
  assert.equal(event(), 2);
  queue.setNotify(false);
  assert.equal(event(), 1, "passed already");
  offer(0);
  queue.push(queue.pop()!, 0);
  assert.equal(queue.pop(), undefined);
  assert.equal(event(), 1, "silence is kept");
  queue.setNotify(true);
  assert.equal(event(), 3);
});

test("event index: buffers that are too few and put back do not hide the next one", () => {
  const { queue, descriptor, offer, memory } = make({ eventIndex: true });
  const event = (): number => memory.read16(USED + 4 + 8 * SIZE)!;
  queue.setNotify(false);
  descriptor(0, WRITE);
  offer(0);
  offer(0);
  const chains = [queue.pop()!, queue.pop()!];
  assert.equal(queue.pop(), undefined);
  for (const chain of chains.reverse()) queue.unpop(chain);
  queue.setNotify(true);
  assert.equal(event(), 2, "the entry that the driver fills next");
  offer(0);
  queue.setNotify(true);
  assert.equal(event(), 3);
});

test("no wake-up is lost: a buffer that arrives while the event is published is seen", () => {
  const { queue, descriptor, offer, memory } = make({ eventIndex: true });
  descriptor(0, WRITE);
  offer(0);
  queue.push(queue.pop()!, 0);
  let raced = false;
  memory.observe((address) => {
    if (raced || address !== USED + 4 + 8 * SIZE) return;
    raced = true;
    offer(0);
  });
  assert.notEqual(queue.pop(), undefined);
  assert.equal(raced, true);
});

test("without an event index notifications are switched by the used flags", () => {
  const { queue, memory } = make();
  queue.setNotify(false);
  assert.equal(memory.read16(USED), 1);
  queue.setNotify(true);
  assert.equal(memory.read16(USED), 0);
});

test("unpop puts the last chain back", () => {
  const { queue, descriptor, offer } = make();
  descriptor(0, WRITE);
  descriptor(1, WRITE);
  offer(0);
  offer(1);
  const first = queue.pop()!;
  const second = queue.pop()!;
  queue.unpop(second);
  queue.unpop(first);
  assert.equal(queue.held, 0);
  assert.equal(queue.pop()!.head, 0);
  assert.equal(queue.pop()!.head, 1);
});

test("device writes are told to the code cache", () => {
  const { queue, descriptor, offer, memory } = make();
  descriptor(0, WRITE);
  offer(0);
  const told: [number, number][] = [];
  memory.observe((address, length) => told.push([address, length]));
  const chain = queue.pop()!;
  chain.write(memory, 3, new Uint8Array(5));
  queue.push(chain, 8);
  assert.deepEqual(told, [[BUFFER + 3, 5], [USED + 4, 8], [USED + 2, 2]]);
});

test("the index is loaded before what it guards and stored after it, atomically", () => {
  const { queue, descriptor, offer } = make();
  descriptor(0, WRITE);
  offer(0);
  const steps: string[] = [];
  const { load, store } = Atomics;
  const { getUint32, setUint32 } = DataView.prototype;
  Object.assign(Atomics, {
    load(array: Uint16Array, index: number): number {
      steps.push(`load ${(array.byteOffset + 2 * index).toString(16)}`);
      return load(array, index);
    },
    store(array: Uint16Array, index: number, value: number): number {
      steps.push(`store ${(array.byteOffset + 2 * index).toString(16)}`);
      return store(array, index, value);
    },
  });
  DataView.prototype.getUint32 = function (offset: number, little?: boolean): number {
    steps.push("read");
    return getUint32.call(this, offset, little);
  };
  DataView.prototype.setUint32 = function (offset: number, value: number, little?: boolean): void {
    steps.push("write");
    setUint32.call(this, offset, value, little);
  };
  try {
    queue.push(queue.pop()!, 1);
    queue.signal();
  } finally {
    Object.assign(Atomics, { load, store });
    Object.assign(DataView.prototype, { getUint32, setUint32 });
  }
  assert.deepEqual(steps, [
    ...["load 1002", "load 1004", "read", "read", "read"],
    ...["write", "write", "store 2002", "load 1000"],
  ]);
});

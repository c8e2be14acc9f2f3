import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockFile } from "../../platform/platform.ts";
import type { DeviceState } from "../vbus/device.ts";
import type { MockCompletion, MockQueue } from "../virtio/mock_driver.ts";
import { bench, fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import { MAX_REQUESTS, PIECE, VirtioBlock, type VirtioBlockOptions } from "./virtio_block.ts";

const IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13;
const OK = 0, IO_ERROR = 1, UNSUPPORTED = 2;

/** A disk in memory. While `gate` is set its operations wait for `open`. */
class Disk implements BlockFile {
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
  readonly log: string[] = [];
  failure: Error | undefined;
  #gate: (() => void)[] | undefined;

  constructor(size: number, readOnly = false) {
    this.bytes = new Uint8Array(size);
    this.readOnly = readOnly;
  }
  get size(): number {
    return this.bytes.length;
  }
  hold(): void {
    this.#gate = [];
  }
  open(): void {
    const waiting = this.#gate ?? [];
    this.#gate = undefined;
    for (const go of waiting) go();
  }
  async #pass(what: string): Promise<void> {
    this.log.push(what);
    const gate = this.#gate;
    if (gate !== undefined) await new Promise<void>((resolve) => gate.push(resolve));
    if (this.failure !== undefined) throw this.failure;
  }
  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.#pass(`read ${offset}+${into.length}`);
    into.set(this.bytes.subarray(offset, offset + into.length));
  }
  async write(offset: number, from: Uint8Array): Promise<void> {
    await this.#pass(`write ${offset}+${from.length}`);
    this.bytes.set(from, offset);
  }
  async flush(): Promise<void> {
    await this.#pass("flush");
  }
  async close(): Promise<void> {}
}

/** A disk that answers at once while it is quick. */
class QuickDisk extends Disk {
  quick = true;
  readNow(offset: number, into: Uint8Array): boolean {
    if (this.failure !== undefined) throw this.failure;
    if (this.quick) into.set(this.bytes.subarray(offset, offset + into.length));
    return this.quick;
  }
  writeNow(offset: number, from: Uint8Array): boolean {
    if (this.failure !== undefined) throw this.failure;
    if (this.quick) this.bytes.set(from, offset);
    return this.quick;
  }
}

function header(type: number, sector = 0, high = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(8, sector, true);
  view.setUint32(12, high, true);
  return bytes;
}

function make(
  size = 1 << 20,
  options?: VirtioBlockOptions,
  readOnly = false,
  disk = new Disk(size, readOnly),
) {
  for (let i = 0; i < size; i += 512) disk.bytes[i] = (i / 512) % 251 + 1;
  const device = new VirtioBlock(disk, options);
  const b = bench(device, 1 << 22);
  b.driver.negotiate();
  const queue = b.driver.addQueue(0);
  b.driver.start();
  const request = async (
    readable: readonly Uint8Array[],
    writable: readonly number[],
  ): Promise<MockCompletion & { status: number }> => {
    queue.add({ readable, writable });
    queue.kick();
    await device.settled();
    const done = queue.poll();
    assert.ok(done !== undefined, `no completion: ${b.failures}`);
    return { ...done, status: done.data.at(-1)! };
  };
  return { ...b, disk, device, queue, request };
}

test("configuration: capacity, segments, block size, limits", () => {
  const { driver } = make(1_000_000, { queueSize: 64, blockSize: 4096 });
  assert.equal(driver.read(0x100), 1953);
  assert.equal(driver.read(0x104), 0);
  assert.equal(driver.read(0x10c), 62);
  assert.equal(driver.read(0x114), 4096);
  assert.equal(driver.read(0x128), 16);
  assert.equal(driver.read(0x12c), 8);
  assert.notEqual(driver.read(0x134), 0);
  driver.write(0x100, 5);
  assert.equal(driver.read(0x100), 1953, "nothing is writable");
});

test("read: data, status and used length", async () => {
  const { request, device } = make();
  const { data, status, written } = await request([header(IN, 3)], [512, 512, 1]);
  assert.equal(status, OK);
  assert.equal(written, 1025);
  assert.deepEqual([data[0], data[1], data[512]], [4, 0, 5]);
  assert.equal(device.statistics.bytesRead, 1024);
});

test("write, then flush", async () => {
  const { request, disk } = make();
  const data = new Uint8Array(1024).fill(9);
  const { status, written } = await request([header(OUT, 2), data], [1]);
  assert.equal(status, OK);
  assert.equal(written, 1);
  assert.deepEqual(disk.bytes.subarray(1024, 2048), data);
  assert.equal((await request([header(FLUSH)], [1])).status, OK);
  assert.deepEqual(disk.log, ["write 1024+1024", "flush"]);
});

test("header, data and status may lie anywhere in the buffers", async () => {
  const { request, disk } = make();
  const whole = new Uint8Array(16 + 512).fill(7);
  whole.set(header(OUT, 1));
  assert.equal((await request([whole.subarray(0, 5), whole.subarray(5)], [1])).status, OK);
  assert.deepEqual(disk.bytes.subarray(512, 1024), new Uint8Array(512).fill(7));
  const read = await request([header(IN, 1)], [513]);
  assert.equal(read.status, OK);
  assert.deepEqual(read.data.subarray(0, 512), new Uint8Array(512).fill(7));
});

test("a large request moves in pieces", async () => {
  const { request, disk } = make(1 << 21);
  const { status, data } = await request([header(IN, 0)], [2 * PIECE + 512, 1]);
  assert.equal(status, OK);
  assert.deepEqual(disk.log, [
    `read 0+${PIECE}`,
    `read ${PIECE}+${PIECE}`,
    `read ${2 * PIECE}+512`,
  ]);
  assert.deepEqual(data.subarray(0, 2 * PIECE + 512), disk.bytes.subarray(0, 2 * PIECE + 512));
});

test("get id gives twenty bytes at most", async () => {
  const { request } = make(4096, { serial: "a-serial-of-more-than-twenty" });
  const long = await request([header(GET_ID)], [20, 1]);
  assert.equal(String.fromCharCode(...long.data.subarray(0, 20)), "a-serial-of-more-tha");
  assert.equal(long.written, 21);
  const short = await request([header(GET_ID)], [4, 1]);
  assert.equal(String.fromCharCode(...short.data.subarray(0, 4)), "a-se");
});

test("positions and lengths outside the disk are I/O errors", async () => {
  const { request, disk } = make(8 * 512 + 100);
  const data = new Uint8Array(512);
  const status = async (...args: Parameters<typeof request>): Promise<number> =>
    (await request(...args)).status;
  assert.equal(await status([header(IN, 7)], [512, 1]), OK);
  assert.equal(await status([header(IN, 8)], [512, 1]), IO_ERROR);
  assert.equal(await status([header(IN, 7)], [1024, 1]), IO_ERROR);
  assert.equal(await status([header(IN, 0)], [100, 1]), IO_ERROR);
  assert.equal(await status([header(IN, 0, 1)], [512, 1]), IO_ERROR);
  assert.equal(await status([header(IN, 0xffffffff, 0xffffffff)], [512, 1]), IO_ERROR);
  assert.equal(await status([header(OUT, 8), data], [1]), IO_ERROR);
  assert.equal(await status([header(OUT, 0), data.subarray(1)], [1]), IO_ERROR);
  assert.deepEqual(disk.log, ["read 3584+512"]);
});

test("unknown types are unsupported", async () => {
  const { request, device } = make();
  for (const type of [2, 3, 5, 10, 14, 0xffffffff]) {
    const { status, written } = await request([header(type)], [16, 1]);
    assert.equal(status, UNSUPPORTED);
    assert.equal(written, 0, "the bytes before the status were not written");
  }
  assert.equal(device.statistics.errors, 6);
});

test("a read-only disk says so and refuses changes", async () => {
  for (const b of [make(4096, { readOnly: true }), make(4096, {}, true)]) {
    assert.equal(b.driver.offered() & (1n << 5n), 1n << 5n);
    assert.equal(b.driver.offered() & ((1n << 13n) | (1n << 14n)), 0n);
    const segment = new Uint8Array(16);
    segment[8] = 1;
    assert.equal((await b.request([header(OUT), new Uint8Array(512)], [1])).status, IO_ERROR);
    assert.equal((await b.request([header(DISCARD), segment], [1])).status, IO_ERROR);
    assert.equal((await b.request([header(WRITE_ZEROES), segment], [1])).status, IO_ERROR);
    assert.equal((await b.request([header(FLUSH)], [1])).status, OK);
    assert.deepEqual(b.disk.log, []);
  }
});

test("discard and write zeroes", async () => {
  const { request, disk } = make();
  const segments = (...list: [sector: number, sectors: number, flags?: number][]): Uint8Array => {
    const bytes = new Uint8Array(16 * list.length);
    const view = new DataView(bytes.buffer);
    list.forEach(([sector, sectors, flags = 0], i) => {
      view.setUint32(16 * i, sector, true);
      view.setUint32(16 * i + 8, sectors, true);
      view.setUint32(16 * i + 12, flags, true);
    });
    return bytes;
  };
  const status = async (type: number, list: Uint8Array): Promise<number> =>
    (await request([header(type), list], [1])).status;
  assert.equal(await status(DISCARD, segments([4, 2])), OK);
  assert.equal(disk.bytes[4 * 512], 5);
  assert.equal(await status(WRITE_ZEROES, segments([4, 2], [9, 1, 1])), OK);
  assert.deepEqual([3, 4, 5, 6, 9].map((s) => disk.bytes[s * 512]), [4, 0, 0, 7, 0]);
  assert.equal(await status(DISCARD, segments([0, 1, 1])), UNSUPPORTED);
  assert.equal(await status(WRITE_ZEROES, segments([0, 1, 2])), UNSUPPORTED);
  assert.equal(await status(WRITE_ZEROES, segments([0, 1], [2047, 2])), IO_ERROR);
  assert.equal(disk.bytes[0], 1, "nothing is touched if one segment is wrong");
  assert.equal(await status(WRITE_ZEROES, segments([0, 0xffffffff])), IO_ERROR);
  assert.equal(await status(WRITE_ZEROES, new Uint8Array(15)), IO_ERROR);
  assert.equal(await status(WRITE_ZEROES, new Uint8Array(16 * 17)), IO_ERROR);
});

test("a failure of the file is an I/O error and is told", async () => {
  const told: unknown[] = [];
  const { request, disk } = make(4096, { onError: (error) => told.push(error) });
  disk.failure = new Error("no");
  for (const type of [IN, FLUSH]) assert.equal((await request([header(type)], [512, 1])).status, 1);
  disk.failure = undefined;
  assert.equal((await request([header(IN)], [512, 1])).status, OK);
  assert.equal(told.length, 2);
});

test("a file that answers at once: the request is done when the notification is", async () => {
  const disk = new QuickDisk(1 << 20);
  const { queue, driver, device } = make(1 << 20, {}, false, disk);
  const at = (readable: readonly Uint8Array[], writable: readonly number[]): number[] => {
    queue.add({ readable, writable });
    queue.kick();
    const done = queue.poll();
    return done === undefined ? [] : [...done.data.subarray(0, 1), done.data.at(-1)!, done.written];
  };
  assert.deepEqual(at([header(IN, 3)], [1024, 1]), [4, OK, 1025]);
  assert.equal(driver.read(0x60), 1, "the interrupt is there");
  assert.deepEqual(at([header(OUT, 3), new Uint8Array(512).fill(77)], [1]), [OK, OK, 1]);
  assert.equal(disk.bytes[3 * 512 + 511], 77);
  assert.deepEqual(at([header(IN, 2047)], [1024, 1]).slice(1), [], "beyond the end: the long way");
  await device.settled();
  assert.equal(queue.poll()?.data.at(-1), IO_ERROR);
  disk.failure = new Error("bad sector");
  assert.deepEqual(at([header(IN, 3)], [512, 1]).slice(1), [IO_ERROR, 0]);
  disk.failure = undefined;
  disk.quick = false;
  assert.deepEqual(at([header(IN, 3)], [512, 1]), [], "a file that is not quick this time");
  await device.settled();
  assert.equal(queue.poll()?.data[0], 77);
  const { reads, writes, errors, bytesRead, bytesWritten } = device.statistics;
  assert.deepEqual([reads, writes, errors], [2, 1, 2]);
  assert.deepEqual([bytesRead, bytesWritten], [1536, 512]);
  assert.deepEqual(disk.log, ["read 1536+512"]);
});

test("a file that answers at once is flushed after a write if there is no cache", async () => {
  const disk = new QuickDisk(4096);
  const { driver, request } = make(4096, {}, false, disk);
  driver.write(0x120, 0, 1);
  await request([header(OUT), new Uint8Array(512)], [1]);
  assert.deepEqual(disk.log, ["write 0+512", "flush"]);
});

test("a request without header or status needs a reset", () => {
  for (const [readable, writable] of [[[15], [1]], [[16], []]]) {
    const { queue, driver, failures } = make();
    queue.add({ readable: readable.map((n) => new Uint8Array(n)), writable });
    queue.kick();
    assert.equal(driver.status & 0x40, 0x40);
    assert.equal(failures.length, 1);
  }
});

function reads(queue: MockQueue, count: number): void {
  for (let i = 0; i < count; i++) queue.add({ readable: [header(IN, i)], writable: [512, 1] });
  queue.kick();
}

test("requests run side by side up to the limit, and end in any order", async () => {
  const { queue, disk, device } = make();
  disk.hold();
  reads(queue, MAX_REQUESTS + 4);
  assert.equal(device.pending, MAX_REQUESTS);
  assert.equal(disk.log.length, MAX_REQUESTS);
  disk.open();
  await device.settled();
  const done = queue.pollAll();
  assert.equal(done.length, MAX_REQUESTS + 4);
  assert.deepEqual(done.map(({ data }) => data[512]), new Array(MAX_REQUESTS + 4).fill(OK));
});

test("requests in flight are dropped at reset and guest memory stays untouched", async () => {
  const { queue, disk, device, driver, memory } = make();
  disk.hold();
  reads(queue, 3);
  queue.add({ readable: [header(OUT, 20), new Uint8Array(512)], writable: [1] });
  queue.kick();
  driver.write(0x70, 0);
  const before = memory.bytes.slice();
  const told: number[] = [];
  memory.observe((address) => told.push(address));
  disk.open();
  await device.settled();
  assert.deepEqual(told, []);
  // Not deepEqual: it would print all of RAM.
  assert.equal(memory.bytes.findIndex((byte, at) => byte !== before[at]), -1);
  assert.equal(device.statistics.dropped, 4);
});

test("resets do not let a driver pile up requests", async () => {
  const { disk, device, driver } = make();
  disk.hold();
  for (let life = 0; life < 10; life++) {
    const mark = driver.mark();
    driver.negotiate();
    const queue = driver.addQueue(0, 64);
    driver.start();
    reads(queue, 10);
    driver.release(mark);
  }
  assert.equal(device.pending, MAX_REQUESTS);
  disk.open();
  await device.settled();
});

test("interrupts: one per completion that the driver wants to hear of", async () => {
  const { queue, device, line, driver } = make();
  reads(queue, 2);
  await device.settled();
  assert.equal(line.level, true);
  assert.equal(driver.acknowledge(), 1);
  assert.equal(line.level, false);
  queue.pollAll();
  queue.setInterrupts(false);
  reads(queue, 2);
  await device.settled();
  assert.equal(line.level, false);
  assert.equal(queue.pollAll().length, 2);
});

test("resize counts the generation up and interrupts", () => {
  const { driver, device, disk } = make(4096);
  Object.defineProperty(disk, "size", { value: 8192 });
  device.resized();
  assert.equal(driver.read(0x100), 16);
  assert.equal(driver.read(0xfc), 1);
  assert.equal(driver.acknowledge(), 2);
});

test("state with requests in flight: they begin anew after restore", async () => {
  const first = make();
  first.disk.hold();
  reads(first.queue, 3);
  const saved = structuredClone(first.slot.state());
  const second = make();
  second.memory.bytes.set(first.memory.bytes);
  second.slot.restore(saved);
  assert.deepEqual(second.slot.state(), saved, "nothing happens before the guest runs");
  second.turn();
  assert.equal(second.device.pending, 3);
  await second.device.settled();
  assert.equal(second.memory.read16(first.queue.deviceArea + 2), 3);
  assert.equal(second.line.level, true);
  const record = saved as { [key: string]: DeviceState };
  const broken: DeviceState[] = [
    { writeback: 1, requests: [[0, 70000]] },
    { writeback: 1, requests: [[1, 0]] },
    { writeback: 1, requests: [[0]] },
    { writeback: 2, requests: [] },
    { requests: [] },
  ];
  for (const device of broken) {
    assert.throws(() => second.slot.restore({ ...record, device }), TypeError);
  }
});

/** A disk with several queues, all of them set up. */
function makeQueues(queues: number, features?: bigint) {
  const disk = new Disk(1 << 20);
  const device = new VirtioBlock(disk, { queues, queueSize: 128 });
  const b = bench(device, 1 << 22);
  b.driver.negotiate(features);
  const list = device.queueSizes.map((_, i) => b.driver.addQueue(i));
  b.driver.start();
  return { ...b, disk, device, list };
}

test("several queues: each answers in its own ring, and none waits for a busy one", async () => {
  const { list, driver, device, disk } = makeQueues(4);
  assert.equal(driver.read(0x122, 2), 4);
  assert.equal(driver.offered() & (1n << 12n), 1n << 12n);
  assert.equal(make().driver.offered() & (1n << 12n), 0n);
  assert.throws(() => new VirtioBlock(disk, { queues: 0 }), RangeError);
  disk.hold();
  for (let i = 0; i < 40; i++) list[1].add({ readable: [header(IN, i)], writable: [512, 1] });
  list[1].kick();
  assert.equal(device.pending, MAX_REQUESTS);
  for (const queue of [0, 2, 3]) {
    list[queue].add({ readable: [header(IN, 1000 + queue)], writable: [512, 1] });
    list[queue].kick();
  }
  disk.log.length = 0;
  disk.open();
  await device.settled();
  assert.deepEqual(list.map((queue) => queue.pollAll().length), [1, 40, 1, 1]);
  const others = disk.log.slice(0, 8).filter((line) => Number(line.split(/[ +]/)[1]) >= 512000);
  assert.equal(others.length, 3, "they come among the first");
});

test("state of several queues with requests in flight, one of them taken away", async () => {
  const first = makeQueues(3);
  first.disk.hold();
  first.list.forEach((queue, i) => {
    for (let n = 0; n <= i; n++) {
      queue.add({
        readable: [header(OUT, 10 * i + n), new Uint8Array(512).fill(i + 1)],
        writable: [1],
      });
    }
    queue.kick();
  });
  first.driver.write(0x30, 1);
  first.driver.write(0x44, 0);
  const saved = structuredClone(first.slot.state());
  const second = makeQueues(3);
  second.memory.bytes.set(first.memory.bytes);
  second.slot.restore(saved);
  assert.deepEqual(second.slot.state(), saved);
  second.turn();
  assert.equal(second.device.pending, 4);
  await second.device.settled();
  const done = first.list.map(({ deviceArea }) => second.memory.read16(deviceArea + 2));
  assert.deepEqual(done, [1, 0, 3]);
  assert.deepEqual([0, 10, 20, 21, 22].map((n) => second.disk.bytes[n * 512]), [1, 0, 3, 3, 3]);
});

test("write cache: on at first, the driver switches it; without it a write ends after a flush", async () => {
  const { request, disk, driver } = make();
  const data = new Uint8Array(512);
  assert.equal(driver.read(0x120, 1), 1);
  await request([header(OUT), data], [1]);
  driver.write(0x120, 0, 1);
  assert.equal(driver.read(0x120, 1), 0);
  await request([header(OUT), data], [1]);
  const segment = new Uint8Array(16);
  segment[8] = 1;
  await request([header(WRITE_ZEROES), segment], [1]);
  driver.write(0x120, 1, 1);
  await request([header(OUT), data], [1]);
  const write = "write 0+512";
  assert.deepEqual(disk.log, [write, write, "flush", write, "flush", write]);
  driver.write(0x120, 0, 1);
  driver.write(0x70, 0);
  assert.equal(driver.read(0x120, 1), 1, "a reset switches it on");
});

test("a driver that knows neither flush nor cache gets its writes on stable storage", async () => {
  const { list, driver, disk, device } = makeQueues(1, 1n << 32n);
  driver.write(0x120, 1, 1);
  list[0].add({ readable: [header(OUT), new Uint8Array(512)], writable: [1] });
  list[0].kick();
  await device.settled();
  assert.deepEqual(disk.log, ["write 0+512", "flush"]);
});

test("nothing but the cache can be written in the configuration", () => {
  const { driver } = make(4096, { readOnly: true });
  const read = (): number[] => Array.from({ length: 60 }, (_, i) => driver.read(0x100 + i, 1));
  const before = read();
  for (let i = 0; i < 60; i++) driver.write(0x100 + i, 0xff, 1);
  assert.deepEqual(read(), before);
  const cached = make().driver;
  for (let i = 0; i < 60; i++) cached.write(0x100 + i, 0xff, 1);
  assert.equal(cached.read(0x120, 1), 1);
  assert.equal(cached.read(0x100), 2048);
});

test("a shut down device begins nothing", () => {
  const { slot, queue, disk } = make();
  slot.shutdown();
  slot.shutdown();
  reads(queue, 1);
  assert.deepEqual(disk.log, []);
});

test("fuzz: registers and hostile rings", async () => {
  const b = make(1 << 16);
  const random = generator(4711);
  fuzzRegisters(b.slot, random, 3000, 0x200);
  hostileRing(b, random, 1, 100);
  await b.device.settled();
  assert.ok(b.device.pending === 0 && b.failures.length > 20);
});

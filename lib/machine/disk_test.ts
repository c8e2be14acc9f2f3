import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../platform/clock.ts";
import { type DiskHost, MachineDisk, MemoryDisk } from "./disk.ts";

/** A file whose requests end when the test says so. */
class SlowFile extends MemoryDisk {
  readonly pending: (() => void)[] = [];

  override async read(offset: number, into: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.pending.push(resolve));
    await super.read(offset, into);
  }
}

const host = {
  holds: [] as Promise<unknown>[],
  expected: [] as Promise<unknown>[],
  hold: (promise: Promise<unknown>): unknown => host.holds.push(promise),
  expect: (promise: Promise<unknown>): unknown => host.expected.push(promise),
  yield: (): Promise<void> => Promise.resolve(),
};

async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test("memory disks read, write, and end where they end", async () => {
  const bytes = Uint8Array.from({ length: 1024 }, (_, i) => i);
  const disk = new MemoryDisk(bytes);
  const into = new Uint8Array(8).fill(9);
  await disk.read(1020, into);
  assert.deepEqual([...into], [252, 253, 254, 255, 0, 0, 0, 0]);
  await disk.write(2, Uint8Array.of(7));
  assert.equal(bytes[2], 7);
  await assert.rejects(disk.write(1024, Uint8Array.of(1)), RangeError);
  await assert.rejects(new MemoryDisk(bytes, true).write(0, Uint8Array.of(1)), RangeError);
});

test("in virtual time a request ends at its time, and the guest stands still for a slow host", async () => {
  const clock = new VirtualClock();
  const file = new SlowFile(Uint8Array.of(1, 2, 3, 4));
  const disk = new MachineDisk(file, host, clock);
  const into = new Uint8Array(4);
  let done = false;
  disk.read(0, into).then(() => done = true);
  host.holds.length = 0;
  clock.advance(50_000);
  await turn();
  assert.deepEqual([done, host.holds.length], [false, 0]);
  clock.advance(50_000);
  await turn();
  assert.deepEqual([done, host.holds.length], [false, 1]);
  file.pending[0]();
  await host.holds[0];
  assert.equal(done, true);
  assert.deepEqual([...into], [1, 2, 3, 4]);
});

test("in virtual time a request that the host has ended waits for its time; failures arrive too", async () => {
  const clock = new VirtualClock();
  const disk = new MachineDisk(new MemoryDisk(new Uint8Array(4), true), host, clock);
  let failed = false;
  disk.write(0, Uint8Array.of(1)).catch(() => failed = true);
  host.holds.length = 0;
  await turn();
  assert.equal(failed, false);
  clock.advance(100_000);
  await host.holds[0];
  assert.equal(failed, true);
});

test("in real time the run loop is told of the request", async () => {
  const file = new SlowFile(Uint8Array.of(1));
  const disk = new MachineDisk(file, host, undefined);
  host.expected.length = 0;
  const read = disk.read(0, new Uint8Array(1));
  assert.equal(host.expected.length, 1);
  file.pending[0]();
  await read;
});

test("in real time a file that never waits leaves the event loop its turn every 8 MiB", async () => {
  let turns = 0;
  const counting = { ...host, yield: () => Promise.resolve(void turns++) };
  const disk = new MachineDisk(new MemoryDisk(new Uint8Array(2 ** 20)), counting, undefined);
  const piece = new Uint8Array(2 ** 20);
  for (let i = 0; i < 12; i++) await disk.read(0, piece);
  for (let i = 0; i < 12; i++) await disk.write(0, piece);
  assert.equal(turns, 3);
});

test("requests are done at once in real time only, and the event loop has its turn", () => {
  class Quick extends MemoryDisk {
    readNow(): boolean {
      return true;
    }
    writeNow(): boolean {
      return true;
    }
  }
  const host: DiskHost = {
    hold: () => {},
    expect: () => {},
    yield: () => Promise.resolve(),
  };
  const file = new Quick(new Uint8Array(4096));
  const bytes = new Uint8Array(2 ** 20);
  const disk = new MachineDisk(file, host, undefined);
  const now = Array.from(
    { length: 10 },
    (_, i) => i % 2 ? disk.readNow(0, bytes) : disk.writeNow(0, bytes),
  );
  assert.deepEqual(now, [true, true, true, true, true, true, true, true, false, false]);
  const virtual = new MachineDisk(file, host, new VirtualClock());
  assert.deepEqual([virtual.readNow(0, bytes), virtual.writeNow(0, bytes)], [false, false]);
  assert.equal(new MachineDisk(new MemoryDisk(bytes), host, undefined).readNow(0, bytes), false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { featureMask } from "../virtio/device.ts";
import { bench, fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import { VirtioConsole } from "./virtio_console.ts";

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
const string = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

function make(queueSize = 8, features?: bigint) {
  const device = new VirtioConsole({ columns: 100, rows: 40, queueSize });
  const b = bench(device, 1 << 21);
  const out: string[] = [];
  device.ports[0].onTransmit((bytes) => out.push(string(bytes)));
  b.driver.negotiate(features);
  const rx = b.driver.addQueue(0);
  const tx = b.driver.addQueue(1);
  b.driver.start();
  b.driver.acknowledge();
  const print = (...parts: string[]): void => {
    tx.add({ readable: parts.map(text) });
    tx.kick();
  };
  return { ...b, device, out, rx, tx, print };
}

test("configuration: size of the terminal and one port", () => {
  const { driver } = make();
  assert.equal(driver.read(0x100, 2), 100);
  assert.equal(driver.read(0x102, 2), 40);
  assert.equal(driver.read(0x104), 1);
  assert.equal(driver.offered() & 0xffffffn & ~featureMask(0, 2), 0n);
});

test("resize: generation, interrupt, only real changes", () => {
  const { driver, device } = make();
  const generation = driver.read(0xfc);
  device.ports[0].resize(100, 40);
  assert.equal(driver.read(0xfc), generation);
  device.ports[0].resize(132, 43);
  assert.equal(driver.read(0x100), 132 | (43 << 16));
  assert.equal(driver.read(0xfc), generation + 1);
  assert.equal(driver.acknowledge(), 2);
  const plain = make(8, featureMask(32));
  plain.device.ports[0].resize(1, 1);
  assert.equal(plain.driver.acknowledge(), 0, "not to a driver without the feature");
});

test("a driver with the feature is told of the first size", () => {
  for (const [features, status] of [[featureMask(0, 32), 2], [featureMask(32), 0]] as const) {
    const { driver } = bench(new VirtioConsole());
    driver.negotiate(features);
    driver.start();
    assert.equal(driver.acknowledge(), status);
  }
});

test("emergency write works before any set-up and only there", () => {
  const device = new VirtioConsole();
  const out: string[] = [];
  device.ports[0].onTransmit((bytes) => out.push(string(bytes)));
  const { driver } = bench(device);
  driver.write(0x108, 0x41);
  driver.write(0x108, 0x42, 1);
  driver.write(0x104, 0x43);
  driver.write(0x100, 0x43);
  assert.deepEqual(out, ["A", "B"]);
  assert.equal(driver.read(0x108), 0);
});

test("output: chains go to the host at once and back to the guest", () => {
  const { out, tx, print, line } = make();
  print("hello, ", "world");
  assert.equal(out.join(""), "hello, world");
  assert.equal(tx.poll()!.written, 0);
  assert.equal(line.level, true);
});

test("held output waits in the ring and keeps its order", () => {
  const { out, tx, print, device } = make();
  device.ports[0].holdTransmit(true);
  print("a");
  print("b");
  assert.deepEqual(out, []);
  assert.equal(tx.poll(), undefined);
  device.ports[0].holdTransmit(false);
  print("c");
  assert.deepEqual(out, ["a", "b", "c"]);
  assert.equal(tx.pollAll().length, 3);
});

test("a host that holds in the middle of a chain gets the rest later, once", () => {
  const { tx, device, print } = make();
  let got = "";
  device.ports[0].onTransmit((bytes) => {
    got += string(bytes);
    device.ports[0].holdTransmit(true);
  });
  const long = "0123456789".repeat(5000);
  print(long);
  assert.ok(got.length > 0 && got.length < long.length);
  assert.equal(tx.poll(), undefined);
  let rounds = 0;
  while (tx.outstanding > 0 && rounds++ < 100) {
    device.ports[0].holdTransmit(false);
    tx.poll();
  }
  assert.equal(got, long);
});

test("a chain goes back with its last byte, also to a host that takes no more then", () => {
  const { tx, device, print } = make();
  device.ports[0].onTransmit(() => device.ports[0].holdTransmit(true));
  for (const length of [1, 16 * 1024]) {
    print("x".repeat(length));
    assert.equal(tx.pollAll().length, 1, `${length} bytes`);
    device.ports[0].holdTransmit(false);
  }
});

test("a long output leaves the host its turn", () => {
  const { out, tx, turn } = make();
  tx.add({ readable: [new Uint8Array(300_000).fill(0x61)] });
  tx.add({ readable: [new Uint8Array(300_000).fill(0x62)] });
  tx.kick();
  const length = (): number => out.reduce((sum, piece) => sum + piece.length, 0);
  assert.ok(length() < 300_000);
  while (turn() > 0);
  assert.equal(length(), 600_000);
  assert.equal(tx.pollAll().length, 2);
});

test("input: partial writes report their count, and the host hears of room", () => {
  const { rx, device, line } = make();
  let calls = 0;
  device.ports[0].onReceiveReady(() => calls++);
  assert.equal(device.ports[0].canReceive(), false);
  assert.equal(device.ports[0].receive(text("abcdef")), 0);
  rx.add({ writable: [2, 2] });
  assert.equal(rx.kick(), true);
  assert.equal(calls, 1);
  assert.equal(device.ports[0].canReceive(), true);
  assert.equal(device.ports[0].receive(text("abcdef")), 4);
  assert.equal(line.level, true);
  const { written, data } = rx.poll()!;
  assert.deepEqual([written, string(data)], [4, "abcd"]);
  rx.add({ writable: [16] });
  rx.kick();
  assert.equal(calls, 2);
  assert.equal(device.ports[0].receive(text("ef")), 2);
  assert.deepEqual(string(rx.poll()!.data.subarray(0, 2)), "ef");
});

test("the guest need not notify of input buffers while nobody waits", () => {
  for (const features of [undefined, featureMask(32)]) {
    const { rx, device } = make(8, features);
    device.ports[0].receive(text("x"));
    rx.add({ writable: [1] });
    assert.equal(rx.kick(), true);
    assert.equal(device.ports[0].receive(text("x")), 1);
    for (let i = 0; i < 3; i++) {
      rx.add({ writable: [4] });
      assert.equal(rx.kick(), false);
    }
    assert.equal(device.ports[0].receive(text("abcdefghijklmno")), 12);
    rx.pollAll();
    rx.add({ writable: [4] });
    assert.equal(rx.kick(), true);
  }
});

test("input before DRIVER_OK is refused and offered again afterwards", () => {
  const device = new VirtioConsole();
  const { driver } = bench(device);
  let calls = 0;
  device.ports[0].onReceiveReady(() => calls++);
  assert.equal(device.ports[0].receive(text("a")), 0);
  driver.negotiate();
  const rx = driver.addQueue(0);
  driver.addQueue(1);
  rx.add({ writable: [8] });
  driver.start();
  assert.equal(calls, 1);
  assert.equal(device.ports[0].receive(text("a")), 1);
});

test("reset drops a half-sent chain: no stale bytes, no stale used entry", () => {
  const b = make();
  b.device.ports[0].onTransmit(() => b.device.ports[0].holdTransmit(true));
  b.print("x".repeat(40_000));
  b.driver.write(0x70, 0);
  const before = b.memory.bytes.slice();
  let got = "";
  b.device.ports[0].onTransmit((bytes) => got += string(bytes));
  b.device.ports[0].holdTransmit(false);
  assert.equal(got, "");
  assert.deepEqual(b.memory.bytes, before);
  b.driver.negotiate();
  b.driver.addQueue(0);
  const tx = b.driver.addQueue(1);
  b.driver.start();
  tx.add({ readable: [text("new")] });
  tx.kick();
  assert.equal(got, "new");
});

test("a queue that was taken away in the middle of a chain sends no more of it", () => {
  const b = make();
  let got = "";
  b.device.ports[0].onTransmit((bytes) => {
    got += string(bytes);
    b.device.ports[0].holdTransmit(true);
  });
  b.print("x".repeat(40_000));
  const before = got.length;
  b.driver.write(0x30, 1);
  b.driver.write(0x44, 0);
  b.memory.write(b.tx.driverArea, new Uint8Array(6));
  b.driver.write(0x44, 1);
  b.device.ports[0].holdTransmit(false);
  assert.equal(got.length, before);
});

test("state with a half-sent chain", () => {
  const first = make();
  let got = "";
  first.device.ports[0].onTransmit((bytes) => {
    got += string(bytes);
    first.device.ports[0].holdTransmit(true);
  });
  const long = "abcdefghij".repeat(4000);
  first.print(long);
  first.device.ports[0].resize(10, 20);
  const saved = structuredClone(first.slot.state());
  const second = make();
  second.memory.bytes.set(first.memory.bytes);
  second.slot.restore(saved);
  assert.equal(got + second.out.join(""), long);
  assert.deepEqual(second.device.ports[0].size, { columns: 10, rows: 20 });
  assert.equal(second.memory.read16(first.tx.deviceArea + 2), 1);
  const record = saved as { [key: string]: DeviceState };
  assert.throws(() => second.slot.restore({ ...record, device: { columns: -1 } }), TypeError);
});

test("fuzz: registers and hostile rings", () => {
  const b = make();
  const random = generator(31337);
  b.device.ports[0].onTransmit((bytes) => b.device.ports[0].holdTransmit(bytes.length % 3 === 0));
  for (let i = 0; i < 20; i++) {
    fuzzRegisters(b.slot, random, 200, 0x200);
    hostileRing(b, random, 2, 5);
    b.device.ports[0].receive(new Uint8Array(random(5000)));
    b.device.ports[0].holdTransmit(false);
    b.turn();
  }
  assert.ok(b.failures.length > 20);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopbackBackend } from "../../net/loopback_backend.ts";
import { featureMask } from "../virtio/device.ts";
import { bench, fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import { makeCard as make, RecordingNet } from "./testing/card.ts";
import { VirtioNet } from "./virtio_net.ts";

const frame = (length: number, fill = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (fill + i) & 0xff);
const HEADER = new Uint8Array(12);

test("configuration: address, link, pairs, MTU", () => {
  const { driver } = make({ mtu: 9000 });
  const bytes = Array.from({ length: 12 }, (_, i) => driver.read(0x100 + i, 1));
  assert.deepEqual(bytes, [0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 1, 0, 0x28, 0x23]);
  const plain = featureMask(3, 5, 15, 16, 17, 18, 19, 20, 21, 23);
  assert.equal(driver.offered() & 0xffffffn, plain | featureMask(0, 1, 2, 7, 8, 9, 11, 12, 13));
  assert.equal(make({ offloads: false, mtu: 70 }).driver.offered() & 0xffffffn, plain);
  assert.equal(make({ queuePairs: 2 }).driver.offered() >> 22n & 1n, 1n);
  driver.write(0x100, 0);
  assert.equal(driver.read(0x100, 1), 0x52, "nothing is writable");
});

test("features that need others are refused without them", () => {
  const { driver } = make({ queuePairs: 2 });
  const all = driver.offered();
  assert.equal(driver.negotiate(all), true);
  // CSUM, GUEST_CSUM, CTRL_VQ and CTRL_RX are needed by others; TSO4 and TSO6 can stand in for each other.
  for (const bit of [0, 1, 17, 18]) {
    assert.equal(driver.negotiate(all & ~featureMask(bit)), false, `without ${bit}`);
  }
  for (const bit of [2, 7, 8, 9, 11, 12, 13, 19, 20, 21, 22, 23]) {
    assert.equal(driver.negotiate(all & ~featureMask(bit)), true, `without ${bit}`);
  }
  assert.equal(driver.negotiate(all & ~featureMask(7, 8)), false, "ECN needs one of them");
  assert.equal(driver.negotiate(all & ~featureMask(11, 12)), false, "ECN needs one of them");
});

test("sends frames without their header", () => {
  const { tx, net, line, device } = make();
  tx.add({ readable: [HEADER, frame(60)] });
  tx.add({ readable: [new Uint8Array([...HEADER, ...frame(10)]), frame(90, 11)], indirect: true });
  tx.kick();
  assert.deepEqual(net.sent, [frame(60), frame(100)]);
  assert.deepEqual(tx.pollAll().map(({ written }) => written), [0, 0]);
  assert.equal(line.level, true);
  assert.equal(device.statistics.bytesSent, 160);
});

test("frames that are too short or too long are dropped, the buffer returned", () => {
  const { tx, net, device, driver } = make();
  tx.add({ readable: [new Uint8Array(5)] });
  tx.add({ readable: [HEADER, frame(13)] });
  tx.add({ readable: [HEADER, new Uint8Array(65554)] });
  tx.add({ readable: [HEADER, new Uint8Array(65553)] });
  tx.add({ writable: [64] });
  tx.kick();
  assert.deepEqual(net.sent.map(({ length }) => length), [65553]);
  assert.equal(tx.pollAll().length, 5);
  assert.equal(device.statistics.sendDropped, 4);
  assert.equal(driver.status & 0x40, 0);
});

test("receives into one buffer, with a header that counts it", () => {
  const { rx, net, line } = make();
  rx.add({ writable: [12, 1514] });
  assert.equal(net.receive(frame(60)), true);
  const { written, data } = rx.poll()!;
  assert.equal(written, 72);
  assert.deepEqual([...data.subarray(0, 12)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  assert.deepEqual(data.subarray(12, 72), frame(60));
  assert.equal(line.level, true);
});

test("a driver without VERSION_1 has a header of ten bytes", () => {
  const { rx, tx, net } = make({}, featureMask(5));
  rx.add({ writable: [1524] });
  net.receive(frame(60));
  assert.deepEqual(rx.poll()!.data.subarray(10, 70), frame(60));
  tx.add({ readable: [new Uint8Array(10), frame(60)] });
  tx.kick();
  assert.deepEqual(net.sent, [frame(60)]);
});

test("mergeable buffers: a frame over several, or waiting until there are enough", () => {
  const { rx, net } = make();
  for (let i = 0; i < 2; i++) rx.add({ writable: [100] });
  rx.kick();
  assert.equal(net.receive(frame(250)), true);
  assert.equal(rx.poll(), undefined);
  rx.add({ writable: [100] });
  assert.equal(rx.kick(), true, "the card asks for more than it has");
  const parts = rx.pollAll();
  assert.deepEqual(parts.map(({ written }) => written), [100, 100, 62]);
  assert.equal(parts[0].data[10], 3);
  const data = parts.flatMap(({ data }) => [...data]);
  assert.deepEqual(data.slice(12, 262), [...frame(250)]);
});

test("without mergeable buffers a frame that does not fit is dropped, the buffer kept", () => {
  const { rx, net, device } = make({ mergeableBuffers: false });
  rx.add({ writable: [100] });
  assert.equal(net.receive(frame(89)), true);
  assert.equal(device.statistics.receiveDropped, 1);
  net.receive(frame(88));
  assert.equal(rx.poll()!.written, 100);
});

test("a frame that the whole ring cannot hold is dropped and blocks nobody", () => {
  const { rx, net, device } = make();
  for (let i = 0; i < 16; i++) rx.add({ writable: [20] });
  net.receive(frame(400));
  assert.equal(device.statistics.receiveDropped, 1);
  net.receive(frame(20));
  assert.deepEqual(rx.pollAll().map(({ written }) => written), [20, 12]);
});

test("waiting frames: bounded, in order, delivered on notify, and the network hears of room", () => {
  const { rx, net, device } = make();
  let accepted = 0;
  while (net.receive(frame(64, accepted)) && accepted < 1000) accepted++;
  assert.equal(accepted, 256);
  assert.equal(device.statistics.receiveDropped, 1);
  for (let i = 0; i < 256; i += 16) {
    for (let j = 0; j < 16; j++) rx.add({ writable: [76] });
    assert.equal(rx.kick(), true);
    const got = rx.pollAll();
    assert.deepEqual(got.map(({ data }) => data[12]), Array.from({ length: 16 }, (_, j) => i + j));
  }
  assert.equal(net.ready, 0);
  rx.add({ writable: [76] });
  assert.equal(rx.kick(), true);
  assert.equal(net.ready, 1);
  rx.add({ writable: [76] });
  assert.equal(rx.kick(), false, "nothing waits any more");
});

test("waiting frames are bounded in bytes too", () => {
  const { net, rx } = make();
  let accepted = 0;
  while (net.receive(new Uint8Array(65536)) && accepted < 1000) accepted++;
  assert.equal(accepted, 32);
  for (let i = 0; i < 16; i++) rx.add({ writable: [70000] });
  rx.kick();
  assert.equal(rx.pollAll().length, 16);
  while (net.receive(new Uint8Array(65536)) && accepted < 1000) accepted++;
  assert.equal(accepted, 48, "as many as there is room for again");
});

test("the guest need not notify of input buffers while nothing waits", () => {
  const { rx } = make();
  rx.add({ writable: [1526] });
  rx.kick();
  for (let i = 0; i < 3; i++) {
    rx.add({ writable: [1526] });
    assert.equal(rx.kick(), false);
  }
});

test("frames before DRIVER_OK are dropped, and the network hears when the guest is there", () => {
  const net = new RecordingNet();
  const b = bench(new VirtioNet(net));
  assert.equal(net.receive(frame(60)), false);
  b.driver.negotiate();
  const rx = b.driver.addQueue(0);
  rx.add({ writable: [1526] });
  b.driver.start();
  assert.equal(net.ready, 1);
  assert.equal(rx.poll(), undefined);
});

test("frames of a wrong length are never for the guest", () => {
  const { net, rx, device } = make();
  rx.add({ writable: [4096] });
  net.receive(frame(13));
  net.receive(new Uint8Array(65554));
  assert.equal(rx.poll(), undefined);
  assert.equal(device.statistics.receiveDropped, 2);
});

test("a receive buffer without room for the header needs a reset", () => {
  const { rx, net, driver } = make();
  rx.add({ writable: [11] });
  net.receive(frame(60));
  assert.equal(driver.status & 0x40, 0x40);
});

test("the cable: status bit, configuration interrupt, no frames while it is out", () => {
  const { device, driver, net, rx, tx } = make();
  rx.add({ writable: [1526] });
  device.setLink(false);
  assert.equal(driver.read(0x106, 2), 0);
  assert.equal(driver.acknowledge() & 2, 2);
  assert.equal(net.receive(frame(60)), false);
  tx.add({ readable: [HEADER, frame(60)] });
  tx.kick();
  assert.deepEqual(net.sent, []);
  assert.equal(tx.poll()!.written, 0);
  device.setLink(true);
  assert.equal(driver.read(0x106, 2), 1);
  assert.equal(net.receive(frame(60)), true);
});

test("reset forgets frames that wait", () => {
  const { net, driver } = make();
  net.receive(frame(60));
  driver.negotiate();
  const rx = driver.addQueue(0);
  rx.add({ writable: [1526] });
  driver.addQueue(1);
  driver.start();
  driver.write(0x50, 0);
  assert.equal(rx.poll(), undefined);
});

test("a loopback network answers from within the guest's notify", () => {
  const device = new VirtioNet(new LoopbackBackend());
  const { driver } = bench(device);
  driver.negotiate();
  const rx = driver.addQueue(0);
  const tx = driver.addQueue(1);
  driver.start();
  for (let i = 0; i < 3; i++) rx.add({ writable: [1526] });
  for (let i = 0; i < 3; i++) tx.add({ readable: [HEADER, frame(60 + i)] });
  tx.kick();
  assert.deepEqual(rx.pollAll().map(({ written }) => written), [72, 73, 74]);
  assert.equal(tx.pollAll().length, 3);
});

test("shutdown closes the network", () => {
  const { slot, net } = make();
  slot.shutdown();
  assert.equal(net.closed, 1);
});

test("fuzz: registers, hostile rings, frames at any time", () => {
  for (const mergeableBuffers of [true, false]) {
    const b = make({ mergeableBuffers });
    const random = generator(8086);
    b.net.send = (): void => {
      b.net.receive(new Uint8Array(random(2000)));
    };
    for (let i = 0; i < 20; i++) {
      fuzzRegisters(b.slot, random, 200, 0x200);
      hostileRing(b, random, 2, 6);
      for (let j = 0; j < 20; j++) b.net.receive(new Uint8Array(random(3000)));
      b.turn();
    }
    assert.ok(b.failures.length > 20 && b.device.statistics.framesSent > 20);
    assert.ok(b.device.statistics.framesReceived > 0);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { featureMask } from "../virtio/device.ts";
import { bench, fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import { CONTROL_BYTES, ControlEvent, MAX_PORTS, portOfQueue, receiveQueue } from "./layout.ts";
import { VirtioConsole } from "./virtio_console.ts";

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
const string = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

function message(port: number, event: number, value: number): Uint8Array {
  const bytes = new Uint8Array(CONTROL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, port, true);
  view.setUint16(4, event, true);
  view.setUint16(6, value, true);
  return bytes;
}

/** A device with a console, a plain port "agent" and a second console "log". */
function make(buffers = 32, features?: bigint) {
  const device = new VirtioConsole({
    columns: 100,
    rows: 40,
    queueSize: 32,
    ports: [{ name: "agent" }, { name: "log", console: true }],
  });
  const b = bench(device, 1 << 21);
  b.driver.negotiate(features);
  const queues = device.queueSizes.map((_, i) => b.driver.addQueue(i));
  b.driver.start();
  b.driver.acknowledge();
  const post = (count: number, bytes = 64): void => {
    for (let i = 0; i < count; i++) queues[2].add({ writable: [bytes] });
    queues[2].kick();
  };
  post(buffers);
  const send = (...[port, event, value]: [number, number, number]): void => {
    queues[3].add({ readable: [message(port, event, value)] });
    queues[3].kick();
    queues[3].pollAll();
  };
  /** What the guest was told: [port, event, value, rest]. */
  const told = (): unknown[][] =>
    queues[2].pollAll().map(({ data, written }) => {
      const view = new DataView(data.buffer);
      const rest = string(data.subarray(CONTROL_BYTES, written));
      return [view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true), rest];
    });
  /** The whole handshake, as Linux does it. */
  const ready = (): void => {
    send(0, ControlEvent.deviceReady, 1);
    for (let port = 0; port < 3; port++) send(port, ControlEvent.portReady, 1);
    for (let port = 0; port < 3; port++) send(port, ControlEvent.portOpen, 1);
    told();
  };
  return { ...b, device, queues, post, send, told, ready };
}

test("queues: port 0, control, then further ports in pairs", () => {
  assert.deepEqual([0, 1, 2, 3].map(receiveQueue), [0, 4, 6, 8]);
  assert.deepEqual([0, 1, 4, 5, 6, 7].map(portOfQueue), [0, 0, 1, 1, 2, 2]);
  const { device, driver } = make();
  assert.equal(device.queueSizes.length, 8);
  assert.equal(driver.read(0x104), 3);
  assert.equal(driver.offered() & 0xffffffn & ~featureMask(0, 1, 2), 0n);
  const ports = new Array(MAX_PORTS).fill({ name: "x" });
  assert.throws(() => new VirtioConsole({ ports }), RangeError);
  assert.equal(new VirtioConsole({ ports: ports.slice(1) }).queueSizes.length, 64);
});

test("handshake: the guest hears of ports, what they are, their names and that the host is there", () => {
  const { send, told } = make();
  assert.deepEqual(told(), []);
  send(0, ControlEvent.deviceReady, 1);
  assert.deepEqual(told(), [0, 1, 2].map((port) => [port, ControlEvent.portAdd, 1, ""]));
  send(1, ControlEvent.portReady, 1);
  assert.deepEqual(told(), [
    [1, ControlEvent.portName, 1, "agent"],
    [1, ControlEvent.portOpen, 1, ""],
  ]);
  send(0, ControlEvent.portReady, 1);
  assert.deepEqual(told(), [
    [0, ControlEvent.consolePort, 1, ""],
    [0, ControlEvent.portOpen, 1, ""],
    [0, ControlEvent.resize, 1, "d\0(\0"],
  ]);
  send(2, ControlEvent.portReady, 1);
  assert.deepEqual(told().map(([, event]) => event), [4, 7, 6, 5]);
});

test("a guest that failed to make the device or a port hears nothing of it", () => {
  const { send, told, device } = make();
  send(0, ControlEvent.deviceReady, 0);
  assert.deepEqual(told(), []);
  send(0, ControlEvent.deviceReady, 1);
  told();
  send(1, ControlEvent.portReady, 0);
  device.ports[1].setHostOpen(false);
  assert.deepEqual(told(), []);
});

test("messages wait for buffers, without piling up", () => {
  const { send, told, post, device } = make(0);
  for (let i = 0; i < 50; i++) send(0, ControlEvent.deviceReady, 1);
  send(1, ControlEvent.portReady, 1);
  for (let i = 0; i < 50; i++) device.ports[1].setHostOpen(i % 2 === 1);
  post(2);
  assert.deepEqual(told().map(([port, event]) => [port, event]), [[0, 1], [1, 1]]);
  post(20);
  assert.deepEqual(told(), [
    [1, ControlEvent.portName, 1, "agent"],
    [1, ControlEvent.portOpen, 1, ""],
    [2, ControlEvent.portAdd, 1, ""],
  ]);
});

test("each port has its own stream; input waits until the guest has opened the port", () => {
  const { device, queues, ready, send } = make();
  const [, agent] = device.ports;
  let calls = 0;
  const opened: boolean[] = [];
  agent.onReceiveReady(() => calls++);
  agent.onGuestOpen((open) => opened.push(open));
  ready();
  send(1, ControlEvent.portOpen, 0);
  queues[4].add({ writable: [16] });
  assert.equal(agent.receive(text("hi")), 0);
  queues[4].kick();
  assert.deepEqual([agent.canReceive(), calls], [false, 0]);
  send(1, ControlEvent.portOpen, 1);
  assert.deepEqual([agent.canReceive(), calls], [true, 1]);
  assert.equal(agent.receive(text("hi")), 2);
  assert.equal(string(queues[4].poll()!.data.subarray(0, 2)), "hi");
  assert.deepEqual(opened, [true, false, true]);

  const out: string[][] = [[], [], []];
  device.ports.forEach((port, i) => port.onTransmit((bytes) => out[i].push(string(bytes))));
  [1, 5, 7].forEach((queue, i) => {
    queues[queue].add({ readable: [text(`port ${i}`)] });
    queues[queue].kick();
  });
  assert.deepEqual(out, [["port 0"], ["port 1"], ["port 2"]]);
});

test("the host opens, closes and resizes; consoles are told their size, plain ports are not", () => {
  const { device, ready, told, driver } = make();
  ready();
  driver.acknowledge();
  device.ports[1].setHostOpen(false);
  device.ports[1].setHostOpen(true);
  assert.deepEqual(told(), [
    [1, ControlEvent.portOpen, 0, ""],
    [1, ControlEvent.portOpen, 1, ""],
  ]);
  device.ports[2].resize(0x123, 5);
  assert.deepEqual(told(), [[2, ControlEvent.resize, 1, "\x23\x01\x05\0"]]);
  assert.equal(driver.read(0x100), 100 | (40 << 16), "the configuration has port 0's");
  assert.equal(driver.acknowledge() & 2, 0);
  device.ports[1].resize(1, 1);
  assert.deepEqual(told(), []);
  device.ports[0].resize(7, 8);
  assert.deepEqual(told(), [[0, ControlEvent.resize, 1, "\x07\0\x08\0"]]);
  assert.equal(driver.read(0x100), 7 | (8 << 16));
});

test("sizes are told to drivers that have asked for them", () => {
  const { device, ready, send, told } = make(32, featureMask(1, 32));
  send(0, ControlEvent.deviceReady, 1);
  told();
  send(0, ControlEvent.portReady, 1);
  assert.deepEqual(told().map(([, event]) => event), [4, 6]);
  ready();
  device.ports[2].resize(1, 2);
  assert.deepEqual(told(), []);
});

test("messages that make no sense have no effect; too small a buffer needs a reset", () => {
  const { send, told, queues, failures, driver } = make();
  queues[3].add({ readable: [new Uint8Array(7)] });
  queues[3].kick();
  queues[3].add({ writable: [16] });
  queues[3].kick();
  for (const event of [1, 2, 4, 5, 7, 8, 0xffff]) send(0, event, 1);
  send(3, ControlEvent.portReady, 1);
  send(0xffffffff, ControlEvent.portOpen, 1);
  assert.deepEqual([told(), failures], [[], []]);
  const second = make(0);
  second.post(1, 7);
  second.send(0, ControlEvent.deviceReady, 1);
  assert.equal(second.driver.status & 0x40, 0x40);
  assert.equal(second.failures.length, 1);
  assert.equal(driver.status & 0x40, 0);
});

test("a driver without MULTIPORT has port 0, and its control queues are dead", () => {
  const { device, driver } = make();
  let got = "";
  device.ports[0].onTransmit((bytes) => got += string(bytes));
  driver.negotiate(featureMask(32));
  const tx = [driver.addQueue(0), driver.addQueue(1)][1];
  const control = [driver.addQueue(2), driver.addQueue(3)];
  driver.start();
  assert.deepEqual(device.ports.map(({ guestOpen }) => guestOpen), [true, true, true]);
  tx.add({ readable: [text("plain")] });
  tx.kick();
  control[0].add({ writable: [64] });
  control[1].add({ readable: [message(0, ControlEvent.deviceReady, 1)] });
  control[1].kick();
  assert.equal(got, "plain");
  assert.equal(control[0].poll(), undefined);
});

test("a reset by the driver closes all ports and forgets what it was to be told", () => {
  const { device, driver, ready, post, told, send } = make();
  ready();
  const opened: boolean[] = [];
  device.ports[1].onGuestOpen((open) => opened.push(open));
  driver.write(0x70, 0);
  assert.deepEqual(opened, [false]);
  assert.equal(device.ports[1].guestOpen, false);
  const again = make(0);
  again.send(0, ControlEvent.deviceReady, 1);
  again.driver.negotiate();
  const queues = again.device.queueSizes.map((_, i) => again.driver.addQueue(i));
  again.driver.start();
  for (let i = 0; i < 8; i++) queues[2].add({ writable: [64] });
  queues[2].kick();
  assert.equal(queues[2].poll(), undefined);
  post(1);
  send(0, ControlEvent.deviceReady, 1);
  assert.deepEqual(told(), []);
});

test("state: what the guest knows, what it is to be told, chains half sent on two ports", () => {
  const first = make(3);
  first.ready();
  let got = "";
  for (const [port, queue] of [[1, 5], [2, 7]] as const) {
    first.device.ports[port].onTransmit((bytes) => {
      got += string(bytes);
      first.device.ports[port].holdTransmit(true);
    });
    first.queues[queue].add({ readable: [text(`${port}`.repeat(40_000))] });
    first.queues[queue].kick();
  }
  first.device.ports[2].resize(9, 9);
  const saved = structuredClone(first.slot.state());
  const second = make();
  second.device.ports.forEach((port) => port.onTransmit((bytes) => got += string(bytes)));
  second.memory.bytes.set(first.memory.bytes);
  second.slot.restore(saved);
  assert.equal(got.replaceAll("1", "").length, 40_000);
  assert.equal(got.replaceAll("2", "").length, 40_000);
  assert.deepEqual(second.device.ports.map(({ guestOpen }) => guestOpen), [true, true, true]);
  assert.deepEqual(second.device.ports[2].size, { columns: 9, rows: 9 });
  const record = saved as { [key: string]: DeviceState };
  const device = record.device as { [key: string]: DeviceState };
  const broken: DeviceState[] = [
    { ...device, ports: [] },
    { ...device, control: { pending: [], known: [] } },
    { ...device, control: { pending: [0, 0, 256], known: [0, 0, 0] } },
  ];
  for (const state of broken) {
    assert.throws(() => second.slot.restore({ ...record, device: state }), TypeError);
  }
});

test("fuzz: registers, hostile rings and control messages", () => {
  const b = make();
  const random = generator(8);
  fuzzRegisters(b.slot, random, 2000, 0x200);
  hostileRing(b, random, 8, 100);
  for (let life = 0; life < 20; life++) {
    const mark = b.driver.mark();
    b.driver.negotiate();
    const queues = b.device.queueSizes.map((_, i) => b.driver.addQueue(i));
    b.driver.start();
    for (let i = 0; i < 60; i++) {
      queues[3].add({ readable: [message(random(5), random(9), random(2))] });
      queues[3].kick();
      queues[3].pollAll();
      if (random(3) === 0) queues[2].add({ writable: [16 + random(20)] });
      queues[2].pollAll();
      const port = b.device.ports[random(3)];
      port.setHostOpen(random(2) === 0);
      port.resize(random(65536), random(65536));
      port.receive(new Uint8Array(random(100)));
      b.turn();
    }
    b.driver.release(mark);
  }
  assert.ok(b.failures.length > 20);
});

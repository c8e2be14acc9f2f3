import assert from "node:assert/strict";
import { test } from "node:test";
import { testFrame } from "../../net/testing/frames.ts";
import { featureMask } from "../virtio/device.ts";
import { ControlClass, NetFeature } from "./layout.ts";
import { type Card, makeCard } from "./testing/card.ts";

const HEADER = new Uint8Array(12);
const flow = (port: number) => testFrame({ ports: [port, 80], payload: 4 });
const answer = (port: number) => testFrame({ ports: [80, port], hosts: [2, 1], payload: 4 });

function setPairs(card: Card, pairs: number): number {
  return card.command(ControlClass.queuePairs, 0, pairs & 0xff, pairs >> 8);
}

function send(card: Card, pair: number, frame: Uint8Array): void {
  const queue = card.queues[2 * pair + 1];
  queue.add({ readable: [HEADER, frame] });
  queue.kick();
  queue.poll();
}

/** The pair in which a frame arrives. */
function pairOf(card: Card, frame: Uint8Array, pairs: number): number {
  for (let i = 0; i < pairs; i++) {
    if (card.queues[2 * i].outstanding === 0) card.queues[2 * i].add({ writable: [200] });
  }
  card.net.receive(frame);
  return Array.from({ length: pairs }, (_, i) => card.queues[2 * i].poll() ? i : -1)
    .find((pair) => pair >= 0) ?? -1;
}

test("answers come in the pair in which their flow was sent last", () => {
  const card = makeCard({ queuePairs: 4 });
  assert.equal(setPairs(card, 4), 0);
  for (let port = 1000; port < 1012; port++) {
    for (const pair of [port % 4, (port + 1) % 4]) {
      send(card, pair, flow(port));
      assert.equal(pairOf(card, answer(port), 4), pair, `port ${port}`);
    }
  }
});

test("one pair until the driver asks for more, and again after reset", () => {
  const card = makeCard({ queuePairs: 2 });
  assert.equal(card.driver.read(0x108, 2), 2);
  for (let port = 1; port < 20; port++) assert.equal(pairOf(card, answer(port), 2), 0);
  setPairs(card, 2);
  const pairs = Array.from({ length: 20 }, (_, port) => pairOf(card, answer(port), 2));
  assert.deepEqual([...new Set(pairs)].sort(), [0, 1], "unknown flows are spread");
  assert.equal(setPairs(card, 1), 0);
  for (let port = 1; port < 20; port++) assert.equal(pairOf(card, answer(port), 2), 0);
  for (const wrong of [0, 3, 0x8000]) assert.equal(setPairs(card, wrong), 1);
});

test("without MQ the control queue is the third", () => {
  const card = makeCard({ queuePairs: 3 }, featureMask(32, NetFeature.CTRL_VQ, 18));
  assert.equal(card.command(ControlClass.receiveMode, 0, 0), 0);
});

test("a network without room: frames stay in the ring until it has", () => {
  const card = makeCard();
  card.net.sendReady = false;
  for (let i = 0; i < 4; i++) card.tx.add({ readable: [HEADER, flow(i)] });
  card.tx.kick();
  assert.equal(card.net.sent.length, 0);
  assert.equal(card.tx.poll(), undefined);
  assert.equal(card.turn(), 0, "nobody polls");
  card.net.sendReady = true;
  card.net.resume();
  assert.equal(card.net.sent.length, 4);
  assert.equal(card.tx.pollAll().length, 4);
});

test("a network that fills up while it is given frames", () => {
  const card = makeCard();
  const send = card.net.send.bind(card.net);
  card.net.send = (frame): void => {
    send(frame);
    card.net.sendReady = card.net.sent.length % 2 !== 0;
    card.net.resume();
  };
  for (let i = 0; i < 6; i++) card.tx.add({ readable: [HEADER, flow(i)] });
  card.tx.kick();
  for (const expected of [2, 4, 6]) {
    assert.equal(card.net.sent.length, expected);
    card.net.sendReady = true;
    card.net.resume();
  }
});

test("long work gives the guest its turn", () => {
  const card = makeCard({ queueSize: 64 });
  const large = testFrame({ payload: 60000 });
  const mark = card.driver.mark();
  for (let i = 0; i < 24; i++) {
    card.driver.release(mark);
    card.tx.add({ readable: [HEADER, large] });
  }
  card.tx.kick();
  assert.equal(card.net.sent.length, 18, "a megabyte");
  assert.equal(card.turn(), 1);
  assert.equal(card.net.sent.length, 24);
  assert.equal(card.turn(), 0);
});

test("work that a reset has cut short does not keep later work from going on", () => {
  const card = makeCard({ queueSize: 64 });
  const large = testFrame({ payload: 60000 });
  const mark = card.driver.mark();
  for (let i = 0; i < 24; i++) {
    card.driver.release(mark);
    card.tx.add({ readable: [HEADER, large] });
  }
  card.tx.kick();
  card.driver.negotiate();
  card.turn();
  const queues = [0, 1].map((i) => card.driver.addQueue(i));
  card.driver.start();
  card.net.sent.length = 0;
  const again = card.driver.mark();
  for (let i = 0; i < 24; i++) {
    card.driver.release(again);
    queues[1].add({ readable: [HEADER, large] });
  }
  queues[1].kick();
  card.turn();
  assert.equal(card.net.sent.length, 24);
});

test("a network that was refused while the link was down hears when it is up", () => {
  const card = makeCard();
  card.rx.add({ writable: [200] });
  card.device.setLink(false);
  assert.equal(card.net.receive(flow(1)), false);
  assert.equal(card.net.ready, 0);
  card.device.setLink(true);
  assert.equal(card.net.ready, 1);
});

test("the other end of the cable: status, interrupt, frames", () => {
  const card = makeCard();
  card.driver.acknowledge();
  card.net.linkUp = false;
  card.net.linkChanged();
  assert.equal(card.driver.read(0x106, 2), 0);
  assert.equal(card.driver.acknowledge(), 2);
  assert.equal(card.net.receive(flow(1)), false);
  send(card, 0, flow(1));
  assert.equal(card.net.sent.length, 0, "dropped, not kept for an old network");
  card.device.setLink(false);
  card.net.linkUp = true;
  card.net.linkChanged();
  assert.equal(card.driver.read(0x106, 2), 0, "our end is still out");
  card.device.setLink(true);
  assert.equal(card.driver.read(0x106, 2), 1);
  assert.equal(card.driver.acknowledge() & 2, 2);
});

test("state under load: waiting frames, filter, flows, commands and frames in the rings", () => {
  const options = { queuePairs: 2, mac: Uint8Array.of(2, 0, 0, 0, 0, 9) };
  const first = makeCard(options);
  setPairs(first, 2);
  first.command(ControlClass.receiveMode, 1, 1);
  first.command(ControlClass.mac, 1, 2, 0, 0, 0, 0, 0x55);
  send(first, 1, flow(77));
  for (let i = 0; i < 5; i++) first.net.receive(answer(77));
  first.device.announce();
  first.net.sendReady = false;
  first.tx.add({ readable: [HEADER, flow(5)] });
  first.tx.kick();
  const saved = structuredClone(first.slot.state());

  const second = makeCard(options);
  second.memory.bytes.set(first.memory.bytes);
  second.slot.restore(saved);
  assert.deepEqual(second.slot.state(), saved);
  assert.deepEqual(second.net.sent, [], "nothing before all devices have their state");
  second.turn();
  assert.deepEqual(second.net.sent, [flow(5)]);
  assert.equal(second.driver.read(0x105, 1), 0x55);
  assert.equal(second.driver.read(0x106, 2), 3);
  const steered = first.queues[2]; // the driver's half of the ring goes on with the second card
  for (let i = 0; i < 5; i++) steered.add({ writable: [200] });
  second.memory.bytes.set(first.memory.bytes);
  second.driver.write(0x50, 2);
  first.memory.bytes.set(second.memory.bytes);
  const frames = steered.pollAll().map(({ written, data }) => data.slice(12, written));
  assert.deepEqual(frames, Array.from({ length: 5 }, () => answer(77)));
  second.net.receive(answer(77));
  assert.equal(second.device.statistics.framesReceived, 1);
});

test("state of another card, or none, is refused", () => {
  const { slot } = makeCard({ queuePairs: 2 });
  const saved = structuredClone(slot.state()) as { device: Record<string, unknown> };
  const wrong: [string, unknown][] = [
    ["mac", new Uint8Array(5)],
    ["cable", 1],
    ["guestOffloads", -1],
    ["filter", null],
    ["steering", { active: 0, pairs: new Uint8Array(256) }],
    ["steering", { active: 1, pairs: new Uint8Array(10) }],
    ["waiting", [[]]],
    ["waiting", [[{ header: new Uint8Array(12), frame: "x" }], []]],
    ["waiting", [[{ header: new Uint8Array(3), frame: new Uint8Array(60) }], []]],
  ];
  for (const [key, value] of wrong) {
    const state = structuredClone(saved);
    state.device[key] = value;
    assert.throws(() => slot.restore(state as never), TypeError, key);
  }
  const other = makeCard();
  assert.throws(() => other.slot.restore(saved as never), TypeError);
});

test("reset at any point forgets all that the driver said, and goes on with the network", () => {
  const card = makeCard({ queuePairs: 2 });
  setPairs(card, 2);
  card.command(ControlClass.receiveMode, 0, 0);
  const fresh = structuredClone(makeCard({ queuePairs: 2 }).device.state());
  card.net.receive(testFrame({ to: [255, 255, 255, 255, 255, 255] }));
  card.device.announce();
  card.driver.write(0x70, 0);
  card.driver.negotiate();
  for (let i = 0; i < 5; i++) card.driver.addQueue(i);
  card.driver.start();
  assert.deepEqual(card.device.state(), fresh);
});

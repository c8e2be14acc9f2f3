import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_OFFLOADS, type FrameOffload, type FrameReceiver, type NetBackend } from "./backend.ts";
import { Hub, MAX_LEARNED, MAX_PORTS } from "./hub.ts";
import { BROADCAST, isSound, MAC_A, MAC_B, testFrame } from "./testing/frames.ts";

const MAC_C = [2, 0, 0, 0, 0, 0xc];
const MULTICAST = [1, 0, 0x5e, 0, 0, 1];

/** A machine that keeps what it gets. */
function station(hub: Hub) {
  const port = hub.port();
  const got: Uint8Array[] = [];
  const offloads: (FrameOffload | undefined)[] = [];
  const self = { port, got, offloads, room: true };
  port.onReceive((frame, offload) => {
    if (!self.room) return false;
    got.push(frame.slice());
    offloads.push(offload && { ...offload });
    return true;
  });
  return self;
}

test("a hub floods what it does not know, and learns from where frames come", () => {
  const hub = new Hub();
  const [a, b, c] = [station(hub), station(hub), station(hub)];
  const counts = () => [a, b, c].map(({ got }) => got.length);
  a.port.send(testFrame({ from: MAC_A, to: MAC_B }));
  assert.deepEqual(counts(), [0, 1, 1], "not known yet");
  b.port.send(testFrame({ from: MAC_B, to: MAC_A }));
  assert.deepEqual(counts(), [1, 1, 1]);
  a.port.send(testFrame({ from: MAC_A, to: MAC_B }));
  assert.deepEqual(counts(), [1, 2, 1]);
  for (const to of [BROADCAST, MULTICAST]) a.port.send(testFrame({ from: MAC_A, to }));
  assert.deepEqual(counts(), [1, 4, 3]);
  a.port.send(testFrame({ from: MAC_C, to: MAC_A }));
  assert.deepEqual(counts(), [1, 4, 3], "both on one side");
  assert.deepEqual(hub.statistics, { frames: 6, flooded: 3, dropped: 0 });
});

test("a machine that moves to another port is found there", () => {
  const hub = new Hub();
  const [a, b, c] = [station(hub), station(hub), station(hub)];
  a.port.send(testFrame({ from: MAC_A, to: BROADCAST }));
  b.port.send(testFrame({ from: MAC_A, to: BROADCAST }));
  c.port.send(testFrame({ from: MAC_C, to: MAC_A }));
  assert.deepEqual([a.got.length, b.got.length], [1, 2]);
});

test("offloads go from card to card", () => {
  const hub = new Hub();
  const [a, b] = [station(hub), station(hub)];
  assert.deepEqual(a.port.offloads, ALL_OFFLOADS);
  const offload = { checksumStart: 34, checksumOffset: 16, segmentSize: 1000 };
  const frame = testFrame({ payload: 5000, partial: true });
  a.port.send(frame, offload);
  assert.deepEqual([b.got, b.offloads], [[frame], [offload]]);
});

test("a machine without room loses its frames, others do not", () => {
  const hub = new Hub();
  const [a, b, c] = [station(hub), station(hub), station(hub)];
  b.room = false;
  for (let i = 0; i < 3; i++) a.port.send(testFrame({ to: BROADCAST }));
  assert.deepEqual([b.got.length, c.got.length, hub.statistics.dropped], [0, 3, 3]);
});

test("tables are bounded: the oldest address is forgotten", () => {
  const hub = new Hub();
  const [a, b, c] = [station(hub), station(hub), station(hub)];
  const address = (i: number) => [2, 0, 0, 1, i >> 8, i & 0xff];
  for (let i = 0; i < 3 * MAX_LEARNED; i++) {
    a.port.send(testFrame({ from: address(i), to: BROADCAST }));
  }
  assert.equal(hub.learned, MAX_LEARNED);
  const before = c.got.length;
  b.port.send(testFrame({ from: MAC_B, to: address(3 * MAX_LEARNED - 1) }));
  assert.equal(c.got.length, before, "known");
  b.port.send(testFrame({ from: MAC_B, to: address(0) }));
  assert.equal(c.got.length, before + 1, "forgotten");
  const small = new Hub();
  station(small).port.send(testFrame({ from: MULTICAST, to: BROADCAST }));
  assert.equal(small.learned, 0, "groups are not learned");
});

test("ports: bounded, freed by close, silent after it", () => {
  const hub = new Hub();
  const ports = Array.from({ length: MAX_PORTS }, () => station(hub));
  assert.throws(() => hub.port(), RangeError);
  const [a, b] = ports;
  a.port.send(testFrame({ from: MAC_A, to: BROADCAST }));
  a.port.close();
  a.port.close();
  assert.deepEqual([hub.ports, hub.learned], [MAX_PORTS - 1, 0]);
  a.port.send(testFrame({ to: BROADCAST }));
  assert.equal(b.got.length, 1);
  hub.port();
});

test("a network on a hub gets what it can take, and answers", () => {
  const hub = new Hub();
  const a = station(hub);
  const sent: Uint8Array[] = [];
  let receiver: FrameReceiver = () => false;
  const network: NetBackend = {
    send: (frame) => {
      sent.push(frame.slice());
      receiver(testFrame({ from: MAC_B, to: MAC_A, payload: 7 }));
    },
    onReceive: (callback) => void (receiver = callback),
    close: () => {},
  };
  const disconnect = hub.connect(network);
  const offload = { checksumStart: 34, checksumOffset: 16, segmentSize: 1000 };
  a.port.send(testFrame({ payload: 2500, partial: true }), offload);
  assert.deepEqual(sent.map(isSound), [true, true, true]);
  assert.equal(a.got.length, 3);
  disconnect();
  a.port.send(testFrame());
  assert.equal(sent.length, 3);
  receiver(testFrame({ to: BROADCAST }));
  assert.equal(a.got.length, 3);
});

test("hubs in a ring end; hubs in a row work", () => {
  const [left, right] = [new Hub(), new Hub()];
  left.connect(right.port());
  const [a, b] = [station(left), station(right)];
  a.port.send(testFrame({ from: MAC_A, to: BROADCAST }));
  b.port.send(testFrame({ from: MAC_B, to: MAC_A }));
  assert.deepEqual([a.got.length, b.got.length], [1, 1]);
  right.connect(left.port());
  a.port.send(testFrame({ from: MAC_A, to: BROADCAST }));
  assert.ok(left.statistics.dropped + right.statistics.dropped > 0);
});

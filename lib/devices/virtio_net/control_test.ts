import assert from "node:assert/strict";
import { test } from "node:test";
import { BROADCAST, MAC_A, MAC_B, testFrame } from "../../net/testing/frames.ts";
import { featureMask } from "../virtio/device.ts";
import { ControlClass, NetFeature } from "./layout.ts";
import { type Card, makeCard } from "./testing/card.ts";

const OK = 0;
const ERROR = 1;
const { receiveMode, mac, vlan, announce, queuePairs, guestOffloads } = ControlClass;
const OWN = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const MULTICAST = [1, 0, 0x5e, 0, 0, 1];

/** Whether a frame to this address reaches the guest. */
function arrives(card: Card, to: readonly number[], tag?: number): boolean {
  const before = card.device.statistics.framesReceived;
  card.rx.add({ writable: [100] });
  const frame = testFrame(tag === undefined ? { to } : { to, vlan: tag });
  assert.equal(card.net.receive(frame), true);
  return card.device.statistics.framesReceived > before;
}

/** A table for MAC_TABLE_SET. */
const table = (...addresses: readonly (readonly number[])[]): number[] => [
  addresses.length & 0xff,
  addresses.length >> 8,
  0,
  0,
  ...addresses.flat(),
];

test("a card takes every frame until its driver ends promiscuous mode", () => {
  const card = makeCard();
  assert.ok(arrives(card, MAC_B) && arrives(card, MULTICAST) && arrives(card, OWN, 7));
  assert.equal(card.command(receiveMode, 0, 0), OK);
  assert.deepEqual(
    [OWN, BROADCAST, MAC_B, MULTICAST].map((to) => arrives(card, to)),
    [true, true, false, false],
  );
  assert.equal(card.device.statistics.receiveFiltered, 2);
});

test("receive modes: all and none of each kind", () => {
  const modes: [number, boolean[]][] = [
    [1, [true, true, false, true]], // all multicast
    [2, [true, true, true, false]], // all unicast
    [4, [false, true, false, false]], // no unicast
    [5, [true, false, false, false]], // no broadcast
  ];
  for (const [mode, expected] of modes) {
    const card = makeCard();
    card.command(receiveMode, 0, 0);
    assert.equal(card.command(receiveMode, mode, 1), OK);
    assert.deepEqual(
      [OWN, BROADCAST, MAC_B, MULTICAST].map((to) => arrives(card, to)),
      expected,
      `mode ${mode}`,
    );
  }
  const card = makeCard();
  card.command(receiveMode, 0, 0);
  card.command(receiveMode, 1, 1);
  card.command(receiveMode, 3, 1);
  assert.equal(arrives(card, MULTICAST), false, "no multicast prevails over all multicast");
});

test("the table of addresses; malformed ones change nothing; long ones take all", () => {
  const card = makeCard({ queueSize: 64 });
  card.command(receiveMode, 0, 0);
  assert.equal(card.command(mac, 0, ...table(MAC_A, MAC_B), ...table(MULTICAST)), OK);
  const all = [MAC_A, MAC_B, MULTICAST, OWN, [2, 0, 0, 0, 0, 1]];
  const expected = [true, true, true, true, false];
  assert.deepEqual(all.map((to) => arrives(card, to)), expected);
  assert.equal(card.command(mac, 0), ERROR);
  assert.equal(card.command(mac, 0, ...table(MAC_A)), ERROR, "one table only");
  assert.equal(card.command(mac, 0, ...table(), 2, 0, 0, 0, ...MULTICAST), ERROR, "too short");
  assert.equal(card.command(mac, 0, ...table(), ...table(), 1), ERROR, "too long");
  assert.equal(card.command(mac, 0, 255, 255, 255, 255, ...MAC_A), ERROR);
  assert.deepEqual(all.map((to) => arrives(card, to)), expected);
  const most = Array.from({ length: 64 }, (_, i) => [2, 0, 0, 0, 1, i]);
  assert.equal(card.command(mac, 0, ...table(...most), ...table()), OK);
  assert.deepEqual([most[63], MAC_A].map((to) => arrives(card, to)), [true, false]);
  const many = Array.from({ length: 65 }, (_, i) => [2, 0, 0, 0, 1, i]);
  assert.equal(card.command(mac, 0, ...table(...many), ...table()), OK);
  assert.deepEqual(all.map((to) => arrives(card, to)), [true, true, false, true, true]);
});

test("the driver's address: in the configuration and the filter, until reset", () => {
  const card = makeCard();
  card.command(receiveMode, 0, 0);
  assert.equal(card.command(mac, 1, ...MAC_B), OK);
  assert.equal(card.command(mac, 1, 1, 2, 3), ERROR);
  assert.equal(card.driver.read(0x105, 1), MAC_B[5]);
  assert.deepEqual([OWN, MAC_B].map((to) => arrives(card, to)), [false, true]);
  card.driver.negotiate();
  assert.equal(card.driver.read(0x105, 1), OWN[5]);
});

test("VLANs: only those that were added, once the mode is not promiscuous", () => {
  const card = makeCard();
  card.command(receiveMode, 0, 0);
  assert.equal(card.command(vlan, 0, 0xff, 0x0f), OK);
  assert.equal(card.command(vlan, 0, 7, 0), OK);
  assert.deepEqual([4095, 7, 8].map((tag) => arrives(card, OWN, tag)), [true, true, false]);
  assert.equal(card.command(vlan, 1, 7, 0), OK);
  assert.equal(arrives(card, OWN, 7), false);
  assert.equal(card.command(vlan, 0, 0, 0x10), ERROR, "there is no VLAN 4096");
  assert.equal(card.command(vlan, 2, 7, 0), ERROR);
  assert.equal(card.command(vlan, 0, 7), ERROR);
  const without = makeCard({}, featureMask(32, NetFeature.CTRL_VQ, NetFeature.CTRL_RX));
  without.command(receiveMode, 0, 0);
  assert.ok(arrives(without, OWN, 8), "without the feature tags are not looked at");
});

test("announcing: a status bit and an interrupt, until the driver acknowledges", () => {
  const card = makeCard();
  card.driver.acknowledge();
  assert.equal(card.command(announce, 0), OK);
  card.driver.acknowledge();
  const generation = card.driver.read(0xfc);
  assert.equal(card.device.announce(), true);
  assert.notEqual(card.driver.read(0xfc), generation);
  assert.equal(card.driver.read(0x106, 2), 3);
  assert.equal(card.driver.acknowledge() & 2, 2);
  assert.equal(card.command(announce, 1), ERROR);
  assert.equal(card.command(announce, 0), OK);
  assert.equal(card.driver.read(0x106, 2), 1);
  assert.equal(makeCard({}, featureMask(32, 16)).device.announce(), false);
});

test("commands without their feature, and unknown ones, are refused", () => {
  const bare = makeCard({}, featureMask(32, NetFeature.CTRL_VQ));
  const commands: number[][] = [
    [receiveMode, 0, 0],
    [mac, 0, ...table(), ...table()],
    [mac, 1, ...MAC_B],
    [vlan, 0, 1, 0],
    [announce, 0],
    [queuePairs, 0, 1, 0],
    [guestOffloads, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ];
  for (const [commandClass, command, ...data] of commands) {
    assert.equal(bare.command(commandClass, command, ...data), ERROR, `class ${commandClass}`);
  }
  const card = makeCard({ queuePairs: 2 });
  assert.equal(card.command(receiveMode, 6, 1), ERROR);
  assert.equal(card.command(receiveMode, 0), ERROR);
  assert.equal(card.command(receiveMode, 0, 1, 1), ERROR);
  assert.equal(card.command(queuePairs, 1, 1, 0), ERROR);
  assert.equal(card.command(6, 0, 1), ERROR);
  assert.equal(card.command(255, 255), ERROR);
  const basic = makeCard({}, featureMask(32, NetFeature.CTRL_VQ, NetFeature.CTRL_RX));
  assert.equal(basic.command(receiveMode, 1, 1), OK);
  assert.equal(basic.command(receiveMode, 2, 1), ERROR, "needs CTRL_RX_EXTRA");
});

test("a command may be spread over buffers; a very long one is refused", () => {
  const card = makeCard();
  const control = card.queues[2];
  control.add({
    readable: [Uint8Array.of(mac), Uint8Array.of(1, 2, 0, 0), Uint8Array.of(0, 0, 9)],
    writable: [1, 4],
    indirect: true,
  });
  control.kick();
  const { written, data } = control.poll()!;
  assert.deepEqual([written, data[0]], [1, OK]);
  assert.equal(card.driver.read(0x105, 1), 9);
  assert.equal(card.command(mac, 0, ...new Array<number>(9000).fill(0)), ERROR);
});

test("a chain that is no command needs a reset", () => {
  for (const request of [{ readable: [new Uint8Array(3)] }, { writable: [4] }]) {
    const card = makeCard();
    card.queues[2].add(request);
    card.queues[2].kick();
    assert.equal(card.driver.status & 0x40, 0x40);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_OFFLOADS, type FrameOffload } from "../../net/backend.ts";
import { isSound, testFrame } from "../../net/testing/frames.ts";
import { featureMask } from "../virtio/device.ts";
import { generator } from "../virtio/testing/bench.ts";
import { ControlClass, NetFeature } from "./layout.ts";
import { type Card, makeCard } from "./testing/card.ts";

const F = NetFeature;

interface Header {
  flags?: number;
  gsoType?: number;
  size?: number;
  start?: number;
  offset?: number;
}

function header({ flags = 1, gsoType = 0, size = 0, start = 34, offset = 16 }: Header): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, flags);
  view.setUint8(1, gsoType);
  view.setUint16(4, size, true);
  view.setUint16(6, start, true);
  view.setUint16(8, offset, true);
  return bytes;
}

function send(card: Card, fields: Header, frame: Uint8Array): void {
  card.tx.add({ readable: [header(fields), frame] });
  card.tx.kick();
  assert.equal(card.tx.poll()!.written, 0);
}

test("checksums that the guest leaves are made by the card, or left to a network that takes them", () => {
  for (const version of [4, 6] as const) {
    const start = version === 4 ? 34 : 54;
    const open = testFrame({ version, payload: 100, partial: true });
    const card = makeCard();
    send(card, { start }, open);
    assert.ok(isSound(card.net.sent[0]));
    assert.deepEqual(card.net.sentOffloads, [undefined]);
    card.net.offloads = ALL_OFFLOADS;
    send(card, { start }, open);
    assert.deepEqual(card.net.sent[1], open);
    assert.deepEqual(card.net.sentOffloads[1], {
      checksumStart: start,
      checksumOffset: 16,
      segmentSize: 0,
    });
  }
});

test("a checksum of something unknown is made by the card", () => {
  const card = makeCard();
  card.net.offloads = ALL_OFFLOADS;
  send(card, { start: 14, offset: 2 }, new Uint8Array(60).fill(1));
  assert.deepEqual(card.net.sentOffloads, [undefined]);
  assert.deepEqual([...card.net.sent[0].subarray(16, 18)], [0xe8, 0xe8]);
});

test("large packets are cut by the card, or left to a network that takes them", () => {
  for (const version of [4, 6] as const) {
    const [start, gsoType] = version === 4 ? [34, 1] : [54, 4];
    const large = testFrame({ version, payload: 60000, flags: 0x18, partial: true });
    const card = makeCard();
    send(card, { start, gsoType, size: 1448 }, large);
    assert.equal(card.net.sent.length, 42);
    assert.ok(card.net.sent.every(isSound));
    assert.equal(card.device.statistics.framesSent, 1);
    card.net.offloads = { ...ALL_OFFLOADS, [version === 4 ? "tcp6" : "tcp4"]: false };
    send(card, { start, gsoType, size: 1448 }, large);
    assert.deepEqual(card.net.sent[42], large);
    assert.equal(card.net.sentOffloads[42]?.segmentSize, 1448);
    send(card, { start, gsoType: gsoType | 0x80, size: 60000 }, large);
    assert.equal(card.net.sentOffloads[43]?.segmentSize, 0, "it fits into one segment");
  }
});

test("headers that the frame does not bear out: dropped, the buffer returned", () => {
  const tcp = testFrame({ payload: 100, partial: true });
  const udp = testFrame({ protocol: 17, payload: 100, partial: true });
  const cases: [Header, Uint8Array][] = [
    [{ start: 0 }, tcp],
    [{ start: 13 }, tcp],
    [{ start: 150, offset: 3 }, tcp],
    [{ start: 0xffff, offset: 0xffff }, tcp],
    [{ gsoType: 1, size: 0 }, tcp],
    [{ gsoType: 4, size: 50 }, tcp],
    [{ gsoType: 3, size: 50 }, udp],
    [{ gsoType: 5, size: 50, offset: 6 }, udp],
    [{ gsoType: 1, size: 50, offset: 6 }, udp],
    [{ gsoType: 1, size: 50, start: 35 }, tcp],
    [{ gsoType: 1, size: 50, flags: 0 }, tcp],
  ];
  const card = makeCard();
  for (const [fields, frame] of cases) send(card, fields, frame);
  assert.equal(card.net.sent.length, 0);
  assert.equal(card.device.statistics.sendDropped, cases.length);
  assert.deepEqual(card.failures, []);
});

test("without the features headers are not looked at, and large packets not taken", () => {
  const card = makeCard({}, featureMask(32));
  const frame = testFrame({ payload: 100, partial: true });
  send(card, {}, frame);
  assert.deepEqual(card.net.sent, [frame]);
  send(card, { gsoType: 1, size: 10 }, frame);
  assert.equal(card.net.sent.length, 1);
  const without = makeCard({}, featureMask(32, F.CSUM, F.HOST_TSO6));
  send(without, { gsoType: 1, size: 10 }, frame);
  assert.equal(without.net.sent.length, 0);
});

const OFFLOAD: FrameOffload = { checksumStart: 34, checksumOffset: 16, segmentSize: 0 };
const LARGE: FrameOffload = { ...OFFLOAD, segmentSize: 1000 };

function receive(card: Card, frame: Uint8Array, offload: FrameOffload) {
  for (let i = card.rx.outstanding; i < 8; i++) card.rx.add({ writable: [4000] });
  assert.equal(card.net.receive(frame, offload), true);
  return card.rx.pollAll().map(({ written, data }) => ({
    header: [...data.subarray(0, 12)],
    frame: data.slice(12, written),
  }));
}

test("a driver with GUEST_CSUM gets checksums unmade, another one gets them made", () => {
  const open = testFrame({ payload: 300, partial: true });
  const [taken] = receive(makeCard(), open, OFFLOAD);
  assert.deepEqual(taken, { header: [1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 1, 0], frame: open });
  const [made] = receive(makeCard({ offloads: false }), open, OFFLOAD);
  assert.deepEqual(made.header, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
  assert.deepEqual(made.frame, testFrame({ payload: 300 }));
});

test("a driver with GUEST_TSO4 gets large packets whole, another one in segments", () => {
  const large = testFrame({ payload: 3000, partial: true });
  const [whole] = receive(makeCard(), large, LARGE);
  assert.deepEqual(whole.header, [1, 1, 54, 0, 0xe8, 3, 34, 0, 16, 0, 1, 0]);
  assert.deepEqual(whole.frame, large);
  for (const features of [[F.GUEST_CSUM, F.GUEST_TSO6], [F.GUEST_CSUM], []]) {
    const card = makeCard({}, featureMask(32, F.MRG_RXBUF, ...features));
    const parts = receive(card, large, LARGE);
    assert.equal(parts.length, 3);
    assert.ok(parts.every(({ frame }) => isSound(frame)));
  }
  const congested = testFrame({ payload: 3000, flags: 0x90, partial: true });
  assert.equal(receive(makeCard(), congested, LARGE)[0].header[1], 0x81);
  const without = featureMask(32, F.MRG_RXBUF, F.GUEST_CSUM, F.GUEST_TSO4);
  assert.equal(receive(makeCard({}, without), congested, LARGE).length, 3);
});

test("GUEST_OFFLOADS_SET switches what was negotiated, no more", () => {
  const card = makeCard({}, featureMask(32, F.CTRL_VQ, F.CTRL_GUEST_OFFLOADS, F.GUEST_CSUM));
  const set = (mask: number): number =>
    card.command(ControlClass.guestOffloads, 0, mask, mask >> 8, 0, 0, 0, 0, 0, 0);
  const open = testFrame({ payload: 300, partial: true });
  assert.equal(receive(card, open, OFFLOAD)[0].header[0], 1);
  assert.equal(set(0), 0);
  assert.equal(receive(card, open, OFFLOAD)[0].header[0], 0);
  assert.equal(set(1 << F.GUEST_TSO4), 1, "was not negotiated");
  assert.equal(set(1 << F.GUEST_CSUM), 0);
  assert.equal(receive(card, open, OFFLOAD)[0].header[0], 1);
});

test("a large packet for which there is no room is refused, and segments come again", () => {
  const card = makeCard({ offloads: false });
  const large = testFrame({ payload: 60000, partial: true });
  let accepted = 0;
  while (card.net.receive(large, LARGE) && accepted < 100) accepted++;
  assert.equal(accepted, 4, "256 segments wait");
  for (let i = 0; i < 40 && card.net.ready === 0; i++) {
    for (let j = 0; j < 16; j++) card.rx.add({ writable: [1100] });
    card.rx.kick();
    card.rx.pollAll();
  }
  assert.equal(card.net.ready, 1);
});

test("fuzz: any header before any frame, to a network that takes all and one that takes none", () => {
  const random = generator(1071);
  for (const offloads of [ALL_OFFLOADS, { checksum: false, tcp4: false, tcp6: false }]) {
    const card = makeCard();
    card.net.offloads = offloads;
    const mark = card.driver.mark();
    let cut = 0;
    for (let i = 0; i < 3000; i++) {
      const frame = testFrame({
        version: random(2) ? 4 : 6,
        protocol: random(4) ? 6 : 17,
        payload: random(3000),
        options: 4 * random(4),
        partial: true,
      });
      const start = frame[12] === 8 ? 34 : 54;
      for (let j = random(3); j > 0; j--) frame[random(80)] = random(256);
      send(card, {
        flags: random(8) ? 1 : random(256),
        gsoType: [0, 1, 4, 0x81, random(256)][random(5)],
        size: random(3) ? 500 + random(1000) : random(65536),
        start: random(6) ? start : random(65536),
        offset: random(6) ? 16 : random(70),
      }, frame.subarray(0, random(10) ? frame.length : 1 + random(frame.length)));
      const sent = card.net.sent.splice(0);
      if (sent.length > 1) cut++;
      for (const [k, part] of sent.entries()) {
        card.rx.add({ writable: [4000] });
        card.net.receive(part, card.net.sentOffloads[k]);
        card.rx.pollAll();
      }
      card.net.sentOffloads.length = 0;
      card.driver.release(mark);
    }
    assert.deepEqual(card.failures, []);
    assert.ok(card.device.statistics.framesSent > 500);
    assert.ok(offloads === ALL_OFFLOADS ? cut === 0 : cut > 50);
  }
});

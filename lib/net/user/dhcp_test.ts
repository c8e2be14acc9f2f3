import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench, SECOND } from "./testing/bench.ts";
import {
  address,
  ALL,
  dotted,
  GUEST_MAC,
  icmp,
  type IpFields,
  readUdp,
  udp,
} from "./testing/packets.ts";

const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const DECLINE = 4;
const ACK = 5;
const NAK = 6;
const RELEASE = 7;
const INFORM = 8;

interface Message {
  readonly mac?: readonly number[];
  readonly ciaddr?: string;
  readonly flags?: number;
  readonly requested?: string;
  readonly server?: string;
  readonly more?: readonly number[];
}

function message(type: number, fields: Message = {}): Uint8Array<ArrayBuffer> {
  const { mac = GUEST_MAC, ciaddr = "0.0.0.0", flags = 0, requested, server, more = [] } = fields;
  const bytes = new Uint8Array(300);
  bytes.set([1, 1, 6, 0, 1, 2, 3, 4, 0, 0, flags >> 8, flags & 255, ...address(ciaddr)]);
  bytes.set(mac, 28);
  bytes.set([99, 130, 83, 99, 53, 1, type], 236);
  bytes.set([
    ...(requested === undefined ? [] : [50, 4, ...address(requested)]),
    ...(server === undefined ? [] : [54, 4, ...address(server)]),
    ...more,
    255,
  ], 243);
  return bytes;
}

const FROM_NOBODY: IpFields = { source: "0.0.0.0", destination: "255.255.255.255", to: ALL };

interface Answer {
  readonly type: number;
  readonly yours: string;
  readonly destination: string;
  readonly to: readonly number[];
  readonly options: Map<number, number[]>;
}

function ask(
  bench: Bench,
  type: number,
  fields: Message = {},
  ip = FROM_NOBODY,
): Answer | undefined {
  bench.send(udp([68, 67], message(type, fields), { from: fields.mac ?? GUEST_MAC, ...ip }));
  const [packet] = bench.take();
  if (packet === undefined) return undefined;
  const { ports, payload } = readUdp(packet);
  assert.deepEqual(ports, [67, 68]);
  assert.equal(packet.source, "10.0.2.2");
  assert.deepEqual([...payload.subarray(4, 8)], [1, 2, 3, 4], "the client's number");
  assert.deepEqual([...payload.subarray(28, 34)], fields.mac ?? GUEST_MAC);
  assert.ok(payload.length >= 300);
  const options = new Map<number, number[]>();
  for (let at = 240; payload[at] !== 255; at += 2 + payload[at + 1]) {
    options.set(payload[at], [...payload.subarray(at + 2, at + 2 + payload[at + 1])]);
  }
  const { destination, to } = packet;
  return {
    type: options.get(53)?.[0] ?? 0,
    yours: dotted(payload.subarray(16, 20)),
    destination,
    to,
    options,
  };
}

const mac = (n: number): number[] => [2, 0, 0, 0, n >> 8, n & 255];

test("discover, offer, request, ack: the first guest is 10.0.2.15", () => {
  const bench = new Bench({ hostname: "guest", domain: "example.org", mtu: 1400 });
  const offer = ask(bench, DISCOVER);
  assert.equal(offer?.type, OFFER);
  assert.equal(offer.yours, "10.0.2.15");
  assert.deepEqual([offer.destination, offer.to], ["10.0.2.15", GUEST_MAC]);
  const ack = ask(bench, REQUEST, { requested: "10.0.2.15", server: "10.0.2.2" });
  assert.equal(ack?.type, ACK);
  assert.equal(ack.yours, "10.0.2.15");
  assert.deepEqual(Object.fromEntries(ack.options), {
    53: [5],
    54: [10, 0, 2, 2],
    51: [0, 1, 0x51, 0x80],
    58: [0, 0, 0xa8, 0xc0],
    59: [0, 1, 0x27, 0x50],
    1: [255, 255, 255, 0],
    3: [10, 0, 2, 2],
    6: [10, 0, 2, 3],
    28: [10, 0, 2, 255],
    12: [..."guest"].map((c) => c.charCodeAt(0)),
    15: [..."example.org"].map((c) => c.charCodeAt(0)),
    26: [5, 120],
  });
  // The guest is known now.
  bench.send(icmp(8, 0, [0, 0, 0, 0]));
  assert.equal(bench.take().length, 1);
});

test("the broadcast flag, and a client with an address", () => {
  const bench = new Bench();
  const offer = ask(bench, DISCOVER, { flags: 0x8000 });
  assert.deepEqual([offer?.destination, offer?.to], ["255.255.255.255", ALL]);
  const renewal = ask(bench, REQUEST, { ciaddr: "10.0.2.15" }, {
    source: "10.0.2.15",
    destination: "10.0.2.2",
  });
  assert.deepEqual([renewal?.type, renewal?.destination], [ACK, "10.0.2.15"]);
});

test("each card has its own address, and keeps it", () => {
  const bench = new Bench();
  const first = [1, 2, 3].map((n) => ask(bench, DISCOVER, { mac: mac(n) })?.yours);
  assert.deepEqual(first, ["10.0.2.15", "10.0.2.16", "10.0.2.17"]);
  assert.equal(ask(bench, DISCOVER, { mac: mac(2) })?.yours, "10.0.2.16");
  assert.equal(ask(bench, DISCOVER, { mac: mac(4), requested: "10.0.2.200" })?.yours, "10.0.2.200");
  assert.equal(ask(bench, DISCOVER, { mac: mac(5), requested: "10.0.2.200" })?.yours, "10.0.2.18");
  assert.equal(ask(bench, DISCOVER, { mac: mac(6), requested: "10.0.2.3" })?.yours, "10.0.2.19");
});

test("a request for what the client cannot have is refused to all", () => {
  const bench = new Bench();
  ask(bench, DISCOVER, { mac: mac(1) });
  for (const requested of ["10.0.2.15", "10.0.2.2", "10.0.2.4", "10.0.3.15", "10.0.2.255"]) {
    const answer = ask(bench, REQUEST, { mac: mac(2), requested });
    assert.deepEqual([answer?.type, answer?.yours], [NAK, "0.0.0.0"], requested);
    assert.equal(answer?.destination, "255.255.255.255");
    assert.deepEqual([...answer.options.keys()], [53, 54]);
  }
  assert.equal(ask(bench, REQUEST, { mac: mac(2) })?.type, NAK, "no address named");
  const other = ask(bench, REQUEST, { mac: mac(2), requested: "10.0.2.20", server: "10.0.2.9" });
  assert.equal(other, undefined, "meant for another server");
});

test("release frees the address, decline bars it for a while", async () => {
  const bench = new Bench();
  ask(bench, DISCOVER, { mac: mac(1) });
  ask(bench, RELEASE, { mac: mac(2), ciaddr: "10.0.2.15" });
  assert.equal(ask(bench, DISCOVER, { mac: mac(3) })?.yours, "10.0.2.16", "another's release");
  ask(bench, RELEASE, { mac: mac(1), ciaddr: "10.0.2.15" });
  assert.equal(ask(bench, DISCOVER, { mac: mac(4) })?.yours, "10.0.2.15");
  ask(bench, DECLINE, { mac: mac(4), requested: "10.0.2.15", server: "10.0.2.2" });
  assert.equal(ask(bench, DISCOVER, { mac: mac(4) })?.yours, "10.0.2.17");
  await bench.pass(3601 * SECOND, 3601 * SECOND);
  const again = ask(bench, REQUEST, { mac: mac(5), requested: "10.0.2.15" });
  assert.equal(again?.type, ACK);
});

test("inform tells all but an address", () => {
  const bench = new Bench();
  const answer = ask(bench, INFORM, { ciaddr: "10.0.2.100" });
  assert.deepEqual([answer?.type, answer?.yours], [ACK, "0.0.0.0"]);
  assert.equal(answer?.destination, "10.0.2.100");
  assert.equal(answer?.options.has(51), false);
  assert.deepEqual(answer?.options.get(6), [10, 0, 2, 3]);
});

test("a full network gives the oldest lease that is over, else nothing", async () => {
  const bench = new Bench({ network: "10.0.2.0/28", dhcpStart: "10.0.2.10" });
  for (let n = 0; n < 5; n++) {
    const yours = `10.0.2.${10 + n}`;
    assert.equal(ask(bench, REQUEST, { mac: mac(n), requested: yours })?.type, ACK);
  }
  for (let n = 5; n < 300; n++) assert.equal(ask(bench, DISCOVER, { mac: mac(n) }), undefined);
  await bench.pass(86_401 * SECOND, 86_401 * SECOND);
  assert.equal(ask(bench, DISCOVER, { mac: mac(77) })?.yours, "10.0.2.10");
  assert.equal(ask(bench, DISCOVER, { mac: mac(78) })?.yours, "10.0.2.11");
});

test("an offer that nobody takes is free after a minute", async () => {
  const bench = new Bench({ network: "10.0.2.0/28", dhcpStart: "10.0.2.14" });
  assert.equal(ask(bench, DISCOVER, { mac: mac(1) })?.yours, "10.0.2.14");
  assert.equal(ask(bench, DISCOVER, { mac: mac(2) }), undefined);
  await bench.pass(61 * SECOND, 61 * SECOND);
  assert.equal(ask(bench, DISCOVER, { mac: mac(2) })?.yours, "10.0.2.14");
});

test("broken messages get no answer", () => {
  const bench = new Bench();
  const good = message(DISCOVER);
  const send = (bytes: Uint8Array): number => {
    bench.send(udp([68, 67], bytes, FROM_NOBODY));
    return bench.take().length;
  };
  assert.equal(send(good), 1);
  assert.equal(send(good.subarray(0, 239)), 0);
  for (const at of [0, 1, 2, 24, 236, 239, 242]) {
    const bad = good.slice();
    bad[at] ^= 0x81;
    assert.equal(send(bad), 0, `byte ${at}`);
  }
  const long = good.slice();
  long.set([50, 255], 250);
  long.set([0], 243);
  assert.equal(send(long), 0, "an option beyond the end");
  const group = good.slice();
  group[28] = 1;
  assert.equal(send(group), 0, "a group's address");
});

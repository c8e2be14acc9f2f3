import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench } from "./testing/bench.ts";
import {
  ALL,
  arp,
  DNS,
  ethernet,
  GATEWAY,
  GATEWAY_MAC,
  GUEST,
  GUEST_MAC,
  icmp,
  ipv4,
  type Received,
  tcp,
  udp,
} from "./testing/packets.ts";

const ECHO = 8;
const REPLY = 0;
const UNREACHABLE = 3;

/** Type and code of an ICMP message, and what it quotes. */
function readIcmp({ protocol, payload }: Received): [type: number, code: number, rest: number[]] {
  assert.equal(protocol, 1);
  return [payload[0], payload[1], [...payload.subarray(8)]];
}

test("ARP: gateway and name server answer, nobody else does", () => {
  const bench = new Bench();
  for (const target of [GATEWAY, DNS, GUEST, "10.0.2.77", "192.168.0.1"]) {
    bench.send(arp(1, GUEST, target));
  }
  const answers = bench.take();
  assert.equal(answers.length, 2);
  answers.forEach(({ to, payload, frame }, i) => {
    assert.deepEqual(to, GUEST_MAC);
    assert.equal(frame.length, 60, "padded to the shortest frame");
    const target = [10, 0, 2, 2 + i];
    const answer = [0, 1, 8, 0, 6, 4, 0, 2, ...GATEWAY_MAC, ...target, ...GUEST_MAC, 10, 0, 2, 15];
    assert.deepEqual([...payload.subarray(0, 28)], answer);
  });
});

test("ARP: a probe for the gateway's address is answered (RFC 5227)", () => {
  const bench = new Bench();
  bench.send(arp(1, "0.0.0.0", GATEWAY));
  assert.deepEqual([...bench.take()[0].payload.subarray(24, 28)], [0, 0, 0, 0]);
});

test("ARP: broken packets are dropped", () => {
  const bench = new Bench();
  const good = arp(1, GUEST, GATEWAY);
  bench.send(good.subarray(0, 41));
  for (let i = 14; i < 21; i++) {
    const bad = good.slice();
    bad[i] ^= 0x40;
    bench.send(bad);
  }
  bench.send(arp(1, GUEST, GATEWAY, [1, 0, 0, 0, 0, 1]));
  assert.equal(bench.take().length, 0);
  assert.equal(bench.network.statistics.dropped, 9);
});

test("echo: gateway and name server answer with the same bytes", () => {
  const bench = new Bench();
  bench.hello();
  const rest = [0x12, 0x34, 0, 1, ...Array.from({ length: 57 }, (_, i) => i)];
  bench.send(icmp(ECHO, 0, rest));
  bench.send(icmp(ECHO, 0, rest, { destination: DNS }));
  const [one, two] = bench.take();
  assert.deepEqual([one.source, one.destination], [GATEWAY, GUEST]);
  assert.equal(two.source, DNS);
  assert.deepEqual([...one.payload.subarray(4)], rest);
  assert.equal(one.payload[0], REPLY);
});

test("echo: a long answer comes in fragments, as the question did", () => {
  const bench = new Bench();
  bench.hello();
  const whole = icmp(ECHO, 0, Array.from({ length: 4000 }, (_, i) => i & 0xff)).subarray(34);
  for (let at = 0; at < whole.length; at += 1480) {
    const more = at + 1480 < whole.length ? 0x2000 : 0;
    bench.send(ipv4(whole.subarray(at, at + 1480), { protocol: 1, fragment: more | at / 8 }));
  }
  const pieces = bench.take();
  assert.deepEqual(pieces.map(({ fragment }) => fragment), [0x2000, 0x2000 | 185, 370]);
  const answer = new Uint8Array(pieces.flatMap(({ payload }) => [...payload]));
  assert.equal(answer.length, whole.length);
  assert.deepEqual(answer.subarray(4), whole.subarray(4));
});

test("echo to hosts outside is prohibited, and says which packet it was", () => {
  const bench = new Bench();
  bench.hello();
  const question = icmp(ECHO, 0, [1, 2, 3, 4, 5, 6, 7, 8], { destination: "93.184.216.34" });
  bench.send(question);
  const [type, code, quoted] = readIcmp(bench.take()[0]);
  assert.deepEqual([type, code], [UNREACHABLE, 13]);
  assert.deepEqual(quoted, [...question.subarray(14, 14 + 28)]);
});

test("other protocols and a TTL that ends here get ICMP errors; ICMP errors get nothing", () => {
  const bench = new Bench();
  bench.hello();
  bench.send(ipv4([1, 2, 3, 4, 5, 6, 7, 8, 9], { protocol: 47, destination: "192.0.2.1" }));
  assert.deepEqual(readIcmp(bench.take()[0]).slice(0, 2), [UNREACHABLE, 2]);
  bench.send(udp([1000, 33434], [1], { ttl: 1, destination: "192.0.2.1" }));
  assert.deepEqual(readIcmp(bench.take()[0]).slice(0, 2), [11, 0]);
  bench.send(icmp(UNREACHABLE, 3, [0, 0, 0, 0, 1, 2, 3], { destination: "192.0.2.1" }));
  assert.equal(bench.take().length, 0);
});

test("destinations that are no host's, and sources that are no guest's, are dropped", () => {
  const bench = new Bench();
  bench.hello();
  const nowhere = ["127.0.0.1", "0.0.0.1", "224.0.0.251", "240.0.0.1", "10.0.2.99", "10.0.2.0"];
  for (const destination of [...nowhere, "10.0.2.255", "255.255.255.255"]) {
    bench.send(udp([1000, 2000], [1], { destination }));
    bench.send(tcp({ ports: [1000, 2000], flags: 2 }, { destination }));
    bench.send(icmp(ECHO, 0, [0, 0, 0, 0], { destination }));
  }
  for (const source of [GATEWAY, DNS, "10.0.2.255", "10.0.2.0", "10.0.3.15", "127.0.0.1"]) {
    bench.send(icmp(ECHO, 0, [0, 0, 0, 0], { source }));
    bench.send(udp([1000, 2000], [1], { source }));
  }
  assert.equal(bench.take().length, 0);
  assert.equal(bench.network.statistics.flows, 0);
  assert.equal(bench.network.statistics.connections, 0);
});

test("frames for others, of other protocols and with broken headers are dropped", () => {
  const bench = new Bench();
  bench.hello();
  const good = icmp(ECHO, 0, [0, 0, 0, 0]);
  bench.send(good.subarray(0, 13));
  bench.send(good.subarray(0, 33));
  bench.send(icmp(ECHO, 0, [0, 0, 0, 0], { to: [0x52, 0x54, 0, 9, 9, 9] }));
  bench.send(icmp(ECHO, 0, [0, 0, 0, 0], { from: ALL }));
  bench.send(ethernet(0x86dd, new Uint8Array(64)));
  bench.send(ethernet(0x8100, good.subarray(12)));
  for (const at of [14, 16, 24, 34, 36, 38]) {
    const bad = good.slice();
    bad[at] ^= 0x11;
    bench.send(bad);
  }
  assert.equal(bench.take().length, 0);
  bench.send(good);
  assert.equal(bench.take().length, 1);
});

test("frames padded by the card, and IPv4 options, are no harm", () => {
  const bench = new Bench();
  bench.hello();
  const padded = new Uint8Array(60);
  padded.set(icmp(ECHO, 0, [1, 2, 3, 4]));
  bench.send(padded);
  bench.send(icmp(ECHO, 0, [1, 2, 3, 4], { options: [7, 7, 4, 0, 0, 0, 0, 0] }));
  for (const answer of bench.take()) {
    assert.deepEqual([...answer.payload.subarray(4)], [1, 2, 3, 4]);
  }
});

test("restrict: nothing goes out, the gateway still answers", async () => {
  const bench = new Bench({ restrict: true, nameServers: [{ host: "127.0.0.1", port: 53 }] });
  bench.hello();
  bench.send(icmp(ECHO, 0, [0, 0, 0, 0]));
  assert.equal(readIcmp(bench.take()[0])[0], REPLY);
  for (const destination of [GATEWAY, DNS, "192.0.2.1"]) {
    bench.send(udp([1000, 53], [1], { destination }));
    assert.deepEqual(readIcmp(bench.take()[0]).slice(0, 2), [UNREACHABLE, 13]);
    bench.send(tcp({ ports: [1000, 53], flags: 2 }, { destination }));
    assert.equal(bench.take()[0].payload[13], 0x14, "reset");
  }
  await bench.settle();
  assert.equal(bench.network.statistics.flows, 0);
});

test("options: other networks, and what is wrong is said", () => {
  const bench = new Bench({ network: "192.168.76.0/24", gateway: "192.168.76.9" });
  bench.send(arp(1, "192.168.76.15", "192.168.76.9"));
  assert.deepEqual(
    bench.take()[0].frame.subarray(6, 12),
    Uint8Array.of(0x52, 0x55, 192, 168, 76, 9),
  );
  const wrong = {
    network: "10.0.2.0/30",
    gateway: "10.0.3.2",
    dns: "10.0.2.2",
    dhcpStart: "10.0.2.255",
    mtu: 100,
    hostname: "a b",
    leaseSeconds: 1,
    maxFlows: 0,
    mac: Uint8Array.of(1, 0, 0, 0, 0, 0),
    forwards: [{ protocol: "tcp", host: { host: "127.0.0.1", port: 1 }, guest: { port: 0 } }],
  };
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(() => new Bench({ [name]: value }), (error: Error) => {
      assert.ok(error instanceof RangeError);
      assert.ok(error.message.includes(name), error.message);
      return true;
    });
  }
});

test("after close nothing happens any more", async () => {
  const bench = new Bench();
  bench.hello();
  bench.network.close();
  bench.network.close();
  bench.send(icmp(ECHO, 0, [0, 0, 0, 0]));
  bench.network.receiveReady();
  await bench.settle();
  assert.equal(bench.take().length, 0);
});

test("a receiver that sends from within is refused, not confused", () => {
  const bench = new Bench();
  bench.hello();
  let count = 0;
  bench.onFrame = () => {
    count++;
    bench.send(icmp(ECHO, 0, [0, 0, 0, 0]));
  };
  bench.send(icmp(ECHO, 0, [0, 0, 0, 0]));
  assert.equal(count, 1);
});

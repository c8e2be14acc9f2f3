import assert from "node:assert/strict";
import { test } from "node:test";
import type { DatagramSocket, InternetAddress } from "../../platform/sockets.ts";
import { Bench, SECOND } from "./testing/bench.ts";
import { bytesOf, DNS, GATEWAY, GUEST, readUdp, textOf, udp } from "./testing/packets.ts";

const LOOPBACK = "127.0.0.1";

interface Heard {
  readonly text: string;
  readonly from: InternetAddress;
}

/** Somebody on the host's network. */
async function peer(
  bench: Bench,
  host: string,
  port: number,
): Promise<{ socket: DatagramSocket; heard: Heard[] }> {
  const socket = await bench.platform.sockets.bind({ host, port });
  const heard: Heard[] = [];
  socket.onDatagram((bytes, from) => void heard.push({ text: textOf(bytes), from }));
  return { socket, heard };
}

/** What the guest has got: source and text. */
function taken(bench: Bench): string[] {
  return bench.take().map((packet) => {
    const { ports, payload } = readUdp(packet);
    assert.equal(packet.destination, GUEST);
    return `${packet.source}:${ports[0]} > ${ports[1]} ${textOf(payload)}`;
  });
}

test("a datagram to the gateway reaches the host's loopback, the answer comes back", async () => {
  const bench = new Bench();
  bench.hello();
  const { socket, heard } = await peer(bench, LOOPBACK, 7);
  bench.send(udp([5000, 7], bytesOf("one")));
  bench.send(udp([5000, 7], bytesOf("two")));
  await bench.settle();
  assert.deepEqual(heard.map(({ text }) => text), ["one", "two"]);
  for (const { text, from } of heard) {
    socket.send(bytesOf(`<${text}>`), { host: "0.0.0.0", port: from.port });
  }
  await bench.settle();
  assert.deepEqual(taken(bench), [`${GATEWAY}:7 > 5000 <one>`, `${GATEWAY}:7 > 5000 <two>`]);
  assert.equal(bench.network.statistics.flows, 1);
});

test("hosts outside, several of them with one port of the guest; strangers are not heard", async () => {
  const bench = new Bench();
  bench.hello();
  const one = await peer(bench, "192.0.2.1", 9);
  const two = await peer(bench, "192.0.2.2", 9);
  const stranger = await peer(bench, "192.0.2.3", 9);
  bench.send(udp([5000, 9], bytesOf("a"), { destination: "192.0.2.1" }));
  bench.send(udp([5000, 9], bytesOf("b"), { destination: "192.0.2.2" }));
  await bench.settle();
  const { port } = one.heard[0].from;
  assert.equal(two.heard[0].from.port, port);
  const flow = { host: "0.0.0.0", port };
  two.socket.send(bytesOf("B"), flow);
  stranger.socket.send(bytesOf("X"), flow);
  one.socket.send(bytesOf("A"), flow);
  await bench.settle();
  assert.deepEqual(taken(bench), ["192.0.2.2:9 > 5000 B", "192.0.2.1:9 > 5000 A"]);
});

test("a flow is gone after two silent minutes, one to a name server after 15 s", async () => {
  const bench = new Bench({ nameServers: [{ host: LOOPBACK, port: 53 }] });
  bench.hello();
  bench.send(udp([5000, 9], bytesOf("a")));
  bench.send(udp([5001, 53], bytesOf("?"), { destination: DNS }));
  await bench.settle();
  assert.equal(bench.network.statistics.flows, 2);
  await bench.pass(16 * SECOND, SECOND);
  assert.equal(bench.network.statistics.flows, 1);
  bench.send(udp([5000, 9], bytesOf("b")));
  await bench.pass(110 * SECOND, SECOND);
  assert.equal(bench.network.statistics.flows, 1);
  await bench.pass(11 * SECOND, SECOND);
  assert.equal(bench.network.statistics.flows, 0);
  // Its port of the host is free again.
  const { sockets } = bench.platform;
  const again = await sockets.bind({ host: "0.0.0.0", port: 49152 });
  await again.close();
});

test("too many flows: the one unused for longest gives way", async () => {
  const bench = new Bench({ maxFlows: 2 });
  bench.hello();
  const { socket, heard } = await peer(bench, LOOPBACK, 7);
  for (const port of [1, 2, 1, 3]) bench.send(udp([port, 7], bytesOf(`from ${port}`)));
  await bench.settle();
  assert.equal(bench.network.statistics.flows, 2);
  for (const { from } of heard) socket.send(bytesOf("x"), { host: "0.0.0.0", port: from.port });
  await bench.settle();
  // Port 2's flow was dropped before its socket was there: even its datagram is lost.
  assert.deepEqual(heard.map(({ text }) => text), ["from 1", "from 1", "from 3"]);
  assert.deepEqual(taken(bench), [1, 1, 3].map((port) => `${GATEWAY}:7 > ${port} x`));
});

test("name server: questions go to the host's, the next one when it is silent", async () => {
  const nameServers = [{ host: "192.0.2.53", port: 53 }, { host: "192.0.2.54", port: 5353 }];
  const bench = new Bench({ nameServers });
  bench.hello();
  const one = await peer(bench, "192.0.2.53", 53);
  const two = await peer(bench, "192.0.2.54", 5353);
  const ask = async (port: number): Promise<void> => {
    bench.send(udp([port, 53], bytesOf("?"), { destination: DNS }));
    await bench.settle();
  };
  await ask(1000);
  assert.equal(one.heard.length, 1);
  await bench.pass(16 * SECOND, SECOND);
  await ask(1001);
  assert.deepEqual([one.heard.length, two.heard.length], [1, 1]);
  two.socket.send(bytesOf("!"), { host: "0.0.0.0", port: two.heard[0].from.port });
  await bench.settle();
  assert.deepEqual(taken(bench), [`${DNS}:53 > 1001 !`]);
  await bench.pass(16 * SECOND, SECOND);
  await ask(1002);
  assert.deepEqual([one.heard.length, two.heard.length], [1, 2], "who answers is asked again");
});

test("name server: the host's own are asked by default; without any, the port is closed", async () => {
  const bench = new Bench();
  bench.hello();
  bench.send(udp([1000, 53], bytesOf("?"), { destination: DNS }));
  const [{ protocol, payload, source }] = bench.take();
  assert.deepEqual([protocol, payload[0], payload[1], source], [1, 3, 3, GATEWAY]);
  bench.platform.sockets.nameServers = [{ host: "192.0.2.53", port: 53 }];
  const { heard } = await peer(bench, "192.0.2.53", 53);
  bench.send(udp([1000, 53], bytesOf("?"), { destination: DNS }));
  await bench.settle();
  assert.equal(heard.length, 1);
});

test("a forwarded port: whoever writes to it reaches the guest, and gets the answer", async () => {
  const bench = new Bench({
    forwards: [{ protocol: "udp", host: { host: LOOPBACK, port: 6000 }, guest: { port: 60 } }],
  });
  await bench.network.open();
  bench.hello();
  const one = await peer(bench, LOOPBACK, 7001);
  const two = await peer(bench, "192.0.2.9", 7001);
  const inside = await peer(bench, "10.0.2.15", 7001);
  const forward = { host: LOOPBACK, port: 6000 };
  for (const { socket } of [one, two, inside]) socket.send(bytesOf("hi"), forward);
  await bench.settle();
  assert.deepEqual(taken(bench), [
    `${GATEWAY}:7001 > 60 hi`,
    "192.0.2.9:7001 > 60 hi",
    `${GATEWAY}:49152 > 60 hi`,
  ]);
  bench.send(udp([60, 49152], bytesOf("inside")));
  bench.send(udp([60, 7001], bytesOf("loopback")));
  bench.send(udp([60, 7001], bytesOf("outside"), { destination: "192.0.2.9" }));
  await bench.settle();
  for (
    const [{ heard }, text] of [[one, "loopback"], [two, "outside"], [inside, "inside"]] as const
  ) {
    assert.deepEqual(heard, [{ text, from: forward }]);
  }
  assert.equal(bench.network.statistics.flows, 0);
});

test("restrict: answers to a forwarded port still go out", async () => {
  const bench = new Bench({
    restrict: true,
    forwards: [{ protocol: "udp", host: { host: LOOPBACK, port: 6000 }, guest: { port: 60 } }],
  });
  await bench.network.open();
  bench.hello();
  const { socket, heard } = await peer(bench, LOOPBACK, 7001);
  socket.send(bytesOf("hi"), { host: LOOPBACK, port: 6000 });
  await bench.settle();
  bench.take();
  bench.send(udp([60, 7001], bytesOf("answer")));
  bench.send(udp([60, 7002], bytesOf("more")));
  await bench.settle();
  assert.equal(heard.length, 1);
});

test("a long datagram comes in fragments, the longest one too", async () => {
  const bench = new Bench();
  bench.hello();
  const { socket, heard } = await peer(bench, LOOPBACK, 7);
  bench.send(udp([5000, 7], bytesOf("go")));
  await bench.settle();
  for (const length of [1472, 1473, 65507]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 3);
    socket.send(bytes, { host: "0.0.0.0", port: heard[0].from.port });
    await bench.settle();
    const pieces = bench.take();
    assert.equal(pieces.length, Math.ceil((length + 8) / 1480));
    assert.equal(pieces[0].fragment, pieces.length === 1 ? 0x4000 : 0x2000);
    const payload = new Uint8Array(pieces.flatMap((piece) => [...piece.payload]));
    assert.deepEqual(readUdp({ ...pieces[0], payload }).payload, bytes);
  }
});

test("broken datagrams are dropped; a zero or partial checksum is fine", async () => {
  const bench = new Bench();
  bench.hello();
  const { heard } = await peer(bench, LOOPBACK, 7);
  const good = udp([5000, 7], bytesOf("good"));
  for (const at of [34, 38, 39, 40, 44]) {
    const bad = good.slice();
    bad[at] ^= 0x20;
    bench.send(bad);
  }
  bench.send(udp([0, 7], bytesOf("x")));
  bench.send(udp([5000, 0], bytesOf("x")));
  await bench.settle();
  assert.equal(heard.length, 0);
  const without = good.slice();
  without.set([0, 0], 40);
  bench.send(without);
  const partial = good.slice();
  partial.set([1, 2], 40);
  bench.send(partial, { checksumStart: 34, checksumOffset: 6, segmentSize: 0 });
  await bench.settle();
  assert.deepEqual(heard.map(({ text }) => text), ["good", "good"]);
});

test("a flow whose socket cannot be had is forgotten", async () => {
  const bench = new Bench();
  bench.hello();
  bench.platform.sockets.bind = () => Promise.reject(new Error("a test"));
  bench.send(udp([5000, 7], bytesOf("x")));
  await bench.settle();
  assert.equal(bench.network.statistics.flows, 0);
});

test("close lets go of every socket, also of those that come later", async () => {
  const bench = new Bench({
    forwards: [{ protocol: "udp", host: { host: LOOPBACK, port: 6000 }, guest: { port: 60 } }],
  });
  const { sockets } = bench.platform;
  await bench.network.open();
  bench.hello();
  bench.send(udp([5000, 7], bytesOf("x")));
  await bench.settle();
  bench.send(udp([5001, 7], bytesOf("x")));
  bench.network.close();
  await bench.settle();
  for (const port of [49152, 49153]) await (await sockets.bind({ host: "0.0.0.0", port })).close();
  await (await sockets.bind({ host: LOOPBACK, port: 6000 })).close();
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../../devices/vbus/device.ts";
import type { StreamSocket } from "../../platform/sockets.ts";
import { Bench, MILLISECOND, SECOND } from "./testing/bench.ts";
import { GuestTcp, Wire } from "./testing/guest_tcp.ts";
import { arp, bytesOf, GATEWAY, icmp, RST, udp } from "./testing/packets.ts";

/** A network with three connections that have data on their way, one that connects, and a UDP flow. */
async function busy(): Promise<{ bench: Bench; peers: GuestTcp[] }> {
  const bench = new Bench();
  const wire = new Wire(bench);
  const { sockets } = bench.platform;
  const taken: StreamSocket[] = [];
  await sockets.listen({ host: "127.0.0.1", port: 80 }, (socket) => taken.push(socket));
  const peers = [1, 2, 3].map((port) => GuestTcp.connect(wire, port, 80));
  await bench.pass(5 * MILLISECOND);
  peers.forEach((peer) => {
    peer.appetite = 0;
    peer.write(new Uint8Array(100_000));
  });
  for (const socket of taken) void socket.write(new Uint8Array(200_000)).catch(() => {});
  bench.send(udp([9, 9], bytesOf("x")));
  await bench.pass(5 * MILLISECOND);
  return { bench, peers };
}

test("under load: leases and neighbours stay, the guest's connections are reset", async () => {
  const { bench, peers } = await busy();
  const saved = bench.network.state();
  assert.deepEqual(bench.network.state(), saved, "asking changes nothing");
  // The same guest on a new network.
  const after = new Bench();
  const resets: number[] = [];
  const { onFrame } = bench;
  after.onFrame = (taken) => {
    if (taken.protocol === 6) resets.push(taken.payload[13]);
    onFrame?.(taken);
  };
  after.network.restore(JSON.parse(JSON.stringify(saved), (_, value) =>
    // Bytes are objects with numbers as keys in JSON.
    typeof value === "object" && value !== null && "5" in value
      ? Uint8Array.from(Object.values(value) as number[])
      : value));
  assert.deepEqual(after.network.state(), saved);
  await after.pass(5 * MILLISECOND);
  await bench.pass(5 * MILLISECOND);
  assert.deepEqual(resets, [RST | 16, RST | 16, RST | 16]);
  assert.deepEqual(peers.map(({ state }) => state), ["reset", "reset", "reset"]);
  assert.deepEqual((after.network.state() as { connections: unknown[] }).connections, []);
  // It knows the guest without ARP.
  after.onFrame = undefined;
  after.send(icmp(8, 0, [0, 0, 0, 0]));
  assert.equal(after.take()[0].type, 0x0800);
});

test("restoring a network that is in use drops what it had", async () => {
  const { bench, peers } = await busy();
  const empty = new Bench().network.state();
  bench.network.restore(empty);
  assert.equal(bench.network.statistics.connections, 0);
  assert.equal(bench.network.statistics.flows, 0);
  assert.equal(bench.network.statistics.buffered, 0);
  // What the guest still sends belongs to nobody.
  peers[0].take(1);
  await bench.pass(400 * MILLISECOND);
  assert.equal(peers[0].state, "reset");
});

test("resets wait until the card has room", async () => {
  const { bench, peers } = await busy();
  const saved = bench.network.state();
  bench.room = false;
  bench.network.restore(saved);
  await bench.pass(SECOND);
  assert.deepEqual(bench.network.state(), saved);
  bench.room = true;
  bench.network.receiveReady();
  await bench.pass(MILLISECOND);
  assert.deepEqual(peers.map(({ state }) => state), ["reset", "reset", "reset"]);
});

test("leases keep what is left of their time", async () => {
  const bench = new Bench({ network: "10.0.2.0/28", dhcpStart: "10.0.2.14", leaseSeconds: 100 });
  bench.send(arp(1, "10.0.2.14", GATEWAY));
  const lease = { address: 0x0a00020e, mac: "52:54:00:12:34:56", left: 70e9 };
  bench.network.restore({ leases: [lease], neighbours: [], connections: [] });
  await bench.pass(20 * SECOND, SECOND);
  assert.deepEqual((bench.network.state() as { leases: unknown }).leases, [
    { ...lease, left: 50e9 },
  ]);
});

test("a state that is none changes nothing", () => {
  const bench = new Bench();
  bench.hello();
  const before = bench.network.state();
  const connection = { guest: 0x0a00020f, guestPort: 1, remote: 1, remotePort: 1, sequence: 1 };
  const wrong: DeviceState[] = [
    null,
    [],
    {} as DeviceState,
    { leases: [], neighbours: [] },
    { leases: [{ address: 1, mac: "", left: 0 }], neighbours: [], connections: [] },
    { leases: [{ address: 0x0a00020f, mac: "x", left: 0 }], neighbours: [], connections: [] },
    { leases: [], neighbours: [{ address: 0x0a00020f, mac: [] }], connections: [] },
    { leases: [], neighbours: [{ address: 7, mac: new Uint8Array(6) }], connections: [] },
    { leases: [], neighbours: [], connections: [connection] },
    { leases: [], neighbours: [], connections: [{ ...connection, acknowledgement: 2 ** 32 }] },
  ];
  for (const state of wrong) {
    assert.throws(() => bench.network.restore(state), TypeError, JSON.stringify(state));
  }
  assert.deepEqual(bench.network.state(), before);
});

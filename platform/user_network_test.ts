/** The user-mode network over the sockets of this runtime; all on the loopback interface. */
import assert from "node:assert/strict";
import test from "node:test";
import { Bench } from "../lib/net/user/testing/bench.ts";
import { GuestTcp, Wire } from "../lib/net/user/testing/guest_tcp.ts";
import { bytesOf, DNS, readUdp, textOf, udp } from "../lib/net/user/testing/packets.ts";
import type { InternetAddress, StreamSocket } from "../lib/platform/sockets.ts";
import { hostSockets } from "./sockets.ts";

const LOOPBACK = "127.0.0.1";
const sockets = hostSockets();

/** Gives the host turns until something holds; guest time passes slowly beside, and not for ever. */
async function until(bench: Bench, holds: () => boolean): Promise<void> {
  const start = bench.clock.now();
  while (!holds()) {
    assert.ok(bench.clock.now() - start < 20e9, `waits in vain: ${holds}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
    bench.clock.advance(20_000);
  }
}

/** Takes all that comes; gives it when the other side has ended. */
async function readAll(socket: StreamSocket): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await socket.read(); part; part = await socket.read()) parts.push(part);
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff);

test("TCP out: a megabyte each way through the host's loopback, half closed on the way", async () => {
  const bench = new Bench({}, sockets);
  const wire = new Wire(bench);
  const [up, down] = [pattern(1_000_000), pattern(1_000_003)];
  let got: Uint8Array | undefined;
  const server = await sockets.listen({ host: LOOPBACK, port: 0 }, async (socket) => {
    got = await readAll(socket);
    await socket.write(down);
    socket.end();
  });
  const { port } = server.address as InternetAddress;
  const guest = GuestTcp.connect(wire, 40000, port);
  await until(bench, () => guest.state === "open");
  guest.write(up);
  guest.end();
  await until(bench, () => guest.remoteEnded);
  assert.deepEqual(got, up);
  assert.deepEqual(Uint8Array.from(guest.received), down);
  await until(bench, () => bench.network.statistics.connections === 0);
  bench.network.close();
  await server.close();
});

test("TCP out: a closed port, and a host that resets", async () => {
  const bench = new Bench({}, sockets);
  const wire = new Wire(bench);
  const server = await sockets.listen({ host: LOOPBACK, port: 0 }, (socket) => socket.abort());
  const { port } = server.address as InternetAddress;
  const one = GuestTcp.connect(wire, 40000, port);
  await until(bench, () => one.state === "reset");
  await server.close();
  const two = GuestTcp.connect(wire, 40001, port);
  await until(bench, () => two.state === "reset");
  assert.equal(bench.network.statistics.connections, 0);
  bench.network.close();
});

test("TCP in: a forwarded port, and one that is in use", async () => {
  const forward = {
    protocol: "tcp",
    host: { host: LOOPBACK, port: 0 },
    guest: { port: 22 },
  } as const;
  const bench = new Bench({ forwards: [forward] }, sockets);
  await bench.network.open();
  const [{ host }] = bench.network.forwards;
  const wire = new Wire(bench);
  wire.onSyn = (syn, from) => {
    const guest = GuestTcp.accept(wire, syn, from);
    guest.write(bytesOf("SSH-2.0-guest"));
    guest.end();
  };
  const client = await sockets.connect(host);
  await client.write(bytesOf("SSH-2.0-host"));
  client.end();
  let banner = "";
  void readAll(client).then((bytes) => banner = textOf(bytes));
  await until(bench, () => banner !== "");
  assert.equal(banner, "SSH-2.0-guest");
  const second = new Bench({ forwards: [{ ...forward, host }] }, sockets);
  await assert.rejects(second.network.open(), {
    code: "in-use",
    message: new RegExp(`^tcp 127.0.0.1:${host.port}: `),
  });
  bench.network.close();
});

test("UDP: to the host, to a name server, and in by a forwarded port", async () => {
  const echo = await sockets.bind({ host: LOOPBACK, port: 0 });
  echo.onDatagram((bytes, from) => echo.send(Uint8Array.of(0x3e, ...bytes), from));
  const bench = new Bench({
    nameServers: [echo.address],
    forwards: [{ protocol: "udp", host: { host: LOOPBACK, port: 0 }, guest: { port: 60 } }],
  }, sockets);
  await bench.network.open();
  bench.hello();
  const answer = async (): Promise<string> => {
    await until(bench, () => bench.frames.length > 0);
    const [packet] = bench.take();
    const { ports, payload } = readUdp(packet);
    return `${packet.source}:${ports[0]} > ${ports[1]} ${textOf(payload)}`;
  };
  const { port } = echo.address;
  bench.send(udp([5000, port], bytesOf("host")));
  assert.equal(await answer(), `10.0.2.2:${port} > 5000 >host`);
  bench.send(udp([5001, 53], bytesOf("name"), { destination: DNS }));
  assert.equal(await answer(), "10.0.2.3:53 > 5001 >name");
  const client = await sockets.bind({ host: LOOPBACK, port: 0 });
  let heard = "";
  client.onDatagram((bytes) => heard = textOf(bytes));
  client.send(bytesOf("in"), bench.network.forwards[0].host);
  assert.equal(await answer(), `10.0.2.2:${client.address.port} > 60 in`);
  bench.send(udp([60, client.address.port], bytesOf("out")));
  await until(bench, () => heard !== "");
  assert.equal(heard, "out");
  bench.network.close();
  await Promise.all([client.close(), echo.close()]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type InternetAddress, SocketError, type StreamSocket } from "../../platform/sockets.ts";
import { Bench, MILLISECOND, SECOND } from "./testing/bench.ts";
import { GuestTcp, type Trouble, Wire } from "./testing/guest_tcp.ts";
import { bytesOf, GATEWAY, GUEST, SYN, tcp, textOf } from "./testing/packets.ts";

const LOOPBACK = "127.0.0.1";

/** Bytes that show where they come from. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff);
}

/** Waits for the host's socket of a server in memory. */
async function serve(bench: Bench, port: number, host = LOOPBACK): Promise<() => StreamSocket> {
  const taken: StreamSocket[] = [];
  await bench.platform.sockets.listen({ host, port }, (socket) => taken.push(socket));
  return () => {
    const socket = taken.shift();
    assert.ok(socket, "nobody has connected");
    return socket;
  };
}

/** Takes all that comes, in the background. */
function collect(socket: StreamSocket): { bytes: number[]; ended: boolean; broken: string } {
  const into = { bytes: [] as number[], ended: false, broken: "" };
  void (async () => {
    try {
      for (let part = await socket.read(); part; part = await socket.read()) {
        for (const byte of part) into.bytes.push(byte);
      }
      into.ended = true;
    } catch (error) {
      into.broken = (error as { code: string }).code;
    }
  })();
  return into;
}

/** A connection from the guest to a server at port 80 of the host. */
async function connected(options: { trouble?: Trouble; network?: object } = {}): Promise<
  { bench: Bench; wire: Wire; guest: GuestTcp; host: StreamSocket }
> {
  const bench = new Bench(options.network);
  const wire = new Wire(bench, options.trouble);
  const accept = await serve(bench, 80);
  const guest = GuestTcp.connect(wire, 40000, 80);
  for (let i = 0; i < 500 && guest.state !== "open"; i++) await bench.pass(10 * MILLISECOND);
  assert.equal(guest.state, "open");
  return { bench, wire, guest, host: accept() };
}

test("connect, talk, end both ways", async () => {
  const { bench, guest, host, wire } = await connected();
  const syn = wire.heard[0];
  assert.equal(syn.flags, 0x12);
  assert.deepEqual(syn.options, [2, 4, 5, 180, 1, 3, 3, 4], "MSS 1460, window shift 4");
  const got = collect(host);
  guest.write(bytesOf("question"));
  await bench.pass(5 * MILLISECOND);
  assert.equal(textOf(Uint8Array.from(got.bytes)), "question");
  await host.write(bytesOf("answer"));
  await bench.pass(5 * MILLISECOND);
  assert.equal(textOf(Uint8Array.from(guest.received)), "answer");
  guest.end();
  await bench.pass(5 * MILLISECOND);
  assert.equal(got.ended, true);
  // The guest has ended; the host still sends.
  await host.write(bytesOf("more"));
  host.end();
  await bench.pass(5 * MILLISECOND);
  assert.equal(textOf(Uint8Array.from(guest.received)), "answermore");
  assert.equal(guest.remoteEnded, true);
  await host.closed;
  assert.equal(bench.network.statistics.connections, 0);
});

test("the host ends first: the guest still sends, and its last segment may come again", async () => {
  const { bench, guest, host, wire } = await connected();
  const got = collect(host);
  host.end();
  await bench.pass(5 * MILLISECOND);
  assert.equal(guest.remoteEnded, true);
  guest.write(bytesOf("late words"));
  await bench.pass(5 * MILLISECOND);
  guest.end();
  await bench.pass(5 * MILLISECOND);
  assert.equal(textOf(Uint8Array.from(got.bytes)), "late words");
  assert.equal(got.ended, true);
  assert.equal(guest.idle, true);
  // TIME-WAIT: gone after 10 s.
  assert.equal(bench.network.statistics.connections, 1);
  const before = wire.heard.length;
  await bench.pass(11 * SECOND, SECOND);
  assert.equal(wire.heard.length, before);
  assert.equal(bench.network.statistics.connections, 0);
});

test("bulk both ways at once, in large segments, without a copy lost", async () => {
  const { bench, guest, host, wire } = await connected();
  const [up, down] = [pattern(700_000), pattern(900_001)];
  const got = collect(host);
  guest.write(up);
  const writing = (async () => {
    for (let at = 0; at < down.length; at += 50_000) {
      await host.write(down.subarray(at, at + 50_000));
    }
    host.end();
  })();
  for (let i = 0; i < 400 && !(guest.remoteEnded && guest.idle); i++) await bench.pass(MILLISECOND);
  await writing;
  assert.deepEqual(Uint8Array.from(got.bytes), up);
  assert.deepEqual(Uint8Array.from(guest.received), down);
  const longest = Math.max(...wire.heard.map(({ payload }) => payload.length));
  assert.ok(longest > 20_000, `the longest segment had ${longest} bytes`);
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`loss, duplicates and reordering, seed ${seed}`, async () => {
    const trouble = { lose: 0.05 * (seed % 3), double: 0.1, delay: 0.2, seed };
    const { bench, guest, host } = await connected({ trouble });
    const [up, down] = [pattern(60_000), pattern(80_000)];
    const got = collect(host);
    guest.write(up);
    guest.end();
    void host.write(down).then(() => host.end());
    for (let i = 0; i < 6000 && !(guest.remoteEnded && guest.idle && got.ended); i++) {
      await bench.pass(20 * MILLISECOND);
    }
    assert.deepEqual(Uint8Array.from(got.bytes), up);
    assert.equal(got.ended, true);
    assert.deepEqual(Uint8Array.from(guest.received), down);
    assert.equal(guest.remoteEnded, true);
    await bench.pass(60 * SECOND, SECOND);
    assert.equal(bench.network.statistics.connections, 0);
  });
}

test("a guest that does not take closes its window: the host has to wait, memory is bounded", async () => {
  const { bench, guest, host } = await connected();
  guest.appetite = 0;
  let written = 0;
  const part = pattern(65536);
  const writing = (async () => {
    for (; written < 64; written++) await host.write(part);
  })();
  await bench.pass(2 * SECOND);
  const { buffered } = bench.network.statistics;
  assert.ok(written < 16, `${written} parts were taken`);
  assert.ok(buffered <= 512 * 1024 + 65536, `${buffered} bytes are held`);
  // Window probes keep the connection alive for as long as it takes.
  await bench.pass(600 * SECOND, SECOND);
  assert.equal(guest.state, "open");
  guest.take(Infinity);
  for (let i = 0; i < 3000 && guest.received.length < 64 * part.length; i++) {
    await bench.pass(10 * MILLISECOND);
  }
  await writing;
  assert.equal(guest.received.length, 64 * part.length);
  for (let i = 0; i < guest.received.length; i += 4099) {
    assert.equal(guest.received[i], part[i % part.length]);
  }
});

test("a lost window update is found by a probe", async () => {
  const { bench, guest, host } = await connected();
  guest.appetite = 0;
  void host.write(pattern(100_000)).catch(() => {});
  await bench.pass(SECOND);
  // The user takes all, but the segment that tells of it is lost.
  const { send } = bench;
  bench.send = () => {};
  guest.take(Infinity);
  await bench.pass(MILLISECOND);
  bench.send = send;
  await bench.pass(30 * SECOND, 100 * MILLISECOND);
  assert.equal(guest.received.length, 100_000);
});

test("a host that does not read shrinks the guest's window to zero", async () => {
  const { bench, guest, host } = await connected();
  guest.write(pattern(2_000_000));
  await bench.pass(2 * SECOND);
  assert.equal(guest.windows.at(-1), 0);
  const { buffered } = bench.network.statistics;
  assert.ok(buffered <= 512 * 1024, `${buffered} bytes are held`);
  const got = collect(host);
  for (let i = 0; i < 2000 && got.bytes.length < 2_000_000; i++) await bench.pass(10 * MILLISECOND);
  assert.deepEqual(Uint8Array.from(got.bytes), pattern(2_000_000));
});

test("a port where nobody listens is reset at once", async () => {
  const bench = new Bench();
  const wire = new Wire(bench);
  const guest = GuestTcp.connect(wire, 40000, 81);
  await bench.pass(5 * MILLISECOND);
  assert.equal(guest.state, "reset");
  assert.equal(bench.network.statistics.connections, 0);
});

test("a reset of the guest aborts the host's side, and the other way round", async () => {
  const one = await connected();
  const got = collect(one.host);
  one.guest.abort();
  await one.bench.pass(5 * MILLISECOND);
  assert.equal(got.broken, "reset");
  assert.equal(one.bench.network.statistics.connections, 0);
  const two = await connected();
  two.host.abort();
  await two.bench.pass(5 * MILLISECOND);
  assert.equal(two.guest.state, "reset");
  assert.equal(two.bench.network.statistics.connections, 0);
});

test("a guest that falls silent is given up, and the host's side with it", async () => {
  const { bench, host } = await connected();
  bench.onFrame = () => {};
  const got = collect(host);
  await host.write(bytesOf("anybody there?"));
  await bench.pass(600 * SECOND, SECOND);
  assert.equal(got.broken, "reset");
  assert.equal(bench.network.statistics.connections, 0);
});

test("a forwarded port: who connects at the host reaches the guest", async () => {
  const bench = new Bench({
    forwards: [{ protocol: "tcp", host: { host: LOOPBACK, port: 0 }, guest: { port: 22 } }],
  });
  await bench.network.open();
  const [{ host }] = bench.network.forwards;
  assert.ok(host.port > 0);
  const wire = new Wire(bench);
  let guest: GuestTcp | undefined;
  wire.onSyn = (syn, from) => guest ??= GuestTcp.accept(wire, syn, from);
  const client = await bench.platform.sockets.connect(host);
  const got = collect(client);
  await client.write(bytesOf("ping"));
  await bench.pass(5 * MILLISECOND);
  assert.equal(guest?.state, "open");
  assert.equal(guest.remote, GATEWAY);
  assert.equal(textOf(Uint8Array.from(guest.received)), "ping");
  guest.write(bytesOf("pong"));
  guest.end();
  await bench.pass(5 * MILLISECOND);
  assert.equal(textOf(Uint8Array.from(got.bytes)), "pong");
  assert.equal(got.ended, true);
  client.end();
  await bench.pass(20 * SECOND, SECOND);
  assert.equal(bench.network.statistics.connections, 0);
});

test("a forward to a guest that nobody has seen asks for it by ARP, and connects when it is there", async () => {
  const bench = new Bench({
    forwards: [{ protocol: "tcp", host: { host: LOOPBACK, port: 0 }, guest: { port: 22 } }],
  });
  await bench.network.open();
  const client = await bench.platform.sockets.connect(bench.network.forwards[0].host);
  await bench.settle();
  const [question] = bench.take();
  assert.equal(question.type, 0x0806);
  assert.deepEqual([...question.payload.subarray(24, 28)], [10, 0, 2, 15]);
  const wire = new Wire(bench); // says hello
  await bench.pass(MILLISECOND);
  assert.equal(wire.heard[0]?.flags, SYN, "before the next timeout");
  // The guest refuses nothing and accepts nothing: it is given up.
  const got = collect(client);
  await bench.pass(120 * SECOND, SECOND);
  assert.equal(got.broken, "reset");
  assert.equal(bench.network.statistics.connections, 0);
});

test("a guest's closed port resets who has connected at the host", async () => {
  const bench = new Bench({
    forwards: [{ protocol: "tcp", host: { host: LOOPBACK, port: 0 }, guest: { port: 22 } }],
  });
  await bench.network.open();
  const wire = new Wire(bench);
  wire.onSyn = (syn, from) => {
    const peer = GuestTcp.accept(wire, syn, from);
    peer.abort();
  };
  const client = await bench.platform.sockets.connect(bench.network.forwards[0].host);
  const got = collect(client);
  await bench.pass(20 * MILLISECOND);
  assert.equal(got.broken, "reset");
});

test("a port that is in use is named", async () => {
  const bench = new Bench({
    forwards: [
      { protocol: "tcp", host: { host: LOOPBACK, port: 2222 }, guest: { port: 22 } },
      { protocol: "udp", host: { host: LOOPBACK, port: 5353 }, guest: { port: 53 } },
    ],
  });
  const socket = await bench.platform.sockets.bind({ host: LOOPBACK, port: 5353 });
  await assert.rejects(bench.network.open(), {
    code: "in-use",
    message: /^udp 127.0.0.1:5353: /,
  });
  // What was bound before is free again.
  const server = await bench.platform.sockets.listen({ host: LOOPBACK, port: 2222 }, () => {});
  await server.close();
  await socket.close();
});

test("a full card: nothing is lost, and it goes on when there is room", async () => {
  const { bench, guest, host } = await connected();
  const all = pattern(300_000);
  bench.room = false;
  void host.write(all).then(() => host.end());
  guest.write(bytesOf("x"));
  await bench.pass(50 * MILLISECOND);
  for (let i = 0; i < 3000 && !guest.remoteEnded; i++) {
    bench.room = true;
    bench.network.receiveReady();
    if (i % 2 === 0) bench.room = false;
    await bench.pass(MILLISECOND);
  }
  assert.deepEqual(Uint8Array.from(guest.received), all);
  assert.equal(guest.idle, true);
});

test("too many connections: those that are over or silent for long give way, else a reset", async () => {
  const bench = new Bench({ maxConnections: 3 });
  const wire = new Wire(bench);
  const accept = await serve(bench, 80);
  const open = async (port: number): Promise<GuestTcp> => {
    const guest = GuestTcp.connect(wire, port, 80);
    await bench.pass(5 * MILLISECOND);
    return guest;
  };
  const peers = [await open(1), await open(2), await open(3)];
  for (let i = 0; i < 3; i++) accept();
  assert.equal((await open(4)).state, "reset");
  await bench.pass(301 * SECOND, SECOND);
  peers[0].write(bytesOf("I am alive"));
  await bench.pass(5 * MILLISECOND);
  assert.equal((await open(5)).state, "open");
  assert.deepEqual(peers.map(({ state }) => state), ["open", "reset", "open"]);
  assert.equal(bench.network.statistics.connections, 3);
  assert.equal(bench.network.statistics.refused, 2);
});

test("hosts outside are reached at their own address", async () => {
  const bench = new Bench();
  const wire = new Wire(bench);
  const accept = await serve(bench, 443, "192.0.2.7");
  const guest = GuestTcp.connect(wire, 5000, 443, "192.0.2.7");
  await bench.pass(5 * MILLISECOND);
  assert.equal(guest.state, "open");
  accept();
});

test("an attempt that fails otherwise is an unreachable host", async () => {
  const bench = new Bench();
  bench.hello();
  const { sockets } = bench.platform;
  const codes = { unreachable: 1, timeout: 1, denied: 13, other: 1 } as const;
  for (const [code, expected] of Object.entries(codes)) {
    sockets.connect = () => Promise.reject(new SocketError(code as keyof typeof codes, "a test"));
    bench.send(tcp({ ports: [4000 + expected, 80], flags: SYN, sequence: 77 }));
    await bench.settle();
    const [{ protocol, payload, destination }] = bench.take();
    assert.deepEqual([protocol, payload[0], payload[1]], [1, 3, expected], code);
    assert.equal(destination, GUEST);
    assert.equal(payload.length, 36);
  }
  assert.equal(bench.network.statistics.connections, 0);
});

test("name server: TCP goes to the host's", async () => {
  const nameServers: InternetAddress[] = [{ host: "192.0.2.53", port: 5300 }];
  const bench = new Bench({ nameServers });
  const wire = new Wire(bench);
  const accept = await serve(bench, 5300, "192.0.2.53");
  const guest = GuestTcp.connect(wire, 5000, 53, "10.0.2.3");
  const other = GuestTcp.connect(wire, 5001, 54, "10.0.2.3");
  await bench.pass(5 * MILLISECOND);
  assert.equal(guest.state, "open");
  assert.equal(other.state, "reset");
  accept();
});

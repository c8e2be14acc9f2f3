import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamSocket } from "../platform/sockets.ts";
import { type VirtualPlatform, virtualPlatform } from "../platform/virtual.ts";
import { FrameStream, type FrameStreamOptions } from "./frame_stream.ts";

const ADDRESS = { path: "/run/net.sock" };

function stream(platform: VirtualPlatform, options: Partial<FrameStreamOptions> = {}) {
  const log: string[] = [];
  const net = new FrameStream({
    sockets: platform.sockets,
    after: platform.after,
    address: ADDRESS,
    log: (message) => log.push(message),
    ...options,
  });
  const got: Uint8Array[] = [];
  const self = { net, log, got, room: true, links: [] as boolean[] };
  net.onReceive((frame) => {
    if (self.room) got.push(frame.slice());
    return self.room;
  });
  net.onLinkChange(() => self.links.push(net.linkUp));
  return self;
}

/** Lets everything that waits for nothing but its turn go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

const frame = (length: number, fill: number) => new Uint8Array(length).fill(fill);

/** A connection made by hand. */
async function pair(platform: VirtualPlatform, options: Partial<FrameStreamOptions> = {}) {
  const sockets: StreamSocket[] = [];
  const server = await platform.sockets.listen(ADDRESS, (socket) => sockets.push(socket));
  const side = stream(platform, options);
  await side.net.open();
  return { side, server, sockets };
}

test("two machines, one listens: frames in both directions, the link up on both sides", async () => {
  const platform = virtualPlatform();
  const a = stream(platform, { listen: true });
  const b = stream(platform);
  await a.net.open();
  assert.equal(a.net.linkUp, false);
  await b.net.open();
  await settle();
  assert.deepEqual([a.links, b.links], [[true], [true]]);
  for (let i = 1; i < 4; i++) a.net.send(frame(60 * i, i));
  b.net.send(frame(1514, 9));
  await settle();
  assert.deepEqual(b.got, [frame(60, 1), frame(120, 2), frame(180, 3)]);
  assert.deepEqual(a.got, [frame(1514, 9)]);
  assert.deepEqual(a.net.statistics, {
    connections: 1,
    framesSent: 3,
    framesReceived: 1,
    dropped: 0,
  });
});

test("what goes over the wire: length in four bytes, big-endian", async () => {
  const { side, sockets } = await pair(virtualPlatform());
  side.net.send(frame(258, 7));
  const bytes = await sockets[0].read();
  assert.deepEqual([...bytes!.subarray(0, 5)], [0, 0, 1, 2, 7]);
  assert.equal(bytes!.length, 262);
});

test("without room in the guest the socket is not read; then everything comes in order", async () => {
  const { side, sockets } = await pair(virtualPlatform());
  side.room = false;
  let written = 0;
  const writing = (async () => {
    for (; written < 200; written++) {
      await sockets[0].write(Uint8Array.of(0, 0, 4, 0, ...frame(1024, written)));
    }
  })();
  await settle();
  assert.ok(written < 150, `${written}`);
  side.room = true;
  side.net.receiveReady();
  await writing;
  await settle();
  assert.deepEqual(side.got.map(([first]) => first), Array.from({ length: 200 }, (_, i) => i));
});

test("without room in the socket the card has to wait; nothing is lost", async () => {
  const { side, sockets } = await pair(virtualPlatform());
  const { net } = side;
  let resumed = 0;
  net.onSendReady(() => resumed++);
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    while (net.sendReady) net.send(frame(1400, sent++));
    await settle();
  }
  assert.equal(net.sendReady, false);
  assert.ok(sent * 1400 < 4 << 20, "bounded");
  const before = resumed;
  let bytes = 0;
  while (bytes < sent * 1404) bytes += (await sockets[0].read())!.length;
  assert.ok(resumed > before);
  assert.equal(net.sendReady, true);
  assert.equal(net.statistics.dropped, 0);
});

test("a card that does not look at sendReady loses frames, not memory", async () => {
  const { side } = await pair(virtualPlatform());
  for (let i = 0; i < 2000; i++) side.net.send(frame(1400, i));
  assert.ok(side.net.statistics.dropped > 1000);
});

test("frames of the guest while nobody is there are dropped", () => {
  const { net } = stream(virtualPlatform(), { listen: true });
  net.send(frame(60, 1));
  assert.equal(net.statistics.dropped, 1);
  assert.equal(net.sendReady, true);
});

test("a stream that is none ends the connection, with a reason", async () => {
  const { side, sockets } = await pair(virtualPlatform());
  await sockets[0].write(new TextEncoder().encode("GET / HTTP/1.0"));
  await settle();
  assert.deepEqual(side.links, [true, false]);
  assert.match(side.log[0], /frame of 1195725856 bytes/);
  assert.equal(await sockets[0].read().catch((error: Error) => error.name), "SocketError");
});

test("one that listens takes one connection at a time, and the next one later", async () => {
  const platform = virtualPlatform();
  const a = stream(platform, { listen: true });
  await a.net.open();
  const first = await platform.sockets.connect(ADDRESS);
  const second = await platform.sockets.connect(ADDRESS);
  await assert.rejects(() => second.read());
  assert.deepEqual(a.log, ["refused another connection"]);
  first.end();
  await settle();
  assert.deepEqual(a.links, [true, false]);
  const third = await platform.sockets.connect(ADDRESS);
  await third.write(Uint8Array.of(0, 0, 0, 20, ...frame(20, 3)));
  await settle();
  assert.deepEqual(a.got, [frame(20, 3)]);
  assert.equal(a.net.statistics.connections, 2);
});

test("half a frame before the end of a connection is not continued by the next one", async () => {
  const platform = virtualPlatform();
  const a = stream(platform, { listen: true });
  await a.net.open();
  const first = await platform.sockets.connect(ADDRESS);
  await first.write(Uint8Array.of(0, 0, 0, 20, 1, 2, 3));
  first.end();
  await settle();
  const second = await platform.sockets.connect(ADDRESS);
  await second.write(Uint8Array.of(0, 0, 0, 20, ...frame(20, 3)));
  await settle();
  assert.deepEqual(a.got, [frame(20, 3)]);
});

test("without reconnect the first attempt must succeed", async () => {
  const { net } = stream(virtualPlatform());
  await assert.rejects(() => net.open(), { name: "SocketError", code: "not-found" });
});

test("with reconnect it tries again, first and after an end", async () => {
  const platform = virtualPlatform();
  const { net, log, links } = stream(platform, { reconnect: 500 });
  await net.open();
  assert.equal(log.length, 1);
  platform.clock.advance(500_000_000);
  await settle();
  assert.equal(log.length, 1, "the same reason is told once");
  const sockets: StreamSocket[] = [];
  await platform.sockets.listen(ADDRESS, (socket) => sockets.push(socket));
  platform.clock.advance(499_000_000);
  await settle();
  assert.deepEqual(links, []);
  platform.clock.advance(1_000_000);
  await settle();
  assert.deepEqual(links, [true]);
  sockets[0].abort();
  await settle();
  assert.deepEqual(links, [true, false]);
  platform.clock.advance(500_000_000);
  await settle();
  assert.deepEqual(links, [true, false, true]);
});

test("close sends what waits, ends the connection, and does not come back", async () => {
  const platform = virtualPlatform();
  const { side, sockets } = await pair(platform, { reconnect: 500 });
  side.net.send(frame(60, 1));
  side.net.close();
  side.net.close();
  assert.equal((await sockets[0].read())!.length, 64);
  assert.equal(await sockets[0].read(), undefined);
  platform.clock.advance(1_000_000_000);
  await assert.rejects(() => sockets[0].write(frame(1, 1)), "the other side did not end");
  assert.equal(sockets.length, 1);
  const listening = stream(platform, { listen: true, address: { path: "/x" } });
  await listening.net.open();
  listening.net.close();
  await settle();
  await assert.rejects(() => platform.sockets.connect({ path: "/x" }));
});

test("close while it connects, and while the guest has no room", async () => {
  const platform = virtualPlatform();
  const { side, sockets } = await pair(platform);
  side.room = false;
  await sockets[0].write(Uint8Array.of(0, 0, 0, 20, ...frame(20, 3)));
  await settle();
  side.net.close();
  side.room = true;
  await settle();
  assert.deepEqual(side.got, []);
  const late = stream(platform, { reconnect: 1 });
  const opening = late.net.open();
  late.net.close();
  await opening;
  assert.equal(late.net.linkUp, false);
  assert.deepEqual(late.log, []);
});

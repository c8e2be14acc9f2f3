/** What every implementation of sockets must do: run on the host's and on the ones in memory. */
import assert from "node:assert/strict";
import test from "node:test";
import type {
  DatagramSocket,
  InternetAddress,
  Sockets,
  StreamAddress,
  StreamServer,
  StreamSocket,
} from "../../lib/platform/sockets.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** All that comes until the other side ends. */
async function readAll(socket: StreamSocket): Promise<string> {
  let text = "";
  for (let part = await socket.read(); part !== undefined; part = await socket.read()) {
    text += new TextDecoder().decode(part);
  }
  return text;
}

/** A connection's two ends. */
async function pair(
  sockets: Sockets,
  address: StreamAddress,
): Promise<{ client: StreamSocket; server: StreamSocket; listener: StreamServer }> {
  let taken: (socket: StreamSocket) => void = () => {};
  const accepted = new Promise<StreamSocket>((resolve) => taken = resolve);
  const listener = await sockets.listen(address, (socket) => taken(socket));
  const client = await sockets.connect(listener.address);
  return { client, server: await accepted, listener };
}

/**
 * Registers the tests.
 * @param paths gives the name of a unix socket that does not exist yet.
 */
export function socketTests(name: string, sockets: Sockets, paths: () => string): void {
  const kinds: Record<string, () => StreamAddress> = {
    TCP: () => ({ host: "127.0.0.1", port: 0 }),
    unix: () => ({ path: paths() }),
  };
  for (const [kind, address] of Object.entries(kinds)) {
    test(`${name} ${kind}: bytes both ways, each direction ends for itself`, async () => {
      const { client, server, listener } = await pair(sockets, address());
      await client.write(bytes("question"));
      client.end();
      client.end();
      assert.equal(await readAll(server), "question");
      // The client has ended; the server can still answer.
      await server.write(bytes("answer"));
      await server.write(new Uint8Array(0));
      server.end();
      assert.equal(await readAll(client), "answer");
      assert.equal(await client.read(), undefined);
      await Promise.all([client.closed, server.closed]);
      await assert.rejects(client.write(bytes("late")), { name: "SocketError", code: "closed" });
      await listener.close();
    });

    test(`${name} ${kind}: a writer waits for a reader, and nothing is lost`, async () => {
      const { client, server, listener } = await pair(sockets, address());
      const part = new Uint8Array(65536);
      const total = 256;
      let written = 0;
      const writing = (async () => {
        for (; written < total; written++) await client.write(part.fill(written));
        client.end();
      })();
      // As many turns as anybody could need to take 16 MiB, were there no window.
      for (let i = 0; i < 300; i++) await new Promise((resolve) => setTimeout(resolve, 0));
      assert.ok(written < total, `${written} parts were taken`);
      let received = 0;
      for (let got = await server.read(); got !== undefined; got = await server.read()) {
        for (let i = 0; i < got.length; i += 4093) {
          assert.equal(got[i], Math.floor((received + i) / part.length) & 0xff);
        }
        received += got.length;
      }
      await writing;
      assert.equal(received, total * part.length);
      server.end();
      assert.equal(await client.read(), undefined);
      await listener.close();
    });

    test(`${name} ${kind}: an abort breaks the connection on both sides`, async () => {
      const { client, server, listener } = await pair(sockets, address());
      const reading = server.read();
      const own = client.read();
      client.abort();
      client.abort();
      await assert.rejects(own, { code: "closed" });
      // A unix socket knows no reset: its end looks like a regular one.
      if (kind === "TCP") await assert.rejects(reading, { code: "reset" });
      else await reading.catch(() => {});
      await client.closed;
      await assert.rejects(client.write(bytes("late")), { code: "closed" });
      server.abort();
      await server.closed;
      await listener.close();
    });

    test(`${name} ${kind}: an address that is in use, and one where nobody is`, async () => {
      const listener = await sockets.listen(address(), () => {});
      await assert.rejects(sockets.listen(listener.address, () => {}), { code: "in-use" });
      await listener.close();
      await assert.rejects(sockets.connect(listener.address), (error: { code?: string }) => {
        assert.match(error.code ?? "", /^(refused|not-found)$/);
        return true;
      });
      // And it is free again.
      await (await sockets.listen(listener.address, () => {})).close();
    });
  }

  test(`${name}: written bytes are copied, also from shared memory`, async () => {
    const { client, server, listener } = await pair(sockets, kinds.TCP());
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(1);
    const writing = client.write(shared);
    shared.fill(2);
    await writing;
    client.end();
    assert.equal(await readAll(server), "\u0001\u0001\u0001\u0001");
    server.end();
    await listener.close();
  });

  test(`${name}: an attempt to connect can be aborted`, async () => {
    await assert.rejects(
      sockets.connect({ host: "127.0.0.1", port: 1 }, AbortSignal.abort()),
      { name: "SocketError", code: "closed" },
    );
  });

  test(`${name}: who connects is known by address`, async () => {
    const { client, server, listener } = await pair(sockets, kinds.TCP());
    assert.deepEqual(client.remote, listener.address);
    const { host, port } = server.remote as InternetAddress;
    assert.equal(host, "127.0.0.1");
    assert.ok(port > 0 && port < 65536);
    client.abort();
    server.abort();
    await listener.close();
  });

  test(`${name} TCP: bytes that the socket may keep arrive as well`, async () => {
    const { client, server, listener } = await pair(sockets, kinds.TCP());
    await client.write(bytes("kept, "), { keep: true });
    await client.write(bytes("copied"));
    client.end();
    assert.equal(await readAll(server), "kept, copied");
    server.end();
    await listener.close();
  });

  test(`${name} TCP: an abort after the end of both sides is none`, async () => {
    const { client, server, listener } = await pair(sockets, kinds.TCP());
    client.end();
    server.end();
    assert.equal(await client.read(), undefined);
    assert.equal(await server.read(), undefined);
    await Promise.all([client.closed, server.closed]);
    client.abort();
    assert.equal(await server.read(), undefined);
    await listener.close();
  });

  test(`${name}: name servers are addresses with a port`, () => {
    for (const { host, port } of sockets.resolvers?.() ?? []) {
      assert.match(host, /^[\d.]+$|^[\da-fA-F:.%\w]+$/);
      assert.ok(port > 0 && port < 65536);
    }
  });

  test(`${name} UDP: datagrams keep their bounds, and answers find their way`, async () => {
    const one = await sockets.bind({ host: "127.0.0.1", port: 0 });
    const two = await sockets.bind({ host: "127.0.0.1", port: 0 });
    two.onDatagram((got, from) => two.send(Uint8Array.from([...got, 0xff]), from));
    const answers: number[][] = [];
    const done = new Promise<void>((resolve) =>
      one.onDatagram((got, from) => {
        assert.deepEqual(from, two.address);
        answers.push([...got]);
        if (answers.length === 3) resolve();
      })
    );
    const data = new Uint8Array(new SharedArrayBuffer(2));
    for (let i = 0; i < 3; i++) one.send(data.fill(i), two.address);
    await done;
    assert.deepEqual(answers.sort(), [[0, 0, 255], [1, 1, 255], [2, 2, 255]]);
    await assert.rejects(sockets.bind(one.address), { code: "in-use" });
    await closeTwice(one);
    await closeTwice(two);
    one.send(data, two.address);
  });

  test(`${name} UDP: what cannot be sent is lost without a word`, async () => {
    const socket = await sockets.bind({ host: "127.0.0.1", port: 0 });
    socket.send(new Uint8Array(70_000), socket.address);
    socket.send(Uint8Array.of(1), { host: "127.0.0.1", port: 1 });
    socket.send(Uint8Array.of(1), { host: "127.0.0.1", port: 99_999 });
    const heard = new Promise<Uint8Array>((resolve) => socket.onDatagram(resolve));
    socket.send(Uint8Array.of(7), socket.address);
    assert.deepEqual(await heard, Uint8Array.of(7));
    await socket.close();
  });
}

async function closeTwice(socket: DatagramSocket): Promise<void> {
  await socket.close();
  await socket.close();
}

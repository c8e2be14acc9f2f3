import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../config/config_error.ts";
import { checkSock } from "../config/sock_config.ts";
import { Op, ShutdownFlag } from "../devices/virtio_sock/packet.ts";
import { make as makeGuest, string, text } from "../devices/virtio_sock/testing/guest.ts";
import { VirtioSock } from "../devices/virtio_sock/virtio_sock.ts";
import type { StreamSocket } from "../platform/sockets.ts";
import { VirtualSockets } from "../platform/virtual_sockets.ts";
import { VsockForwards } from "./vsock_forwards.ts";

async function turn(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** Forwards of a configuration, and a guest with room for all packets of a test. */
async function make(settings: object) {
  const sockets = new VirtualSockets();
  const { device, send, packets } = makeGuest({ buffers: 128 });
  const config = checkSock({ type: "virtio-sock", ...settings }, "devices[0]");
  const forwards = new VsockForwards({ device, config, sockets });
  await forwards.open("devices[0]");
  return { sockets, device, forwards, send, packets };
}

test("a socket of the host leads to a port of the guest, both ways, to the end", async () => {
  const { sockets, send, packets, device } = await make({ publish: ["tcp:127.0.0.1:2222=22"] });
  const client = await sockets.connect({ host: "127.0.0.1", port: 2222 });
  await client.write(text("hello"));
  await turn();
  const [request] = packets();
  assert.deepEqual([request.op, request.dstPort], [Op.request, 22]);
  const guest = { srcPort: 22, dstPort: request.srcPort };
  send({ ...guest, op: Op.response });
  await turn();
  assert.deepEqual(packets().map(({ data }) => data), ["hello"]);
  send(guest, text("world"));
  assert.equal(string(await client.read()), "world");
  client.end();
  await turn();
  assert.deepEqual(packets().map(({ op, flags }) => [op, flags]), [
    [Op.shutdown, ShutdownFlag.noSend],
  ]);
  send({ ...guest, op: Op.shutdown, flags: ShutdownFlag.both });
  assert.equal(await client.read(), undefined);
  await client.closed;
  assert.deepEqual(packets().map(({ op }) => op), [Op.reset]);
  assert.equal(device.connections, 0);
});

test("a port of the guest where nobody listens aborts the client", async () => {
  const { sockets, send, packets } = await make({ publish: ["unix:/s=22"] });
  const client = await sockets.connect({ path: "/s" });
  await turn();
  send({ op: Op.reset, srcPort: 22, dstPort: packets()[0].srcPort });
  await assert.rejects(client.read(), { code: "reset" });
});

test("a port of the host leads to a socket of the host, which is there first", async () => {
  const { sockets, send, packets } = await make({ connect: ["80=tcp:web:8080"] });
  send({ op: Op.request, srcPort: 9, dstPort: 80 });
  await turn();
  assert.deepEqual(packets().map(({ op }) => op), [Op.reset], "nobody listens yet");
  const clients: StreamSocket[] = [];
  await sockets.listen({ host: "web", port: 8080 }, (client) => clients.push(client));
  send({ op: Op.request, srcPort: 9, dstPort: 80 });
  await turn();
  assert.deepEqual(packets().map(({ op }) => op), [Op.response]);
  send({ srcPort: 9, dstPort: 80 }, text("GET"));
  assert.equal(string(await clients[0].read()), "GET");
  clients[0].abort();
  await turn();
  assert.deepEqual(packets().map(({ op }) => op), [Op.reset]);
});

test("the socket of all ports: CONNECT, OK, and one socket per port for the guest", async () => {
  const { sockets, send, packets } = await make({ socket: "/vm" });
  const client = await sockets.connect({ path: "/vm" });
  await client.write(text("CONN"));
  await turn();
  await client.write(text("ECT 1234\nfirst"));
  await turn();
  const [request] = packets();
  assert.equal(request.dstPort, 1234);
  send({ op: Op.response, srcPort: 1234, dstPort: request.srcPort });
  assert.equal(string(await client.read()), `OK ${request.srcPort}\n`);
  await turn();
  assert.deepEqual(packets().map(({ data }) => data), ["first"]);

  const clients: StreamSocket[] = [];
  await sockets.listen({ path: "/vm_77" }, (socket) => clients.push(socket));
  send({ op: Op.request, srcPort: 5, dstPort: 77 });
  send({ op: Op.request, srcPort: 5, dstPort: 78 });
  await turn();
  assert.deepEqual(packets().map(({ op, srcPort }) => [op, srcPort]).sort(), [
    [Op.response, 77],
    [Op.reset, 78],
  ]);
  assert.equal(clients.length, 1);
});

test("clients that say something else are sent away", async () => {
  const { sockets, packets } = await make({ socket: "/vm" });
  const lines = ["HELLO\n", "CONNECT\n", "CONNECT x\n", "CONNECT 4294967295\n", "C".repeat(100)];
  for (const line of lines) {
    const client = await sockets.connect({ path: "/vm" });
    await client.write(text(line));
    await assert.rejects(client.read(), { code: "reset" });
  }
  const silent = await sockets.connect({ path: "/vm" });
  silent.end();
  await assert.rejects(silent.read(), { code: "reset" });
  assert.deepEqual(packets(), []);
});

test("an address in use is an error of its setting, and nothing listens", async () => {
  const sockets = new VirtualSockets();
  await sockets.listen({ path: "/b" }, () => {});
  const config = checkSock({ type: "virtio-sock", publish: ["unix:/a=1", "unix:/b=2"] }, "");
  const forwards = new VsockForwards({ device: new VirtioSock({ cid: 3 }), config, sockets });
  await assert.rejects(forwards.open("devices[4]"), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.path, "devices[4].publish[1]");
    assert.match(error.message, /unix:\/b exists; remove it/);
    return true;
  });
  await assert.rejects(sockets.connect({ path: "/a" }), { code: "not-found" });
});

test("close ends servers and connections, and may be called again", async () => {
  const { sockets, forwards } = await make({ publish: ["tcp:localhost:0=22"] });
  const [address] = forwards.published;
  const client = await sockets.connect(address);
  await turn();
  await forwards.close();
  await forwards.close();
  await assert.rejects(client.read(), { code: "reset" });
  await assert.rejects(sockets.connect(address), { code: "refused" });
});

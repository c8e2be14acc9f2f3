import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import { HEADER_BYTES, HOST_CID, Op, ShutdownFlag } from "./packet.ts";
import { CID, make, text, turn } from "./testing/guest.ts";
import { SOCK_WINDOW } from "./virtio_sock.ts";
import type { VsockStream } from "./vsock.ts";

test("a guest that sends more than its credit is reset, and no byte of it is kept", async () => {
  const { send, ops, connected, device } = make();
  const stream = await connected();
  send({}, new Uint8Array(SOCK_WINDOW));
  send({}, new Uint8Array(1));
  assert.deepEqual(ops(), [Op.reset]);
  await assert.rejects(stream.read(), { code: "reset" });
  assert.deepEqual([device.connections, device.statistics.refused], [0, 1]);
});

test("connections are bounded, those that the host has not read among them", async () => {
  const { send, ops, device } = make({ maxConnections: 4 });
  const streams: VsockStream[] = [];
  device.serve(80, (request) => streams.push(request.accept()));
  for (let port = 0; port < 4; port++) {
    send({ op: Op.request, srcPort: port });
    await turn();
    send({ srcPort: port }, text("x"));
    send({ op: Op.shutdown, srcPort: port, flags: ShutdownFlag.both });
  }
  ops();
  send({ op: Op.request, srcPort: 9 });
  await turn();
  assert.deepEqual(ops(), [Op.reset]);
  await assert.rejects(device.connect(1), { code: "other" });
  streams[0].abort();
  send({ op: Op.request, srcPort: 9 });
  await turn();
  assert.deepEqual(ops(), [Op.response]);
});

test("a connection that only waits for the guest's word gives way to a new one", async () => {
  const { send, ops, connected, device } = make({ maxConnections: 1 });
  const stream = await connected();
  send({ op: Op.shutdown, flags: ShutdownFlag.noSend });
  stream.end();
  assert.deepEqual(ops(), [Op.shutdown]);
  await connected({ srcPort: 5 });
  assert.equal(device.connections, 1);
});

test("packets that no guest should send: dropped or answered by a reset", async () => {
  const { send, packets, connected, tx, device, failures } = make();
  send({ srcCid: CID + 1, op: Op.request });
  send({ srcCid: HOST_CID, op: Op.request });
  send({ length: 5, op: Op.rw }, text("four"));
  tx.add({ readable: [new Uint8Array(HEADER_BYTES - 1)] });
  tx.kick();
  tx.add({ writable: [100] });
  tx.kick();
  send({ op: Op.reset, srcPort: 1 });
  send({ op: Op.reset, dstCid: 9 });
  assert.deepEqual(packets(), []);
  assert.equal(tx.outstanding, 0);
  for (const fields of [{ dstCid: 9 }, { type: 2 }, { type: 0xffff }, { op: Op.rw }, { op: 99 }]) {
    send({ op: Op.request, ...fields });
    const [{ op, srcCid, type }] = packets();
    assert.deepEqual([op, srcCid], [Op.reset, fields.dstCid ?? HOST_CID]);
    assert.equal(type, fields.type ?? 1);
  }
  for (const op of [Op.request, Op.response, 0, 8, 0xffff]) {
    const stream = await connected();
    send({ op });
    assert.equal(packets()[0].op, Op.reset);
    await assert.rejects(stream.read(), { code: "reset" });
  }
  const stream = await connected();
  send({ op: Op.shutdown, flags: ShutdownFlag.noSend });
  send({}, text("after the end"));
  assert.equal(packets().at(-1)?.op, Op.reset);
  await assert.rejects(stream.read(), { code: "reset" });
  assert.deepEqual([failures, device.connections], [[], 0]);
});

test("data before the host has accepted ends the connection", async () => {
  const { send, ops, device } = make();
  let accept: (() => VsockStream) | undefined;
  device.serve(80, (request) => accept = () => request.accept());
  send({ op: Op.request });
  await turn();
  send({}, text("early"));
  assert.deepEqual(ops(), [Op.reset]);
  const stream = accept?.() as VsockStream;
  await assert.rejects(stream.read(), { code: "reset" });
  assert.deepEqual(ops(), []);
});

test("without buffers for its answers the guest's packets wait in the ring", () => {
  const { send, post, ops, tx, device, turn: later } = make({ buffers: 0 });
  for (let i = 0; i < 100; i++) send({ op: Op.request, srcPort: i });
  assert.equal(device.statistics.received, 64);
  assert.equal(tx.outstanding, 36);
  let resets = 0;
  for (let i = 0; i < 10 && resets < 100; i++) {
    post(20);
    later();
    resets += ops().length;
  }
  assert.equal(resets, 100);
  tx.pollAll();
  assert.equal(tx.outstanding, 0);
});

test("a busy connection does not keep others waiting", async () => {
  const { connected, packets, post } = make({ buffers: 2 });
  const [busy, other] = [await connected(), await connected({ srcPort: 2 })];
  void busy.write(new Uint8Array(50_000));
  void other.write(text("me too"));
  post(3);
  assert.deepEqual(packets().map(({ dstPort }) => dstPort).sort(), [1000, 1000, 2]);
});

test("a buffer without room for a packet or an event needs a reset", () => {
  const first = make({ buffers: 0 });
  first.post(1, HEADER_BYTES);
  first.send({ op: Op.request });
  assert.equal(first.driver.status & 0x40, 0x40);
  assert.equal(first.failures.length, 1);
});

test("fuzz: registers and hostile rings", () => {
  const b = make({ buffers: 0 });
  const random = generator(97);
  fuzzRegisters(b.slot, random, 3000, 0x200);
  hostileRing(b, random, 3, 150);
  assert.ok(b.failures.length > 30 && b.device.statistics.received > 10);
});

test("fuzz: packets of a hostile guest, a host that reads, writes and leaves", async () => {
  const b = make({ maxConnections: 16 });
  const random = generator(4242);
  const streams: VsockStream[] = [];
  b.device.serve(undefined, (request) => {
    if (random(4) === 0) request.refuse();
    else streams.push(request.accept());
  });
  const pick = (...values: number[]): number => values[random(values.length)];
  for (let i = 0; i < 4000; i++) {
    const mark = b.driver.mark();
    b.send({
      srcCid: random(40) === 0 ? random(2 ** 32) : CID,
      dstCid: random(40) === 0 ? random(2 ** 32) : HOST_CID,
      srcPort: random(8),
      dstPort: random(4),
      type: random(60) === 0 ? random(65536) : 1,
      op: random(40) === 0 ? random(65536) : pick(1, 1, 2, 3, 4, 5, 5, 5, 5, 6, 7),
      flags: random(4),
      bufAlloc: pick(0, 1, 4096, 65536, 0xffffffff),
      fwdCnt: pick(0, 0, random(2 ** 32), 0xffffffff),
      ...(random(20) === 0 && { length: random(2 ** 32) }),
    }, new Uint8Array(random(3) === 0 ? random(60_000) : random(40)));
    b.driver.release(mark);
    if (random(2) === 0 && b.rx.outstanding < 16) b.post(1 + random(3), 45 + random(3000));
    const stream = streams[random(Math.max(1, streams.length))];
    const act = random(12);
    if (stream !== undefined) {
      if (act < 4) stream.read().catch(() => {});
      else if (act < 6) stream.write(new Uint8Array(random(9000))).catch(() => {});
      else if (act === 6) stream.end();
      else if (act === 7) stream.abort();
      else if (act === 8) streams.splice(streams.indexOf(stream), 1);
    }
    if (random(50) === 0) b.device.connect(random(8)).catch(() => {});
    if (random(5) === 0) await turn();
    b.turn();
    b.packets();
    assert.ok(b.device.connections <= 16);
  }
  assert.deepEqual(b.failures, []);
  assert.ok(b.device.statistics.bytesReceived > 100_000, "some of it was good");
  assert.ok(b.device.statistics.bytesSent > 10_000);
});

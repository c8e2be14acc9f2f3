import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { bench, fuzzRegisters, generator, hostileRing } from "../virtio/testing/bench.ts";
import {
  HEADER_BYTES,
  HOST_CID,
  Op,
  type PacketHeader,
  readHeader,
  ShutdownFlag,
  writeHeader,
} from "./packet.ts";
import { SOCK_WINDOW, VirtioSock } from "./virtio_sock.ts";
import type { VsockStream } from "./vsock.ts";

const CID = 7;
const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
const string = (bytes: Uint8Array | undefined): string => String.fromCharCode(...bytes ?? []);

interface Packet extends PacketHeader {
  data: string;
}

/** A device, and the driver's side of it: packets out and in. */
function make(options: { maxConnections?: number; queueSize?: number; buffers?: number } = {}) {
  const { buffers = 32, ...rest } = options;
  let activity = 0;
  const device = new VirtioSock({ cid: CID, onActivity: () => activity++, ...rest });
  const b = bench(device, 8 << 20);
  b.driver.negotiate();
  const rx = b.driver.addQueue(0);
  const tx = b.driver.addQueue(1);
  const events = b.driver.addQueue(2);
  b.driver.start();
  /** Gives the device buffers for packets. */
  const post = (count: number, bytes = 4096 + HEADER_BYTES): void => {
    for (let i = 0; i < count; i++) rx.add({ writable: [bytes] });
    rx.kick();
  };
  post(buffers);
  const send = (fields: Partial<PacketHeader>, data: Uint8Array = new Uint8Array(0)): void => {
    const bytes = new Uint8Array(HEADER_BYTES + data.length);
    const header: PacketHeader = {
      srcCid: CID,
      dstCid: HOST_CID,
      srcPort: 1000,
      dstPort: 80,
      length: data.length,
      type: 1,
      op: Op.rw,
      flags: 0,
      bufAlloc: 65536,
      fwdCnt: 0,
      ...fields,
    };
    writeHeader(new DataView(bytes.buffer), header);
    bytes.set(data, HEADER_BYTES);
    tx.add({ readable: [bytes.subarray(0, 20), bytes.subarray(20)] });
    tx.kick();
    tx.pollAll();
  };
  const packets = (): Packet[] =>
    rx.pollAll().map(({ data, written }) => ({
      ...readHeader(new DataView(data.buffer)),
      data: string(data.subarray(HEADER_BYTES, written)),
    }));
  const ops = (): number[] => packets().map(({ op }) => op);
  /** A connection from the guest that the host has accepted. */
  const connected = async (fields: Partial<PacketHeader> = {}): Promise<VsockStream> => {
    let stream: VsockStream | undefined;
    const end = device.serve(undefined, (request) => stream = request.accept());
    send({ ...fields, op: Op.request });
    await turn();
    end();
    assert.deepEqual(ops(), [Op.response]);
    return stream as VsockStream;
  };
  return {
    ...b,
    device,
    rx,
    tx,
    events,
    post,
    send,
    packets,
    ops,
    connected,
    activity: () => activity,
  };
}

async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** The code that a promise is rejected with, undefined while it is open. */
function outcome(promise: Promise<unknown>): { value?: unknown; code?: string } {
  const result: { value?: unknown; code?: string } = {};
  promise.then((value) => result.value = value, (error) => result.code = error.code);
  return result;
}

test("configuration: the context id, and nothing to write", () => {
  const { driver } = make();
  driver.write(0x100, 99);
  assert.deepEqual([driver.read(8), driver.read(0x100), driver.read(0x104)], [19, CID, 0]);
  for (const cid of [0, 2, 0xffffffff, 3.5]) {
    assert.throws(() => new VirtioSock({ cid }), RangeError);
  }
});

test("a guest connects, both sides talk, the guest closes", async () => {
  const { send, packets, connected } = make();
  const stream = await connected();
  assert.deepEqual([stream.local, stream.remote], [{ cid: 2, port: 80 }, { cid: CID, port: 1000 }]);
  send({ op: Op.rw }, text("hello"));
  assert.equal(string(await stream.read()), "hello");
  await stream.write(text("world"));
  const [answer] = packets();
  assert.deepEqual(
    [answer.srcCid, answer.dstCid, answer.srcPort, answer.dstPort, answer.type, answer.op],
    [HOST_CID, CID, 80, 1000, 1, Op.rw],
  );
  assert.deepEqual([answer.data, answer.fwdCnt, answer.bufAlloc], ["world", 5, SOCK_WINDOW]);
  send({ op: Op.shutdown, flags: ShutdownFlag.both });
  assert.equal(await stream.read(), undefined);
  await stream.closed;
  assert.deepEqual(packets().map(({ op, dstPort }) => [op, dstPort]), [[Op.reset, 1000]]);
  await assert.rejects(stream.write(text("x")), { code: "reset" });
});

test("the host connects: granted, refused, aborted, no driver", async () => {
  const { device, send, packets, ops, driver } = make();
  const attempt = outcome(device.connect(22));
  const [request] = packets();
  assert.deepEqual([request.op, request.dstPort, request.srcCid], [Op.request, 22, HOST_CID]);
  send({ op: Op.response, srcPort: 22, dstPort: request.srcPort });
  await turn();
  const stream = attempt.value as VsockStream;
  send({ op: Op.rw, srcPort: 22, dstPort: request.srcPort }, text("hi"));
  assert.equal(string(await stream.read()), "hi");

  const refused = outcome(device.connect(23));
  const [second] = packets();
  assert.notEqual(second.srcPort, request.srcPort);
  send({ op: Op.reset, srcPort: 23, dstPort: second.srcPort });
  await turn();
  assert.equal(refused.code, "refused");

  const abort = new AbortController();
  const aborted = outcome(device.connect(24, abort.signal));
  assert.deepEqual(ops(), [Op.request]);
  abort.abort();
  await turn();
  assert.equal(aborted.code, "closed");
  assert.deepEqual(ops(), [Op.reset]);
  await assert.rejects(device.connect(24, abort.signal), { code: "closed" });

  driver.write(0x70, 0);
  await assert.rejects(device.connect(22), { code: "unreachable" });
});

test("nobody listens, or the host refuses: a reset", async () => {
  const { send, packets, ops, device } = make();
  send({ op: Op.request });
  assert.deepEqual(packets().map(({ op, srcPort, dstPort }) => [op, srcPort, dstPort]), [
    [Op.reset, 80, 1000],
  ]);
  device.serve(80, (request) => request.refuse());
  assert.throws(() => device.serve(80, () => {}), { code: "in-use" });
  send({ op: Op.request });
  await turn();
  assert.deepEqual(ops(), [Op.reset]);
  assert.equal(device.connections, 0);
});

test("a port's handler comes before that for all ports; it runs outside of guest code", async () => {
  const { send, device } = make();
  const asked: string[] = [];
  const end = device.serve(80, ({ port }) => asked.push(`own ${port}`));
  device.serve(undefined, ({ port }) => asked.push(`any ${port}`));
  send({ op: Op.request });
  assert.deepEqual(asked, []);
  end();
  send({ op: Op.request, dstPort: 81 });
  await turn();
  assert.deepEqual(asked, ["own 80", "any 81"]);
});

test("half close of the guest: the host may still write", async () => {
  const { send, packets, ops, connected, device } = make();
  const stream = await connected();
  send({}, text("last"));
  send({ op: Op.shutdown, flags: ShutdownFlag.noSend });
  assert.equal(string(await stream.read()), "last");
  assert.equal(await stream.read(), undefined);
  await stream.write(text("more"));
  assert.equal(packets()[0].data, "more");
  stream.end();
  await stream.closed;
  assert.deepEqual(packets().map(({ op, flags }) => [op, flags]), [
    [Op.shutdown, ShutdownFlag.both],
  ]);
  send({ op: Op.reset });
  assert.equal(device.connections, 0);
  assert.deepEqual(ops(), []);
});

test("half close of the host: data first, then the end; the guest may still write", async () => {
  const { send, packets, connected, device } = make();
  const stream = await connected({ bufAlloc: 4 });
  const write = outcome(stream.write(text("abcdef")));
  stream.end();
  await assert.rejects(stream.write(text("x")), { code: "closed" });
  await turn();
  assert.ok("value" in write);
  assert.deepEqual(packets().map(({ op, data }) => [op, data]), [[Op.rw, "abcd"], [
    Op.creditRequest,
    "",
  ]]);
  send({ op: Op.creditUpdate, bufAlloc: 4, fwdCnt: 4 });
  assert.deepEqual(packets().map(({ op, flags, data }) => [op, flags, data]), [
    [Op.rw, 0, "ef"],
    [Op.shutdown, ShutdownFlag.noSend, ""],
  ]);
  send({ bufAlloc: 4, fwdCnt: 6 }, text("answer"));
  send({ op: Op.shutdown, flags: ShutdownFlag.noSend });
  assert.equal(string(await stream.read()), "answer");
  assert.equal(await stream.read(), undefined);
  await stream.closed;
  assert.deepEqual(packets().map(({ op, flags }) => [op, flags]), [
    [Op.shutdown, ShutdownFlag.both],
  ]);
  assert.equal(device.connections, 1);
});

test("a guest that stops receiving fails the host's writes only", async () => {
  const { send, connected } = make();
  const stream = await connected({ bufAlloc: 0 });
  const waiting = outcome(stream.write(new Uint8Array(SOCK_WINDOW)));
  await turn();
  assert.deepEqual(waiting, {});
  send({ op: Op.shutdown, flags: ShutdownFlag.noReceive });
  await turn();
  assert.equal(waiting.code, "reset");
  send({}, text("still"));
  assert.equal(string(await stream.read()), "still");
});

test("a reset of the guest fails reads and writes that wait", async () => {
  const { send, connected, device } = make();
  const stream = await connected({ bufAlloc: 0 });
  const [read, write] = [stream.read(), stream.write(new Uint8Array(SOCK_WINDOW))].map(outcome);
  send({ op: Op.reset });
  await stream.closed;
  await turn();
  assert.deepEqual([read.code, write.code, device.connections], ["reset", "reset", 0]);
});

test("abort: the guest gets one reset, and its packets are void until it knows", async () => {
  const { send, post, ops, connected, device } = make({ buffers: 1 });
  const stream = await connected();
  send({ op: Op.shutdown, flags: ShutdownFlag.noSend });
  stream.abort();
  stream.abort();
  await assert.rejects(stream.read(), { code: "closed" });
  send({}, text("late"));
  send({ op: Op.request });
  assert.equal(device.connections, 1);
  post(3);
  assert.deepEqual(ops(), [Op.reset]);
  assert.equal(device.connections, 0);
});

test("credit to the guest: told again when a quarter has been read, never more than there is", async () => {
  const { send, packets, connected } = make();
  const stream = await connected();
  const quarter = SOCK_WINDOW / 4;
  for (let i = 0; i < 4; i++) send({}, new Uint8Array(quarter).fill(i));
  assert.deepEqual(packets(), []);
  let got = 0;
  for (let i = 0; i < 4; i++) got += (await stream.read() as Uint8Array).length;
  assert.equal(got, SOCK_WINDOW);
  const updates = packets();
  assert.deepEqual(updates.map(({ op }) => op), new Array(4).fill(Op.creditUpdate));
  assert.deepEqual(updates.map(({ fwdCnt }) => fwdCnt), [1, 2, 3, 4].map((n) => n * quarter));
  send({ op: Op.creditRequest });
  assert.deepEqual(packets().map(({ op, bufAlloc, fwdCnt }) => [op, bufAlloc, fwdCnt]), [
    [Op.creditUpdate, SOCK_WINDOW, SOCK_WINDOW],
  ]);
});

test("a guest that sends more than its credit is reset, and no byte of it is kept", async () => {
  const { send, ops, connected, device } = make();
  const stream = await connected();
  send({}, new Uint8Array(SOCK_WINDOW));
  send({}, new Uint8Array(1));
  assert.deepEqual(ops(), [Op.reset]);
  await assert.rejects(stream.read(), { code: "reset" });
  assert.deepEqual([device.connections, device.statistics.refused], [0, 1]);
});

test("credit of the guest: the host's data waits for it, nonsense is no credit", async () => {
  const { send, packets, connected } = make();
  const stream = await connected({ bufAlloc: 10 });
  void stream.write(text("0123456789abcdef"));
  assert.deepEqual(packets().map(({ data }) => data), ["0123456789", ""]);
  // As if more had been taken than was sent.
  send({ op: Op.creditUpdate, bufAlloc: 10, fwdCnt: 5000 });
  assert.deepEqual(packets().map(({ op }) => op), [Op.creditRequest]);
  send({ op: Op.creditUpdate, bufAlloc: 10, fwdCnt: 0xffffffff });
  assert.deepEqual(packets().map(({ op }) => op), [Op.creditRequest]);
  send({ op: Op.creditUpdate, bufAlloc: 10, fwdCnt: 10 });
  assert.deepEqual(packets().map(({ data }) => data), ["abcdef"]);
});

test("the host's writes wait while a window is not sent", async () => {
  const { send, connected, packets, post } = make({ buffers: 128 });
  const stream = await connected({ bufAlloc: 0x7fffffff });
  let rounds = 0;
  const whole = new Uint8Array(2 * SOCK_WINDOW).map((_, i) => i % 251);
  const write = outcome(stream.write(whole));
  let got = "";
  while (got.length < whole.length && rounds++ < 40) {
    got += packets().map(({ data }) => data).join("");
    if (got.length < SOCK_WINDOW) assert.deepEqual(write, {});
    post(32);
    await turn();
    send({ op: Op.creditUpdate, bufAlloc: 0x7fffffff, fwdCnt: got.length });
  }
  assert.ok("value" in write);
  assert.equal(got, Array.from(whole, (byte) => String.fromCharCode(byte)).join(""));
});

test("what the guest sent before it closed can be read afterwards", async () => {
  const { send, connected, device } = make();
  const stream = await connected();
  send({}, text("farewell"));
  send({ op: Op.shutdown, flags: ShutdownFlag.both });
  assert.equal(device.connections, 1, "it counts while it is not read");
  assert.equal(string(await stream.read()), "farewell");
  assert.equal(await stream.read(), undefined);
  assert.equal(device.connections, 0);
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

test("a reset by the driver ends every connection, and nothing old is sent", async () => {
  const { send, connected, driver, device } = make({ buffers: 1 });
  const stream = await connected();
  void stream.write(text("old"));
  send({ op: Op.request, srcPort: 4 });
  driver.write(0x70, 0);
  assert.equal(device.connections, 0);
  await assert.rejects(stream.read(), { code: "reset" });
  driver.negotiate();
  const rx = driver.addQueue(0);
  driver.addQueue(1);
  driver.start();
  rx.add({ writable: [4096] });
  rx.kick();
  assert.equal(rx.poll(), undefined);
});

test("state: after restore the guest is told of a transport reset, connections are gone", async () => {
  const first = make({ buffers: 4 });
  const stream = await first.connected();
  void stream.write(new Uint8Array(30_000));
  const saved = structuredClone(first.slot.state());
  const bytes = first.memory.bytes.slice();
  const second = make();
  const old = await second.connected();
  second.memory.bytes.set(bytes);
  second.slot.restore(saved);
  await assert.rejects(old.read(), { code: "reset" });
  assert.equal(second.device.connections, 0);
  assert.equal(second.memory.read16(first.events.deviceArea + 2), 0, "no buffer yet");
  // The driver of the restored guest gives a buffer for events.
  const address = second.memory.base + second.memory.size - 64;
  second.memory.write(address, new Uint8Array(8).fill(0xff));
  const { descriptors, driverArea, deviceArea } = first.events;
  second.memory.write32(descriptors, address);
  second.memory.write32(descriptors + 4, 0);
  second.memory.write32(descriptors + 8, 8);
  second.memory.write32(descriptors + 12, 2);
  second.memory.write16(driverArea + 2, 1);
  second.driver.write(0x50, 2);
  assert.equal(second.memory.read16(deviceArea + 2), 1);
  assert.equal(second.memory.read32(address), 0);
  const record = saved as { [key: string]: DeviceState };
  const broken: DeviceState[] = [{ cid: 8, tellReset: false }, { cid: CID }, null];
  for (const device of broken) {
    assert.throws(() => second.slot.restore({ ...record, device }), TypeError);
  }
});

test("shutdown of the machine ends streams and handlers", async () => {
  const { device, slot, connected, send } = make();
  device.serve(80, () => assert.fail("not any more"));
  const stream = await connected({ dstPort: 81 });
  slot.shutdown();
  slot.shutdown();
  await assert.rejects(stream.read(), { code: "closed" });
  send({ op: Op.request });
  await turn();
});

test("host code that waits is announced", async () => {
  const { send, connected, activity } = make();
  await connected();
  const before = activity();
  send({}, text("x"));
  assert.ok(activity() > before);
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

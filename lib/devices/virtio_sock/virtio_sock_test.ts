import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { HOST_CID, Op, ShutdownFlag } from "./packet.ts";
import { CID, make, outcome, string, text, turn } from "./testing/guest.ts";
import { SOCK_WINDOW, VirtioSock } from "./virtio_sock.ts";
import type { VsockStream } from "./vsock.ts";

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

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamSocket } from "../../platform/sockets.ts";
import { Bench, MILLISECOND, SECOND } from "./testing/bench.ts";
import {
  ACK,
  bytesOf,
  FIN,
  GUEST,
  PSH,
  readTcp,
  RST,
  type Segment,
  SYN,
  tcp,
  type TcpFields,
  textOf,
} from "./testing/packets.ts";

const PORTS = [4000, 80] as const;
const ISS = 0xffff_fff0; // the numbers wrap soon

/** A guest that sends what the test says, and a server on the host. */
class Raw {
  readonly bench: Bench = new Bench();
  readonly sockets: StreamSocket[] = [];
  /** What the next segment carries. */
  sequence: number = ISS;
  acknowledgement: number = 0;

  async listen(): Promise<void> {
    this.bench.hello();
    await this.bench.platform.sockets.listen(
      { host: "127.0.0.1", port: 80 },
      (socket) => this.sockets.push(socket),
    );
  }

  /** Sends a segment; gives the answers. `sequence` goes on by what it takes. */
  async send(fields: Partial<TcpFields>): Promise<Segment[]> {
    const { sequence, acknowledgement } = this;
    const segment = { ports: PORTS, flags: ACK, sequence, acknowledgement, ...fields };
    this.bench.send(tcp(segment));
    if (fields.sequence === undefined && (segment.flags & RST) === 0) {
      const span = (fields.payload?.length ?? 0) + (segment.flags & FIN) + (segment.flags >> 1 & 1);
      this.sequence = (this.sequence + span) >>> 0;
    }
    await this.bench.settle();
    return this.heard();
  }

  heard(): Segment[] {
    return this.bench.take().filter(({ protocol }) => protocol === 6).map(readTcp);
  }

  /** SYN, SYN-ACK, ACK. */
  async open(options: readonly number[] = []): Promise<Segment> {
    await this.listen();
    const [answer] = await this.send({ flags: SYN, acknowledgement: 0, options });
    assert.equal(answer.flags, SYN | ACK);
    this.acknowledgement = (answer.sequence + 1) >>> 0;
    assert.deepEqual(await this.send({}), []);
    return answer;
  }

  get host(): StreamSocket {
    return this.sockets[0];
  }
}

const flagsOf = (segments: readonly Segment[]): number[] => segments.map(({ flags }) => flags);

test("SYN: answered with its options, and once more if it comes again", async () => {
  const raw = new Raw();
  const plain = await raw.open();
  assert.deepEqual(plain.options, [2, 4, 5, 180], "no scaling if the guest does not scale");
  assert.equal(plain.window, 65535);
  assert.equal(plain.acknowledgement, (ISS + 1) >>> 0);
  const other = new Raw();
  await other.listen();
  const syn = { flags: SYN, sequence: ISS, acknowledgement: 0, options: [3, 3, 7, 0] };
  const [first] = await other.send(syn);
  assert.deepEqual(first.options, [2, 4, 5, 180, 1, 3, 3, 4]);
  const [again] = await other.send(syn);
  assert.deepEqual(again, first);
  assert.equal(other.sockets.length, 1);
});

test("SYN-ACK: sent again with growing pauses, then given up", async () => {
  const raw = new Raw();
  await raw.listen();
  await raw.send({ flags: SYN, acknowledgement: 0 });
  const times: number[] = [];
  for (let second = 1; second < 120; second++) {
    await raw.bench.pass(SECOND, SECOND);
    for (const { flags } of raw.heard()) times.push(flags === (SYN | ACK) ? second : -second);
  }
  assert.deepEqual(times, [1, 3, 7, 15, 31, -63]);
  assert.equal(raw.bench.network.statistics.connections, 0);
  await raw.host.closed;
});

test("SYN-RECEIVED: an acknowledgement of something else is reset, the connection stays", async () => {
  const raw = new Raw();
  await raw.listen();
  const [answer] = await raw.send({ flags: SYN, acknowledgement: 0 });
  const [reset] = await raw.send({ acknowledgement: (answer.sequence + 7) >>> 0 });
  assert.deepEqual([reset.flags, reset.sequence], [RST, (answer.sequence + 7) >>> 0]);
  raw.acknowledgement = (answer.sequence + 1) >>> 0;
  await raw.send({ payload: bytesOf("x") });
  assert.equal(textOf(await raw.host.read() as Uint8Array), "x");
});

test("data: taken in order across the wrap of the numbers, old and early parts left out", async () => {
  const raw = new Raw();
  await raw.open();
  const text = "abcdefghijklmnopqrstuvwxyz";
  const at = (from: number, to: number): Partial<TcpFields> => ({
    sequence: (ISS + 1 + from) >>> 0,
    payload: bytesOf(text.slice(from, to)),
    flags: ACK | PSH,
  });
  const acknowledged = async (fields: Partial<TcpFields>): Promise<number> => {
    const answers = await raw.send(fields);
    return ((answers.at(-1) as Segment).acknowledgement - ISS - 1) >>> 0;
  };
  assert.equal(await acknowledged(at(5, 10)), 0, "too early");
  assert.equal(await acknowledged(at(0, 10)), 10);
  assert.equal(await acknowledged(at(0, 10)), 10, "old");
  assert.equal(await acknowledged(at(3, 20)), 20, "partly old");
  assert.equal(await acknowledged(at(20, 26)), 26);
  let got = "";
  while (got.length < 26) got += textOf(await raw.host.read() as Uint8Array);
  assert.equal(got, text);
});

test("data beyond the window is cut off", async () => {
  const raw = new Raw();
  await raw.open();
  // Nobody reads: 65,535 bytes fit without window scaling until the buffer is full.
  const part = new Uint8Array(60_000);
  let sent = 0;
  for (let i = 0; i < 20; i++) {
    const sequence = (ISS + 1 + sent) >>> 0;
    const answers = await raw.send({ sequence, payload: part });
    const { acknowledgement } = answers.at(-1) as Segment;
    sent = (acknowledgement - ISS - 1) >>> 0;
  }
  const { window } = (await raw.send({ sequence: (ISS + 1 + sent) >>> 0, payload: part }))[0];
  assert.equal(window, 0);
  assert.ok(sent <= 512 * 1024 + 2 * 65536 && sent > 500_000, `${sent} bytes were taken`);
});

test("RST: only the exact number ends the connection (RFC 5961)", async () => {
  const raw = new Raw();
  await raw.open();
  const next = raw.sequence;
  assert.deepEqual(await raw.send({ flags: RST, sequence: (next - 1) >>> 0 }), []);
  const [challenge] = await raw.send({ flags: RST, sequence: next + 100 });
  assert.deepEqual([challenge.flags, challenge.acknowledgement], [ACK, next]);
  assert.deepEqual(await raw.send({ flags: RST, sequence: next + 600_000 }), []);
  assert.equal(raw.bench.network.statistics.connections, 1);
  assert.deepEqual(await raw.send({ flags: RST, sequence: next }), []);
  assert.equal(raw.bench.network.statistics.connections, 0);
  await raw.host.closed;
});

test("SYN in a connection gets a challenge (RFC 5961), as does what nobody has sent", async () => {
  const raw = new Raw();
  await raw.open();
  assert.deepEqual(flagsOf(await raw.send({ flags: SYN, sequence: raw.sequence + 5 })), [ACK]);
  const unsent = await raw.send({ acknowledgement: raw.acknowledgement + 1 });
  assert.deepEqual(flagsOf(unsent), [ACK]);
  assert.deepEqual(await raw.send({ acknowledgement: raw.acknowledgement - 50 }), [], "old");
  assert.deepEqual(await raw.send({ flags: 0, payload: bytesOf("x") }), [], "without ACK");
  assert.equal(raw.bench.network.statistics.connections, 1);
});

test("segments of no connection are reset with the numbers that they ask for", async () => {
  const raw = new Raw();
  await raw.listen();
  const [one] = await raw.send({ flags: ACK, sequence: 5, acknowledgement: 77 });
  assert.deepEqual([one.flags, one.sequence, one.acknowledgement], [RST, 77, 0]);
  const [two] = await raw.send({ flags: FIN, sequence: 5, payload: bytesOf("four") });
  assert.deepEqual([two.flags, two.sequence, two.acknowledgement], [RST | ACK, 0, 10]);
  assert.deepEqual(await raw.send({ flags: RST, sequence: 5 }), []);
  assert.deepEqual(await raw.send({ flags: SYN | ACK, sequence: 5, acknowledgement: 9 }), [
    { ...one, sequence: 9 },
  ]);
});

test("host data: a lost segment comes again after a timeout, each pause twice as long", async () => {
  const raw = new Raw();
  await raw.open();
  await raw.host.write(bytesOf("data"));
  await raw.bench.settle();
  const [first] = raw.heard();
  assert.equal(first.flags, ACK | PSH);
  const times: number[] = [];
  for (let ms = 100; ms <= 16_000; ms += 100) {
    await raw.bench.pass(100 * MILLISECOND, 100 * MILLISECOND);
    for (const segment of raw.heard()) {
      assert.deepEqual([segment.sequence, textOf(segment.payload)], [first.sequence, "data"]);
      times.push(ms);
    }
  }
  assert.deepEqual(times, [1000, 3000, 7000, 15_000]);
});

test("host data: three duplicates bring the first segment at once", async () => {
  const raw = new Raw();
  await raw.open([2, 4, 5, 180, 3, 3, 4, 0]);
  await raw.send({ window: 65535 });
  await raw.host.write(new Uint8Array(20_000));
  await raw.bench.settle();
  const [whole] = raw.heard();
  assert.equal(whole.payload.length, 20_000, "in one piece: the card cuts it");
  for (let i = 0; i < 2; i++) assert.deepEqual(await raw.send({}), []);
  const [again] = await raw.send({});
  assert.deepEqual([again.sequence, again.payload.length], [whole.sequence, 1460]);
  // A partial acknowledgement brings the next (RFC 6582).
  raw.acknowledgement = (whole.sequence + 2920) >>> 0;
  const [next] = await raw.send({});
  assert.deepEqual([next.sequence, next.payload.length], [raw.acknowledgement, 1460]);
});

test("segments carry what is left to the card: checksum and size", async () => {
  const raw = new Raw();
  await raw.open([2, 4, 3, 232]); // MSS 1000
  await raw.host.write(new Uint8Array(5000));
  await raw.bench.settle();
  const [{ offload, payload }] = raw.bench.take();
  assert.equal(payload.length, 5020);
  assert.deepEqual(offload, { checksumStart: 34, checksumOffset: 16, segmentSize: 1000 });
  raw.acknowledgement = (raw.acknowledgement + 5000) >>> 0;
  await raw.send({});
  await raw.host.write(new Uint8Array(500));
  await raw.bench.settle();
  assert.equal(raw.bench.take()[0].offload?.segmentSize, 0);
});

test("a guest's large segment needs no checksum when the card says so", async () => {
  const raw = new Raw();
  await raw.open();
  const payload = Uint8Array.from({ length: 60_000 }, (_, i) => i);
  const { sequence, acknowledgement } = raw;
  const frame = tcp({ ports: PORTS, flags: ACK, sequence, acknowledgement, payload });
  frame.set([0x12, 0x34], 50);
  raw.bench.send(frame);
  await raw.bench.settle();
  assert.deepEqual(raw.heard(), [], "a broken checksum is dropped");
  raw.bench.send(frame, { checksumStart: 34, checksumOffset: 16, segmentSize: 1460 });
  await raw.bench.settle();
  const [{ acknowledgement: taken }] = raw.heard();
  assert.equal(taken, (sequence + payload.length) >>> 0);
});

test("both end at once", async () => {
  const raw = new Raw();
  await raw.open();
  raw.host.end();
  await raw.bench.settle();
  const [fin] = raw.heard();
  assert.equal(fin.flags, FIN | ACK);
  // The guest's FIN does not know of ours yet.
  assert.deepEqual(flagsOf(await raw.send({ flags: FIN | ACK })), [ACK]);
  assert.equal(await raw.host.read(), undefined);
  raw.acknowledgement = (fin.sequence + 1) >>> 0;
  assert.deepEqual(await raw.send({}), []);
  await raw.bench.pass(11 * SECOND, SECOND);
  assert.deepEqual(raw.heard(), []);
  assert.equal(raw.bench.network.statistics.connections, 0);
});

test("TIME-WAIT: the guest's FIN is acknowledged again; a new connection takes the ports", async () => {
  const raw = new Raw();
  await raw.open();
  raw.host.end();
  await raw.bench.settle();
  raw.acknowledgement = (raw.acknowledgement + 1) >>> 0;
  raw.heard();
  const fin = { flags: FIN | ACK, sequence: raw.sequence };
  assert.deepEqual(flagsOf(await raw.send(fin)), [ACK]);
  assert.deepEqual(flagsOf(await raw.send(fin)), [ACK]);
  const [answer] = await raw.send({ flags: SYN, sequence: raw.sequence + 1000 });
  assert.equal(answer.flags, SYN | ACK);
  assert.equal(raw.sockets.length, 2);
});

test("a connection that the guest resets while the host connects is forgotten", async () => {
  const raw = new Raw();
  await raw.listen();
  let aborted = 0;
  raw.bench.platform.sockets.connect = (_, signal) =>
    new Promise((_, reject) =>
      signal?.addEventListener("abort", () => {
        aborted++;
        reject(new Error("aborted"));
      })
    );
  assert.deepEqual(await raw.send({ flags: SYN, sequence: 100 }), []);
  assert.deepEqual(await raw.send({ flags: SYN, sequence: 100 }), [], "the same again");
  assert.deepEqual(await raw.send({ flags: RST, sequence: 101 }), []);
  assert.deepEqual([aborted, raw.bench.network.statistics.connections], [1, 0]);
  // Another attempt with the same ports takes the place of the first.
  await raw.send({ flags: SYN, sequence: 200 });
  await raw.send({ flags: SYN, sequence: 300 });
  assert.deepEqual([aborted, raw.bench.network.statistics.connections], [2, 1]);
  // The host does not answer: after a minute, the host is unreachable.
  await raw.bench.pass(61 * SECOND, SECOND);
  const [{ protocol, payload, destination }] = raw.bench.take();
  assert.deepEqual([protocol, payload[0], payload[1], destination], [1, 3, 1, GUEST]);
  assert.deepEqual([aborted, raw.bench.network.statistics.connections], [3, 0]);
});

test("broken segments are dropped", async () => {
  const raw = new Raw();
  await raw.listen();
  const good = tcp({ ports: PORTS, flags: SYN, options: [2, 4, 5, 180] });
  for (const at of [34, 36, 38, 46, 47, 50, 54]) {
    const bad = good.slice();
    bad[at] ^= 0x30;
    raw.bench.send(bad);
  }
  raw.bench.send(tcp({ ports: [0, 80], flags: SYN }));
  raw.bench.send(tcp({ ports: [80, 0], flags: SYN }));
  await raw.bench.settle();
  assert.deepEqual(raw.heard(), []);
  assert.equal(raw.sockets.length, 0);
});

test("SYN's options may be anything", async () => {
  const hostile = [[2, 0, 0, 0], [2, 4], [3, 3, 255, 0], [255, 255, 0, 0], [2, 4, 0, 0], [
    0,
    2,
    4,
    1,
  ]];
  for (const options of hostile.map((list) => list.length % 4 === 0 ? list : [...list, 1, 1])) {
    const raw = new Raw();
    await raw.open(options);
    await raw.host.write(new Uint8Array(300));
    await raw.bench.settle();
    assert.ok(raw.heard().length > 0);
  }
});

test("data beyond the window is cut off at its edge", async () => {
  const raw = new Raw();
  const { window } = await raw.open();
  const { sequence, acknowledgement } = raw;
  // Both at once: the network has had no time to move the edge.
  for (const offset of [0, 60_000]) {
    const payload = new Uint8Array(60_000);
    const at = (sequence + offset) >>> 0;
    raw.bench.send(tcp({ ports: PORTS, flags: ACK, sequence: at, acknowledgement, payload }));
  }
  await raw.bench.settle();
  assert.equal(raw.heard().at(-1)?.acknowledgement, (sequence + window) >>> 0);
});

test("a closed window is asked with one byte, and when it opens all comes at once", async () => {
  const raw = new Raw();
  await raw.open();
  await raw.send({ window: 0 });
  await raw.host.write(bytesOf("0123456789"));
  await raw.bench.settle();
  assert.deepEqual(raw.heard(), []);
  await raw.bench.pass(1100 * MILLISECOND, 100 * MILLISECOND);
  const probes = raw.heard();
  assert.deepEqual(probes.map(({ payload }) => textOf(payload)), ["0"]);
  assert.deepEqual(await raw.send({ window: 0 }), []);
  const [all] = await raw.send({ window: 1000 });
  assert.deepEqual([all.sequence, textOf(all.payload)], [probes[0].sequence, "0123456789"]);
});

test("a window that opens again is announced, also if the card was full then", async () => {
  const raw = new Raw();
  await raw.open();
  let window = 65535;
  for (let i = 0; i < 100 && window > 0; i++) {
    const payload = new Uint8Array(Math.min(window, 60_000));
    window = (await raw.send({ payload })).at(-1)?.window ?? window;
  }
  assert.equal(window, 0);
  raw.bench.room = false;
  for (let i = 0; i < 10; i++) {
    await raw.host.read();
    await raw.bench.settle();
  }
  raw.bench.room = true;
  raw.bench.network.receiveReady();
  assert.deepEqual(raw.heard().map((segment) => segment.window), [65535]);
});

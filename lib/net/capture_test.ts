import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../platform/clock.ts";
import { ALL_OFFLOADS, type FrameReceiver, type NetBackend } from "./backend.ts";
import { CaptureBackend, type CaptureOptions } from "./capture.ts";
import { LoopbackBackend } from "./loopback_backend.ts";

function capture(inner: NetBackend, options: Partial<CaptureOptions> = {}) {
  const clock = new VirtualClock(1_735_689_600);
  const file: number[] = [];
  const net = new CaptureBackend(inner, {
    clock,
    sink: (bytes) => void file.push(...bytes),
    ...options,
  });
  const records = () => {
    const view = new DataView(Uint8Array.from(file).buffer);
    const all = [];
    for (let at = 24; at < view.byteLength; at += 16 + view.getUint32(at + 8, true)) {
      const [seconds, fraction, kept, length] = [0, 4, 8, 12].map((i) =>
        view.getUint32(at + i, true)
      );
      all.push({ seconds, fraction, kept, length, first: view.getUint8(at + 16) });
    }
    return all;
  };
  return { clock, file, net, records };
}

test("the file's header, in nanoseconds and microseconds", () => {
  const { file } = capture(new LoopbackBackend());
  const rest = [2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
  assert.deepEqual(file, [0x4d, 0x3c, 0xb2, 0xa1, ...rest]);
  const { file: micro } = capture(new LoopbackBackend(), { resolution: "microseconds" });
  assert.deepEqual(micro, [0xd4, 0xc3, 0xb2, 0xa1, ...rest]);
});

test("frames of both directions with the machine's time", () => {
  const { clock, net, records } = capture(new LoopbackBackend());
  net.onReceive(() => true);
  clock.advance(1_500_000_007);
  net.send(new Uint8Array(60).fill(1));
  clock.advance(499_999_993);
  net.send(new Uint8Array(61).fill(2));
  const common = { kept: 60, length: 60, first: 1, seconds: 1_735_689_601, fraction: 500_000_007 };
  const second = { kept: 61, length: 61, first: 2, seconds: 1_735_689_602, fraction: 0 };
  assert.deepEqual(records(), [common, common, second, second]);
});

test("long frames are cut; microseconds", () => {
  const { clock, net, records } = capture(new LoopbackBackend(), {
    snapLength: 20,
    resolution: "microseconds",
  });
  clock.advance(3_999);
  net.send(new Uint8Array(60).fill(1));
  assert.deepEqual(records(), [
    { seconds: 1_735_689_600, fraction: 3, kept: 20, length: 60, first: 1 },
  ]);
  for (const snapLength of [13, 262145, 20.5]) {
    assert.throws(() => capture(new LoopbackBackend(), { snapLength }), RangeError);
  }
});

test("a capture is the network that it wraps", async () => {
  const calls: string[] = [];
  let receiver: FrameReceiver = () => false;
  const inner: NetBackend = {
    offloads: ALL_OFFLOADS,
    sendReady: false,
    linkUp: false,
    send: (_, offload) => void calls.push(`send ${offload?.segmentSize}`),
    onReceive: (callback) => void (receiver = callback),
    receiveReady: () => void calls.push("receiveReady"),
    onSendReady: (callback) => callback(),
    onLinkChange: (callback) => callback(),
    open: () => Promise.resolve(void calls.push("open")),
    close: () => void calls.push("close"),
  };
  const { net, records } = capture(inner);
  assert.deepEqual([net.offloads, net.sendReady, net.linkUp], [ALL_OFFLOADS, false, false]);
  await net.open();
  net.send(new Uint8Array(60), { checksumStart: 34, checksumOffset: 16, segmentSize: 5 });
  net.onSendReady(() => calls.push("ready"));
  net.onLinkChange(() => calls.push("link"));
  net.receiveReady();
  let room = false;
  net.onReceive((_, offload) => {
    calls.push(`receive ${offload?.segmentSize}`);
    return room;
  });
  const offload = { checksumStart: 34, checksumOffset: 16, segmentSize: 6 };
  assert.equal(receiver(new Uint8Array(70), offload), false);
  room = true;
  assert.equal(receiver(new Uint8Array(70), offload), true);
  assert.deepEqual(records().map(({ length }) => length), [60, 70], "a refused frame comes again");
  net.close();
  receiver(new Uint8Array(70));
  assert.equal(records().length, 2);
  assert.deepEqual(calls, [
    "open",
    "send 5",
    "ready",
    "link",
    "receiveReady",
    "receive 6",
    "receive 6",
    "close",
    "receive undefined",
  ]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_OFFLOADS, type FrameOffload } from "./backend.ts";
import { addToSum, checksumOf } from "./checksum.ts";
import { emptyHeaders, findHeaders, IpProtocol, setWord, word } from "./headers.ts";
import {
  checkOffload,
  cutIntoSegments,
  emptyOffloadFrame,
  finishChecksum,
  takesOffload,
} from "./offload.ts";
import { isSound, type TestFrame, testFrame } from "./testing/frames.ts";

const offload = (
  checksumStart: number,
  checksumOffset: number,
  segmentSize: number,
): FrameOffload => ({ checksumStart, checksumOffset, segmentSize });

test("checksum: the example of RFC 1071, odd ends, every offset, against a plain model", () => {
  const example = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assert.equal(addToSum(example, 0, 8), 0xddf2);
  assert.equal(checksumOf(0xddf2), 0x220d);
  const bytes = Uint8Array.from({ length: 65553 }, (_, i) => (i * 131 + (i >> 7)) & 0xff);
  for (const [start, end] of [[0, 0], [0, 1], [1, 2], [3, 6], [2, 9], [5, 12], [14, 65553]]) {
    let model = 0x1234;
    for (let i = start; i < end; i++) {
      model += (i - start) % 2 === 0 ? bytes[i] << 8 : bytes[i];
      if (model > 0xffff) model -= 0xffff;
    }
    assert.equal(addToSum(bytes, start, end, 0x1234) % 0xffff, model % 0xffff, `${start}..${end}`);
  }
  assert.equal(addToSum(new Uint8Array(65536).fill(0xff), 0, 65536), 0xffff);
});

test("headers are found behind tags, options and extensions; broken ones are not IP", () => {
  const found = (frame: Uint8Array) => findHeaders(frame, emptyHeaders());
  const plain = found(testFrame({ payload: 5 }));
  assert.deepEqual(plain, {
    vlan: -1,
    etherType: 0x800,
    network: 14,
    version: 4,
    protocol: 6,
    transport: 34,
  });
  const tagged = found(testFrame({ vlan: 0x2123, version: 6, protocol: 17 }));
  assert.deepEqual([tagged.vlan, tagged.network, tagged.version], [0x123, 18, 6]);
  assert.deepEqual([tagged.protocol, tagged.transport], [17, 58]);
  const fragment = testFrame();
  fragment[21] = 1;
  assert.equal(found(fragment).protocol, -1);
  const shortHeader = testFrame();
  shortHeader[14] = 0x44;
  assert.equal(found(shortHeader).version, 0);
  const longHeader = testFrame({ protocol: 17 });
  longHeader[14] = 0x4f;
  assert.equal(found(longHeader).version, 0);
  const extended = testFrame({ version: 6, payload: 20 });
  extended[20] = 0;
  extended.set([6, 0], 54);
  assert.deepEqual([found(extended).protocol, found(extended).transport], [6, 62]);
  extended[55] = 200;
  assert.equal(found(extended).protocol, -1);
  for (let length = 0; length < 60; length++) found(testFrame({ vlan: 1 }).subarray(0, length));
});

test("a checksum that was left open is finished; zero is sent as all ones", () => {
  for (const version of [4, 6] as const) {
    for (const protocol of [IpProtocol.tcp, IpProtocol.udp]) {
      const open = testFrame({ version, protocol, payload: 33, partial: true });
      const { transport } = findHeaders(open);
      finishChecksum(open, transport, protocol === IpProtocol.tcp ? 16 : 6);
      assert.deepEqual(open, testFrame({ version, protocol, payload: 33 }));
      assert.ok(isSound(open));
    }
  }
  const open = testFrame({ protocol: IpProtocol.udp, payload: 2, partial: true });
  const sum = addToSum(open, 34, open.length);
  setWord(open, 42, (word(open, 42) + (0xffff - sum)) & 0xffff);
  if (addToSum(open, 34, open.length) !== 0xffff) setWord(open, 42, word(open, 42) + 1);
  finishChecksum(open, 34, 6);
  assert.equal(word(open, 40), 0xffff);
});

test("segments: payload in order, sequence, flags, identification, checksums", () => {
  const cases: TestFrame[] = [{}, { vlan: 7 }, { version: 6 }, { options: 12 }];
  for (const options of cases) {
    const large = testFrame({
      ...options,
      payload: 2500,
      sequence: 0xffff_fff0,
      flags: 0x99, // CWR, ACK, PSH, FIN
      partial: true,
    });
    const headers = emptyOffloadFrame();
    const { transport } = findHeaders(large);
    assert.ok(checkOffload(large, offload(transport, 16, 1000), headers));
    assert.ok(headers.congestion);
    const segments: Uint8Array[] = [];
    cutIntoSegments(
      large,
      headers,
      1000,
      new Uint8Array(2000),
      (segment) => segments.push(segment.slice()),
    );
    assert.deepEqual(segments.map(({ length }) => length - headers.headerBytes), [1000, 1000, 500]);
    assert.ok(segments.every(isSound));
    assert.deepEqual(segments.map((s) => s[transport + 13]), [0x90, 0x10, 0x19]);
    const sequences = segments.map((s) => word(s, transport + 4) * 65536 + word(s, transport + 6));
    assert.deepEqual(sequences, [0xffff_fff0, 984, 1984]);
    const payload = segments.flatMap((s) => [...s.subarray(headers.headerBytes)]);
    assert.deepEqual(payload, [...large.subarray(headers.headerBytes)]);
    if (headers.version === 4) {
      assert.deepEqual(segments.map((s) => word(s, headers.network + 4)), [0x1234, 0x1235, 0x1236]);
    }
  }
});

test("the largest packet with the smallest segments", () => {
  const large = testFrame({ payload: 65495, partial: true });
  const headers = emptyOffloadFrame();
  assert.ok(checkOffload(large, offload(34, 16, 1), headers));
  let count = 0;
  cutIntoSegments(large, headers, 1, new Uint8Array(2000), () => count++);
  assert.equal(count, 65495);
});

test("an offload that the frame does not bear out is refused", () => {
  const headers = emptyOffloadFrame();
  const tcp = testFrame({ payload: 100, partial: true });
  assert.ok(checkOffload(tcp, offload(34, 16, 50), headers));
  assert.equal(checkOffload(tcp, offload(34, 6, 0), headers), false);
  assert.equal(checkOffload(tcp, offload(33, 16, 0), headers), false);
  assert.equal(checkOffload(tcp, offload(0, 16, 50), headers), false);
  assert.equal(checkOffload(tcp.subarray(0, 53), offload(34, 16, 50), headers), false);
  const udp = testFrame({ protocol: 17, payload: 100, partial: true });
  assert.ok(checkOffload(udp, offload(34, 6, 0), headers));
  assert.equal(checkOffload(udp, offload(34, 6, 50), headers), false);
  const broken = testFrame({ payload: 10, partial: true });
  broken[46] = 0xf0; // a header of 60 bytes
  assert.equal(checkOffload(broken, offload(34, 16, 50), headers), false);
  broken[46] = 0x40;
  assert.equal(checkOffload(broken, offload(34, 16, 50), headers), false);
});

test("who takes what", () => {
  const frame = emptyOffloadFrame();
  checkOffload(testFrame({ version: 6, payload: 9, partial: true }), offload(54, 16, 5), frame);
  assert.ok(takesOffload(ALL_OFFLOADS, offload(54, 16, 5), frame));
  assert.ok(!takesOffload({ ...ALL_OFFLOADS, tcp6: false }, offload(54, 16, 5), frame));
  assert.ok(takesOffload({ ...ALL_OFFLOADS, tcp6: false }, offload(54, 16, 0), frame));
  assert.ok(!takesOffload({ ...ALL_OFFLOADS, checksum: false }, offload(54, 16, 5), frame));
  assert.ok(!takesOffload(undefined, offload(54, 16, 0), frame));
});

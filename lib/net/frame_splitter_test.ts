import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_FRAME } from "./backend.ts";
import { FrameSplitter, FramingError } from "./frame_splitter.ts";

/** Frames of these lengths, each byte the number of its frame. */
function stream(...lengths: readonly number[]): Uint8Array {
  const bytes = lengths.flatMap((length, i) => [
    length >>> 24,
    length >>> 16 & 0xff,
    length >>> 8 & 0xff,
    length & 0xff,
    ...new Uint8Array(length).fill(i + 1),
  ]);
  return Uint8Array.from(bytes);
}

function split(splitter: FrameSplitter, bytes: Uint8Array): number[][] {
  splitter.push(bytes);
  const frames: number[][] = [];
  for (let frame = splitter.next(); frame; frame = splitter.next()) frames.push([...frame]);
  return frames;
}

test("frames come whole, however the stream is cut", () => {
  const bytes = stream(1, 60, 3, 1514, 2);
  const whole = split(new FrameSplitter(), bytes);
  assert.deepEqual(whole.map((frame) => [frame.length, frame[0]]), [
    [1, 1],
    [60, 2],
    [3, 3],
    [1514, 4],
    [2, 5],
  ]);
  for (const size of [1, 2, 3, 4, 5, 7, 63, 64, 65, 1000]) {
    const splitter = new FrameSplitter();
    const frames: number[][] = [];
    for (let at = 0; at < bytes.length; at += size) {
      frames.push(...split(splitter, bytes.subarray(at, at + size)));
    }
    assert.deepEqual(frames, whole, `pieces of ${size}`);
  }
  for (let cut = 0; cut <= bytes.length; cut++) {
    const splitter = new FrameSplitter();
    const frames = [
      ...split(splitter, bytes.subarray(0, cut)),
      ...split(splitter, bytes.subarray(cut)),
    ];
    assert.equal(frames.length, 5, `cut at ${cut}`);
  }
});

test("the largest frame; a length that cannot be, whole or in pieces", () => {
  const splitter = new FrameSplitter();
  assert.equal(split(splitter, stream(MAX_FRAME))[0].length, MAX_FRAME);
  const large = stream(MAX_FRAME, 20);
  assert.deepEqual(split(splitter, large.subarray(0, 70)), []);
  assert.deepEqual(split(splitter, large.subarray(70)).map(({ length }) => length), [
    MAX_FRAME,
    20,
  ]);
  for (const wrong of [[0, 0, 0, 0], [0, 1, 0, 18], [0xff, 0xff, 0xff, 0xff], [0x80, 0, 0, 60]]) {
    assert.throws(() => split(new FrameSplitter(), Uint8Array.from(wrong)), FramingError);
    const pieces = new FrameSplitter();
    split(pieces, Uint8Array.from(wrong.slice(0, 3)));
    assert.throws(() => split(pieces, Uint8Array.from(wrong.slice(3))), FramingError);
  }
  assert.throws(() => split(new FrameSplitter(), new TextEncoder().encode("GET / HTTP")), {
    message: /is the other side a frame stream/,
  });
});

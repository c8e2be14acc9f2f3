import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopbackBackend } from "./loopback_backend.ts";
import { NullBackend } from "./null_backend.ts";

test("loopback gives frames back until it is closed", () => {
  const net = new LoopbackBackend();
  const got: number[] = [];
  net.send(new Uint8Array(60));
  net.onReceive((frame) => got.push(frame.length) > 0);
  net.send(new Uint8Array(61));
  net.close();
  net.close();
  net.send(new Uint8Array(62));
  assert.deepEqual(got, [61]);
});

test("the null network counts and answers nothing", () => {
  const net = new NullBackend();
  net.onReceive();
  net.send();
  net.close();
  assert.equal(net.frames, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SERIAL_PIECE, SERIAL_WINDOW, type SerialDevice, SerialPort } from "./serial_port.ts";

/** A UART whose guest takes up to `room` characters. */
class FakeUart implements SerialDevice {
  room = 16;
  readonly received: number[] = [];
  transmit: (character: number) => void = () => {};

  receive(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.room);
    this.received.push(...bytes.subarray(0, taken));
    this.room -= taken;
    return taken;
  }

  onReceiveReady(): void {}

  print(text: string): void {
    for (const byte of new TextEncoder().encode(text)) this.transmit(byte);
  }
}

function make(): { uart: FakeUart; port: SerialPort; holds: Promise<unknown>[] } {
  const uart = new FakeUart();
  const holds: Promise<unknown>[] = [];
  const port = new SerialPort(uart, {
    kick: () => {},
    requestExit: () => {},
    hold: (promise) => holds.push(promise),
  });
  uart.transmit = (character) => port.transmit(character);
  return { uart, port, holds };
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true, () => done = true);
  for (let i = 0; i < 50; i++) await Promise.resolve();
  return done;
}

test("output reaches callbacks and the stream between slices", async () => {
  const { uart, port } = make();
  const heard: string[] = [];
  const leave = port.onOutput((bytes) => heard.push(text(bytes)));
  const reader = port.readable.getReader();
  uart.print("hello");
  assert.deepEqual(heard, []);
  port.poll();
  assert.deepEqual(heard, ["hello"]);
  assert.equal(text((await reader.read()).value), "hello");
  leave();
  const next = reader.read();
  uart.print("!");
  port.poll();
  assert.equal(text((await next).value), "!");
  assert.deepEqual(heard, ["hello"]);
});

test("many bytes at once follow what came before, in full pieces", () => {
  const { port } = make();
  const heard: number[] = [];
  let all = "";
  port.onOutput((bytes) => {
    heard.push(bytes.length);
    all += text(bytes);
  });
  const long = "abcdefg".repeat(3000);
  port.transmit(0x3e);
  port.transmitBytes(new TextEncoder().encode(long));
  port.flush();
  assert.deepEqual(heard, [SERIAL_PIECE, 21_001 - SERIAL_PIECE]);
  assert.equal(all, `>${long}`);
});

test("a listener that throws does so between slices, and nothing is lost", () => {
  const { uart, port } = make();
  const leave = port.onOutput(() => {
    throw new Error("listener");
  });
  uart.print("x".repeat(SERIAL_PIECE + 904));
  assert.throws(() => port.poll(), /listener/);
  leave();
  let heard = 0;
  port.onOutput((bytes) => heard += bytes.length);
  port.poll();
  assert.equal(heard, 904);
});

test("without a reader the last window of output is kept", async () => {
  const { uart, port, holds } = make();
  for (let i = 0; i < 40; i++) uart.print(String.fromCharCode(65 + i % 26).repeat(4096));
  port.close();
  let bytes = 0;
  let last = "";
  for await (const chunk of port.readable) {
    bytes += chunk.length;
    last = text(chunk).slice(-1);
  }
  assert.equal(bytes, SERIAL_WINDOW);
  assert.equal(last, "N");
  assert.deepEqual(holds, []);
});

test("a reader that is behind stops the guest until it has caught up; nothing is lost", async () => {
  const { uart, port, holds } = make();
  const reader = port.readable.getReader();
  for (let i = 0; i < 20; i++) uart.print("x".repeat(4096));
  port.poll();
  assert.equal(holds.length, 1);
  let read = (await reader.read()).value?.length ?? 0;
  assert.equal(await settled(holds[0]), false);
  while (read < 20 * 4096) read += (await reader.read()).value?.length ?? 0;
  assert.equal(read, 20 * 4096);
  assert.equal(await settled(holds[0]), true);
});

test("a reader that leaves does not stop the guest", async () => {
  const { uart, port, holds } = make();
  const reader = port.readable.getReader();
  for (let i = 0; i < 20; i++) uart.print("x".repeat(4096));
  port.poll();
  await reader.cancel();
  assert.equal(await settled(holds[0]), true);
  for (let i = 0; i < 100; i++) uart.print("x".repeat(4096));
  port.poll();
  assert.equal(holds.length, 1);
});

test("input goes to the guest as it takes it, in order", () => {
  const { uart, port } = make();
  assert.equal(port.input(Uint8Array.from({ length: 20 }, (_, i) => i)), 20);
  assert.equal(port.input(Uint8Array.of(20, 21)), 2);
  port.poll();
  assert.equal(uart.received.length, 16);
  uart.room = 100;
  port.poll();
  assert.deepEqual(uart.received, Array.from({ length: 22 }, (_, i) => i));
});

test("input beyond the window is refused, and a stream's write waits", async () => {
  const { uart, port } = make();
  uart.room = 0;
  assert.equal(port.input(new Uint8Array(SERIAL_WINDOW + 5)), SERIAL_WINDOW);
  const writer = port.writable.getWriter();
  const write = writer.write(Uint8Array.of(1, 2, 3));
  port.poll();
  assert.equal(await settled(write), false);
  uart.room = SERIAL_WINDOW + 10;
  port.poll();
  assert.equal(await settled(write), true);
  port.poll();
  assert.deepEqual(uart.received.slice(-3), [1, 2, 3]);
});

test("closing ends the streams and lets a waiting write go", async () => {
  const { uart, port } = make();
  uart.room = 0;
  port.input(new Uint8Array(SERIAL_WINDOW));
  const write = port.writable.getWriter().write(Uint8Array.of(1));
  const reader = port.readable.getReader();
  const read = reader.read();
  port.close();
  assert.equal(await settled(write), true);
  assert.equal((await read).done, true);
});

test("what a listener was lent is overwritten, what it was given is not, and no reader loses any", async () => {
  const { port } = make();
  const given: Uint8Array[] = [];
  const lent: string[] = [];
  port.onOutput((bytes) => given.push(bytes));
  port.onOutput((bytes) => lent.push(text(bytes)), { lent: true });
  const pieces = Array.from({ length: 12 }, (_, i) => String.fromCharCode(97 + i));
  for (const character of pieces) {
    port.transmitBytes(new TextEncoder().encode(character.repeat(SERIAL_PIECE)));
    port.flush();
  }
  const all = pieces.map((character) => character.repeat(SERIAL_PIECE));
  assert.deepEqual(given.map(text), all);
  assert.deepEqual(lent, all);
  const reader = port.readable.getReader();
  for (const expected of all.slice(-SERIAL_WINDOW / SERIAL_PIECE)) {
    assert.equal(text((await reader.read()).value), expected);
  }
});

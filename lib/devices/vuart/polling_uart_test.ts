import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../vbus/bus.ts";
import { AccessResult, type DeviceState } from "../vbus/device.ts";
import { PollingUart, PollingUartRegister } from "./polling_uart.ts";

const { DATA, STATUS } = PollingUartRegister;

function make() {
  const uart = new PollingUart();
  const bus = new Bus();
  bus.register(uart, 0, 8);
  const sent: number[] = [];
  uart.onTransmit((character) => sent.push(character));
  const value = { low: 0, high: 0 };
  const read = (offset: number, size: 1 | 2 | 4 = 4): number => {
    assert.equal(bus.read(offset, size, value), AccessResult.ok);
    return value.low;
  };
  const write = (offset: number, value: number, size: 1 | 2 | 4 = 4): void =>
    assert.equal(bus.write(offset, size, value), AccessResult.ok);
  return { uart, sent, read, write };
}

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

test("what is written to DATA is sent at once, whatever the size", () => {
  const { sent, read, write } = make();
  write(DATA, 0x141);
  write(DATA, 0x42, 1);
  write(DATA, 0xff43, 2);
  assert.deepEqual(sent, [0x41, 0x42, 0x43]);
  assert.equal(read(STATUS), 2);
  write(STATUS, 0);
  assert.equal(read(STATUS), 2);
});

test("received characters come in order, then zeros", () => {
  const { uart, read } = make();
  assert.equal(read(DATA), 0);
  assert.equal(uart.receive(text("ab")), 2);
  assert.equal(read(STATUS), 3);
  assert.deepEqual([read(DATA), read(DATA, 1), read(DATA)], [0x61, 0x62, 0]);
  assert.equal(read(STATUS), 2);
});

test("the host gives what fits and is called when half is free", () => {
  const { uart, read } = make();
  let calls = 0;
  uart.onReceiveReady(() => calls++);
  assert.equal(uart.receive(new Uint8Array(100)), 16);
  assert.equal(uart.receive(new Uint8Array(1)), 0);
  for (let i = 0; i < 7; i++) read(DATA);
  assert.equal(calls, 0);
  read(DATA);
  assert.equal(calls, 1);
  uart.reset();
  assert.equal(calls, 1);
  assert.equal(uart.canReceive(), 16);
});

test("a held transmitter keeps one character and says so", () => {
  const { uart, sent, read, write } = make();
  uart.holdTransmit(true);
  write(DATA, 1);
  assert.equal(read(STATUS), 0);
  write(DATA, 2);
  uart.holdTransmit(false);
  assert.deepEqual(sent, [1]);
  write(DATA, 3);
  assert.deepEqual(sent, [1, 3]);
});

test("state and restore with characters in both directions", () => {
  const first = make();
  first.uart.receive(text("xyz"));
  first.uart.holdTransmit(true);
  first.write(DATA, 7);
  const saved = structuredClone(first.uart.state());
  const second = make();
  second.uart.restore(saved);
  assert.deepEqual(second.sent, [7]);
  assert.deepEqual([1, 2, 3].map(() => second.read(DATA)), [0x78, 0x79, 0x7a]);
  const third = make();
  third.uart.holdTransmit(true);
  third.uart.restore(saved);
  assert.deepEqual(third.uart.state(), saved);
  const refused: DeviceState[] = [
    null,
    {},
    { received: [256], sending: [] },
    { received: [], sending: [1, 2] },
  ];
  for (const bad of refused) {
    assert.throws(() => third.uart.restore(bad), TypeError);
  }
  assert.deepEqual(third.uart.state(), saved);
});

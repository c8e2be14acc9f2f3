import assert from "node:assert/strict";
import { test } from "node:test";
import { LevelProbe } from "../irq_controller/lines.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { Uart16550 } from "./uart16550.ts";

const RBR = 0, THR = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7;
const BASE = 0x3f8;

function make() {
  const line = new LevelProbe();
  const uart = new Uart16550(line);
  const bus = new Bus({ space: "ports" });
  bus.register(uart, BASE, 8);
  const sent: number[] = [];
  uart.onTransmit((character) => sent.push(character));
  const value = { low: 0, high: 0 };
  const read = (offset: number, size: 1 | 2 | 4 = 1): number => {
    bus.read(BASE + offset, size, value);
    return value.low;
  };
  const write = (offset: number, value: number, size: 1 | 2 | 4 = 1): void => {
    bus.write(BASE + offset, size, value);
  };
  return { uart, line, sent, read, write };
}

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

test("values after power-on", () => {
  const { read, line } = make();
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map((n) => read(n)), [0, 1, 0, 0, 0x60, 0xb0, 0]);
  assert.equal(line.level, false);
});

test("registers keep only bits that exist; the divisor stands behind DLAB", () => {
  const { read, write, sent } = make();
  for (const [register, bits] of [[IER, 0x0f], [LCR, 0xff], [MCR, 0x1f], [SCR, 0xff]]) {
    write(register, 0xff);
    assert.equal(read(register), register === IER ? bits : bits, String(register));
    write(register, 0);
    assert.equal(read(register), 0);
  }
  write(IER, 5);
  write(LCR, 0x83);
  assert.equal(read(0, 2), 12, "9600 bit/s");
  write(0, 0x1234, 2);
  assert.equal(read(0), 0x34);
  assert.equal(read(1), 0x12);
  write(LCR, 3);
  assert.equal(read(IER), 5);
  assert.deepEqual(sent, [], "the divisor was not sent");
  write(LCR, 0x83);
  assert.equal(read(0, 2), 0x1234);
});

test("characters are sent at once and LSR stays empty", () => {
  const { sent, read, write } = make();
  for (const c of text("hi\n")) write(THR, c);
  assert.deepEqual(sent, [...text("hi\n")]);
  assert.equal(read(LSR), 0x60);
});

test("a held transmitter fills its FIFO and sends in order when let go", () => {
  const { uart, sent, read, write, line } = make();
  uart.holdTransmit(true);
  write(THR, 1);
  assert.equal(read(LSR) & 0x60, 0, "one register without FIFOs");
  write(THR, 2);
  uart.holdTransmit(false);
  assert.deepEqual(sent.splice(0), [2], "the register holds the last character");
  write(FCR, 1);
  uart.holdTransmit(true);
  write(IER, 2);
  assert.equal(read(IIR), 0xc2);
  for (let i = 0; i < 17; i++) write(THR, i);
  assert.equal(line.level, false);
  uart.holdTransmit(false);
  assert.deepEqual(sent, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  assert.equal(line.level, true);
  assert.equal(read(LSR), 0x60);
});

test("the interrupt of the empty transmitter: enabling, IIR and THR", () => {
  const { read, write, line } = make();
  write(THR, 1);
  assert.equal(line.level, false);
  write(IER, 2);
  assert.equal(line.level, true, "enabled while empty");
  assert.equal(read(IIR), 2);
  assert.equal(line.level, false, "reading IIR takes it back");
  assert.equal(read(IIR), 1);
  write(THR, 1);
  assert.equal(line.rises, 2, "each character empties it anew");
  write(IER, 0);
  assert.equal(line.level, false);
  write(IER, 2);
  assert.equal(line.level, true);
});

test("an IIR read that tells another interrupt leaves that of the transmitter", () => {
  const { uart, read, write, line } = make();
  write(IER, 3);
  uart.receive(text("x"));
  assert.equal(read(IIR), 4);
  assert.equal(read(RBR), 0x78);
  assert.equal(read(IIR), 2);
  assert.equal(line.level, false);
});

test("priorities: line status, received, empty, modem status", () => {
  const { uart, read, write, line } = make();
  write(FCR, 1);
  write(IER, 0x0f);
  read(IIR);
  uart.setModem({ cts: false, dsr: true, dcd: true, ri: false });
  assert.equal(read(IIR), 0xc0);
  write(THR, 1);
  assert.equal(read(IIR) & 0xf, 2);
  uart.receiveError("parity", 0x41);
  assert.equal(read(IIR) & 0xf, 6);
  assert.equal(read(LSR), 0xe5);
  assert.equal(read(IIR) & 0xf, 4);
  assert.equal(read(RBR), 0x41);
  assert.equal(read(IIR) & 0xf, 0);
  assert.equal(line.level, true);
  assert.equal(read(MSR), 0xa1);
  assert.equal(read(IIR) & 0xf, 1);
  assert.equal(line.level, false);
});

test("the trigger level tells received data from a timeout", () => {
  for (const [code, level] of [[0, 1], [0x40, 4], [0x80, 8], [0xc0, 14]]) {
    const { uart, read, write, line } = make();
    write(FCR, code | 1);
    write(IER, 1);
    for (let n = 1; n <= 16; n++) {
      uart.receive(text("a"));
      assert.equal(read(IIR), n >= level ? 0xc4 : 0xcc, `${n} of ${level}`);
    }
    for (let n = 15; n >= 0; n--) {
      read(RBR);
      assert.equal(read(IIR), n >= level ? 0xc4 : n > 0 ? 0xcc : 0xc1);
    }
    assert.equal(line.level, false);
  }
});

test("the host gives what fits and is called when half is free", () => {
  const { uart, read, write } = make();
  let calls = 0;
  uart.onReceiveReady(() => calls++);
  assert.equal(uart.receive(text("ab")), 1, "one without FIFOs");
  read(RBR);
  assert.equal(calls, 1);
  write(FCR, 1);
  assert.equal(uart.receive(new Uint8Array(100)), 16);
  assert.equal(uart.canReceive(), 0);
  for (let i = 0; i < 7; i++) read(RBR);
  assert.equal(calls, 1);
  read(RBR);
  assert.equal(calls, 2);
  assert.equal(uart.receive(new Uint8Array(100)), 8);
  write(FCR, 3);
  assert.equal(calls, 3, "cleared by the guest");
  assert.equal(read(LSR), 0x60);
});

test("errors come with the character that is the oldest; bit 7 while one is in the FIFO", () => {
  const { uart, read, write } = make();
  write(FCR, 1);
  uart.receive(text("a"));
  uart.receiveError("framing", 0x62);
  uart.receiveError("break", 0x55);
  assert.equal(read(LSR), 0xe1);
  assert.equal(read(RBR), 0x61);
  assert.equal(read(LSR), 0xe9);
  assert.equal(read(LSR), 0xe1, "told once, another is in the FIFO");
  assert.equal(read(RBR), 0x62);
  assert.equal(read(LSR), 0xf1);
  assert.equal(read(LSR), 0x61);
  assert.equal(read(RBR), 0, "a break is a zero");
});

test("loopback: characters, overrun, break and modem lines stay inside", () => {
  const { uart, sent, read, write } = make();
  const breaks: boolean[] = [];
  uart.onBreak((on) => breaks.push(on));
  write(MCR, 0x1a);
  assert.equal(read(MSR) & 0xf0, 0x90, "what Linux looks for");
  assert.deepEqual(uart.modemOutputs, { dtr: false, rts: false, out1: false, out2: false });
  for (const [mcr, msr] of [[0x11, 0x20], [0x12, 0x10], [0x14, 0x40], [0x18, 0x80]]) {
    write(MCR, mcr);
    assert.equal(read(MSR) & 0xf0, msr);
  }
  assert.equal(uart.receive(text("x")), 0, "the line is cut off");
  write(THR, 1);
  write(THR, 2);
  assert.equal(read(LSR), 0x63);
  assert.equal(read(RBR), 2, "the buffer is written over");
  write(FCR, 1);
  for (let i = 0; i < 17; i++) write(THR, i);
  assert.equal(read(LSR), 0x63);
  assert.deepEqual(Array.from({ length: 16 }, () => read(RBR)).at(-1), 15);
  write(LCR, 0x40);
  assert.equal(read(LSR), 0xf1);
  assert.equal(read(RBR), 0);
  assert.deepEqual(breaks, []);
  write(MCR, 0);
  assert.deepEqual(breaks, [true]);
  write(LCR, 0);
  assert.deepEqual(breaks, [true, false]);
  assert.deepEqual(sent, []);
});

test("modem inputs: changes are told once; of the ring indicator only its end", () => {
  const { uart, read, write, line } = make();
  write(IER, 8);
  const on = { cts: true, dsr: true, dcd: true, ri: false };
  uart.setModem(on);
  assert.equal(line.level, false);
  uart.setModem({ ...on, ri: true });
  assert.deepEqual([line.level, read(MSR)], [false, 0xf0]);
  uart.setModem({ ...on, dcd: false, dsr: false });
  assert.equal(line.level, true);
  assert.deepEqual([read(MSR), read(MSR), line.level], [0x1e, 0x10, false]);
  write(MCR, 0xb);
  assert.deepEqual(uart.modemOutputs, { dtr: true, rts: true, out1: false, out2: true });
});

test("changing FCR 0 empties the FIFOs, its other bits count only with it", () => {
  const { uart, read, write } = make();
  write(FCR, 0xc0);
  assert.equal(read(IIR), 1);
  write(FCR, 1);
  uart.receive(text("abc"));
  write(FCR, 1);
  assert.equal(read(LSR) & 1, 1);
  write(FCR, 2);
  assert.equal(read(LSR) & 1, 0);
  uart.receive(text("a"));
  write(FCR, 2);
  assert.equal(read(LSR) & 1, 1, "no FIFO, nothing to clear");
});

test("FCR 2 and FCR 0 drop what the host has not taken", () => {
  const { uart, sent, read, write, line } = make();
  write(FCR, 1);
  write(IER, 2);
  read(IIR);
  for (const fcr of [5, 0]) {
    uart.holdTransmit(true);
    write(THR, 1);
    write(FCR, 1);
    write(FCR, 3);
    assert.equal(read(LSR) & 0x60, 0, "others leave it");
    write(FCR, fcr);
    assert.deepEqual([read(LSR) & 0x60, line.level], [0x60, true]);
    uart.holdTransmit(false);
  }
  assert.deepEqual(sent, []);
});

test("a host that could give everything is not called", () => {
  const { uart, read } = make();
  let calls = 0;
  uart.onReceiveReady(() => calls++);
  assert.equal(uart.receive(text("a")), 1);
  read(RBR);
  assert.equal(calls, 0);
});

test("accesses of several bytes are accesses of each port, lowest first", () => {
  const { sent, read, write } = make();
  write(THR, 0x0342, 2);
  assert.deepEqual(sent, [0x42]);
  assert.equal(read(IER), 3);
  write(LCR, 0xaa000b03, 4);
  assert.deepEqual([read(LCR), read(MCR), read(MSR)], [3, 0xb, 0xb0]);
  assert.equal(read(LCR, 4) >>> 0, 0xb0600b03);
});

test("state and restore with characters in both directions, an error and changed lines", () => {
  const first = make();
  first.write(FCR, 0x41);
  first.write(IER, 0xf);
  first.write(SCR, 0x5a);
  first.uart.holdTransmit(true);
  for (const c of text("out")) first.write(THR, c);
  first.uart.receive(text("in"));
  first.uart.receiveError("parity", 0x2b);
  first.uart.setModem({ cts: false, dsr: true, dcd: true, ri: false });
  const saved = structuredClone(first.uart.state());
  const second = make();
  second.uart.setModem({ cts: false, dsr: true, dcd: true, ri: false });
  second.read(MSR);
  second.uart.holdTransmit(true);
  second.uart.restore(saved);
  assert.deepEqual(second.uart.state(), saved);
  for (const { uart, read, sent, line } of [first, second]) {
    assert.equal(line.level, true);
    assert.deepEqual([read(SCR), read(LSR), read(IIR)], [0x5a, 0x81, 0xcc]);
    assert.deepEqual([read(RBR), read(RBR), read(LSR)], [0x69, 0x6e, 0x85]);
    assert.deepEqual([read(RBR), read(IIR), read(MSR)], [0x2b, 0xc0, 0xa1]);
    uart.holdTransmit(false);
    assert.deepEqual(sent, [...text("out")]);
    assert.equal(read(IIR), 0xc2);
  }
  const good = second.uart.state();
  const record = saved as { readonly [key: string]: DeviceState };
  const wrong: DeviceState[] = [
    null,
    {},
    { ...record, ier: 0x10 },
    { ...record, fcr: 2 },
    { ...record, fcr: 0 },
    { ...record, rx: new Array<number>(17).fill(0) },
    { ...record, tx: [256] },
    { ...record, errors: 0x20 },
  ];
  for (const state of wrong) assert.throws(() => second.uart.restore(state), TypeError);
  assert.deepEqual(second.uart.state(), good);
});

test("reset lets go of everything but the host's lines", () => {
  const { uart, read, write, line } = make();
  const breaks: boolean[] = [];
  uart.onBreak((on) => breaks.push(on));
  uart.setModem({ cts: false, dsr: false, dcd: false, ri: false });
  write(FCR, 1);
  write(IER, 0xf);
  write(LCR, 0x43);
  uart.receiveError("parity");
  uart.receive(text("abc"));
  uart.reset();
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map((n) => read(n)), [0, 1, 0, 0, 0x60, 0, 0]);
  assert.equal(line.level, false);
  assert.deepEqual(breaks, [true, false]);
  uart.shutdown();
  write(THR, 1);
});

test("no access throws; the line is high exactly while IIR tells a reason (seeded fuzz)", () => {
  const { uart, read, write, line } = make();
  let seed = 4711;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % n;
  };
  let highs = 0;
  for (let i = 0; i < 20000; i++) {
    const offset = random(8), size = ([1, 2, 4] as const)[random(3)];
    if (random(2) === 0) write(offset, random(2 ** 24) * 256 + random(256), size);
    else assert.ok(read(offset, size) < 2 ** (8 * size));
    if (random(3) === 0) uart.receive(new Uint8Array(random(20)));
    if (random(7) === 0) uart.receiveError((["break", "parity", "framing"] as const)[random(3)]);
    if (random(5) === 0) uart.holdTransmit(random(2) === 0);
    const level = line.level;
    assert.equal((read(IIR) & 1) === 0, level);
    if (level) highs++;
    if (random(50) === 0) uart.restore(uart.state());
  }
  assert.ok(highs > 1000);
});

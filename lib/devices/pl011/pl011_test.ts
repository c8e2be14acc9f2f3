import assert from "node:assert/strict";
import { test } from "node:test";
import { LevelProbe } from "../irq_controller/lines.ts";
import { AccessResult, type AccessSize, type DeviceState } from "../vbus/device.ts";
import { Pl011, type Pl011Options } from "./pl011.ts";

const DR = 0x00, RSR = 0x04, FR = 0x18, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38;
const RIS = 0x3c, MIS = 0x40, ICR = 0x44;
const RX = 0x10, TX = 0x20, RT = 0x40, BE = 0x200, OE = 0x400;
const FIFOS = 0x70;

function make(options?: Pl011Options) {
  const line = new LevelProbe();
  const uart = new Pl011(line, options);
  const sent: number[] = [];
  uart.onTransmit((character) => sent.push(character));
  const access = (write: boolean, offset: number, value: number, size: AccessSize): number => {
    const a = { write, offset, size, value, vcpu: 0 };
    assert.equal(uart.access(a), AccessResult.ok);
    return a.value;
  };
  // What was in the access before a read must not be the answer.
  const read = (offset: number, size: AccessSize = 4) => access(false, offset, 0xdeadbeef, size);
  const write = (offset: number, value: number, size: AccessSize = 4) => {
    access(true, offset, value, size);
  };
  return { uart, line, sent, read, write };
}

const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

// Values that QEMU 7.2 shows for the same reads.
test("reset values and identification", () => {
  const { read } = make();
  const expected: [number, number][] = [
    [DR, 0],
    [RSR, 0],
    [FR, 0x90],
    [LCR_H, 0],
    [CR, 0x300],
    [IFLS, 0x12],
    [IMSC, 0],
    [RIS, 0],
    [MIS, 0],
    [ICR, 0],
    [0x48, 0],
    [0x100, 0],
    [0xffc, 0xb1],
  ];
  for (const [offset, value] of expected) assert.equal(read(offset), value, offset.toString(16));
  const ids = [0x11, 0x10, 0x14, 0, 0x0d, 0xf0, 0x05, 0xb1];
  assert.deepEqual(ids.map((_, i) => read(0xfe0 + 4 * i)), ids);
  assert.equal(read(0xff4, 1), 0xf0);
});

test("registers keep only bits that exist", () => {
  const { read, write } = make();
  const masks: [number, number][] = [[0x20, 0xff], [0x24, 0xffff], [0x28, 0x3f], [LCR_H, 0xff]];
  masks.push([CR, 0xffff], [IFLS, 0x3f], [IMSC, 0x7ff], [0x48, 7]);
  for (const [offset, mask] of masks) {
    write(offset, 0xffffffff);
    assert.equal(read(offset), mask, offset.toString(16));
  }
  for (const offset of [FR, RIS, MIS, 0xfe0]) {
    const before = read(offset);
    write(offset, ~before >>> 0);
    assert.equal(read(offset), before);
  }
});

test("prints without any initialisation, as on QEMU's board", () => {
  const { sent, read, write } = make();
  write(DR, 0x41, 1);
  write(DR, 0xffffff42);
  assert.deepEqual(sent, [0x41, 0x42]);
  assert.equal(read(FR), 0x90);
  assert.equal(read(RIS), TX);
});

test("transmit interrupt: raised by a write, cleared by ICR until the next", () => {
  const { line, write, read } = make();
  write(IMSC, TX);
  assert.equal(line.level, false);
  write(DR, 1);
  assert.equal(line.level, true);
  write(ICR, TX);
  assert.equal(line.level, false);
  write(DR, 2);
  assert.equal(read(MIS), TX);
  write(IMSC, 0);
  assert.equal(line.level, false);
  assert.equal(read(RIS), TX);
  assert.equal(line.rises, 2);
});

test("receive interrupt rises on the first byte and falls when the FIFO is empty", () => {
  const { uart, line, read, write } = make();
  write(IMSC, RX);
  assert.equal(uart.receive(text("a")), 1);
  assert.equal(line.level, true);
  assert.equal(read(FR) & 0x50, 0x40);
  assert.equal(read(DR), 0x61);
  assert.equal(line.level, false);
  assert.equal(read(FR) & 0x50, 0x10);
  assert.equal(read(DR), 0);
});

test("emptying the receiver leaves a pending transmit interrupt", () => {
  const { uart, line, read, write } = make();
  write(IMSC, RX | TX);
  write(DR, 1);
  uart.receive(text("a"));
  read(DR);
  assert.equal(read(MIS), TX);
  assert.equal(line.level, true);
});

test("FIFO depth follows FEN from reset on, and 32 with revision r1p5", () => {
  const narrow = make();
  assert.equal(narrow.uart.canReceive(), 1);
  narrow.write(LCR_H, FIFOS);
  assert.equal(narrow.uart.canReceive(), 16);
  narrow.uart.reset();
  assert.equal(narrow.uart.canReceive(), 1);
  const wide = make({ fifoDepth: 32 });
  wide.write(LCR_H, FIFOS);
  assert.equal(wide.uart.receive(new Uint8Array(40)), 32);
  assert.equal(wide.read(0xfe8), 0x34);
});

test("LCR_H clears the FIFOs only when FEN changes", () => {
  const { uart, read, write } = make();
  write(LCR_H, FIFOS);
  uart.receive(text("abc"));
  write(LCR_H, FIFOS | 2);
  assert.equal(read(DR), 0x61);
  write(LCR_H, 0x60);
  assert.equal(read(FR) & 0x10, 0x10);
  assert.equal(read(RIS) & (RX | RT), 0);
});

test("watermark and receive timeout", () => {
  const { uart, line, read, write } = make({ firstByteInterrupt: false });
  write(LCR_H, FIFOS);
  write(IMSC, RX);
  for (const [code, level] of [[0, 2], [1, 4], [2, 8], [3, 12], [4, 14]]) {
    write(IFLS, code << 3);
    uart.receive(new Uint8Array(level - 1));
    assert.equal(read(RIS) & (RX | RT), RT);
    assert.equal(line.level, false);
    uart.receive(new Uint8Array(1));
    assert.equal(line.level, true, `IFLS ${code}`);
    read(DR);
    assert.equal(read(RIS) & (RX | RT), RT);
    for (let i = 1; i < level; i++) read(DR);
    assert.equal(read(RIS) & (RX | RT), 0);
  }
});

test("a refused host is called when half of the FIFO is free", () => {
  const { uart, read, write } = make();
  write(LCR_H, FIFOS);
  let calls = 0;
  uart.onReceiveReady(() => calls++);
  assert.equal(uart.receive(new Uint8Array(20)), 16);
  for (let i = 0; i < 7; i++) read(DR);
  assert.equal(calls, 0);
  read(DR);
  assert.equal(calls, 1);
  for (let i = 0; i < 8; i++) read(DR);
  assert.equal(calls, 1);
});

test("CR.RXE holds the host back and enabling it calls the host", () => {
  const { uart, write } = make();
  write(CR, 0x101);
  let calls = 0;
  uart.onReceiveReady(() => calls++);
  assert.equal(uart.receive(text("a")), 0);
  write(CR, 0x301);
  assert.equal(calls, 1);
  assert.equal(uart.receive(text("a")), 1);
});

test("a held transmitter fills up, loses what does not fit, and drains in order", () => {
  const { uart, sent, read, write } = make();
  write(LCR_H, FIFOS);
  uart.holdTransmit(true);
  for (let i = 0; i < 16; i++) {
    assert.equal(read(FR) & 0x20, 0);
    write(DR, i);
  }
  assert.equal(read(FR) & 0xa8, 0x28);
  write(DR, 99);
  assert.equal(uart.statistics.transmitOverruns, 1);
  assert.equal(read(RIS) & TX, 0);
  uart.holdTransmit(false);
  assert.deepEqual(sent, [...Array(16).keys()]);
  assert.equal(read(FR), 0x90);
  assert.equal(read(RIS) & TX, TX);
});

test("the transmit interrupt ends when the FIFO is filled above its level", () => {
  const { uart, read, write } = make();
  write(LCR_H, FIFOS);
  write(DR, 1);
  uart.holdTransmit(true);
  for (let i = 0; i < 8; i++) write(DR, i);
  assert.equal(read(RIS), TX);
  write(DR, 8);
  assert.equal(read(RIS), 0);
});

test("a host that holds from within its callback keeps the order", () => {
  const { uart, write } = make();
  const got: number[] = [];
  uart.onTransmit((c) => {
    got.push(c);
    uart.holdTransmit(true);
  });
  write(LCR_H, FIFOS);
  for (let i = 0; i < 4; i++) write(DR, i);
  assert.deepEqual(got, [0]);
  for (let i = 0; i < 3; i++) uart.holdTransmit(false);
  assert.deepEqual(got, [0, 1, 2, 3]);
});

test("loopback: characters, overrun and modem lines come back", () => {
  const { uart, sent, read, write } = make();
  write(CR, 0x381);
  assert.equal(uart.receive(text("x")), 0);
  write(DR, 0x55);
  write(DR, 0x56);
  assert.deepEqual(sent, []);
  assert.equal(read(RIS) & OE, OE);
  assert.equal(read(RSR), 8);
  assert.equal(read(DR), 0x55);
  write(DR, 0x57);
  assert.equal(read(DR), 0x857);
  write(RSR, 0);
  assert.equal(read(RSR), 0);
  write(CR, 0x381 | 0x3c00);
  assert.equal(read(FR) & 0x107, 0x107);
  assert.equal(read(RIS) & 0xf, 0xf);
  write(LCR_H, 1);
  assert.equal(read(DR) & 0x4ff, 0x400);
  assert.equal(read(RIS) & BE, BE);
});

test("loopback joins each output with one input, and receives only while RXE is 1", () => {
  const { read, write } = make();
  const pairs = [[0x400, 2, 8], [0x800, 1, 2], [0x1000, 4, 4], [0x2000, 0x100, 1]];
  for (const [output, flag, interrupt] of pairs) {
    write(CR, 0x381);
    write(ICR, 0x7ff);
    write(CR, 0x381 | output);
    assert.equal(read(FR) & 0x107, flag);
    assert.equal(read(RIS) & 0xf, interrupt);
  }
  write(CR, 0x181);
  write(DR, 1);
  assert.equal(read(FR) & 0x10, 0x10);
});

test("break from the host and to the host", () => {
  const { uart, read, write } = make();
  const breaks: boolean[] = [];
  uart.onBreak((on) => breaks.push(on));
  write(LCR_H, 1);
  write(LCR_H, 0);
  assert.deepEqual(breaks, [true, false]);
  assert.equal(uart.receiveError("break"), true);
  assert.equal(uart.receiveError("break"), false);
  assert.equal(read(DR), 0x400);
  assert.equal(read(RSR), 4);
});

test("reset lowers the line and empties the port", () => {
  const { uart, line, read, write } = make();
  write(IMSC, 0x7ff);
  uart.receive(text("a"));
  assert.equal(line.level, true);
  uart.reset();
  assert.equal(line.level, false);
  assert.equal(read(FR), 0x90);
  assert.equal(read(RIS), 0);
});

test("state and restore", () => {
  const first = make();
  first.write(LCR_H, FIFOS);
  first.write(IMSC, RX);
  first.uart.holdTransmit(true);
  first.write(DR, 0x31);
  first.uart.receive(text("hello"));
  const saved = structuredClone(first.uart.state());
  const second = make();
  second.uart.restore(saved);
  assert.equal(second.line.level, true);
  assert.deepEqual(second.sent, [0x31]);
  let got = "";
  while ((second.read(FR) & 0x10) === 0) got += String.fromCharCode(second.read(DR));
  assert.equal(got, "hello");
  const record = saved as { [key: string]: DeviceState };
  const broken: DeviceState[] = [
    null,
    1,
    [],
    {},
    { ...record, registers: [] },
    { ...record, ris: -1 },
    // A bit of IMSC that does not exist; FIFOs off with characters in them.
    { ...record, registers: [0, 0, 0, FIFOS, 0x300, 0x12, 0x800, 0] },
    { ...record, registers: [0, 0, 0, 0, 0x300, 0x12, 0, 0] },
  ];
  for (const bad of broken) {
    assert.throws(() => second.uart.restore(bad), TypeError);
  }
});

test("framing and parity errors mark their character, raise their interrupt, show in RSR", () => {
  const { uart, read, write } = make();
  write(LCR_H, FIFOS);
  uart.receive(text("a"));
  assert.equal(uart.receiveError("framing", 0x62), true);
  assert.equal(uart.receiveError("parity", 0x163), true);
  assert.equal(read(RIS) & 0x780, 0x180);
  assert.deepEqual([read(DR), read(RSR)], [0x61, 0]);
  assert.deepEqual([read(DR), read(RSR)], [0x162, 1]);
  assert.deepEqual([read(DR), read(RSR)], [0x263, 2]);
  write(RSR, 0xff);
  assert.equal(read(RSR), 0);
  assert.equal(read(RIS) & 0x780, 0x180);
  write(ICR, 0x180);
  assert.equal(read(RIS) & 0x780, 0);
});

test("an overrun stays in RSR until it is cleared, the other errors follow the character", () => {
  const { uart, read, write } = make();
  write(CR, 0x381);
  write(DR, 0x55);
  write(DR, 0x56);
  write(CR, 0x301);
  assert.deepEqual([read(DR), read(RSR)], [0x55, 8]);
  uart.receiveError("parity", 1);
  assert.deepEqual([read(DR), read(RSR)], [0xa01, 10]);
  uart.receive(text("z"));
  assert.deepEqual([read(DR), read(RSR)], [0x7a, 8]);
  write(RSR, 0);
  assert.equal(read(RSR), 0);
});

test("each modem input has its flag and its interrupt, on both edges", () => {
  const { uart, line, read, write } = make();
  const off = { cts: false, dsr: false, dcd: false, ri: false };
  const inputs = [["cts", 1, 2], ["dsr", 2, 8], ["dcd", 4, 4], ["ri", 0x100, 1]] as const;
  for (const [name, flag, interrupt] of inputs) {
    write(IMSC, interrupt);
    for (const on of [true, false]) {
      uart.setModem({ ...off, [name]: on });
      assert.equal(read(FR) & 0x107, on ? flag : 0, name);
      assert.equal(read(RIS), interrupt);
      assert.equal(line.level, true);
      uart.setModem({ ...off, [name]: on });
      write(ICR, interrupt);
      assert.equal(line.level, false);
      uart.setModem({ ...off, [name]: on });
      assert.equal(read(RIS), 0);
    }
  }
});

test("CTS flow control holds characters back once the lines are connected", () => {
  const { uart, sent, read, write } = make();
  const lines = { cts: false, dsr: true, dcd: true, ri: false };
  write(LCR_H, FIFOS);
  write(CR, 0x8301);
  write(DR, 1);
  assert.deepEqual(sent, [1]);
  uart.setModem(lines);
  for (let i = 2; i < 12; i++) write(DR, i);
  assert.deepEqual(sent, [1]);
  assert.equal(read(FR) & 0x88, 8);
  uart.setModem({ ...lines, cts: true });
  assert.deepEqual(sent, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  uart.setModem(lines);
  write(DR, 12);
  write(CR, 0x0301);
  assert.equal(sent.at(-1), 12);
});

test("the modem outputs are those of CR, off in loopback", () => {
  const { uart, write } = make();
  write(CR, 0x301 | 0x0c00);
  assert.deepEqual(uart.modemOutputs, { rts: true, dtr: true, out1: false, out2: false });
  write(CR, 0x301 | 0x3000);
  assert.deepEqual(uart.modemOutputs, { rts: false, dtr: false, out1: true, out2: true });
  write(CR, 0x381 | 0x3c00);
  assert.deepEqual(uart.modemOutputs, { rts: false, dtr: false, out1: false, out2: false });
});

test("transmit levels: the interrupt comes when the FIFO has drained to IFLS", () => {
  for (const [code, level] of [[0, 2], [1, 4], [2, 8], [3, 12], [4, 14], [7, 14]]) {
    const { uart, read, write } = make();
    write(LCR_H, FIFOS);
    write(IFLS, code);
    uart.holdTransmit(true);
    for (let i = 0; i < 16; i++) write(DR, i);
    write(ICR, TX);
    let sent = 0;
    // The host takes one character at a time.
    uart.onTransmit(() => {
      sent++;
      uart.holdTransmit(true);
    });
    while ((read(RIS) & TX) === 0) uart.holdTransmit(false);
    assert.equal(16 - sent, level, `IFLS ${code}`);
  }
});

test("ICR reads as zero, and clears only what it names", () => {
  const { uart, read, write } = make();
  write(DR, 1);
  uart.receiveError("break");
  assert.equal(read(RIS), TX | RX | BE);
  assert.equal(read(ICR), 0);
  write(ICR, BE | 0xf800);
  assert.equal(read(RIS), TX | RX);
  assert.equal(read(ICR, 2), 0);
});

test("state under load: a stopped transmitter, errors in both FIFOs, pending interrupts", () => {
  const first = make({ fifoDepth: 32 });
  const off = { cts: false, dsr: false, dcd: false, ri: false };
  first.write(LCR_H, FIFOS);
  first.write(CR, 0xbf01);
  first.write(0x24, 0x1234);
  first.write(IMSC, BE);
  first.uart.setModem(off);
  for (let i = 0; i < 32; i++) first.write(DR, 0x40 + i);
  for (let i = 0; i < 31; i++) first.uart.receive(new Uint8Array([i]));
  first.uart.receiveError("break");
  const saved = structuredClone(first.uart.state());
  const second = make({ fifoDepth: 32 });
  second.uart.setModem(off);
  second.uart.restore(saved);
  assert.deepEqual(second.uart.state(), saved);
  assert.deepEqual(second.sent, []);
  assert.equal(second.line.level, true);
  for (let offset = 0; offset < 0x4c; offset += 4) {
    assert.equal(second.read(offset), first.read(offset), offset.toString(16));
  }
  second.uart.setModem({ ...off, cts: true });
  assert.deepEqual(second.sent, Array.from({ length: 32 }, (_, i) => 0x40 + i));
});

test("fuzz: no access throws, the line is RIS AND IMSC, the FIFO flags agree", () => {
  const { uart, line, read, write } = make();
  let seed = 12345;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
  };
  const sizes: AccessSize[] = [1, 2, 4];
  for (let i = 0; i < 20000; i++) {
    const offset = random(4) === 0 ? random(0x1000) : random(0x4c);
    if (random(2) === 0) read(offset, sizes[random(3)]);
    else write(offset, random(2) === 0 ? random(0x800) : random(0xffffff) * 256, sizes[random(3)]);
    if (random(8) === 0) uart.receive(new Uint8Array(random(20)));
    if (random(16) === 0) uart.holdTransmit(random(2) === 0);
    if (random(64) === 0) uart.receiveError("parity", random(0x400));
    if (random(64) === 0) {
      const bits = random(16);
      const on = (bit: number): boolean => (bits & bit) !== 0;
      uart.setModem({ cts: on(1), dsr: on(2), dcd: on(4), ri: on(8) });
    }
    assert.equal(line.level, read(MIS) !== 0);
    assert.equal((read(FR) & 0x10) !== 0 && (read(FR) & 0x40) !== 0, false);
    assert.equal((read(FR) & 0x20) !== 0 && (read(FR) & 0x80) !== 0, false);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { IoApic, type IoApicOptions } from "./ioapic.ts";
import type { InterruptMessage } from "./message.ts";

const LEVEL = 0x8000, MASKED = 0x10000, REMOTE_IRR = 0x4000, PENDING = 0x1000;

function make(options: Partial<IoApicOptions> = {}) {
  const sent: InterruptMessage[] = [];
  const sink = { taken: true, deliver: (m: InterruptMessage) => (sent.push(m), sink.taken) };
  const ioapic = new IoApic({ sink, ...options });
  const bus = new Bus();
  bus.register(ioapic, 0, 0x1000);
  const value = { low: 0, high: 0 };
  const read = (index: number): number => {
    bus.write(0, 4, index);
    bus.read(0x10, 4, value);
    return value.low;
  };
  const write = (index: number, value: number): void => {
    bus.write(0, 4, index);
    bus.write(0x10, 4, value);
  };
  const entry = (pin: number, low: number, high = 0): void => {
    write(0x11 + 2 * pin, high);
    write(0x10 + 2 * pin, low);
  };
  /** Vectors sent since the last call. */
  const vectors = (): number[] => sent.splice(0).map((message) => message.vector);
  return { ioapic, bus, sink, sent, read, write, entry, vectors };
}

test("registers after reset", () => {
  const { read, bus, ioapic } = make({ id: 5, name: "ioapic-2" });
  assert.deepEqual([ioapic.name, make().ioapic.name], ["ioapic-2", "ioapic"]);
  assert.deepEqual([read(0), read(1), read(2)], [0x05000000, 0x00170020, 0x05000000]);
  for (let pin = 0; pin < 24; pin++) {
    assert.deepEqual([read(0x10 + 2 * pin), read(0x11 + 2 * pin)], [MASKED, 0]);
  }
  assert.deepEqual([read(0x03), read(0x0f), read(0x40), read(0xff)], [0, 0, 0, 0]);
  assert.equal(make({ version: 0x11 }).read(1), 0x00170011);
  const value = { low: 0, high: 0 };
  bus.write(0, 1, 0x12);
  bus.read(0, 4, value);
  assert.equal(value.low, 0x12);
});

test("registers keep only bits that exist", () => {
  const { read, write } = make();
  write(0, 0xffffffff);
  assert.deepEqual([read(0), read(2)], [0x0f000000, 0x0f000000]);
  write(1, 0);
  assert.equal(read(1), 0x00170020);
  write(0x10, 0xffffffff);
  write(0x11, 0xffffffff);
  assert.deepEqual([read(0x10), read(0x11)], [0x1afff, 0xff000000]);
});

test("the fields of an entry make the message", () => {
  const { ioapic, sent, entry } = make();
  entry(3, 0x0931, 0xc3000000);
  ioapic.line(3).set(true);
  entry(4, 0x0032, 0xff000000);
  ioapic.line(4).set(true);
  entry(5, 0x0400 | LEVEL);
  ioapic.line(5).set(true);
  assert.deepEqual(sent, [
    { vector: 0x31, mode: 1, logical: true, destination: 0xc3, level: false },
    { vector: 0x32, mode: 0, logical: false, destination: 0xffffffff, level: false },
    { vector: 0, mode: 4, logical: false, destination: 0, level: false },
  ]);
});

test("edges: one message for each rise; masked they are lost", () => {
  const { ioapic, entry, vectors } = make();
  const line = ioapic.line(1);
  entry(1, 0x40);
  line.set(true);
  line.set(true);
  line.set(false);
  assert.deepEqual(vectors(), [0x40]);
  entry(1, 0x40 | MASKED);
  line.set(true);
  entry(1, 0x40);
  assert.deepEqual(vectors(), []);
  line.set(false);
  line.set(true);
  assert.deepEqual(vectors(), [0x40]);
});

test("levels: once until the end of interrupt, again while the line is there", () => {
  const { ioapic, sent, read, entry, vectors } = make();
  const line = ioapic.line(23);
  entry(23, 0x50 | LEVEL);
  line.set(true);
  assert.equal(sent[0].level, true);
  assert.deepEqual(vectors(), [0x50]);
  assert.equal(read(0x10 + 46), 0x50 | LEVEL | REMOTE_IRR);
  line.set(false);
  line.set(true);
  assert.deepEqual(vectors(), [], "one at a time");
  ioapic.endOfInterrupt(0x51);
  assert.deepEqual(vectors(), []);
  ioapic.endOfInterrupt(0x50);
  assert.deepEqual(vectors(), [0x50]);
  line.set(false);
  ioapic.endOfInterrupt(0x50);
  assert.deepEqual(vectors(), []);
  assert.equal(read(0x10 + 46), 0x50 | LEVEL);
});

test("a masked level comes when it is unmasked", () => {
  const { ioapic, read, entry, vectors } = make();
  ioapic.line(9).set(true);
  entry(9, 0x50 | LEVEL | MASKED);
  assert.deepEqual(vectors(), []);
  entry(9, 0x50 | LEVEL);
  assert.deepEqual(vectors(), [0x50]);
  entry(9, 0x50 | LEVEL | MASKED);
  entry(9, 0x50 | LEVEL);
  assert.deepEqual(vectors(), [], "remote IRR cannot be written");
  entry(9, 0x50 | LEVEL | MASKED);
  ioapic.endOfInterrupt(0x50);
  assert.deepEqual(vectors(), []);
  assert.equal(read(0x10 + 18), 0x50 | LEVEL | MASKED);
});

test("an entry that becomes an edge forgets its remote IRR, as Linux does without an EOI register", () => {
  const { ioapic, read, entry } = make();
  ioapic.line(9).set(true);
  entry(9, 0x50 | LEVEL);
  ioapic.line(9).set(false);
  entry(9, 0x50 | MASKED);
  entry(9, 0x50 | LEVEL);
  assert.equal(read(0x10 + 18), 0x50 | LEVEL);
});

test("the EOI register ends an interrupt of version 0x20 only", () => {
  for (const version of [0x11, 0x20] as const) {
    const { ioapic, bus, entry, vectors } = make({ version });
    ioapic.line(9).set(true);
    entry(9, 0x50 | LEVEL);
    vectors();
    bus.write(0x40, 4, 0x50);
    assert.deepEqual(vectors(), version === 0x20 ? [0x50] : []);
  }
});

test("a level that nobody takes is pending and is sent again", () => {
  const { ioapic, sink, read, entry, vectors } = make();
  sink.taken = false;
  ioapic.line(2).set(true);
  entry(2, 0x60 | LEVEL);
  assert.deepEqual(vectors(), [0x60]);
  assert.equal(read(0x14), 0x60 | LEVEL | PENDING);
  sink.taken = true;
  entry(2, 0x60 | LEVEL);
  assert.deepEqual(vectors(), [0x60]);
  assert.equal(read(0x14), 0x60 | LEVEL | REMOTE_IRR);
  sink.taken = false;
  ioapic.endOfInterrupt(0x60);
  assert.equal(read(0x14), 0x60 | LEVEL | PENDING);
  ioapic.line(2).set(false);
  assert.equal(read(0x14), 0x60 | LEVEL);
});

test("lines that there are not lead nowhere; narrow accesses do nothing", () => {
  const { ioapic, bus, read, sent } = make();
  for (const n of [-1, 24, 100]) ioapic.line(n).set(true);
  assert.deepEqual(sent, []);
  const value = { low: 7, high: 0 };
  bus.write(0, 4, 0x10);
  bus.write(0x10, 1, 0);
  bus.write(0x12, 2, 0);
  assert.equal(read(0x10), MASKED);
  for (const at of [0x04, 0x11, 0x20, 0xffc]) {
    bus.read(at, 4, value);
    assert.equal(value.low, 0);
  }
});

test("state and restore with levels under way; reset", () => {
  const first = make({ id: 2 });
  first.entry(4, 0x44);
  first.entry(9, 0x50 | LEVEL, 0x01000000);
  first.ioapic.line(9).set(true);
  first.ioapic.line(4).set(true);
  const saved = structuredClone(first.ioapic.state());
  const second = make();
  second.ioapic.restore(saved);
  assert.deepEqual(second.ioapic.state(), saved);
  assert.deepEqual(second.vectors(), []);
  second.ioapic.line(4).set(true);
  second.ioapic.endOfInterrupt(0x50);
  assert.deepEqual(second.vectors(), [0x50], "the edge is not new, the level is still there");
  const record = saved as { readonly [key: string]: DeviceState };
  for (
    const wrong of [null, {}, { ...record, low: [] }, { ...record, lines: 2 ** 24 }, {
      ...record,
      high: [-1],
    }]
  ) {
    const before = second.ioapic.state();
    assert.throws(() => second.ioapic.restore(wrong), TypeError);
    assert.deepEqual(second.ioapic.state(), before);
  }
  first.ioapic.reset();
  assert.deepEqual([first.read(0), first.read(0x22), first.read(0x23)], [0x02000000, MASKED, 0]);
  first.vectors();
  first.entry(9, 0x50 | LEVEL);
  assert.deepEqual(first.vectors(), [0x50], "the device still drives its line");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { LevelProbe } from "../irq_controller/lines.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { I8259Pair } from "./i8259.ts";

function make() {
  const int = new LevelProbe();
  const pic = new I8259Pair(int);
  const bus = new Bus({ space: "ports" });
  bus.register(pic.master, 0x20, 2);
  bus.register(pic.slave, 0xa0, 2);
  bus.register(pic.triggers, 0x4d0, 2);
  const value = { low: 0, high: 0 };
  const read = (at: number): number => {
    bus.read(at, 1, value);
    return value.low;
  };
  const write = (at: number, ...bytes: number[]): void => {
    for (const byte of bytes) bus.write(at, 1, byte);
  };
  const raise = (n: number): void => pic.line(n).set(true);
  const lower = (n: number): void => pic.line(n).set(false);
  return { int, pic, read, write, raise, lower };
}

/** As Linux initialises the pair: vectors 0x30 to 0x3f, nothing masked. */
function initialised(icw4 = 1) {
  const board = make();
  board.write(0x20, 0x11);
  board.write(0x21, 0x30, 0x04, icw4);
  board.write(0xa0, 0x11);
  board.write(0xa1, 0x38, 0x02, icw4);
  return board;
}

test("Linux' probe: the mask reads back, and after init nothing is masked", () => {
  const { read, write } = make();
  write(0xa1, 0xff);
  write(0x21, 0xfb);
  assert.equal(read(0x21), 0xfb);
  assert.equal(read(0xa1), 0xff);
  const done = initialised();
  assert.deepEqual([done.read(0x21), done.read(0xa1)], [0, 0]);
});

test("nothing is signalled before the initialisation is complete", () => {
  const { int, write, raise } = make();
  write(0x20, 0x11);
  write(0x21, 0x30);
  raise(3);
  assert.equal(int.level, false);
  write(0x21, 4);
  assert.equal(int.level, false);
  write(0x21, 1);
  assert.equal(int.level, true);
});

test("ICW1 tells which words follow", () => {
  for (const [icw1, words] of [[0x10, 2], [0x12, 1], [0x11, 3], [0x13, 2]]) {
    const { write, read } = make();
    write(0x20, icw1);
    for (let i = 0; i < words; i++) {
      assert.equal(read(0x21), 0);
      write(0x21, 0x20);
      assert.equal(read(0x21), 0, "a word is no mask");
    }
    write(0x21, 0x20);
    assert.equal(read(0x21), 0x20);
  }
});

test("priorities, in service, end of interrupt", () => {
  const { int, pic, read, write, raise } = initialised();
  raise(5);
  raise(4);
  assert.equal(read(0x20), 0x30);
  assert.equal(pic.acknowledge(), 0x34);
  assert.equal(read(0x20), 0x20);
  write(0x20, 0x0b);
  assert.equal(read(0x20), 0x10);
  assert.equal(int.level, false, "5 is less urgent than 4, which is in service");
  raise(1);
  assert.equal(pic.acknowledge(), 0x31);
  write(0x20, 0x20);
  assert.equal(read(0x20), 0x10, "the most urgent one ends");
  write(0x20, 0x20);
  assert.equal(int.level, true);
  assert.equal(pic.acknowledge(), 0x35);
  write(0x20, 0x64);
  assert.equal(read(0x20), 0x20, "a specific end of another one");
  write(0x20, 0x65);
  assert.equal(read(0x20), 0);
});

test("the slave's interrupts come by input 2", () => {
  const { int, pic, read, write, raise } = initialised();
  raise(10);
  raise(9);
  assert.equal(read(0x20), 0x04);
  assert.equal(pic.acknowledge(), 0x39);
  raise(3);
  assert.equal(int.level, false);
  write(0xa0, 0x20);
  write(0x20, 0x20);
  assert.equal(pic.acknowledge(), 0x3a);
  write(0xa0, 0x20);
  write(0x20, 0x20);
  assert.equal(pic.acknowledge(), 0x33);
});

test("a request that is gone is answered by input 7 of the chip, not in service", () => {
  const { int, pic, read, write, raise, lower } = initialised();
  raise(3);
  lower(3);
  assert.equal(int.level, false);
  assert.equal(pic.acknowledge(), 0x37);
  write(0x20, 0x0b);
  assert.equal(read(0x20), 0);
});

test("edges are served once, levels as long as they are there", () => {
  const { int, pic, read, write, raise, lower } = initialised();
  write(0x4d0, 0xff);
  write(0x4d1, 0xff);
  assert.deepEqual([read(0x4d0), read(0x4d1)], [0xf8, 0xde], "some are always edges");
  write(0x4d0, 0x20);
  raise(5);
  for (let i = 0; i < 3; i++) {
    assert.equal(pic.acknowledge(), 0x35);
    assert.equal(int.level, false);
    write(0x20, 0x20);
    assert.equal(int.level, true);
  }
  lower(5);
  assert.equal(int.level, false);
  raise(6);
  pic.acknowledge();
  write(0x20, 0x20);
  raise(6);
  assert.equal(int.level, false);
  lower(6);
  raise(6);
  assert.equal(int.level, true);
});

test("initialisation forgets edges, not levels", () => {
  const { int, pic, read, write, raise } = initialised();
  write(0x4d0, 0x20);
  raise(4);
  write(0x20, 0x11);
  write(0x21, 0x40, 4, 1);
  assert.deepEqual([int.level, read(0x20), read(0x4d0)], [false, 0, 0x20]);
  raise(4);
  assert.equal(int.level, false, "no new edge");
  raise(5);
  write(0x20, 0x11);
  write(0x21, 0x40, 4, 1);
  assert.equal(pic.acknowledge(), 0x45);
});

test("input 0 in service holds back all others", () => {
  const { int, pic, write, raise } = initialised();
  raise(0);
  pic.acknowledge();
  raise(1);
  assert.equal(int.level, false);
  write(0x20, 0x20);
  assert.equal(int.level, true);
  write(0x20, 0x20);
  assert.equal(int.level, true, "an end without a service");
});

test("a masked request waits", () => {
  const { int, pic, write, raise } = initialised();
  write(0x21, 0x08);
  raise(3);
  raise(4);
  assert.equal(pic.acknowledge(), 0x34);
  write(0x20, 0x20);
  assert.equal(int.level, false);
  write(0x21, 0);
  assert.equal(pic.acknowledge(), 0x33);
});

test("automatic end of interrupt: nothing is in service, the slave's next one comes too", () => {
  const { int, pic, read, write, raise } = initialised(3);
  raise(8);
  raise(12);
  raise(4);
  assert.equal(pic.acknowledge(), 0x38);
  assert.equal(pic.acknowledge(), 0x3c);
  assert.equal(pic.acknowledge(), 0x34);
  assert.equal(int.level, false);
  write(0x20, 0x0b);
  assert.equal(read(0x20), 0);
});

test("rotation: by EOI, by a set priority, with automatic end", () => {
  const { pic, write, raise, lower } = initialised();
  raise(4);
  assert.equal(pic.acknowledge(), 0x34);
  write(0x20, 0xa0);
  for (const n of [5, 0, 3]) raise(n);
  const order: number[] = [];
  for (let i = 0; i < 3; i++) {
    order.push(pic.acknowledge());
    write(0x20, 0x20);
  }
  assert.deepEqual(order, [0x35, 0x30, 0x33], "4 is the last now");
  write(0x20, 0xc6);
  for (const n of [0, 7]) (lower(n), raise(n));
  assert.equal(pic.acknowledge(), 0x37);
  const set = initialised();
  set.write(0x20, 0xc4);
  for (const n of [4, 6]) set.raise(n);
  assert.equal(set.pic.acknowledge(), 0x36, "4 is the last");
  const auto = initialised(3);
  auto.write(0x20, 0x80);
  for (const n of [1, 0]) auto.raise(n);
  assert.equal(auto.pic.acknowledge(), 0x30);
  auto.lower(0);
  auto.raise(0);
  assert.equal(auto.pic.acknowledge(), 0x31);
  assert.equal(auto.pic.acknowledge(), 0x30);
});

test("special mask mode lets less urgent ones through, and EOI leaves the masked one", () => {
  const { int, pic, read, write, raise } = initialised();
  raise(3);
  pic.acknowledge();
  raise(5);
  write(0x21, 0x08);
  assert.equal(int.level, false);
  write(0x20, 0x68);
  assert.equal(pic.acknowledge(), 0x35);
  write(0x20, 0x20);
  write(0x20, 0x20);
  write(0x20, 0x0b);
  assert.equal(read(0x20), 0x08);
  write(0x20, 0x48);
  write(0x20, 0x20);
  assert.equal(read(0x20), 0);
});

test("a fully nested master takes a more urgent interrupt of the slave in between", () => {
  for (const icw4 of [0x01, 0x11]) {
    const { int, pic, raise } = initialised(icw4);
    raise(12);
    pic.acknowledge();
    raise(8);
    assert.equal(int.level, icw4 === 0x11);
    if (int.level) assert.equal(pic.acknowledge(), 0x38);
  }
});

test("polling takes the interrupt into service", () => {
  const { read, write, raise } = initialised();
  write(0x20, 0x0c);
  assert.equal(read(0x20), 0);
  raise(6);
  write(0x20, 0x0c);
  assert.equal(read(0x20), 0x86);
  write(0x20, 0x0b);
  assert.equal(read(0x20), 0x40);
});

test("state and restore with requests and services under way; reset", () => {
  const first = initialised();
  first.write(0x4d0, 0x20);
  for (const n of [9, 5, 12]) first.raise(n);
  first.pic.acknowledge();
  first.raise(1);
  const saved = structuredClone([first.pic.master.state(), first.pic.slave.state()]);
  const second = make();
  second.pic.slave.restore(saved[1]);
  second.pic.master.restore(saved[0]);
  second.pic.triggers.restore(null);
  assert.deepEqual([second.pic.master.state(), second.pic.slave.state()], saved);
  for (const { int, pic, write, read } of [first, second]) {
    assert.equal(int.level, true);
    assert.equal(pic.acknowledge(), 0x31);
    write(0x20, 0x20);
    write(0xa0, 0x20);
    write(0x20, 0x20);
    assert.deepEqual([pic.acknowledge(), int.level], [0x3c, false]);
    assert.equal(read(0x4d0), 0x20);
  }
  const record = saved[0] as { readonly [key: string]: DeviceState };
  for (const wrong of [null, {}, { ...record, first: 8 }, { ...record, irr: -1 }]) {
    assert.throws(() => second.pic.master.restore(wrong), TypeError);
  }
  assert.throws(() => second.pic.triggers.restore({}), TypeError);
  for (const chip of [second.pic.slave, second.pic.master]) chip.reset();
  assert.equal(second.int.level, false);
  assert.equal(second.read(0x20), 0);
});

test("no access throws; INT is high exactly if an acknowledge finds one (seeded fuzz)", () => {
  const { int, pic, read, write } = initialised();
  let seed = 8259;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % n;
  };
  const ports = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1];
  let taken = 0;
  for (let i = 0; i < 20000; i++) {
    const port = ports[random(6)];
    if (random(3) === 0) assert.ok(read(port) < 256);
    else if (random(12) === 0) {
      write(0x20, 0x11);
      write(0x21, 0x30, 4, random(32));
    } else if ((port & 0xe) === 0 || random(4) === 0) write(port, random(256) & ~0x10);
    pic.line(random(16)).set(random(2) === 0);
    if (random(2) === 0) {
      const level = int.level;
      const before = pic.master.state() as { isr: number; irr: number };
      const vector = pic.acknowledge();
      assert.ok(vector >= 0 && vector < 256);
      if (!level) assert.deepEqual(pic.master.state(), before);
      else taken++;
    }
  }
  assert.ok(taken > 500, String(taken));
});

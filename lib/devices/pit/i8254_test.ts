import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import { Frequency } from "../frequency.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { Counter } from "./counter.ts";
import { I8254, PIT_FREQUENCY, SystemControlPort } from "./i8254.ts";

const CLK = new Frequency(PIT_FREQUENCY);

function make(start = 0) {
  const clock = new VirtualClock();
  clock.advance(start);
  const irq = new LevelProbe();
  const pit = new I8254({ clock, irq });
  const port = new SystemControlPort(pit, clock);
  const bus = new Bus({ space: "ports" });
  bus.register(pit, 0x40, 4);
  bus.register(port, 0x61, 1);
  const value = { low: 0, high: 0 };
  const read = (at: number): number => {
    bus.read(at, 1, value);
    return value.low;
  };
  const write = (at: number, ...bytes: number[]): void => {
    for (const byte of bytes) bus.write(at, 1, byte);
  };
  let pulse = CLK.ticks(start);
  /** Lets so many pulses pass. */
  const pulses = (n: number): void => clock.advance(CLK.time(pulse += n) - clock.now());
  /** The count as it is, of a counter that is read with both bytes. */
  const count = (n: number): number => read(0x40 + n) | (read(0x40 + n) << 8);
  const out = (): boolean => (read(0x61) & 0x20) !== 0;
  return { clock, irq, pit, port, read, write, pulses, count, out };
}

test("mode 0: OUT rises N + 1 pulses after the count was written, once", () => {
  const { irq, write, pulses, count } = make();
  assert.equal(irq.level, false);
  write(0x43, 0x30);
  write(0x40, 5, 0);
  pulses(1);
  assert.deepEqual([count(0), irq.level], [5, false]);
  pulses(4);
  assert.deepEqual([count(0), irq.level], [1, false]);
  pulses(1);
  assert.deepEqual([count(0), irq.level], [0, true]);
  pulses(3);
  assert.deepEqual([count(0), irq.level], [0xfffd, true]);
  pulses(100_000);
  assert.equal(irq.rises, 1);
  // The first byte of a new count stops it, OUT goes low.
  write(0x40, 2);
  assert.equal(irq.level, false);
  pulses(100);
  write(0x40, 0);
  pulses(3);
  assert.equal(irq.level, true);
});

test("mode 2: OUT is low for the last pulse of each period", () => {
  const { irq, write, pulses, count } = make();
  write(0x43, 0x34);
  assert.equal(irq.level, true);
  write(0x40, 4, 0);
  pulses(1);
  const seen = Array.from({ length: 9 }, () => {
    const now = [count(0), irq.level];
    pulses(1);
    return now;
  });
  const period = [[4, true], [3, true], [2, true], [1, false]];
  assert.deepEqual(seen, [...period, ...period, [4, true]]);
  pulses(4000);
  assert.equal(irq.rises, 1 + 1002);
});

test("mode 2: a new count waits for the end of the period", () => {
  const { irq, write, pulses, count, read } = make();
  write(0x43, 0x34);
  write(0x40, 10, 0);
  pulses(5);
  write(0x40, 3, 0);
  write(0x43, 0xe2);
  assert.equal(read(0x40), 0xf4, "null count: not in use yet");
  assert.equal(count(0), 6);
  pulses(5);
  assert.deepEqual([count(0), irq.level], [1, false]);
  pulses(1);
  assert.deepEqual([count(0), irq.level], [3, true]);
  write(0x43, 0xe2);
  assert.equal(read(0x40), 0xb4);
  pulses(3);
  assert.deepEqual([count(0), irq.level], [3, true]);
});

test("mode 3: even and odd counts, a new one after the half cycle", () => {
  for (
    const [n, counts, levels] of [
      [4, [4, 2, 4, 2], [1, 1, 0, 0]],
      [5, [4, 2, 0, 4, 2], [1, 1, 1, 0, 0]],
    ] as const
  ) {
    const { irq, write, pulses, count } = make();
    write(0x43, 0x36);
    write(0x40, n, 0);
    pulses(1);
    for (let i = 0; i < 3 * n; i++) {
      assert.deepEqual([count(0), irq.level ? 1 : 0], [counts[i % n], levels[i % n]]);
      pulses(1);
    }
  }
  const { irq, write, pulses } = make();
  write(0x43, 0x36);
  write(0x40, 10, 0);
  pulses(3);
  write(0x40, 4, 0);
  const levels = Array.from({ length: 10 }, () => {
    pulses(1);
    return irq.level ? 1 : 0;
  });
  assert.deepEqual(levels, [1, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
});

test("modes 1 and 5 wait for the gate, modes 0, 2, 3 and 4 stop without it", () => {
  const { write, pulses, count, out } = make();
  write(0x43, 0xb2);
  write(0x42, 3, 0);
  pulses(10);
  assert.equal(out(), true);
  write(0x61, 1);
  pulses(1);
  const shot = [out()];
  for (let i = 0; i < 4; i++) shot.push((pulses(1), out()));
  assert.deepEqual(shot, [false, false, false, true, true]);
  write(0x61, 0);
  write(0x43, 0xba);
  write(0x42, 2, 0);
  write(0x61, 1);
  const strobe = Array.from({ length: 5 }, () => (pulses(1), out()));
  assert.deepEqual(strobe, [true, true, false, true, true]);
  for (const mode of [0, 4]) {
    write(0x61, 1);
    write(0x43, 0xb0 | (mode << 1));
    write(0x42, 5, 0);
    pulses(3);
    write(0x61, 0);
    pulses(100);
    assert.deepEqual([count(2), out()], [3, mode === 4]);
    write(0x61, 1);
    pulses(3);
    assert.deepEqual([count(2), out()], [0, mode === 0]);
  }
  for (const mode of [2, 3]) {
    write(0x43, 0xb0 | (mode << 1));
    write(0x42, 6, 0);
    pulses(6);
    assert.equal(out(), false);
    write(0x61, 0);
    assert.equal(out(), true);
    pulses(50);
    write(0x61, 1);
    pulses(1);
    assert.deepEqual([count(2), out()], [6, true], "a rising gate begins anew");
  }
});

test("a counter tells when OUT changes next", () => {
  const counter = new Counter(false);
  const changes = (now: number): number[] => {
    const seen: number[] = [];
    for (let next = counter.nextChange(now); next < now + 20; next = counter.nextChange(next)) {
      seen.push(next);
    }
    return seen;
  };
  counter.program(0x12);
  counter.write(0, 3);
  assert.deepEqual(changes(0), []);
  counter.setGate(10, true);
  assert.deepEqual(changes(10), [11, 14], "a one-shot");
  counter.program(0x18);
  counter.write(30, 3);
  assert.deepEqual(changes(30), [34, 35], "a strobe");
  counter.setGate(32, false);
  assert.deepEqual(changes(32), []);
  counter.program(0x10);
  counter.write(40, 3);
  counter.setGate(43, true);
  assert.deepEqual(changes(43), [46], "counts from the rise of the gate");
});

test("mode 4: one pulse low, once", () => {
  const { write, pulses, irq } = make();
  write(0x43, 0x38);
  write(0x40, 3, 0);
  const levels = Array.from({ length: 7 }, () => (pulses(1), irq.level ? 1 : 0));
  assert.deepEqual(levels, [1, 1, 1, 0, 1, 1, 1]);
  pulses(200_000);
  assert.equal(irq.rises, 2);
});

test("latched counts, read-back, bytes", () => {
  const { read, write, pulses, count } = make();
  write(0x43, 0x34);
  write(0x40, 0, 0);
  pulses(0x1235);
  write(0x43, 0x00);
  pulses(0x100);
  write(0x43, 0x00);
  assert.equal(count(0), 0xedcc, "the first latch counts");
  assert.equal(count(0), 0xeccc);
  // Status and count of counter 0: status first.
  write(0x43, 0xc2);
  pulses(5);
  assert.equal(read(0x40), 0xb4);
  assert.equal(count(0), 0xeccc);
  // Only low, only high bytes.
  write(0x43, 0x14);
  write(0x40, 0x80);
  pulses(1);
  assert.deepEqual([read(0x40), read(0x40)], [0x80, 0x80]);
  write(0x43, 0x24);
  write(0x40, 0x12);
  pulses(1);
  assert.deepEqual([read(0x40), read(0x40)], [0x12, 0x12]);
  write(0x43, 0xe2);
  assert.equal(read(0x40), 0xa4);
  assert.equal(read(0x43), 0xff);
});

test("decimal counts; zero is the largest", () => {
  const { write, pulses, count } = make();
  write(0x43, 0x35);
  write(0x40, 0x00, 0x10);
  pulses(2);
  assert.equal(count(0), 0x0999);
  write(0x43, 0x35);
  write(0x40, 0x34, 0x12);
  pulses(40);
  assert.equal(count(0), 0x1195);
  write(0x43, 0x35);
  write(0x40, 0, 0);
  pulses(2);
  assert.equal(count(0), 0x9999);
  write(0x43, 0x34);
  write(0x40, 0, 0);
  pulses(2);
  assert.equal(count(0), 0xffff);
});

test("100 Hz gives 100 interrupts a second; a count of 1 hangs nobody", () => {
  const { clock, irq, write } = make();
  write(0x43, 0x36);
  write(0x40, 11932 & 0xff, 11932 >> 8);
  clock.advance(10e9);
  assert.equal(irq.rises, 1 + 999);
  for (const mode of [0x34, 0x36]) {
    write(0x43, mode);
    write(0x40, 1, 0);
    const before = irq.rises;
    clock.advance(1e6);
    assert.ok(irq.rises - before <= 597);
  }
});

test("Linux' calibration: counter 2 in mode 0, polled at port 0x61", () => {
  const { clock, read, write } = make();
  write(0x61, (read(0x61) & ~0x02) | 0x01);
  write(0x43, 0xb0);
  const latch = Math.floor(PIT_FREQUENCY / 100);
  write(0x42, latch & 0xff, latch >> 8);
  let polls = 0;
  while ((read(0x61) & 0x20) === 0) {
    clock.advance(1000);
    polls++;
  }
  assert.ok(polls >= 10_000 && polls <= 10_002, String(polls));
});

test("port 0x61: what is written, and the refresh toggle", () => {
  const { clock, read, write } = make();
  write(0x61, 0xff);
  assert.equal(read(0x61) & 0xcf, 0x0f);
  write(0x61, 0);
  assert.equal(read(0x61), 0);
  clock.advance(15085);
  assert.equal(read(0x61), 0x10);
});

test("no interrupt is lost when the host is late", () => {
  let now = 0;
  const due: (() => void)[] = [];
  const clock = {
    now: () => now,
    wallSeconds: () => 0,
    at: (_: number, callback: () => void) => {
      due.push(callback);
      return { cancel: () => void due.splice(due.indexOf(callback), 1) };
    },
  };
  const irq = new LevelProbe();
  const pit = new I8254({ clock, irq });
  pit.write(3, 0x34);
  pit.write(0, 100);
  pit.write(0, 0);
  now = CLK.time(150);
  due.shift()?.();
  assert.deepEqual([irq.level, irq.rises], [true, 2], "fall and rise, both late");
  now = CLK.time(350);
  pit.write(3, 0xe8);
  assert.deepEqual([irq.level, irq.rises], [true, 3], "also if the guest comes first");
  assert.equal(due.length, 1);
});

test("a restored timer goes on where it was, whatever the clock", () => {
  const first = make();
  first.write(0x43, 0x36, 0xb0);
  first.write(0x40, 200, 0);
  first.pulses(130);
  first.write(0x40, 60, 0);
  first.write(0x42, 77);
  first.write(0x61, 1);
  first.write(0x43, 0x00, 0xe8);
  const saved = JSON.parse(JSON.stringify(first.pit.state())) as DeviceState;
  const second = make(0);
  second.clock.advance(12345);
  second.pit.restore(saved);
  second.port.restore(structuredClone(first.port.state()));
  assert.deepEqual(second.pit.state(), saved);
  const step = 838;
  for (let i = 0; i < 400; i++) {
    for (const { clock } of [first, second]) clock.advance(step);
    assert.equal(second.irq.level, first.irq.level);
  }
  assert.equal(first.irq.rises > 3, true);
  assert.equal(second.count(0), first.count(0), "the latched one");
  assert.equal(second.count(0), first.count(0));
  assert.equal(second.read(0x42), first.read(0x42));
  for (const each of [first, second]) each.write(0x42, 1);
  for (const each of [first, second]) each.clock.advance(2e6);
  assert.equal(second.count(2), first.count(2));
  const good = second.pit.state();
  const wrong: DeviceState[] = [null, {}, { now: 1, counters: [] }, { now: -1, counters: [] }];
  const record = saved as { now: number; counters: { [key: string]: DeviceState }[] };
  for (
    const [key, value] of [["control", 0], ["count", 0], ["next", 70000], ["gate", 1]] as const
  ) {
    const counters = structuredClone(record.counters);
    counters[1][key] = value;
    wrong.push({ now: 5, counters });
  }
  for (const state of wrong) assert.throws(() => second.pit.restore(state), TypeError);
  assert.deepEqual(second.pit.state(), good);
});

test("reset and shutdown leave no deadline", () => {
  const { clock, irq, pit, write } = make();
  write(0x43, 0x34);
  write(0x40, 100, 0);
  assert.notEqual(clock.nextDeadline(), Infinity);
  pit.reset();
  assert.deepEqual([clock.nextDeadline(), irq.level], [Infinity, false]);
  write(0x43, 0x34);
  write(0x40, 100, 0);
  pit.shutdown();
  assert.equal(clock.nextDeadline(), Infinity);
});

test("no access throws; IRQ 0 is what the status byte says (seeded fuzz)", () => {
  const { clock, irq, read, write, pit } = make();
  let seed = 31337;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % n;
  };
  for (let i = 0; i < 10000; i++) {
    const at = random(9) === 0 ? 0x61 : 0x40 + random(4);
    if (random(2) === 0) write(at, random(3) === 0 ? random(4) : random(256));
    else assert.ok(read(at) < 256);
    if (random(3) === 0) clock.advance(random(1 << random(20)));
    if (random(40) === 0) pit.restore(JSON.parse(JSON.stringify(pit.state())));
    if (random(4) === 0) {
      for (let n = 0; n < 3; n++) read(0x40);
      write(0x43, 0xe2);
      assert.equal((read(0x40) & 0x80) !== 0, irq.level);
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RealClock, VirtualClock } from "../../platform/clock.ts";
import type { Clock } from "../../platform/platform.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { Mc146818 } from "./mc146818.ts";

const SECOND = 1e9;
/** Tue 2023-11-14 22:13:20 UTC. */
const START = 1_700_000_000;
const [A, B, C, D] = [0x0a, 0x0b, 0x0c, 0x0d];

function setupWith<T extends Clock>(clock: T, memory = 0) {
  const irq = new LevelProbe();
  const rtc = new Mc146818({ clock, irq, memory });
  const bus = new Bus({ space: "ports" });
  bus.register(rtc, 0x70, 2);
  const value = { low: 0, high: 0 };
  const port = (at: number): number => {
    bus.read(at, 1, value);
    return value.low;
  };
  const read = (index: number): number => {
    bus.write(0x70, 1, index);
    return port(0x71);
  };
  const write = (index: number, value: number): void => {
    bus.write(0x70, 1, index);
    bus.write(0x71, 1, value);
  };
  /** Century, year, month, day, weekday, hours, minutes, seconds. */
  const time = (): number[] => [0x32, 9, 8, 7, 6, 4, 2, 0].map((index) => read(index));
  return { clock, irq, rtc, bus, port, read, write, time };
}

const setup = (start = START) => setupWith(new VirtualClock(start));

test("power-on: BCD, 24 hours, the wall-clock time, a good battery", () => {
  const { port, read, time } = setup();
  assert.deepEqual([read(A), read(B), read(C), read(D)], [0x26, 0x02, 0, 0x80]);
  assert.deepEqual(time(), [0x20, 0x23, 0x11, 0x14, 3, 0x22, 0x13, 0x20]);
  assert.equal(port(0x70), 0xff);
});

test("binary and 12 hours", () => {
  const { read, write, time } = setup();
  write(B, 0x06);
  assert.deepEqual(time(), [20, 23, 11, 14, 3, 22, 13, 20]);
  write(B, 0x00);
  assert.equal(read(4), 0x90, "10 PM");
  write(B, 0x04);
  assert.equal(read(4), 0x8a);
  for (const [hour, shown] of [[0, 0x12], [1, 0x01], [11, 0x11], [12, 0x92], [13, 0x81]]) {
    const { read, write } = setup(hour * 3600);
    write(B, 0);
    assert.equal(read(4), shown);
    // Written back, it is the same hour.
    write(4, shown);
    write(B, 2);
    assert.equal(read(4), hour < 10 ? hour : hour + 6);
  }
});

test("the calendar: ends of months, leap years, the century", () => {
  const cases: [string, number[]][] = [
    ["2024-02-28T23:59:59Z", [0x20, 0x24, 0x02, 0x29, 5, 0, 0, 0]],
    ["2023-02-28T23:59:59Z", [0x20, 0x23, 0x03, 0x01, 4, 0, 0, 0]],
    ["2099-12-31T23:59:59Z", [0x21, 0x00, 0x01, 0x01, 6, 0, 0, 0]],
    ["1999-12-31T23:59:59Z", [0x20, 0x00, 0x01, 0x01, 7, 0, 0, 0]],
  ];
  for (const [date, next] of cases) {
    const { clock, time } = setup(Date.parse(date) / 1000);
    clock.advance(SECOND);
    assert.deepEqual(time(), next, date);
  }
});

test("UIP is set in the 244 us before an update", () => {
  const { clock, read } = setup();
  clock.advance(SECOND - 244_141);
  assert.equal(read(A), 0x26);
  clock.advance(1);
  assert.equal(read(A), 0xa6);
  clock.advance(244_139);
  assert.deepEqual([read(A), read(0)], [0xa6, 0x20]);
  clock.advance(1);
  assert.deepEqual([read(A), read(0)], [0x26, 0x21]);
});

test("the time is set while SET holds it, and goes on from there", () => {
  const { clock, read, write, time } = setup();
  clock.advance(0.25 * SECOND);
  write(B, 0x82);
  clock.advance(3 * SECOND);
  assert.equal(read(0), 0x20, "stands still");
  assert.equal(read(A), 0x26);
  const set = [0x19, 0x99, 0x12, 0x31, 1, 0x23, 0x59, 0x58];
  [0x32, 9, 8, 7, 6, 4, 2, 0].forEach((index, i) => write(index, set[i]));
  write(B, 0x02);
  assert.deepEqual(time(), set);
  clock.advance(0.75 * SECOND - 1);
  assert.equal(read(0), 0x58);
  clock.advance(1);
  assert.equal(read(0), 0x59, "the divider went on");
  clock.advance(SECOND);
  assert.deepEqual(time(), [0x20, 0x00, 0x01, 0x01, 2, 0, 0, 0], "the weekday as it was told");
});

test("a divider that is released updates after half a second", () => {
  const { clock, read, write } = setup();
  clock.advance(0.9 * SECOND);
  write(A, 0x76);
  clock.advance(5 * SECOND);
  assert.equal(read(0), 0x20);
  write(0, 0x40);
  write(A, 0x26);
  clock.advance(0.5 * SECOND - 1);
  assert.equal(read(0), 0x40);
  clock.advance(1);
  assert.equal(read(0), 0x41);
});

test("while the time stands still there is no alarm to wait for", () => {
  const { clock, irq, read, write } = setup();
  for (const index of [1, 3, 5]) write(index, 0xff);
  write(B, 0xa2);
  assert.equal(clock.nextDeadline(), Infinity);
  clock.advance(10 * SECOND);
  assert.deepEqual([irq.level, read(C) & 0x30], [false, 0]);
  write(A, 0x73);
  write(B, 0x62);
  read(C);
  clock.advance(10 * SECOND);
  assert.deepEqual([irq.level, read(C)], [false, 0], "the divider is held, nothing comes");
  write(A, 0x23);
  clock.advance(122_071);
  assert.equal(irq.level, true);
});

test("a single register can be written while the time runs", () => {
  const { clock, write, time } = setup();
  write(4, 0x05);
  clock.advance(SECOND);
  assert.deepEqual(time(), [0x20, 0x23, 0x11, 0x14, 3, 0x05, 0x13, 0x21]);
});

test("update-ended interrupt: each second, until C is read", () => {
  const { clock, irq, read, write } = setup();
  write(B, 0x12);
  clock.advance(SECOND - 1);
  assert.equal(irq.level, false);
  clock.advance(1);
  assert.equal(irq.level, true);
  assert.deepEqual([read(C), read(C), irq.level], [0xb0 & ~0x20 | 0x40, 0, false]);
  clock.advance(5 * SECOND);
  assert.equal(irq.rises, 2, "high until it is read");
  write(B, 0x92);
  assert.equal(read(B), 0x82, "SET takes it away");
  assert.equal(irq.level, false);
});

test("flags are raised without their interrupts too", () => {
  const { clock, irq, read, write } = setup();
  write(A, 0x20);
  clock.advance(2 * SECOND);
  assert.equal(read(C), 0x10);
  assert.equal(clock.nextDeadline(), Infinity);
  clock.advance(2 * SECOND);
  write(B, 0x12);
  assert.equal(irq.level, true, "enabled afterwards");
});

test("the periodic interrupt has the rate that RS names", () => {
  const rates = [0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2];
  for (const [rs, hertz] of rates.entries()) {
    const { clock, irq, read, write } = setup();
    write(A, 0x20 | rs);
    read(C);
    write(B, 0x42);
    let seen = 0;
    while (clock.nextDeadline() <= SECOND) {
      clock.advance(clock.nextDeadline() - clock.now());
      assert.equal(irq.level, true);
      assert.equal(read(C) & 0xc0, 0xc0);
      seen++;
    }
    assert.equal(seen, hertz);
  }
});

test("unread, a periodic interrupt costs nothing", () => {
  const { clock, irq, write } = setup();
  write(A, 0x23);
  write(B, 0x42);
  clock.advance(1000 * SECOND);
  assert.equal(irq.rises, 1);
  assert.equal(clock.nextDeadline(), Infinity);
});

test("alarm: exact, with wildcards, in each format", () => {
  const cases: [number, number[], number][] = [
    [0x22, [0x22, 0x13, 0x25], 5],
    [0x22, [0x22, 0x13, 0x20], 86400],
    [0x22, [0xc0, 0xff, 0xc0], 1],
    [0x22, [0xff, 0xff, 0x05], 45],
    [0x22, [0xff, 0x00, 0x00], 46 * 60 + 40],
    [0x22, [0x06, 0x30, 0x00], 8 * 3600 + 16 * 60 + 40],
    [0x26, [22, 14, 0], 40],
    [0x20, [0x90, 0x14, 0x00], 40],
    [0x24, [0x8a, 14, 0], 40],
  ];
  for (const [b, [hour, minute, second], after] of cases) {
    const { clock, irq, read, write } = setup();
    write(5, hour);
    write(3, minute);
    write(1, second);
    write(A, 0x20);
    write(B, b);
    clock.advance(after * SECOND - 1);
    assert.equal(irq.level, false, `${hour}:${minute}:${second}`);
    clock.advance(1);
    assert.equal(irq.level, true, `${hour}:${minute}:${second} after ${after}`);
    assert.equal(read(C), 0xb0);
  }
  // What is no time never comes.
  const { clock, irq, write } = setup();
  write(1, 0x7a);
  write(B, 0x22);
  clock.advance(2 * 86400 * SECOND);
  assert.equal(irq.level, false);
});

test("the host's clock is followed: pauses and changes", () => {
  let wall = START, host = 0;
  const clock = new RealClock({ monotonic: () => host, wallSeconds: () => wall });
  const { irq, read, write } = setupWith(clock);
  const pass = (seconds: number): void => {
    host += seconds * SECOND;
    wall += seconds;
    clock.runDue();
  };
  write(2, 0x30);
  pass(10);
  assert.deepEqual([read(2), read(0)], [0x30, 0x30]);
  clock.pause();
  pass(3600);
  clock.resume();
  assert.deepEqual([read(4), read(2), read(0)], [0x23, 0x30, 0x30], "with the guest's minutes");
  write(5, 0xff);
  write(3, 0x45);
  write(1, 0);
  write(B, 0x22);
  clock.pause();
  pass(1800);
  clock.resume();
  pass(60);
  assert.equal(irq.level, true, "an alarm in a pause is seen within a minute");
});

test("RAM keeps what is written; the firmware's sizes and checksum", () => {
  const { read, write, rtc } = setupWith(new VirtualClock(START), 512 * 2 ** 20);
  const word = (at: number): number => read(at) | (read(at + 1) << 8);
  assert.deepEqual([word(0x15), word(0x17), word(0x30)], [640, 0xffff, 0xffff]);
  assert.equal(word(0x34), 496 * 16);
  const sum = Array.from({ length: 0x1e }, (_, i) => read(0x10 + i)).reduce((a, b) => a + b);
  assert.equal((read(0x2e) << 8) | read(0x2f), sum);
  for (let at = 0x0e; at < 0x80; at++) {
    if (at === 0x32) continue;
    write(at, at ^ 0xa5);
    assert.equal(read(at), at ^ 0xa5);
    assert.equal(read(at | 0x80), at ^ 0xa5);
  }
  assert.equal(rtc.nmiMasked, true);
  read(0);
  assert.equal(rtc.nmiMasked, false);
  write(D, 0);
  write(C, 0xff);
  assert.deepEqual([read(D), read(C) & 0x8f], [0x80, 0]);
});

test("reset keeps time and RAM and takes interrupts away", () => {
  const { clock, irq, rtc, read, write } = setup();
  write(0x0f, 0x0a);
  write(2, 0x55);
  write(B, 0x7e);
  clock.advance(SECOND);
  assert.equal(irq.level, true);
  rtc.reset();
  assert.equal(irq.level, false);
  assert.deepEqual([read(B), read(C), read(0x0f), read(2)], [6, 0, 0x0a, 55]);
  write(B, 0x12);
  rtc.shutdown();
  assert.equal(clock.nextDeadline(), Infinity);
});

test("a restored clock goes on, with its interrupts under way", () => {
  const first = setup();
  first.clock.advance(0.3 * SECOND);
  first.write(4, 0x01);
  first.write(6, 7);
  first.write(1, 0x25);
  first.write(3, 0xff);
  first.write(5, 0xff);
  first.write(A, 0x2f);
  first.write(B, 0x62);
  first.read(C);
  const saved = structuredClone(first.rtc.state());
  const second = setup();
  second.rtc.restore(saved);
  assert.deepEqual(second.rtc.state(), saved);
  for (let i = 0; i < 80; i++) {
    for (const { clock } of [first, second]) clock.advance(0.1 * SECOND);
    assert.equal(second.irq.level, first.irq.level);
    assert.deepEqual(second.time(), first.time());
    if (i % 7 === 0) assert.equal(second.read(C), first.read(C));
  }
  assert.ok(first.irq.rises > 5);
  const good = second.rtc.state();
  const record = saved as { readonly [key: string]: DeviceState };
  const wrong: DeviceState[] = [
    null,
    {},
    { ...record, ram: new Uint8Array(5) },
    { ...record, weekdayShift: 7 },
    { ...record, now: -1 },
    { ...record, base: 0.5 },
  ];
  for (const state of wrong) assert.throws(() => second.rtc.restore(state), TypeError);
  assert.deepEqual(second.rtc.state(), good);
});

test("no access throws; IRQ is high exactly while B and C share a flag (seeded fuzz)", () => {
  const { clock, irq, rtc, bus, port, read, write } = setup();
  let seed = 146818;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % n;
  };
  let highs = 0;
  for (let i = 0; i < 5000; i++) {
    if (random(2) === 0) write(random(3) === 0 ? random(256) : random(16), random(256));
    else if (random(4) === 0) bus.write(0x70, 4, random(2 ** 24));
    else assert.ok(port(0x70 + random(2)) < 256);
    clock.advance(random(1 << random(31)));
    const level = irq.level;
    const b = read(B), c = read(C);
    assert.equal((c & 0x80) !== 0, (b & c & 0x70) !== 0);
    assert.equal(level, (c & 0x80) !== 0);
    if (level) highs++;
    assert.equal(irq.level, false);
    if (random(50) === 0) rtc.restore(structuredClone(rtc.state()));
  }
  assert.ok(highs > 100, String(highs));
});

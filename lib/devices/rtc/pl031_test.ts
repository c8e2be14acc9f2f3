import assert from "node:assert/strict";
import { test } from "node:test";
import { RealClock, VirtualClock } from "../../platform/clock.ts";
import type { Clock } from "../../platform/platform.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { Pl031 } from "./pl031.ts";

const DR = 0x00;
const MR = 0x04;
const LR = 0x08;
const CR = 0x0c;
const IMSC = 0x10;
const RIS = 0x14;
const MIS = 0x18;
const ICR = 0x1c;
const START = 1_700_000_000;
const SECOND = 1e9;

function setupWith<C extends Clock>(clock: C) {
  const irq = new LevelProbe();
  const rtc = new Pl031({ clock, irq });
  const bus = new Bus();
  bus.register(rtc, 0, 0x1000);
  const value = { low: 0, high: 0 };
  const read = (offset: number, size: 1 | 2 | 4 = 4): number => {
    bus.read(offset, size, value);
    return value.low;
  };
  const write = (offset: number, value: number, size: 1 | 2 | 4 = 4): void =>
    void bus.write(offset, size, value);
  return { clock, irq, rtc, read, write };
}

const setup = () => setupWith(new VirtualClock(START));

test("the data register is the wall-clock time and counts seconds", () => {
  const { clock, read, write } = setup();
  assert.equal(read(DR), START);
  clock.advance(SECOND - 1);
  assert.equal(read(DR), START);
  clock.advance(1);
  assert.equal(read(DR), START + 1);
  write(DR, 5);
  write(CR, 0);
  assert.equal(read(DR), START + 1);
  assert.equal(read(CR), 1);
});

test("identification registers", () => {
  const { read } = setup();
  const ids = Array.from({ length: 8 }, (_, n) => read(0xfe0 + 4 * n));
  assert.deepEqual(ids, [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
});

test("a loaded time goes on from there, modulo 2^32", () => {
  const { clock, read, write } = setup();
  write(LR, 1000);
  assert.equal(read(LR), 1000);
  clock.advance(5 * SECOND);
  assert.equal(read(DR), 1005);
  write(LR, 0xffff_ffff);
  clock.advance(2 * SECOND);
  assert.equal(read(DR), 1);
});

test("the match interrupt rises at its second, through the mask, until it is cleared", () => {
  const { clock, irq, read, write } = setup();
  write(MR, START + 10);
  clock.advance(10 * SECOND - 1);
  assert.equal(read(RIS), 0);
  clock.advance(1);
  assert.deepEqual([read(RIS), read(MIS), irq.level], [1, 0, false]);
  write(IMSC, 1);
  assert.deepEqual([read(MIS), irq.level], [1, true]);
  write(ICR, 0);
  assert.equal(irq.level, true);
  write(ICR, 1);
  assert.deepEqual([read(RIS), irq.level], [0, false]);
  clock.advance(10 * SECOND);
  assert.equal(irq.level, false);
});

test("match and load move the deadline, a match with now is at once", () => {
  const { clock, irq, read, write } = setup();
  write(IMSC, 1);
  write(MR, START + 100);
  write(MR, START + 50);
  write(LR, START + 45);
  clock.advance(5 * SECOND);
  assert.equal(irq.level, true);
  write(ICR, 1);
  write(MR, read(DR));
  assert.equal(irq.level, true);
  write(ICR, 1);
  // A match in the past comes again in 136 years: no deadline.
  write(MR, 5);
  assert.equal(clock.nextDeadline(), Infinity);
  assert.equal(irq.level, false);
});

test("a wall clock that is set back delays the match, one set forward does not lose it", () => {
  let shift = 0;
  class ShiftedClock extends VirtualClock {
    override wallSeconds(): number {
      return super.wallSeconds() + shift;
    }
  }
  const { clock, read, write } = setupWith(new ShiftedClock(START));
  write(MR, START + 10);
  shift = -5;
  clock.advance(10 * SECOND);
  assert.deepEqual([read(DR), read(RIS)], [START + 5, 0]);
  clock.advance(5 * SECOND);
  assert.deepEqual([read(DR), read(RIS)], [START + 10, 1]);
  write(ICR, 1);
  write(MR, START + 20);
  shift = 95;
  clock.advance(10 * SECOND);
  assert.equal(read(RIS), 1);
});

test("an alarm set within a second comes with its second, not a second later", () => {
  const { clock, irq, read, write } = setup();
  clock.advance(0.9 * SECOND);
  write(IMSC, 1);
  write(MR, START + 2);
  clock.advance(1.1 * SECOND - 1);
  assert.deepEqual([read(DR), irq.level], [START + 1, false]);
  clock.advance(SECOND / 16);
  assert.deepEqual([read(DR), irq.level], [START + 2, true]);
});

test("an alarm that came due while the machine was paused is seen within a minute", () => {
  let wall = START;
  let host = 0;
  const clock = new RealClock({ monotonic: () => host, wallSeconds: () => wall });
  const { irq, write } = setupWith(clock);
  const pass = (seconds: number): void => {
    host += seconds * SECOND;
    wall += seconds;
    clock.runDue();
  };
  write(MR, START + 3600);
  write(IMSC, 1);
  pass(30);
  clock.pause();
  pass(7200);
  clock.resume();
  assert.equal(irq.level, false);
  pass(60);
  assert.equal(irq.level, true);
});

test("reset and shutdown leave no deadline and no interrupt", () => {
  const { clock, irq, rtc, read, write } = setup();
  write(IMSC, 1);
  write(MR, START);
  write(MR, START + 9);
  write(LR, 7);
  assert.equal(irq.level, true);
  rtc.reset();
  assert.equal(irq.level, false);
  assert.deepEqual([MR, LR, IMSC, RIS].map((offset) => read(offset)), [0, 0, 0, 0]);
  assert.equal(read(DR), START);
  write(MR, START + 9);
  rtc.shutdown();
  rtc.shutdown();
  assert.equal(clock.nextDeadline(), Infinity);
});

test("a restored clock keeps its offset and its match", () => {
  const first = setup();
  first.write(LR, 500);
  first.write(MR, 503);
  first.write(IMSC, 1);
  const state = structuredClone(first.rtc.state());
  const second = setupWith(first.clock);
  second.rtc.restore(state);
  assert.equal(second.read(DR), 500);
  first.clock.advance(3 * SECOND);
  assert.equal(second.irq.level, true);
  const fired = setupWith(first.clock);
  fired.rtc.restore(structuredClone(second.rtc.state()));
  assert.equal(fired.irq.level, true);
  const { mask: _, ...short } = state as { [key: string]: DeviceState };
  const wrong: DeviceState[] = [null, 1, [], {}, short, { ...short, mask: 1 }];
  for (const bad of wrong) assert.throws(() => second.rtc.restore(bad), TypeError);
});

test("an alarm that was acknowledged does not come again by a restore in its second", () => {
  const { clock, rtc, read, write } = setup();
  write(IMSC, 1);
  write(MR, START + 2);
  clock.advance(2 * SECOND);
  assert.equal(read(RIS), 1);
  write(ICR, 1);
  const before = structuredClone(rtc.state());
  rtc.restore(before);
  assert.equal(read(RIS), 0);
  assert.deepEqual(rtc.state(), before);
});

test("an alarm whose time passed between state and restore comes then", () => {
  const { clock, rtc, write } = setup();
  write(IMSC, 1);
  write(MR, START + 2);
  const state = structuredClone(rtc.state());
  clock.advance(100 * SECOND);
  const later = setupWith(clock);
  later.rtc.restore(state);
  assert.equal(later.irq.level, true);
});

test("no access throws, deadlines do not pile up (seeded fuzz)", () => {
  const { clock, read, write } = setup();
  let seed = 99;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 4) % n;
  };
  const sizes = [1, 2, 4] as const;
  for (let i = 0; i < 5000; i++) {
    const offset = random(2) === 0 ? random(0x20) : random(0xffd);
    const size = sizes[random(3)];
    if (random(2) === 0) {
      write(offset, random(2) === 0 ? random(2 ** 28) : START + random(20), size);
    } else assert.ok(read(offset, size) < 2 ** (8 * size));
    clock.advance(random(4) * random(SECOND));
    assert.equal(read(MIS), read(RIS) & read(IMSC));
  }
  write(MR, read(DR) - 1);
  assert.equal(clock.nextDeadline(), Infinity);
});

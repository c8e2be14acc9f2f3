import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { Pl061 } from "./pl061.ts";
import { PushButton } from "./push_button.ts";

const DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414, MIS = 0x418;
const IC = 0x41c, AFSEL = 0x420;
/** DATA through all eight bits of the address mask. */
const DATA = 0x3fc;

function make() {
  const line = new LevelProbe();
  const gpio = new Pl061(line);
  const bus = new Bus();
  bus.register(gpio, 0, 0x1000);
  const value = { low: 0, high: 0 };
  const read = (offset: number, size: 1 | 2 | 4 = 4): number => {
    bus.read(offset, size, value);
    return value.low;
  };
  const write = (offset: number, value: number, size: 1 | 2 | 4 = 4): void =>
    void bus.write(offset, size, value);
  return { gpio, line, read, write };
}

test("reset values and identification", () => {
  const { read } = make();
  for (let offset = 0; offset <= AFSEL; offset += 4) assert.equal(read(offset), 0);
  const ids = [0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];
  assert.deepEqual(ids.map((_, n) => read(0xfe0 + 4 * n)), ids);
});

test("registers hold one bit per pin", () => {
  const { read, write } = make();
  for (const offset of [DIR, IS, IBE, IEV, IE, AFSEL]) {
    write(offset, 0xffffff5a);
    assert.equal(read(offset), 0x5a);
    assert.equal(read(offset, 1), 0x5a);
    write(offset, 0);
  }
  for (const offset of [RIS, MIS, 0xfe0]) {
    const before = read(offset);
    write(offset, 0xff);
    assert.equal(read(offset), before);
  }
});

test("the address says which bits of DATA an access is for", () => {
  const { gpio, read, write } = make();
  write(DIR, 0xf0);
  write(DATA, 0xff);
  assert.equal(read(DATA), 0xf0);
  write(0x30 << 2, 0x10);
  assert.equal(read(DATA), 0xd0);
  assert.equal(read(0x90 << 2), 0x90);
  assert.equal(read(0), 0);
  gpio.setInput(1, true);
  gpio.setInput(5, true);
  assert.equal(read(DATA), 0xd2);
  // What was written to a pin while it was an input is not there when it becomes an output.
  write(DIR, 0xff);
  assert.equal(read(DATA), 0xd0);
  write(DIR, 0);
  assert.equal(read(DATA), 0x22);
});

test("the host hears of outputs", () => {
  const { gpio, write } = make();
  const heard: number[][] = [];
  gpio.onOutput((levels, outputs) => heard.push([levels, outputs]));
  write(DIR, 0x0f);
  write(DATA, 0x55);
  write(DIR, 0x01);
  gpio.reset();
  assert.deepEqual(heard, [[0, 0x0f], [0x05, 0x0f], [0x01, 0x01], [0, 0]]);
});

test("edges: rising, falling or both are latched until IC, also while masked", () => {
  const cases = [
    { iev: 8, ibe: 0, up: 8, down: 0 },
    { iev: 0, ibe: 0, up: 0, down: 8 },
    { iev: 0, ibe: 8, up: 8, down: 8 },
  ];
  for (const { iev, ibe, up, down } of cases) {
    const { gpio, line, read, write } = make();
    write(IEV, iev);
    write(IBE, ibe);
    gpio.setInput(3, true);
    assert.equal(read(RIS), up);
    assert.equal(read(MIS), 0);
    assert.equal(line.level, false);
    write(IE, 8);
    assert.equal(line.level, up !== 0);
    write(IC, 0xf7);
    assert.equal(read(MIS), up);
    write(IC, 8);
    assert.equal(read(RIS), 0);
    assert.equal(line.level, false);
    gpio.setInput(3, true);
    assert.equal(read(RIS), 0);
    gpio.setInput(3, false);
    assert.equal(read(MIS), down);
    assert.equal(line.level, down !== 0);
  }
});

test("levels are live: IC does not clear them, the pin does", () => {
  const { gpio, line, read, write } = make();
  write(IS, 0x81);
  write(IEV, 0x80);
  write(IE, 0x80);
  assert.equal(read(RIS), 0x01);
  gpio.setInput(7, true);
  assert.equal(line.level, true);
  write(IC, 0xff);
  assert.equal(read(MIS), 0x80);
  gpio.setInput(7, false);
  assert.equal(line.level, false);
  assert.equal(read(RIS), 0x01);
});

test("an edge that was detected does not show while the pin waits for a level", () => {
  const { gpio, read, write } = make();
  write(IBE, 1);
  gpio.setInput(0, true);
  assert.equal(read(RIS), 1);
  write(IS, 1);
  assert.equal(read(RIS), 0);
  write(IS, 0);
  assert.equal(read(RIS), 1);
});

test("outputs interrupt nobody", () => {
  const { line, read, write } = make();
  write(IE, 0xff);
  write(IBE, 0xff);
  write(DIR, 0xff);
  write(DATA, 0xff);
  write(IS, 0x0f);
  write(IEV, 0xff);
  assert.equal(read(RIS), 0);
  assert.equal(line.level, false);
});

test("reset lowers the line and forgets edges", () => {
  const { gpio, line, read, write } = make();
  write(IE, 1);
  write(IEV, 1);
  gpio.setInput(0, true);
  assert.equal(line.level, true);
  gpio.reset();
  assert.equal(line.level, false);
  assert.equal(read(RIS), 0);
  assert.equal(read(DATA), 1);
});

test("a button is down for 100 ms; pressed again, longer", () => {
  const clock = new VirtualClock();
  const levels: boolean[] = [];
  const button = new PushButton((level) => levels.push(level), clock);
  button.press();
  clock.advance(60_000_000);
  button.press();
  clock.advance(99_999_999);
  assert.deepEqual(levels, [true, true]);
  assert.equal(button.pressed, true);
  clock.advance(1);
  assert.deepEqual(levels, [true, true, false]);
  assert.equal(button.pressed, false);
  button.press();
  button.reset();
  assert.deepEqual(levels.slice(3), [true, false]);
  assert.equal(clock.nextDeadline(), Infinity);
});

test("state and restore while a button is down and its interrupt pending", () => {
  const parts = () => {
    const clock = new VirtualClock();
    const made = make();
    const button = new PushButton((level) => made.gpio.setInput(3, level), clock);
    return { ...made, clock, button };
  };
  const first = parts();
  first.write(DIR, 0x40);
  first.write(DATA, 0x40);
  first.write(IBE, 8);
  first.write(IE, 8);
  first.button.press();
  first.clock.advance(30_000_000);
  const saved = structuredClone([first.gpio.state(), first.button.state()]);
  const second = parts();
  second.clock.advance(5);
  second.gpio.restore(saved[0]);
  second.button.restore(saved[1]);
  assert.deepEqual([second.gpio.state(), second.button.state()], saved);
  assert.equal(second.line.level, true);
  assert.equal(second.read(DATA), 0x48);
  second.write(IC, 8);
  second.clock.advance(69_999_999);
  assert.equal(second.read(RIS), 0);
  second.clock.advance(1);
  assert.equal(second.read(MIS), 8);
  assert.equal(second.read(DATA), 0x40);
  const record = saved[0] as { [key: string]: DeviceState };
  for (const bad of [null, {}, { ...record, dir: 256 }, { ...record, edges: -1 }]) {
    assert.throws(() => second.gpio.restore(bad as DeviceState), TypeError);
  }
  assert.throws(() => second.button.restore({ left: 1e9 }), TypeError);
});

test("fuzz: no access throws, the line is MIS", () => {
  const { gpio, line, read, write } = make();
  let seed = 77;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
  const sizes = [1, 2, 4] as const;
  for (let i = 0; i < 20_000; i++) {
    const offset = random(3) === 0 ? random(0x1000 - 3) : 0x400 + random(0x24);
    if (random(3) === 0) read(offset, sizes[random(3)]);
    else write(offset, random(2 ** 32), sizes[random(3)]);
    gpio.setInput(random(8), random(2) === 0);
    assert.equal(line.level, read(MIS) !== 0);
    assert.equal(read(MIS), read(RIS) & read(IE));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import type { DeviceState } from "../vbus/device.ts";
import { makeBoard, Offset } from "./testing/board.ts";
import { TimeStampCounters } from "./tsc.ts";

const { TIMER, INITIAL, CURRENT, DIVIDE } = Offset;
const PERIODIC = 0x20000, DEADLINE = 0x40000, MASKED = 0x10000;
const DEADLINE_MSR = 0x6e0;

test("one-shot: counts down by two, interrupts once", () => {
  const { clock, read, write, enable, take } = makeBoard();
  enable(0);
  write(0, TIMER, 0x40);
  write(0, INITIAL, 100);
  assert.equal(read(0, CURRENT), 100);
  clock.advance(50);
  assert.deepEqual([read(0, CURRENT), read(0, INITIAL)], [75, 100]);
  clock.advance(149);
  assert.deepEqual([read(0, CURRENT), take(0)], [1, []]);
  clock.advance(1);
  assert.deepEqual([read(0, CURRENT), take(0)], [0, [0x40]]);
  clock.advance(1e6);
  assert.deepEqual(take(0), []);
  assert.equal(clock.nextDeadline(), Infinity);
  write(0, INITIAL, 100);
  write(0, INITIAL, 0);
  clock.advance(1000);
  assert.deepEqual([read(0, CURRENT), take(0)], [0, []], "zero stops it");
});

test("the divide configuration, also while it counts", () => {
  const divisors: [number, number][] = [[0, 2], [1, 4], [2, 8], [3, 16], [8, 32], [9, 64]];
  divisors.push([10, 128], [11, 1]);
  for (const [code, divisor] of divisors) {
    for (const tick of [1, 10]) {
      const { clock, read, write, enable, take } = makeBoard(1, tick);
      enable(0);
      write(0, TIMER, 0x40);
      write(0, DIVIDE, code);
      assert.equal(read(0, DIVIDE), code);
      write(0, INITIAL, 10);
      clock.advance(10 * divisor * tick - 1);
      assert.deepEqual(take(0), []);
      clock.advance(1);
      assert.deepEqual(take(0), [0x40], `${divisor}`);
    }
  }
  const { clock, read, write, enable, take } = makeBoard();
  enable(0);
  write(0, TIMER, 0x40);
  write(0, INITIAL, 100);
  clock.advance(100);
  write(0, DIVIDE, 11);
  assert.equal(read(0, CURRENT), 50);
  clock.advance(49);
  assert.deepEqual(take(0), []);
  clock.advance(1);
  assert.deepEqual(take(0), [0x40]);
});

test("periodic: each period, without drift; a mode change goes on counting", () => {
  const { clock, read, write, enable, take } = makeBoard();
  enable(0);
  write(0, DIVIDE, 11);
  write(0, TIMER, PERIODIC | 0x40);
  write(0, INITIAL, 1000);
  for (let n = 1; n <= 5; n++) {
    clock.advance(n === 1 ? 999 : 989);
    assert.deepEqual(take(0), [], String(n));
    clock.advance(1);
    assert.equal(read(0, CURRENT), 1000);
    assert.deepEqual(take(0), [0x40]);
    clock.advance(10);
  }
  write(0, TIMER, 0x40);
  assert.equal(read(0, CURRENT), 990);
  clock.advance(990);
  assert.deepEqual(take(0), [0x40]);
  clock.advance(5000);
  assert.deepEqual(take(0), []);
});

test("a divisor that changes after some periods loses none", () => {
  const { clock, write, enable, take } = makeBoard();
  enable(0);
  write(0, DIVIDE, 11);
  write(0, TIMER, PERIODIC | 0x40);
  write(0, INITIAL, 1000);
  for (let n = 0; n < 5; n++) {
    clock.advance(1000);
    assert.deepEqual(take(0), [0x40]);
  }
  clock.advance(400);
  write(0, DIVIDE, 0);
  for (const time of [1200, 2000, 2000]) {
    clock.advance(time - 1);
    assert.deepEqual(take(0), []);
    clock.advance(1);
    assert.deepEqual(take(0), [0x40]);
  }
});

test("expirations that nobody can tell apart cost nothing", () => {
  const { clock, read, write, enable, take } = makeBoard();
  enable(0);
  write(0, DIVIDE, 11);
  write(0, TIMER, PERIODIC | 0x40);
  write(0, INITIAL, 1);
  clock.advance(1);
  assert.equal(clock.nextDeadline(), Infinity, "requested already");
  clock.advance(1e15);
  assert.equal(read(0, CURRENT), 1);
  assert.deepEqual(take(0), [0x40], "once, however many there were");
  assert.equal(clock.nextDeadline() - clock.now(), 1);
  write(0, TIMER, PERIODIC | MASKED | 0x40);
  assert.equal(clock.nextDeadline(), Infinity);
  clock.advance(100);
  write(0, INITIAL, 1000);
  clock.advance(5500);
  write(0, TIMER, PERIODIC | 0x40);
  assert.deepEqual(take(0), [], "what expired while masked is gone");
  clock.advance(500);
  assert.deepEqual(take(0), [0x40]);
  // An illegal vector is noted once.
  write(0, TIMER, PERIODIC | 5);
  write(0, INITIAL, 1);
  clock.advance(100);
  assert.equal(clock.nextDeadline(), Infinity);
  write(0, Offset.ESR, 0);
  assert.equal(read(0, Offset.ESR), 0x40);
});

test("TSC deadline: interrupts once when the counter gets there", () => {
  const { apics, clock, tsc, write, read, enable, take } = makeBoard();
  enable(1);
  apics.writeRegister(1, DEADLINE_MSR, 1000n);
  assert.equal(apics.readRegister(1, DEADLINE_MSR), 0n, "in another mode nothing is armed");
  write(1, TIMER, DEADLINE | 0x41);
  // The counter runs at 2 GHz.
  apics.writeRegister(1, DEADLINE_MSR, 1000n);
  assert.equal(apics.readRegister(1, DEADLINE_MSR), 1000n);
  write(1, INITIAL, 5);
  assert.deepEqual([read(1, CURRENT), read(1, INITIAL)], [0, 0]);
  clock.advance(499);
  assert.deepEqual(take(1), []);
  clock.advance(1);
  assert.equal(tsc.read(1), 1000n);
  assert.deepEqual([take(1), apics.readRegister(1, DEADLINE_MSR)], [[0x41], 0n]);
  assert.equal(clock.nextDeadline(), Infinity, "it wakes nobody any more");
  apics.writeRegister(1, DEADLINE_MSR, 1n);
  assert.deepEqual(take(1), [0x41], "the past is now");
  apics.writeRegister(1, DEADLINE_MSR, 5000n);
  apics.writeRegister(1, DEADLINE_MSR, 0n);
  assert.equal(clock.nextDeadline(), Infinity);
  apics.writeRegister(1, DEADLINE_MSR, 0xffffffff_ffffffffn);
  assert.equal(clock.nextDeadline(), Infinity);
  apics.writeRegister(1, DEADLINE_MSR, 5000n);
  write(1, TIMER, 0x41);
  write(1, TIMER, DEADLINE | 0x41);
  assert.equal(apics.readRegister(1, DEADLINE_MSR), 0n, "a change of mode disarms");
});

test("a changed counter moves its deadline", () => {
  const { apics, clock, tsc, write, enable, take } = makeBoard();
  enable(0);
  write(0, TIMER, DEADLINE | 0x41);
  apics.writeRegister(0, DEADLINE_MSR, 10_000n);
  assert.equal(clock.nextDeadline(), 5000);
  tsc.writeRegister(0, 0x10, 9_000n);
  assert.equal(clock.nextDeadline(), 500);
  tsc.writeRegister(0, 0x3b, 0n);
  assert.equal(clock.nextDeadline(), 5000);
  tsc.writeRegister(0, 0x3b, 10_000n);
  assert.deepEqual(take(0), [0x41]);
});

test("a deadline is restored with its counter, in either order", () => {
  for (const order of [0, 1]) {
    const first = makeBoard();
    first.enable(0);
    first.write(0, TIMER, DEADLINE | 0x41);
    first.clock.advance(1000);
    first.tsc.writeRegister(0, 0x10, 1n);
    first.apics.writeRegister(0, DEADLINE_MSR, 4001n);
    const second = makeBoard();
    second.clock.advance(777);
    const steps = [
      () => second.apics.restore(structuredClone(first.apics.state())),
      () => second.tsc.restore(structuredClone(first.tsc.state())),
    ];
    steps[order]();
    steps[1 - order]();
    assert.equal(second.tsc.read(0), 1n);
    second.clock.advance(1999);
    assert.deepEqual(second.take(0), []);
    second.clock.advance(1);
    assert.deepEqual(second.take(0), [0x41]);
  }
});

test("time stamp counters: frequency, adjustment, refused registers", () => {
  const clock = new VirtualClock();
  const tsc = new TimeStampCounters({ cpus: 2, clock, frequency: 2_400_000_001 });
  clock.advance(1e9);
  assert.equal(tsc.read(0), 2_400_000_001n);
  assert.equal(tsc.writeRegister(1, 0x10, 5n), true);
  assert.equal(tsc.readRegister(1, 0x10), 5n);
  assert.equal(tsc.readRegister(1, 0x3b), (1n << 64n) + 5n - 2_400_000_001n);
  assert.equal(tsc.writeRegister(1, 0x3b, 7n), true);
  assert.equal(tsc.read(1), 2_400_000_008n);
  assert.equal(tsc.read(0), 2_400_000_001n);
  for (const [vcpu, id] of [[2, 0x10], [-1, 0x3b], [0, 0x11]]) {
    assert.equal(tsc.readRegister(vcpu, id), undefined);
    assert.equal(tsc.writeRegister(vcpu, id, 0n), false);
  }
  // The time of a count is the first nanosecond at which it has been reached.
  const target = tsc.read(0) + 7n;
  const time = tsc.timeOf(0, target);
  clock.advance(time - 1 - clock.now());
  assert.ok(tsc.read(0) < target);
  clock.advance(1);
  assert.ok(tsc.read(0) >= target);
  tsc.reset();
  assert.equal(tsc.read(1), tsc.read(0));
  for (const frequency of [0, 0.5, 2 ** 41, NaN]) {
    assert.throws(() => new TimeStampCounters({ cpus: 1, clock, frequency }), RangeError);
  }
  const good = tsc.state() as { readonly [key: string]: DeviceState };
  const wrong = [null, {}, { ...good, adjust: ["0"] }, { ...good, adjust: ["x", "0"] }];
  for (const state of wrong) assert.throws(() => tsc.restore(state), TypeError);
  assert.deepEqual(tsc.state(), good);
});

import assert from "node:assert/strict";
import test from "node:test";
import { RealClock, VirtualClock } from "./clock.ts";
import { DeadlineQueue } from "./deadline_queue.ts";
import type { Timer } from "./platform.ts";

/** Small deterministic generator (xorshift32) of integers below `bound`. */
function generator(seed: number): (bound: number) => number {
  return (bound) => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % bound;
  };
}

test("deadlines run in order, equal ones in order of registration", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  for (const [deadline, name] of [[30, "c"], [10, "a1"], [20, "b"], [10, "a2"]] as const) {
    clock.at(deadline, () => ran.push(`${name}@${clock.now()}`));
  }
  assert.equal(clock.nextDeadline(), 10);
  clock.advance(9);
  assert.deepEqual(ran, []);
  clock.advance(11);
  assert.deepEqual(ran, ["a1@10", "a2@10", "b@20"]);
  clock.advance(100);
  assert.deepEqual(ran.slice(3), ["c@30"]);
  assert.equal(clock.now(), 120);
  assert.equal(clock.nextDeadline(), Infinity);
});

test("a periodic timer runs at each of its times within one advance", () => {
  const clock = new VirtualClock();
  const times: number[] = [];
  const tick = () => {
    times.push(clock.now());
    clock.at(clock.now() + 25, tick);
  };
  clock.at(25, tick);
  clock.advance(100);
  assert.deepEqual(times, [25, 50, 75, 100]);
});

test("a callback that arms itself for a time that has passed cannot hold the clock", () => {
  const clock = new VirtualClock();
  let count = 0;
  const again = () => {
    count++;
    clock.at(0, again);
  };
  clock.at(5, again);
  clock.advance(10);
  assert.deepEqual([count, clock.now(), clock.nextDeadline()], [1, 10, 0]);
  clock.runDue();
  assert.equal(count, 2);
});

test("a past deadline waits for the next round and sees the present", () => {
  const clock = new VirtualClock();
  clock.advance(50);
  const times: number[] = [];
  clock.at(7, () => times.push(clock.now()));
  assert.deepEqual(times, []);
  clock.advance(0);
  assert.deepEqual(times, [50]);
});

test("cancel: before, twice, after it ran, from another callback", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  const a = clock.at(1, () => ran.push("a"));
  const b: Timer = clock.at(2, () => {
    ran.push("b");
    b.cancel();
    d.cancel();
    clock.at(0, () => ran.push("held")).cancel();
  });
  clock.at(3, () => ran.push("c"));
  const d = clock.at(3, () => ran.push("d"));
  a.cancel();
  a.cancel();
  clock.advance(10);
  b.cancel();
  clock.advance(10);
  assert.deepEqual(ran, ["b", "c"]);
});

test("a callback that throws leaves the clock in order", () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.at(1, () => {
    clock.at(0, () => ran.push("held"));
    throw new Error("device fault");
  });
  clock.at(2, () => ran.push("next"));
  assert.throws(() => clock.advance(5), /device fault/);
  clock.advance(5);
  assert.deepEqual(ran, ["held", "next"]);
});

test("wrong times are refused", () => {
  const clock = new VirtualClock();
  for (const wrong of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => clock.advance(wrong), RangeError);
  }
  assert.throws(() => clock.at(NaN, () => {}), RangeError);
  clock.at(Infinity, () => assert.fail("never due"));
  clock.advance(2 ** 52);
});

test("virtual wall-clock time follows virtual time", () => {
  const clock = new VirtualClock(1_700_000_000);
  clock.advance(1_999_999_999);
  assert.equal(clock.wallSeconds(), 1_700_000_001);
});

test("the queue agrees with a sorted list over random adds and cancels", () => {
  const random = generator(1);
  const queue = new DeadlineQueue();
  let model: { deadline: number; order: number; timer: Timer }[] = [];
  const ran: number[] = [];
  for (let order = 0; order < 3000; order++) {
    const deadline = random(500);
    const timer = queue.add(deadline, -1, () => ran.push(order));
    model.push({ deadline, order, timer });
    if (random(3) === 0) model.splice(random(model.length), 1)[0].timer.cancel();
    if (random(50) === 0) {
      const limit = random(100);
      const due = model.filter((m) => m.deadline <= limit)
        .sort((a, b) => a.deadline - b.deadline || a.order - b.order);
      model = model.filter((m) => m.deadline > limit);
      ran.length = 0;
      queue.run((d) => d <= limit);
      assert.deepEqual(ran, due.map((m) => m.order));
    }
    assert.equal(queue.size, model.length);
    assert.equal(queue.next(), Math.min(Infinity, ...model.map((m) => m.deadline)));
  }
});

test("re-arming for ever does not grow the queue", () => {
  const clock = new VirtualClock();
  const queue = new DeadlineQueue();
  let timer = queue.add(1e9, 0, () => {});
  for (let i = 0; i < 10_000; i++) {
    timer.cancel();
    timer = queue.add(1e9 + i, clock.now(), () => {});
  }
  assert.equal(queue.size, 1);
});

/** A host whose time the test moves. */
class FakeHost {
  time: number = 1_000_000;
  monotonic(): number {
    return this.time;
  }
  wallSeconds(): number {
    return 1_600_000_000;
  }
}

test("real time starts at 0 and leaves out pauses", () => {
  const host = new FakeHost();
  const clock = new RealClock(host);
  assert.equal(clock.now(), 0);
  host.time += 500;
  clock.pause();
  host.time += 10_000;
  clock.pause();
  assert.equal(clock.now(), 500);
  clock.resume();
  clock.resume();
  host.time += 20;
  assert.equal(clock.now(), 520);
  assert.equal(clock.wallSeconds(), 1_600_000_000);
});

test("real deadlines run when they are served, not in a pause", () => {
  const host = new FakeHost();
  const clock = new RealClock(host);
  const ran: string[] = [];
  clock.at(100, () => ran.push("a"));
  clock.at(200, () => ran.push("b"));
  assert.equal(clock.nextDeadline(), 100);
  clock.runDue();
  host.time += 150;
  assert.deepEqual(ran, []);
  clock.pause();
  clock.runDue();
  assert.deepEqual(ran, []);
  clock.resume();
  clock.runDue();
  assert.deepEqual(ran, ["a"]);
  host.time += 50;
  clock.runDue();
  assert.deepEqual(ran, ["a", "b"]);
  assert.equal(clock.nextDeadline(), Infinity);
});

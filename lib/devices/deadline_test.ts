import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../platform/clock.ts";
import { Deadline } from "./deadline.ts";

test("one callback at the time that was set last", () => {
  const clock = new VirtualClock();
  const times: number[] = [];
  const deadline = new Deadline(clock, () => times.push(clock.now()));
  for (const time of [50, 10, 30, 30]) deadline.set(time);
  assert.equal(deadline.time, 30);
  clock.advance(100);
  assert.deepEqual(times, [30]);
  assert.equal(deadline.time, Infinity);
  deadline.set(200);
  deadline.cancel();
  deadline.cancel();
  assert.equal(clock.nextDeadline(), Infinity);
  deadline.set(2 ** 60);
  assert.deepEqual([deadline.time, clock.nextDeadline()], [Infinity, Infinity]);
});

test("the callback may set it again, to the same time too", () => {
  const clock = new VirtualClock();
  let calls = 0;
  const deadline: Deadline = new Deadline(clock, () => {
    if (++calls < 3) deadline.set(clock.now() + 10);
  });
  deadline.set(10);
  clock.advance(100);
  assert.equal(calls, 3);
});

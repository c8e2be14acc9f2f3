import assert from "node:assert/strict";
import { test } from "node:test";
import type { Timer } from "../platform/platform.ts";
import { RunLoop, type SliceRunner } from "./run_loop.ts";
import { RealSliceClock, type SliceClock, VirtualSliceClock } from "./slice_clock.ts";
import { Vcpus } from "./vcpus.ts";

/** A host whose time passes only when it is told to. */
class FakeHost {
  time = 0;
  yields = 0;
  readonly sleeps: number[] = [];
  /** Called when the loop has gone to sleep; may kick it. Else the sleep takes its time. */
  onSleep: ((milliseconds: number) => void) | undefined;

  monotonic(): number {
    return this.time;
  }

  wallSeconds(): number {
    return Math.floor(this.time / 1e9);
  }

  async yield(): Promise<void> {
    this.yields++;
    this.time += 50_000;
    await Promise.resolve();
  }

  after(milliseconds: number, callback: () => void): Timer {
    this.sleeps.push(milliseconds);
    let cancelled = false;
    queueMicrotask(() => {
      this.onSleep?.(milliseconds);
      if (cancelled) return;
      this.time += milliseconds * 1e6;
      callback();
    });
    return { cancel: () => cancelled = true };
  }
}

/** A guest program: what a vCPU does with its slice. */
type Program = (
  guest: FakeEngine,
  vcpu: number,
  budget: number,
) => { executed: number; reason: "budget" | "wait" | "yield" };

/** An engine that runs programs in TypeScript, one instruction per `tick`. */
class FakeEngine implements SliceRunner {
  instructions = 0;
  exitRequested = false;
  readonly irq: boolean[] = [];
  readonly log: string[] = [];
  readonly host: FakeHost;
  readonly program: Program;
  current = 0;

  constructor(host: FakeHost, program: Program) {
    this.host = host;
    this.program = program;
  }

  /** Executes up to `count` instructions; fewer if an exit is requested. One takes 1 ns. */
  tick(count: number): number {
    this.instructions += count;
    this.host.time += count;
    return count;
  }

  run(vcpu: number, instructions: number): ReturnType<Program> {
    this.exitRequested = false;
    return this.program(this, vcpu, instructions);
  }

  requestExit(): void {
    this.exitRequested = true;
  }
}

interface Fake {
  readonly host: FakeHost;
  readonly engine: FakeEngine;
  readonly clock: SliceClock;
  readonly vcpus: Vcpus;
  readonly loop: RunLoop;
}

function make(kind: "real" | "virtual", count: number, program: Program): Fake {
  const host = new FakeHost();
  const engine = new FakeEngine(host, program);
  const clock = kind === "real"
    ? new RealSliceClock(host, engine)
    : new VirtualSliceClock(engine, 1, 0);
  const vcpus: Vcpus = new Vcpus({
    count,
    affinity: (vcpu) => BigInt(vcpu),
    core: (vcpu) => ({
      start: (entry, context) => {
        engine.log.push(`start ${vcpu} ${entry} ${context}`);
      },
      wakes: () => engine.irq[vcpu] === true,
    }),
    select: (vcpu) => {
      engine.current = vcpu;
    },
    isMemory: () => true,
    requestExit: () => engine.requestExit(),
    stop: () => loop.stop(),
  });
  const loop: RunLoop = new RunLoop({ runner: engine, vcpus, clock, platform: host });
  vcpus.reset(0x1000n, 7n);
  return { host, engine, clock, vcpus, loop };
}

test("a vCPU starts at its entry with its context, others are off until they are turned on", async () => {
  const { engine, vcpus, loop } = make("virtual", 2, (guest, vcpu) => {
    guest.log.push(`run ${vcpu}`);
    if (vcpu === 0 && guest.log.length === 2) {
      vcpus.turnOn(1, 0x2000n, 9n);
      assert.equal(vcpus.powerState(1), "on-pending");
    }
    if (vcpu === 1) {
      assert.equal(vcpus.powerState(1), "on");
      vcpus.turnOff(1);
      vcpus.stop("power-off");
    }
    return { executed: guest.tick(10), reason: "yield" };
  });
  await loop.run();
  assert.deepEqual(engine.log, ["start 0 4096 7", "run 0", "start 1 8192 9", "run 1"]);
  assert.equal(vcpus.powerState(1), "off");
});

test("runnable vCPUs take turns, waiting ones are passed over until an interrupt", async () => {
  const order: number[] = [];
  const { vcpus, loop } = make("virtual", 3, (guest, vcpu) => {
    order.push(vcpu);
    if (order.length === 1) {
      vcpus.turnOn(1, 0n, 0n);
      vcpus.turnOn(2, 0n, 0n);
    }
    if (order.length === 6) guest.irq[1] = true;
    if (order.length === 9) loop.stop();
    return { executed: guest.tick(100), reason: vcpu === 1 && !guest.irq[1] ? "wait" : "budget" };
  });
  await loop.run();
  assert.deepEqual(order, [0, 1, 2, 0, 2, 0, 1, 2, 0]);
});

test("virtual time is instructions, also in the middle of a slice, and timers end slices", async () => {
  const seen: string[] = [];
  const { clock, loop } = make("virtual", 1, (guest, _vcpu, budget) => {
    if (seen.length === 0) {
      seen.push(`begin ${clock.now()}`);
      guest.tick(300);
      seen.push(`middle ${clock.now()}`);
      clock.at(1_000, () => {
        seen.push(`timer ${clock.now()}`);
      });
      assert.equal(guest.exitRequested, true);
      return { executed: 300, reason: "budget" };
    }
    if (seen.length === 2) {
      assert.equal(budget, 700);
      return { executed: guest.tick(705), reason: "budget" };
    }
    seen.push(`after ${clock.now()}`);
    loop.stop();
    return { executed: guest.tick(1), reason: "budget" };
  });
  await loop.run();
  assert.deepEqual(seen, ["begin 0", "middle 300", "timer 1000", "after 1005"]);
});

test("a deadline after the slice does not end it", async () => {
  const requests: boolean[] = [];
  const { clock, loop } = make("virtual", 1, (guest) => {
    clock.at(1e12, () => {});
    requests.push(guest.exitRequested);
    clock.at(1e3, () => {});
    requests.push(guest.exitRequested);
    loop.stop();
    return { executed: guest.tick(1), reason: "budget" };
  });
  await loop.run();
  assert.deepEqual(requests, [false, true]);
});

test("an idle guest in virtual time jumps to the next deadline without sleeping", async () => {
  const times: number[] = [];
  const { clock, host, loop } = make("virtual", 1, (guest) => {
    times.push(clock.now());
    guest.irq[0] = false;
    if (times.length === 4) loop.stop();
    clock.at(clock.now() + 1e9, () => {
      guest.irq[0] = true;
    });
    return { executed: guest.tick(5), reason: "wait" };
  });
  await loop.run();
  assert.deepEqual(times, [0, 1e9, 2e9, 3e9]);
  assert.deepEqual(host.sleeps, []);
});

test("an idle guest in real time sleeps until its deadline", async () => {
  let runs = 0;
  const { clock, host, loop } = make("real", 1, (guest) => {
    guest.irq[0] = false;
    runs++;
    if (runs === 3) loop.stop();
    clock.at(clock.now() + 250e6, () => {
      guest.irq[0] = true;
    });
    return { executed: guest.tick(5), reason: "wait" };
  });
  await loop.run();
  assert.deepEqual(host.sleeps, [250, 250]);
  assert.equal(loop.statistics.slices, 3);
});

test("a guest that waits for input alone is woken by a kick", async () => {
  let runs = 0;
  const { engine, host, loop } = make("real", 1, (guest) => {
    guest.irq[0] = false;
    runs++;
    if (runs === 2) loop.stop();
    return { executed: guest.tick(5), reason: "wait" };
  });
  host.onSleep = () => {
    engine.irq[0] = true;
    loop.kick();
  };
  await loop.run();
  assert.equal(runs, 2);
  assert.equal(host.sleeps.length, 1);
});

test("slices follow the measured speed, and the event loop gets its turns", async () => {
  const budgets: number[] = [];
  const { host, loop } = make("real", 1, (guest, _vcpu, budget) => {
    budgets.push(budget);
    if (budgets.length === 100) loop.stop();
    return { executed: guest.tick(budget), reason: "budget" };
  });
  await loop.run();
  // The fake executes one instruction per ns: a slice of 1 ms is a million.
  assert.ok(Math.abs(budgets[99] - 1e6) < 1e4, `last budget ${budgets[99]}`);
  const expected = host.time / 8e6;
  assert.ok(host.yields > expected * 0.7 && host.yields <= expected, `${host.yields} yields`);
});

test("pause: no guest code runs and time stands still", async () => {
  let runs = 0;
  const times: number[] = [];
  const { clock, host, loop } = make("real", 1, (guest) => {
    times.push(clock.now());
    runs++;
    if (runs === 1) loop.pause();
    if (runs === 2) loop.stop();
    return { executed: guest.tick(1000), reason: "budget" };
  });
  host.onSleep = () => {
    assert.equal(runs, 1);
    host.time += 5e9;
    loop.resume();
  };
  await loop.run();
  assert.equal(runs, 2);
  assert.ok(times[1] < 1e6, `${times[1]} ns`);
});

test("nothing runs while a promise is held, and stop ends that wait too", async () => {
  let release = (): void => {};
  let runs = 0;
  const { host, loop } = make("virtual", 1, (guest) => {
    runs++;
    if (runs === 1) loop.hold(new Promise<void>((resolve) => release = resolve));
    if (runs === 2) loop.hold(new Promise(() => {}));
    return { executed: guest.tick(10), reason: "budget" };
  });
  host.onSleep = () => {
    if (runs === 1) release();
    else loop.stop();
  };
  await loop.run();
  assert.equal(runs, 2);
});

test("a loop runs once at a time, can go on later, and passes errors of the engine on", async () => {
  let runs = 0;
  const { loop } = make("virtual", 1, (guest) => {
    runs++;
    if (runs === 1) loop.pause();
    if (runs === 2) loop.stop();
    if (runs === 3) throw new Error("engine");
    return { executed: guest.tick(1), reason: "budget" };
  });
  const first = loop.run();
  await assert.rejects(loop.run(), /already running/);
  loop.stop();
  await first;
  loop.resume();
  await loop.run();
  assert.equal(runs, 2);
  await assert.rejects(loop.run(), /engine/);
  assert.equal(loop.running, false);
});

test("two runs in virtual time are the same, whatever the host's time does", async () => {
  const record = async (jitter: number): Promise<string[]> => {
    const seen: string[] = [];
    const fake: Fake = make("virtual", 2, (guest, vcpu, budget) => {
      const { clock, vcpus, loop } = fake;
      seen.push(`${vcpu} ${clock.now()} ${budget}`);
      guest.host.time += jitter * seen.length * 1e5;
      if (seen.length === 1) vcpus.turnOn(1, 0n, 0n);
      if (seen.length === 60) loop.stop();
      guest.irq[vcpu] = false;
      clock.at(clock.now() + 1000 * (seen.length % 7), () => {
        guest.irq[vcpu] = true;
      });
      return {
        executed: guest.tick(Math.min(budget, 37 * seen.length)),
        reason: seen.length % 3 === 0 ? "wait" : "budget",
      };
    });
    await fake.loop.run();
    return seen;
  };
  assert.deepEqual(await record(1), await record(1000));
});

test("a suspended vCPU goes on at its entry after an interrupt", async () => {
  const { clock, engine, vcpus, loop } = make("virtual", 1, (guest, vcpu) => {
    guest.log.push(`run at ${clock.now()}`);
    if (guest.log.length === 2) {
      vcpus.suspend(vcpu, 0x3000n, 5n);
      clock.at(100, () => {
        guest.irq[0] = true;
      });
    } else {
      loop.stop();
    }
    return { executed: guest.tick(1), reason: "yield" };
  });
  await loop.run();
  assert.deepEqual(engine.log, ["start 0 4096 7", "run at 0", "start 0 12288 5", "run at 100"]);
});

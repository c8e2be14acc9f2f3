/**
 * Stress: vCPUs and others stop the world in every way, all at once. A seeded scheduler chooses who
 * goes on at each step, so that every run is the same and a deadlock is seen as such.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuModel } from "../cpu_model/cpu_model.ts";
import { VcpuRoundup } from "./vcpu_roundup.ts";

/** Lets asynchronous functions go on one at a time, in an order that depends on the seed only. */
class Scheduler {
  readonly #ready: (() => void)[] = [];
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** An integer in [0, limit). */
  random(limit: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#seed / 2 ** 32 * limit);
  }

  /** The others may go on first. */
  step(): Promise<void> {
    return new Promise((resolve) => this.#ready.push(resolve));
  }

  /** Runs until all tasks have ended. Throws if they wait for each other. */
  async run(tasks: readonly Promise<void>[]): Promise<void> {
    let ended = false;
    const all = Promise.all(tasks).finally(() => ended = true);
    all.catch(() => {});
    while (!ended) {
      for (let i = 0; i < 50 && this.#ready.length === 0; i++) await Promise.resolve();
      if (ended) break;
      if (this.#ready.length === 0) throw new Error("deadlock");
      const [next] = this.#ready.splice(this.random(this.#ready.length), 1);
      next();
      for (let i = 0; i < 20; i++) await Promise.resolve();
    }
    await all;
  }
}

/** A machine whose vCPUs count what progress they make. */
class World {
  readonly cpus: readonly CpuModel[];
  readonly roundup: VcpuRoundup;
  readonly progress: number[];
  readonly recalled: boolean[];
  readonly interrupts: boolean[];
  readonly scheduler: Scheduler;
  /** vCPUs that have the stopped world; -1 for somebody from outside. */
  readonly inside = new Set<number>();
  exclusive = false;
  outsiders = 0;
  mostInside = 0;
  roundups = 0;
  running: number;

  constructor(count: number, seed: number) {
    this.scheduler = new Scheduler(seed);
    this.progress = new Array<number>(count).fill(0);
    this.recalled = new Array<boolean>(count).fill(false);
    this.interrupts = new Array<boolean>(count).fill(false);
    this.running = count;
    this.cpus = this.progress.map((_, id) =>
      new CpuModel({ id, recall: () => this.recalled[id] = true })
    );
    this.roundup = new VcpuRoundup(this.cpus);
  }

  /** Has the stopped world for a while and sees that nobody else makes progress. */
  async stopped(kind: "exclusive" | "parallel", vcpu?: number): Promise<void> {
    const { scheduler } = this;
    const world = await this.roundup[kind](vcpu);
    this.roundups++;
    assert.equal(this.exclusive, false, "an exclusive roundup is for one");
    if (kind === "exclusive") {
      assert.equal(this.inside.size + this.outsiders, 0);
      this.exclusive = true;
    }
    if (vcpu === undefined) this.outsiders++;
    else this.inside.add(vcpu);
    this.mostInside = Math.max(this.mostInside, this.inside.size + this.outsiders);
    const before = [...this.progress];
    for (let i = scheduler.random(5); i >= 0; i--) await scheduler.step();
    assert.deepEqual(this.progress, before, "no progress in a stopped world");
    for (const { state } of this.cpus) assert.match(state, /_ROUNDEDUP$/);
    if (vcpu === undefined) this.outsiders--;
    else this.inside.delete(vcpu);
    if (kind === "exclusive") this.exclusive = false;
    await world.resume();
  }

  /** A vCPU: turns in which it counts, waits, or stops the world. */
  async vcpu(id: number, turns: number): Promise<void> {
    const { scheduler } = this;
    const cpu = this.cpus[id];
    for (let turn = 0; turn < turns; turn++) {
      await cpu.beginEmulation();
      this.recalled[id] = false;
      for (let i = scheduler.random(6); i >= 0 && !this.recalled[id]; i--) {
        this.progress[id]++;
        await scheduler.step();
      }
      const what = scheduler.random(10);
      if (what === 0) await this.stopped("exclusive", id);
      else if (what <= 2) await this.stopped("parallel", id);
      else if (what === 3) await cpu.waitForInterrupt(() => this.interrupts[id]);
      else if (what === 4) this.interrupt(scheduler.random(this.cpus.length));
      this.interrupts[id] = false;
      cpu.endEmulation();
      await scheduler.step();
    }
    this.running--;
  }

  interrupt(vcpu: number): void {
    this.interrupts[vcpu] = true;
    this.cpus[vcpu].notifyInterrupt();
  }

  /** Somebody from outside: roundups, pauses, and interrupts so that nobody waits for ever. */
  async host(): Promise<void> {
    const { scheduler } = this;
    while (this.running > 0) {
      const what = scheduler.random(6);
      const cpu = this.cpus[scheduler.random(this.cpus.length)];
      if (what === 0) await this.stopped("exclusive");
      else if (what === 1) await this.stopped("parallel");
      else if (what === 2) {
        const requestor = scheduler.random(2) === 0 ? "vmm" : "vmi";
        cpu.request("off", requestor, true);
        for (let i = scheduler.random(4); i >= 0; i--) await scheduler.step();
        cpu.request("off", requestor, false);
      }
      this.interrupt(cpu.id);
      await scheduler.step();
    }
  }
}

test("vCPUs and hosts stop the world in all ways at once: no progress, no deadlock", async () => {
  let roundups = 0;
  let mostInside = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const count = 1 + seed % 8;
    const world = new World(count, seed);
    await world.scheduler.run([
      ...world.cpus.map((cpu) => world.vcpu(cpu.id, 40)),
      world.host(),
      world.host(),
    ]);
    assert.equal(world.roundup.active, false);
    assert.ok(world.cpus.every(({ state }) => state === "ON"), `seed ${seed}`);
    roundups += world.roundups;
    mostInside = Math.max(mostInside, world.mostInside);
  }
  assert.ok(roundups > 2000, `${roundups} roundups`);
  assert.ok(mostInside >= 4, `${mostInside} at once in a stopped world`);
});

test("all vCPUs hit the same event at once: all inside one stopped world", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(8, seed);
    const tasks = world.cpus.map(async (cpu) => {
      await cpu.beginEmulation();
      await world.stopped("parallel", cpu.id);
      cpu.endEmulation();
    });
    await world.scheduler.run(tasks);
    assert.equal(world.roundups, 8);
    assert.equal(world.mostInside, 8);
  }
});

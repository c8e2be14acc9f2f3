import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuModel } from "../cpu_model/cpu_model.ts";
import { AsyncGate } from "../latch.ts";
import { VcpuRoundup } from "./vcpu_roundup.ts";

function make(count: number): { cpus: CpuModel[]; roundup: VcpuRoundup; recalled: number[] } {
  const recalled: number[] = [];
  const cpus = Array.from(
    { length: count },
    (_, id) => new CpuModel({ id, recall: () => recalled.push(id) }),
  );
  return { cpus, roundup: new VcpuRoundup(cpus), recalled };
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};
const states = (cpus: readonly CpuModel[]): string => cpus.map(({ state }) => state).join(" ");

test("from outside: OFF, ON and a long turn; stopped only when the turn has ended", async () => {
  const { cpus, roundup, recalled } = make(3);
  cpus[0].request("off", "vmm", true);
  cpus[1].tryBeginEmulation();
  cpus[1].endEmulation();
  cpus[2].tryBeginEmulation();
  recalled.length = 0;
  let stopped = false;
  const asked = roundup.exclusive().then((world) => {
    stopped = true;
    return world;
  });
  assert.equal(states(cpus), "OFF_ROUNDEDUP ON_ROUNDEDUP EMULATE_ROUNDEDUP", "marked at once");
  assert.deepEqual(recalled, [2]);
  await settle();
  assert.equal(stopped, false);
  assert.equal(cpus[1].tryBeginEmulation(), false);
  cpus[2].endEmulation();
  const world = await asked;
  assert.equal(cpus[2].tryBeginEmulation(), false);
  await world.resume();
  await world.resume();
  assert.equal(states(cpus), "OFF ON ON");
  assert.equal(cpus[2].tryBeginEmulation(), true);
});

test("a vCPU that is turned on in a stopped world begins when it goes on", async () => {
  const { cpus, roundup } = make(1);
  cpus[0].request("off", "vmm", true);
  assert.equal(cpus[0].tryBeginEmulation(), false);
  const world = await roundup.exclusive();
  let begun = false;
  const begin = cpus[0].beginEmulation().then(() => begun = true);
  cpus[0].reset({ entry: 1n, context: 2n });
  cpus[0].request("off", "vmm", false);
  await settle();
  assert.deepEqual([begun, cpus[0].state], [false, "ON_ROUNDEDUP"]);
  await world.resume();
  await begin;
  assert.deepEqual(cpus[0].takeReset(), { entry: 1n, context: 2n });
});

test("two vCPUs that ask at once get the world one after the other", async () => {
  const { cpus, roundup } = make(2);
  const order: string[] = [];
  for (const cpu of cpus) cpu.tryBeginEmulation();
  const act = async (id: number): Promise<void> => {
    const world = await roundup.exclusive(id);
    order.push(`in ${id}`);
    await settle();
    order.push(`out ${id}`);
    await world.resume();
    cpus[id].endEmulation();
  };
  await Promise.all([act(0), act(1)]);
  assert.deepEqual(order, ["in 0", "out 0", "in 1", "out 1"]);
  assert.equal(states(cpus), "ON ON");
  assert.equal(roundup.active, false);
});

test("a vCPU without a turn cannot ask, nor one that has asked already", async () => {
  const { cpus, roundup } = make(1);
  await assert.rejects(roundup.exclusive(0), /vCPU 0 cannot stop the world: it is OFF/);
  cpus[0].tryBeginEmulation();
  cpus[0].endEmulation();
  await assert.rejects(roundup.parallel(0), /vCPU 0 cannot stop the world: it is ON/);
  await assert.rejects(roundup.exclusive(7), /vCPU 7 cannot/);
  cpus[0].tryBeginEmulation();
  const world = await roundup.exclusive(0);
  await assert.rejects(roundup.parallel(0), /it has asked for it already/);
  await world.resume();
  assert.equal(states(cpus), "EMULATE");
});

test("parallel: all are in together, and go on together when the last resumes", async () => {
  const { cpus, roundup } = make(4);
  let inside = 0;
  let most = 0;
  let out = 0;
  for (const cpu of cpus.slice(0, 3)) cpu.tryBeginEmulation();
  const act = async (id: number | undefined): Promise<void> => {
    const world = await roundup.parallel(id);
    most = Math.max(most, ++inside);
    // Some leave earlier than others.
    for (let i = id ?? 3; i >= 0; i--) await settle();
    assert.equal(out, 0, "nobody goes on while somebody is inside");
    inside--;
    await world.resume();
    assert.equal(inside, 0);
    out++;
    if (id !== undefined) cpus[id].endEmulation();
  };
  await Promise.all([act(0), act(1), act(undefined), act(2)]);
  assert.equal(most, 4);
  assert.equal(out, 4);
  assert.equal(states(cpus), "ON ON ON OFF");
});

test("the gate may be opened by another than who came in, and not twice", () => {
  const gate = new AsyncGate();
  assert.equal(gate.enter(), undefined);
  gate.leave();
  assert.throws(() => gate.leave(), /nobody is inside/);
});

test("hooks: once when the world stops, once when it goes on", async () => {
  const cpus = [new CpuModel({ id: 0, recall: () => {} })];
  const log: string[] = [];
  const roundup = new VcpuRoundup(cpus, {
    onStop: () => log.push("stop"),
    onResume: () => log.push("resume"),
  });
  const [a, b] = await Promise.all([roundup.parallel(), roundup.parallel()]);
  void a.resume();
  assert.deepEqual(log, ["stop"]);
  await b.resume();
  assert.deepEqual(log, ["stop", "resume"]);
});

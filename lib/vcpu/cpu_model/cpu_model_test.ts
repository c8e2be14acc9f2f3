import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuModel } from "./cpu_model.ts";
import { CPU_STATES, CpuState, type CpuStateName } from "./cpu_state.ts";
import { CpuFeature } from "./features.ts";

type Transition = "toOn" | "toEmulating" | "toOff" | "roundUp" | "resume";

/** A state cell in a state. */
function inState(name: CpuStateName): CpuState {
  return new CpuState(Int32Array.of(CPU_STATES.indexOf(name)));
}

/** Where each transition leads, and what it returns; what is not listed throws. */
const TRANSITIONS: readonly (readonly [Transition, CpuStateName, CpuStateName, unknown])[] = [
  ["toOn", "OFF", "ON", false],
  ["toOn", "EMULATE", "ON", false],
  ["toOn", "OFF_ROUNDEDUP", "ON_ROUNDEDUP", false],
  ["toOn", "EMULATE_ROUNDEDUP", "ON_ROUNDEDUP", true],
  ["toEmulating", "ON", "EMULATE", true],
  ["toEmulating", "ON_ROUNDEDUP", "ON_ROUNDEDUP", false],
  ["toOff", "ON", "OFF", undefined],
  ["toOff", "ON_ROUNDEDUP", "OFF_ROUNDEDUP", undefined],
  ["roundUp", "OFF", "OFF_ROUNDEDUP", false],
  ["roundUp", "ON", "ON_ROUNDEDUP", false],
  ["roundUp", "EMULATE", "EMULATE_ROUNDEDUP", true],
  ["resume", "OFF_ROUNDEDUP", "OFF", undefined],
  ["resume", "ON_ROUNDEDUP", "ON", undefined],
  ["resume", "EMULATE_ROUNDEDUP", "EMULATE", undefined],
];

test("every transition of the state machine, and every one that there is not", () => {
  for (const name of ["toOn", "toEmulating", "toOff", "roundUp", "resume"] as const) {
    for (const from of CPU_STATES) {
      const state = inState(from);
      assert.equal(state.name, from);
      const known = TRANSITIONS.find(([transition, start]) =>
        transition === name && start === from
      );
      if (known === undefined) {
        assert.throws(() => state[name](), new RegExp(`a vCPU that is ${from} cannot be`));
        assert.equal(state.name, from);
      } else {
        assert.equal(state[name](), known[3], `${name} from ${from}`);
        assert.equal(state.name, known[2], `${name} from ${from}`);
      }
    }
  }
});

test("a state tells whether it has its turn and whether the world is stopped", () => {
  assert.deepEqual(CPU_STATES.map((name) => inState(name).emulating), [
    ...[false, false, true],
    ...[false, false, true],
  ]);
  assert.deepEqual(CPU_STATES.map((name) => inState(name).roundedUp), [
    ...[false, false, false],
    ...[true, true, true],
  ]);
});

test("a feature is what either requestor wants", () => {
  const feature = new CpuFeature();
  assert.equal(feature.enabled, false);
  feature.request("vmm", true);
  feature.request("vmi", true);
  feature.request("vmm", false);
  assert.deepEqual(
    [feature.enabled, feature.enabledBy("vmm"), feature.enabledBy("vmi")],
    [true, false, true],
  );
  feature.request("vmi", false);
  assert.equal(feature.enabled, false);
});

test("the mark is cleared before the value is read: a request in between is not lost", () => {
  const feature = new CpuFeature();
  assert.equal(feature.takeDirty(), false);
  feature.request("vmm", true);
  const dirty = feature.takeDirty();
  // Somebody asks between the two steps of the reader.
  feature.request("vmm", false);
  feature.request("vmi", true);
  const seen = [feature.enabledBy("vmm"), feature.enabledBy("vmi")];
  assert.deepEqual([dirty, seen], [true, [false, true]]);
  assert.equal(feature.takeDirty(), true, "the reader looks once more");
  assert.equal(feature.takeDirty(), false);
  feature.request("vmi", false);
  assert.equal(feature.takeDirty(), true, "the end of a request counts, too");
});

test("a pause by either requestor keeps the vCPU out until both have ended it", () => {
  const cpu = new CpuModel({ id: 0, recall: () => {} });
  for (const requestor of ["vmm", "vmi"] as const) cpu.request("off", requestor, true);
  for (const requestor of ["vmm", "vmi"] as const) {
    assert.equal(cpu.tryBeginEmulation(), false);
    assert.equal(cpu.state, "OFF");
    cpu.request("off", requestor, false);
  }
  assert.equal(cpu.tryBeginEmulation(), true);
  assert.equal(cpu.state, "EMULATE");
});

test("turned on by the guest: a debugger's pause does not count", () => {
  const cpu = new CpuModel({ id: 0, recall: () => {} });
  cpu.request("off", "vmi", true);
  assert.deepEqual([cpu.paused, cpu.turnedOn], [true, true]);
  cpu.request("off", "vmm", true);
  assert.equal(cpu.turnedOn, false);
});

test("a pause within a turn recalls the vCPU and has its effect at the next turn", async () => {
  let recalls = 0;
  const cpu = new CpuModel({ id: 0, recall: () => recalls++ });
  await cpu.beginEmulation();
  cpu.request("off", "vmi", true);
  assert.deepEqual([recalls, cpu.state], [1, "EMULATE"]);
  cpu.endEmulation();
  let begun = false;
  const begin = cpu.beginEmulation().then(() => begun = true);
  await Promise.resolve();
  assert.deepEqual([begun, cpu.state], [false, "OFF"]);
  cpu.request("off", "vmi", false);
  await begin;
  assert.equal(cpu.state, "EMULATE");
});

test("a reset is taken once, the last one counts", () => {
  let recalls = 0;
  const cpu = new CpuModel({ id: 0, recall: () => recalls++ });
  assert.equal(cpu.takeReset(), undefined);
  cpu.tryBeginEmulation();
  cpu.reset({ entry: 1n, context: 2n });
  cpu.reset({ entry: 3n, context: 4n });
  assert.deepEqual([cpu.resetPending, recalls], [true, 2]);
  assert.deepEqual(cpu.takeReset(), { entry: 3n, context: 4n });
  assert.deepEqual([cpu.takeReset(), cpu.resetPending], [undefined, false]);
});

/** Waits within a turn, and what it found; undefined while it waits. */
async function waiting(cpu: CpuModel, pending: () => boolean): Promise<{ found?: boolean }> {
  await cpu.beginEmulation();
  const result: { found?: boolean } = {};
  void cpu.waitForInterrupt(pending).then((found) => result.found = found);
  for (let i = 0; i < 5; i++) await Promise.resolve();
  assert.deepEqual(result, {}, "it waits");
  return result;
}
const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

test("a wait for an interrupt ends with one, and not with a false alarm", async () => {
  let pending = false;
  let recalls = 0;
  const cpu = new CpuModel({ id: 0, recall: () => recalls++ });
  const result = await waiting(cpu, () => pending);
  cpu.notifyInterrupt();
  await settle();
  assert.deepEqual(result, {});
  pending = true;
  cpu.notifyInterrupt();
  await settle();
  assert.deepEqual(result, { found: true });
  assert.equal(recalls, 2);
  cpu.endEmulation();
  cpu.notifyInterrupt();
  assert.equal(recalls, 2, "without a turn there is nothing to recall");
  assert.equal(await cpu.waitForInterrupt(() => true), true, "what is there needs no wait");
});

test("a wait ends when registers are wanted, for a pause, and when the world stops", async () => {
  for (
    const disturb of [
      (cpu: CpuModel) => cpu.request("dump", "vmi", true),
      (cpu: CpuModel) => cpu.request("off", "vmi", true),
      (cpu: CpuModel) => {
        assert.equal(cpu.roundUp(() => {}), true);
        cpu.recall();
      },
    ]
  ) {
    const cpu = new CpuModel({ id: 0, recall: () => {} });
    const result = await waiting(cpu, () => false);
    disturb(cpu);
    await settle();
    assert.deepEqual(result, { found: false });
  }
});

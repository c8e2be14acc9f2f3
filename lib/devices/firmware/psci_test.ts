import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { PsciFunction } from "./psci.ts";
import { makeFirmware as make } from "./testing/rig.ts";

const F = PsciFunction;
const ENTRY = 0x40080000n;
/** power_state: standby or power-down of the vCPU, or of its cluster. */
const STANDBY = 0n;
const DOWN = 0x10000n;
const CLUSTER_STANDBY = 0x1000000n;
const CLUSTER_DOWN = 0x1010000n;

test("versions and migration", () => {
  const { call } = make();
  assert.deepEqual(call(F.VERSION), [0x10001n]);
  assert.deepEqual(call(0x80000000), [0x10001n]);
  assert.deepEqual(call(F.MIGRATE_INFO_TYPE), [2n]);
});

test("FEATURES knows every function that is answered and nothing else", () => {
  const { call } = make({ random: () => {} });
  for (const id of [...Object.values(F), 0x80000000]) {
    const suspend = id === F.CPU_SUSPEND_32 || id === F.CPU_SUSPEND_64;
    assert.deepEqual(call(F.FEATURES, BigInt(id)), [suspend ? 1n : 0n], id.toString(16));
  }
  // MIGRATE, MIGRATE_INFO_UP_CPU, and ids that nobody defined.
  for (const low of [5, 7, 0x15, 0x16, 0x1f, 0xff]) {
    for (const id of [0x84000000 + low, 0xc4000000 + low]) {
      assert.deepEqual(call(F.FEATURES, BigInt(id)), [-1n], id.toString(16));
      assert.deepEqual(call(id), [-1n]);
    }
  }
  // Functions without an address or target exist with 32-bit arguments only.
  for (const low of [0, 2, 6, 8, 9, 0xa, 0xb, 0xf, 0x13]) {
    assert.deepEqual(call(0xc4000000 + low), [-1n]);
  }
  // Those of other services are not PSCI's, but for SMCCC_VERSION.
  for (const id of [0x80000001, 0x84000050]) assert.deepEqual(call(F.FEATURES, BigInt(id)), [-1n]);
  // The upper half of X1 belongs to no 32-bit call.
  assert.deepEqual(call(F.FEATURES, 0xdeadbeef84000000n), [0n]);
});

test("CPU_ON: unknown -2, on -4, pending -5, not RAM -9, success 0", () => {
  const { call, states, log } = make();
  assert.deepEqual(call(F.CPU_ON_64, 4n, ENTRY, 7n), [-2n]);
  assert.deepEqual(call(F.CPU_ON_64, 0n, ENTRY, 7n), [-4n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, 0x1000n, 7n), [-9n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, ENTRY + 2n, 7n), [-9n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, ENTRY, 0xfedcba9876543210n), [0n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, ENTRY, 7n), [-5n]);
  states[1] = "on";
  assert.deepEqual(call(F.CPU_ON_64, 1n, ENTRY, 7n), [-4n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n << 32n, ENTRY, 1n), [0n]);
  assert.deepEqual(log, [["on", 1, ENTRY, 0xfedcba9876543210n], ["on", 3, ENTRY, 1n]]);
});

test("CPU_ON with 32-bit arguments ignores the upper halves", () => {
  const { call, log } = make();
  const high = 0xabcdn << 32n;
  assert.deepEqual(call(F.CPU_ON_32, high | 0x100n, high | 0x40000000n, high | 5n), [0n]);
  assert.deepEqual(log, [["on", 2, 0x40000000n, 5n]]);
});

test("AFFINITY_INFO for every id and level", () => {
  const { call, states } = make();
  states[2] = "on-pending";
  const info = (affinity: bigint, level = 0n): bigint =>
    call(F.AFFINITY_INFO_64, affinity, level)[0];
  assert.deepEqual([0n, 1n, 0x100n, 1n << 32n].map((a) => info(a)), [0n, 1n, 2n, 1n]);
  for (const affinity of [2n, 3n, 4n, 0x101n, 1n << 33n]) assert.equal(info(affinity), -2n);
  assert.deepEqual(call(F.AFFINITY_INFO_32, (9n << 32n) | 1n, 0n), [1n]);
  // Affinities below the level do not count.
  assert.deepEqual([0n, 1n, 0xffn, 0x100n, 0x1ffn].map((a) => info(a, 1n)), [0n, 0n, 0n, 2n, 2n]);
  assert.deepEqual([0xffffn, 1n << 32n, 0x10000n].map((a) => info(a, 2n)), [0n, 1n, -2n]);
  assert.deepEqual([0n, 1n << 32n, 2n << 32n].map((a) => info(a, 3n)), [0n, 1n, -2n]);
  assert.equal(info(0n, 4n), -2n);
  assert.deepEqual(call(F.AFFINITY_INFO_32, 0n, 0xf00000000n), [0n]);
});

test("CPU_OFF and CPU_FREEZE do not return; the last vCPU may go", () => {
  for (const id of [F.CPU_OFF, F.CPU_FREEZE]) {
    const { call, log } = make();
    assert.deepEqual(call(id), []);
    assert.deepEqual(log, [["off", 0]]);
    assert.deepEqual(call(F.AFFINITY_INFO_64, 0n, 0n), [1n]);
  }
});

test("CPU_SUSPEND: standby returns, power-down resumes at its entry", () => {
  const { call, log, firmware } = make();
  const { psci } = firmware;
  assert.deepEqual(call(F.CPU_SUSPEND_64, STANDBY, 0n, 0n), [0n]);
  assert.equal(psci.asleep(0), true);
  psci.resumed(0);
  assert.equal(psci.asleep(0), false);
  assert.deepEqual(call(F.CPU_SUSPEND_64, DOWN, 0x40001000n, 9n), []);
  psci.resumed(0);
  assert.deepEqual(call(F.CPU_SUSPEND_64, DOWN, 0n, 9n), [-9n]);
  assert.deepEqual(call(F.CPU_SUSPEND_64, DOWN, 0x40001002n, 9n), [-9n]);
  for (const reserved of [0x20000n, 0x800000n, 0x2000000n, 0x3000000n, 0x4000000n, 0x80000000n]) {
    assert.deepEqual(call(F.CPU_SUSPEND_32, reserved), [-2n]);
  }
  assert.equal(psci.asleep(0), false);
  assert.deepEqual(log, [["suspend", 0, undefined, undefined], ["suspend", 0, 0x40001000n, 9n]]);
});

test("CPU_DEFAULT_SUSPEND is a power-down", () => {
  const { call, log } = make();
  assert.deepEqual(call(F.CPU_DEFAULT_SUSPEND_64, 8n, 1n), [-9n]);
  assert.deepEqual(call(F.CPU_DEFAULT_SUSPEND_64, ENTRY, 1n << 40n), []);
  assert.deepEqual(call(F.CPU_DEFAULT_SUSPEND_32, (1n << 32n) | ENTRY, (1n << 40n) | 5n), []);
  assert.deepEqual(log, [["suspend", 0, ENTRY, 1n << 40n], ["suspend", 0, ENTRY, 5n]]);
});

test("SYSTEM_SUSPEND is denied while another vCPU is not off", () => {
  const { call, states, log } = make();
  for (const state of ["on", "on-pending"] as const) {
    states[3] = state;
    assert.deepEqual(call(F.SYSTEM_SUSPEND_64, ENTRY, 1n), [-3n]);
  }
  states[3] = "off";
  assert.deepEqual(call(F.SYSTEM_SUSPEND_64, 0x30000000n, 1n), [-9n]);
  assert.deepEqual(log, []);
  assert.deepEqual(call(F.SYSTEM_SUSPEND_64, ENTRY, 1n), []);
  assert.deepEqual(log, [["suspend", 0, ENTRY, 1n]]);
});

test("STAT_COUNT and STAT_RESIDENCY tell how often and how many microseconds", () => {
  const { call, firmware, time } = make();
  const { psci } = firmware;
  const use = (target: bigint, state: bigint): bigint[] => [
    ...call(F.STAT_COUNT_64, target, state),
    ...call(F.STAT_RESIDENCY_64, target, state),
  ];
  for (let i = 0; i < 3; i++) {
    call(F.CPU_SUSPEND_64, STANDBY);
    time.now += 2500;
    psci.resumed(0);
    time.now += 1_000_000;
    psci.resumed(0);
  }
  assert.deepEqual(use(0n, STANDBY), [3n, 7n]);
  call(F.CPU_SUSPEND_64, DOWN, ENTRY);
  time.now += 10_000;
  // While it lasts, too.
  assert.deepEqual(use(0n, DOWN), [1n, 10n]);
  // StateID says nothing.
  assert.deepEqual(use(0n, DOWN | 0x1234n), [1n, 10n]);
  psci.resumed(0);
  assert.deepEqual(use(0n, CLUSTER_DOWN), [0n, 0n]);
  // The only vCPU of its cluster that is on takes the cluster with it.
  call(F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY);
  time.now += 4000;
  psci.resumed(0);
  assert.deepEqual(use(0n, CLUSTER_DOWN), [1n, 4n]);
  assert.deepEqual(use(1n, CLUSTER_DOWN), [1n, 4n]);
  assert.deepEqual(use(0n, DOWN), [2n, 14n]);
  assert.deepEqual(use(1n, DOWN), [0n, 0n]);
  assert.deepEqual(use(0x100n, CLUSTER_DOWN), [0n, 0n]);
  // A vCPU or state that does not exist.
  assert.deepEqual(use(7n, DOWN), [0n, 0n]);
  assert.deepEqual(use(0n, 0x80000000n), [0n, 0n]);
  psci.reset();
  assert.deepEqual(use(0n, DOWN), [0n, 0n]);
});

test("platform-coordinated: a cluster sleeps when all of it asked, as deep as the shallowest", () => {
  const { call, callAs, firmware, states } = make();
  const counts = (): bigint[] =>
    [CLUSTER_STANDBY, CLUSTER_DOWN].map((state) => call(F.STAT_COUNT_64, 0n, state)[0]);
  states[1] = "on";
  callAs(1, F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY);
  assert.deepEqual(counts(), [0n, 0n]);
  callAs(0, F.CPU_SUSPEND_64, CLUSTER_STANDBY);
  assert.deepEqual(counts(), [1n, 0n]);
  firmware.psci.resumed(0);
  callAs(0, F.CPU_SUSPEND_64, DOWN, ENTRY);
  assert.deepEqual(counts(), [1n, 0n]);
  firmware.psci.resumed(0);
  callAs(0, F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY);
  assert.deepEqual(counts(), [1n, 1n]);
});

test("OS-initiated: the last vCPU of a cluster decides, any other is denied", () => {
  const { call, callAs, firmware, states } = make();
  states[1] = "on";
  // Neither are all vCPUs on nor is this the last one.
  assert.deepEqual(call(F.SET_SUSPEND_MODE, 1n), [-3n]);
  assert.deepEqual(call(F.SET_SUSPEND_MODE, 0n), [0n]);
  assert.deepEqual(call(F.SET_SUSPEND_MODE, 2n), [-2n]);
  states[2] = states[3] = "on";
  assert.deepEqual(call(F.SET_SUSPEND_MODE, 1n), [0n]);
  assert.deepEqual(call(F.SET_SUSPEND_MODE, 0n), [-3n]);
  assert.deepEqual(callAs(1, F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY), [-3n]);
  assert.deepEqual(callAs(1, F.CPU_SUSPEND_64, STANDBY), [0n]);
  // A vCPU in standby does not let its cluster power down.
  assert.deepEqual(callAs(0, F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY), [-3n]);
  firmware.psci.resumed(1);
  assert.deepEqual(callAs(1, F.CPU_SUSPEND_64, DOWN, ENTRY), []);
  assert.deepEqual(callAs(0, F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY), []);
  assert.deepEqual(callAs(2, F.STAT_COUNT_64, 1n, CLUSTER_DOWN), [1n]);
  // Back to platform-coordinated: by the last one that is awake.
  assert.deepEqual(callAs(2, F.SET_SUSPEND_MODE, 0n), [-3n]);
  states[3] = "off";
  assert.deepEqual(callAs(2, F.SET_SUSPEND_MODE, 0n), [0n]);
  // A reset goes back to platform-coordinated, too.
  assert.deepEqual(callAs(2, F.SET_SUSPEND_MODE, 1n), [0n]);
  firmware.reset();
  states.fill("on");
  assert.deepEqual(call(F.SET_SUSPEND_MODE, 0n), [0n]);
});

test("NODE_HW_STATE: on, off, standby, of vCPUs and clusters", () => {
  const { callAs, states } = make();
  const state = (target: bigint, level = 0n): bigint =>
    callAs(3, F.NODE_HW_STATE_64, target, level)[0];
  states[3] = states[1] = "on";
  assert.deepEqual([0n, 1n, 0x100n].map((target) => state(target)), [0n, 0n, 1n]);
  assert.deepEqual([0n, 0x100n].map((target) => state(target, 1n)), [0n, 1n]);
  callAs(0, F.CPU_SUSPEND_64, STANDBY);
  assert.deepEqual([0n, 1n].map((target) => state(target, 1n)), [0n, 0n]);
  callAs(1, F.CPU_SUSPEND_64, DOWN, ENTRY);
  assert.deepEqual([0n, 1n].map((target) => state(target)), [2n, 1n]);
  assert.deepEqual([0n, 1n].map((target) => state(target, 1n)), [2n, 2n]);
  states[0] = "off";
  assert.equal(state(1n, 1n), 1n);
  assert.equal(state(5n), -2n);
  assert.equal(state(0n, 2n), -2n);
});

test("MEM_PROTECT gives what was before, and a cold reset must then overwrite RAM", () => {
  const { call, firmware } = make();
  assert.equal(firmware.reset(), false);
  assert.deepEqual(call(F.MEM_PROTECT, 1n), [0n]);
  assert.deepEqual(call(F.MEM_PROTECT, 1n), [1n]);
  assert.equal(firmware.reset(), true);
  call(F.SYSTEM_RESET2_64, 0n);
  assert.equal(firmware.reset(), false);
  assert.equal(firmware.reset(), true);
  call(F.SYSTEM_RESET2_64, 0x80000000n);
  assert.equal(firmware.reset(), true);
  call(F.SYSTEM_RESET);
  assert.equal(firmware.reset(), true);
  assert.deepEqual(call(F.MEM_PROTECT, 0n), [1n]);
  assert.equal(firmware.reset(), false);
});

test("MEM_PROTECT_CHECK_RANGE: RAM and nothing else", () => {
  const { call } = make();
  const check = (base: bigint, length: bigint): bigint =>
    call(F.MEM_PROTECT_CHECK_RANGE_64, base, length)[0];
  assert.equal(check(0x40000000n, 0x8000000n), 0n);
  assert.equal(check(0x47ffffffn, 1n), 0n);
  assert.equal(check(0x40000000n, 0x8000001n), -3n);
  assert.equal(check(0x3fffffffn, 2n), -3n);
  assert.equal(check(0x40000000n, 0n), -3n);
  assert.equal(check(0x40000000n, (1n << 64n) - 1n), -3n);
  assert.deepEqual(call(F.MEM_PROTECT_CHECK_RANGE_32, 0x140000000n, 0x100000010n), [0n]);
});

test("SYSTEM_RESET2: warm and vendor types, no others", () => {
  const { call, log } = make();
  for (const type of [0n, 0x80000000n, 0xffffffffn, 0x100000000n]) {
    assert.deepEqual(call(F.SYSTEM_RESET2_64, type), []);
  }
  assert.equal(log.length, 4);
  for (const type of [1n, 0x7fffffffn]) assert.deepEqual(call(F.SYSTEM_RESET2_32, type), [-2n]);
  assert.equal(log.length, 4);
});

test("calls that do not return leave the registers alone", () => {
  const { call, log } = make();
  for (const id of [F.SYSTEM_OFF, F.SYSTEM_RESET, F.SYSTEM_RESET2_64]) {
    assert.deepEqual(call(id, 0n, 0n), []);
  }
  assert.deepEqual(log, [["stop", "power-off"], ["stop", "reset"], ["stop", "reset"]]);
});

test("state and restore with vCPUs asleep, in any clock", () => {
  const first = make();
  first.states.fill("on");
  first.call(F.SET_SUSPEND_MODE, 1n);
  first.call(F.MEM_PROTECT, 1n);
  first.callAs(1, F.CPU_SUSPEND_64, DOWN, ENTRY);
  first.time.now = 5000;
  first.callAs(0, F.CPU_SUSPEND_64, CLUSTER_DOWN, ENTRY);
  first.time.now = 9000;
  const saved = structuredClone(first.firmware.state());
  const second = make();
  second.states.fill("on");
  second.time.now = 1_000_000;
  second.firmware.restore(saved);
  assert.deepEqual(second.firmware.state(), saved);
  second.time.now += 1000;
  assert.deepEqual(second.callAs(2, F.STAT_RESIDENCY_64, 1n, DOWN), [10n]);
  assert.deepEqual(second.callAs(2, F.STAT_RESIDENCY_64, 0n, CLUSTER_DOWN), [5n]);
  const asleep = (): boolean[] => [0, 1, 2].map((vcpu) => second.firmware.psci.asleep(vcpu));
  assert.deepEqual(asleep(), [true, true, false]);
  assert.deepEqual(second.callAs(2, F.SET_SUSPEND_MODE, 0n), [-3n]);
  const { psci } = saved as { psci: { [key: string]: DeviceState } };
  const power = psci.power as { [key: string]: DeviceState };
  const refused: DeviceState[] = [
    null,
    {},
    { psci: {} },
    { psci: { ...psci, warm: 1 } },
    { psci: { ...psci, power: { ...power, cores: [] } } },
    { psci: { ...psci, power: { ...power, asked: [4, -1, -1, -1] } } },
    { psci: { ...psci, power: { ...power, clusters: [[1, 2]] } } },
  ];
  for (const bad of refused) assert.throws(() => second.firmware.restore(bad), TypeError);
  assert.deepEqual(asleep(), [true, true, false]);
});

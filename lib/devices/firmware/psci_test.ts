import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lifecycle, PowerState } from "../../vcpu/lifecycle/lifecycle.ts";
import { Psci, PsciFunction } from "./psci.ts";

/** Four vCPUs of which only the first is on; affinities 0, 1, 0x100, Aff3 = 1. */
function make(random?: (into: Uint8Array) => void) {
  const affinities = [0n, 1n, 0x100n, 1n << 32n];
  const states: PowerState[] = ["on", "off", "off", "off"];
  const log: unknown[] = [];
  const lifecycle: Lifecycle = {
    cpuCount: 4,
    affinity: (vcpu) => affinities[vcpu],
    powerState: (vcpu) => states[vcpu],
    turnOn: (vcpu, entry, context) => {
      states[vcpu] = "on-pending";
      log.push(["on", vcpu, entry, context]);
    },
    turnOff: (vcpu) => log.push(["off", vcpu]),
    suspend: (vcpu, entry, context) => log.push(["suspend", vcpu, entry, context]),
    isMemory: (address) => address >= 0x40000000n && address < 0x48000000n,
    stop: (reason) => log.push(["stop", reason]),
  };
  const psci = new Psci(lifecycle, { random });
  const call = (id: number, ...args: bigint[]): readonly bigint[] =>
    psci.call(0, [BigInt(id), ...args]);
  return { call, states, log, psci };
}

const F = PsciFunction;

test("versions and migration", () => {
  const { call } = make();
  assert.deepEqual(call(F.VERSION), [0x10001n]);
  assert.deepEqual(call(0x80000000), [0x10001n]);
  assert.deepEqual(call(F.MIGRATE_INFO_TYPE), [2n]);
});

test("FEATURES knows every function that is answered and nothing else", () => {
  const { call } = make();
  for (const id of [...Object.values(F), 0x80000000]) {
    assert.deepEqual(call(F.FEATURES, BigInt(id)), [0n], id.toString(16));
  }
  // MIGRATE, MIGRATE_INFO_UP_CPU, CPU_FREEZE, CPU_DEFAULT_SUSPEND, NODE_HW_STATE, SET_SUSPEND_MODE,
  // STAT_RESIDENCY, MEM_PROTECT, and ids that nobody defined.
  for (const low of [5, 7, 0xb, 0xc, 0xd, 0xf, 0x10, 0x13, 0x1f, 0xff]) {
    const id = 0x84000000 + low;
    assert.deepEqual(call(F.FEATURES, BigInt(id)), [-1n], id.toString(16));
    assert.deepEqual(call(id), [-1n]);
  }
  // The upper half of X1 belongs to no 32-bit call.
  assert.deepEqual(call(F.FEATURES, 0xdeadbeef84000000n), [0n]);
  assert.deepEqual(call(0xc4000000), [-1n]);
});

test("the function id is the low half of X0", () => {
  const { psci } = make();
  assert.deepEqual(psci.call(0, [0xffffffff84000000n]), [0x10001n]);
  assert.deepEqual(psci.call(0, []), [-1n]);
  assert.equal(psci.statistics.unknown, 1);
});

test("CPU_ON: unknown -2, on -4, pending -5, not RAM -9, success 0", () => {
  const { call, states, log } = make();
  const entry = 0x40080000n;
  assert.deepEqual(call(F.CPU_ON_64, 4n, entry, 7n), [-2n]);
  assert.deepEqual(call(F.CPU_ON_64, 0n, entry, 7n), [-4n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, 0x1000n, 7n), [-9n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, entry + 2n, 7n), [-9n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, entry, 0xfedcba9876543210n), [0n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n, entry, 7n), [-5n]);
  states[1] = "on";
  assert.deepEqual(call(F.CPU_ON_64, 1n, entry, 7n), [-4n]);
  assert.deepEqual(call(F.CPU_ON_64, 1n << 32n, entry, 1n), [0n]);
  assert.deepEqual(log, [["on", 1, entry, 0xfedcba9876543210n], ["on", 3, entry, 1n]]);
});

test("CPU_ON with 32-bit arguments ignores the upper halves", () => {
  const { call, log } = make();
  const high = 0xabcdn << 32n;
  assert.deepEqual(call(F.CPU_ON_32, high | 0x100n, high | 0x40000000n, high | 5n), [0n]);
  assert.deepEqual(log, [["on", 2, 0x40000000n, 5n]]);
});

test("AFFINITY_INFO for every id", () => {
  const { call, states } = make();
  states[2] = "on-pending";
  const info = (affinity: bigint, level = 0n): bigint =>
    call(F.AFFINITY_INFO_64, affinity, level)[0];
  assert.deepEqual([0n, 1n, 0x100n, 1n << 32n].map((a) => info(a)), [0n, 1n, 2n, 1n]);
  for (const affinity of [2n, 3n, 4n, 0x101n, 1n << 33n]) assert.equal(info(affinity), -2n);
  assert.equal(info(0n, 1n), -2n);
  assert.deepEqual(call(F.AFFINITY_INFO_32, (9n << 32n) | 1n, 0n), [1n]);
});

test("CPU_SUSPEND: standby returns, power-down resumes at its entry", () => {
  const { call, log } = make();
  assert.deepEqual(call(F.CPU_SUSPEND_64, 0n, 0n, 0n), [0n]);
  assert.deepEqual(call(F.CPU_SUSPEND_64, 0x10000n, 0x40001000n, 9n), []);
  assert.deepEqual(call(F.CPU_SUSPEND_64, 0x10000n, 0n, 9n), [-9n]);
  for (const reserved of [0x20000n, 0x1000000n, 0x80000000n]) {
    assert.deepEqual(call(F.CPU_SUSPEND_32, reserved), [-2n]);
  }
  assert.deepEqual(log, [["suspend", 0, undefined, undefined], ["suspend", 0, 0x40001000n, 9n]]);
});

test("SYSTEM_SUSPEND is denied while another vCPU is not off", () => {
  const { call, states, log } = make();
  for (const state of ["on", "on-pending"] as const) {
    states[3] = state;
    assert.deepEqual(call(F.SYSTEM_SUSPEND_64, 0x40000000n, 1n), [-3n]);
  }
  states[3] = "off";
  assert.deepEqual(call(F.SYSTEM_SUSPEND_64, 0x30000000n, 1n), [-9n]);
  assert.deepEqual(log, []);
  assert.deepEqual(call(F.SYSTEM_SUSPEND_64, 0x40000000n, 1n), []);
  assert.deepEqual(log, [["suspend", 0, 0x40000000n, 1n]]);
});

test("calls that do not return leave the registers alone", () => {
  const { call, log } = make();
  for (const id of [F.CPU_OFF, F.SYSTEM_OFF, F.SYSTEM_RESET, F.SYSTEM_RESET2_64]) {
    assert.deepEqual(call(id, 0n, 0n), []);
  }
  assert.deepEqual(log, [["off", 0], ["stop", "power-off"], ["stop", "reset"], ["stop", "reset"]]);
  assert.deepEqual(call(F.SYSTEM_RESET2_64, 0x80000001n), [-2n]);
  assert.equal(log.length, 4);
});

test("SMCCC_ARCH_FEATURES: no workaround is needed", () => {
  const { call } = make();
  const features = (id: number): bigint => call(0x80000001, BigInt(id))[0];
  assert.equal(features(0x80000000), 0n);
  assert.equal(features(0x80000001), 0n);
  assert.equal(features(0x80008000), 1n);
  assert.equal(features(0x80003fff), 1n);
  assert.equal(features(0x80007fff), -2n);
  assert.equal(features(0xc5000020), -1n);
  assert.equal(features(0x84000053), -1n);
});

test("TRNG: right-justified entropy of the size asked for", () => {
  const { call } = make((into) => into.fill(0xff));
  assert.deepEqual(call(0x84000050), [0x10000n]);
  assert.deepEqual(call(0x84000051, 0xc4000053n), [0n]);
  assert.deepEqual(call(0x84000051, 0xc4000054n), [-1n]);
  assert.equal(call(0x84000052).length, 4);
  const ones64 = (1n << 64n) - 1n;
  assert.deepEqual(call(0xc4000053, 192n), [0n, ones64, ones64, ones64]);
  assert.deepEqual(call(0xc4000053, 65n), [0n, 0n, 1n, ones64]);
  assert.deepEqual(call(0x84000053, 96n), [0n, 0xffffffffn, 0xffffffffn, 0xffffffffn]);
  assert.deepEqual(call(0x84000053, 33n), [0n, 0n, 1n, 0xffffffffn]);
  for (const [id, bits] of [[0xc4000053, 193n], [0x84000053, 97n], [0xc4000053, 0n]] as const) {
    assert.equal(call(id, bits)[0], -2n);
  }
  assert.equal(make().call(0xc4000053, 64n)[0], -1n);
});

test("fuzz: any arguments give at most four registers and never throw", () => {
  const { psci } = make((into) => into.fill(1));
  let seed = 99;
  const random = (): number => seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  for (let i = 0; i < 5000; i++) {
    const base = [0x84000000, 0xc4000000, 0x80000000, 0x84000050][random() >>> 30];
    const id = BigInt(base + ((random() >>> 8) & 0x1f));
    const args = Array.from({ length: 7 }, () => (BigInt(random()) << 32n) | BigInt(random()));
    assert.ok(psci.call(0, [id, ...args]).length <= 4);
  }
});

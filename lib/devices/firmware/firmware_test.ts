import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFirmware as make } from "./testing/rig.ts";

const ARCH_FEATURES = 0x80000001;
const RND_64 = 0xc4000053;

test("the function id is the low half of X0", () => {
  const { firmware } = make();
  assert.deepEqual(firmware.call(0, [0xffffffff84000000n]), [0x10001n]);
  assert.deepEqual(firmware.call(0, []), [-1n]);
  assert.deepEqual(firmware.statistics, { calls: 2, unknown: 1 });
});

test("SMCCC_ARCH_FEATURES: no workaround is needed, what is there is known", () => {
  const { call } = make();
  const features = (id: number): bigint => call(ARCH_FEATURES, BigInt(id))[0];
  assert.equal(features(0x80000000), 0n);
  assert.equal(features(ARCH_FEATURES), 0n);
  assert.equal(features(0x80008000), 1n);
  assert.equal(features(0x80003fff), 1n);
  assert.equal(features(0x80007fff), -2n);
  // ARCH_SOC_ID, stolen time, TRNG; PSCI has its own way of asking.
  for (const id of [0x80000002, 0xc5000020, RND_64, 0x84000000]) assert.equal(features(id), -1n);
  const full = make({ random: () => {}, stolenTimeAddress: 0 });
  for (const id of [RND_64, 0xc5000020]) {
    assert.deepEqual(full.call(ARCH_FEATURES, BigInt(id)), [0n]);
  }
  // Workarounds may be called, and change nothing.
  for (const id of [0x80008000, 0x80007fff, 0x80003fff]) assert.deepEqual(full.call(id), []);
});

test("TRNG: right-justified entropy of the size asked for", () => {
  const { call } = make({ random: (into) => into.fill(0xff) });
  assert.deepEqual(call(0x84000050), [0x10000n]);
  assert.deepEqual(call(0x84000051, 0xc4000053n), [0n]);
  assert.deepEqual(call(0x84000051, 0xc4000054n), [-1n]);
  assert.equal(call(0x84000052).length, 4);
  const ones64 = (1n << 64n) - 1n;
  assert.deepEqual(call(RND_64, 192n), [0n, ones64, ones64, ones64]);
  assert.deepEqual(call(RND_64, 65n), [0n, 0n, 1n, ones64]);
  assert.deepEqual(call(0x84000053, 96n), [0n, 0xffffffffn, 0xffffffffn, 0xffffffffn]);
  assert.deepEqual(call(0x84000053, 33n), [0n, 0n, 1n, 0xffffffffn]);
  for (const [id, bits] of [[RND_64, 193n], [0x84000053, 97n], [RND_64, 0n]] as const) {
    assert.equal(call(id, bits)[0], -2n);
  }
  assert.equal(make().call(RND_64, 64n)[0], -1n);
});

test("fuzz: any arguments give at most four registers, never throw, and leave a valid state", () => {
  const { firmware, states, time } = make({
    random: (into) => into.fill(1),
    stolenTimeAddress: 0,
  });
  let seed = 99;
  const random = (): number => seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  const bases = [0x84000000, 0xc4000000, 0x80000000, 0x84000050, 0xc5000010];
  const interesting = [0n, 1n, 0x10000n, 0x1010000n, 0x100n, 1n << 32n, 0x40000000n];
  for (let i = 0; i < 20_000; i++) {
    const vcpu = (random() >>> 8) % 4;
    const id = BigInt(bases[(random() >>> 8) % bases.length] + ((random() >>> 8) & 0x1f));
    const args = Array.from({ length: 7 }, () => {
      const pick = random() >>> 8;
      return interesting[pick % 14] ?? (BigInt(random()) << 32n) | BigInt(random());
    });
    firmware.begin(vcpu);
    assert.ok(firmware.call(vcpu, [id, ...args]).length <= 4);
    firmware.end(vcpu, (random() >>> 8) % 2 === 0);
    states[vcpu] = (["on", "off", "on-pending"] as const)[(random() >>> 8) % 3];
    time.now += random() >>> 16;
  }
  const saved = structuredClone(firmware.state());
  firmware.restore(saved);
  assert.deepEqual(firmware.state(), saved);
});

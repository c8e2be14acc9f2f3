import assert from "node:assert/strict";
import { test } from "node:test";
import { RealClock, VirtualClock } from "../../platform/clock.ts";
import type { Clock } from "../../platform/platform.ts";
import { LevelProbe } from "../irq_controller/lines.ts";
import { type DeviceState, systemRegister } from "../vbus/device.ts";
import { COUNTER_FREQUENCY, GenericTimer, TIMER_PPI } from "./timer.ts";

const CNTFRQ = systemRegister(3, 3, 14, 0, 0);
const CNTPCT = systemRegister(3, 3, 14, 0, 1);
const CNTVCT = systemRegister(3, 3, 14, 0, 2);
const CNTKCTL = systemRegister(3, 0, 14, 1, 0);
const P = {
  tval: systemRegister(3, 3, 14, 2, 0),
  ctl: systemRegister(3, 3, 14, 2, 1),
  cval: systemRegister(3, 3, 14, 2, 2),
  ppi: TIMER_PPI.physical,
};
const V = {
  tval: systemRegister(3, 3, 14, 3, 0),
  ctl: systemRegister(3, 3, 14, 3, 1),
  cval: systemRegister(3, 3, 14, 3, 2),
  ppi: TIMER_PPI.virtual,
};

function setupWith<C extends Clock>(clock: C, cpus = 2) {
  const probes = Array.from({ length: cpus * 16 }, () => new LevelProbe());
  const el = { current: 1 };
  const timer = new GenericTimer({
    cpus,
    clock,
    ppi: (vcpu, n) => probes[vcpu * 16 + n],
    currentEl: () => el.current,
  });
  const line = (vcpu: number, n: number): LevelProbe => probes[vcpu * 16 + n];
  return { clock, timer, line, el };
}

const setup = () => setupWith(new VirtualClock());

test("the counter runs at 62.5 MHz, one tick each 16 ns, for both views", () => {
  const { clock, timer } = setup();
  assert.equal(COUNTER_FREQUENCY, 0x3B9ACA0);
  assert.equal(timer.readRegister(0, CNTFRQ), 0x3B9ACA0n);
  assert.equal(timer.readRegister(0, CNTVCT), 0n);
  clock.advance(15);
  assert.equal(timer.readRegister(0, CNTVCT), 0n);
  clock.advance(1);
  assert.equal(timer.readRegister(1, CNTVCT), 1n);
  clock.advance(1e9);
  assert.equal(timer.readRegister(0, CNTPCT), 62_500_001n);
  assert.equal(timer.writeRegister(0, CNTPCT, 5n), false);
  assert.equal(timer.writeRegister(0, CNTVCT, 5n), false);
});

for (const [name, T] of [["physical", P], ["virtual", V]] as const) {
  test(`${name}: the line rises when the counter reaches CVAL, on that vCPU only`, () => {
    const { clock, timer, line } = setup();
    timer.writeRegister(1, T.cval, 1000n);
    timer.writeRegister(1, T.ctl, 1n);
    clock.advance(15_999);
    assert.equal(line(1, T.ppi).level, false);
    assert.equal(timer.readRegister(1, T.ctl), 1n);
    clock.advance(1);
    assert.equal(line(1, T.ppi).level, true);
    assert.equal(timer.readRegister(1, T.ctl), 5n);
    assert.equal(line(0, T.ppi).level, false);
    const other = T === P ? V : P;
    assert.equal(line(1, other.ppi).level, false);
    // Rewriting CVAL takes the line down again and arms the next deadline.
    timer.writeRegister(1, T.cval, 2000n);
    assert.equal(line(1, T.ppi).level, false);
    assert.equal(timer.readRegister(1, T.ctl), 1n);
    clock.advance(16_000);
    assert.equal(line(1, T.ppi).rises, 2);
  });

  test(`${name}: IMASK hides the line but not ISTATUS, disabling clears both`, () => {
    const { clock, timer, line } = setup();
    timer.writeRegister(0, T.cval, 10n);
    timer.writeRegister(0, T.ctl, 3n);
    clock.advance(160);
    assert.equal(line(0, T.ppi).level, false);
    assert.equal(timer.readRegister(0, T.ctl), 7n);
    timer.writeRegister(0, T.ctl, 1n);
    assert.equal(line(0, T.ppi).level, true);
    timer.writeRegister(0, T.ctl, 3n);
    assert.equal(line(0, T.ppi).level, false);
    timer.writeRegister(0, T.ctl, 1n);
    timer.writeRegister(0, T.ctl, 0n);
    assert.equal(line(0, T.ppi).level, false);
    assert.equal(timer.readRegister(0, T.ctl), 0n);
    // ISTATUS is read-only.
    timer.writeRegister(0, T.ctl, 6n);
    assert.equal(timer.readRegister(0, T.ctl), 2n);
  });

  test(`${name}: TVAL is a signed 32-bit distance from the counter`, () => {
    const { clock, timer, line } = setup();
    clock.advance(16_000);
    timer.writeRegister(0, T.tval, 500n);
    assert.equal(timer.readRegister(0, T.cval), 1500n);
    assert.equal(timer.readRegister(0, T.tval), 500n);
    timer.writeRegister(0, T.tval, 0xffff_ffffn);
    assert.equal(timer.readRegister(0, T.cval), 999n);
    assert.equal(timer.readRegister(0, T.tval), 0xffff_ffffn);
    timer.writeRegister(0, T.ctl, 1n);
    assert.equal(line(0, T.ppi).level, true);
    // Bits 63:32 of what is written do not count; below zero the compare value wraps.
    timer.writeRegister(0, T.tval, 0xabcd_0000_8000_0000n);
    assert.equal(timer.readRegister(0, T.cval), 2n ** 64n + 1000n - 2n ** 31n);
    assert.equal(line(0, T.ppi).level, false);
  });
}

test("a compare value out of reach sets no deadline and never fires", () => {
  const { clock, timer, line } = setup();
  timer.writeRegister(0, V.cval, 2n ** 64n - 1n);
  timer.writeRegister(0, V.ctl, 1n);
  assert.equal(clock.nextDeadline(), Infinity);
  clock.advance(1e15);
  assert.equal(line(0, V.ppi).level, false);
  assert.equal(timer.readRegister(0, V.ctl), 1n);
});

test("there is at most one deadline per timer", () => {
  const { clock, timer } = setup();
  timer.writeRegister(0, V.ctl, 1n);
  for (let i = 1; i < 1000; i++) timer.writeRegister(0, V.tval, BigInt(1000 + i));
  assert.equal(clock.nextDeadline(), 1999 * 16);
  timer.writeRegister(0, V.ctl, 3n);
  assert.equal(clock.nextDeadline(), Infinity);
  timer.writeRegister(0, V.ctl, 1n);
  timer.shutdown();
  timer.shutdown();
  assert.equal(clock.nextDeadline(), Infinity);
});

test("EL0 gets what CNTKCTL_EL1 allows", () => {
  const { timer, el } = setup();
  const groups = [
    { bit: 0, ids: [CNTPCT, CNTFRQ] },
    { bit: 1, ids: [CNTVCT, CNTFRQ] },
    { bit: 8, ids: [V.tval, V.ctl, V.cval] },
    { bit: 9, ids: [P.tval, P.ctl, P.cval] },
  ];
  const all = [...new Set(groups.flatMap((group) => group.ids))];
  for (const { bit, ids } of groups) {
    el.current = 1;
    timer.writeRegister(0, CNTKCTL, 1n << BigInt(bit));
    el.current = 0;
    for (const id of all) {
      const allowed = ids.includes(id);
      assert.equal(timer.readRegister(0, id) !== undefined, allowed);
    }
    assert.equal(timer.writeRegister(0, V.ctl, 0n), bit === 8);
    assert.equal(timer.writeRegister(0, P.cval, 0n), bit === 9);
    assert.equal(timer.readRegister(1, ids[0]), undefined);
  }
  // Never for EL0: CNTKCTL_EL1 itself, and telling a frequency.
  el.current = 1;
  timer.writeRegister(0, CNTKCTL, 0xffff_ffffn);
  assert.equal(timer.readRegister(0, CNTKCTL), 0x3ffn);
  el.current = 0;
  assert.equal(timer.readRegister(0, CNTKCTL), undefined);
  assert.equal(timer.writeRegister(0, CNTFRQ, 1n), false);
});

test("registers of others are unknown", () => {
  const { timer } = setup();
  for (const id of [systemRegister(3, 7, 14, 2, 1), systemRegister(3, 0, 4, 6, 0), 0, -1, 1e9]) {
    assert.equal(timer.readRegister(0, id), undefined);
    assert.equal(timer.writeRegister(0, id, 0n), false);
  }
});

test("the event stream follows bit EVNTI of the counter", () => {
  const { clock, timer } = setup();
  assert.equal(timer.nextEvent(0), Infinity);
  // Bit 3 rises at 8, 24, 40, ... ticks and falls at 16, 32, ...
  timer.writeRegister(0, CNTKCTL, (3n << 4n) | 4n);
  assert.equal(timer.nextEvent(0), 8 * 16);
  clock.advance(8 * 16);
  assert.equal(timer.nextEvent(0), 24 * 16);
  timer.writeRegister(0, CNTKCTL, (3n << 4n) | 12n);
  assert.equal(timer.nextEvent(0), 16 * 16);
  clock.advance(8 * 16 + 5);
  assert.equal(timer.nextEvent(0), 32 * 16);
});

test("reset disables timers and lowers lines, the counter goes on", () => {
  const { clock, timer, line } = setup();
  clock.advance(16_000);
  timer.writeRegister(0, V.ctl, 1n);
  timer.writeRegister(0, CNTFRQ, 5n);
  assert.equal(line(0, V.ppi).level, true);
  timer.reset();
  assert.equal(line(0, V.ppi).level, false);
  assert.equal(timer.readRegister(0, V.ctl), 0n);
  assert.equal(timer.readRegister(0, CNTFRQ), 62_500_000n);
  assert.equal(timer.readRegister(0, CNTVCT), 1000n);
});

test("a restored timer goes on from the saved moment, whatever the clock of the new machine", () => {
  const first = setup();
  first.clock.advance(160_007);
  first.timer.writeRegister(1, V.cval, 20_000n);
  first.timer.writeRegister(1, V.ctl, 1n);
  first.timer.writeRegister(0, P.ctl, 1n);
  const saved = JSON.parse(
    JSON.stringify(
      first.timer.state(),
      (_, value) => value instanceof Uint8Array ? { bytes: [...value] } : value,
    ),
    (_, value) => value?.bytes ? Uint8Array.from(value.bytes) : value,
  );
  const second = setup();
  second.clock.advance(3);
  second.timer.restore(saved);
  assert.equal(second.timer.readRegister(0, CNTVCT), 10_000n);
  assert.equal(second.line(0, P.ppi).level, true);
  assert.equal(second.line(1, V.ppi).level, false);
  second.clock.advance(159_992);
  assert.equal(second.line(1, V.ppi).level, false);
  second.clock.advance(1);
  assert.equal(second.line(1, V.ppi).level, true);
  const refused: DeviceState[] = [null, 1, "x", {}, { now: -1 }, { now: 5 }, {
    now: 5,
    registers: {},
  }];
  for (const bad of refused) assert.throws(() => second.timer.restore(bad), TypeError);
});

test("TVAL, CVAL and the counter share one time base, also after a restore", () => {
  const first = setup();
  first.clock.advance(1_600_000);
  const { timer, clock, line } = setup();
  timer.restore(first.timer.state());
  clock.advance(160);
  for (const T of [P, V]) {
    timer.writeRegister(0, T.tval, 50n);
    assert.equal(timer.readRegister(0, T.cval), 100_060n);
    timer.writeRegister(0, T.ctl, 1n);
    clock.advance(49 * 16);
    assert.equal(timer.readRegister(0, T.tval), 1n);
    assert.equal(line(0, T.ppi).level, false);
    clock.advance(16);
    assert.equal(timer.readRegister(0, T.ctl), 5n);
    assert.equal(line(0, T.ppi).level, true);
    clock.advance(100 * 16);
    assert.equal(timer.readRegister(0, T.tval), 0xffff_ff9cn);
    timer.restore(first.timer.state());
    clock.advance(160);
  }
});

test("counter and timers stand still while the machine is paused", () => {
  const host = { now: 5000 };
  const clock = new RealClock({ monotonic: () => host.now, wallSeconds: () => 0 });
  const { timer, line } = setupWith(clock, 1);
  timer.writeRegister(0, V.cval, 1000n);
  timer.writeRegister(0, V.ctl, 1n);
  host.now += 8000;
  clock.pause();
  host.now += 1_000_000;
  clock.runDue();
  assert.equal(timer.readRegister(0, CNTVCT), 500n);
  assert.equal(timer.readRegister(0, V.ctl), 1n);
  clock.resume();
  host.now += 7999;
  clock.runDue();
  assert.equal(line(0, V.ppi).level, false);
  host.now += 1;
  clock.runDue();
  assert.equal(line(0, V.ppi).level, true);
});

test("no register access throws, lines agree with ISTATUS (seeded fuzz)", () => {
  const { clock, timer, line, el } = setup();
  let seed = 12345;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % n;
  };
  for (let i = 0; i < 5000; i++) {
    const vcpu = random(2);
    el.current = random(5) === 0 ? 0 : 1;
    const id = systemRegister(3, random(2) * 3, 14, random(4), random(4));
    const value = BigInt(random(3) === 0 ? random(2 ** 20) : seed) << BigInt(random(40));
    if (random(2) === 0) timer.readRegister(vcpu, id);
    else timer.writeRegister(vcpu, id, BigInt.asUintN(64, value));
    if (random(4) === 0) clock.advance(random(1 << random(24)));
    el.current = 1;
    for (const T of [P, V]) {
      const ctl = timer.readRegister(vcpu, T.ctl);
      const met =
        (timer.readRegister(vcpu, CNTVCT) ?? 0n) >= (timer.readRegister(vcpu, T.cval) ?? 0n);
      assert.equal((Number(ctl) & 4) !== 0, met && (Number(ctl) & 1) !== 0);
      assert.equal(line(vcpu, T.ppi).level, ctl === 5n);
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import { LocalApics } from "./local_apics.ts";
import { TimeStampCounters } from "./tsc.ts";
import { makeBoard, message, Offset } from "./testing/board.ts";

const { ID, TPR, ICR_HIGH } = Offset;
const BASE = 0x1b;

test("IA32_APIC_BASE: value, modes and refused transitions", () => {
  const { apics, answers, interrupt, events, external } = makeBoard();
  const base = (): bigint | undefined => apics.readRegister(0, BASE);
  const set = (value: bigint): boolean => apics.writeRegister(0, BASE, value);
  assert.deepEqual([base(), apics.readRegister(1, BASE)], [0xfee00900n, 0xfee00800n]);
  for (const bad of [0xfee01900n, 0x1fee00900n, 0xfee00901n, 0xfee00500n, 0xfec00900n, 0n]) {
    assert.equal(set(bad), false, bad.toString(16));
  }
  assert.equal(set(0xfee00d00n), true);
  assert.deepEqual([base(), answers(0), answers(1)], [0xfee00d00n, false, true]);
  assert.equal(set(0xfee00900n), false, "from x2APIC back only by disabling");
  assert.equal(set(0xfee00100n), true);
  assert.deepEqual([answers(0), apics.isEnabled(0), apics.isEnabled(1)], [false, false, true]);
  assert.equal(set(0xfee00d00n), false, "not both at once");
  // The pins are INTR and NMI now; messages reach nobody.
  external.push(0x34);
  apics.lint(0, 0).set(true);
  apics.lint(0, 1).set(true);
  assert.deepEqual([interrupt[0], apics.acknowledge(0), events], [true, 0x34, ["nmi 0"]]);
  assert.equal(apics.deliver(message(0, { mode: 4 })), false);
  assert.equal(set(0xfee00900n), true);
  assert.equal(answers(0), true);
});

test("what cannot be is refused at once", () => {
  for (const cpus of [0, 1.5, 256]) assert.throws(() => makeBoard(cpus), RangeError);
  for (const tick of [0, 0.5, 1001]) assert.throws(() => makeBoard(1, tick), RangeError);
  assert.equal(makeBoard(255).read(254, ID), 0xfe000000);
});

test("x2APIC: registers as MSRs, reserved ones and bits are refused", () => {
  const { apics, read, write, enable } = makeBoard(18);
  const get = (n: number, vcpu = 17): bigint | undefined => apics.readRegister(vcpu, 0x800 + n);
  const set = (n: number, value: bigint, vcpu = 17): boolean =>
    apics.writeRegister(vcpu, 0x800 + n, value);
  assert.equal(get(2), undefined, "not in xAPIC mode");
  assert.equal(set(8, 0n), false);
  enable(17);
  write(17, TPR, 0x30);
  apics.writeRegister(17, BASE, 0xfee00c00n);
  assert.deepEqual([get(2), get(3), get(8), get(0xd), get(0xf)], [
    17n,
    0x01050014n,
    0x30n,
    0x10002n,
    0x1ffn,
  ]);
  for (const absent of [0, 4, 9, 0xc, 0xe, 0x29, 0x2f, 0x31, 0x3a]) {
    assert.equal(get(absent), undefined, absent.toString(16));
    assert.equal(set(absent, 0n), false);
  }
  for (const readOnly of [2, 3, 0xa, 0xd, 0x10, 0x27, 0x39]) assert.equal(set(readOnly, 0n), false);
  for (const writeOnly of [0xb, 0x3f]) assert.equal(get(writeOnly), undefined);
  for (
    const [n, value] of [
      [8, 0x100n],
      [8, 1n << 32n],
      [0xb, 1n],
      [0xf, 0x400n],
      [0x28, 1n],
      [0x30, 0x2000n],
      [0x32, 0x100n],
      [0x35, 0x800n],
      [0x3e, 4n],
      [0x3f, 0x100n],
    ] as const
  ) assert.equal(set(n, value), false, n.toString(16));
  for (const [n, value] of [[8, 0xffn], [0xb, 0n], [0x28, 0n], [0x38, 0xffffffffn]] as const) {
    assert.equal(set(n, value), true);
  }
  assert.equal(set(8, 0n), true);
  assert.equal(set(0x3f, 0x55n), true);
  assert.equal(get(0x22), 1n << 21n, "self IPI");
  assert.equal(read(0, TPR), 0);
});

test("x2APIC: ICR in one write, destinations of 32 bits, clusters", () => {
  const { apics, enable, take } = makeBoard(18);
  for (let vcpu = 0; vcpu < 18; vcpu++) {
    enable(vcpu);
    apics.writeRegister(vcpu, BASE, vcpu === 0 ? 0xfee00d00n : 0xfee00c00n);
  }
  const reached = (destination: bigint, low: bigint): number[] => {
    assert.equal(apics.writeRegister(0, 0x830, (destination << 32n) | low), true);
    assert.equal(apics.readRegister(0, 0x830), (destination << 32n) | low);
    return Array.from({ length: 18 }, (_, n) => n).filter((n) => take2(n));
  };
  const take2 = (vcpu: number): boolean => {
    const irr = apics.readRegister(vcpu, 0x822) === 1n;
    if (irr) {
      assert.equal(apics.acknowledge(vcpu), 0x40);
      apics.writeRegister(vcpu, 0x80b, 0n);
    }
    return irr;
  };
  assert.deepEqual(reached(17n, 0x40n), [17]);
  assert.deepEqual(reached(0xffn, 0x40n), [], "eight ones are an id as any other");
  assert.equal(reached(0xffffffffn, 0x40n).length, 18);
  assert.deepEqual(reached(0x10003n, 0x840n), [16, 17]);
  assert.deepEqual(reached(0x8001n, 0x840n), [0, 15]);
  assert.equal(reached(0n, 0xc0040n).length, 17);
  assert.deepEqual(take(0), []);
});

test("in x2APIC mode the destination of ICR begins at zero", () => {
  const { apics, write } = makeBoard();
  write(0, ICR_HIGH, 0xff000000);
  apics.writeRegister(0, BASE, 0xfee00d00n);
  assert.equal(apics.readRegister(0, 0x830), 0n);
});

test("a processor without x2APIC and TSC deadlines refuses their registers", () => {
  const clock = new VirtualClock();
  const apics = new LocalApics({
    cpus: 1,
    clock,
    tsc: new TimeStampCounters({ cpus: 1, clock }),
    x2apic: false,
    tscDeadline: false,
    cpu: { setInterrupt() {}, nmi() {}, smi() {}, init() {}, startUp() {} },
  });
  assert.equal(apics.writeRegister(0, 0x1b, 0xfee00d00n), false);
  assert.equal(apics.writeRegister(0, 0x1b, 0xfee00900n), true);
  assert.equal(apics.readRegister(0, 0x6e0), undefined);
  assert.equal(apics.writeRegister(0, 0x6e0, 1n), false);
});

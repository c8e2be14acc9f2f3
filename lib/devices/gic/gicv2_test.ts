import assert from "node:assert/strict";
import { test } from "node:test";
import { TestBoard } from "./testing/board.ts";

const SPURIOUS = 1023;
const OTHER_GROUP = 1022;
const GICC = 0x10000;
const V2M = 0x20000;
const SGIR = 0xf00;
const CPENDSGIR = 0xf10;
const SPENDSGIR = 0xf20;
const ITARGETSR = 0x800;

test("identification: version 2, number of vCPUs and lines", () => {
  const board = new TestBoard(2, { cpus: 8 });
  assert.equal(board.read(4), (7 << 5) | 8);
  assert.equal((board.read(0xfe8) >>> 4) & 15, 2);
  assert.equal(board.read(GICC + 0xfc), 0x2043b);
});

test("SGIs are always enabled and edge-triggered", () => {
  const board = new TestBoard(2);
  board.write(0x180, 0xffff_ffff);
  assert.equal(board.read(0x100), 0xffff);
  board.write(0xc00, 0);
  assert.equal(board.read(0xc00), 0xaaaa_aaaa);
  board.write(0x200, 0xffff);
  assert.equal(board.read(0x200), 0);
});

test("GICD_SGIR: to a list, to all others, to oneself; vCPUs that do not exist are left out", () => {
  const board = new TestBoard(2, { cpus: 3 }).start();
  const hit = (value: number, from: number) => {
    board.write(SGIR, value, 4, from);
    return board.irq.map((level, cpu) => {
      if (!level) return 0;
      const id = board.acknowledge(cpu);
      board.end(id, cpu);
      return id;
    });
  };
  assert.deepEqual(hit(0x0005_0003, 1), [0x403, 0, 0x403]);
  assert.deepEqual(hit(0x00f8_0003, 1), [0, 0, 0]);
  assert.deepEqual(hit(0x0100_0004, 2), [0x804, 0x804, 0]);
  assert.deepEqual(hit(0x02ff_000f, 2), [0, 0, 0x80f]);
  assert.deepEqual(hit(0x03ff_0001, 2), [0, 0, 0]);
});

test("an SGI is pending once per sender, the lowest sender first", () => {
  const board = new TestBoard(2, { cpus: 4 }).start();
  for (const from of [3, 1, 3, 0]) board.write(SGIR, 0x0004_0007, 4, from);
  assert.equal(board.read(SPENDSGIR + 7, 1, 2), 0b1011);
  assert.equal(board.highest(2), 7);
  const seen = [];
  for (let id = board.acknowledge(2); id !== SPURIOUS; id = board.acknowledge(2)) {
    seen.push(id);
    board.end(id, 2);
  }
  assert.deepEqual(seen, [0x007, 0x407, 0xc07]);
});

test("GICD_SPENDSGIR and GICD_CPENDSGIR hold one bit per sender, at the vCPU that asks", () => {
  const board = new TestBoard(2, { cpus: 3 }).start();
  board.write(SPENDSGIR + 4, 0x0000_fe06, 4, 1);
  assert.equal(board.read(SPENDSGIR + 4, 4, 1), 0x0000_0606);
  assert.equal(board.read(CPENDSGIR + 4, 4, 1), 0x0000_0606);
  assert.equal(board.read(SPENDSGIR + 4, 4, 0), 0);
  assert.deepEqual(board.irq, [false, true, false]);
  board.write(CPENDSGIR + 4, 0x02, 1, 1);
  assert.equal(board.read(SPENDSGIR + 4, 4, 1), 0x0000_0604);
  assert.equal(board.acknowledge(1), 0x804);
  board.write(CPENDSGIR + 5, 0xff, 1, 1);
  board.end(0x804, 1);
  assert.equal(board.irq[1], false);
});

test("an SPI with several targets is taken by one of them", () => {
  const board = new TestBoard(2, { cpus: 3 }).start();
  board.enable(40, { edge: true });
  board.write(ITARGETSR + 40, 0b110, 1);
  board.setBit(0x200, 40);
  assert.deepEqual(board.irq, [false, true, true]);
  assert.equal(board.acknowledge(2), 40);
  assert.deepEqual(board.irq, [false, false, false]);
  assert.equal(board.acknowledge(1), SPURIOUS);
  board.end(40, 2);
});

test("GICD_ITARGETSR: own vCPU for private interrupts, a pending SPI follows, none holds it", () => {
  const board = new TestBoard(2, { cpus: 3 }).start();
  assert.equal(board.read(ITARGETSR, 4, 2), 0x0404_0404);
  board.write(ITARGETSR, 0, 4, 2);
  assert.equal(board.read(ITARGETSR + 28, 4, 2), 0x0404_0404);
  board.enable(40);
  board.write(ITARGETSR + 40, 0, 1);
  board.gic.controller.spi(8).set(true);
  assert.deepEqual(board.irq, [false, false, false]);
  assert.ok(board.bit(0x200, 40));
  board.write(ITARGETSR + 40, 0xff02_ff02, 4);
  assert.equal(board.read(ITARGETSR + 40), 0x0702_0702);
  assert.deepEqual(board.irq, [false, true, false]);
  // With one vCPU the registers are zero, and it gets everything.
  const single = new TestBoard(2, { cpus: 1 }).start();
  single.enable(40);
  assert.equal(single.read(ITARGETSR + 40), 0);
  assert.equal(single.read(ITARGETSR), 0);
  single.gic.controller.spi(8).set(true);
  assert.equal(single.acknowledge(), 40);
});

test("group 0 is an IRQ, or with FIQEn an FIQ; group 1 is always an IRQ", () => {
  const board = new TestBoard(2).start();
  board.enable(40, { group: 0, priority: 0x10 });
  board.enable(41, { group: 1, priority: 0x20 });
  board.gic.controller.spi(8).set(true);
  assert.deepEqual([board.irq[0], board.fiq[0]], [true, false]);
  board.write(GICC, 0xf);
  assert.deepEqual([board.irq[0], board.fiq[0]], [false, true]);
  board.gic.controller.spi(8).set(false);
  board.gic.controller.spi(9).set(true);
  assert.deepEqual([board.irq[0], board.fiq[0]], [true, false]);
});

test("GICC_IAR takes group 1 only with AckCtl, GICC_AIAR takes nothing else", () => {
  const board = new TestBoard(2).start();
  board.write(GICC, 3);
  board.enable(41, { group: 1 });
  board.gic.controller.spi(9).set(true);
  assert.equal(board.irq[0], true);
  assert.equal(board.read(GICC + 0x0c), OTHER_GROUP);
  assert.equal(board.read(GICC + 0x18), OTHER_GROUP);
  assert.equal(board.read(GICC + 0x28), 41);
  assert.equal(board.read(GICC + 0x20), 41);
  assert.equal(board.read(GICC + 0xe0 + 4 * 2), 1 << 16, "GICC_NSAPR2: priority 0xa0 is level 80");
  board.write(GICC + 0x24, 41);
  assert.equal(board.running(), 0xff);
  board.gic.controller.spi(9).set(false);
  board.enable(40, { group: 0 });
  board.gic.controller.spi(8).set(true);
  assert.equal(board.read(GICC + 0x20), SPURIOUS);
  assert.equal(board.read(GICC + 0x0c), 40);
  // The alias register does not end an interrupt of group 0.
  board.write(GICC + 0x24, 40);
  assert.equal(board.running(), 0xa0);
});

test("a group that is disabled does not hide the other", () => {
  const board = new TestBoard(2).start();
  board.enable(40, { group: 0, priority: 0x10 });
  board.enable(41, { group: 1, priority: 0x90 });
  board.gic.controller.spi(8).set(true);
  board.gic.controller.spi(9).set(true);
  board.write(GICC, 0x6);
  assert.equal(board.acknowledge(), 41);
  board.write(GICC, 0x7);
  assert.equal(board.acknowledge(), 40);
});

test("eight bits of priority, seven decide preemption", () => {
  const board = new TestBoard(2).start();
  board.mask(0xff);
  assert.equal(board.read(GICC + 4), 0xff);
  board.enable(40, { priority: 0x81, edge: true });
  board.enable(41, { priority: 0x80, edge: true });
  board.enable(42, { priority: 0x7f, edge: true });
  board.setBit(0x200, 40);
  assert.equal(board.acknowledge(), 40);
  board.setBit(0x200, 41);
  assert.equal(board.irq[0], false);
  board.setBit(0x200, 42);
  assert.equal(board.acknowledge(), 42);
  board.binaryPoint(0);
  assert.equal(board.read(GICC + 0x1c), 1);
});

test("registers take bytes and halfwords", () => {
  const board = new TestBoard(2);
  board.write(0x100 + 5, 0x81, 1);
  assert.equal(board.read(0x104), 0x8100);
  assert.equal(board.read(0x105, 1), 0x81);
  board.write(0x180 + 4, 0x8000, 2);
  assert.equal(board.read(0x104), 0x0100);
  board.write(0x84, 0xffff_ffff);
  board.write(0x85, 0, 1);
  assert.equal(board.read(0x84), 0xffff_00ff);
  board.write(0xc08, 0xffff_ffff);
  board.write(0xc0a, 0, 2);
  assert.equal(board.read(0xc08), 0xaaaa);
  board.write(0x420, 0x1234, 2);
  assert.equal(board.read(0x420), 0x1234);
  // Misaligned: nothing.
  board.write(0x421, 0xffff, 2);
  assert.equal(board.read(0x422, 4), 0);
  assert.equal(board.read(0x420), 0x1234);
});

test("the MSI frame tells its SPIs and raises them, and only them", () => {
  const board = new TestBoard(2).start();
  assert.equal(board.read(V2M + 8), (80 << 16) | 64);
  for (const id of [79, 80, 143, 144]) board.enable(id, { edge: true });
  for (const value of [79, 144, 0, 0x3ff, 80 + 0x400]) board.write(V2M + 0x40, value);
  assert.equal(board.acknowledge(), 80, "ten bits count");
  board.end(80);
  assert.equal(board.acknowledge(), SPURIOUS);
  board.write(V2M + 0x40, 143);
  assert.equal(board.acknowledge(), 143);
  board.end(143);
  board.gic.msi.message(0, 81);
  assert.ok(board.bit(0x200, 81) === false, "a level-sensitive interrupt latches no edge");
  // A small controller has a small frame.
  assert.equal(new TestBoard(2, { spis: 64 }).read(V2M + 8), (80 << 16) | 16);
  assert.equal(new TestBoard(2, { spis: 32 }).read(V2M + 8) & 0x3ff, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../vbus/bus.ts";
import { TestBoard } from "./testing/board.ts";
import { createGic } from "./gic.ts";
import { ICC } from "./gicv3_cpu_interface.ts";

const SPURIOUS = 1023;
const GICR_TYPER = 0x08;
const GICR_WAKER = 0x14;
const SGI_FRAME = 0x10000;
const IROUTER = 0x6000;
const ROUTE_ANY = 0x8000_0000;

test("GICD_CTLR reads affinity routing and a single security state, keeps the group enables", () => {
  const board = new TestBoard(3);
  assert.equal(board.read(0), 0x50);
  board.write(0, 0xffff_ffff);
  assert.equal(board.read(0), 0x53);
  board.write(0, 0);
  assert.equal(board.read(0), 0x50);
});

test("identification: version 3, 16-bit ids, Aff3, message-based SPIs, no LPIs", () => {
  const board = new TestBoard(3);
  assert.equal(board.read(4), (1 << 26) | (1 << 24) | (15 << 19) | (1 << 16) | 8);
  assert.equal(board.read(8), 0x43b);
  assert.equal((board.read(0xffe8) >>> 4) & 15, 3);
  assert.equal((board.read(board.redistributor(1) + 0xffe8) >>> 4) & 15, 3);
  assert.equal(board.read(board.redistributor(1) + GICR_TYPER) & 1, 0);
});

test("SGIs, PPIs and the GICv2 registers are not in the distributor", () => {
  const board = new TestBoard(3).start();
  for (const offset of [0x80, 0x100, 0x200, 0x300, 0x400, 0x41c, 0xc00, 0xc04, 0x820, 0xf20]) {
    board.write(offset, 0xffff_ffff);
    assert.equal(board.read(offset), 0, offset.toString(16));
  }
  board.write(0xf00, 0x0200_0001);
  assert.deepEqual(board.irq, [false, false]);
});

test("GICR_TYPER tells number, affinity and the last one; two halves of eight bytes", () => {
  const board = new TestBoard(3, { cpus: 18 });
  const typer = (cpu: number) => {
    const value = { low: 0, high: 0 };
    board.bus.read(board.redistributor(cpu) + GICR_TYPER, 8, value);
    return value;
  };
  assert.deepEqual(typer(0), { low: 0x0100_0000, high: 0 });
  assert.deepEqual(typer(15), { low: 0x0100_0f00, high: 15 });
  assert.deepEqual(typer(16), { low: 0x0100_1000, high: 0x100 });
  assert.deepEqual(typer(17), { low: 0x0100_1110, high: 0x101 });
});

test("GICR_WAKER: children sleep and wake with the processor", () => {
  const board = new TestBoard(3);
  const waker = board.redistributor(1) + GICR_WAKER;
  assert.equal(board.read(waker), 6);
  board.write(waker, 0);
  assert.equal(board.read(waker), 0);
  assert.equal(board.read(board.redistributor(0) + GICR_WAKER), 6);
  board.write(waker, 2);
  assert.equal(board.read(waker), 6);
  board.write(waker, 4);
  assert.equal(board.read(waker), 0);
});

test("a vCPU may use the frame of another", () => {
  const board = new TestBoard(3).start();
  board.write(board.redistributor(1) + SGI_FRAME + 0x100, 1 << 20, 4, 0);
  board.write(board.redistributor(1) + SGI_FRAME + 0x200, 1 << 20, 4, 0);
  assert.deepEqual(board.irq, [false, true]);
});

test("group 0 is signalled as FIQ and taken by ICC_IAR0_EL1, group 1 as IRQ by ICC_IAR1_EL1", () => {
  const board = new TestBoard(3).start();
  board.enable(40, { group: 0, priority: 0x80 });
  board.enable(41, { group: 1, priority: 0x90 });
  board.gic.controller.spi(9).set(true);
  assert.deepEqual([board.irq[0], board.fiq[0]], [true, false]);
  board.gic.controller.spi(8).set(true);
  assert.deepEqual([board.irq[0], board.fiq[0]], [false, true]);
  assert.equal(board.get(0, "HPPIR0_EL1"), 40);
  assert.equal(board.get(0, "HPPIR1_EL1"), SPURIOUS);
  assert.equal(board.get(0, "IAR1_EL1"), SPURIOUS);
  assert.equal(board.get(0, "IAR0_EL1"), 40);
  assert.equal(board.get(0, "AP0R0_EL1"), 1 << 16);
  // The end of the wrong group has no effect.
  board.set(0, "EOIR1_EL1", 40);
  assert.equal(board.running(), 0x80);
  board.set(0, "EOIR0_EL1", 40);
  assert.equal(board.running(), 0xff);
});

test("a group that is disabled at the CPU interface does not hide the other", () => {
  const board = new TestBoard(3).start();
  board.enable(40, { group: 0, priority: 0x10 });
  board.enable(41, { group: 1, priority: 0x90 });
  board.gic.controller.spi(8).set(true);
  board.gic.controller.spi(9).set(true);
  board.set(0, "IGRPEN0_EL1", 0);
  assert.deepEqual([board.irq[0], board.fiq[0]], [true, false]);
  assert.equal(board.acknowledge(), 41);
  board.set(0, "IGRPEN0_EL1", 1);
  assert.equal(board.fiq[0], true);
  board.write(0, 2);
  assert.equal(board.fiq[0], false);
});

test("IROUTER: a pending interrupt follows its route, one to nobody waits", () => {
  const board = new TestBoard(3, { cpus: 17 }).start();
  board.enable(40, { edge: true });
  board.write(IROUTER + 8 * 40, 0x0000_0200);
  board.gic.controller.spi(8).set(true);
  assert.ok(!board.irq.includes(true));
  assert.ok(board.bit(0x200, 40));
  // vCPU 16 is 0.0.1.0; Aff3 counts.
  board.bus.write(IROUTER + 8 * 40, 8, 0x100, 1);
  assert.ok(!board.irq.includes(true));
  board.bus.write(IROUTER + 8 * 40, 8, 0x100, 0);
  assert.equal(board.irq.indexOf(true), 16);
  board.write(IROUTER + 8 * 40, 3);
  assert.equal(board.irq.indexOf(true), 3);
  assert.equal(board.irq.lastIndexOf(true), 3);
  assert.equal(board.acknowledge(16), SPURIOUS);
  assert.equal(board.acknowledge(3), 40);
  board.bus.write(IROUTER + 8 * 40, 8, 0xffff_ffff, 0xffff_ffff);
  assert.equal(board.read(IROUTER + 8 * 40), 0x80ff_ffff);
  assert.equal(board.read(IROUTER + 8 * 40 + 4), 0xff);
  assert.equal(board.read(IROUTER + 8 * 20), 0);
});

test("1-of-N: goes to one vCPU that is awake, is offered to another when that one sleeps", () => {
  const board = new TestBoard(3, { cpus: 4 }).start();
  const asleep = (cpu: number, value: boolean) =>
    board.write(board.redistributor(cpu) + GICR_WAKER, value ? 2 : 0);
  asleep(0, true);
  asleep(2, true);
  board.enable(40, { edge: true });
  board.write(IROUTER + 8 * 40, ROUTE_ANY);
  board.setBit(0x200, 40);
  const holder = board.irq.indexOf(true);
  assert.ok(holder === 1 || holder === 3);
  assert.equal(board.irq.filter(Boolean).length, 1);
  asleep(holder, true);
  const next = board.irq.indexOf(true);
  assert.ok(next === 4 - holder);
  // Nobody takes part: it waits for the first who does.
  board.set(next, "IGRPEN1_EL1", 0);
  assert.ok(!board.irq.includes(true));
  asleep(2, false);
  assert.deepEqual(board.irq, [false, false, true, false]);
  assert.equal(board.acknowledge(2), 40);
  board.end(40, 2);
  // Everybody awake: nobody is left out in the long run.
  for (const cpu of [0, 1, 3]) asleep(cpu, false);
  board.set(next, "IGRPEN1_EL1", 1);
  const seen = new Set<number>();
  for (let i = 0; i < 8; i++) {
    board.setBit(0x200, 40);
    const cpu = board.irq.indexOf(true);
    seen.add(cpu);
    assert.equal(board.acknowledge(cpu), 40);
    board.end(40, cpu);
  }
  assert.equal(seen.size, 4);
});

test("ICC_SGI1R_EL1: target list in a cluster, range selector, all but self", () => {
  const board = new TestBoard(3, { cpus: 20 }).start();
  for (let cpu = 0; cpu < 20; cpu++) board.enable(5, { cpu });
  const hit = (value: bigint, from = 0) => {
    board.set(from, "SGI1R_EL1", value);
    const cpus: number[] = [];
    for (let cpu = 0; cpu < 20; cpu++) {
      if (!board.irq[cpu]) continue;
      cpus.push(cpu);
      assert.equal(board.acknowledge(cpu), 5);
      board.end(5, cpu);
    }
    return cpus;
  };
  const sgi = 5n << 24n;
  assert.deepEqual(hit(sgi | 0x8005n), [0, 2, 15]);
  assert.deepEqual(hit(sgi | (1n << 16n) | 0xfff9n), [16, 19]);
  assert.deepEqual(hit(sgi | (1n << 40n) | 1n, 7), [...Array(20).keys()].filter((n) => n !== 7));
  // Clusters and ranges where nobody is.
  assert.deepEqual(hit(sgi | (2n << 16n) | 1n), []);
  assert.deepEqual(hit(sgi | (1n << 32n) | 1n), []);
  assert.deepEqual(hit(sgi | (1n << 48n) | 1n), []);
  assert.deepEqual(hit(sgi | (1n << 44n) | 1n), []);
});

test("the range selector reaches Aff0 from 16 on", () => {
  const irq: number[] = [];
  const gic = createGic(3, {
    cpus: 40,
    spis: 32,
    cpuInterrupts: { setIrq: (cpu) => void irq.push(cpu), setFiq: () => {} },
    affinity: (cpu) => cpu,
  });
  const bus = new Bus();
  for (const { device, offset, size } of gic.regions) bus.register(device, offset, size);
  bus.write(0, 4, 3);
  for (let cpu = 0; cpu < 40; cpu++) {
    const frame = 0xa0000 + cpu * 0x20000 + SGI_FRAME;
    bus.write(frame + 0x80, 4, 0xffff_ffff);
    bus.write(frame + 0x100, 4, 1);
    gic.registers?.writeRegister(cpu, ICC.PMR_EL1, 0xf8n);
    gic.registers?.writeRegister(cpu, ICC.IGRPEN1_EL1, 1n);
  }
  gic.registers?.writeRegister(0, ICC.SGI1R_EL1, (2n << 44n) | 0b1001n);
  assert.deepEqual(irq, [32, 35]);
});

test("an SGI reaches only a vCPU where it is in the group it was sent for", () => {
  const board = new TestBoard(3).start();
  board.enable(3, { cpu: 1, group: 0 });
  board.set(0, "SGI1R_EL1", (3n << 24n) | 2n);
  assert.deepEqual([board.irq[1], board.fiq[1]], [false, false]);
  board.set(0, "SGI0R_EL1", (3n << 24n) | 2n);
  assert.deepEqual([board.irq[1], board.fiq[1]], [false, true]);
});

test("binary points: the smallest that five bits allow, CBPR makes group 1 follow group 0", () => {
  const board = new TestBoard(3);
  assert.deepEqual([board.get(0, "BPR0_EL1"), board.get(0, "BPR1_EL1")], [2, 3]);
  board.set(0, "BPR0_EL1", 0);
  board.set(0, "BPR1_EL1", 0);
  assert.deepEqual([board.get(0, "BPR0_EL1"), board.get(0, "BPR1_EL1")], [2, 3]);
  board.set(0, "BPR1_EL1", 5);
  board.set(0, "CTLR_EL1", 1);
  board.set(0, "BPR0_EL1", 3);
  assert.equal(board.get(0, "BPR1_EL1"), 4);
  board.set(0, "BPR1_EL1", 6);
  board.set(0, "BPR0_EL1", 7);
  assert.equal(board.get(0, "BPR1_EL1"), 7);
  board.set(0, "CTLR_EL1", 0);
  assert.equal(board.get(0, "BPR1_EL1"), 5);
});

test("CPU interface registers: fixed fields, five priority bits, what is undefined", () => {
  const board = new TestBoard(3);
  assert.equal(board.get(0, "SRE_EL1"), 7);
  board.set(0, "SRE_EL1", 0);
  assert.equal(board.get(0, "SRE_EL1"), 7);
  assert.equal(board.get(0, "CTLR_EL1"), 0x4_8c00);
  board.set(0, "CTLR_EL1", 0xffff_ffff);
  assert.equal(board.get(0, "CTLR_EL1"), 0x4_8c03);
  board.set(0, "PMR_EL1", 0xff);
  assert.equal(board.get(0, "PMR_EL1"), 0xf8);
  const registers = board.gic.registers;
  const written = ["EOIR0_EL1", "EOIR1_EL1", "DIR_EL1", "SGI0R_EL1", "SGI1R_EL1"] as const;
  for (const register of written) assert.equal(board.get(0, register), NaN);
  const read = ["IAR0_EL1", "IAR1_EL1", "RPR_EL1", "HPPIR0_EL1", "HPPIR1_EL1"] as const;
  for (const name of read) assert.equal(registers?.writeRegister(0, ICC[name], 0n), false);
  assert.equal(registers?.readRegister(0, ICC.AP1R0_EL1 + 1), undefined);
});

test("GICD_SETSPI_NSR and GICD_CLRSPI_NSR: an edge is latched, a level stays until it is cleared", () => {
  const [set, clear] = [0x40, 0x48];
  const board = new TestBoard(3).start();
  assert.equal((board.read(4) >>> 16) & 1, 1, "GICD_TYPER.MBIS");
  board.enable(40, { edge: true });
  board.enable(41);
  board.write(set, 40);
  assert.equal(board.acknowledge(), 40);
  board.write(set, 40);
  board.end(40);
  assert.equal(board.acknowledge(), 40, "an edge while active is latched");
  board.end(40);
  board.write(set, 40);
  board.write(clear, 40);
  assert.equal(board.irq[0], false);
  // A level-sensitive interrupt is pending again after its end.
  board.write(set, 41, 2);
  assert.equal(board.acknowledge(), 41);
  board.end(41);
  assert.equal(board.acknowledge(), 41);
  board.write(clear, 41, 2);
  board.end(41);
  assert.equal(board.irq[0], false);
  // Line and message are one OR the other.
  board.write(set, 41);
  board.gic.controller.spi(9).set(true);
  board.gic.controller.spi(9).set(false);
  assert.equal(board.irq[0], true);
  board.gic.controller.spi(9).set(true);
  board.write(clear, 41);
  assert.equal(board.irq[0], true);
  board.gic.controller.spi(9).set(false);
  assert.equal(board.irq[0], false);
  // Ids that are no SPI; bytes; and with one security state GICD_SETSPI_SR.
  for (const intid of [5, 27]) board.enable(intid, { edge: intid > 15 });
  for (const intid of [5, 27, 1000, 1019, 1023]) board.write(set, intid);
  board.write(set, 41, 1);
  board.write(0x50, 41);
  assert.deepEqual(board.irq, [false, false]);
  assert.equal(board.read(set), 0);
  // Without an ITS, messages of devices are these.
  board.gic.msi.message(7, 40);
  assert.equal(board.acknowledge(), 40);
  board.gic.msi.message(7, 8192);
  board.write(set, 41);
  board.bus.reset();
  assert.equal(board.bit(0x200, 41), false, "reset forgets messages");
});

test("a saved 1-of-N interrupt of a vCPU that is not there goes to one that is", () => {
  const board = new TestBoard(3).start();
  const { device } = board.gic.regions[0];
  board.enable(40, { edge: true });
  board.write(IROUTER + 8 * 40, ROUTE_ANY);
  board.setBit(0x200, 40);
  const state = structuredClone(device.state()) as { registers: { target: Uint8Array } };
  new DataView(state.registers.target.buffer).setUint16(2 * 8, 9, true);
  device.restore(state);
  assert.equal(board.irq.filter(Boolean).length, 1);
});

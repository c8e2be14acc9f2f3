/** What GICv2 and GICv3 have in common. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { randomFrom, TestBoard } from "./testing/board.ts";
import { createGic } from "./gic.ts";
import type { DeviceState } from "../vbus/device.ts";
import { ICC } from "./gicv3_cpu_interface.ts";

const SPURIOUS = 1023;
const PENDING = 0x200;
const SET_PENDING = 0x200;
const CLEAR_PENDING = 0x280;
const ACTIVE = 0x300;

for (const version of [2, 3] as const) {
  const name = `GICv${version}`;

  test(`${name}: GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone`, () => {
    for (const [spis, lines] of [[1, 1], [32, 1], [224, 7], [256, 8], [988, 31]]) {
      const board = new TestBoard(version, { spis, cpus: 2 }).start();
      assert.equal(board.read(4) & 31, lines);
      const last = Math.min(lines * 32 + 31, 1019);
      board.enable(last);
      board.gic.controller.spi(last - 32).set(true);
      assert.equal(board.acknowledge(), last);
      // Beyond: reads as zero, takes no writes.
      if (last === 1019) assert.equal(board.read(0x80 + 4 * 31) >>> 28, 0);
      board.gic.controller.spi(last + 1 - 32).set(true);
      assert.equal(board.acknowledge(), SPURIOUS);
    }
  });

  test(`${name}: the lowest priority value wins, of equal ones the lowest id`, () => {
    const board = new TestBoard(version).start();
    const ids = [20, 40, 33, 100, 287, 27];
    for (const id of ids) {
      board.enable(id, { priority: id === 100 ? 0x40 : 0x80, edge: true });
      board.setBit(SET_PENDING, id);
    }
    const order = ids.map(() => {
      const id = board.acknowledge();
      board.end(id);
      return id;
    });
    assert.deepEqual(order, [100, 20, 27, 33, 40, 287]);
    assert.equal(board.acknowledge(), SPURIOUS);
  });

  test(`${name}: only priorities above the mask are signalled`, () => {
    const board = new TestBoard(version).start();
    board.enable(40, { priority: 0x80 });
    board.mask(0x80);
    board.gic.controller.spi(8).set(true);
    assert.equal(board.irq[0], false);
    assert.equal(board.acknowledge(), SPURIOUS);
    board.mask(0x88);
    assert.equal(board.irq[0], true);
    board.priority(40, 0x90);
    assert.equal(board.irq[0], false);
    board.priority(40, 0x10);
    assert.equal(board.acknowledge(), 40);
  });

  test(`${name}: a more urgent group priority preempts, the binary point decides how fine`, () => {
    const board = new TestBoard(version).start();
    for (const [id, priority] of [[40, 0x80], [41, 0x70], [42, 0x60]]) {
      board.enable(id, { priority, edge: true });
    }
    board.setBit(SET_PENDING, 40);
    assert.equal(board.acknowledge(), 40);
    assert.equal(board.running(), 0x80);
    assert.equal(board.irq[0], false);
    board.setBit(SET_PENDING, 41);
    assert.equal(board.irq[0], true);
    assert.equal(board.acknowledge(), 41);
    assert.equal(board.running(), 0x70);
    board.end(41);
    assert.equal(board.running(), 0x80);
    board.end(40);
    assert.equal(board.running(), 0xff);
    // With groups of 0x40, 0x60 and 0x70 are one.
    board.binaryPoint(6);
    board.setBit(SET_PENDING, 41);
    assert.equal(board.acknowledge(), 41);
    assert.equal(board.running(), 0x40);
    board.setBit(SET_PENDING, 42);
    assert.equal(board.irq[0], false);
    assert.equal(board.acknowledge(), SPURIOUS);
    assert.equal(board.highest(), 42);
    board.end(41);
    assert.equal(board.acknowledge(), 42);
  });

  test(`${name}: a level that stays high is pending again after the end of interrupt`, () => {
    const board = new TestBoard(version).start();
    board.enable(40);
    const line = board.gic.controller.spi(8);
    line.set(true);
    for (let i = 0; i < 3; i++) {
      assert.equal(board.irq[0], true);
      assert.equal(board.acknowledge(), 40);
      assert.equal(board.irq[0], false);
      assert.ok(board.bit(PENDING, 40) && board.bit(ACTIVE, 40));
      board.end(40);
    }
    assert.equal(board.irq[0], true);
    line.set(false);
    assert.equal(board.irq[0], false);
    assert.equal(board.acknowledge(), SPURIOUS);
    assert.equal(board.bit(PENDING, 40), false);
  });

  test(`${name}: an edge is latched, once while active, and survives the falling line`, () => {
    const board = new TestBoard(version).start();
    board.enable(40, { edge: true });
    const line = board.gic.controller.spi(8);
    line.set(true);
    line.set(false);
    assert.equal(board.acknowledge(), 40);
    for (let i = 0; i < 3; i++) {
      line.set(true);
      line.set(false);
    }
    assert.equal(board.irq[0], false);
    board.end(40);
    assert.equal(board.irq[0], true);
    assert.equal(board.acknowledge(), 40);
    line.set(true);
    board.setBit(CLEAR_PENDING, 40);
    board.end(40);
    // The line is still high, but there was no new edge.
    assert.equal(board.irq[0], false);
  });

  test(`${name}: writing ISPENDR pends a level-sensitive interrupt until it is taken`, () => {
    const board = new TestBoard(version).start();
    board.enable(40);
    board.setBit(SET_PENDING, 40);
    assert.ok(board.bit(PENDING, 40));
    assert.equal(board.acknowledge(), 40);
    assert.equal(board.bit(PENDING, 40), false);
    board.end(40);
    assert.equal(board.irq[0], false);
    // ICPENDR cannot take away what the line holds.
    board.gic.controller.spi(8).set(true);
    board.setBit(CLEAR_PENDING, 40);
    assert.ok(board.bit(PENDING, 40) && board.irq[0]);
  });

  test(`${name}: an interrupt that is disabled, or active, is not signalled but stays pending`, () => {
    const board = new TestBoard(version).start();
    board.enable(40, { edge: true });
    board.disable(40);
    board.gic.controller.spi(8).set(true);
    assert.equal(board.irq[0], false);
    assert.ok(board.bit(PENDING, 40));
    board.setBit(0x300, 40);
    board.setBit(0x100, 40);
    assert.equal(board.irq[0], false);
    board.setBit(0x380, 40);
    assert.equal(board.irq[0], true);
    board.write(0, 0);
    assert.equal(board.irq[0], false);
    board.write(0, 3);
    assert.equal(board.acknowledge(), 40);
  });

  test(`${name}: EOImode splits priority drop and deactivation`, () => {
    const board = new TestBoard(version).start();
    board.splitEnd();
    board.enable(40);
    board.enable(41);
    board.gic.controller.spi(8).set(true);
    assert.equal(board.acknowledge(), 40);
    board.end(40);
    assert.equal(board.running(), 0xff);
    assert.ok(board.bit(ACTIVE, 40));
    assert.equal(board.irq[0], false);
    board.gic.controller.spi(9).set(true);
    assert.equal(board.acknowledge(), 41);
    board.end(41);
    board.deactivate(40);
    assert.equal(board.acknowledge(), 40);
  });

  test(`${name}: private interrupts are each vCPU's own`, () => {
    const board = new TestBoard(version, { cpus: 3 }).start();
    for (const cpu of [0, 1]) board.enable(27, { cpu, priority: 0x10 * (cpu + 1) });
    board.gic.controller.ppi(1, 11).set(true);
    board.gic.controller.ppi(2, 11).set(true);
    assert.deepEqual(board.irq, [false, true, false]);
    assert.equal(board.acknowledge(0), SPURIOUS);
    assert.equal(board.acknowledge(1), 27);
    assert.equal(board.running(1), 0x20);
    assert.deepEqual([0, 1, 2].map((cpu) => board.bit(PENDING, 27, cpu)), [false, true, true]);
    board.gic.controller.ppi(1, 11).set(false);
    board.end(27, 1);
    assert.equal(board.irq[1], false);
  });

  test(`${name}: special ids end nothing`, () => {
    const board = new TestBoard(version).start();
    board.enable(40);
    board.gic.controller.spi(8).set(true);
    assert.equal(board.acknowledge(), 40);
    for (const id of [1020, 1021, 1022, 1023, 700]) board.end(id);
    assert.equal(board.running(), 0xa0);
    board.end(40);
    assert.equal(board.running(), 0xff);
    // Nothing is active: no effect.
    board.end(40);
    board.end(41);
    assert.equal(board.highest(), 40);
  });

  test(`${name}: lines beyond those that exist lead nowhere`, () => {
    const { controller } = new TestBoard(version, { spis: 32 }).gic;
    for (const n of [-1, 32, 988, 1e6, NaN]) controller.spi(n).set(true);
    for (const [cpu, n] of [[-1, 0], [2, 0], [0, 16], [0, -1]]) controller.ppi(cpu, n).set(true);
    assert.throws(() => new TestBoard(version, { spis: 0 }), RangeError);
    assert.throws(() => new TestBoard(version, { spis: 989 }), RangeError);
    assert.throws(() => new TestBoard(version, { cpus: 0 }), RangeError);
    assert.throws(() => new TestBoard(version, { cpus: version === 2 ? 9 : 513 }), RangeError);
  });

  test(`${name}: reset forgets all but the levels of the lines`, () => {
    const board = new TestBoard(version).start();
    board.enable(40);
    board.enable(41, { edge: true });
    board.gic.controller.spi(8).set(true);
    board.gic.controller.spi(9).set(true);
    board.setBit(SET_PENDING, 42);
    assert.equal(board.acknowledge(), 40);
    assert.equal(board.running(), 0xa0);
    const fresh = new TestBoard(version);
    board.bus.reset();
    assert.deepEqual(board.irq, [false, false]);
    for (let offset = 0; offset < 0x1000; offset += 4) {
      if (offset === 0x204 || offset === 0x284) continue;
      assert.equal(board.read(offset), fresh.read(offset), offset.toString(16));
    }
    assert.equal(board.running(), 0xff);
    board.start();
    board.enable(40);
    assert.ok(board.irq[0]);
    assert.equal(board.bit(PENDING, 41), true, "level-sensitive after reset, and high");
    assert.equal(board.bit(PENDING, 42), false, "pended by software before the reset");
  });

  test(`${name}: a restored controller goes on where the saved one was`, () => {
    const random = randomFrom(77);
    const first = new TestBoard(version, { cpus: 3 }).start();
    const second = new TestBoard(version, { cpus: 3 });
    for (let id = 16; id < 64; id++) {
      first.enable(id, { cpu: random(3), priority: 8 * random(32), group: random(2) as 0 | 1 });
    }
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 20; i++) actAtRandom([first], random);
      const state = structuredClone(first.gic.regions.map(({ device }) => device.state()));
      // Whatever its vCPUs were told before.
      second.irq.fill(round % 2 === 0);
      second.fiq.fill(round % 3 === 0);
      second.gic.regions.forEach(({ device }, i) => device.restore(state[i]));
      assert.deepEqual([second.irq, second.fiq], [first.irq, first.fiq]);
      for (let i = 0; i < 40; i++) actAtRandom([first, second], random);
      assert.deepEqual(second.gic.regions[0].device.state(), first.gic.regions[0].device.state());
    }
  });

  test(`${name}: a state of another shape is refused and changes nothing`, () => {
    const board = new TestBoard(version).start();
    const { device } = board.gic.regions[0];
    const before = structuredClone(device.state());
    const other = new TestBoard(version, { cpus: 3 }).gic.regions[0].device.state();
    const { registers = before } = before as { registers?: DeviceState };
    const { pmr: _, ...rest } = registers as Record<string, DeviceState>;
    const without = (arrays: DeviceState): DeviceState =>
      version === 3 ? { registers: arrays, lpis: null } : arrays;
    const [short, numeric] = [without(rest), without({ ...rest, pmr: 1 })];
    const wrong = [null, 5, "x", [], {}, new Uint8Array(9), other, short, numeric];
    for (const state of wrong) assert.throws(() => device.restore(state), TypeError);
    assert.deepEqual(device.state(), before);
    assert.throws(() => board.gic.regions[1].device.restore({}), TypeError);
  });

  test(`${name}: no access at any offset, size or vCPU throws (seeded fuzz)`, () => {
    const random = randomFrom(4711);
    const board = new TestBoard(version, { cpus: 3, spis: 988 }).start();
    const value = { low: 0, high: 0 };
    const sizes = [1, 2, 4, 8] as const;
    for (const { offset, size } of board.gic.regions) {
      for (let at = 0; at < size; at += size > 0x10000 ? 28 : 4) {
        for (const bytes of sizes) {
          board.bus.write(
            offset + at + random(4),
            bytes,
            random(2 ** 32),
            random(2 ** 32),
            random(3),
          );
          board.bus.read(offset + at + random(4), bytes, value, random(5) - 1);
          assert.ok(value.low >= 0 && value.low < 2 ** (8 * Math.min(bytes, 4)));
        }
      }
    }
    for (let i = 0; i < 20_000; i++) {
      const region = board.gic.regions[random(board.gic.regions.length)];
      const at = region.offset + random(random(2) === 0 ? 0x1000 : region.size);
      const size = sizes[random(4)];
      if (random(2) === 0) board.bus.write(at, size, random(2 ** 32), 0, random(3));
      else board.bus.read(at, size, value, random(3));
      if (random(4) === 0) board.gic.controller.spi(random(988)).set(random(2) === 0);
      const registers = board.gic.registers;
      if (registers === undefined) continue;
      const ids = Object.values(ICC);
      const id = random(8) === 0 ? random(0x10000) : ids[random(ids.length)];
      const bits = (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
      if (random(2) === 0) registers.writeRegister(random(3), id, bits);
      else registers.readRegister(random(3), id);
    }
  });

  test(`${name}: behaves as recorded from QEMU`, () => {
    const file = new URL(`./testdata/gicv${version}_qemu.txt`, import.meta.url);
    const lines = readFileSync(file, "utf8").split("\n").filter((l) => /^[0-9]/.test(l));
    const cpus = 3;
    const board = new TestBoard(version, { cpus, spis: version === 2 ? 256 : 224 });
    assert.ok(lines.length > 1000);
    lines.forEach((line, number) => {
      const [who, operation, place, text, interrupts] = line.split(" ");
      const cpu = Number(who);
      const value = parseInt(text, 16);
      const at = parseInt(place, 16);
      const register = `${place}_EL1` as keyof typeof ICC;
      const where = `line ${number}: ${line}`;
      if (operation === "spi") board.gic.controller.spi(Number(place)).set(value !== 0);
      else if (operation === "ppi") board.gic.controller.ppi(cpu, Number(place)).set(value !== 0);
      else if (operation === "read4") assert.equal(board.read(at, 4, cpu), value, where);
      else if (operation === "write4") board.write(at, value, 4, cpu);
      else if (operation === "write1") board.write(at, value, 1, cpu);
      else if (operation === "mrs") {
        // QEMU has no range selector (ICC_CTLR_EL1.RSS).
        const difference = place === "CTLR" ? 1 << 18 : 0;
        assert.equal(board.get(cpu, register), value | difference, where);
      } else if (operation === "msr") board.set(cpu, register, value);
      else assert.fail(where);
      const seen = board.irq[cpu] ? "irq" : board.fiq[cpu] ? "fiq" : "-";
      assert.equal(seen, interrupts, where);
    });
  });
}

/** One action, the same on all boards; what they answer must be equal. */
function actAtRandom(boards: readonly TestBoard[], random: (n: number) => number): void {
  const action = random(7);
  const cpu = random(3);
  const id = random(64);
  const level = random(2) === 0;
  const answers = boards.map((board) => {
    if (action === 0) return board.acknowledge(cpu);
    if (action === 1) board.end(id, cpu);
    else if (action === 2) board.gic.controller.spi(id & 31).set(level);
    else if (action === 3) board.gic.controller.ppi(cpu, id & 15).set(level);
    else if (action === 4) board.setBit(level ? SET_PENDING : CLEAR_PENDING, 16 + (id & 31), cpu);
    else if (action === 5) board.mask(8 * (id & 31), cpu);
    else return board.highest(cpu);
    return [board.irq.join(), board.fiq.join()];
  });
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
}

test("the regions are those of the virt board", () => {
  const cpuInterrupts = { setIrq: () => {}, setFiq: () => {} };
  const places = (version: 2 | 3) =>
    createGic(version, { cpus: 4, spis: 256, cpuInterrupts }).regions
      .map(({ name, offset, size }) => [name, offset, size]);
  assert.deepEqual(places(2), [
    ["distributor", 0, 0x1000],
    ["cpu-interface", 0x10000, 0x2000],
    ["v2m", 0x20000, 0x1000],
  ]);
  assert.deepEqual(places(3), [
    ["distributor", 0, 0x10000],
    ["redistributors", 0xa0000, 4 * 0x20000],
  ]);
});

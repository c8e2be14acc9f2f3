import assert from "node:assert/strict";
import { test } from "node:test";
import { drops, GITS, ItsDriver, start } from "./testing/its_driver.ts";
import { RAM, randomFrom } from "./testing/board.ts";
import { ICC } from "./gicv3_cpu_interface.ts";

const CTLR = GITS;
const TYPER = GITS + 0x08;
const CBASER = GITS + 0x80;
const CWRITER = GITS + 0x88;
const CREADR = GITS + 0x90;
const BASER = GITS + 0x100;
const TRANSLATER = GITS + 0x1_0040;
const VALID = 0x8000_0000;
const INDIRECT = 0x4000_0000;

test("identification: physical LPIs, eight-byte entries, 16 bits of event, device and collection", () => {
  const { board } = new ItsDriver();
  assert.equal(board.read(TYPER), 1 | (7 << 4) | (15 << 8) | (15 << 13));
  assert.equal(board.read(TYPER + 4), (1 << 4) | 15);
  assert.equal(board.read(GITS + 4), 0x43b);
  assert.equal((board.read(GITS + 0xffe8) >>> 4) & 15, 3);
  assert.equal(board.read(CTLR), 0x8000_0001, "enabled; quiescent, because commands end at once");
});

test("GITS_BASER<n>: type and entry size are fixed, tables are locked while the ITS is enabled", () => {
  const { board } = new ItsDriver();
  const before = [0, 4, 8, 12].map((at) => board.read(BASER + at));
  for (let at = 0; at < 64; at += 4) board.write(BASER + at, 0);
  assert.deepEqual([0, 4, 8, 12].map((at) => board.read(BASER + at)), before);
  board.write(CTLR, 0);
  for (let at = 0; at < 64; at += 4) board.write(BASER + at, 0xffff_ffff);
  assert.deepEqual([0, 4, 8, 12, 16, 20, 60].map((at) => board.read(BASER + at)), [
    ...[0xffff_ffff, 0xf9e7_ffff],
    ...[0xffff_ffff, 0xfce7_ffff],
    ...[0, 0, 0],
  ]);
  board.write(CBASER, 0xffff_ffff);
  board.write(CBASER + 4, 0xffff_ffff);
  assert.deepEqual([board.read(CBASER), board.read(CBASER + 4)], [0xffff_fcff, 0xb8ef_ffff]);
});

test("MAPD, MAPC, MAPTI, INT: an event becomes the LPI at the collection's vCPU", () => {
  const driver = start();
  const dropped = drops(driver);
  driver.mapEvent(1, 0, 8200, 0);
  driver.mapEvent(1, 31, 8201, 1);
  driver.int(1, 0);
  driver.int(1, 31);
  assert.deepEqual([driver.drain(0), driver.drain(1)], [[8200], [8201]]);
  assert.equal(driver.reader, driver.writer);
  assert.equal(dropped(), 0);
});

test("MAPI: the event's number is the LPI's", () => {
  const driver = start();
  driver.mapDevice(2, { bits: 14, itt: RAM + 0x10_0000 });
  driver.mapSame(2, 8210, 1);
  driver.int(2, 8210);
  assert.deepEqual(driver.drain(1), [8210]);
  const dropped = drops(driver);
  driver.mapSame(2, 8191, 1);
  assert.equal(dropped(), 1, "below the first LPI");
});

test("a message of a device and a write to GITS_TRANSLATER raise the event's LPI", () => {
  const driver = start();
  const { board } = driver;
  driver.mapDevice(0);
  driver.mapEvent(1, 5, 8205, 1);
  driver.mapEvent(0, 6, 8206, 0);
  board.gic.msi.message(1, 5);
  assert.deepEqual(driver.drain(1), [8205]);
  board.write(TRANSLATER, 6);
  assert.deepEqual(driver.drain(0), [8206]);
  board.write(TRANSLATER, 6, 2);
  assert.deepEqual(driver.drain(0), [8206]);
  board.write(TRANSLATER, 6, 1);
  assert.deepEqual(driver.drain(0), []);
  assert.equal(board.read(TRANSLATER), 0);
  board.write(CTLR, 0);
  board.gic.msi.message(1, 5);
  assert.equal(board.irq[1], false, "not while the ITS is disabled");
});

test("MOVI: moves the event, and its pending LPI with it", () => {
  const driver = start();
  driver.mapEvent(1, 0, 8200, 0);
  driver.board.mask(0, 0);
  driver.int(1, 0);
  driver.moveEvent(1, 0, 1);
  assert.deepEqual([driver.pendingBit(0, 8200), driver.pendingBit(1, 8200)], [false, true]);
  assert.deepEqual(driver.drain(1), [8200]);
  driver.int(1, 0);
  assert.deepEqual(driver.drain(1), [8200]);
  const dropped = drops(driver);
  driver.moveEvent(1, 0, 7);
  assert.equal(dropped(), 1, "a collection that is not mapped");
  driver.int(1, 0);
  assert.deepEqual(driver.drain(1), [8200]);
});

test("MAPC moves a collection; what is pending stays until MOVALL", () => {
  const driver = start(3);
  for (let event = 0; event < 4; event++) driver.mapEvent(1, event, 8200 + event, 0);
  driver.board.mask(0, 0);
  driver.int(1, 0);
  driver.int(1, 1);
  driver.mapCollection(0, 2);
  driver.int(1, 2);
  assert.deepEqual(driver.drain(2), [8202]);
  assert.equal(driver.pendingBit(0, 8201), true);
  driver.moveAll(0, 2);
  assert.deepEqual(driver.drain(2), [8200, 8201]);
  driver.board.mask(0xf0, 0);
  assert.deepEqual(driver.drain(0), []);
  driver.mapCollection(0, 0, false);
  const dropped = drops(driver);
  driver.int(1, 3);
  assert.equal(dropped(), 1);
  driver.mapCollection(0, 1);
  driver.int(1, 3);
  assert.deepEqual(driver.drain(1), [8203]);
});

test("CLEAR takes the pending state away, DISCARD the mapping too", () => {
  const driver = start();
  driver.mapEvent(1, 0, 8200, 0);
  driver.int(1, 0);
  driver.clear(1, 0);
  assert.equal(driver.board.irq[0], false);
  driver.int(1, 0);
  assert.equal(driver.board.irq[0], true);
  driver.discard(1, 0);
  assert.equal(driver.board.irq[0], false);
  assert.equal(driver.pendingBit(0, 8200), false);
  const dropped = drops(driver);
  driver.int(1, 0);
  driver.clear(1, 0);
  driver.discard(1, 0);
  driver.invalidate(1, 0);
  driver.moveEvent(1, 0, 1);
  assert.equal(dropped(), 5);
});

test("INV and INVALL read the configuration again", () => {
  const driver = start();
  driver.mapEvent(1, 0, 8200, 0);
  driver.mapEvent(1, 1, 8201, 0);
  driver.configure(8200, 0x40, false);
  driver.configure(8201, 0x80, false);
  driver.int(1, 0);
  driver.int(1, 1);
  assert.equal(driver.board.irq[0], false, "disabled LPIs are pending and not signalled");
  driver.configure(8200, 0x90);
  driver.configure(8201, 0x80);
  driver.invalidate(1, 0);
  assert.equal(driver.board.highest(), 8200);
  driver.invalidateAll(1);
  assert.equal(driver.board.highest(), 8200, "another collection");
  driver.invalidateAll(0);
  assert.deepEqual(driver.drain(0), [8201, 8200]);
});

test("MAPD with V = 0 unmaps a device; mapped again it has the events of its table", () => {
  const driver = start();
  driver.mapEvent(1, 0, 8200, 0);
  driver.mapDevice(1, { valid: false });
  const dropped = drops(driver);
  driver.int(1, 0);
  driver.mapEvent(1, 0, 8200, 0);
  assert.equal(dropped(), 2);
  driver.mapDevice(1, { bits: 1 });
  driver.int(1, 0);
  assert.deepEqual(driver.drain(0), [8200]);
  driver.mapEvent(1, 2, 8200, 0);
  assert.equal(dropped(), 1, "two events only");
});

test("what a command names is checked: device, event, LPI, collection, redistributor", () => {
  const driver = start();
  const dropped = drops(driver);
  driver.mapEvent(1, 0, 8200, 0);
  const wrong: readonly (() => void)[] = [
    () => driver.mapDevice(1024), // beyond the table of two pages
    () => driver.mapDevice(0xffff_ffff),
    () => driver.mapDevice(2, { bits: 17 }),
    () => driver.mapDevice(2, { bits: 32 }),
    () => driver.mapEvent(3, 0, 8200, 0), // not mapped
    () => driver.mapEvent(1, 32, 8200, 0),
    () => driver.mapEvent(1, 0xffff_ffff, 8200, 0),
    () => driver.mapEvent(1, 1, 8191, 0),
    () => driver.mapEvent(1, 1, 0x1_0000, 0),
    () => driver.mapEvent(1, 1, 0xffff_ffff, 0),
    () => driver.mapEvent(1, 1, 8200, 512), // beyond the table of one page
    () => driver.mapCollection(512, 0),
    () => driver.mapCollection(5, 2), // two vCPUs
    () => driver.mapCollection(5, 0x7fff_ffff),
    () => driver.moveAll(0, 2),
    () => driver.moveAll(2, 0),
    () => driver.invalidateAll(5),
    () => driver.int(1, 32),
    () => driver.int(512, 0),
    () => driver.command([0x05, 0, 0, 0, 2 << 16]), // SYNC of redistributor 2
    () => driver.command([0x00]),
    () => driver.command([0x2a]), // VMAPTI of GICv4
    () => driver.command([0xff]),
  ];
  wrong.forEach((command, i) => {
    command();
    assert.equal(dropped(), 1, `${i}`);
  });
  driver.command([0x05]);
  driver.int(1, 0);
  assert.equal(dropped(), 0);
  assert.deepEqual(driver.drain(0), [8200], "the queue goes on");
});

test("tables that the guest scribbles over lead to no vCPU and no LPI that is not there", () => {
  const random = randomFrom(12);
  const driver = start();
  const { board } = driver;
  // Collection and device tables, and the ITT of device 1, behind the back of the ITS.
  for (let round = 0; round < 200; round++) {
    for (const table of [0x6_0000, 0x8_0000, 0xa_2000]) {
      for (let i = 0; i < 64; i++) board.ram.write32(RAM + table + 4 * i, random(2 ** 32));
    }
    for (let device = 0; device < 32; device++) board.gic.msi.message(device, random(64));
    for (const cpu of [0, 1]) for (const intid of driver.drain(cpu)) assert.ok(intid >= 8192);
  }
  // A collection of a vCPU beyond the last.
  board.bus.reset();
  const again = start();
  again.mapEvent(1, 0, 8200, 0);
  const dropped = drops(again);
  for (const redistributor of [2, 0x7fff, 0xffff]) {
    again.board.ram.write32(RAM + 0x6_0000, (VALID | redistributor) >>> 0);
    again.int(1, 0);
    again.invalidateAll(0);
  }
  assert.equal(dropped(), 6);
  assert.deepEqual(again.board.irq, [false, false]);
  // Entries that are not valid.
  for (const entry of [RAM + 0x6_0000, RAM + 0xa_2000, RAM + 0x8_0008]) {
    const fresh = start();
    fresh.mapEvent(1, 0, 8200, 0);
    const valid = entry === RAM + 0x8_0008 ? 0x80 : VALID;
    fresh.board.ram.write32(entry, ((fresh.board.ram.read32(entry) ?? 0) & ~valid) >>> 0);
    fresh.int(1, 0);
    assert.equal(fresh.board.irq[0], false);
    fresh.board.ram.write32(entry, ((fresh.board.ram.read32(entry) ?? 0) | valid) >>> 0);
    fresh.int(1, 0);
    assert.equal(fresh.board.irq[0], true);
  }
});

test("two-level tables: a page that is not there maps nothing", () => {
  for (const [size, bytes] of [[0, 0x1000], [1, 0x4000], [2, 0x1_0000], [3, 0x1_0000]]) {
    const driver = start();
    const { board } = driver;
    const [level1, level2] = [RAM + 0x10_0000, RAM + 0x12_0000];
    const perPage = bytes / 8;
    board.write(CTLR, 0);
    driver.write64(BASER, level1 | (size << 8), VALID | INDIRECT);
    driver.write64(BASER + 8, level1 + 0x1_0000 + (size << 8), VALID | INDIRECT);
    const page = (table: number, n: number, address: number) => {
      board.ram.write32(level1 + table * 0x1_0000 + 8 * n, address);
      board.ram.write32(level1 + table * 0x1_0000 + 8 * n + 4, VALID);
    };
    // Page 1 of the devices and page 0 of the collections.
    page(0, 1, level2 + 0x1_0000);
    page(1, 0, level2);
    board.write(CTLR, 1);
    driver.mapCollection(3, 1);
    const dropped = drops(driver);
    driver.mapDevice(1);
    assert.equal(dropped(), 1, "no page 0");
    const device = perPage + 3;
    driver.mapDevice(device);
    driver.mapEvent(device, 1, 8201, 3);
    driver.int(device, 1);
    assert.equal(dropped(), 0);
    assert.deepEqual(driver.drain(1), [8201]);
    assert.notEqual(board.ram.read32(level2 + 0x1_0000 + 24), 0, "where the entry is");
    driver.mapDevice(2 * perPage);
    assert.equal(dropped(), 1);
    // A page that is not valid, and one outside RAM.
    board.ram.write32(level1 + 8 + 4, 0);
    driver.int(device, 1);
    assert.equal(dropped(), 1);
    page(0, 1, 0x1000_0000);
    driver.int(device, 1);
    assert.equal(dropped(), 1);
  }
});

test("pages of 64 KiB: bits 15:12 of GITS_BASER<n> are bits 51:48 of the address", () => {
  const driver = start();
  driver.board.write(CTLR, 0);
  driver.write64(BASER, (RAM + 0x10_0000) | (2 << 8) | (1 << 12), VALID);
  driver.board.write(CTLR, 1);
  const dropped = drops(driver);
  driver.mapDevice(1);
  assert.equal(dropped(), 1);
  driver.board.write(CTLR, 0);
  driver.write64(BASER, (RAM + 0x10_0000) | (2 << 8), VALID);
  driver.board.write(CTLR, 1);
  driver.mapDevice(1);
  driver.mapDevice(8191);
  assert.equal(dropped(), 0);
  driver.mapDevice(8192);
  assert.equal(dropped(), 1);
  // A table with more room than there are ids.
  driver.board.write(CTLR, 0);
  driver.write64(BASER, (RAM + 0x10_0000) | (2 << 8) | 15, VALID);
  driver.board.write(CTLR, 1);
  driver.mapDevice(0xffff);
  assert.equal(dropped(), 0);
  driver.mapDevice(0x1_0000);
  assert.equal(dropped(), 1);
});

test("reset: disabled, no tables, no commands", () => {
  const driver = start();
  const { board } = driver;
  for (let i = 0; i < 200; i++) driver.command([0x05], false);
  driver.post();
  board.bus.reset();
  board.turn();
  assert.equal(board.read(CTLR), 0x8000_0000);
  assert.deepEqual([CBASER, CBASER + 4, CWRITER, CREADR].map((at) => board.read(at)), [0, 0, 0, 0]);
  assert.equal(board.read(BASER + 4), 0x0107_0000);
});

test("random commands, tables and accesses throw nothing and stay in RAM (seeded fuzz)", () => {
  const random = randomFrom(99);
  const driver = new ItsDriver({ cpus: 3 });
  const { board } = driver;
  const value = { low: 0, high: 0 };
  const small = () => random(4) === 0 ? random(2 ** 32) : random(64);
  const opcodes = [1, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
  const places = [0x0, 0x80, 0x84, 0x88, 0x90, 0x100, 0x104, 0x108, 0x10c, 0x1_0040];
  const redistributor = [0x0, 0x70, 0x74, 0x78, 0x7c, 0xa0, 0xb0, 0x14];
  const ids = Object.values(ICC);
  let signalled = 0;
  for (let round = 0; round < 300; round++) {
    // Back to something that works, then at random.
    if (round % 3 === 0) {
      board.bus.reset();
      board.start();
      for (let cpu = 0; cpu < 3; cpu++) driver.enableLpis(cpu, 13 + random(5));
      driver.write64(BASER, (RAM + 0x8_0001) | (random(4) << 8), VALID | (random(2) * INDIRECT));
      driver.write64(BASER + 8, (RAM + 0x6_0000) | (random(4) << 8), VALID);
      driver.write64(CBASER, RAM + 0x7_000f, VALID);
      board.write(CTLR, 1);
      for (let i = 0; i < 8192; i += 1 + random(64)) board.ram.bytes[i] = random(256);
    }
    for (let i = 0; i < 64; i++) {
      const id = random(8);
      const intid = 8192 + random(random(8) === 0 ? 0x1_0000 : 256);
      const itt = random(8) === 0 ? random(2 ** 32) : RAM + 0xa_0000 + id * 0x2000;
      const icid = random(4) | (random(4) << 16);
      const high = random(8) === 0 ? random(2 ** 32) : VALID;
      const opcode = random(16) === 0 ? random(256) : opcodes[random(opcodes.length)];
      const event = opcode === 8 ? random(16) : small();
      driver.command([opcode, id, event, intid, opcode === 8 ? itt : icid, high, icid, 0], false);
    }
    driver.post();
    for (let i = 0; i < 1000 && board.turns.length > 0; i++) board.turn();
    if (board.irq.includes(true)) signalled++;
    for (let i = 0; i < 40; i++) {
      const at = random(2) === 0
        ? GITS + places[random(places.length)]
        : board.redistributor(random(3)) + redistributor[random(redistributor.length)];
      const size = ([1, 2, 4, 8] as const)[random(4)];
      if (random(3) === 0) board.bus.read(at, size, value, random(3));
      else board.bus.write(at, size, small(), random(2 ** 32), random(3));
      board.gic.msi.message(small(), small());
      const id = ids[random(ids.length)];
      if (random(2) === 0) board.gic.registers?.readRegister(random(3), id);
      else board.gic.registers?.writeRegister(random(3), id, BigInt(small()));
    }
    assert.ok(board.turns.length < 200, "what waits is bounded");
  }
  assert.ok(signalled > 50, `${signalled} rounds raised interrupts`);
});

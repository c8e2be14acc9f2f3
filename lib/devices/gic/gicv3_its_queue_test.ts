import assert from "node:assert/strict";
import { test } from "node:test";
import { GITS, ItsDriver, itsOf, start } from "./testing/its_driver.ts";
import { RAM } from "./testing/board.ts";
import { GuestMemory } from "../../engine/guest_memory.ts";

const CTLR = GITS;
const CBASER = GITS + 0x80;
const CWRITER = GITS + 0x88;
const CREADR = GITS + 0x90;
const VALID = 0x8000_0000;

test("a queue outside RAM stalls, and goes on after a retry when it is there", () => {
  const driver = start();
  const { board } = driver;
  driver.mapEvent(1, 0, 8200, 0);
  board.write(CTLR, 0);
  // The last page of RAM, and one beyond.
  const queue = RAM + board.ram.size - 0x1000;
  driver.write64(CBASER, queue + 1, VALID);
  assert.equal(board.read(CREADR), 0, "a write of GITS_CBASER resets it");
  board.write(CTLR, 1);
  board.write(CWRITER, 0x1000 + 32);
  while (board.turns.length > 0) board.turn();
  assert.equal(board.read(CREADR), 0x1000 | 1, "stalled at the first that is not there");
  board.write(CWRITER, 0x1000 + 64);
  assert.equal(board.read(CREADR), 0x1000 | 1, "no retry");
  board.write(CWRITER, (0x1000 + 64) | 1);
  assert.equal(board.read(CREADR), 0x1000 | 1, "stalled again");
  assert.equal(board.read(CWRITER), 0x1000 + 64, "Retry reads as zero");
  board.gic.msi.message(1, 0);
  assert.deepEqual(driver.drain(0), [8200], "messages go on");
  const bytes = new Uint8Array(board.ram.size + 0x1000);
  bytes.set(board.ram.bytes);
  board.ram = new GuestMemory(bytes, RAM);
  board.write(CWRITER, 0x1000 + 64);
  assert.equal(board.read(CREADR), 0x1000 | 1);
  board.write(CWRITER, (0x1000 + 64) | 1);
  assert.equal(board.read(CREADR), 0x1000 + 64, "there is RAM now");
});

test("commands wait for the ITS to be enabled and the queue to be valid", () => {
  const driver = start();
  const { board } = driver;
  board.write(CTLR, 0);
  driver.mapEvent(1, 0, 8200, 0);
  driver.int(1, 0);
  assert.equal(board.irq[0], false);
  assert.notEqual(driver.reader, driver.writer);
  board.write(CTLR, 1);
  assert.equal(driver.reader, driver.writer);
  assert.deepEqual(driver.drain(0), [8200]);
  board.write(CTLR, 0);
  board.write(CBASER + 4, 0);
  board.write(CTLR, 1);
  board.write(CWRITER, 64);
  assert.equal(board.read(CREADR), 0);
});

test("GITS_CWRITER beyond the queue does nothing, the queue wraps", () => {
  const driver = start();
  const { board } = driver;
  driver.mapEvent(1, 0, 8200, 0);
  const reader = driver.reader;
  board.write(CWRITER, 0xf_ffe0);
  assert.equal(driver.reader, reader);
  assert.equal(board.turns.length, 0);
  // 2048 commands and one more, a few at a time.
  for (let i = 0; i < 2048; i++) driver.command([0x05], i % 16 === 15);
  driver.int(1, 0);
  assert.equal(driver.reader, driver.writer);
  assert.equal(driver.writer, (reader + 32) % 0x1_0000);
  assert.deepEqual(driver.drain(0), [8200]);
});

test("a long queue is worked off in pieces, the host has turns between them", () => {
  const driver = start();
  const { board } = driver;
  driver.mapEvent(1, 0, 8200, 0);
  const first = driver.reader;
  for (let i = 0; i < 1999; i++) driver.command([0x05], false);
  driver.command([0x03, 1, 0], false);
  driver.post();
  let turns = 0;
  for (let done = 0; driver.reader !== driver.writer; turns++) {
    const now = (driver.reader - first + 0x1_0000) % 0x1_0000 / 32;
    assert.ok(now > done && now - done <= 64, `${now - done} at once`);
    done = now;
    // Writing again does not get more done.
    driver.post();
    assert.equal(board.turns.length, 1);
    assert.equal((driver.reader - first + 0x1_0000) % 0x1_0000 / 32, now);
    board.turn();
  }
  assert.ok(turns >= 2000 / 64 - 1);
  assert.deepEqual(driver.drain(0), [8200]);
  // Commands that go over all LPIs count for more.
  for (let i = 0; i < 64; i++) driver.command([0x0d, 0, 0, 0, 0], false);
  const before = driver.reader;
  driver.post();
  assert.equal((driver.reader - before + 0x1_0000) % 0x1_0000 / 32, 2);
  // Disabling or resetting the ITS ends it.
  board.write(CTLR, 0);
  const stopped = driver.reader;
  board.turn();
  assert.equal(driver.reader, stopped);
});

test("a restored ITS goes on with its queue", () => {
  const first = start();
  first.mapEvent(1, 0, 8200, 0);
  for (let i = 0; i < 200; i++) first.command([0x05], false);
  first.command([0x03, 1, 0], false);
  first.post();
  assert.notEqual(first.reader, first.writer);
  const state = structuredClone(first.board.gic.regions.map(({ device }) => device.state()));
  const second = new ItsDriver();
  second.board.ram.bytes.set(first.board.ram.bytes);
  second.board.gic.regions.forEach(({ device }, i) => device.restore(state[i]));
  assert.equal(second.reader, first.reader);
  for (const { board } of [first, second]) while (board.turns.length > 0) board.turn();
  assert.equal(second.reader, first.writer);
  assert.deepEqual([first.drain(0), second.drain(0)], [[8200], [8200]]);
  assert.throws(() => itsOf(second).restore({}), TypeError);
});

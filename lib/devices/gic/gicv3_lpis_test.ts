import assert from "node:assert/strict";
import { test } from "node:test";
import { ItsDriver } from "./testing/its_driver.ts";
import { RAM, TestBoard } from "./testing/board.ts";

const SPURIOUS = 1023;
const GICR_CTLR = 0x00;
const GICR_PROPBASER = 0x70;
const GICR_PENDBASER = 0x78;
const GICR_INVLPIR = 0xa0;
const GICR_INVALLR = 0xb0;
const GICR_SYNCR = 0xc0;

/** A device whose event n raises LPI 8192 + n at vCPU 0. */
function mapped(events = 16): ItsDriver {
  const driver = new ItsDriver();
  driver.mapDevice(1);
  for (let event = 0; event < events; event++) driver.mapEvent(1, event, 8192 + event, 0);
  return driver;
}

test("a GICv3 without RAM for tables has no LPIs and no ITS", () => {
  const board = new TestBoard(3).start();
  const redistributor = board.redistributor(0);
  assert.equal((board.read(4) >>> 17) & 1, 0, "GICD_TYPER.LPIS");
  assert.equal(board.read(redistributor + 8) & 1, 0, "GICR_TYPER.PLPIS");
  for (const register of [GICR_CTLR, GICR_PROPBASER, GICR_PENDBASER]) {
    board.write(redistributor + register, 0xffff_ffff);
    assert.equal(board.read(redistributor + register), 0);
  }
  assert.deepEqual(board.gic.regions.map(({ name }) => name), ["distributor", "redistributors"]);
});

test("with LPIs GICD_TYPER tells them and 16-bit ids, GICR_TYPER and GICR_CTLR what they can do", () => {
  const { board } = new ItsDriver();
  assert.equal((board.read(4) >>> 17) & 1, 1, "LPIS");
  assert.equal((board.read(4) >>> 19) & 31, 15, "IDbits");
  assert.equal(board.read(board.redistributor(0) + 8) & 1, 1, "PLPIS");
  assert.equal(board.read(board.redistributor(0)), 0b111, "IR, CES, EnableLPIs");
  board.write(board.redistributor(1), 0);
  assert.equal(board.read(board.redistributor(0)), 0b111);
  assert.equal(board.read(board.redistributor(1)), 0b110);
});

test("each redistributor has tables of its own, locked while its LPIs are enabled", () => {
  const { board } = new ItsDriver();
  const [first, second] = [board.redistributor(0), board.redistributor(1)];
  board.write(first, 0);
  for (const register of [GICR_PROPBASER, GICR_PENDBASER]) {
    const other = board.read(second + register);
    for (const half of [0, 4]) {
      board.write(first + register + half, 0xffff_ffff);
      board.write(second + register + half, 0xffff_ffff);
    }
    assert.equal(board.read(second + register), other);
  }
  assert.equal(board.read(first + GICR_PROPBASER), 0xffff_ff9f);
  assert.equal(board.read(first + GICR_PROPBASER + 4), 0x070f_ffff);
  assert.equal(board.read(first + GICR_PENDBASER), 0xffff_0f80);
  assert.equal(board.read(first + GICR_PENDBASER + 4), 0x070f_ffff, "PTZ reads as zero");
  // Tables outside RAM: no harm, and nothing is enabled there.
  board.write(first, 1);
  assert.equal(board.irq[0], false);
});

test("an LPI is taken by ICC_IAR1_EL1, ended by ICC_EOIR1_EL1, and has no active state", () => {
  const driver = mapped();
  const { board } = driver;
  driver.configure(8195, 0xa0);
  driver.int(1, 3);
  assert.equal(board.irq[0], true);
  assert.equal(board.highest(), 8195);
  assert.equal(driver.pendingBit(0, 8195), true, "written through to the pending table");
  assert.equal(board.get(0, "IAR0_EL1"), SPURIOUS);
  assert.equal(board.acknowledge(), 8195);
  assert.equal(driver.pendingBit(0, 8195), false);
  assert.equal(board.running(), 0xa0);
  board.end(8195);
  assert.equal(board.running(), 0xff);
  // EOImode: the priority drop is all there is.
  board.splitEnd();
  driver.int(1, 3);
  assert.equal(board.acknowledge(), 8195);
  board.end(8195);
  driver.int(1, 3);
  assert.equal(board.acknowledge(), 8195, "no deactivation needed");
  board.deactivate(8195);
  for (const intid of [1023, 5000, 8191, 0x1_0000, 0xff_ffff]) board.end(intid);
  assert.equal(board.running(), 0xa0, "ids that are none end nothing");
});

test("what is written to the pending table is told to the code cache", () => {
  const driver = mapped();
  const written: number[] = [];
  driver.board.ram.observe((address, length) => {
    if (address < driver.pendingTable(1)) written.push(address, length);
  });
  driver.board.gic.msi.message(1, 9);
  assert.deepEqual(written, [driver.pendingTable(0) + (8201 >> 3), 1]);
});

test("a message that comes while its LPI is being handled is not lost", () => {
  const driver = mapped();
  const { board } = driver;
  driver.configure(8192, 0xa0);
  driver.int(1, 0);
  assert.equal(board.acknowledge(), 8192);
  for (let i = 0; i < 3; i++) driver.int(1, 0);
  assert.equal(driver.pendingBit(0, 8192), true);
  assert.equal(board.irq[0], false);
  board.end(8192);
  assert.deepEqual(driver.drain(0), [8192], "once");
});

test("LPIs and SPIs compete by priority, of equal ones the SPI wins", () => {
  const driver = mapped();
  const { board } = driver;
  const priorities = [0x90, 0x80, 0x80, 0x70];
  priorities.forEach((priority, n) => driver.configure(8192 + n, priority));
  board.enable(40, { priority: 0x80, edge: true });
  for (let event = 0; event < 4; event++) driver.int(1, event);
  board.setBit(0x200, 40);
  const order = [8195, 40, 8193, 8194, 8192];
  assert.deepEqual(driver.drain(0), order);
  // And preempt.
  driver.int(1, 0);
  assert.equal(board.acknowledge(), 8192);
  driver.int(1, 3);
  assert.equal(board.acknowledge(), 8195);
  assert.equal(board.running(), 0x70);
});

test("an LPI needs its group enabled, and a priority above the mask", () => {
  const driver = mapped();
  const { board } = driver;
  driver.configure(8192, 0xa0);
  driver.int(1, 0);
  const signalled = (change: () => void) => {
    change();
    return board.irq[0];
  };
  assert.equal(signalled(() => board.mask(0xa0)), false);
  assert.equal(signalled(() => board.mask(0xf8)), true);
  assert.equal(signalled(() => board.set(0, "IGRPEN1_EL1", 0)), false);
  assert.equal(signalled(() => board.set(0, "IGRPEN1_EL1", 1)), true);
  assert.equal(signalled(() => board.write(0, 1)), false);
  assert.equal(signalled(() => board.write(0, 2)), true);
  assert.equal(board.fiq[0], false);
});

test("a disabled LPI stays pending; GICR_INVLPIR and GICR_INVALLR read its configuration again", () => {
  const driver = mapped();
  const { board } = driver;
  const redistributor = board.redistributor(0);
  for (let event = 0; event < 3; event++) driver.int(1, event);
  assert.equal(board.irq[0], false);
  assert.equal(driver.pendingBit(0, 8193), true);
  for (let n = 0; n < 3; n++) driver.configure(8192 + n, 0xa0 - 8 * n);
  assert.equal(board.irq[0], false, "not before the guest says so");
  board.write(redistributor + GICR_INVLPIR, 8193);
  assert.equal(board.highest(), 8193);
  board.write(redistributor + GICR_INVLPIR, 9000);
  board.write(redistributor + GICR_INVLPIR, 5);
  board.write(board.redistributor(1) + GICR_INVALLR, 0);
  assert.equal(board.highest(), 8193);
  board.write(redistributor + GICR_INVALLR, 0);
  assert.equal(board.highest(), 8194);
  driver.configure(8194, 0, false);
  board.write(redistributor + GICR_INVLPIR, 8194);
  assert.deepEqual(driver.drain(0), [8193, 8192]);
  assert.equal(driver.pendingBit(0, 8194), true);
  assert.equal(board.read(redistributor + GICR_SYNCR), 0, "never busy");
});

test("the pending table is read when LPIs become enabled, unless it is said to be zero", () => {
  const driver = mapped();
  const { board } = driver;
  const redistributor = board.redistributor(0);
  const bytes = board.ram.bytes;
  const at = driver.pendingTable(0) - RAM;
  for (const intid of [8192, 20000, 65535]) driver.configure(intid, 0xa0);
  board.write(redistributor, 0);
  bytes.fill(0xff, at, at + 1024);
  bytes[at + (8192 >> 3)] = 1;
  bytes[at + (20000 >> 3)] = 1 << (20000 & 7);
  bytes[at + (65535 >> 3)] = 0x80;
  board.write(redistributor, 1);
  assert.deepEqual(driver.drain(0), [8192, 20000, 65535]);
  assert.equal(bytes[at + (65535 >> 3)], 0);
  // What is there when LPIs become disabled is there when they are enabled again.
  driver.int(1, 0);
  board.write(redistributor, 0);
  assert.equal(board.irq[0], false);
  driver.int(1, 1);
  assert.equal(driver.pendingBit(0, 8193), false, "not for a redistributor with LPIs disabled");
  assert.equal(driver.pendingBit(0, 8192), true);
  board.write(redistributor, 1);
  assert.deepEqual(driver.drain(0), [8192]);
  driver.int(1, 0);
  board.write(redistributor, 0);
  board.write(redistributor + GICR_PENDBASER + 4, 1 << 30);
  board.write(redistributor, 1);
  assert.equal(board.irq[0], false);
});

test("GICR_PROPBASER.IDbits bounds the LPIs of a redistributor", () => {
  for (const [bits, last] of [[14, 16383], [15, 32767], [16, 65535], [17, 65535], [32, 65535]]) {
    const driver = new ItsDriver({ cpus: 1 });
    const { board } = driver;
    board.write(board.redistributor(0), 0);
    driver.enableLpis(0, bits);
    driver.mapDevice(1);
    driver.mapEvent(1, 0, last, 0);
    driver.mapEvent(1, 1, last + 1, 0);
    driver.configure(last, 0xa0);
    if (last < 65535) driver.configure(last + 1, 0xa0);
    driver.int(1, 0);
    driver.int(1, 1);
    assert.deepEqual(driver.drain(0), [last]);
  }
  // Too few for any.
  const driver = mapped();
  driver.board.write(driver.board.redistributor(0), 0);
  driver.enableLpis(0, 13);
  driver.configure(8192, 0xa0);
  driver.int(1, 0);
  assert.equal(driver.board.irq[0], false);
});

test("much work for one access ends the slice", () => {
  const driver = mapped();
  const { board } = driver;
  const redistributor = board.redistributor(0);
  const at = driver.pendingTable(0) - RAM;
  const ends = (offset: number, value: number) => {
    board.turns.length = 0;
    board.write(redistributor + offset, value);
    return board.turns.length > 0;
  };
  assert.equal(ends(GICR_INVALLR, 0), false);
  assert.equal(ends(GICR_CTLR, 0), false);
  board.ram.bytes.fill(0xff, at, at + 8192);
  assert.equal(ends(GICR_CTLR, 1), true);
  assert.equal(ends(GICR_INVALLR, 0), true);
});

test("a restored controller has the pending LPIs, with the configuration that counted", () => {
  const first = mapped();
  first.configure(8192, 0xa0);
  first.configure(8193, 0x80);
  for (let event = 0; event < 3; event++) first.int(1, event);
  assert.equal(first.board.acknowledge(), 8193);
  first.int(1, 1);
  first.configure(8192, 0, false);
  const state = structuredClone(first.board.gic.regions.map(({ device }) => device.state()));
  const second = new ItsDriver();
  second.board.ram.bytes.set(first.board.ram.bytes);
  second.board.gic.regions.forEach(({ device }, i) => device.restore(state[i]));
  for (const driver of [first, second]) {
    assert.equal(driver.board.irq[0], false);
    driver.board.end(8193);
    assert.deepEqual(driver.drain(0), [8193, 8192], "the change was not made known");
    driver.configure(8194, 0xa0);
    driver.board.write(driver.board.redistributor(0) + GICR_INVALLR, 0);
    assert.deepEqual(driver.drain(0), [8194]);
  }
  assert.deepEqual(second.board.ram.bytes, first.board.ram.bytes);
});

test("a state with pending LPIs that cannot be is refused and changes nothing", () => {
  const { board } = mapped();
  const { device } = board.gic.regions[0];
  const before = structuredClone(device.state()) as {
    registers: Record<string, Uint8Array>;
    lpis: { registers: Record<string, Uint8Array>; pending: Uint8Array[] };
  };
  const { registers, lpis } = before;
  const none = new Uint8Array(0);
  const pending = (...bytes: number[]) => ({
    registers,
    lpis: { ...lpis, pending: [Uint8Array.from(bytes), none] },
  });
  const wrong = [
    { registers, lpis: null },
    { registers, lpis: { ...lpis, pending: [none] } },
    { registers, lpis: { ...lpis, pending: [none, 5] } },
    { registers, lpis: { ...lpis, registers: {} } },
    { registers: { ...registers, pmr: none }, lpis },
    pending(0, 0x20),
    pending(0xff, 0x1f, 0xa1),
    pending(1, 0x20, 0xa1, 0, 0x20, 0xa1),
    pending(1, 0x20, 0xa1, 1, 0x20, 0xa1),
  ];
  board.set(0, "PMR_EL1", 0x50);
  const now = structuredClone(device.state());
  for (const state of wrong) assert.throws(() => device.restore(state), TypeError);
  assert.deepEqual(device.state(), now);
  device.restore(pending(1, 0x20, 0xa1));
  assert.equal(board.irq[0], true);
  device.restore(pending());
  assert.equal(board.irq[0], false, "what was pending is not any more");
  device.restore(pending(1, 0x20, 0xa1));
  assert.equal(board.acknowledge(), 8193);
  // LPIs beyond GICR_PROPBASER.IDbits are left out.
  board.set(0, "EOIR1_EL1", 8193);
  const few = structuredClone(pending(0x20, 0x4e, 0xa1));
  new DataView(few.lpis.registers.propbaser.buffer).setUint8(0, 13);
  device.restore(few);
  assert.equal(board.acknowledge(), SPURIOUS);
});

test("reset disables LPIs and forgets which are pending", () => {
  const driver = mapped();
  const { board } = driver;
  driver.configure(8192, 0xa0);
  driver.int(1, 0);
  board.bus.reset();
  const redistributor = board.redistributor(0);
  assert.equal(board.read(redistributor), 0b110);
  assert.equal(board.read(redistributor + GICR_PROPBASER), 0);
  board.start();
  assert.equal(board.irq[0], false);
});

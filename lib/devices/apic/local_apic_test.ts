import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "../vbus/device.ts";
import { makeBoard, message, Offset } from "./testing/board.ts";
import { BROADCAST } from "./message.ts";

const { TPR, PPR, EOI, LDR, DFR, SVR, ISR, TMR, IRR, ESR, ICR, ICR_HIGH } = Offset;
const { ID, VERSION, TIMER, LINT0, LINT1, ERROR } = Offset;
const MASKED = 0x10000;
const BASE = 0x1b;

test("registers after power-on", () => {
  const { read } = makeBoard();
  assert.deepEqual([read(0, ID), read(1, ID)], [0, 0x01000000]);
  assert.equal(read(0, VERSION), 0x01050014);
  assert.deepEqual([TPR, PPR, LDR, DFR, SVR].map((at) => read(0, at)), [0, 0, 0, 0xffffffff, 0xff]);
  for (let at: number = TIMER; at <= ERROR; at += 0x10) assert.equal(read(0, at), MASKED);
  for (let at: number = ISR; at < ESR; at += 0x10) assert.equal(read(0, at), 0);
});

test("registers keep only bits that exist; narrow accesses do nothing", () => {
  const { apics, read, write, enable } = makeBoard();
  enable(0);
  const masks: [number, number][] = [
    [TPR, 0xff],
    [LDR, 0xff000000],
    [DFR, 0xffffffff],
    [SVR, 0x11ff],
    [TIMER, 0x700ff],
    [0x330, 0x107ff],
    [0x340, 0x107ff],
    [LINT0, 0x1a7ff],
    [LINT1, 0x1a7ff],
    [ERROR, 0x100ff],
    [ICR_HIGH, 0xff000000],
    [Offset.DIVIDE, 0xb],
    [VERSION, 0x01050014],
    [PPR, 0xff],
  ];
  for (const [at, bits] of masks) {
    write(0, at, 0xffffffff);
    assert.equal(read(0, at), bits, at.toString(16));
  }
  write(0, DFR, 0);
  assert.equal(read(0, DFR), 0x0fffffff);
  const narrow = { write: true, offset: TPR, size: 1 as const, value: 0, vcpu: 0 };
  apics.access(narrow);
  apics.access({ ...narrow, size: 4, offset: TPR + 4 });
  assert.equal(read(0, TPR), 0xff);
});

test("an interrupt goes from IRR to ISR and ends", () => {
  const { apics, interrupt, read, write, enable, ended } = makeBoard();
  enable(0);
  assert.equal(apics.deliver(message(0x45)), true);
  assert.equal(interrupt[0], true);
  assert.equal(interrupt[1], false);
  assert.equal(read(0, IRR + 0x20), 1 << 5);
  assert.equal(apics.acknowledge(0), 0x45);
  assert.equal(interrupt[0], false);
  assert.deepEqual([read(0, IRR + 0x20), read(0, ISR + 0x20), read(0, PPR)], [0, 1 << 5, 0x40]);
  write(0, EOI, 0);
  assert.deepEqual([read(0, ISR + 0x20), read(0, PPR)], [0, 0]);
  assert.deepEqual(ended, [], "an edge's end is nobody's business");
  write(0, EOI, 0);
});

test("priorities: classes nest, the same class waits, TPR and CR8 hold back", () => {
  const { apics, interrupt, read, write, enable, take } = makeBoard();
  enable(0);
  apics.deliver(message(0x51));
  assert.equal(apics.acknowledge(0), 0x51);
  apics.deliver(message(0x5f));
  assert.equal(interrupt[0], false, "the same class");
  apics.deliver(message(0x60));
  assert.equal(apics.acknowledge(0), 0x60);
  write(0, EOI, 0);
  assert.equal(interrupt[0], false);
  write(0, EOI, 0);
  assert.equal(interrupt[0], true);
  write(0, TPR, 0x52);
  assert.equal(interrupt[0], false);
  assert.equal(read(0, PPR), 0x52);
  write(0, TPR, 0x4f);
  assert.equal(interrupt[0], true);
  apics.setTaskPriorityClass(0, 5);
  assert.deepEqual([read(0, TPR), apics.taskPriorityClass(0), interrupt[0]], [0x50, 5, false]);
  apics.setTaskPriorityClass(0, 0);
  for (const vector of [0x31, 0xef, 0x20, 0x32]) apics.deliver(message(vector));
  assert.deepEqual(take(0), [0xef, 0x5f, 0x32, 0x31, 0x20]);
});

test("an interrupt that is held back meanwhile gives the spurious vector, not in service", () => {
  const { apics, read, write, enable } = makeBoard();
  enable(0);
  apics.deliver(message(0x45));
  write(0, TPR, 0x40);
  assert.equal(apics.acknowledge(0), 0xff);
  for (let word = 0; word < 8; word++) assert.equal(read(0, ISR + 16 * word), 0);
});

test("the end of a level is told to the I/O APICs, unless SVR suppresses it", () => {
  const { apics, read, write, enable, ended } = makeBoard();
  enable(0);
  apics.deliver(message(0x80, { level: true }));
  apics.deliver(message(0x70));
  assert.equal(read(0, TMR + 0x40), 1);
  assert.equal(apics.acknowledge(0), 0x80);
  write(0, EOI, 0);
  apics.acknowledge(0);
  write(0, EOI, 0);
  assert.deepEqual(ended.splice(0), [0x80]);
  write(0, SVR, 0x11ff);
  apics.deliver(message(0x80, { level: true }));
  apics.acknowledge(0);
  write(0, EOI, 0);
  assert.deepEqual(ended, []);
  apics.deliver(message(0x80));
  assert.equal(read(0, TMR + 0x40), 0, "TMR follows the last one");
});

test("software-disabled: masks are set, others' interrupts are refused, what waits is kept", () => {
  const { apics, interrupt, read, write, enable, events } = makeBoard();
  write(0, LINT1, 0x400);
  assert.equal(read(0, LINT1), 0x10400);
  assert.equal(apics.deliver(message(0x45)), false);
  enable(0);
  write(0, LINT1, 0x400);
  assert.equal(read(0, LINT1), 0x400);
  apics.deliver(message(0x45));
  write(0, SVR, 0xff);
  assert.deepEqual([read(0, LINT1), interrupt[0]], [0x10400, true]);
  assert.equal(apics.deliver(message(0, { mode: 4 })), true, "NMI comes through");
  assert.deepEqual(events, ["nmi 0"]);
});

test("physical and logical destinations: flat and cluster", () => {
  const { apics, write, enable, take } = makeBoard(4);
  const reached = (destination: number, logical: boolean): number[] => {
    apics.deliver(message(0x40, { destination, logical }));
    return [0, 1, 2, 3].filter((vcpu) => take(vcpu).length > 0);
  };
  for (let vcpu = 0; vcpu < 4; vcpu++) {
    enable(vcpu);
    write(vcpu, LDR, (1 << vcpu) << 24);
  }
  assert.deepEqual(reached(2, false), [2]);
  assert.deepEqual(reached(4, false), []);
  assert.deepEqual(reached(BROADCAST, false), [0, 1, 2, 3]);
  assert.deepEqual(reached(0b1010, true), [1, 3]);
  assert.deepEqual(reached(0, true), []);
  for (let vcpu = 0; vcpu < 4; vcpu++) {
    write(vcpu, DFR, 0x0fffffff);
    write(vcpu, LDR, (((vcpu >>> 1) << 4) | (1 << (vcpu & 1))) << 24);
  }
  assert.deepEqual(reached(0x03, true), [0, 1]);
  assert.deepEqual(reached(0x12, true), [3]);
  assert.deepEqual(reached(0xf1, true), [0, 2]);
  assert.deepEqual(reached(0x23, true), []);
  write(2, ID, 0x07000000);
  assert.deepEqual(reached(7, false), [2], "the id can be changed in xAPIC mode");
});

test("lowest priority: the least urgent one that is enabled, or who has it already", () => {
  const { apics, write, enable, take, interrupt } = makeBoard(3);
  const all = { mode: 1, destination: BROADCAST };
  assert.equal(apics.deliver(message(0x40, all)), false);
  enable(1);
  enable(2);
  apics.deliver(message(0x40, all));
  assert.deepEqual([take(1), take(2)], [[0x40], []], "of equals the first");
  write(1, TPR, 0x20);
  assert.equal(apics.deliver(message(0x40, all)), true);
  assert.deepEqual([take(0), take(1), take(2)], [[], [], [0x40]]);
  write(2, TPR, 0x30);
  apics.deliver(message(0x40, all));
  write(1, TPR, 0xff);
  apics.deliver(message(0x40, all));
  write(1, TPR, 0);
  assert.deepEqual(take(1), [0x40], "still the one that has it");
  assert.equal(interrupt[2], false);
});

test("IPIs: destinations and shorthands of ICR", () => {
  const { write, enable, take, read } = makeBoard(3);
  for (let vcpu = 0; vcpu < 3; vcpu++) enable(vcpu);
  const sent = (low: number, destination = 0): number[][] => {
    write(1, ICR_HIGH, destination << 24);
    write(1, ICR, low);
    return [0, 1, 2].map((vcpu) => take(vcpu));
  };
  assert.deepEqual(sent(0x0041, 2), [[], [], [0x41]]);
  assert.deepEqual(sent(0x0041, 0xff), [[0x41], [0x41], [0x41]]);
  assert.deepEqual(sent(0x40042), [[], [0x42], []], "self");
  assert.deepEqual(sent(0x80043), [[0x43], [0x43], [0x43]], "all");
  assert.deepEqual(sent(0xc0044), [[0x44], [], [0x44]], "others");
  assert.equal(read(1, ICR), 0xc0044, "delivery status is idle");
  write(0, LDR, 0x05000000);
  assert.deepEqual(sent(0x0845, 4), [[0x45], [], []], "logical");
  assert.deepEqual(sent(0x0746, 0), [[], [], []], "no mode of IPIs");
});

test("INIT, start-up, NMI and SMI; INIT resets the APIC but not its id", () => {
  const { apics, read, write, enable, events, interrupt } = makeBoard(3);
  enable(1);
  write(1, TPR, 0x20);
  apics.deliver(message(0x45, { destination: 1 }));
  write(0, ICR_HIGH, 1 << 24);
  write(0, ICR, 0xc500);
  assert.deepEqual(events.splice(0), ["init 1"]);
  assert.deepEqual([read(1, TPR), read(1, SVR), read(1, IRR + 0x20)], [0, 0xff, 0]);
  assert.deepEqual([read(1, ID), interrupt[1]], [0x01000000, false]);
  write(0, ICR, 0x8500);
  assert.deepEqual(events, [], "a de-assert does nothing");
  write(0, ICR, 0x069a);
  write(0, ICR, 0xc4400);
  write(0, ICR, 0x0200);
  assert.deepEqual(events.splice(0), ["start 1 0x9a", "nmi 1", "nmi 2", "smi 1"]);
  write(0, ICR, 0xc0500);
  assert.deepEqual(events.splice(0), ["init 1", "init 2"]);
  write(0, ICR, 0x80500);
  write(0, ICR, 0x40400);
  assert.deepEqual(events, [], "not to oneself by shorthand");
});

test("devices cannot send start-up messages", () => {
  const { apics, enable, events } = makeBoard(2);
  enable(1);
  assert.equal(apics.deliver(message(0x9a, { mode: 6, destination: 1 })), false);
  assert.deepEqual(events, []);
});

test("errors: illegal vectors sent and received, reserved registers, one interrupt", () => {
  const { apics, read, write, enable, take } = makeBoard();
  const errors = (): number => {
    write(0, ESR, 0);
    return read(0, ESR);
  };
  enable(0);
  write(0, ERROR, 0xe0);
  write(0, ICR, 0x4000f);
  assert.equal(read(0, ESR), 0, "told when ESR is written");
  apics.deliver(message(0x0f));
  assert.deepEqual(take(0), [0xe0], "armed again by a write of ESR");
  assert.equal(errors(), 0x60);
  assert.equal(errors(), 0);
  for (const at of [0x00, 0x40, 0x2f0, 0x3f0, 0x400, 0xff0]) {
    assert.equal(read(0, at), 0);
    assert.equal(errors(), 0x80, at.toString(16));
  }
  assert.deepEqual(take(0), [0xe0]);
  // The error's own vector may be wrong too.
  write(0, ERROR, 3);
  write(0, ICR, 0x40000);
  assert.equal(errors(), 0x60);
});

test("MSI: address and data make the message", () => {
  const { apics, enable, take } = makeBoard(2);
  enable(0);
  enable(1);
  assert.equal(apics.messageSignalled(0xfee01000, 0x0041), true);
  assert.deepEqual([take(0), take(1)], [[], [0x41]]);
  assert.equal(apics.messageSignalled(0xfeeff000, 0x0042), true);
  assert.deepEqual([take(0), take(1)], [[0x42], [0x42]]);
  assert.equal(apics.messageSignalled(0xfec00000, 0x0042), false);
  assert.equal(apics.messageSignalled(0xfef00000, 0x0042), false);
  assert.equal(apics.messageSignalled(0xfee05000, 0x0042), false);
});

test("vector 16 is the first one that is legal", () => {
  const { apics, write, enable, take } = makeBoard();
  enable(0);
  write(0, ICR, 0x40010);
  assert.deepEqual(take(0), [16]);
  apics.writeRegister(0, BASE, 0xfee00d00n);
  assert.equal(apics.writeRegister(0, 0x83f, 16n), true);
  assert.equal(apics.readRegister(0, 0x820), 1n << 16n);
  apics.writeRegister(0, 0x828, 0n);
  assert.equal(apics.readRegister(0, 0x828), 0n);
});

test("a flat logical id has eight bits", () => {
  const { apics, write, enable, take } = makeBoard();
  enable(0);
  write(0, LDR, 0x20000000);
  assert.equal(apics.deliver(message(0x40, { logical: true, destination: 0x32 })), true);
  assert.equal(apics.deliver(message(0x41, { logical: true, destination: 0x12 })), false);
  assert.deepEqual(take(0), [0x40]);
});

test("a disabled APIC forgets what was requested, hears no one, and its timer stops", () => {
  const { apics, clock, events, interrupt, write, enable, read } = makeBoard();
  enable(1);
  write(1, TIMER, 0x40);
  write(1, Offset.INITIAL, 1000);
  apics.deliver(message(0x55, { destination: 1 }));
  assert.equal(interrupt[1], true);
  apics.writeRegister(1, BASE, 0xfee00000n);
  assert.deepEqual([interrupt[1], clock.nextDeadline()], [false, Infinity]);
  write(0, ICR, 0xc4400);
  assert.deepEqual(events, []);
  apics.writeRegister(1, BASE, 0xfee00800n);
  assert.deepEqual([read(1, SVR), read(1, Offset.INITIAL)], [0xff, 0]);
});

test("a message of ExtINT needs an enabled APIC", () => {
  const { apics, interrupt, enable } = makeBoard();
  assert.equal(apics.deliver(message(0, { mode: 7 })), false);
  assert.equal(interrupt[0], false);
  assert.equal(apics.deliver(message(1, { mode: 3 })), false, "reserved");
  enable(0);
  assert.equal(apics.deliver(message(0, { mode: 7 })), true);
});

test("state and restore with interrupts in each stage; wrong states change nothing", () => {
  const first = makeBoard();
  first.enable(0);
  first.enable(1);
  first.write(0, LINT0, 0x8062);
  first.apics.lint(0, 0).set(true);
  first.apics.acknowledge(0);
  for (const vector of [0x91, 0x45]) first.apics.deliver(message(vector));
  first.apics.deliver(message(0x70, { destination: 1, level: true }));
  first.write(1, TPR, 0x80);
  first.apics.deliver(message(5));
  first.apics.writeRegister(1, BASE, 0xfee00c00n);
  first.write(0, TIMER, 0x20033);
  first.write(0, Offset.INITIAL, 1000);
  first.clock.advance(1700);
  const saved = JSON.parse(JSON.stringify(first.apics.state())) as DeviceState;
  const second = makeBoard();
  second.clock.advance(99);
  second.apics.restore(saved);
  assert.deepEqual(second.apics.state(), saved);
  assert.deepEqual(second.interrupt, first.interrupt);
  for (const board of [first, second]) {
    assert.equal(board.apics.acknowledge(0), 0x91);
    board.write(0, EOI, 0);
    board.write(0, EOI, 0);
    assert.deepEqual(board.ended, [0x62]);
    board.clock.advance(300);
    board.apics.lint(0, 0).set(false);
    assert.deepEqual(board.take(0), [0x62, 0x45, 0x33]);
    board.apics.writeRegister(1, 0x808, 0n);
    assert.equal(board.apics.acknowledge(1), 0x70);
    board.write(0, ESR, 0);
    assert.equal(board.read(0, ESR), 0x40);
    board.clock.advance(1999);
    assert.equal(board.interrupt[0], false);
    board.clock.advance(1);
    assert.deepEqual(board.take(0), [0x33]);
  }
  const good = second.apics.state();
  const one = (saved as { apics: { readonly [key: string]: DeviceState }[] }).apics[0];
  const wrong: DeviceState[] = [
    null,
    {},
    { apics: [] },
    { apics: [one, { ...one, registers: [1] }] },
    { apics: [one, { ...one, base: 0x400 }] },
    { apics: [one, { ...one, timer: {} }] },
  ];
  for (const state of wrong) assert.throws(() => second.apics.restore(state), TypeError);
  assert.deepEqual(second.apics.state(), good);
});

test("reset: xAPIC mode, nothing requested, no deadline", () => {
  const { apics, clock, interrupt, read, write, enable, answers } = makeBoard();
  enable(0);
  write(0, TIMER, 0x33);
  write(0, Offset.INITIAL, 1000);
  apics.deliver(message(0x41));
  apics.writeRegister(1, BASE, 0xfee00c00n);
  apics.reset();
  assert.deepEqual([interrupt[0], answers(1), read(0, SVR), read(0, TIMER)], [
    false,
    true,
    0xff,
    MASKED,
  ]);
  assert.equal(clock.nextDeadline(), Infinity);
  enable(0);
  write(0, TIMER, 0x33);
  write(0, Offset.INITIAL, 1000);
  apics.shutdown();
  assert.equal(clock.nextDeadline(), Infinity);
});

test("no access throws; INTR is high exactly while a request is above PPR (seeded fuzz)", () => {
  const board = makeBoard(3);
  const { apics, clock, interrupt, read, write, answers } = board;
  let seed = 82489;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % n;
  };
  let highs = 0;
  for (let i = 0; i < 20000; i++) {
    const vcpu = random(3);
    const value = random(3) === 0 ? random(256) | 0x100 : random(2 ** 24) * 256 + random(256);
    const msr = [0x1b, 0x6e0, 0x800 + random(64)][random(3)];
    switch (random(6)) {
      case 0:
        if (answers(vcpu)) write(vcpu, 16 * random(64), value);
        break;
      case 1:
        if (answers(vcpu)) assert.ok(read(vcpu, 16 * random(256)) <= 0xffffffff);
        break;
      case 2:
        apics.readRegister(vcpu, msr);
        apics.writeRegister(
          vcpu,
          msr,
          msr === 0x1b ? 0xfee00000n + (BigInt(random(4)) << 10n) : BigInt(value),
        );
        break;
      case 3:
        apics.lint(vcpu, random(2) as 0 | 1).set(random(2) === 0);
        break;
      case 4:
        apics.messageSignalled(0xfee00000 + random(2 ** 20), random(2 ** 16));
        break;
      default:
        if (interrupt[vcpu]) apics.acknowledge(vcpu);
        clock.advance(random(1 << random(20)));
    }
    if (interrupt[vcpu]) highs++;
    // A wire past a disabled APIC is high with LINT0; else what the registers say.
    if (answers(vcpu) && (read(vcpu, LINT0) & 0x700) !== 0x700) {
      let highest = -1;
      for (let word = 7; word >= 0 && highest < 0; word--) {
        const bits = read(vcpu, IRR + 16 * word);
        if (bits !== 0) highest = 32 * word + 31 - Math.clz32(bits);
      }
      const above = highest >= 0 && highest >>> 4 > read(vcpu, PPR) >>> 4;
      if (above) assert.equal(interrupt[vcpu], true);
    }
    if (random(100) === 0) apics.restore(JSON.parse(JSON.stringify(apics.state())));
    if (random(500) === 0) apics.reset();
  }
  assert.ok(highs > 200, String(highs));
});

/** The interrupt controllers of a PC together, wired as a board does it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../platform/clock.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { RegisterBus } from "../msr/register_bus.ts";
import { I8259Pair } from "../pic/i8259.ts";
import { I8254 } from "../pit/i8254.ts";
import { Uart16550 } from "../uart16550/uart16550.ts";
import { Bus } from "../vbus/bus.ts";
import { IoApic, IOAPIC_ADDRESS, IOAPIC_BYTES } from "./ioapic.ts";
import { LocalApics } from "./local_apics.ts";
import { APIC_ADDRESS } from "./registers.ts";
import { TimeStampCounters } from "./tsc.ts";

function makePc() {
  const clock = new VirtualClock();
  const tsc = new TimeStampCounters({ cpus: 2, clock });
  const interrupt = [false, false];
  const ignored = (): void => {};
  const pic = new I8259Pair({ set: (level) => apics.lint(0, 0).set(level) });
  const apics: LocalApics = new LocalApics({
    cpus: 2,
    clock,
    tsc,
    cpu: {
      setInterrupt: (vcpu, level) => interrupt[vcpu] = level,
      nmi: ignored,
      smi: ignored,
      init: ignored,
      startUp: ignored,
    },
    external: () => pic.acknowledge(),
  });
  const ioapic = new IoApic({ sink: apics });
  apics.onEnd((vector) => ioapic.endOfInterrupt(vector));
  /** An ISA interrupt reaches both controllers; IRQ 0 is input 2 of the I/O APIC. */
  const isa = (n: number): IrqLine => ({
    set(level) {
      pic.line(n).set(level);
      ioapic.line(n === 0 ? 2 : n).set(level);
    },
  });
  const pit = new I8254({ clock, irq: isa(0) });
  const uart = new Uart16550(isa(4));
  const memory = new Bus();
  memory.register(apics, APIC_ADDRESS, 0x1000, "interrupt-controller");
  memory.register(ioapic, IOAPIC_ADDRESS, IOAPIC_BYTES, "interrupt-controller");
  const ports = new Bus({ space: "ports" });
  ports.register(pic.master, 0x20, 2, "interrupt-controller");
  ports.register(pit, 0x40, 4);
  ports.register(uart, 0x3f8, 8);
  const msrs = new RegisterBus();
  assert.ok(msrs.register(apics.name, apics, apics.ids));
  assert.ok(msrs.register("tsc", tsc, tsc.ids));
  const out = (port: number, ...bytes: number[]): void => {
    for (const byte of bytes) ports.write(port, 1, byte);
  };
  const redirect = (pin: number, low: number, high = 0): void => {
    for (const [index, word] of [[0x11 + 2 * pin, high], [0x10 + 2 * pin, low]]) {
      memory.write(IOAPIC_ADDRESS, 4, index);
      memory.write(IOAPIC_ADDRESS + 0x10, 4, word);
    }
  };
  const lapic = (offset: number, word: number, vcpu = 0): void => {
    memory.write(APIC_ADDRESS + offset, 4, word, 0, vcpu);
  };
  return { clock, apics, interrupt, uart, memory, ports, msrs, out, redirect, lapic };
}

test("the timer by the 8259, through LINT0 as ExtINT", () => {
  const { clock, apics, interrupt, out, lapic } = makePc();
  out(0x20, 0x11);
  out(0x21, 0x30, 4, 1, 0xfe);
  lapic(0xf0, 0x1ff);
  lapic(0x350, 0x700);
  out(0x43, 0x34);
  out(0x40, 0xa9, 0x04);
  for (let n = 0; n < 3; n++) {
    clock.advance(1_001_000);
    assert.equal(interrupt[0], true, String(n));
    assert.equal(apics.acknowledge(0), 0x30);
    assert.equal(interrupt[0], false);
    out(0x20, 0x20);
  }
});

test("the timer by the I/O APIC, to the other vCPU", () => {
  const { clock, apics, interrupt, out, lapic, redirect } = makePc();
  lapic(0xf0, 0x1ff, 1);
  redirect(2, 0x40, 0x01000000);
  out(0x43, 0x34);
  out(0x40, 0xa9, 0x04);
  clock.advance(1_001_000);
  assert.deepEqual(interrupt, [false, true]);
  assert.equal(apics.acknowledge(1), 0x40);
});

test("a level of the UART comes again until its reason is gone", () => {
  const { apics, interrupt, uart, ports, out, lapic, redirect } = makePc();
  lapic(0xf0, 0x1ff);
  redirect(4, 0x8050);
  out(0x3f9, 1);
  uart.receive(Uint8Array.of(1));
  for (let n = 0; n < 3; n++) {
    assert.equal(interrupt[0], true);
    assert.equal(apics.acknowledge(0), 0x50);
    assert.equal(interrupt[0], false);
    if (n === 2) ports.read(0x3f8, 1, { low: 0, high: 0 });
    lapic(0xb0, 0);
  }
  assert.equal(interrupt[0], false);
});

test("the model-specific registers stand on a bus of registers", () => {
  const { msrs } = makePc();
  assert.equal(msrs.readRegister(0, 0x1b), 0xfee00900n);
  assert.equal(msrs.readRegister(1, 0x10), 0n);
  assert.equal(msrs.readRegister(0, 0x802), undefined);
  assert.equal(msrs.writeRegister(1, 0x1b, 0xfee00c00n), true);
  assert.equal(msrs.readRegister(1, 0x802), 1n);
  assert.equal(msrs.has(0x83f), true);
  assert.equal(msrs.has(0x840), false);
});

test("a reset of the board leaves no interrupt", () => {
  const { clock, interrupt, uart, memory, ports, out, lapic, redirect } = makePc();
  lapic(0xf0, 0x1ff);
  redirect(4, 0x8050);
  out(0x3f9, 1);
  uart.receive(Uint8Array.of(1));
  out(0x43, 0x34);
  out(0x40, 0xa9, 0x04);
  ports.reset();
  memory.reset();
  assert.deepEqual(interrupt, [false, false]);
  assert.equal(clock.nextDeadline(), Infinity);
});

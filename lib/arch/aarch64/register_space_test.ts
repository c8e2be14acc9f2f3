import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { GicV3 } from "../../devices/gic/gicv3.ts";
import { GicV3CpuInterface } from "../../devices/gic/gicv3_cpu_interface.ts";
import { unconnected } from "../../devices/irq_controller/lines.ts";
import { GenericTimer } from "../../devices/timer/timer.ts";
import { systemRegister, type SystemRegisters } from "../../devices/vbus/device.ts";
import { VirtualClock } from "../../platform/clock.ts";
import { identificationRegisters } from "./system_registers_id.ts";
import { findSystemRegister, systemRegisters } from "./system_registers.ts";
import { CpuRig, Reg } from "./testing/cpu_rig.ts";

const UNDEFINED = 0x0200_0000n;
const mrs = (id: number): number => (0xd5200000 | (id << 5)) >>> 0;
const msr = (id: number): number => (0xd5000000 | (id << 5)) >>> 0;

/** Numbers of registers as an assembler encodes them, by name. */
function assembled(): ReadonlyMap<string, number> {
  const text = readFileSync(new URL("testing/register_words.txt", import.meta.url), "utf8");
  const lines = text.matchAll(/^([0-9a-f]{8}) (?:mrs x0, (\w+)|msr (\w+), x0)$/gm);
  return new Map([...lines].map(([, word, read, written]) => [
    read ?? written,
    (parseInt(word, 16) >>> 5) & 0xffff,
  ]));
}

test("every register stands where an assembler puts its name", () => {
  const places = assembled();
  assert.ok(places.size > 100);
  for (const { name, id } of systemRegisters) {
    // S3_0_C0_C1_3 says itself where it is.
    if (!name.startsWith("S3_")) assert.equal(id, places.get(name), name);
  }
  const cpuInterrupts = { setIrq(): void {}, setFiq(): void {} };
  const gic = new GicV3({ cpus: 1, spis: 32, cpuInterrupts });
  const timer = new GenericTimer({
    cpus: 1,
    clock: new VirtualClock(),
    ppi: () => unconnected,
    currentEl: () => 1,
  });
  const answered = (device: SystemRegisters): number[] =>
    Array.from({ length: 65536 }, (_, id) => id).filter((id) =>
      device.readRegister(0, id) !== undefined || device.writeRegister(0, id, 0n)
    );
  const named = (prefix: RegExp): number[] =>
    [...places].filter(([name]) => prefix.test(name)).map(([, id]) => id).sort((a, b) => a - b);
  assert.deepEqual(answered(new GicV3CpuInterface(gic)), named(/^ICC_/));
  assert.deepEqual(answered(timer), named(/^CNT/));
});

test("all 65536 encodings can be read and written at both levels, and nothing is thrown", () => {
  for (const el of [0n, 1n]) {
    const rig = new CpuRig();
    const outcomes = new Set<number>();
    for (let id = 0; id < 65536; id++) {
      for (
        const [handler, word] of [["mrs", mrs(id)], ["msr", msr(id)], ["sys", msr(id)]] as const
      ) {
        if (el === 0n) rig.enter(0n, 0x4000_0000n);
        rig.setX(0, 0xffff_ffff_ffff_ffffn);
        const outcome = rig.cpu.execute(handler, word);
        outcomes.add(outcome);
        // What was written must not decide what comes after it.
        if (outcome !== Outcome.jumped) rig.cpu.reset();
        if (handler === "sys" || findSystemRegister(id) !== undefined) continue;
        // Timer registers are trapped from EL0 without a device: never anything but an exception.
        assert.equal(outcome, Outcome.jumped, `${handler} ${id.toString(16)}`);
      }
    }
    assert.ok(outcomes.has(Outcome.jumped) && outcomes.has(Outcome.next));
  }
});

test("an unknown register, and a write to one that is read-only, are UNDEFINED", () => {
  const unknown = systemRegister(3, 0, 15, 0, 0);
  assert.equal(findSystemRegister(unknown), undefined);
  for (const word of [mrs(unknown), msr(unknown)]) {
    const rig = new CpuRig();
    assert.equal(rig.cpu.execute((word & (1 << 21)) !== 0 ? "mrs" : "msr", word), Outcome.jumped);
    assert.equal(rig.get("ESR_EL1"), UNDEFINED);
  }
  for (const { id, name } of systemRegisters.filter(({ el1 }) => el1 === "r")) {
    const rig = new CpuRig();
    assert.equal(rig.cpu.execute("msr", msr(id)), Outcome.jumped, name);
    assert.equal(rig.get("ESR_EL1"), UNDEFINED, name);
  }
});

test("identification registers are the same after a reset, whatever the guest wrote", () => {
  const rig = new CpuRig({ gicV3: true });
  const all = (): (bigint | undefined)[] =>
    identificationRegisters().filter(({ el1 }) => el1 === "r").map(({ id }) => {
      assert.equal(rig.cpu.execute("mrs", mrs(id)), Outcome.next);
      return rig.x(0);
    });
  const before = all();
  rig.setX(0, 0xffff_ffff_ffff_ffffn);
  for (const { id } of systemRegisters) {
    // Not the translation, which would lead the rig nowhere.
    if (id !== systemRegister(3, 0, 1, 0, 0)) rig.cpu.execute("msr", msr(id));
  }
  rig.cpu.reset();
  assert.deepEqual(all(), before);
});

test("the registers of the statistical profiling extension are at their place, and not there", () => {
  // PMSIRR, PMSICR, PMSLATFR, PMSIDR: CRn 9, CRm 9 and 10 (Arm ARM, D17.5).
  const places = [[9, 9, 2], [9, 9, 3], [9, 9, 6], [9, 9, 7], [9, 10, 7]] as const;
  for (const [crn, crm, op2] of places) {
    const rig = new CpuRig();
    assert.equal(rig.mrs([3, 0, crn, crm, op2]), undefined);
    assert.equal(rig.get("ESR_EL1"), UNDEFINED);
  }
  const profiling = [3, 0, 0, 5, 0] as const;
  // ID_AA64DFR0_EL1.PMSVer, bits 35:32.
  assert.equal((new CpuRig().mrs(profiling) ?? -1n) & 0xf_0000_0000n, 0n);
});

test("set/way maintenance does nothing, traps nothing, and ends nobody's traps", () => {
  // dc isw, x0; dc csw, x0; dc cisw, x0
  for (const word of [0xd508_7640, 0xd508_7a40, 0xd508_7e40]) {
    const told: string[] = [];
    const rig = new CpuRig({ controlWrite: (_vcpu, name) => told.push(name) });
    assert.equal(rig.cpu.execute("sys", word), Outcome.next);
    assert.deepEqual(rig.takeCalls(), []);
    assert.deepEqual(told, [], "it asks for no trap");
    // Caches go on and off: who watches these writes hears of each, before and after.
    for (const value of [0x1005n, 0n, 0x1005n]) {
      rig.msr(Reg.SCTLR_EL1, value & 0x1004n);
      assert.equal(rig.cpu.execute("sys", word), Outcome.next);
    }
    assert.deepEqual(told, ["SCTLR_EL1", "SCTLR_EL1", "SCTLR_EL1"]);
  }
});

test("reading a register whose writes are trapped is a read", () => {
  const told: string[] = [];
  const rig = new CpuRig({ controlWrite: (_vcpu, name) => told.push(name) });
  rig.msr(Reg.MAIR_EL1, 0x44n);
  assert.equal(rig.mrs(Reg.MAIR_EL1), 0x44n);
  assert.equal(rig.mrs([3, 0, 5, 2, 0]), 0n);
  rig.msr(Reg.TPIDR_EL0, 1n);
  assert.deepEqual(told, ["MAIR_EL1"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import type { DeviceState, SystemRegisters } from "../../devices/vbus/device.ts";
import { Fault } from "./faults.ts";
import { enabled, Mode } from "./mode.ts";
import { CpuRig, Reg } from "./testing/cpu_rig.ts";

const VECTORS = 0x4000_0800n;
const EL0T = 0n;
const EL1T = 4n;
const EL1H = 5n;

const SVC = (n: number): number => (0xd4000001 | (n << 5)) >>> 0;
const BRK = (n: number): number => (0xd4200000 | (n << 5)) >>> 0;

function rigAt(spsr: bigint, pc = 0x4000_1000n): CpuRig {
  const rig = new CpuRig();
  rig.msr(Reg.VBAR_EL1, VECTORS);
  // SPAN set: PAN is not touched; UCT, UMA and the like are clear.
  rig.msr(Reg.SCTLR_EL1, 1n << 23n);
  rig.enter(spsr, pc);
  rig.takeCalls();
  return rig;
}

test("power-on state: EL1h, everything masked, MMU off, context in X0", () => {
  const rig = new CpuRig();
  rig.setX(5, 77n);
  rig.set("TPIDR_EL0", 5n);
  rig.cpu.start(0x4008_0000n, 0x4400_0000n);
  assert.equal(rig.pc, 0x4008_0000n);
  assert.equal(rig.x(0), 0x4400_0000n);
  assert.equal(rig.x(5), 0n);
  assert.equal(rig.get("TPIDR_EL0"), 0n);
  assert.equal(rig.pstate, 0x3c5);
  assert.equal(rig.get("SCTLR_EL1") & 1n, 0n);
  assert.equal(rig.cpu.mode(), 2 | Mode.ctr | Mode.zero | Mode.el1h);
});

test("an exception goes to the quarter of the vector table that its origin names", () => {
  for (const [spsr, offset] of [[EL1T, 0n], [EL1H, 0x200n], [EL0T, 0x400n]] as const) {
    const rig = rigAt(spsr);
    assert.equal(rig.cpu.execute("svc", SVC(0)), Outcome.jumped);
    assert.equal(rig.pc, VECTORS + offset);
    assert.equal(rig.pstate, 0x3c5);
    const interrupted = rigAt(spsr);
    interrupted.cpu.setIrq(true);
    assert.equal(interrupted.cpu.takeInterrupt(), true);
    assert.equal(interrupted.pc, VECTORS + offset + 0x80n);
    assert.equal(interrupted.get("ELR_EL1"), 0x4000_1000n);
    const fast = rigAt(spsr);
    fast.cpu.setFiq(true);
    assert.equal(fast.cpu.takeInterrupt(), true);
    assert.equal(fast.pc, VECTORS + offset + 0x100n);
  }
});

test("SVC returns behind itself, BRK to itself; both carry their immediate", () => {
  const rig = rigAt(EL0T);
  rig.cpu.execute("svc", SVC(0x1234));
  assert.equal(rig.get("ESR_EL1"), 0x5600_1234n);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1004n);
  const brk = rigAt(EL0T);
  brk.cpu.execute("brk", BRK(0xf000));
  assert.equal(brk.get("ESR_EL1"), 0xf200_f000n);
  assert.equal(brk.get("ELR_EL1"), 0x4000_1000n);
});

test("flags, masks, PAN and stack pointers survive an exception and its return", () => {
  const spsr = 0xa000_0000n | (1n << 22n) | 0x240n;
  const rig = rigAt(spsr);
  rig.set("SP_EL1", 0x1111n);
  rig.setX(31, 0x2222n);
  assert.equal(rig.pstate, Number(spsr));
  rig.cpu.execute("svc", SVC(0));
  assert.equal(rig.get("SPSR_EL1"), spsr);
  assert.equal(rig.x(31), 0x1111n);
  assert.equal(rig.mrs(Reg.SP_EL0), 0x2222n);
  rig.setX(31, 0x3333n);
  assert.equal(rig.cpu.execute("eret", 0xd69f03e0), Outcome.jumped);
  assert.equal(rig.pstate, Number(spsr));
  assert.equal(rig.pc, 0x4000_1004n);
  assert.equal(rig.x(31), 0x2222n);
  assert.equal(rig.get("SP_EL1"), 0x3333n);
});

test("every combination of flags goes through SPSR_EL1 unchanged", () => {
  for (let flags = 0n; flags < 16n; flags++) {
    const rig = rigAt(flags << 28n);
    rig.cpu.execute("svc", SVC(0));
    assert.equal(rig.get("SPSR_EL1"), flags << 28n);
  }
});

test("PAN is set on entry unless SCTLR_EL1.SPAN", () => {
  const rig = rigAt(EL0T);
  rig.cpu.execute("svc", SVC(0));
  assert.equal(rig.mrs(Reg.PAN), 0n);
  assert.equal(rig.cpu.mode() & Mode.tlb, 2);
  rig.msr(Reg.SCTLR_EL1, 0n);
  rig.cpu.execute("svc", SVC(0));
  assert.equal(rig.mrs(Reg.PAN), 1n << 22n);
  assert.equal(rig.cpu.mode() & Mode.tlb, 1);
  assert.equal(rig.cpu.execute("msrPan", 0xd500409f), Outcome.next);
  assert.equal(rig.cpu.mode() & Mode.tlb, 2);
});

test("an exception return opens the local monitor and sets the event register", () => {
  const rig = rigAt(EL1H);
  rig.set("exclusiveAddress", 0x1000n);
  rig.enter(EL1H, 0x4000_2000n);
  assert.equal(rig.get("exclusiveAddress"), 0xffff_ffff_ffff_ffffn);
  assert.equal(rig.cpu.execute("wfe", 0xd503205f), Outcome.next);
  assert.equal(rig.cpu.execute("wfe", 0xd503205f), Outcome.wait);
});

test("illegal returns keep the level, set PSTATE.IL and fault at the target", () => {
  // AArch32 user, EL0 with its own stack pointer, EL2, EL3.
  for (const m of [0x10n, 0x1n, 0x9n, 0xdn, 0x2n]) {
    const rig = rigAt(EL1H);
    rig.enter(m | 0xf000_0000n | 0x3c0n, 0x4000_2000n);
    assert.equal(rig.get("ESR_EL1"), 0x3a00_0000n);
    assert.equal(rig.get("ELR_EL1"), 0x4000_2000n);
    assert.equal(rig.get("SPSR_EL1"), 0xf010_03c5n);
    assert.equal(rig.pc, VECTORS + 0x200n);
    assert.equal(rig.pstate & (1 << 20), 0);
  }
  // A legal return may restore PSTATE.IL.
  const rig = rigAt(EL1H);
  rig.enter(EL0T | (1n << 20n), 0x4000_2000n);
  assert.equal(rig.get("ESR_EL1"), 0x3a00_0000n);
  assert.equal(rig.get("SPSR_EL1"), 1n << 20n);
  assert.equal(rig.pc, VECTORS + 0x400n);
});

test("a misaligned pc faults with its address in FAR_EL1", () => {
  const rig = rigAt(EL0T, 0x4000_1002n);
  assert.equal(rig.get("ESR_EL1"), 0x8a00_0000n);
  assert.equal(rig.get("FAR_EL1"), 0x4000_1002n);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1002n);
  const branched = rigAt(EL0T);
  branched.pc = 0x4000_1001n;
  assert.equal(branched.cpu.translate(0, 0x4000_1001, 2, 0, 4), false);
  assert.equal(branched.get("ESR_EL1"), 0x8a00_0000n);
});

test("stack alignment follows SCTLR_EL1.SA and SA0 and the exception level", () => {
  const rig = rigAt(EL1H);
  assert.equal(rig.get("stackAlignmentMask"), 0n);
  rig.msr(Reg.SCTLR_EL1, 1n << 3n);
  assert.equal(rig.get("stackAlignmentMask"), 15n);
  rig.enter(EL0T, 0x4000_2000n);
  assert.equal(rig.get("stackAlignmentMask"), 0n);
  rig.cpu.fault(Fault.stackAlignment);
  assert.equal(rig.get("ESR_EL1"), 0x9a00_0000n);
  assert.equal(rig.get("ELR_EL1"), 0x4000_2000n);
  assert.equal(rig.get("stackAlignmentMask"), 15n);
});

test("undefined instructions", () => {
  const rig = rigAt(EL0T);
  rig.cpu.undefinedInstruction();
  assert.equal(rig.get("ESR_EL1"), 0x0200_0000n);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1000n);
  const eret = rigAt(EL0T);
  eret.cpu.execute("eret", 0xd69f03e0);
  assert.equal(eret.get("ESR_EL1"), 0x0200_0000n);
});

test("floating point traps by CPACR_EL1.FPEN", () => {
  // FPEN: EL1, EL0
  for (const [fpen, el1, el0] of [[0, 0, 0], [1, 1, 0], [2, 0, 0], [3, 1, 1]] as const) {
    const rig = rigAt(EL1H);
    rig.msr(Reg.CPACR_EL1, BigInt(fpen) << 20n);
    assert.equal(enabled("FEAT_AdvSIMD", rig.cpu.mode()), el1 === 1);
    rig.enter(EL0T, 0x4000_2000n);
    assert.equal(enabled("FEAT_FP", rig.cpu.mode()), el0 === 1);
  }
  const rig = rigAt(EL0T);
  rig.cpu.execute("disabled:FEAT_AdvSIMD", 0x4e22d420);
  assert.equal(rig.get("ESR_EL1"), 0x1fe0_0000n);
  assert.equal(rig.mrs(Reg.FPCR), undefined);
  assert.equal(rig.get("ESR_EL1"), 0x1fe0_0000n);
});

test("HVC and SMC reach the firmware only as the conduit", () => {
  const seen: (readonly bigint[])[] = [];
  const firmware = {
    call: (_vcpu: number, args: readonly bigint[]): readonly bigint[] => {
      seen.push(args);
      return [-1n, 7n];
    },
  };
  for (const conduit of ["hvc", "smc"] as const) {
    const other = conduit === "hvc" ? "smc" : "hvc";
    const rig = new CpuRig({ firmware, conduit });
    for (let n = 0; n < 8; n++) rig.setX(n, BigInt(n + 100));
    assert.equal(rig.cpu.execute(conduit, 0), Outcome.yield);
    assert.deepEqual(seen.pop(), [100n, 101n, 102n, 103n, 104n, 105n, 106n, 107n]);
    assert.equal(rig.x(0), 0xffff_ffff_ffff_ffffn);
    assert.equal(rig.x(1), 7n);
    assert.equal(rig.x(2), 102n);
    assert.equal(rig.cpu.execute(other, 0), Outcome.jumped);
    assert.equal(rig.get("ESR_EL1"), 0x0200_0000n);
    rig.enter(EL0T, 0x4000_2000n);
    assert.equal(rig.cpu.execute(conduit, 0), Outcome.jumped);
    assert.equal(seen.length, 0);
  }
});

test("interrupts wait for their masks; masked ones still end a WFI", () => {
  const rig = rigAt(EL1H | 0x80n);
  rig.cpu.setIrq(true);
  assert.equal(rig.cpu.takeInterrupt(), false);
  assert.equal(rig.cpu.wakes(), true);
  assert.equal(rig.mrs(Reg.ISR_EL1), 0x80n);
  assert.equal(rig.cpu.execute("wfi", 0xd503207f), Outcome.next);
  rig.cpu.setIrq(false);
  assert.equal(rig.cpu.wakes(), false);
  assert.equal(rig.cpu.execute("wfi", 0xd503207f), Outcome.wait);
  assert.equal(rig.pc, 0x4000_1004n);
  rig.cpu.setFiq(true);
  assert.equal(rig.cpu.wakes(), true);
  assert.equal(rig.cpu.takeInterrupt(), true);
});

test("the state block tells inline MSR DAIF what is pending, and its fault goes on", () => {
  const rig = rigAt(EL1H | 0xc0n);
  rig.cpu.setIrq(true);
  rig.cpu.takeInterrupt();
  assert.equal(rig.get("interrupts"), 0x80n);
  rig.set("daif", 0n);
  rig.cpu.fault(Fault.interruptUnmasked);
  assert.equal(rig.pc, 0x4000_1004n);
  assert.equal(rig.cpu.takeInterrupt(), true);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1004n);
});

test("WFI and WFE at EL0 trap by SCTLR_EL1.nTWI and nTWE", () => {
  const rig = rigAt(EL0T);
  rig.cpu.execute("wfi", 0xd503207f);
  assert.equal(rig.get("ESR_EL1"), 0x07e0_0000n);
  rig.enter(EL0T, 0x4000_2000n);
  rig.cpu.execute("wfe", 0xd503205f); // consumes the event of the return
  rig.cpu.execute("wfe", 0xd503205f);
  assert.equal(rig.get("ESR_EL1"), 0x07e0_0001n);
  rig.msr(Reg.SCTLR_EL1, (1n << 16n) | (1n << 18n));
  rig.enter(EL0T, 0x4000_2000n);
  assert.equal(rig.cpu.execute("wfi", 0xd503207f), Outcome.wait);
});

test("WFE waits for events, but not while a store or the counter may make one", () => {
  let evnten = 0n;
  const timer: SystemRegisters = {
    readRegister: () => evnten,
    writeRegister: () => false,
  };
  const rig = new CpuRig({ registers: [timer] });
  assert.equal(rig.cpu.execute("wfe", 0), Outcome.wait);
  assert.equal(rig.cpu.wakes(), false);
  rig.cpu.signalEvent();
  assert.equal(rig.cpu.wakes(), true);
  assert.equal(rig.cpu.execute("wfe", 0), Outcome.next);
  rig.cpu.execute("sevl", 0);
  assert.equal(rig.cpu.execute("wfe", 0), Outcome.next);
  evnten = 4n;
  assert.equal(rig.cpu.execute("wfe", 0), Outcome.yield);
  evnten = 0n;
  rig.set("exclusiveAddress", 0x4000_0000n);
  assert.equal(rig.cpu.execute("wfe", 0), Outcome.yield);
  rig.cpu.execute("sev", 0);
  assert.deepEqual(rig.takeCalls(), ["event"]);
  // An event does not end a WFI.
  rig.cpu.execute("wfi", 0);
  assert.equal(rig.cpu.wakes(), false);
});

test("what the state block does not hold can be saved and restored", () => {
  const rig = rigAt(EL1H);
  rig.cpu.setIrq(true);
  rig.cpu.signalEvent();
  const saved = rig.cpu.saved();
  const other = rigAt(EL1H | 0x80n);
  other.cpu.restore(structuredClone(saved));
  assert.equal(other.mrs(Reg.ISR_EL1), 0x80n);
  assert.equal(other.get("interrupts"), 0x80n);
  assert.equal(other.cpu.execute("wfe", 0), Outcome.next);
  const wrong: readonly DeviceState[] = [null, 5, {}, {
    levels: 1,
    event: true,
    waitsForEvent: true,
  }];
  for (const state of wrong) {
    assert.throws(() => other.cpu.restore(state), TypeError);
  }
});

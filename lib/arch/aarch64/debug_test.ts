import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuRig, Reg } from "./testing/cpu_rig.ts";

const SS = 1n << 21n;
const MDE = 1n << 15n;
const KDE = 1n << 13n;
const bvr = (n: number): [number, number, number, number, number] => [2, 0, 0, n, 4];
const bcr = (n: number): [number, number, number, number, number] => [2, 0, 0, n, 5];
const wvr = (n: number): [number, number, number, number, number] => [2, 0, 0, n, 6];
const wcr = (n: number): [number, number, number, number, number] => [2, 0, 0, n, 7];
/** Enabled at EL0 / EL1, all bytes. */
const E0 = 1n | (2n << 1n) | (0xfn << 5n);
const E1 = 1n | (1n << 1n) | (0xfn << 5n);

/** The OS lock is open. */
function unlocked(): CpuRig {
  const rig = new CpuRig();
  rig.msr(Reg.SCTLR_EL1, 1n << 23n);
  rig.msr(Reg.OSLAR_EL1, 0n);
  return rig;
}

test("the OS lock is set at reset and OSLAR_EL1 moves it", () => {
  const rig = new CpuRig();
  assert.equal(rig.mrs(Reg.OSLSR_EL1), 0xan);
  rig.msr(Reg.OSLAR_EL1, 0n);
  assert.equal(rig.mrs(Reg.OSLSR_EL1), 8n);
  rig.msr(Reg.OSLAR_EL1, 1n);
  assert.equal(rig.mrs(Reg.OSLSR_EL1), 0xan);
});

test("claim tags are set and cleared by their bits", () => {
  const rig = new CpuRig();
  rig.msr([2, 0, 7, 8, 6], 0x1f5n);
  assert.equal(rig.mrs([2, 0, 7, 9, 6]), 0xf5n);
  assert.equal(rig.mrs([2, 0, 7, 8, 6]), 0xffn);
  rig.msr([2, 0, 7, 9, 6], 0xf0n);
  assert.equal(rig.mrs([2, 0, 7, 9, 6]), 5n);
});

test("a step of EL0: one instruction, then the exception", () => {
  const rig = unlocked();
  rig.msr(Reg.MDSCR_EL1, 1n);
  assert.equal(rig.cpu.needsStepping(), false, "not in EL1 without KDE");
  rig.enter(SS, 0x4000_1000n);
  assert.equal(rig.cpu.needsStepping(), true);
  assert.equal(rig.pstate & Number(SS), Number(SS));
  assert.equal(rig.cpu.beforeStep(), true);
  rig.pc = 0x4000_1004n;
  rig.cpu.afterStep();
  assert.equal(rig.pstate & Number(SS), 0);
  assert.equal(rig.cpu.beforeStep(), false);
  assert.equal(rig.get("ESR_EL1"), 0xcb00_0022n);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1004n);
  assert.equal(rig.get("SPSR_EL1"), 0n);
  assert.equal(rig.cpu.needsStepping(), false);
});

test("the syndrome of a step tells whether something was stepped, and load-exclusives", () => {
  const rig = unlocked();
  rig.msr(Reg.MDSCR_EL1, 1n);
  rig.enter(0n, 0x4000_1000n);
  assert.equal(rig.cpu.beforeStep(), false);
  assert.equal(rig.get("ESR_EL1"), 0xca00_0022n, "nothing was stepped");
  // ldxr, ldaxp, ldadd, casp
  for (
    const [word, iss] of [
      [0xc85f7c20, 0x100_0062n],
      [0xc87f8820, 0x100_0062n],
      [0xf8210002, 0x100_0022n],
      [0x48607c82, 0x100_0022n],
    ] as const
  ) {
    rig.memory.write32(0x4000_1000, word);
    rig.enter(SS, 0x4000_1000n);
    rig.cpu.beforeStep();
    rig.pc = 0x4000_1004n;
    rig.cpu.afterStep();
    assert.equal(rig.cpu.beforeStep(), false);
    assert.equal(rig.get("ESR_EL1"), 0xca00_0000n | iss);
  }
});

test("an exception in a stepped instruction keeps SS for the retry, SVC has used it up", () => {
  const rig = unlocked();
  rig.msr(Reg.MDSCR_EL1, 1n);
  rig.enter(SS, 0x4000_1000n);
  rig.cpu.beforeStep();
  rig.cpu.busError(0, 0, 0, false);
  rig.cpu.afterStep();
  assert.equal(rig.get("SPSR_EL1"), SS);
  rig.enter(SS, 0x4000_1000n);
  rig.cpu.beforeStep();
  rig.cpu.execute("svc", 0xd4000001);
  rig.cpu.afterStep();
  assert.equal(rig.get("SPSR_EL1"), 0n);
  rig.cpu.execute("eret", 0xd69f03e0);
  assert.equal(rig.cpu.beforeStep(), false);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1004n);
});

test("SPSR_EL1.SS does nothing unless MDSCR_EL1.SS is set and the lock open", () => {
  const rig = unlocked();
  rig.enter(SS, 0x4000_1000n);
  assert.equal(rig.pstate & Number(SS), 0);
  assert.equal(rig.cpu.needsStepping(), false);
  const locked = new CpuRig();
  locked.msr(Reg.MDSCR_EL1, 1n);
  locked.enter(SS, 0x4000_1000n);
  assert.equal(locked.pstate & Number(SS), 0);
  assert.equal(locked.cpu.needsStepping(), false);
});

test("a step within EL1 needs KDE and PSTATE.D clear", () => {
  const rig = unlocked();
  rig.msr(Reg.MDSCR_EL1, 1n | KDE);
  // From EL1 with D set (debug masked) to EL1 with D clear.
  rig.enter(SS | 5n, 0x4000_1000n);
  assert.equal(rig.cpu.beforeStep(), true);
  rig.cpu.afterStep();
  assert.equal(rig.cpu.beforeStep(), false);
  assert.equal(rig.get("ESR_EL1"), 0xcf00_0022n);
  // The handler runs with D set.
  assert.equal(rig.cpu.beforeStep(), true);
});

test("breakpoints match their address and level", () => {
  const rig = unlocked();
  rig.msr(bvr(1), 0x4000_1004n);
  rig.msr(bcr(1), E0);
  assert.equal(rig.cpu.needsStepping(), false);
  rig.msr(Reg.MDSCR_EL1, MDE);
  assert.equal(rig.cpu.needsStepping(), true);
  rig.enter(0n, 0x4000_1000n);
  assert.equal(rig.cpu.beforeStep(), true);
  rig.pc = 0x4000_1004n;
  assert.equal(rig.cpu.beforeStep(), false);
  assert.equal(rig.get("ESR_EL1"), 0xc200_0022n);
  assert.equal(rig.get("ELR_EL1"), 0x4000_1004n);
  // At EL1 it is another level's breakpoint; with the right level KDE is needed too.
  rig.enter(5n, 0x4000_1004n);
  assert.equal(rig.cpu.beforeStep(), true);
  rig.msr(bcr(1), E1);
  rig.enter(5n, 0x4000_1004n);
  assert.equal(rig.cpu.beforeStep(), true);
  rig.msr(Reg.MDSCR_EL1, MDE | KDE);
  rig.enter(5n, 0x4000_1004n);
  assert.equal(rig.cpu.beforeStep(), false);
  assert.equal(rig.get("ESR_EL1"), 0xc600_0022n);
});

test("context breakpoints, alone and linked", () => {
  const rig = unlocked();
  rig.msr(Reg.MDSCR_EL1, MDE);
  rig.msr([3, 0, 13, 0, 1], 42n);
  // 5: linked context; 0: address linked to 5.
  rig.msr(bvr(5), 42n);
  rig.msr(bcr(5), E0 | (3n << 20n));
  rig.msr(bvr(0), 0x4000_1000n);
  rig.msr(bcr(0), E0 | (1n << 20n) | (5n << 16n));
  rig.enter(0n, 0x4000_1000n);
  assert.equal(rig.cpu.beforeStep(), false);
  rig.msr([3, 0, 13, 0, 1], 43n);
  rig.enter(0n, 0x4000_1000n);
  assert.equal(rig.cpu.beforeStep(), true);
  // 4: context alone.
  rig.cpu.execute("svc", 0xd4000001);
  rig.msr(bvr(4), 43n);
  rig.msr(bcr(4), E0 | (2n << 20n));
  rig.enter(0n, 0x4000_2000n);
  assert.equal(rig.cpu.beforeStep(), false);
});

test("watchpoints keep their page out of the TLB and match bytes and direction", () => {
  const rig = unlocked();
  rig.takeCalls();
  rig.msr(wvr(2), 0x4000_2008n);
  // Stores only, bytes 4 to 7, EL0.
  rig.msr(wcr(2), 1n | (2n << 1n) | (2n << 3n) | (0xf0n << 5n));
  rig.msr(Reg.MDSCR_EL1, MDE);
  assert.deepEqual(rig.takeCalls(), ["all"]);
  assert.equal(rig.cpu.needsStepping(), false);
  rig.enter(0n, 0x4000_1000n);
  const access = (low: number, size: number, kind: 0 | 1): boolean => {
    const done = rig.cpu.translate(0, low, kind, 0, size);
    if (done) assert.equal(rig.cpu.translation.uncached, true);
    return done;
  };
  assert.equal(access(0x4000_2008, 4, 1), true);
  assert.equal(access(0x4000_200c, 4, 0), true);
  assert.equal(access(0x4000_2010, 8, 1), true);
  assert.equal(access(0x4000_2008, 8, 1), false);
  assert.equal(rig.get("ESR_EL1"), 0xd200_0062n);
  assert.equal(rig.get("FAR_EL1"), 0x4000_2008n);
  // The next page is nobody's.
  rig.enter(0n, 0x4000_1000n);
  rig.cpu.translate(0, 0x4000_3000, 1, 0, 8);
  assert.equal(rig.cpu.translation.uncached, false);
  // From EL1 the level does not match, except for unprivileged accesses, and those need KDE.
  rig.enter(5n, 0x4000_1000n);
  assert.equal(access(0x4000_200c, 1, 1), true);
  rig.msr(Reg.MDSCR_EL1, MDE | KDE);
  assert.equal(rig.cpu.translate(0, 0x4000_200c, 1, 2, 1), true);
  assert.equal(rig.cpu.translate(0, 0x4000_200c, 1, 0, 1), false);
  assert.equal(rig.get("ESR_EL1"), 0xd600_0062n);
});

test("a masked watchpoint covers its whole range", () => {
  const rig = unlocked();
  rig.msr(wvr(0), 0x4000_4000n);
  rig.msr(wcr(0), 1n | (2n << 1n) | (3n << 3n) | (0xffn << 5n) | (13n << 24n));
  rig.msr(Reg.MDSCR_EL1, MDE);
  rig.enter(0n, 0x4000_1000n);
  assert.equal(rig.cpu.translate(0, 0x4000_5fff, 0, 0, 1), false);
  rig.enter(0n, 0x4000_1000n);
  assert.equal(rig.cpu.translate(0, 0x4000_6000, 0, 0, 1), true);
  assert.equal(rig.cpu.translation.uncached, false);
});

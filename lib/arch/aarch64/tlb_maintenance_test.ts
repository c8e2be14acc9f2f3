/** What the TLBs keep when another vCPU's turn comes; the rest is in mmu_test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuRig, RAM, Reg } from "./testing/cpu_rig.ts";

const READ = 0;
const EL0 = 0;
const EL1 = 2;
const AF = 1n << 10n;
const NG = 1n << 11n;
const USER = 1n << 6n;
const T0 = BigInt(RAM + 0x100000);
const T1 = BigInt(RAM + 0x110000);
const OTHER = BigInt(RAM + 0x120000);
const ASID = 5n << 48n;
/** 48-bit addresses, 4 KiB granules, 16-bit ASIDs. */
const TCR = 16n | (16n << 16n) | (2n << 30n) | (5n << 32n) | (1n << 36n);
const UPPER = 0xffff_0000_0000_0000n;

/**
 * A vCPU with the MMU on. In either half there are blocks of 2 MiB: from 0 bound to the ASID and for
 * EL0, from 2 MiB global.
 */
function vcpu(registers: Partial<Record<keyof typeof Reg, bigint>> = {}): CpuRig {
  const rig = new CpuRig();
  const all = { MAIR_EL1: 0x00ffn, TCR_EL1: TCR, TTBR0_EL1: T0 | ASID, TTBR1_EL1: T1 };
  for (const [name, value] of Object.entries({ ...all, ...registers })) {
    rig.msr(Reg[name as keyof typeof Reg], value);
  }
  rig.msr(Reg.SCTLR_EL1, (registers.SCTLR_EL1 ?? 0n) | 1n | (1n << 23n));
  for (const root of [T0, T1, OTHER].map(Number)) {
    for (let level = 0; level < 2; level++) {
      rig.descriptor(root + level * 4096, 0, BigInt(root + (level + 1) * 4096) | 3n);
    }
    rig.descriptor(root + 0x2000, 0, BigInt(RAM) | AF | NG | USER | 1n);
    rig.descriptor(root + 0x2000, 1, BigInt(RAM) | AF | 1n);
  }
  rig.takeCalls();
  return rig;
}

/** What `next` forgets when it follows `previous`. */
function handOver(previous: CpuRig, next: CpuRig): string[] {
  next.takeCalls();
  next.cpu.takeOver(previous.cpu);
  return next.takeCalls();
}

const lowerLocal = (rig: CpuRig): unknown => rig.translate(0x1000n, READ, EL0);
const lowerGlobal = (rig: CpuRig): unknown => rig.translate(0x201000n, READ, EL1);
const upperGlobal = (rig: CpuRig): unknown => rig.translate(UPPER + 0x201000n, READ, EL1);

test("vCPUs with the same registers share everything", () => {
  const [a, b] = [vcpu(), vcpu()];
  for (const touch of [lowerLocal, lowerGlobal, upperGlobal]) touch(a);
  assert.deepEqual(handOver(a, b), []);
  assert.deepEqual(handOver(b, a), []);
});

test("another address space: what is global in the upper half stays", () => {
  for (const ttbr0 of [OTHER | ASID, T0 | (6n << 48n)]) {
    const [a, b] = [vcpu(), vcpu({ TTBR0_EL1: ttbr0 })];
    upperGlobal(a);
    assert.deepEqual(handOver(a, b), []);
    lowerLocal(b);
    assert.deepEqual(handOver(b, a), ["tlbs 1"]);
    assert.deepEqual(handOver(a, b), [], "nothing is left");
    lowerGlobal(b);
    assert.deepEqual(handOver(b, a), ["all"]);
  }
});

test("another upper half, regime or memory type: nothing stays", () => {
  const others: Partial<Record<keyof typeof Reg, bigint>>[] = [
    { TTBR1_EL1: OTHER },
    { TCR_EL1: TCR | (1n << 7n) },
    { MAIR_EL1: 0x44ffn },
    { SCTLR_EL1: 1n << 19n },
  ];
  for (const registers of others) {
    const [a, b] = [vcpu(), vcpu(registers)];
    upperGlobal(a);
    assert.deepEqual(handOver(a, b), ["all"]);
    assert.deepEqual(handOver(b, a), ["all"]);
  }
});

test("watchpoints are those of one vCPU", () => {
  const [a, b] = [vcpu(), vcpu()];
  b.msr(Reg.OSLAR_EL1, 0n);
  b.msr(Reg.MDSCR_EL1, (1n << 15n) | (1n << 13n));
  b.msr([2, 0, 0, 0, 6], 0x1000n); // DBGWVR0_EL1
  b.msr([2, 0, 0, 0, 7], 0x1ffn | (0xffn << 5n)); // DBGWCR0_EL1
  assert.deepEqual(handOver(a, b), ["all"]);
  assert.deepEqual(handOver(b, a), ["all"]);
});

test("what a change of tables without a TLBI may leave behind is for no other vCPU", () => {
  const [a, b] = [vcpu(), vcpu()];
  upperGlobal(a);
  lowerLocal(a);
  a.takeCalls();
  a.msr(Reg.TTBR0_EL1, OTHER | ASID);
  a.msr(Reg.TTBR0_EL1, T0 | ASID);
  assert.deepEqual(a.takeCalls(), []);
  assert.deepEqual(handOver(a, b), ["tlbs 1"]);
  assert.deepEqual(handOver(b, a), []);
  lowerGlobal(a);
  a.msr(Reg.TTBR0_EL1, OTHER | ASID);
  a.msr(Reg.TTBR0_EL1, T0 | ASID);
  assert.deepEqual(handOver(a, b), ["all"]);
  b.msr(Reg.TTBR1_EL1, OTHER);
  b.msr(Reg.TTBR1_EL1, T1);
  assert.deepEqual(handOver(b, a), ["all"]);
  a.msr(Reg.TTBR1_EL1, OTHER);
  a.msr(Reg.TTBR1_EL1, T1);
  a.sys([0, 8, 7, 0], 0n);
  assert.deepEqual(handOver(a, b), [], "with a TLBI there is nothing left");
});

test("an invalidation by one vCPU drops all of a block that another one has filled", () => {
  const [a, b] = [vcpu(), vcpu()];
  upperGlobal(a);
  handOver(a, b);
  a.takeCalls();
  b.sys([0, 8, 3, 3], (UPPER >> 12n & 0xfff_ffff_ffffn) | 0x2ffn);
  // The vCPUs of a rig have engines of their own: it is that of the one which has filled.
  const pages = new Set(a.takeCalls());
  assert.equal(pages.size, 512);
  assert.ok(pages.has("page ffff000000200000"));
});

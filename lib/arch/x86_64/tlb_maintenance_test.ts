/** What the TLBs keep when another vCPU's turn comes; the rest is in mmu_test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "../../engine/guest_memory.ts";
import { Tlb } from "./mode.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

const READ = 0;
const OTHER = 0x30000;
const THIRD = 0x40000;
/** P, RW, US, A, D; large; global. */
const ALL = 0x67n;
const PS = 0x80n;
const G = 0x100n;
const PGE = 0x80n;
/** Entries of a top table: the kernel's. */
const KERNEL = 256;
const KERNEL_VA = 0xffff_8000_0000_0000n;

/** vCPUs of one machine in long mode, with what is special of the second one. */
function pair(special: { cr0?: bigint; cr3?: number; cr4?: bigint } = {}): [CpuRig, CpuRig] {
  const memory = new GuestMemory(new Uint8Array(0x400000), 0);
  const make = (cr0: bigint, cr3: number, cr4: bigint): CpuRig => {
    const rig = new CpuRig("max", memory).long();
    rig.set("cr0", 0x80010011n | cr0);
    rig.set("cr3", BigInt(cr3));
    rig.set("cr4", 0x620n | PGE | cr4);
    return rig;
  };
  const rigs: [CpuRig, CpuRig] = [
    make(0n, Place.tables, 0n),
    make(special.cr0 ?? 0n, special.cr3 ?? Place.tables, special.cr4 ?? 0n),
  ];
  const [rig] = rigs;
  // From 0 a page for users, from 2 MiB a global one, the same in the kernel's half for all tables.
  for (const root of [Place.tables, OTHER, THIRD]) {
    rig.entry(root, 0, BigInt(root + 0x1000) | ALL);
    rig.entry(root + 0x1000, 0, BigInt(root + 0x2000) | ALL);
    rig.entry(root + 0x2000, 0, ALL | PS);
    rig.entry(root + 0x2000, 1, 0x200000n | ALL | PS | G);
    rig.entry(root, KERNEL, BigInt(Place.tables + 0x1000) | ALL);
  }
  for (const each of rigs) {
    each.cpu.reload();
    each.takeCalls();
  }
  return rigs;
}

function handOver(previous: CpuRig, next: CpuRig): string[] {
  next.takeCalls();
  next.cpu.takeOver(previous.cpu);
  return next.takeCalls();
}

function touch(rig: CpuRig, va: bigint, tlb: number): void {
  assert.ok(rig.cpu.translate(Number(va >> 32n), Number(va & 0xffffffffn), READ, tlb, 4));
}
const lowerLocal = (rig: CpuRig): void => touch(rig, 0x1000n, Tlb.user);
const lowerGlobal = (rig: CpuRig): void => touch(rig, 0x201000n, Tlb.supervisor);
const upperGlobal = (rig: CpuRig): void => touch(rig, KERNEL_VA + 0x201000n, Tlb.supervisor);

function loadCr3(rig: CpuRig, root: number): void {
  rig.setR(0, BigInt(root));
  rig.execute("0f 22 d8");
}

test("vCPUs with the same tables share everything", () => {
  const [a, b] = pair({ cr4: 0x10n }); // CR4.PSE means nothing in long mode
  for (const each of [lowerLocal, lowerGlobal, upperGlobal]) each(a);
  assert.deepEqual(handOver(a, b), []);
  assert.deepEqual(handOver(b, a), []);
});

test("another address space of the same kernel: what is global in its half stays", () => {
  const [a, b] = pair({ cr3: OTHER });
  upperGlobal(a);
  lowerLocal(a);
  assert.deepEqual(handOver(a, b), ["tlbs 2"]);
  assert.deepEqual(handOver(b, a), []);
  touch(a, 0x5000n, Tlb.supervisor);
  assert.deepEqual(handOver(a, b), ["page 5000"]);
  lowerGlobal(b);
  assert.deepEqual(handOver(b, a), ["all"]);
});

test("a kernel's half that differs: nothing stays, but for whether it was accessed", () => {
  const [a, b] = pair({ cr3: OTHER });
  upperGlobal(a);
  a.entry(OTHER, KERNEL, BigInt(Place.tables + 0x1000) | (ALL & ~0x20n));
  assert.deepEqual(handOver(a, b), []);
  a.entry(OTHER, 511, BigInt(Place.tables + 0x1000) | ALL);
  assert.deepEqual(handOver(b, a), ["all"]);
  assert.deepEqual(handOver(a, b), ["all"]);
});

test("other rights or ways of paging: nothing stays", () => {
  for (const special of [{ cr4: 1n << 20n }, { cr4: 1n << 21n }]) {
    const [a, b] = pair(special);
    upperGlobal(a);
    assert.deepEqual(handOver(a, b), ["all"]);
    assert.deepEqual(handOver(b, a), ["all"]);
  }
  const [a, b] = pair();
  b.set("cr0", 0x80000011n);
  b.cpu.reload();
  assert.deepEqual(handOver(a, b), ["all"], "CR0.WP");
});

test("data breakpoints are those of one vCPU", () => {
  const [a, b] = pair();
  b.setR(0, 0x1000n);
  b.execute("0f 23 c0"); // mov dr0, rax
  b.setR(0, 0xd0002n);
  b.execute("0f 23 f8"); // mov dr7, rax
  assert.deepEqual(handOver(a, b), ["all"]);
  assert.deepEqual(handOver(b, a), ["all"]);
});

test("what is global and from tables that CR3 pointed to before is for no other vCPU", () => {
  const [a, b] = pair();
  upperGlobal(a);
  loadCr3(a, OTHER);
  loadCr3(a, Place.tables);
  assert.deepEqual(handOver(a, b), [], "the kernel's half was the same all the time");
  b.entry(THIRD, 511, BigInt(Place.tables + 0x1000) | ALL);
  loadCr3(b, THIRD);
  loadCr3(b, Place.tables);
  assert.deepEqual(handOver(b, a), ["all"]);
  lowerGlobal(a);
  loadCr3(a, OTHER);
  loadCr3(a, Place.tables);
  assert.deepEqual(handOver(a, b), ["all"]);
});

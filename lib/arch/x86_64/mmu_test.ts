import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { GuestFault } from "./guest_fault.ts";
import { Tlb } from "./mode.ts";
import { CpuRig, Place } from "./testing/cpu_rig.ts";

const READ = 0;
const WRITE = 1;
const EXECUTE = 2;
const PML4 = Place.tables;
const PDPT = PML4 + 0x1000;
const PD = PML4 + 0x2000;
const PT = PML4 + 0x3000;
/** P, RW, US, A, D. */
const ALL = 0x67n;
const NX = 1n << 63n;
const WP = 0x10000n;
const SMEP = 1n << 20n;
const SMAP = 1n << 21n;
const PGE = 0x80n;
/** What the pages of these tests are at. */
const VA = 0x0000_7abc_de12_3000n;
const index = (level: number): number => Number((VA >> BigInt(12 + 9 * level)) & 511n);

type Result = { page: number } | { error: number } | { vector: number };

/** Translates with the rights of a TLB: the page, or the page fault's error code. */
function walk(rig: CpuRig, va: bigint, access: 0 | 1 | 2, tlb: number): Result {
  const { data } = rig.cpu.context;
  data.rights = tlb as Tlb;
  try {
    const physical = data.translate(Number(BigInt.asIntN(64, va)), access);
    return { page: Math.floor(physical / 4096) * 4096 };
  } catch (fault) {
    assert.ok(fault instanceof GuestFault);
    return fault.vector === 14 ? { error: fault.code ?? -1 } : { vector: fault.vector };
  }
}

/** 4-level paging with one page at VA; what the entries have besides their addresses. */
function paged(
  bits: { pml4?: bigint; pdpt?: bigint; pd?: bigint; pt?: bigint } = {},
  controls: { cr0?: bigint; cr4?: bigint } = {},
): CpuRig {
  const rig = new CpuRig().long();
  rig.set("cr0", 0x80000011n | (controls.cr0 ?? 0n));
  rig.set("cr4", 0x620n | (controls.cr4 ?? 0n));
  rig.cpu.reload();
  rig.entry(PML4, index(3), BigInt(PDPT) | (bits.pml4 ?? ALL));
  rig.entry(PDPT, index(2), BigInt(PD) | (bits.pdpt ?? ALL));
  rig.entry(PD, index(1), BigInt(PT) | (bits.pd ?? ALL));
  rig.entry(PT, index(0), 0x12_3456_7000n | (bits.pt ?? ALL));
  return rig;
}

test("4-level paging: pages of 4 KiB, 2 MiB and 1 GiB", () => {
  const rig = paged();
  assert.deepEqual(walk(rig, VA, READ, Tlb.user), { page: 0x12_3456_7000 });
  rig.entry(PD, index(1), 0x12_3440_0000n | ALL | 0x80n);
  assert.deepEqual(walk(rig, VA, READ, Tlb.user), {
    page: 0x12_3440_0000 + Number(VA & 0x1ff000n),
  });
  rig.entry(PDPT, index(2), 0x40_0000_0000n | ALL | 0x80n);
  assert.deepEqual(walk(rig, VA, READ, Tlb.user), {
    page: 0x40_0000_0000 + Number(VA & 0x3ffff000n),
  });
  assert.equal(rig.cpu.context.mmu.pageBits, 30);
});

test("1 GiB pages are reserved where the model has none", () => {
  const rig = new CpuRig("qemu64").long();
  rig.entry(PDPT, 0, 0x80n | ALL);
  assert.deepEqual(walk(rig, 0x1000n, READ, Tlb.user), { error: 0xd });
});

test("addresses that are not canonical are #GP", () => {
  const rig = paged();
  for (const va of [0x0000_8000_0000_0000n, 0xffff_7fff_ffff_f000n, 0x0001_0000_0000_0000n]) {
    assert.deepEqual(walk(rig, va, READ, Tlb.supervisor), { vector: 13 });
  }
  assert.deepEqual(walk(rig, 0xffff_8000_0000_0000n, READ, Tlb.supervisor), { error: 0 });
});

test("an access over the end of the lower half is #GP although its first page is #PF", () => {
  const rig = new CpuRig().long();
  rig.longGate(13, 0x100);
  rig.longGate(14, 0x200);
  for (const [low, size, handler] of [[-4, 8, 0x100], [-8, 8, 0x200], [-1, 2, 0x100]]) {
    assert.equal(rig.cpu.translate(0x7fff, low >>> 0, READ, Tlb.supervisor, size), false);
    assert.equal(rig.rip, handler);
  }
});

test("what is not present, at each level, and with what error code", () => {
  for (const level of ["pml4", "pdpt", "pd", "pt"] as const) {
    const rig = paged({ [level]: ALL & ~1n });
    assert.deepEqual(walk(rig, VA, READ, Tlb.supervisor), { error: 0 }, level);
    assert.deepEqual(walk(rig, VA, WRITE, Tlb.user), { error: 6 });
    assert.deepEqual(walk(rig, VA, EXECUTE, Tlb.user), { error: 0x14 });
  }
});

test("rights of all levels are joined", () => {
  for (const level of ["pml4", "pdpt", "pd", "pt"] as const) {
    const readOnly = paged({ [level]: ALL & ~2n });
    assert.deepEqual(walk(readOnly, VA, WRITE, Tlb.user), { error: 7 }, level);
    assert.ok("page" in walk(readOnly, VA, READ, Tlb.user));
    assert.ok("page" in walk(readOnly, VA, WRITE, Tlb.supervisor), "CR0.WP is 0");
    const supervisor = paged({ [level]: ALL & ~4n });
    assert.deepEqual(walk(supervisor, VA, READ, Tlb.user), { error: 5 });
    assert.ok("page" in walk(supervisor, VA, READ, Tlb.supervisorSmap));
    const noExecute = paged({ [level]: ALL | NX });
    assert.deepEqual(walk(noExecute, VA, EXECUTE, Tlb.user), { error: 0x15 });
    assert.deepEqual(walk(noExecute, VA, EXECUTE, Tlb.supervisor), { error: 0x11 });
    assert.ok("page" in walk(noExecute, VA, READ, Tlb.user));
  }
});

test("CR0.WP protects pages from supervisors", () => {
  const rig = paged({ pt: ALL & ~2n }, { cr0: WP });
  assert.deepEqual(walk(rig, VA, WRITE, Tlb.supervisor), { error: 3 });
  assert.ok("page" in walk(rig, VA, READ, Tlb.supervisor));
});

test("SMEP and SMAP keep supervisors from pages of users", () => {
  const smep = paged({}, { cr4: SMEP });
  assert.deepEqual(walk(smep, VA, EXECUTE, Tlb.supervisor), { error: 0x11 });
  assert.ok("page" in walk(smep, VA, EXECUTE, Tlb.user));
  assert.ok("page" in walk(smep, VA, READ, Tlb.supervisor));
  const smap = paged({}, { cr4: SMAP });
  assert.deepEqual(walk(smap, VA, READ, Tlb.supervisorSmap), { error: 1 });
  assert.deepEqual(walk(smap, VA, WRITE, Tlb.supervisorSmap), { error: 3 });
  assert.ok("page" in walk(smap, VA, READ, Tlb.supervisor), "RFLAGS.AC is 1");
  assert.ok("page" in walk(smap, VA, EXECUTE, Tlb.supervisorSmap));
});

test("the TLB follows CPL, SMAP and AC", () => {
  const rig = new CpuRig().long();
  assert.equal(rig.cpu.mode() & 3, Tlb.supervisor);
  rig.set("cr4", 0x620n | SMAP);
  assert.equal(rig.cpu.mode() & 3, Tlb.supervisorSmap);
  assert.equal(rig.execute("0f 01 cb"), Outcome.next);
  assert.equal(rig.cpu.mode() & 3, Tlb.supervisor);
  rig.execute("0f 01 ca");
  assert.equal(rig.cpu.mode() & 3, Tlb.supervisorSmap);
  const user = new CpuRig().long(3);
  assert.equal(user.cpu.mode() & 3, Tlb.user);
  user.set("cr0", 0x80050011n);
  user.rflags = 0x40002;
  assert.equal(user.cpu.mode() & 3, Tlb.userAligned);
});

test("reserved bits: physical addresses of more than 40 bits, NX without NXE, large pages", () => {
  const reserved: readonly ["pml4" | "pdpt" | "pd" | "pt", bigint][] = [
    ["pt", 1n << 40n],
    ["pt", 1n << 51n],
    ["pml4", 1n << 45n],
    ["pml4", 0x80n],
    ["pd", 0x80n | (1n << 13n)],
    ["pdpt", 0x80n | (1n << 29n)],
  ];
  for (const [level, bit] of reserved) {
    assert.deepEqual(walk(paged({ [level]: ALL | bit }), VA, READ, Tlb.supervisor), { error: 9 });
  }
  const rig = paged({ pt: ALL | NX });
  rig.set("efer", 0x501n);
  rig.cpu.reload();
  assert.deepEqual(walk(rig, VA, READ, Tlb.user), { error: 0xd });
  // Ignored ones.
  assert.ok("page" in walk(paged({ pt: ALL | (0x7ffn << 52n) | 0xe00n }), VA, READ, Tlb.user));
});

test("A and D are set where an access was allowed, and only there", () => {
  const rig = paged({ pml4: 7n, pdpt: 7n, pd: 7n, pt: 5n });
  const entries = (): bigint[] =>
    [[PML4, 3], [PDPT, 2], [PD, 1], [PT, 0]].map(([table, level]) =>
      (rig.memory.read64(table + index(level) * 8) ?? 0n) & 0xfffn
    );
  walk(rig, VA, WRITE, Tlb.user);
  assert.deepEqual(entries(), [7n, 7n, 7n, 5n], "refused");
  walk(rig, VA, READ, Tlb.user);
  assert.deepEqual(entries(), [0x27n, 0x27n, 0x27n, 0x25n]);
  rig.entry(PT, index(0), 0x7000n | 7n);
  walk(rig, VA, WRITE, Tlb.user);
  assert.deepEqual(entries(), [0x27n, 0x27n, 0x27n, 0x67n]);
});

test("tables outside of RAM fault", () => {
  const rig = paged();
  rig.entry(PDPT, index(2), 0x10_0000_0000n | ALL);
  assert.deepEqual(walk(rig, VA, READ, Tlb.supervisor), { error: 9 });
});

test("PAE paging: four pointers, three levels, no more than 32 bits", () => {
  const rig = new CpuRig().protect();
  const va = 0xc0801000n;
  rig.entry(PDPT, 3, BigInt(PD) | 1n);
  rig.entry(PD, 4, BigInt(PT) | 7n);
  rig.entry(PT, 1, 0x12_3456_7000n | 7n | NX);
  rig.set("cr3", BigInt(PDPT));
  rig.set("cr4", 0x20n);
  rig.set("efer", 0x800n);
  rig.set("cr0", 0x80000011n);
  rig.cpu.reload();
  assert.deepEqual(walk(rig, va, READ, Tlb.user), { page: 0x12_3456_7000 });
  assert.deepEqual(walk(rig, va, EXECUTE, Tlb.user), { error: 0x15 });
  assert.deepEqual(walk(rig, 0x1000n, READ, Tlb.user), { error: 4 });
  rig.entry(PD, 4, 0x600000n | 0x87n);
  assert.deepEqual(walk(rig, va, READ, Tlb.user), { page: 0x601000 });
  rig.entry(PD, 4, 0x600000n | 0x87n | (1n << 52n));
  assert.deepEqual(walk(rig, va, READ, Tlb.user), { error: 0xd });
});

test("32-bit paging: 4 KiB, 4 MiB with bits 39:32, and no NX", () => {
  const rig = new CpuRig().protect();
  rig.set("cr3", BigInt(PD));
  rig.set("cr0", 0x80000011n);
  rig.cpu.reload();
  const set = (table: number, n: number, value: number) => rig.memory.write32(table + n * 4, value);
  set(PD, 0x300, PT | 7);
  set(PT, 5, 0x00345007);
  const va = 0xc0005000n;
  assert.deepEqual(walk(rig, va, READ, Tlb.user), { page: 0x345000 });
  assert.deepEqual(walk(rig, va + 0x1000n, EXECUTE, Tlb.user), { error: 4 });
  set(PD, 0x300, 0x00c00085 | (0xab << 13));
  assert.deepEqual(
    walk(rig, va, READ, Tlb.user),
    { error: 0xd },
    "CR4.PSE is 0: a table elsewhere",
  );
  rig.set("cr4", 0x10n);
  rig.cpu.reload();
  assert.deepEqual(walk(rig, va, READ, Tlb.user), { page: 0xab_00c0_5000 });
  assert.deepEqual(walk(rig, va, WRITE, Tlb.user), { error: 7 });
  set(PD, 0x300, 0x00c00085 | (1 << 21));
  assert.deepEqual(walk(rig, va, READ, Tlb.user), { error: 0xd });
});

test("without paging an address is physical", () => {
  assert.deepEqual(walk(new CpuRig().protect(), 0xfee00123n, WRITE, Tlb.user), {
    page: 0xfee00000,
  });
});

test("a write of CR3 drops pages that are not global", () => {
  const rig = paged({ pt: ALL | 0x100n }, { cr4: PGE });
  const cr3 = BigInt(Place.tables);
  const reload = (): string[] => {
    rig.setR(0, cr3);
    assert.equal(rig.execute("0f 22 d8"), Outcome.next);
    return rig.takeCalls();
  };
  rig.takeCalls();
  const high = Number(VA >> 32n);
  const low = Number(VA & 0xffffffffn);
  rig.cpu.translate(high, low, READ, Tlb.user, 4);
  assert.equal(rig.cpu.translation.global, true);
  assert.deepEqual(reload(), []);
  rig.cpu.translate(0, 0x5000, READ, Tlb.user, 4);
  assert.equal(rig.cpu.translation.global, false);
  assert.deepEqual(reload(), ["tlbs 2"]);
  rig.cpu.translate(0, 0x5678, READ, Tlb.supervisor, 4);
  assert.deepEqual(reload(), ["page 5000"]);
  for (let n = 0; n < 65; n++) rig.cpu.translate(0, n * 4096, READ, Tlb.supervisor, 4);
  assert.deepEqual(reload(), ["tlbs 5"]);
  assert.deepEqual(reload(), []);
});

test("INVLPG drops all of a large page", () => {
  const rig = new CpuRig().long();
  rig.cpu.translate(0, 0x201000, READ, Tlb.supervisor, 4);
  rig.setR(0, 0x234567n);
  rig.takeCalls();
  assert.equal(rig.execute("0f 01 38"), Outcome.next);
  const calls = rig.takeCalls();
  assert.equal(calls.length, 513);
  assert.deepEqual([calls[0], calls[1], calls[512]], ["page 234000", "page 200000", "page 3ff000"]);
});

test("accesses across pages: RAM, and both pages' faults", () => {
  const rig = paged();
  const { data } = rig.cpu.context;
  rig.entry(PT, index(0), 0x50000n | ALL);
  rig.entry(PT, index(0) + 1, 0x70000n | ALL);
  const va = Number(VA) + 4096 - 3;
  data.rights = Tlb.user;
  data.write64(va, 0x8877665544332211n);
  assert.equal(rig.memory.read32(0x50ffc), 0x33221100);
  assert.equal(rig.memory.read64(0x70000), 0x8877665544n);
  assert.equal(data.read64(va), 0x8877665544332211n);
  assert.equal(data.read32(va), 0x44332211);
  rig.entry(PT, index(0) + 1, 0n);
  assert.throws(() => data.write32(va, 0), (fault) => {
    assert.ok(fault instanceof GuestFault);
    return fault.code === 6 && fault.addressLow === Number((VA + 4096n) & 0xffffffffn);
  });
  assert.equal(rig.memory.read32(0x50ffc), 0x33221100, "nothing was written");
});

test("devices: pieces of at most four bytes; ones where there is nothing", () => {
  const rig = new CpuRig().protect();
  const seen: string[] = [];
  rig.bus.register(
    {
      name: "device",
      access: (access) => {
        seen.push(`${access.write ? "w" : "r"}${access.size}@${access.offset}=${access.value}`);
        access.value = 0x11 * access.size;
        return 0;
      },
      reset: () => {},
      shutdown: () => {},
      state: () => null,
      restore: () => {},
    },
    0xd0000000,
    0x1000,
  );
  const { data } = rig.cpu.context;
  assert.equal(data.read16(0xd0000010), 0x22);
  assert.equal(data.read64(0xd0000008), 0x44_0000_0044n);
  data.write64(0xd0000020, 0x2_0000_0001n);
  assert.deepEqual(seen, ["r2@16=0", "r4@8=0", "r4@12=0", "w4@32=1", "w4@36=2"]);
  assert.equal(data.read32(0xe0000000), 0xffffffff);
  data.write8(0xe0000000, 1);
});

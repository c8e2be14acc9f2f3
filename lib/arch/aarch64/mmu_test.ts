import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuRig, RAM, Reg, type Translated } from "./testing/cpu_rig.ts";

const READ = 0;
const WRITE = 1;
const EXECUTE = 2;
const EL0 = 0;
const EL1_PAN = 1;
const EL1 = 2;

const AF = 1n << 10n;
const NG = 1n << 11n;
const RO = 1n << 7n;
const USER = 1n << 6n;
const PXN = 1n << 53n;
const UXN = 1n << 54n;
const DEVICE = 1n << 2n;
const UPPER = 0xffff_0000_0000_0000n;

/** TCR_EL1 for 48-bit addresses in both halves; TG fields for 4 KiB. IPS 48 bits, 16-bit ASIDs. */
const TCR_4K = 16n | (16n << 16n) | (2n << 30n) | (5n << 32n) | (1n << 36n);
const T0 = RAM + 0x100000;
const T1 = RAM + 0x110000;

/** MMU on, attribute 0 Normal, attribute 1 Device; TTBR0 at T0, TTBR1 at T1. */
function on(tcr: bigint = TCR_4K, sctlr = 0n): CpuRig {
  const rig = new CpuRig();
  rig.msr(Reg.MAIR_EL1, 0x00ffn);
  rig.msr(Reg.TCR_EL1, tcr);
  rig.msr(Reg.TTBR0_EL1, BigInt(T0));
  rig.msr(Reg.TTBR1_EL1, BigInt(T1));
  rig.msr(Reg.VBAR_EL1, 0x4000_0000n);
  rig.msr(Reg.SCTLR_EL1, 1n | (1n << 23n) | sctlr);
  rig.takeCalls();
  return rig;
}

/** Tables of `levels` descriptors on the way to a leaf; returns the address of the leaf's table. */
function chain(rig: CpuRig, first: number, indexes: readonly number[], size: number): number {
  let table = first;
  indexes.forEach((index, i) => {
    const next = first + (i + 1) * Math.max(size, 4096);
    rig.descriptor(table, index, BigInt(next) | 3n);
    table = next;
  });
  return table;
}

function page(result: Translated): number {
  assert.ok("page" in result, `fault ${"esr" in result ? result.esr.toString(16) : ""}`);
  return result.page;
}

function dfsc(result: Translated): number {
  assert.ok("esr" in result, "translated");
  return result.esr & 0x3f;
}

test("4 KiB pages, 2 MiB and 1 GiB blocks in both halves", () => {
  const rig = on();
  const l2 = chain(rig, T0, [0, 1], 4096);
  rig.descriptor(T0 + 4096, 2, 0x4000_0000n | AF | 1n);
  rig.descriptor(l2, 3, 0x4020_0000n | AF | 1n);
  const l3 = l2 + 4096;
  rig.descriptor(l2, 4, BigInt(l3) | 3n);
  rig.descriptor(l3, 5, 0x4012_3000n | AF | 3n);
  assert.equal(page(rig.translate(0x4080_5678n, READ, EL1)), 0x4012_3000);
  assert.equal(page(rig.translate(0x4061_2345n, READ, EL1)), 0x4021_2000);
  assert.equal(page(rig.translate(0x8abc_def0n, READ, EL1)), 0x4abc_d000);
  const upper = chain(rig, T1, [511, 511, 511], 4096);
  rig.descriptor(upper, 511, 0x4013_4000n | AF | 3n);
  assert.equal(page(rig.translate(0xffff_ffff_ffff_f000n, READ, EL1)), 0x4013_4000);
});

test("16 KiB granule: page and 32 MiB block", () => {
  // TG0 = 2, TG1 = 1; T0SZ = 17: 47 bits, so the walk starts at level 1.
  const rig = on(17n | (2n << 14n) | (16n << 16n) | (1n << 30n) | (5n << 32n));
  const l2 = chain(rig, T0, [1], 16384);
  rig.descriptor(l2, 2, 0x4000_0000n | AF | 1n);
  const l3 = l2 + 16384;
  rig.descriptor(l2, 3, BigInt(l3) | 3n);
  rig.descriptor(l3, 7, 0x4001_c000n | AF | 3n);
  const base = 1n << 36n;
  assert.equal(page(rig.translate(base + (2n << 25n) + 0x123_4567n, READ, EL1)), 0x4123_4000);
  assert.equal(
    page(rig.translate(base + (3n << 25n) + (7n << 14n) + 0x3f00n, READ, EL1)),
    0x4001_f000,
  );
  assert.equal(dfsc(rig.translate(base + (4n << 25n), READ, EL1)), 0x06);
  // T1SZ = 16: 48 bits begin at level 0 with two entries.
  const u2 = chain(rig, T1, [1, 2047], 16384);
  rig.descriptor(u2, 2047, 0x4200_0000n | AF | 1n);
  assert.equal(page(rig.translate(0xffff_ffff_ffff_c000n, READ, EL1)), 0x43ff_c000);
});

test("64 KiB granule: page and 512 MiB block", () => {
  // TG0 = 1, TG1 = 3; 42 bits of lower addresses begin at level 2, 48 of upper ones at level 1.
  const rig = on(22n | (1n << 14n) | (16n << 16n) | (3n << 30n) | (5n << 32n));
  rig.descriptor(T0, 1, 0x4000_0000n | AF | 1n);
  const l3 = T0 + 0x20000;
  rig.descriptor(T0, 8191, BigInt(l3) | 3n);
  rig.descriptor(l3, 1, 0x4003_0000n | AF | 3n);
  assert.equal(page(rig.translate(0x2123_4567n, READ, EL1)), 0x4123_4000);
  assert.equal(page(rig.translate((8191n << 29n) + 0x1_ff00n, READ, EL1)), 0x4003_f000);
  const u2 = RAM + 0x200000;
  rig.descriptor(T1, 63, BigInt(u2) | 3n);
  rig.descriptor(u2, 8191, 0x6000_0000n | AF | 1n);
  assert.equal(page(rig.translate(0xffff_ffff_ffff_1000n, READ, EL1)), 0x7fff_1000);
});

test("39-bit addresses begin at level 1, 25-bit ones at level 2 or 3", () => {
  const rig = on(25n | (39n << 16n) | (2n << 30n) | (5n << 32n));
  rig.descriptor(T0, 511, 0x4000_0000n | AF | 1n);
  assert.equal(page(rig.translate(0x7f_ffff_f000n, READ, EL1)), 0x7fff_f000);
  assert.equal(dfsc(rig.translate(0x80_0000_0000n, READ, EL1)), 0x04);
  rig.descriptor(T1, 15, 0x4020_0000n | AF | 1n);
  assert.equal(page(rig.translate(0xffff_ffff_ffff_f000n, READ, EL1)), 0x403f_f000);
  assert.equal(dfsc(rig.translate(0xffff_ffff_fdff_f000n, READ, EL1)), 0x04);
});

test("translation faults name the level", () => {
  const rig = on();
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x04);
  rig.descriptor(T0, 0, BigInt(T0 + 4096) | 3n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x05);
  rig.descriptor(T0 + 4096, 0, BigInt(T0 + 8192) | 3n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x06);
  rig.descriptor(T0 + 8192, 0, BigInt(T0 + 12288) | 3n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x07);
  // A block descriptor at level 3 and at level 0 is not valid.
  rig.descriptor(T0 + 12288, 0, 0x4000_0000n | AF | 1n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x07);
  rig.descriptor(T0, 0, 0x4000_0000n | AF | 1n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x04);
});

test("addresses between the halves and switched-off halves fault at level 0", () => {
  const rig = on();
  assert.equal(dfsc(rig.translate(0x0001_0000_0000_0000n, READ, EL1)), 0x04);
  assert.equal(dfsc(rig.translate(0xfffe_0000_0000_0000n, READ, EL1)), 0x04);
  rig.descriptor(T0, 0, BigInt(T0 + 4096) | 3n);
  rig.descriptor(T0 + 4096, 0, 0x4000_0000n | AF | 1n);
  page(rig.translate(0n, READ, EL1));
  rig.msr(Reg.TCR_EL1, TCR_4K | (1n << 7n));
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x04);
});

test("the access flag must be set", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x4000_0000n | 3n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x0b);
  rig.descriptor(T0 + 4096, 1, 0x4000_0000n | 1n);
  assert.equal(dfsc(rig.translate(0x4000_0000n, READ, EL1)), 0x09);
});

test("output addresses beyond TCR_EL1.IPS are address size faults", () => {
  // IPS = 0: 32 bits.
  const rig = on(TCR_4K & ~(7n << 32n));
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x1_0000_0000n | AF | 3n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x03);
  rig.descriptor(T0 + 4096, 1, 0x1_0000_0000n | 3n);
  assert.equal(dfsc(rig.translate(0x4000_0000n, READ, EL1)), 0x01);
  rig.msr(Reg.TTBR0_EL1, 0x1_0000_0000n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x00);
});

test("tables outside RAM are external aborts on the walk", () => {
  const rig = on();
  rig.descriptor(T0, 0, 0x1000n | 3n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x15);
  rig.msr(Reg.TTBR0_EL1, 0x1000n);
  assert.equal(dfsc(rig.translate(0n, READ, EL1)), 0x14);
});

test("access permissions of all AP, PXN and UXN values", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  const ok = (attributes: bigint, access: 0 | 1 | 2, tlb: number): boolean => {
    rig.descriptor(l3, 1, 0x4000_0000n | AF | 3n | attributes);
    const result = rig.translate(0x1000n, access, tlb);
    if ("esr" in result) assert.equal(result.esr & 0x3f, 0x0f);
    return "page" in result;
  };
  const row = (attributes: bigint): string =>
    [EL0, EL1_PAN, EL1].map((tlb) =>
      [READ, WRITE, EXECUTE].map((access) =>
        ok(attributes, access as 0 | 1 | 2, tlb) ? "rwx"[access] : "-"
      ).join("")
    ).join(" ");
  // EL0, EL1 with PAN, EL1
  assert.equal(row(0n), "--x rwx rwx");
  assert.equal(row(USER), "rwx --- rw-");
  assert.equal(row(RO), "--x r-x r-x");
  assert.equal(row(RO | USER), "r-x --x r-x");
  assert.equal(row(UXN), "--- rwx rwx");
  assert.equal(row(PXN), "--x rw- rw-");
  assert.equal(row(RO | USER | PXN | UXN), "r-- --- r--");
  rig.msr(Reg.SCTLR_EL1, 1n | (1n << 19n));
  assert.equal(row(0n), "--x rw- rw-", "WXN");
  assert.equal(row(USER), "rw- --- rw-", "WXN");
  assert.equal(row(RO | USER), "r-x --x r-x", "WXN");
});

test("tables limit the rights of what lies below", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x4000_0000n | AF | USER | 3n);
  const limit = (bits: bigint): void => rig.descriptor(T0, 0, BigInt(T0 + 4096) | 3n | bits);
  limit(1n << 61n); // APTable[0]: no EL0
  assert.equal(dfsc(rig.translate(0n, READ, EL0)), 0x0f);
  page(rig.translate(0n, WRITE, EL1_PAN));
  limit(1n << 62n); // APTable[1]: read-only
  page(rig.translate(0n, READ, EL0));
  assert.equal(dfsc(rig.translate(0n, WRITE, EL1)), 0x0f);
  page(rig.translate(0n, EXECUTE, EL1));
  limit((1n << 62n) | (1n << 59n)); // PXNTable
  assert.equal(dfsc(rig.translate(0n, EXECUTE, EL1)), 0x0f);
  page(rig.translate(0n, EXECUTE, EL0));
  limit(1n << 60n); // UXNTable
  assert.equal(dfsc(rig.translate(0n, EXECUTE, EL0)), 0x0f);
});

test("readable and writable tell what the TLB may keep", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x4000_0000n | AF | RO | 3n);
  assert.deepEqual(rig.translate(0n, READ, EL1), {
    page: 0x4000_0000,
    readable: true,
    writable: false,
    uncached: false,
    global: true,
    watched: false,
    strictAlignment: false,
  });
});

test("device memory is strict, RAM or not; normal memory outside RAM is only uncached", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x4000_0000n | AF | DEVICE | 3n);
  rig.descriptor(l3, 1, 0x0900_0000n | AF | DEVICE | 3n);
  rig.descriptor(l3, 2, 0x0900_0000n | AF | 3n);
  for (const [va, strict] of [[0n, true], [0x1000n, true], [0x2000n, false]] as const) {
    const result = rig.translate(va, READ, EL1);
    assert.ok("page" in result);
    assert.equal(result.uncached, true);
    assert.equal(result.strictAlignment, strict);
  }
});

test("SCTLR_EL1.A makes all data accesses strict", () => {
  const rig = on(TCR_4K, 2n);
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x4000_0000n | AF | 3n);
  const data = rig.translate(0n, READ, EL1);
  assert.ok("page" in data && data.strictAlignment && data.uncached);
});

test("with the MMU off addresses are physical and 48 bits wide", () => {
  const rig = new CpuRig();
  assert.equal(page(rig.translate(0x4000_1234n, WRITE, EL1)), 0x4000_1000);
  assert.equal(page(rig.translate(0x4000_1234n, READ, EL0)), 0x4000_1000);
  assert.equal(page(rig.translate(0xffff_0900_0000n, EXECUTE, EL1)), 0xffff_0900_0000);
  assert.equal(dfsc(rig.translate(0x1_0000_0000_0000n, READ, EL1)), 0x00);
  const device = rig.translate(0x0900_0000n, READ, EL1);
  assert.ok("page" in device && device.strictAlignment && device.uncached);
  const strict = new CpuRig({ strictWhenOff: true }).translate(0x4000_0000n, READ, EL1);
  assert.ok("page" in strict && strict.strictAlignment && strict.uncached);
});

test("the top byte is ignored where TCR_EL1.TBI says so", () => {
  const rig = on(TCR_4K | (1n << 37n));
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 0, 0x4000_0000n | AF | USER | 3n);
  assert.equal(page(rig.translate(0xab00_0000_0000_0000n, READ, EL1)), 0x4000_0000);
  // Not for the upper half.
  const upper = chain(rig, T1, [0, 0, 0], 4096);
  rig.descriptor(upper, 0, 0x4000_0000n | AF | 3n);
  page(rig.translate(UPPER, READ, EL1));
  assert.equal(dfsc(rig.translate(UPPER & ~(0xffn << 56n) | (1n << 55n), READ, EL1)), 0x04);
  // A tagged pc loses its tag before anything is fetched.
  rig.enter(0n, 0x1000n);
  rig.pc = 0xab00_0000_0000_0010n;
  assert.equal(rig.cpu.translate(0xab000000, 0x10, 2, EL0, 4), false);
  assert.equal(rig.pc, 0x10n);
});

test("ESR_EL1 and FAR_EL1 of aborts", () => {
  const rig = on();
  const va = 0x1234_5678n;
  rig.translate(va, READ, EL1);
  assert.equal(rig.get("ESR_EL1"), 0x9600_0004n);
  assert.equal(rig.get("FAR_EL1"), va);
  rig.translate(va, WRITE, EL1);
  assert.equal(rig.get("ESR_EL1"), 0x9600_0044n);
  rig.translate(va, EXECUTE, EL1);
  assert.equal(rig.get("ESR_EL1"), 0x8600_0004n);
  rig.enter(0n, 0x1000n);
  rig.translate(va, WRITE, EL0);
  assert.equal(rig.get("ESR_EL1"), 0x9200_0044n);
  rig.enter(0n, 0x1000n);
  rig.translate(va, EXECUTE, EL0);
  assert.equal(rig.get("ESR_EL1"), 0x8200_0004n);
  rig.cpu.alignmentFault(0, 0x1001, WRITE);
  assert.equal(rig.get("ESR_EL1"), 0x9600_0061n);
  rig.cpu.busError(0, 0x1000, READ, false);
  assert.equal(rig.get("ESR_EL1"), 0x9600_0010n);
  rig.cpu.busError(0, 0x1000, EXECUTE, true);
  assert.equal(rig.get("ESR_EL1"), 0x8600_0010n);
});

test("AT leaves the address or the fault in PAR_EL1", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 1, 0x4012_3000n | AF | RO | (3n << 8n) | 3n);
  const par = (op2: number, va: bigint): bigint => {
    assert.equal(rig.sys([0, 7, 8, op2], va), 0);
    return rig.get("PAR_EL1");
  };
  assert.equal(par(0, 0x1678n), 0xff00_0000_4012_3b80n);
  assert.equal(par(1, 0x1678n), 0x81fn, "S1E1W: permission fault, level 3");
  assert.equal(par(2, 0x1678n), 0x81fn, "S1E0R");
  assert.equal(par(0, 0x2000n), 0x80fn, "translation fault, level 3");
  rig.descriptor(l3, 1, 0x4012_3000n | AF | USER | DEVICE | 3n);
  assert.equal(par(3, 0x1000n), 0x4012_3b00n, "S1E0W of device memory");
});

test("TLBI drops pages, whole blocks, ASIDs or everything", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 1, 0x4012_3000n | AF | NG | 3n);
  rig.translate(0x1000n, READ, EL1);
  rig.takeCalls();
  // VAE1 of a page; the operand holds VA[55:12].
  rig.sys([0, 8, 7, 1], 1n);
  assert.deepEqual(rig.takeCalls(), ["page 1000"]);
  rig.sys([0, 8, 3, 3], 0xfff_ffff_ffffn);
  assert.deepEqual(rig.takeCalls(), ["page fffffffffffff000"]);
  // ASIDE1: only the current ASID, and only TLBs that hold some of it.
  rig.sys([0, 8, 7, 2], 7n << 48n);
  assert.deepEqual(rig.takeCalls(), []);
  rig.sys([0, 8, 7, 2], 0n);
  assert.deepEqual(rig.takeCalls(), ["tlbs 4"]);
  rig.sys([0, 8, 7, 2], 0n);
  assert.deepEqual(rig.takeCalls(), []);
  rig.sys([0, 8, 7, 0], 0n);
  assert.deepEqual(rig.takeCalls(), ["all"]);
  // One TLBI within a block drops all of it.
  rig.descriptor(T0 + 4096, 1, 0x4000_0000n | AF | 1n);
  rig.descriptor(T0 + 8192, 1, 0x4000_0000n | AF | 1n);
  rig.translate(0x20_0000n, READ, EL1);
  rig.sys([0, 8, 7, 1], 0x2ffn);
  const pages = new Set(rig.takeCalls());
  assert.equal(pages.size, 512);
  assert.ok(pages.has("page 200000") && pages.has("page 3ff000"));
  rig.translate(0x4000_0000n, READ, EL1);
  rig.sys([0, 8, 7, 1], 0x4_1234n);
  assert.deepEqual(rig.takeCalls(), ["page 41234000", "all"]);
});

test("a change of ASID drops what is not global, a change of table base alone nothing", () => {
  const rig = on();
  const l3 = chain(rig, T0, [0, 0, 0], 4096);
  rig.descriptor(l3, 1, 0x4012_3000n | AF | NG | USER | 3n);
  rig.descriptor(l3, 2, 0x4012_3000n | AF | 3n);
  rig.translate(0x1000n, READ, EL0);
  assert.equal(rig.cpu.translation.global, false);
  rig.translate(0x2000n, READ, EL1);
  assert.equal(rig.cpu.translation.global, true);
  rig.takeCalls();
  rig.msr(Reg.TTBR0_EL1, BigInt(T1));
  assert.deepEqual(rig.takeCalls(), []);
  rig.msr(Reg.TTBR0_EL1, BigInt(T0) | (5n << 48n));
  assert.deepEqual(rig.takeCalls(), ["tlbs 1"]);
  rig.msr(Reg.TTBR0_EL1, BigInt(T0) | (6n << 48n));
  assert.deepEqual(rig.takeCalls(), []);
  // With TCR_EL1.A1 the ASID is that of TTBR1_EL1.
  rig.msr(Reg.TCR_EL1, TCR_4K | (1n << 22n));
  rig.translate(0x1000n, READ, EL0);
  rig.takeCalls();
  rig.msr(Reg.TTBR0_EL1, BigInt(T0) | (7n << 48n));
  assert.deepEqual(rig.takeCalls(), []);
  rig.msr(Reg.TTBR1_EL1, BigInt(T1) | (7n << 48n));
  assert.deepEqual(rig.takeCalls(), ["tlbs 1"]);
});

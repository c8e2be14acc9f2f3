import assert from "node:assert/strict";
import { test } from "node:test";
import { Outcome } from "../../engine/arch.ts";
import { InstructionTable } from "../../engine/table.ts";
import { systemRegister, type SystemRegisters } from "../../devices/vbus/device.ts";
import { enabled } from "./mode.ts";
import { systemInstructionRows } from "./system_instructions.ts";
import { systemOperations } from "./system_operations.ts";
import { findSystemRegister, systemRegisters } from "./system_registers.ts";
import { CpuRig, Reg } from "./testing/cpu_rig.ts";

const UNDEFINED = 0x0200_0000n;
const ALL = 0xffff_ffff_ffff_ffffn;

const mrs = (id: number): number => (0xd5200000 | (id << 5)) >>> 0;
const msr = (id: number): number => (0xd5000000 | (id << 5)) >>> 0;
const read = (rig: CpuRig, id: number): number => rig.cpu.execute("mrs", mrs(id));

test("no encoding and no name is used twice", () => {
  assert.equal(new Set(systemRegisters.map((r) => r.id)).size, systemRegisters.length);
  assert.equal(new Set(systemRegisters.map((r) => r.name)).size, systemRegisters.length);
});

test("every register of EL1 can be read and written at EL1 as its rights say", () => {
  for (const register of systemRegisters) {
    const rig = new CpuRig();
    rig.msr(Reg.CPACR_EL1, 3n << 20n);
    const reading = read(rig, register.id);
    assert.equal(
      reading,
      register.el1.includes("r") ? Outcome.next : Outcome.jumped,
      register.name,
    );
    const writing = rig.cpu.execute("msr", msr(register.id));
    assert.equal(
      writing,
      register.el1.includes("w") ? Outcome.next : Outcome.jumped,
      register.name,
    );
  }
});

test("at EL0 everything that is not granted is UNDEFINED", () => {
  for (const register of systemRegisters) {
    if (register.el0 !== "") continue;
    const rig = new CpuRig();
    rig.enter(0n, 0x4000_0000n);
    assert.equal(read(rig, register.id), Outcome.jumped, register.name);
    assert.equal(rig.get("ESR_EL1"), UNDEFINED, register.name);
  }
});

test("RES0 and RES1 bits stay as they are", () => {
  for (const register of systemRegisters) {
    if (register.field === undefined || !register.el1.includes("w")) continue;
    const rig = new CpuRig();
    const check = (value: bigint): void => {
      rig.setX(0, value);
      rig.cpu.execute("msr", msr(register.id));
      const after = rig.view.get64(register.field!, register.element);
      assert.equal(
        after,
        (value & register.mask) | (register.reset & ~register.mask),
        register.name,
      );
    };
    check(ALL);
    check(0n);
  }
  assert.equal(findSystemRegister(systemRegister(3, 0, 1, 0, 0))?.reset, 0x30d5_0998n);
});

test("identification: known features, the rest of the space reads as zero", () => {
  const rig = new CpuRig({ gicV3: true });
  assert.equal(rig.mrs([3, 0, 0, 0, 0]), 0x410fd034n);
  assert.equal(rig.mrs([3, 0, 0, 0, 5]), 0x8000_0000n);
  assert.equal(rig.mrs([3, 0, 0, 4, 0]), 0x1100_0000_0100_0011n);
  assert.equal(new CpuRig().mrs([3, 0, 0, 4, 0]), 0x1100_0000_0000_0011n);
  assert.equal(rig.mrs([3, 0, 0, 6, 0]), 0x1021_1120n);
  assert.equal(rig.mrs([3, 0, 0, 7, 2]), 0n);
  assert.equal(rig.mrs([3, 0, 0, 1, 0]), 0n);
  // CRm = 0 has no such promise.
  assert.equal(rig.mrs([3, 0, 0, 0, 1]), undefined);
  assert.equal(rig.get("ESR_EL1"), UNDEFINED);
});

test("CCSIDR_EL1 shows the cache that CSSELR_EL1 selects", () => {
  const rig = new CpuRig();
  for (
    const [selector, value] of [[0n, 0x700fe01an], [1n, 0x201fe00an], [2n, 0x707fe07an], [3n, 0n]]
  ) {
    rig.msr([3, 2, 0, 0, 0], selector);
    assert.equal(rig.mrs([3, 1, 0, 0, 0]), value);
  }
});

test("SP_EL0 cannot be named while it is the stack pointer", () => {
  const rig = new CpuRig();
  assert.notEqual(rig.mrs(Reg.SP_EL0), undefined);
  assert.equal(enabled("EL1h", rig.cpu.mode()), true);
  rig.setX(31, 0x1000n);
  rig.msr(Reg.SPSel, 0n);
  assert.equal(enabled("EL1h", rig.cpu.mode()), false);
  assert.equal(
    rig.cpu.execute("disabled:EL1h", mrs(systemRegister(...Reg.SP_EL0))),
    Outcome.jumped,
  );
  assert.equal(rig.get("ESR_EL1"), UNDEFINED);
  assert.equal(rig.x(31), 0x1000n, "the exception selects SP_EL1 again");
});

test("accesses that SCTLR_EL1 withholds from EL0 are trapped with the instruction in ISS", () => {
  const rig = new CpuRig();
  rig.msr(Reg.SCTLR_EL1, 0n);
  const trapped = (handler: string, word: number): bigint => {
    rig.enter(0n, 0x4000_0000n);
    assert.equal(rig.cpu.execute(handler, word), Outcome.jumped);
    return rig.get("ESR_EL1");
  };
  // mrs x5, ctr_el0: op0 3, op2 1, op1 3, CRn 0, Rt 5, CRm 0, read
  assert.equal(trapped("disabled:UCT", 0xd53b0025), 0x6232_c0a1n);
  // msr daifset, #2: op0 0, op2 6, op1 3, CRn 4, Rt 31, CRm 2, write
  assert.equal(trapped("disabled:EL1", 0xd50342df), 0x620c_d3e4n);
  // mrs x0, daif
  assert.equal(trapped("disabled:EL1", 0xd53b4220), 0x6232_d005n);
  // dc zva, x1
  assert.equal(trapped("disabled:DZE", 0xd50b7421), 0x6212_dc28n);
  // dc cvau, x2; ic ivau, x2
  assert.equal(trapped("sys", 0xd50b7b22), 0x6212_dc56n);
  assert.equal(trapped("sys", 0xd50b7522), 0x6212_dc4an);
  // What EL0 has no right to at all is UNDEFINED: mrs x0, sp_el0; dc ivac; tlbi vmalle1
  assert.equal(trapped("disabled:EL1h", 0xd5384100), UNDEFINED);
  assert.equal(trapped("sys", 0xd5087620), UNDEFINED);
  assert.equal(trapped("sys", 0xd508871f), UNDEFINED);
});

test("what SCTLR_EL1 grants EL0", () => {
  const rig = new CpuRig();
  rig.msr(Reg.SCTLR_EL1, (1n << 9n) | (1n << 14n) | (1n << 15n) | (1n << 26n));
  rig.enter(0n, 0x4000_0000n);
  for (const feature of ["UCT", "DZE"]) assert.equal(enabled(feature, rig.cpu.mode()), true);
  assert.equal(rig.cpu.execute("disabled:EL1", 0xd50342df), Outcome.next);
  assert.equal(rig.mrs(Reg.DAIF), 2n << 6n);
  assert.equal(rig.cpu.execute("disabled:EL1", 0xd50342ff), Outcome.next);
  assert.equal(rig.mrs(Reg.DAIF), 0n);
  rig.setX(2, 0x4000_0040n);
  assert.equal(rig.cpu.execute("sys", 0xd50b7522), Outcome.next);
  assert.deepEqual(rig.takeCalls().filter((c) => c.startsWith("code")), ["code 40000040 64"]);
  assert.equal(rig.mrs(Reg.DCZID_EL0), 4n);
  // Without DZE the register itself says that DC ZVA is prohibited.
  const without = new CpuRig();
  without.msr(Reg.SCTLR_EL1, 0n);
  without.enter(0n, 0x4000_0000n);
  assert.equal(without.mrs(Reg.DCZID_EL0), 0x14n);
});

test("cache maintenance of an unmapped address is a data abort with CM and WnR", () => {
  const rig = new CpuRig();
  rig.msr(Reg.SCTLR_EL1, 1n);
  rig.setX(2, 0x1234n);
  assert.equal(rig.cpu.execute("sys", 0xd50b7b22), Outcome.jumped);
  assert.equal(rig.get("ESR_EL1"), 0x9600_0154n, "the first table is outside RAM");
  assert.equal(rig.get("FAR_EL1"), 0x1234n);
});

test("thread registers: TPIDRRO_EL0 is read-only at EL0", () => {
  const rig = new CpuRig();
  rig.msr(Reg.TPIDRRO_EL0, 5n);
  rig.enter(0n, 0x4000_0000n);
  assert.equal(rig.mrs(Reg.TPIDRRO_EL0), 5n);
  assert.equal(rig.msr(Reg.TPIDR_EL0, 7n), Outcome.next);
  assert.equal(rig.mrs(Reg.TPIDR_EL0), 7n);
  assert.equal(rig.msr(Reg.TPIDRRO_EL0, 6n), Outcome.jumped);
});

test("FPCR and FPSR keep their implemented bits and derive the fast path", () => {
  const rig = new CpuRig();
  rig.msr(Reg.CPACR_EL1, 3n << 20n);
  rig.msr(Reg.FPCR, ALL);
  assert.equal(rig.mrs(Reg.FPCR), 0x07c0_0000n);
  rig.msr(Reg.FPSR, ALL);
  assert.equal(rig.mrs(Reg.FPSR), 0x0800_009fn);
  assert.equal(rig.get("fpFast"), 0n);
  rig.msr(Reg.FPCR, 0n);
  assert.notEqual(rig.get("fpFast"), 0n);
});

test("registers of devices: asked in order, never from EL0 unless op1 is 3", () => {
  const asked: number[] = [];
  const pmr = systemRegister(3, 0, 4, 6, 0);
  const vct = systemRegister(3, 3, 14, 0, 2);
  let denied = false;
  const device: SystemRegisters = {
    readRegister: (_vcpu, id) => {
      asked.push(id);
      if (id === vct) return denied ? undefined : 99n;
      return id === pmr ? 0xf0n : undefined;
    },
    writeRegister: (_vcpu, id, value) => id === pmr && value === 0x80n,
  };
  const nobody: SystemRegisters = { readRegister: () => undefined, writeRegister: () => false };
  const rig = new CpuRig({ registers: [nobody, device] });
  assert.equal(rig.mrs([3, 0, 4, 6, 0]), 0xf0n);
  assert.equal(rig.msr([3, 0, 4, 6, 0], 0x80n), Outcome.next);
  assert.equal(rig.msr([3, 0, 4, 6, 1], 0x80n), Outcome.jumped);
  assert.equal(rig.get("ESR_EL1"), UNDEFINED);
  rig.enter(0n, 0x4000_0000n);
  assert.equal(rig.mrs(Reg.CNTVCT_EL0), 99n);
  asked.length = 0;
  assert.equal(rig.mrs([3, 0, 4, 6, 0]), undefined);
  assert.equal(rig.get("ESR_EL1"), UNDEFINED);
  assert.deepEqual(asked, []);
  // A timer register that CNTKCTL_EL1 withholds is trapped: mrs x0, cntvct_el0.
  denied = true;
  rig.enter(0n, 0x4000_0000n);
  assert.equal(rig.mrs(Reg.CNTVCT_EL0), undefined);
  assert.equal(rig.get("ESR_EL1"), 0x6234_f801n);
});

test("MRS to and MSR from register 31 mean nothing and zero", () => {
  const rig = new CpuRig();
  rig.setX(31, 0x5000n);
  assert.equal(rig.cpu.execute("msr", msr(systemRegister(...Reg.TPIDR_EL0)) | 31), Outcome.next);
  assert.equal(rig.get("TPIDR_EL0"), 0n);
  assert.equal(rig.cpu.execute("mrs", mrs(0xc000) | 31), Outcome.next);
  assert.equal(rig.x(31), 0x5000n);
});

test("system instruction rows do not overlap and cover the space that they name", () => {
  const table = new InstructionTable(systemInstructionRows);
  // All of 1101010100..., except what is CLREX.
  for (let bits = 0; bits < 1 << 22; bits += 31) {
    const word = (0xd5000000 | bits) >>> 0;
    assert.ok(table.matches(word).length <= 1, word.toString(16));
  }
  for (const register of systemRegisters) {
    assert.equal(table.matches(mrs(register.id)).length, 1, register.name);
    assert.equal(table.matches(msr(register.id)).length, 1, register.name);
  }
  for (const id of systemOperations.keys()) assert.equal(table.matches(msr(id)).length, 1);
});

test("sample words decode to their rows", () => {
  const table = new InstructionTable(systemInstructionRows);
  const samples: readonly (readonly [number, string | undefined])[] = [
    [0xd503201f, "HINT"],
    [0xd503203f, "HINT"],
    [0xd503205f, "WFE"],
    [0xd503207f, "WFI"],
    [0xd503209f, "SEV"],
    [0xd50320bf, "SEVL"],
    [0xd503229f, "HINT"],
    [0xd5033bbf, "DMB"],
    [0xd5033f9f, "DSB"],
    [0xd5033fdf, "ISB"],
    [0xd5033f5f, undefined], // CLREX is another table's
    [0xd50330ff, undefined], // SB
    [0xd50342df, "MSR (DAIFSet)"],
    [0xd50342ff, "MSR (DAIFClr)"],
    [0xd500419f, "MSR (PAN)"],
    [0xd50041bf, "MSR (SPSel)"],
    [0xd500417f, undefined], // UAO
    [0xd5384100, "MRS (SP_EL0)"],
    [0xd51b4200, "MSR (NZCV)"],
    [0xd5380000, "MRS"],
    [0xd5181000, "MSR (register)"],
    [0xd50b7420, "DC ZVA"],
    [0xd50b7b20, "SYS"],
    [0xd5280000, "SYSL"],
    [0xd4000001, "SVC"],
    [0xd4000002, "HVC"],
    [0xd4000003, "SMC"],
    [0xd4200000, "BRK"],
    [0xd4400000, undefined], // HLT
    [0xd4a00001, undefined], // DCPS1
    [0xd69f03e0, "ERET"],
    [0xd6bf03e0, undefined], // DRPS
  ];
  for (const [word, name] of samples) {
    assert.equal(table.decodeWord(word)?.handler.instruction.name, name, word.toString(16));
  }
});

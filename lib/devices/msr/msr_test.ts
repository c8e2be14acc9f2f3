import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRegister, type SystemRegisters } from "../vbus/device.ts";
import { RegisterBank, type RegisterRow } from "./register_bank.ts";
import { RegisterBus, registerRange, type RegisterTrace } from "./register_bus.ts";

const nothing: SystemRegisters = { readRegister: () => undefined, writeRegister: () => false };

/** A table as that of an x86 processor would be. */
const MSRS: readonly RegisterRow[] = [
  { name: "IA32_FEATURE_CONTROL", id: 0x3a, rights: "r", reset: 1n, mask: 0n },
  { name: "IA32_PRED_CMD", id: 0x49, rights: "w" },
  { name: "MSR_UNCORE", id: 0xe01, mask: 0n },
  { name: "IA32_MTRR_DEF_TYPE", id: 0x2ff, mask: 0xcffn, reserved: "refuse" },
  { name: "IA32_EFER", id: 0xc0000080, mask: 0xd01n, reset: 0x400n },
];

test("the numbers of system registers are unique over the whole encoding space", () => {
  const seen = new Set<number>();
  for (let op0 = 0; op0 < 4; op0++) {
    for (let op1 = 0; op1 < 8; op1++) {
      for (let crn = 0; crn < 16; crn++) {
        for (let crm = 0; crm < 16; crm++) {
          for (let op2 = 0; op2 < 8; op2++) seen.add(systemRegister(op0, op1, crn, crm, op2));
        }
      }
    }
  }
  assert.equal(seen.size, 65536);
});

test("a register belongs to one device: duplicates are refused as a whole", () => {
  const bus = new RegisterBus();
  assert.ok(bus.register("a", nothing, [1, 2]));
  assert.equal(bus.register("b", nothing, [3, 2]), false);
  assert.equal(bus.has(3), false, "nothing of a refused claim stays");
  for (const ids of [[4, 4], [-1], [0.5], [2 ** 32], [], registerRange(0, 0xffff)]) {
    assert.equal(bus.register("b", nothing, ids), false);
  }
  assert.ok(bus.register("b", nothing, [0xffffffff]));
  assert.ok(bus.unregister(nothing));
  assert.equal(bus.unregister(nothing), false);
  assert.ok(bus.register("c", nothing, [1, 2]));
  assert.throws(() => new RegisterBank("x", [MSRS[0], MSRS[0]], 1), RangeError);
});

test("ranges of numbers", () => {
  assert.deepEqual(registerRange(0x10, 5).sort((a, b) => a - b), [0x10, 0x11, 0x14, 0x15]);
  assert.deepEqual(registerRange(0x17, 0), [0x17]);
});

test("rights, masks, ignored and refused bits, reset", () => {
  const bank = new RegisterBank("msr", MSRS, 2);
  const bus = new RegisterBus();
  assert.ok(bus.register("msr", bank, bank.ids));
  assert.equal(bus.readRegister(0, 0x3a), 1n);
  assert.equal(bus.writeRegister(0, 0x3a, 0n), false, "read-only");
  assert.equal(bus.readRegister(0, 0x49), undefined, "write-only");
  assert.equal(bus.writeRegister(0, 0x49, 1n), true);
  assert.equal(bus.writeRegister(0, 0xe01, -1n), true, "writes are ignored");
  assert.equal(bus.readRegister(0, 0xe01), 0n);
  assert.equal(bus.writeRegister(0, 0x2ff, 0x1c06n), false, "a reserved bit");
  assert.equal(bus.readRegister(0, 0x2ff), 0n);
  assert.equal(bus.writeRegister(0, 0x2ff, 0xc06n), true);
  assert.equal(bus.writeRegister(1, 0xc0000080, -1n), true);
  assert.equal(bus.readRegister(1, 0xc0000080), 0xd01n);
  assert.equal(bus.readRegister(0, 0xc0000080), 0x400n, "each vCPU has its own");
  for (const [vcpu, id] of [[0, 0x3b], [2, 0x3a], [-1, 0x3a], [0, NaN]]) {
    assert.equal(bus.readRegister(vcpu, id), undefined);
    assert.equal(bus.writeRegister(vcpu, id, 0n), false);
  }
  bank.reset();
  assert.equal(bus.readRegister(1, 0xc0000080), 0x400n);
  assert.equal(bus.readRegister(0, 0x2ff), 0n);
});

test("rows may compute what is read and hear what is written", () => {
  const written: bigint[] = [];
  const bank = new RegisterBank("msr", [{
    name: "TSC",
    id: 0x10,
    mask: 0xffn,
    read: (vcpu, stored) => stored - BigInt(vcpu),
    written: (vcpu, value, before) => written.push(BigInt(vcpu), value, before),
  }], 3);
  assert.equal(bank.writeRegister(2, 0x10, 0x101n), true);
  assert.deepEqual(written, [2n, 1n, 0n]);
  assert.equal(bank.readRegister(2, 0x10), 0xffffffff_ffffffffn, "64 bits");
});

test("statistics per register while switched on; unknown ones take no memory", () => {
  const bank = new RegisterBank("msr", MSRS, 1);
  const bus = new RegisterBus();
  bus.register("msr", bank, bank.ids);
  bus.readRegister(0, 0x3a);
  bus.countAccesses(true);
  bus.readRegister(0, 0x3a);
  bus.writeRegister(0, 0x3a, 1n);
  bus.writeRegister(0, 0x2ff, 1n);
  for (let id = 0x10000; id < 0x11000; id++) bus.readRegister(0, id);
  assert.deepEqual(bus.statistics, [
    { id: 0x3a, device: "msr", reads: 1, writes: 1, refused: 1 },
    { id: 0x2ff, device: "msr", reads: 0, writes: 1, refused: 0 },
  ]);
  bus.countAccesses(false);
  assert.deepEqual(bus.statistics, []);
});

test("tracing folds runs on one register", () => {
  const bank = new RegisterBank("msr", MSRS, 1);
  const bus = new RegisterBus();
  bus.register("msr", bank, bank.ids);
  const lines: string[] = [];
  const sink = ({ device, id, write, value, refused, folded }: RegisterTrace): void => {
    lines.push(`${device} ${id.toString(16)} ${write ? "w" : "r"} ${value} ${refused} ${folded}`);
  };
  bus.trace(sink, { fold: true });
  for (const id of [0x3a, 0x3a, 0x3a, 0x2ff, 1]) bus.readRegister(0, id);
  bus.writeRegister(0, 1, 5n);
  bus.trace(undefined);
  bus.readRegister(0, 1);
  assert.deepEqual(lines, [
    "msr 3a r 1 false 0",
    "msr 3a r 1 false 2",
    "msr 2ff r 0 false 0",
    "undefined 1 r 0 true 0",
    "undefined 1 w 5 true 1",
  ]);
});

test("state and restore; what no guest could have written is refused", () => {
  const bank = new RegisterBank("msr", MSRS, 2);
  bank.writeRegister(1, 0xc0000080, 0xfffn);
  bank.writeRegister(0, 0x2ff, 6n);
  const saved = structuredClone(bank.state());
  const other = new RegisterBank("msr", MSRS, 2);
  other.restore(saved);
  assert.deepEqual(other.state(), saved);
  assert.equal(other.readRegister(1, 0xc0000080), 0xd01n);
  const changed = (key: string, value: string): unknown => {
    const copy = structuredClone(saved) as Record<string, string>[];
    copy[0][key] = value;
    return copy;
  };
  for (
    const wrong of [
      null,
      [],
      [{}, {}],
      changed("IA32_EFER", "1000"),
      changed("IA32_EFER", "x"),
      changed("IA32_FEATURE_CONTROL", "0"),
      changed("MSR_UNCORE", "11111111111111111"),
    ]
  ) {
    assert.throws(() => other.restore(wrong as never), TypeError);
    assert.deepEqual(other.state(), saved);
  }
});

/** Several vCPUs in turn, and programs that use up what the engine has of records, slots and modules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WORD_RECORDS } from "../../lib/engine/memory_map.ts";
import { CODE, DATA, FuzzProgram, Random } from "./fuzz.ts";
import { RAM, TestMachine, VECTORS } from "./machine.ts";
import { setSystemRegisters, show, startSystem } from "./runner.ts";
import { Tables } from "./tables.ts";

const RET = 0xd65f03c0;
const HVC = 0xd4000002;

// ---- vCPUs

/**
 * Code is the same for all vCPUs; at the addresses of the data each has pages of its own. All of them
 * are `bound` to the ASID, which is the same for all vCPUs, or global.
 */
function startVcpu(
  machine: TestMachine,
  vcpu: number,
  number: number,
  program: FuzzProgram,
  bound: boolean,
): void {
  const tables = new Tables(machine.engine.memory, RAM + 0x80000 + number * 0x8000);
  const pages = [VECTORS, CODE, CODE + 0x1000, CODE + 0x2000, CODE + 0x3000];
  const also = bound ? "n" : "";
  for (const page of pages) {
    tables.map({ virtual: page, physical: page, rights: `wx${also}`, size: "4K" });
  }
  for (const page of [0, 0x1000]) {
    const physical = dataOf(number) + page;
    tables.map({ virtual: DATA + page, physical, rights: `w${also}`, size: "4K" });
  }
  machine.engine.select(vcpu);
  program.load(machine);
  setSystemRegisters(machine, tables, true);
  for (let n = 0; n < 8; n++) machine.set("x", BigInt(number * 1000 + n), n);
  machine.cpus[vcpu].reload();
}

const dataOf = (number: number): number => RAM + 0x30000 + number * 0x2000;

for (const [threshold, bound] of [[0, false], [2, false], [2, true]] as const) {
  const pages = bound ? "bound to an ASID" : "global";
  test(`eight vCPUs in turn are eight vCPUs alone: threshold ${threshold}, pages ${pages}`, () => {
    const count = 8;
    const together = new TestMachine({ threshold, cpus: count });
    const alone = new TestMachine();
    for (let seed = 0; seed < 6; seed++) {
      const program = new FuzzProgram(seed + 77, { modifies: false });
      const random = new Random(seed);
      together.reset();
      for (let i = 0; i < count; i++) startVcpu(together, i, i, program, bound);
      const executed = new Array<number>(count).fill(0);
      for (let turn = 0; turn < 150; turn++) {
        const vcpu = random.below(count);
        const slice = 1 + random.below(60);
        executed[vcpu] += together.run({ vcpu, slice, limit: slice }).executed;
      }
      for (let i = 0; i < count; i++) {
        alone.reset();
        startVcpu(alone, 0, i, program, bound);
        alone.cpus[0].stepping = true;
        alone.run({ slice: executed[i], limit: executed[i] });
        together.engine.select(i);
        const wanted = alone.snapshot();
        for (const [name, value] of together.snapshot()) {
          assert.equal(
            show(value),
            show(wanted.get(name) as bigint),
            `${name} of vCPU ${i}, seed ${seed}`,
          );
        }
        const data = (machine: TestMachine): Uint8Array =>
          machine.engine.memory.slice(dataOf(i), 0x2000) as Uint8Array;
        assert.deepEqual(data(together), data(alone));
      }
    }
  });
}

test("TLBI of one vCPU reaches another that has run the page's old code", () => {
  const machine = new TestMachine({ threshold: 2, cpus: 2 });
  machine.reset();
  const { engine } = machine;
  const tables = new Tables(engine.memory, RAM + 0x80000);
  tables.map({ virtual: RAM, physical: RAM, rights: "wx", size: "2M" });
  const page = { virtual: 0x200000, rights: "x", size: "4K" } as const;
  tables.map({ ...page, physical: RAM + 0x20000 });
  engine.memory.write32(RAM + 0x20000, 0x91000400); // add x0, x0, #1
  engine.memory.write32(RAM + 0x21000, 0x91019000); // add x0, x0, #100
  for (const at of [0x20004, 0x21004]) engine.memory.write32(RAM + at, RET);
  // vCPU 1: loop: blr x1; b loop. vCPU 0: tlbi vaae1is, x2; hvc
  engine.memory.write32(CODE, 0xd63f0020);
  engine.memory.write32(CODE + 4, 0x17ffffff);
  engine.memory.write32(CODE + 0x100, 0xd5088362);
  engine.memory.write32(CODE + 0x104, HVC);
  for (const vcpu of [0, 1]) {
    engine.select(vcpu);
    setSystemRegisters(machine, tables, true);
    machine.set("pc", BigInt(vcpu === 1 ? CODE : CODE + 0x100));
    machine.set("x", 0x200000n, 1);
    machine.set("x", 0x200n, 2);
    machine.cpus[vcpu].reload();
  }
  machine.run({ vcpu: 1, slice: 40, limit: 400 });
  assert.equal(machine.get("x", 0), 100n);
  tables.map({ ...page, physical: RAM + 0x21000 });
  assert.equal(machine.run({ vcpu: 0, slice: 10, limit: 10 }).reason, "hvc");
  machine.run({ vcpu: 1, slice: 40, limit: 400 });
  assert.equal(machine.get("x", 0), 100n + 10000n);
});

// ---- limits

test("more code pages than there are records for", () => {
  const pages = WORD_RECORDS.pages + 500;
  const machine = new TestMachine({ threshold: 1, ramSize: (pages + 512) * 4096 });
  machine.reset();
  const { engine } = machine;
  const first = RAM + 0x100000;
  for (let i = 0; i < pages; i++) {
    engine.memory.write32(first + i * 4096, 0x91000400); // add x0, x0, #1
    engine.memory.write32(first + i * 4096 + 4, RET);
  }
  // loop: blr x1; add x1, x1, #1, lsl #12; cmp x1, x2; b.ne loop; hvc
  [0xd63f0020, 0x91400421, 0xeb02003f, 0x54ffffa1, HVC].forEach((word, i) => {
    engine.memory.write32(CODE + 4 * i, word);
  });
  for (let round = 1; round <= 2; round++) {
    machine.set("pc", BigInt(CODE));
    machine.set("x", BigInt(first), 1);
    machine.set("x", BigInt(first + pages * 4096), 2);
    const { reason, executed } = machine.run({ slice: 5000, limit: 100_000 });
    assert.equal(reason, "hvc");
    assert.equal(executed, 6 * pages + 1);
    assert.equal(machine.get("x", 0), BigInt(pages * round));
  }
  assert.ok(engine.statistics.codePages <= WORD_RECORDS.pages);
});

test("more regions than there are table slots", () => {
  const machine = new TestMachine();
  machine.reset();
  startSystem(machine);
  machine.cpus[0].reload();
  const { engine } = machine;
  const first = RAM + 0x20000;
  const count = 50 * 1024;
  const code = new Uint32Array(count).fill(RET);
  engine.memory.write(first, new Uint8Array(code.buffer));
  engine.compileAt(0, Array.from({ length: count }, (_, i) => first + 4 * i));
  assert.ok(engine.statistics.regions >= 50_000);
  // loop: blr x1; sub x1, x1, #4; subs x3, x3, #1; b.ne loop; hvc
  [0xd63f0020, 0xd1001021, 0xf1000463, 0x54ffffa1, HVC].forEach((word, i) => {
    engine.memory.write32(CODE + 4 * i, word);
  });
  machine.set("pc", BigInt(CODE));
  machine.set("x", BigInt(first + 4 * (count - 1)), 1);
  machine.set("x", 50_000n, 3);
  assert.equal(machine.run({ slice: 1e6, limit: 1e6 }).reason, "hvc");
  assert.equal(machine.get("x", 3), 0n);
});

test("a storm of code that is compiled and written over", () => {
  const machine = new TestMachine({ threshold: 1 });
  machine.reset();
  startSystem(machine);
  machine.cpus[0].reload();
  const { engine } = machine;
  const rounds = 1500;
  engine.memory.write32(RAM + 0x20004, RET);
  // loop: str w2, [x1]; blr x1; blr x1; add w2, w2, #0x400; and w2, w2, w4; subs x3, x3, #1; b.ne loop; hvc
  const words = [
    0xb9000022,
    0xd63f0020,
    0xd63f0020,
    0x11100042,
    0x0a040042,
    0xf1000463,
    0x54ffff41,
    HVC,
  ];
  words.forEach((word, i) => engine.memory.write32(CODE + 4 * i, word));
  machine.set("pc", BigInt(CODE));
  machine.set("x", BigInt(RAM + 0x20000), 1);
  machine.set("x", 0x91000000n, 2);
  machine.set("x", BigInt(rounds), 3);
  // Keeps the immediate below 1024.
  machine.set("x", 0x910fffffn, 4);
  let slices = 0;
  const { reason, executed } = machine.run({ slice: 7, limit: 1e6, onSlice: () => slices++ });
  assert.equal(reason, "hvc");
  assert.equal(executed, rounds * 11 + 1);
  assert.ok(slices > 1000);
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += 2 * (i % 1024);
  assert.equal(machine.get("x", 0), BigInt(sum));
  assert.ok(engine.statistics.invalidations >= rounds - 1);
});
